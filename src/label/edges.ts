/**
 * Which references carry what. An edge is here because the referring resource shows, is made of, or was made by what it
 * points at; a mere mention (a Provenance target, a List entry) is not: `segment` takes such references away with the
 * resource they lead to. So one sensitive Condition does not label the chart it stands in.
 */

/** What a followed reference passes on. */
export interface Edge {
  /** `all`: content and source of the target; `content`: its sensitivity only; `source`: where it comes from only. */
  readonly carries: 'all' | 'content' | 'source'
  readonly why: string
}

/** Elements (no indexes, relative to the innermost resource) that say who made or holds the record. */
const SOURCES = new Set(
  `serviceProvider performer performer.actor performer.function author custodian provider recorder requester asserter
  managingOrganization organization agent.who agent.onBehalfOf sender location location.location facility careManager
  informationSource participant.individual participant.actor careTeam.provider
  enterer supplier owner providedBy partOf healthcareService section.author attester.party item.locationReference
  issuer verifier source.observer authenticator receivingOrganization orderer resultsInterpreter`.split(
    /\s+/,
  ),
)

/** Types whose `partOf` leads up an organization; elsewhere it names the greater act. */
const ORGANIZATIONAL = new Set([
  'Organization',
  'Location',
  'HealthcareService',
  'PractitionerRole',
  'CareTeam',
])

const VISIT: Edge = { carries: 'source', why: 'made during this visit' }
const WHOLE: Edge = { carries: 'all', why: 'holds what it is made of' }
const REASON: Edge = { carries: 'content', why: 'done because of it' }

const EDGES: Readonly<Record<string, Edge>> = {
  encounter: VISIT,
  'context.encounter': VISIT,
  'item.encounter': VISIT,
  context: VISIT,
  episodeOfCare: VISIT,
  claim: { carries: 'all', why: 'answers this claim' },
  request: { carries: 'all', why: 'answers this request' },
  result: WHOLE,
  hasMember: WHOLE,
  derivedFrom: WHOLE,
  'relatesTo.target': WHOLE,
  medicationReference: { carries: 'content', why: 'names the drug' },
  reasonReference: REASON,
  indication: REASON,
  addresses: REASON,
  'diagnosis.condition': REASON,
  'diagnosis.diagnosisReference': REASON,
  'procedure.procedureReference': REASON,
  'activity.detail.reasonReference': REASON,
  'activity.reference': { carries: 'content', why: 'an activity of the plan' },
  problem: REASON,
  'finding.itemReference': REASON,
  basedOn: { carries: 'content', why: 'carries out this order' },
  authorizingPrescription: { carries: 'all', why: 'dispensed on this prescription' },
  partOf: { carries: 'content', why: 'a part of this act' },
}

/** Types that tell what the visit was for, so that the sensitivity of the visit is theirs too. */
const TELLS_VISIT = new Set([
  'DocumentReference',
  'Composition',
  'ClinicalImpression',
  'Claim',
  'ExplanationOfBenefit',
])

/** Who somebody is, not care that was given: whom such a record names as caring is a mention, taken away where it tells. */
const IDENTITIES = new Set(['Patient', 'Person', 'RelatedPerson'])

/** Whether this element names the source of the record. */
export function isSource(type: string, element: string): boolean {
  if (IDENTITIES.has(type)) return false
  if (element === 'partOf') return ORGANIZATIONAL.has(type)
  return SOURCES.has(element)
}

/** Whether this element names the visit during which something was made. */
export function isVisit(element: string): boolean {
  return EDGES[element] === VISIT
}

/** Whether this element names who works together on the record: its source only where nothing else is. */
export function isMember(type: string, element: string): boolean {
  return type === 'CareTeam' && element === 'participant.member'
}

/** What a reference in this element carries; undefined where it is a mere mention. */
export function edgeOf(type: string, element: string): Edge | undefined {
  if (element === 'partOf' && (ORGANIZATIONAL.has(type) || type === 'Encounter')) return undefined
  const edge = EDGES[element]
  return edge === VISIT && TELLS_VISIT.has(type) ? { carries: 'all', why: 'tells of this visit' } : edge
}

/**
 * Which references carry what, how surely and why. An edge is here because the referring resource shows, is made of, was
 * made by or answers what it points at. Everything else is a mention: `segment` takes such a reference away with the
 * resource it leads to, and the resource stays. So one sensitive Condition does not label the chart it stands in: no edge
 * leads from a visit to what happened there, from a patient to the record, or from a list to its entries.
 *
 * Knowingly no edges forward: List.entry.item and Provenance.target (they name, one by one, what is decided by itself),
 * CarePlan.careTeam and CareTeam.participant (who may help, not what for), supporting information of orders and claims,
 * Claim.insurance and Coverage (who pays is not what was done), Observation.specimen (one tube serves many tests) and
 * Observation.focus (whom or what it was taken of), the Account of a charge, MeasureReport.evaluatedResource. A Flag has
 * no edge but its visit.
 */

/** What a followed reference passes on. */
export interface Edge {
  /** `all`: content and source of the target; `content`: its sensitivity only; `source`: where it comes from only. */
  readonly carries: 'all' | 'content' | 'source'
  /** Factor on the confidence of what is passed on: above 0, at most 1. What falls below 0.5 is a candidate only. */
  readonly strength: number
  readonly why: string
  /**
   * `visit`: during which it was made. `reason`: tells what it is for; its cues give drugs their meaning. `order`: carries
   * it out, so that its reason is ours. `drug`: names the substance, which takes its meaning from our own cues. `part`:
   * leads from a whole to one of its parts. `document`: its text, kept as a Binary. `other`: none of these.
   */
  readonly kind: 'visit' | 'reason' | 'order' | 'drug' | 'part' | 'document' | 'other'
}

/** Elements (no indexes, relative to the innermost resource) that say who made or holds the record. */
const SOURCES = new Set(
  `serviceProvider performer performer.actor performer.onBehalfOf author custodian provider recorder
  requester asserter managingOrganization organization agent.who agent.onBehalfOf entity.agent.who
  entity.agent.onBehalfOf sender location location.location locationReference facility careManager informationSource
  participant.individual participant.actor careTeam.provider enterer supplier owner providedBy partOf healthcareService
  section.author attester.party item.locationReference issuer source.observer authenticator
  orderer prescriber resultsInterpreter interpreter referrer series.performer.actor operator
  assessor requestor payee.party collection.collector performingOrganization requestingOrganization managingEntity
  expressedBy CarePlan.contributor AppointmentResponse.actor Schedule.actor QuestionnaireResponse.source
  List.source`.split(/\s+/),
)

/** Types whose `partOf` leads up an organization; elsewhere it names the greater act. */
const ORGANIZATIONAL = new Set([
  'Organization',
  'Location',
  'HealthcareService',
  'PractitionerRole',
  'CareTeam',
])

const edge = (carries: Edge['carries'], strength: number, kind: Edge['kind'], why: string): Edge => ({
  carries,
  strength,
  kind,
  why,
})

const VISIT = edge('source', 1, 'visit', 'made during this visit')
const TELLS_VISIT = edge('all', 0.9, 'visit', 'tells of this visit')
const DOCUMENT = edge('all', 1, 'document', 'its text is kept there')

/** Element, or `Type.element` where other types mean something else by it. The narrower one counts. */
const EDGES: ReadonlyMap<string, Edge> = new Map(
  (
    [
      [VISIT, 'encounter context.encounter item.encounter context episodeOfCare Encounter.partOf'],
      [
        edge('all', 1, 'part', 'shows what it is made of'),
        'result hasMember imagingStudy media.link section.entry',
      ],
      [edge('all', 1, 'other', 'made from it'), 'derivedFrom'],
      [
        edge('all', 0.9, 'other', 'replaces, extends or transforms it'),
        'relatesTo.target relatesTo.targetReference',
      ],
      [edge('all', 1, 'other', 'answers it and repeats what it asks'), 'claim claimResponse request'],
      [edge('all', 0.9, 'other', 'bills the same care'), 'related.claim'],
      [edge('all', 1, 'order', 'dispensed or given on this order'), 'authorizingPrescription'],
      [edge('all', 1, 'order', 'gives what it orders'), 'MedicationAdministration.request'],
      [edge('content', 0.9, 'order', 'taken to do what it orders'), 'Specimen.request'],
      [
        edge('content', 0.9, 'order', 'carries out this order'),
        'basedOn prescription originalPrescription referral',
      ],
      [edge('content', 0.9, 'order', 'goes on with this order'), 'priorPrescription priorRequest replaces'],
      [edge('content', 1, 'drug', 'names the substance'), 'medicationReference ingredient.itemReference'],
      [edge('content', 1, 'drug', 'names what was supplied'), 'suppliedItem.itemReference itemReference'],
      [
        edge('content', 0.9, 'reason', 'done because of it'),
        `reasonReference addresses diagnosis.condition diagnosis.diagnosisReference
        item.diagnosis.diagnosisReference activity.detail.reasonReference statusReasonReference problem event.detail`,
      ],
      [
        edge('content', 0.9, 'other', 'concludes this'),
        'finding.itemReference prognosisReference investigation.item',
      ],
      [
        edge('content', 0.9, 'other', 'rests on it'),
        'basis evidence.detail stage.assessment RiskAssessment.condition',
      ],
      [edge('content', 0.8, 'other', 'goes on from it'), 'ClinicalImpression.previous RiskAssessment.parent'],
      [edge('content', 0.8, 'other', 'a part of this act'), 'partOf'],
      [edge('content', 0.9, 'other', 'claims or charges it'), 'procedure.procedureReference service'],
      [
        edge('content', 0.9, 'part', 'a line of it'),
        'lineItem.chargeItemReference detail.request detail.response PaymentNotice.request PaymentNotice.response',
      ],
      [
        edge('content', 0.9, 'part', 'the plan shows it'),
        `CarePlan.goal activity.reference activity.outcomeReference Goal.outcomeReference action.resource
        DocumentManifest.content`,
      ],
      [edge('content', 1, 'other', 'speaks of it'), 'about payload.contentReference implicated'],
      [edge('content', 0.9, 'other', 'answers it'), 'inResponseTo appointment'],
      [
        edge('content', 0.9, 'other', 'is about it'),
        'section.focus context.related item.answer.valueReference',
      ],
      [edge('all', 0.9, 'other', 'asks for work on it'), 'Task.focus'],
      [
        edge('content', 0.8, 'other', 'works with it'),
        'Task.input.valueReference Task.output.valueReference',
      ],
      [
        edge('content', 1, 'other', 'the harm or what did it'),
        `suspectEntity.instance resultingCondition complicationDetail reaction.detail AdverseEvent.referenceDocument
        subjectMedicalHistory`,
      ],
      [edge('content', 1, 'other', 'tells what was done'), 'Procedure.report immunizationEvent'],
      [edge('content', 0.9, 'other', 'recommended after it'), 'recommendation.supportingImmunization'],
      [edge('content', 0.9, 'other', 'a portion of it'), 'Specimen.parent'],
      [edge('content', 0.9, 'other', 'takes part in this study'), 'ResearchSubject.study'],
    ] as const
  ).flatMap(([each, elements]) => elements.split(/\s+/).map(element => [element, each] as const)),
)

/** Every element of the table, for the test that holds it against R4. */
export const ELEMENTS: readonly string[] = [...SOURCES, ...EDGES.keys()]

/** Types that tell what the visit was for, so that the sensitivity of the visit is theirs too. */
const TELLING = new Set([
  'DocumentReference',
  'Composition',
  'ClinicalImpression',
  'Claim',
  'ExplanationOfBenefit',
])

/** Who somebody is, not care that was given: whom such a record names as caring is a mention, taken away where it tells. */
export const IDENTITIES: ReadonlySet<string> = new Set(['Patient', 'Person', 'RelatedPerson'])

/** Backbones that stand in themselves: `section.section.entry`. */
const REPEATED = /\b(section|item|action)(?:\.\1)+(?=\.)/

/** Whether this element names the source of the record. */
export function isSource(type: string, element: string): boolean {
  if (IDENTITIES.has(type)) return false
  if (element === 'partOf') return ORGANIZATIONAL.has(type)
  return SOURCES.has(element) || SOURCES.has(`${type}.${element}`)
}

/** Whether this element names the visit during which something was made. */
export function isVisit(element: string): boolean {
  return EDGES.get(element)?.kind === 'visit'
}

/** Whether this element names who works together on the record: its source only where nothing else is. */
export function isMember(type: string, element: string): boolean {
  return type === 'CareTeam' && element === 'participant.member'
}

/** What a reference in this element carries; undefined where it is a mere mention. */
export function edgeOf(type: string, element: string): Edge | undefined {
  if (element === 'partOf' && ORGANIZATIONAL.has(type)) return undefined
  if (element.endsWith('.url')) return DOCUMENT
  const name = element.replace(REPEATED, '$1')
  const found = EDGES.get(`${type}.${name}`) ?? EDGES.get(name)
  return found === VISIT && TELLING.has(type) ? TELLS_VISIT : found
}

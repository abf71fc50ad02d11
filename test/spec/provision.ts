/**
 * What one R4 Consent says of one resource, as a short obvious program: no compilation, no caches, every rule read from
 * the JSON at every question. It covers well-formed Consents with UTC dates and references of the form Type/id.
 *
 * Each condition of a provision has two readings: `sure` for permits, `possible` for denies.
 */
import type { ConsentQuestion } from '../../src/model/consent.ts'
import type { Resource } from '../../src/model/fhir.ts'
import type { LabelledResource } from '../../src/model/label.ts'

export interface Tables {
  readonly purposeParents: Readonly<Record<string, readonly string[]>>
  readonly explicitPurposes: readonly string[]
  readonly labelParents: Readonly<Record<string, readonly string[]>>
  readonly policyLabels: readonly string[]
  readonly labelDenyAlso: Readonly<Record<string, readonly string[]>>
  readonly labelPermitAlso: Readonly<Record<string, readonly string[]>>
  readonly labelImplied: Readonly<Record<string, readonly string[]>>
  readonly labelMarkers: readonly string[]
  /** Label systems that the upstream uses completely. */
  readonly labelSystems?: readonly string[]
  readonly policySystems: readonly { readonly system: string; readonly below?: true }[]
}

export type SpecVerdict = 'permit' | 'deny' | 'not-covered' | 'indeterminate' | 'none'

// biome-ignore lint/suspicious/noExplicitAny: the specification reads plain JSON
type Json = any

interface Case {
  readonly question: ConsentQuestion
  readonly labelled: LabelledResource
  readonly tables: Tables
  readonly research: boolean
}

const ELEMENTS = ['actor', 'action', 'securityLabel', 'purpose', 'class', 'code', 'dataPeriod', 'data']
const OPPOSITE: Json = { OPTIN: 'permit', OPTOUT: 'deny' }

function isKindOf(
  code: string,
  ancestor: string,
  parents: Tables['labelParents'],
  seen: string[] = [],
): boolean {
  if (code === ancestor) return true
  if (seen.includes(code)) return false
  return (parents[code] ?? []).some(parent => isKindOf(parent, ancestor, parents, [...seen, code]))
}

function dayStart(text: string): number {
  return Date.parse(text.length === 4 ? `${text}-01-01` : text.length === 7 ? `${text}-01` : text)
}

function dayEnd(text: string): number {
  if (text.length > 10) return dayStart(text) + 1000
  const date = new Date(dayStart(text))
  if (text.length === 4) date.setUTCFullYear(date.getUTCFullYear() + 1)
  else if (text.length === 7) date.setUTCMonth(date.getUTCMonth() + 1)
  else date.setUTCDate(date.getUTCDate() + 1)
  return date.getTime()
}

function bounds(period: Json): [number, number] {
  const start = period?.start === undefined ? -Infinity : dayStart(period.start)
  return [start, period?.end === undefined ? Infinity : dayEnd(period.end)]
}

// Who somebody is: every name they answer to, and whether that is certain or rests on something inactive.

interface Names {
  readonly sure: string[]
  readonly possible: string[]
  doubtful: boolean
}

const isUnreadable = (reference: string, question: ConsentQuestion) =>
  question.directory.unresolvable?.(reference) === true
const typeOf = (reference: string) => reference.split('/')[0] as string
const npi = (identifier: Json) => `npi ${identifier.value}`
const npis = (resource: Json) => (resource.identifier ?? []).map(npi)

function learn(
  reference: string,
  sure: boolean,
  depth: number,
  question: ConsentQuestion,
  names: Names,
): void {
  if (names.possible.includes(reference) && (!sure || names.sure.includes(reference))) return
  names.possible.push(reference)
  if (sure) names.sure.push(reference)
  const resource: Json = question.directory.resolve(reference)
  if (resource === undefined) {
    if (typeOf(reference) === 'PractitionerRole' || isUnreadable(reference, question)) names.doubtful = true
    return
  }
  names.possible.push(...npis(resource))
  if (sure) names.sure.push(...npis(resource))
  for (const up of [resource.practitioner, resource.organization, resource.partOf, resource.owner]) {
    if (up === undefined) continue
    if (depth === 5) names.doubtful = true
    else learn(up.reference, sure && resource.active !== false, depth + 1, question, names)
  }
}

function namesOf(actors: readonly Json[], question: ConsentQuestion): Names {
  const names: Names = { sure: [], possible: [], doubtful: actors.length === 0 }
  for (const actor of actors) {
    if (actor.identifier !== undefined) {
      names.sure.push(npi(actor.identifier))
      names.possible.push(npi(actor.identifier))
    }
    if (actor.reference !== undefined) learn(actor.reference, true, 0, question, names)
  }
  return names
}

function isMember(
  member: Json,
  element: string,
  names: Names,
  sure: boolean,
  question: ConsentQuestion,
  depth: number,
) {
  if (member.inactive === true) return false
  const [start, end] = bounds(member.period)
  const now = question.at.getTime()
  return start <= now && now < end && isActor(member[element], names, sure, question, depth + 1)
}

function isActor(actor: Json, names: Names, sure: boolean, question: ConsentQuestion, depth = 0): boolean {
  const known = sure ? names.sure : names.possible
  const own = [actor.reference, ...(actor.identifier === undefined ? [] : [npi(actor.identifier)])]
  if (own.some(name => known.includes(name))) return true
  if (depth > 5) return !sure
  const resource: Json =
    actor.reference === undefined ? undefined : question.directory.resolve(actor.reference)
  if (resource === undefined) {
    if (sure) return false
    if (names.doubtful) return true
    if (actor.reference === undefined) {
      return actor.identifier === undefined || !names.possible.some(name => name.startsWith('npi '))
    }
    if (['Group', 'CareTeam', 'PractitionerRole'].includes(typeOf(actor.reference))) return true
    return isUnreadable(actor.reference, question) || !names.possible.some(name => name.includes('/'))
  }
  if (!sure && names.doubtful) return true
  if (npis(resource).some((name: string) => known.includes(name))) return true
  const isIn = (list: Json, element: string) =>
    (list ?? []).some((member: Json) => isMember(member, element, names, sure, question, depth))
  if (resource.resourceType === 'Group') {
    if (sure && resource.active === false) return false
    const classes = (resource.code?.coding ?? []).map((coding: Json) => coding.code)
    if (classes.some((code: string) => question.recipientClasses.includes(code))) return true
    if (isIn(resource.member, 'entity')) return true
    return !sure && classes.length === 0 && (resource.member ?? []).length === 0
  }
  if (resource.resourceType === 'CareTeam')
    return (!sure || resource.status === 'active') && isIn(resource.participant, 'member')
  if (resource.resourceType !== 'PractitionerRole') return false
  if (!known.includes(resource.practitioner.reference)) return false
  return !sure || (resource.active !== false && known.includes(resource.organization.reference))
}

// The conditions of a provision.

const RECIPIENTS = ['IRCP', 'PRCP']
const DISCLOSERS = ['CST']
const SOURCES = ['AUT']
const AUTHORS = ['author', 'performer', 'recorder', 'requester']

function authors({ labelled }: Case): Json[] {
  return labelled.facts.references
    .filter(({ element }) => AUTHORS.includes(element))
    .map(({ target }) => ({ reference: target }))
}

function inRole(actors: Json[], roles: string[]): Json[] {
  return actors.filter(({ role }) => roles.includes(role.coding[0].code))
}

function actorsMatch(actors: Json[], sure: boolean, subject: Case): boolean {
  const { question, labelled } = subject
  const placed = [...RECIPIENTS, ...DISCLOSERS, ...SOURCES]
  if (sure && actors.some(({ role }) => !placed.includes(role.coding[0].code))) return false
  const among = (list: Json[], who: Json[]) => {
    const names = namesOf(who, question)
    return list.some(({ reference }) => isActor(reference, names, sure, question))
  }
  const asked = (role: string) => question.actors.filter(actor => actor.role === role)
  const source = labelled.source === undefined ? [] : [{ reference: labelled.source }]
  const origins = sure ? [] : labelled.facts.sourceReferences.map(reference => ({ reference }))
  const recipients = inRole(actors, RECIPIENTS)
  if (recipients.length > 0 && !among(recipients, asked('recipient'))) return false
  const disclosers = inRole(actors, DISCLOSERS)
  if (disclosers.length > 0) {
    const who = asked('discloser')
    const named = who.length > 0 && among(disclosers, who)
    const origin =
      source.length > 0
        ? among(disclosers, source)
        : !sure &&
          (who.length === 0 ||
            ([...origins, ...authors(subject)].length > 0 &&
              among(disclosers, [...origins, ...authors(subject)])))
    if (!named && !origin) return false
  }
  const sources = inRole(actors, SOURCES)
  if (sources.length === 0) return true
  const who = asked('source')
  const named = who.length > 0 && among(sources, who)
  const makers = [...source, ...authors(subject)]
  if (named || among(sources, [...makers, ...origins])) return true
  // A place alone does not tell who made it.
  const types = namesOf(origins, question).possible.map(typeOf)
  return (
    origins.length > 0 &&
    makers.length === 0 &&
    sources.some(({ reference: { reference } }) => !types.includes(typeOf(reference ?? '')))
  )
}

const READING = ['access', 'disclose', 'use']

function actionMatches(actions: Json, asked: string, sure: boolean): boolean {
  if (actions === undefined) return !sure || READING.includes(asked)
  const codes = actions.flatMap((action: Json) => action.coding.map((coding: Json) => coding.code))
  const seen =
    asked === 'use' ? ['use', 'access'] : READING.includes(asked) ? ['access', 'disclose'] : [asked]
  if (sure)
    return codes.some(
      (code: string) => seen.includes(code) || (code === 'correct' && READING.includes(asked)),
    )
  const denied = asked === 'use' ? ['use', 'access'] : READING.includes(asked) ? READING : [asked, 'access']
  return codes.some((code: string) => denied.includes(code))
}

function purposesMatch(purposes: Json, sure: boolean, { question, tables }: Case): boolean {
  if (purposes === undefined) return true
  const asked = question.purposes
  const kind = (code: string) =>
    purposes.some((purpose: Json) => isKindOf(code, purpose.code, tables.purposeParents))
  const named = (code: string) => purposes.some((purpose: Json) => purpose.code === code)
  if (sure)
    return (
      asked.length > 0 &&
      asked.every(code => (tables.explicitPurposes.includes(code) ? named(code) : kind(code)))
    )
  const strange = purposes.some((purpose: Json) => tables.purposeParents[purpose.code] === undefined)
  return asked.length === 0 || strange || asked.some(kind)
}

const ORDER = ['U', 'L', 'M', 'N', 'R', 'V']

function labelsMatch(labels: Json, sure: boolean, { labelled, tables }: Case): boolean {
  if (labels === undefined) return true
  const isOwn = ({ system }: Json) => !system.startsWith('http://terminology.hl7.org/')
  const nameOf = (label: Json) => (isOwn(label) ? `${label.system}|${label.code}` : label.code)
  const codes: string[] = labels.map(nameOf)
  const own = labelled.labels.filter(isOwn).map(nameOf)
  const exact = labels.filter(({ system }: Json) => tables.labelSystems?.includes(system)).map(nameOf)
  const ranks = codes.map(code => ORDER.indexOf(code)).filter(rank => rank >= 0)
  const rank = ORDER.indexOf(labelled.confidentiality)
  const known = [...labelled.codes].filter(code => tables.labelParents[code] !== undefined)
  const sensitivities = [...known, ...own]
  const policies = codes.filter(code => tables.policyLabels.includes(code))
  const named = codes.filter(code => tables.labelParents[code] !== undefined)
  const strange = codes.filter(
    code => !ORDER.includes(code) && !policies.includes(code) && !named.includes(code),
  )
  const covered = (code: string, by: string[]) =>
    by.some(ancestor => isKindOf(code, ancestor, tables.labelParents))
  const hasPolicy = policies.some(
    code => labelled.codes.has(code) || (code === '42CFRPart2' && labelled.part2),
  )
  if (!sure) {
    const wide = named.flatMap(code => [code, ...(tables.labelDenyAlso[code] ?? [])])
    if (own.some(code => exact.includes(code))) return true
    if (codes.every(code => exact.includes(code))) return false
    return (
      strange.some(code => !exact.includes(code)) ||
      labelled.codes.has('UNASSESSED') ||
      ranks.some(floor => rank >= floor) ||
      hasPolicy ||
      sensitivities.some(code => covered(code, wide))
    )
  }
  if (ranks.length > 0 && ranks.every(ceiling => rank > ceiling)) return false
  const granted = [...strange, ...named.flatMap(code => [code, ...(tables.labelPermitAlso[code] ?? [])])]
  const implied = sensitivities
    .filter(code => covered(code, granted))
    .flatMap(code => tables.labelImplied[code] ?? [])
  const marked = sensitivities.some(code => covered(code, granted)) ? tables.labelMarkers : []
  const isNamed = (code: string) => covered(code, granted) || implied.includes(code) || marked.includes(code)
  if (named.length + strange.length > 0 && !sensitivities.every(isNamed)) return false
  return ranks.length > 0 || hasPolicy || (named.length + strange.length > 0 && sensitivities.length > 0)
}

function classMatches(classes: Json, { labelled }: Case): boolean {
  return classes === undefined || classes.some((item: Json) => item.code === labelled.facts.type)
}

/** The code of a policy: no record bears it, so nobody can tell what a refusal of it keeps back. */
function isPolicy({ system }: Json, { policySystems }: Tables): boolean {
  return policySystems.some(
    one => system === one.system || (one.below && system.startsWith(`${one.system}/`)),
  )
}

function codeMatches(concepts: Json, sure: boolean, { labelled, tables }: Case): boolean {
  if (concepts === undefined) return true
  if (!sure && concepts.some((concept: Json) => concept.coding === undefined)) return true
  const terms = concepts.flatMap((concept: Json) => concept.coding ?? [])
  if (!sure && terms.some((term: Json) => isPolicy(term, tables))) return true
  return terms.some((term: Json) =>
    labelled.facts.codings.some(coding => coding.code === term.code && coding.system === term.system),
  )
}

function dataPeriodMatches(period: Json, sure: boolean, { labelled }: Case): boolean {
  if (period === undefined) return true
  const [start, end] = bounds(period)
  const dates = labelled.facts.dates.map(bounds)
  if (dates.length === 0 || !labelled.facts.dates.every(isPeriod)) return !sure
  if (sure) return dates.every(date => start <= date[0] && date[1] <= end)
  const updated = labelled.facts.lastUpdated
  const all = updated === undefined ? dates : [...dates, bounds({ start: updated, end: updated })]
  return all.some(date => date[0] < end && start < date[1])
}

function dataMatches(data: Json, sure: boolean, subject: Case): boolean {
  if (data === undefined) return true
  const { labelled, question } = subject
  return data.some(({ meaning, reference: { reference } }: Json) => {
    if (meaning === 'authoredby') {
      const makers = authors(subject)
      return makers.length > 0 && isActor({ reference }, namesOf(makers, question), sure, question)
    }
    if (reference === labelled.facts.reference) return true
    if (meaning === 'instance') return false
    if (meaning === 'related' && !sure && isUnreadable(reference, question)) return true
    if (labelled.facts.references.some(({ target }) => target === reference)) return true
    const other = question.directory.resolve(reference)
    return (
      meaning === 'related' &&
      JSON.stringify(other ?? '').includes(`"reference":"${labelled.facts.reference}"`)
    )
  })
}

/** What a Consent in scope research is for, where its provisions state no purpose. */
const RESEARCH: Json = [{ code: 'HRESCH' }]

function isResearch(consent: Json): boolean {
  return consent.scope.coding[0].code === 'research'
}

/** Every purpose some provision states. */
function stated(provision: Json): Json[] {
  return [...(provision?.purpose ?? []), ...(provision?.provision ?? []).flatMap(stated)]
}

function matches(provision: Json, period: [number, number], subject: Case): boolean {
  const sure = provision.type === 'permit'
  const now = subject.question.at.getTime()
  // No permit about research reaches beyond it, whatever purpose it states; a refusal reaches what it states.
  if (sure && subject.research && !purposesMatch(RESEARCH, sure, subject)) return false
  return (
    period[0] <= now &&
    now < period[1] &&
    actionMatches(provision.action, subject.question.action, sure) &&
    purposesMatch(provision.purpose, sure, subject) &&
    (provision.actor === undefined || actorsMatch(provision.actor, sure, subject)) &&
    labelsMatch(provision.securityLabel, sure, subject) &&
    classMatches(provision.class, subject) &&
    codeMatches(provision.code, sure, subject) &&
    dataPeriodMatches(provision.dataPeriod, sure, subject) &&
    dataMatches(provision.data, sure, subject)
  )
}

type Said = 'permit' | 'deny' | undefined

/** The deepest match of each branch; between branches a deny overrides. */
function say(provision: Json, inherited: Json, period: [number, number], subject: Case): Said {
  const whole = { ...inherited, ...provision }
  const [start, end] = bounds(provision.period)
  const within: [number, number] = [Math.max(start, period[0]), Math.min(end, period[1])]
  const passedOn = Object.fromEntries(ELEMENTS.filter(key => key in whole).map(key => [key, whole[key]]))
  const said = (provision.provision ?? []).map((child: Json) => say(child, passedOn, within, subject))
  if (said.includes('deny')) return 'deny'
  if (said.includes('permit')) return 'permit'
  return !provision.silent && matches(whole, within, subject) ? provision.type : undefined
}

/** A period that ends before it starts says nothing. */
function isPeriod(period: Json): boolean {
  const [start, end] = bounds(period)
  return start < end
}

function isReadable(provision: Json, depth: number): boolean {
  if (depth > 8 || provision.modifierExtension !== undefined) return false
  if (!isPeriod(provision.period) || !isPeriod(provision.dataPeriod)) return false
  return (provision.provision ?? []).every(
    (child: Json) => child.type !== undefined && isReadable(child, depth + 1),
  )
}

/** Meaning of an extension of the random Consents: it stands for the type of its provision. */
export const TYPE_EXTENSION = 'http://example.org/type'
/** An extension that is listed without a meaning. */
export const STRANGE_EXTENSION = 'http://example.org/strange'

/** The provision with the types that extensions stand for; undefined where an extension has no meaning. */
function plain(provision: Json): Json {
  const { extension = [], ...rest } = provision
  if (extension.some(({ url }: Json) => url === STRANGE_EXTENSION)) return undefined
  for (const { valueCode } of extension)
    if (valueCode === 'deny' || rest.type === undefined) rest.type = valueCode
  if (rest.provision !== undefined) rest.provision = rest.provision.map(plain)
  return rest.provision?.includes(undefined) ? undefined : rest
}

/** Confirmed with the patient or a related person by now, and not taken back later. */
function isVerified({ verification = [], patient }: Json, now: number): boolean {
  const fits = (reference: string | undefined) =>
    reference === undefined || reference.startsWith('RelatedPerson/') || reference === patient.reference
  const refusals = verification.filter(({ verified }: Json) => !verified)
  return verification.some(
    ({ verified, verificationDate, verifiedWith }: Json) =>
      verified &&
      fits(verifiedWith?.reference) &&
      (verificationDate === undefined || dayStart(verificationDate) <= now) &&
      refusals.every(
        (refusal: Json) =>
          verificationDate !== undefined &&
          refusal.verificationDate !== undefined &&
          dayEnd(refusal.verificationDate) <= dayStart(verificationDate),
      ),
  )
}

/** Takes a Consent, a question and a resource; returns what the Consent says, `none` where it is not asked at all. */
export function specVerdict(
  consent: Resource,
  question: ConsentQuestion,
  labelled: LabelledResource,
  tables: Tables,
  requireVerification = false,
): SpecVerdict {
  if (consent['status'] !== 'active') return 'none'
  const research = isResearch(consent)
  const subject = { question, labelled, tables, research }
  const spoken = [...RESEARCH, ...stated(consent['provision'])]
  const unreadable = !research || purposesMatch(spoken, false, subject) ? 'indeterminate' : 'not-covered'
  const provision = plain(consent['provision'] ?? {})
  if (provision === undefined) return unreadable
  const json: Json = { ...consent, provision }
  const base: Said = OPPOSITE[json.policyRule?.coding[0].code]
  const root: Json = { ...json.provision }
  if (json.modifierExtension !== undefined || !isReadable(root, 1)) return unreadable
  if (root.type === undefined) {
    if (base === undefined || ELEMENTS.some(key => key in root)) return unreadable
    root.type = base
    // An opt-in that permits something is an opt-in to that: a permit is no exception to an opt-in to everything.
    root.silent = base === 'permit' && (root.provision ?? []).some(({ type }: Json) => type === 'permit')
  }
  const exception = base !== undefined && base !== root.type
  const [start, end] = exception && base === 'deny' ? [-Infinity, Infinity] : bounds(root.period)
  const now = question.at.getTime()
  if (now < start || now >= end) return 'none'
  const inherited: Json = research ? { purpose: RESEARCH } : {}
  const about = (asked: readonly string[]) => ({ ...subject, question: { ...question, purposes: asked } })
  const fallback = (asked: readonly string[]): Said => {
    const sure = base === 'permit'
    if (!exception || (sure && !READING.includes(question.action))) return undefined
    return purposesMatch(inherited.purpose, sure, about(asked)) ? base : undefined
  }
  // Each declared purpose must be permitted; one that is denied is enough.
  const purposes = question.purposes.length > 1 ? question.purposes.map(code => [code]) : [question.purposes]
  const said = purposes.map(
    asked => say(root, inherited, [-Infinity, Infinity], about(asked)) ?? fallback(asked),
  )
  if (!said.includes('deny') && said.includes(undefined)) return 'not-covered'
  const result = said.includes('deny') ? 'deny' : 'permit'
  const patients = labelled.facts.patients
  const stranger = patients.length > 0 && !patients.includes(json.patient.reference)
  if (result === 'deny' || !(stranger || (requireVerification && !isVerified(json, now)))) return result
  return 'not-covered'
}

/**
 * What several Consents say where the newest word wins: of two that contradict each other, about the same category and
 * the same actors of the same patient, the one that was signed earlier says nothing.
 */
export function specVerdicts(
  consents: readonly Resource[],
  question: ConsentQuestion,
  labelled: LabelledResource,
  tables: Tables,
): readonly SpecVerdict[] {
  const said = consents.map(consent => specVerdict(consent, question, labelled, tables))
  const actors = (provision: Json): Json[] => [
    ...(provision?.actor ?? []),
    ...(provision?.provision ?? []).flatMap(actors),
  ]
  const about = (consent: Json) => {
    const all = actors(consent.provision)
    const placed = [...RECIPIENTS, ...DISCLOSERS, ...SOURCES]
    if (all.some(({ role }) => !placed.includes(role.coding[0].code))) return undefined
    const group = (role: string) => [RECIPIENTS, DISCLOSERS, SOURCES].findIndex(codes => codes.includes(role))
    const names = all.map(
      ({ role, reference }) => `${group(role.coding[0].code)} ${JSON.stringify(reference)}`,
    )
    return [isResearch(consent), consent.patient.reference, ...[...new Set(names)].sort()].join()
  }
  return said.map((verdict, index) => {
    const own: Json = consents[index]
    const steps = consents.some((other: Json, at) => {
      const pair = [verdict, said[at]]
      return (
        pair.includes('permit') &&
        pair.includes('deny') &&
        about(own) !== undefined &&
        about(own) === about(other) &&
        other.dateTime > own.dateTime
      )
    })
    return steps ? 'not-covered' : verdict
  })
}

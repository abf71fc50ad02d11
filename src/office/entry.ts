import type { JsonObject, JsonValue } from '../model/fhir.ts'
import type { EvidenceEntry, EvidenceField, EvidenceKind } from '../model/office.ts'
import type { ClientRegistration } from '../model/requester.ts'
import { dayFault, objectAt, scopeFault, textsFault } from './entry-values.ts'

/** What is wrong with an entry: the place in it and what was expected. */
export interface EntryProblem {
  readonly path: string
  readonly expected: string
}

/** What an entry is checked against. */
export interface EntryRules {
  readonly kinds: readonly EvidenceKind[]
  readonly clients: readonly Pick<ClientRegistration, 'issuer' | 'clientId' | 'organization'>[]
  readonly isPurpose: (code: string) => boolean
  readonly now: Date
}

export type CheckedEntry =
  | { readonly entry: EvidenceEntry; readonly kind: EvidenceKind }
  | { readonly problems: readonly EntryProblem[] }

type Fail = (path: string, expected: string) => void

const MEMBERS = ['kind', 'for', 'patients', 'purposes', 'period', 'facts', 'note']
const PATIENT = /^Patient\/[A-Za-z0-9\-.]{1,64}$/
const REFERENCE = /^[A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64}$/
const USER = /^(Practitioner|PractitionerRole|RelatedPerson|Patient|Person)\/[A-Za-z0-9\-.]{1,64}$/
/** RFC 3339: an instant with its zone. */
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/

/** Checks what somebody wants to put on file. All problems at once; the entry as it is stored where there are none. */
export function checkEntry(value: unknown, rules: EntryRules): CheckedEntry {
  const problems: EntryProblem[] = []
  const fail: Fail = (path, expected) => void problems.push({ path, expected })
  const given = objectAt(value)
  if (given === undefined) return { problems: [{ path: '', expected: 'expected a JSON object' }] }
  onlyThese(given, MEMBERS, '', fail)
  const kind = rules.kinds.find(({ id, madeBy }) => id === given['kind'] && madeBy === 'office')
  if (kind === undefined) {
    const ids = rules.kinds.filter(({ madeBy }) => madeBy === 'office').map(({ id }) => id)
    fail('kind', `expected one of ${ids.join(', ')}`)
    return { problems }
  }
  const { note, purposes } = given
  const entry = {
    kind: kind.id,
    for: partyOf(given['for'], kind, rules, fail),
    patients: patientsOf(given['patients'], kind, fail),
    ...(purposes === undefined ? {} : { purposes: purposesOf(purposes, rules, fail) }),
    period: periodOf(given['period'], kind, rules.now, fail),
    facts: factsOf(given['facts'], kind, fail),
    ...(typeof note === 'string' ? { note } : {}),
  }
  if (note !== undefined && typeof note !== 'string') fail('note', 'expected text')
  return problems.length > 0 ? { problems } : { entry, kind }
}

function onlyThese(given: JsonObject, names: readonly string[], under: string, fail: Fail): void {
  for (const name of Object.keys(given))
    if (!names.includes(name)) fail(`${under}${name}`, `unknown; expected ${names.join(', ')}`)
}

function partyOf(
  value: JsonValue | undefined,
  kind: EvidenceKind,
  { clients }: EntryRules,
  fail: Fail,
): EvidenceEntry['for'] {
  const given = objectAt(value)
  if (given === undefined) {
    fail('for', 'expected an object with client or organization')
    return {}
  }
  onlyThese(given, ['client', 'issuer', 'organization', 'user'], 'for.', fail)
  const { client, issuer, organization, user } = given
  if (client === undefined && organization === undefined)
    fail('for', 'expected client or organization: a user alone may come through any client')
  if (user === undefined && kind.userRequired) fail('for.user', `expected the user: ${kind.title}`)
  if (user !== undefined && !(typeof user === 'string' && USER.test(user)))
    fail('for.user', 'expected a reference such as Practitioner/x or RelatedPerson/x')
  const known = clients.filter(
    one =>
      (client === undefined || one.clientId === client) &&
      (issuer === undefined || one.issuer === issuer) &&
      (organization === undefined || one.organization === organization),
  )
  if (organization !== undefined && !(typeof organization === 'string' && REFERENCE.test(organization)))
    fail('for.organization', 'expected a reference such as Organization/x')
  else if (known.length === 0)
    fail('for', 'expected a client of the configuration; none has this client id, issuer and organization')
  else if (client !== undefined && new Set(known.map(one => one.issuer)).size > 1)
    fail('for.issuer', `expected one of ${known.map(one => one.issuer).join(', ')}: all know this client id`)
  const party = { ...given, ...(client === undefined ? {} : { issuer: known[0]?.issuer ?? '' }) }
  return party as EvidenceEntry['for']
}

function patientsOf(value: JsonValue | undefined, kind: EvidenceKind, fail: Fail): EvidenceEntry['patients'] {
  if (value === 'any') {
    if (kind.patients !== 'any') fail('patients', `expected each patient by name: ${kind.title}`)
    return 'any'
  }
  const list = Array.isArray(value) ? value : []
  if (list.length === 0)
    fail('patients', `expected a list of references Patient/x${kind.patients === 'any' ? ', or "any"' : ''}`)
  list.forEach((each, index) => {
    if (typeof each !== 'string' || !PATIENT.test(each)) fail(`patients[${index}]`, 'expected Patient/x')
  })
  return [...new Set(list)] as string[]
}

function purposesOf(value: JsonValue, { isPurpose }: EntryRules, fail: Fail): readonly string[] {
  if (!Array.isArray(value) || value.length === 0) {
    fail('purposes', 'expected a list of v3-ActReason codes')
    return []
  }
  value.forEach((each, index) => {
    if (typeof each !== 'string' || !isPurpose(each))
      fail(`purposes[${index}]`, 'expected a v3-ActReason code such as HLEGAL')
  })
  return value as string[]
}

function periodOf(
  value: JsonValue | undefined,
  kind: EvidenceKind,
  now: Date,
  fail: Fail,
): EvidenceEntry['period'] {
  const given = objectAt(value) ?? {}
  onlyThese(given, ['start', 'end'], 'period.', fail)
  // Evidence counts by whole seconds: what starts now counts at once.
  const { start: from = `${now.toISOString().slice(0, 19)}Z`, end: until } = given
  const [start, end] = [from, until].map(instantOf)
  if (start === undefined) fail('period.start', 'expected an instant such as 2026-03-01T00:00:00-08:00')
  if (end === undefined) fail('period.end', 'expected an instant such as 2026-06-01T00:00:00-07:00')
  if (start === undefined || end === undefined) return { start: '', end: '' }
  if (end <= start) fail('period.end', 'expected later than period.start')
  else if (end <= now.getTime()) fail('period.end', 'expected an instant to come')
  const { days = 0, hours = 0 } = kind.longest
  if (end - start > (days * 24 + hours) * 3_600_000)
    fail('period.end', `expected at most ${days > 0 ? `${days} days` : `${hours} hours`} after period.start`)
  return { start: new Date(start).toISOString(), end: new Date(end).toISOString() }
}

function instantOf(value: JsonValue | undefined): number | undefined {
  // Date.parse takes 31 September for 1 October: evidence would count a day longer than somebody read.
  if (typeof value !== 'string' || !INSTANT.test(value) || dayFault(value.slice(0, 10))) return undefined
  const instant = Date.parse(value)
  return Number.isNaN(instant) ? undefined : instant
}

function factsOf(value: JsonValue | undefined, kind: EvidenceKind, fail: Fail): JsonObject {
  const given = objectAt(value)
  if (given === undefined) {
    fail('facts', `expected an object with ${namesOf(kind.fields).join(', ')}`)
    return {}
  }
  onlyThese(given, namesOf(kind.fields), 'facts.', fail)
  for (const field of kind.fields) {
    const { name, required, meaning, citation } = field
    const at = given[name]
    const because = citation === undefined ? meaning : `${meaning} (${citation})`
    if (at === undefined) {
      if (required) fail(`facts.${name}`, `expected a value, found none: ${because}`)
      continue
    }
    const fault = faultOf(field, at)
    if (fault !== undefined) fail(`facts.${name}${fault.under}`, `expected ${fault.expected}: ${because}`)
  }
  return given
}

function namesOf(fields: readonly EvidenceField[]): readonly string[] {
  return fields.map(({ name }) => name)
}

function faultOf(
  { type, values = [] }: EvidenceField,
  value: JsonValue,
): { readonly under: string; readonly expected: string } | undefined {
  const unless = (holds: boolean, expected: string) => (holds ? undefined : { under: '', expected })
  switch (type) {
    case 'text':
      return unless(typeof value === 'string' && value.trim() !== '', 'text')
    case 'date':
      return dayFault(value)
    case 'attested':
      return unless(value === true, 'true')
    case 'yes-no':
      return unless(typeof value === 'boolean', 'true or false')
    case 'one-of':
      return unless(typeof value === 'string' && values.includes(value), `one of ${values.join(', ')}`)
    case 'texts':
      return textsFault(value)
    case 'scope':
      return scopeFault(value)
  }
}

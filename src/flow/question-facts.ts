import type { Custodian, SiteRegistry } from '../model/decision.ts'
import type { Identifier, LiteralReference, Resource } from '../model/fhir.ts'
import type { Question, QuestionAgreement, QuestionRegistry } from '../model/question.ts'
import { Refusal } from '../model/refusal.ts'
import type { Agreement, Requester, RequesterActor } from '../model/requester.ts'

/** The facts of a question in the shapes decide and consent ask for. What is not in the question is not true. */

export function custodianOf(question: Question): Custodian {
  const custodian = question.custodian ?? {}
  return {
    ...custodian,
    organization: custodian.organization ?? 'Organization/unknown',
    state: custodian.state ?? '',
    hipaa: custodian.hipaa ?? 'none',
    part2: custodian.part2 ?? 'none',
  }
}

export function registryOf(question: Question): SiteRegistry {
  const { part2Programs, sudOnlyFacilities, notFederallyAssisted, sources, agreements, ...other } =
    question.registry ?? {}
  return {
    part2Programs: part2Programs ?? [],
    sudOnlyFacilities: sudOnlyFacilities ?? [],
    notFederallyAssisted: notFederallyAssisted ?? [],
    sources: sourceMap(sources),
    agreements: (agreements ?? []).map(agreementOf),
    other,
  }
}

/** An agreement of the question carries its `period`; one whose status is not "active" binds nobody any more, or not yet. */
function agreementOf({ period, status, ...agreement }: QuestionAgreement): Agreement {
  return {
    ...agreement,
    ...(status === undefined ? {} : { status: status === 'active' ? 'active' : 'ended' }),
    ...(period?.start === undefined ? {} : { start: period.start }),
    ...(period?.end === undefined ? {} : { end: period.end }),
  }
}

function sourceMap(sources: QuestionRegistry['sources']): Readonly<Record<string, string>> {
  if (sources === undefined) return {}
  const list = Object.values(sources).every(value => typeof value === 'string')
    ? undefined
    : Object.values(sources)
  if (list === undefined) return sources as Readonly<Record<string, string>>
  return Object.fromEntries(
    (list as { uri: string; organization: string }[]).map(one => [one.uri, one.organization]),
  )
}

/** null in a question says the same as nothing. */
function given<T extends object>(facts: T): { readonly [K in keyof T]: Exclude<T[K], null> } {
  const known = Object.entries(facts).filter(([, value]) => value !== null)
  return Object.fromEntries(known) as { [K in keyof T]: Exclude<T[K], null> }
}

export function requesterOf(question: Question): Requester {
  const requester = given(question.requester)
  const { user } = requester
  const organization = literal(requester.organization)
  return {
    key: requester.client ?? '',
    client: requester.client ?? '',
    ...(organization === undefined ? {} : { organization }),
    ...(requester.state === undefined ? {} : { state: requester.state }),
    hipaa: requester.hipaa ?? 'none',
    part2: requester.part2 ?? 'none',
    ...(requester.role === undefined ? {} : { role: requester.role }),
    ...(user === undefined ? {} : { user }),
    ...(requester.relationship === undefined ? {} : { relationship: requester.relationship }),
    userRoles: [],
    actors: actorsOf(question),
    scopes: [],
    claims: requester.claims ?? {},
    residual: [],
  }
}

function actorsOf(question: Question): RequesterActor[] {
  const requester = given(question.requester)
  if (requester.actors !== undefined)
    return requester.actors.map(actor => {
      const inner = typeof actor.reference === 'object' ? actor.reference : undefined
      const written = typeof actor.reference === 'string' ? actor.reference : inner?.reference
      const identifier = actor.identifier ?? inner?.identifier
      return named(actor.role ?? 'recipient', written, identifier)
    })
  return [requester.organization, requester.user]
    .filter(reference => reference !== undefined)
    .map(reference => named('recipient', reference, undefined))
}

function named(
  role: RequesterActor['role'],
  reference: string | undefined,
  identifier: Identifier | undefined,
): RequesterActor {
  return {
    role,
    ...(reference === undefined ? {} : { reference: reference as LiteralReference }),
    ...(identifier === undefined ? {} : { identifier }),
  }
}

function literal(reference: string | undefined): LiteralReference | undefined {
  return reference === undefined ? undefined : (reference as LiteralReference)
}

/**
 * Purposes as v3-ActReason codes. Where law plays no part, one of a system that no map knows stays as it is
 * (`system|code`): a Consent may name a purpose of the site, and no other permit covers it.
 * Throws Refusal `purpose-not-allowed` for any other code that is in no map: unknown is never treatment.
 */
export function purposesOf(
  question: Question,
  map: Readonly<Record<string, string>>,
  policy: 'law' | 'none' = 'law',
): string[] {
  const given = question.purposeOfUse === undefined ? [] : [question.purposeOfUse].flat()
  return given.map(purpose => {
    const keys = typeof purpose === 'string' ? [purpose] : [`${purpose.system ?? ''}|${purpose.code}`]
    if (typeof purpose !== 'string' && purpose.system === undefined) keys.push(purpose.code)
    const code = keys.map(key => (Object.hasOwn(map, key) ? map[key] : undefined)).find(found => found)
    if (code !== undefined) return code
    if (policy === 'none' && typeof purpose !== 'string' && isForeign(purpose.system, map))
      return `${purpose.system}|${purpose.code}`
    throw new Refusal('purpose-not-allowed', {
      diagnostics: `purposeOfUse: ${keys[0] ?? ''} is no known purpose of use; expected a v3-ActReason code such as TREAT`,
    })
  })
}

function isForeign(system: string | undefined, map: Readonly<Record<string, string>>): boolean {
  return system !== undefined && !Object.keys(map).some(key => key.startsWith(`${system}|`))
}

/** Every patient of a question: as references, and the whole Patient resources where given. */
export function patientsOf(question: Question): {
  references: readonly string[]
  whole: readonly Resource[]
} {
  const references: string[] = []
  const whole: Resource[] = []
  for (const patient of [question.patient, ...(question.otherPatients ?? [])]) {
    if ('resourceType' in patient && typeof patient.resourceType === 'string') {
      const resource = patient as Resource
      whole.push(resource)
      references.push(`Patient/${resource.id ?? ''}`)
    } else if (typeof patient['reference'] === 'string') references.push(patient['reference'])
  }
  return { references: [...new Set(references)], whole }
}

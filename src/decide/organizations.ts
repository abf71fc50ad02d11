import type { Directory } from '../model/consent.ts'
import type { JsonValue, Resource } from '../model/fhir.ts'
import type { Requester } from '../model/requester.ts'

const MAX_DEPTH = 8

/** An organization and those it is part of (Organization.partOf), as far as the directory knows; bounded. */
export function organizationChain(start: string | undefined, directory: Directory): ReadonlySet<string> {
  const chain = new Set<string>()
  let next = start
  while (next !== undefined && !chain.has(next) && chain.size < MAX_DEPTH) {
    chain.add(next)
    next = referenceIn(directory.resolve(next)?.['partOf'])
  }
  return chain
}

/** The user and the person behind a role: PractitionerRole/x and the Practitioner/y it names. */
export function personsBehind(user: string | undefined, directory: Directory): readonly string[] {
  if (user === undefined) return []
  const person = user.startsWith('PractitionerRole/')
    ? referenceIn(directory.resolve(user)?.['practitioner'])
    : undefined
  return person === undefined ? [user] : [user, person]
}

/** The patient a user is (Patient/x) or is related to (RelatedPerson.patient) at a time; undefined where neither is known. */
export function patientOf(user: string | undefined, directory: Directory, at: Date): string | undefined {
  if (user?.startsWith('Patient/')) return user
  const related = user?.startsWith('RelatedPerson/') ? directory.resolve(user) : undefined
  return related === undefined || hasEnded(related, at) ? undefined : referenceIn(related['patient'])
}

/**
 * The one patient whose record is the requester's own. Whose app was started for a patient has that one where nobody is
 * named as user; a named user has none but by who that user is, for a relation that cannot be looked up, has ended or
 * leads elsewhere must not open the record the app was started with.
 */
export function representedBy(
  { user, patient }: Pick<Requester, 'user' | 'patient'>,
  directory: Directory,
  at: Date,
): string | undefined {
  if (user === undefined) return patient
  // The patient under another address of the server it is issued for.
  if (patient !== undefined && ABSOLUTE.test(user) && user.endsWith(`/${patient}`)) return patient
  return patientOf(user, directory, at)
}

const ABSOLUTE = /^https?:\/\//

/** RelatedPerson.active and .period; a day counts until it is over. */
function hasEnded({ active, period }: Resource, at: Date): boolean {
  const end = typeof period === 'object' && period !== null && 'end' in period ? period.end : undefined
  if (active === false) return true
  if (typeof end !== 'string') return false
  return end.includes('T') ? !(Date.parse(end) >= at.getTime()) : end < at.toISOString().slice(0, end.length)
}

function referenceIn(value: JsonValue | undefined): string | undefined {
  if (typeof value !== 'object' || value === null || !('reference' in value)) return undefined
  return typeof value.reference === 'string' ? value.reference : undefined
}

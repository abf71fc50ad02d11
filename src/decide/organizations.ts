import type { Directory } from '../model/consent.ts'
import type { JsonValue } from '../model/fhir.ts'

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

/** The patient a user is (Patient/x) or is related to (RelatedPerson.patient); undefined where neither is known. */
export function patientOf(user: string | undefined, directory: Directory): string | undefined {
  if (user?.startsWith('Patient/')) return user
  return user?.startsWith('RelatedPerson/') ? referenceIn(directory.resolve(user)?.['patient']) : undefined
}

function referenceIn(value: JsonValue | undefined): string | undefined {
  if (typeof value !== 'object' || value === null || !('reference' in value)) return undefined
  return typeof value.reference === 'string' ? value.reference : undefined
}

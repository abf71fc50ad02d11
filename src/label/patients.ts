import type { ResourceFacts } from '../model/label.ts'
import type { Look } from './trace.ts'

/**
 * Elements through which a record of this type speaks of the patients of what it points at, for R4 gives it no patient of
 * its own, or an optional one. https://hl7.org/fhir/R4/provenance.html, linkage.html, paymentnotice.html,
 * paymentreconciliation.html, task.html, enrollmentresponse.html
 */
const JOINED: Readonly<Record<string, ReadonlySet<string>>> = {
  Provenance: new Set(['target']),
  Linkage: new Set(['item.resource']),
  PaymentNotice: new Set(['request', 'response']),
  PaymentReconciliation: new Set(['detail.request', 'detail.response']),
  Task: new Set(['focus']),
  EnrollmentResponse: new Set(['request']),
}

const NOBODY: readonly string[] = []
const joined = new WeakMap<ResourceFacts, readonly string[]>()

/** References whose patients this record speaks of, unique, in the order of the alphabet. */
export function joinedReferences(facts: ResourceFacts): readonly string[] {
  const elements = JOINED[facts.type]
  if (elements === undefined) return NOBODY
  let known = joined.get(facts)
  if (known === undefined) {
    const found = facts.references.filter(
      ({ kind, element, target }) =>
        kind === 'literal' && elements.has(element) && target !== facts.reference,
    )
    known = [...new Set(found.map(({ target }) => target))].sort()
    joined.set(facts, known)
  }
  return known
}

export interface JoinedPatients {
  /** The facts with the patients that joined; the very same object where none did. */
  readonly facts: ResourceFacts
  /** The references that brought them, where the record names no patient itself. */
  readonly through?: readonly string[]
  /** A reference that should have been looked up and was not, or cannot be read. */
  readonly doubt?: string
}

/**
 * The patients of what a record points at join those it names: each of them must permit. Where a target speaks of
 * patients and names none, whom the record speaks of stays unknown unless it says so itself.
 */
export function withJoinedPatients(facts: ResourceFacts, look: Look): JoinedPatients {
  const references = joinedReferences(facts)
  if (references.length === 0) return { facts }
  const patients = new Set(facts.patients)
  const through: string[] = []
  let unnamed = false
  for (const reference of references) {
    const target = look(reference)
    if (target === 'absent') continue
    if (target === undefined || target.notAssessable !== undefined) return { facts, doubt: reference }
    if (target.patients.length > 0) through.push(reference)
    else unnamed ||= target.patientData
    for (const patient of target.patients) patients.add(patient)
  }
  if (patients.size === facts.patients.length) return { facts }
  if (facts.patients.length > 0) return { facts: { ...facts, patients: [...patients].sort() } }
  return unnamed ? { facts } : { facts: { ...facts, patients: [...patients].sort() }, through }
}

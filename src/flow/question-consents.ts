import type { ConsentDirective, ConsentOnFile } from '../model/consent.ts'
import type { ConsentReader } from '../model/doors.ts'
import type { Identifier, LiteralReference, Resource } from '../model/fhir.ts'
import type { Question } from '../model/question.ts'
import { patientsOf } from './question-facts.ts'

/** Consents by patient: by `Consent.patient`; one that names nobody we know concerns everybody (doubt). */
export function readConsents(
  reader: ConsentReader,
  question: Question,
  patients: readonly string[],
  at: Date,
  zone: string,
): Map<string, readonly ConsentDirective[]> {
  const onFile = new Map<string, ConsentOnFile[]>(patients.map(patient => [patient, []]))
  for (const resource of question.consents) {
    const { patient: named, ownBase } = namedPatient(resource, question)
    const meta = resource['meta'] as { versionId?: string } | undefined
    const version = meta?.versionId
    const ref = { reference: `Consent/${resource.id ?? ''}`, ...(version === undefined ? {} : { version }) }
    const lists =
      named !== undefined && onFile.has(named)
        ? [onFile.get(named)]
        : named === undefined
          ? [...onFile.values()]
          : []
    const whose = named === undefined ? {} : { patient: named }
    const where = ownBase === undefined ? {} : { ownBase }
    for (const list of lists) list?.push({ ref, resource, ...whose, ...where })
  }
  return new Map([...onFile].map(([patient, consents]) => [patient, reader.read(consents, at, zone)]))
}

/**
 * Whose Consent it is: by reference, of which an absolute one tells the base of the server that the question is about;
 * else by an identifier that one of the Patients of the question bears.
 */
function namedPatient(
  consent: Resource,
  question: Question,
): { readonly patient?: LiteralReference; readonly ownBase?: string } {
  const { reference, identifier } = (consent['patient'] ?? {}) as {
    reference?: unknown
    identifier?: Partial<Identifier>
  }
  if (typeof reference === 'string') {
    const [, base, patient] = NAMED_PATIENT.exec(reference) ?? []
    if (patient === undefined) return {}
    return { patient: patient as LiteralReference, ...(base === undefined ? {} : { ownBase: base }) }
  }
  const bearers = patientsOf(question).whole.filter(patient => bears(patient, identifier ?? {}))
  return bearers.length === 1 ? { patient: `Patient/${bearers[0]?.id ?? ''}` } : {}
}

const NAMED_PATIENT = /^(?:(https?:\/\/.*)\/|\/)?(Patient\/[A-Za-z0-9\-.]{1,64})(?:\/_history\/.*)?$/

function bears(patient: Resource, { system, value }: Partial<Identifier>): boolean {
  const own = patient['identifier']
  if (!Array.isArray(own) || system === undefined || value === undefined) return false
  return own.some(each => {
    const identifier = each as Partial<Identifier> | null
    return identifier?.system === system && identifier.value === value
  })
}

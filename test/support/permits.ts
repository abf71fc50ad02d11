import type { JsonObject, Resource } from '../../src/model/fhir.ts'

const THO = 'http://terminology.hl7.org/CodeSystem'

export interface PlainConsent {
  readonly id: string
  /** `Patient/x`, or a whole Reference. */
  readonly patient: string | JsonObject
  readonly type: 'permit' | 'deny'
  /** Recipient, by reference or as a whole Reference; nobody in particular where absent. */
  readonly recipient?: string | JsonObject
  readonly status?: string
}

/** A privacy Consent of one provision, for treatment. */
export function plainConsent({ id, patient, type, recipient, status = 'active' }: PlainConsent): Resource {
  const reference = (given: string | JsonObject) => (typeof given === 'string' ? { reference: given } : given)
  return {
    resourceType: 'Consent',
    id,
    status,
    scope: { coding: [{ system: `${THO}/consentscope`, code: 'patient-privacy' }] },
    category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
    patient: reference(patient),
    dateTime: '2026-03-01',
    provision: {
      type,
      ...(recipient === undefined
        ? {}
        : {
            actor: [
              {
                role: { coding: [{ system: `${THO}/v3-ParticipationType`, code: 'IRCP' }] },
                reference: reference(recipient),
              },
            ],
          }),
      purpose: [{ system: `${THO}/v3-ActReason`, code: 'TREAT' }],
    },
  } as Resource
}

/** An adult patient, and a body weight of theirs. */
export function weighed(id: string, more: object = {}): Resource[] {
  return [
    { resourceType: 'Patient', id, birthDate: '1970-01-01', ...more } as Resource,
    {
      resourceType: 'Observation',
      id: `weight-${id}`,
      status: 'final',
      code: { coding: [{ system: 'http://loinc.org', code: '29463-7' }] },
      subject: { reference: `Patient/${id}` },
      valueQuantity: { value: 70, unit: 'kg' },
    } as Resource,
  ]
}

/** Nothing without a Consent that permits it. */
export const CLOSED: JsonObject = { policy: { defaultPolicy: 'deny' } }

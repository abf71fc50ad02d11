import type { Resource } from '../../src/model/fhir.ts'

const THO = 'http://terminology.hl7.org/CodeSystem'

export interface TpoConsent {
  readonly id: string
  readonly patient: string
  readonly discloser: string
  readonly recipient: string
  readonly status?: 'active' | 'inactive'
  readonly purposes?: readonly string[]
  /** Last day it is in force. */
  readonly end?: string
}

/** A written Part 2 consent for treatment, payment and operations with every element of 42 CFR 2.31(a). */
export function tpoConsent(given: TpoConsent): Resource {
  const purposes = given.purposes ?? ['TREAT', 'HPAYMT', 'HOPERAT']
  const said = (linkId: string, valueString: string) => ({ linkId, answer: [{ valueString }] })
  const actor = (code: string, reference: string) => ({
    role: { coding: [{ system: `${THO}/v3-ParticipationType`, code }] },
    reference: { reference },
  })
  return {
    resourceType: 'Consent',
    id: given.id,
    contained: [
      {
        resourceType: 'QuestionnaireResponse',
        id: 'form',
        status: 'completed',
        item: [
          ...['1', '2', '3', '4', '5', '6', '8', '9'].map(number => said(`2.31(a)(${number})`, 'stated')),
          said('2.31(a)(7)', 'none'),
          said('2.31(a)(10)(i)', 'stated'),
          said('2.31(a)(10)(ii)', 'stated'),
        ],
      },
    ],
    status: given.status ?? 'active',
    scope: { coding: [{ system: `${THO}/consentscope`, code: 'patient-privacy' }] },
    category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
    patient: { reference: given.patient },
    dateTime: '2026-03-01',
    performer: [{ reference: given.patient }],
    sourceReference: { reference: '#form' },
    policyRule: { coding: [{ system: `${THO}/v3-ActCode`, code: '42CFRPart2' }] },
    verification: [
      { verified: true, verifiedWith: { reference: given.patient }, verificationDate: '2026-03-01' },
    ],
    provision: {
      type: 'permit',
      period: { start: '2026-03-01', ...(given.end === undefined ? {} : { end: given.end }) },
      actor: [actor('CST', given.discloser), actor('IRCP', given.recipient)],
      securityLabel: [{ system: `${THO}/v3-ActCode`, code: '42CFRPart2' }],
      purpose: purposes.map(code => ({ system: `${THO}/v3-ActReason`, code })),
    },
  }
}

import type { JsonObject, Resource } from '../../src/model/fhir.ts'

/** A written form in short: what profiles/law/scenarios/world.json names under `consents`. */
export interface ConsentSpec {
  readonly is?: string
  /** `treatment`: that a minor consented to care; it discloses nothing. */
  readonly scope?: string
  readonly status?: string
  readonly type?: 'permit' | 'deny'
  readonly policy?: string
  readonly uri?: string
  readonly from?: string
  readonly to?: readonly string[]
  readonly designation?: string
  readonly purposes?: readonly string[]
  readonly labels?: readonly string[]
  readonly start?: string
  readonly end?: string | null
  readonly date?: string
  readonly signer?: string
  readonly signed?: boolean
  /** `part2`: the form holds every statement of 42 CFR 2.31(a). */
  readonly form?: string
  /** Paragraphs that the form leaves out, and what the Consent would say of them. */
  readonly without?: readonly string[]
  readonly items?: JsonObject
  /** References of records it is about. */
  readonly data?: readonly string[]
  /** Provisions inside. */
  readonly nested?: readonly JsonObject[]
}

const THO = 'http://terminology.hl7.org/CodeSystem'
const ACT_CODE = `${THO}/v3-ActCode`
const SITE = 'https://consentry.example/fhir/CodeSystem/sensitivity'
const SITE_LABELS = ['ABORTION', 'CONTRACEPTION', 'GENDERAFFIRMING', 'SUDCN']

const coding = (system: string, code: string): JsonObject => ({ coding: [{ system, code }] })

/** The R4 Consent that carries the form, as QUESTION.md lays down. */
export function consentOf(spec: ConsentSpec, id: string, patient: string): Resource {
  const signer = spec.signer ?? patient
  const without = new Set(spec.without ?? [])
  const isSigned = spec.signed !== false && !without.has('2.31(a)(8)')
  const date = without.has('2.31(a)(9)') ? undefined : (spec.date ?? spec.start ?? '2026-05-01')
  const items = itemsOf(spec, without)
  return {
    resourceType: 'Consent',
    id,
    ...(Object.keys(items).length === 0 ? {} : formOf(items)),
    status: spec.status ?? 'active',
    scope: coding(`${THO}/consentscope`, spec.scope ?? 'patient-privacy'),
    category: [coding('http://loinc.org', '59284-0')],
    patient: { reference: patient },
    ...(date === undefined ? {} : { dateTime: date }),
    ...(isSigned ? signature(signer, date) : {}),
    policy: [{ uri: spec.uri ?? 'https://www.ecfr.gov/' }],
    ...(spec.policy === undefined ? {} : { policyRule: policyRule(spec.policy) }),
    ...(spec.scope === 'treatment' ? {} : { provision: provisionOf(spec, without) }),
  }
}

function signature(signer: string, date: string | undefined): JsonObject {
  return {
    performer: [{ reference: signer }],
    verification: [
      {
        verified: true,
        verifiedWith: { reference: signer },
        ...(date === undefined ? {} : { verificationDate: date }),
      },
    ],
  }
}

function policyRule(code: string): JsonObject {
  const system = /^hipaa-/.test(code) ? `${THO}/consentpolicycodes` : ACT_CODE
  return coding(system, code)
}

function provisionOf(spec: ConsentSpec, without: ReadonlySet<string>): JsonObject {
  const actor = (code: string, reference: string, display?: string): JsonObject => ({
    role: coding(`${THO}/v3-ParticipationType`, code),
    reference: { reference, ...(display === undefined ? {} : { display }) },
  })
  const from = spec.from === undefined || without.has('2.31(a)(2)') ? [] : [actor('CST', spec.from)]
  const to = without.has('2.31(a)(4)')
    ? []
    : (spec.to ?? []).map(reference =>
        actor('IRCP', reference, reference.startsWith('Group/') ? spec.designation : undefined),
      )
  const labels = without.has('2.31(a)(3)') ? [] : (spec.labels ?? [])
  const purposes = without.has('2.31(a)(5)') ? [] : (spec.purposes ?? [])
  const end = without.has('2.31(a)(7)') ? undefined : (spec.end ?? undefined)
  return {
    type: spec.type ?? 'permit',
    period: { start: spec.start ?? '2026-05-01', ...(end === undefined ? {} : { end }) },
    ...list('actor', [...from, ...to]),
    ...list('securityLabel', labels.map(labelOf)),
    ...list('purpose', purposes.map(purposeOf)),
    ...list(
      'data',
      (spec.data ?? []).map(reference => ({ meaning: 'instance', reference: { reference } })),
    ),
    ...list('provision', spec.nested ?? []),
  }
}

const labelOf = (code: string): JsonObject => ({
  system: SITE_LABELS.includes(code) ? SITE : ACT_CODE,
  code,
})
const purposeOf = (code: string): JsonObject => ({ system: `${THO}/v3-ActReason`, code })
const list = (name: string, values: readonly JsonObject[]): JsonObject =>
  values.length === 0 ? {} : { [name]: [...values] }

const PART2_ITEMS: JsonObject = {
  ...Object.fromEntries(['1', '2', '3', '4', '5', '6', '8', '9'].map(n => [`2.31(a)(${n})`, 'stated'])),
  '2.31(a)(10)(i)': 'stated',
  '2.31(a)(10)(ii)': 'stated',
}

function itemsOf(spec: ConsentSpec, without: ReadonlySet<string>): JsonObject {
  const expiry = { '2.31(a)(7)': spec.end ?? 'none' }
  const all = { ...(spec.form === 'part2' ? { ...PART2_ITEMS, ...expiry } : {}), ...spec.items }
  return Object.fromEntries(Object.entries(all).filter(([linkId]) => !without.has(linkId)))
}

function formOf(items: JsonObject): JsonObject {
  return {
    contained: [
      {
        resourceType: 'QuestionnaireResponse',
        id: 'form',
        status: 'completed',
        item: Object.entries(items).map(([linkId, value]) => ({
          linkId,
          answer: [{ valueString: String(value) }],
        })),
      },
    ],
    sourceReference: { reference: '#form' },
  }
}

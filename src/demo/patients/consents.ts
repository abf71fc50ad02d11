import type { Chart, Fields, Ref } from './chart.ts'
import { type Code, loinc } from './codes.ts'

const TERMINOLOGY = 'http://terminology.hl7.org/CodeSystem'
const ECFR = 'https://www.ecfr.gov/current'

/** One signed form. What the law at hand asks the patient to be told stands in `statements`. */
export interface Form {
  /** Code of the kind of form: `42CFRPart2`, `hipaa-auth` and so on, with its system below HL7 terminology. */
  readonly policyRule: readonly [system: string, code: string]
  readonly statute: string
  readonly discloser: Ref
  readonly recipient?: Ref
  readonly signedOn: string
  readonly endsOn?: string
  readonly type: 'permit' | 'deny'
  readonly purposes: readonly string[]
  readonly labels?: readonly Code[]
  readonly codes?: readonly Code[]
  readonly instances?: readonly Ref[]
  readonly revokedOn?: string
  readonly statements: readonly Statement[]
}

type Statement = readonly [linkId: string, text: string, answer: Fields]

/** Writes the Consent with its form contained as `#form`. */
export function consent(chart: Chart, form: Form): Ref {
  const signer = { reference: chart.patient.reference }
  return chart.add('Consent', {
    contained: [
      {
        resourceType: 'QuestionnaireResponse',
        id: 'form',
        status: 'completed',
        subject: signer,
        authored: form.signedOn,
        author: signer,
        item: form.statements.map(([linkId, text, answer]) => ({ linkId, text, answer: [answer] })),
      },
    ],
    status: form.revokedOn === undefined ? 'active' : 'inactive',
    scope: { coding: [{ system: `${TERMINOLOGY}/consentscope`, code: 'patient-privacy' }] },
    category: [{ coding: [loinc('59284-0', 'Consent Document')] }],
    patient: signer,
    dateTime: form.signedOn,
    performer: [signer],
    organization: [{ reference: form.discloser.reference }],
    sourceReference: { reference: '#form' },
    policy: [{ uri: form.statute }],
    policyRule: { coding: [{ system: `${TERMINOLOGY}/${form.policyRule[0]}`, code: form.policyRule[1] }] },
    verification: [{ verified: true, verifiedWith: signer, verificationDate: form.signedOn }],
    provision: provision(form),
  })
}

function provision(form: Form): Fields {
  const end = form.revokedOn ?? form.endsOn
  const actor = (code: string, reference: Ref): Fields => ({
    role: { coding: [{ system: `${TERMINOLOGY}/v3-ParticipationType`, code }] },
    reference,
  })
  return {
    type: form.type,
    period: { start: form.signedOn, ...(end === undefined ? {} : { end }) },
    actor: [
      ...(form.type === 'permit' ? [actor('CST', form.discloser)] : []),
      ...(form.recipient === undefined ? [] : [actor('IRCP', form.recipient)]),
    ],
    ...(form.labels === undefined ? {} : { securityLabel: form.labels }),
    purpose: form.purposes.map(code => ({ system: `${TERMINOLOGY}/v3-ActReason`, code })),
    ...(form.codes === undefined ? {} : { code: form.codes.map(code => ({ coding: [code] })) }),
    ...(form.instances === undefined
      ? {}
      : { data: form.instances.map(reference => ({ meaning: 'instance', reference })) }),
  }
}

/** Consent to disclose records of a Part 2 program, with every element of 42 CFR 2.31(a). */
export function part2Form(
  chart: Chart,
  form: Pick<Form, 'discloser' | 'signedOn' | 'purposes' | 'endsOn' | 'revokedOn'> & {
    readonly recipient: Ref
  },
): Form {
  const text = (value: string): Fields => ({ valueString: value })
  const told: Fields = { valueBoolean: true }
  const statements: Statement[] = [
    ['2.31(a)(1)', 'Patient', text(`${chart.person.given} ${chart.person.family}`)],
    ['2.31(a)(2)', 'Who may disclose', text(form.discloser.display ?? form.discloser.reference)],
    [
      '2.31(a)(3)',
      'Information to be disclosed',
      text('all records of my substance use disorder treatment here'),
    ],
    ['2.31(a)(4)', 'Who may receive', text(form.recipient.display ?? form.recipient.reference)],
    ['2.31(a)(5)', 'Purpose', text(form.purposes.join(', '))],
    ['2.31(a)(6)', 'Right to revoke in writing, except to the extent relied on, and how', told],
    ['2.31(a)(7)', 'Expiration date or event', text(form.endsOn ?? 'none')],
    ['2.31(a)(8)', 'Signature', { valueReference: { reference: chart.patient.reference } }],
    ['2.31(a)(9)', 'Date signed', { valueDate: form.signedOn }],
    ['2.31(a)(10)(i)', 'May be redisclosed under HIPAA, except for proceedings against the patient', told],
    ['2.31(a)(10)(ii)', 'Consequences of refusing to sign', told],
    ...(form.revokedOn === undefined
      ? []
      : [['revoked', 'Revoked in writing on', { valueDate: form.revokedOn }] as Statement]),
  ]
  return {
    ...form,
    type: 'permit',
    policyRule: ['v3-ActCode', '42CFRPart2'],
    statute: `${ECFR}/title-42/chapter-I/subchapter-A/part-2/section-2.31`,
    labels: [{ system: `${TERMINOLOGY}/v3-ActCode`, code: '42CFRPart2', display: '42 CFR Part2' }],
    statements,
  }
}

/** HIPAA authorization with the core elements of 45 CFR 164.508(c). */
export function authorizationForm(
  chart: Chart,
  form: Pick<Form, 'discloser' | 'signedOn' | 'purposes' | 'labels' | 'codes' | 'policyRule'> & {
    readonly recipient: Ref
    readonly endsOn: string
    readonly information: string
  },
): Form {
  const told: Fields = { valueBoolean: true }
  return {
    ...form,
    type: 'permit',
    statute: `${ECFR}/title-45/part-164/section-164.508`,
    statements: [
      ['164.508(c)(1)(i)', 'Information to be disclosed', { valueString: form.information }],
      ['164.508(c)(1)(ii)', 'Who may disclose', { valueString: form.discloser.display ?? '' }],
      ['164.508(c)(1)(iii)', 'Who may receive', { valueString: form.recipient.display ?? '' }],
      ['164.508(c)(1)(iv)', 'Purpose', { valueString: form.purposes.join(', ') }],
      ['164.508(c)(1)(v)', 'Expiration', { valueString: form.endsOn }],
      [
        '164.508(c)(1)(vi):signature',
        'Signature',
        { valueReference: { reference: chart.patient.reference } },
      ],
      ['164.508(c)(1)(vi):date', 'Date signed', { valueDate: form.signedOn }],
      ['164.508(c)(2)(i)', 'Right to revoke in writing', told],
      ['164.508(c)(2)(ii)', 'Treatment does not depend on signing', told],
      ['164.508(c)(2)(iii)', 'May be redisclosed by the recipient', told],
    ],
  }
}

/** Authorization to tell one named recipient of an abortion: Cal. Civ. Code 56.11, asked for by 56.110. */
export function namedRecipientForm(
  chart: Chart,
  form: Pick<Form, 'discloser' | 'signedOn' | 'purposes' | 'labels'> & {
    readonly recipient: Ref
    readonly endsOn: string
  },
): Form {
  const text = (value: string | undefined): Fields => ({ valueString: value ?? '' })
  const information = 'information on abortion and abortion-related services may be disclosed'
  return {
    ...form,
    type: 'permit',
    policyRule: ['consentpolicycodes', 'hipaa-auth'],
    statute:
      'https://leginfo.legislature.ca.gov/faces/codes_displaySection.xhtml?lawCode=CIV&sectionNum=56.11',
    statements: [
      ['56.11:information', 'Information to be disclosed', text(information)],
      ['56.11:discloser', 'Who may disclose', text(form.discloser.display)],
      ['56.11:recipient', 'Who may receive', text(form.recipient.display)],
      ['56.11:purpose', 'Purpose', text(form.purposes.join(', '))],
      ['56.11:revocation', 'Right to revoke in writing', { valueBoolean: true }],
      ['56.11:redisclosure', 'May be subject to redisclosure', { valueBoolean: true }],
      ['56.11:expiration', 'Expiration', text(form.endsOn)],
      ['56.11:signature', 'Signature', { valueReference: { reference: chart.patient.reference } }],
      ['56.11:date', 'Date signed', { valueDate: form.signedOn }],
    ],
  }
}

/** Restriction of disclosures to a health plan: 45 CFR 164.522(a)(1); for a visit paid in full it must be agreed to. */
export function planRestrictionForm(
  form: Pick<Form, 'discloser' | 'signedOn' | 'instances' | 'labels'> & {
    readonly plan: Ref
    readonly paidOn?: string
  },
): Form {
  const paid: Statement[] =
    form.paidOn === undefined ? [] : [['paid', 'Paid in full by the patient on', { valueDate: form.paidOn }]]
  return {
    ...form,
    recipient: form.plan,
    type: 'deny',
    policyRule: ['consentpolicycodes', form.paidOn === undefined ? 'hipaa-restrictions' : 'hipaa-self-pay'],
    statute: `${ECFR}/title-45/part-164/section-164.522`,
    purposes: ['HPAYMT', 'HOPERAT'],
    statements: [
      [
        form.paidOn === undefined ? '164.522(a)(1)(i)' : '164.522(a)(1)(vi)',
        'Restriction requested and agreed: not to my health plan',
        { valueBoolean: true },
      ],
      ...paid,
    ],
  }
}

/** A minor who consented alone to a service: scope `treatment`, signed by the minor, no provision. */
export const consentToCare = (chart: Chart, signedOn: string, statute: string): Ref =>
  chart.add('Consent', {
    status: 'active',
    scope: { coding: [{ system: `${TERMINOLOGY}/consentscope`, code: 'treatment' }] },
    category: [{ coding: [loinc('59284-0', 'Consent Document')] }],
    patient: { reference: chart.patient.reference },
    dateTime: signedOn,
    performer: [{ reference: chart.patient.reference }],
    policy: [{ uri: statute }],
    verification: [
      { verified: true, verifiedWith: { reference: chart.patient.reference }, verificationDate: signedOn },
    ],
  })

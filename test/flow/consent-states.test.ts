import { describe, expect, it } from 'vitest'
import type { JsonObject, Resource } from '../../src/model/fhir.ts'
import { tpoConsent } from '../support/consents.ts'
import { ask, effects, leaves, PROGRAM, SUBJECT } from './question-kit.ts'

const record: Resource = {
  resourceType: 'Condition',
  id: 'record',
  subject: SUBJECT,
  recorder: PROGRAM,
  code: { coding: [{ system: 'http://hl7.org/fhir/sid/icd-10-cm', code: 'F11.20' }] },
}
const ordinary: Resource = {
  resourceType: 'Condition',
  id: 'ordinary',
  subject: SUBJECT,
  code: { text: 'Asthma' },
}
const resources = [record, ordinary]

const THO = 'http://terminology.hl7.org/CodeSystem'
const given = tpoConsent({
  id: 'tpo',
  patient: 'Patient/p',
  discloser: PROGRAM.reference,
  recipient: 'Organization/other',
})
const provision = given['provision'] as JsonObject
const ended = { ...provision, period: { start: '2026-03-01', end: '2026-05-01' } }
const scope = (code: string) => ({ coding: [{ system: `${THO}/consentscope`, code }] })

describe('a Consent permits only while it is one', () => {
  it('in force, it opens what it names', () => {
    expect(effects({ resources, consents: [given] })).toMatchObject({ 'Condition/record': 'permit' })
  })

  it.each([
    ['inactive', { ...given, status: 'inactive' }],
    ['a draft', { ...given, status: 'draft' }],
    ['proposed', { ...given, status: 'proposed' }],
    ['entered in error', { ...given, status: 'entered-in-error' }],
    ['expired', { ...given, provision: ended }],
    ['not yet in force', { ...given, provision: { ...provision, period: { start: '2027-01-01' } } }],
    ['about treatment', { ...given, scope: scope('treatment') }],
    ['about research', { ...given, scope: scope('research') }],
    ['an advance directive', { ...given, scope: scope('adr') }],
  ] as const)('%s, it opens nothing, and takes nothing else away', (_, consent) => {
    expect(effects({ resources, consents: [consent] })).toEqual({
      'Patient/p': 'permit',
      'Condition/record': 'deny',
      'Condition/ordinary': 'permit',
    })
  })

  it('revoked, the refusal is silent: the answer is that to a patient without such records', () => {
    const consents = [{ ...given, status: 'inactive' }]
    const { decided } = ask({ resources, consents })
    const [refused] = decided.filter(({ labelled }) => labelled.facts.id === 'record')
    expect(refused?.decision.because.some(({ silent }) => silent)).toBe(true)
    expect(leaves({ resources, consents })).toBe(leaves({ resources: [ordinary] }))
  })
})

describe('a restriction binds only while it stands', () => {
  const restriction = (more: JsonObject = {}, period: JsonObject = {}): Resource => ({
    resourceType: 'Consent',
    id: 'not-to-them',
    status: 'active',
    scope: scope('patient-privacy'),
    category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
    patient: SUBJECT,
    dateTime: '2026-03-01',
    policyRule: { coding: [{ system: `${THO}/consentpolicycodes`, code: 'hipaa-restrictions' }] },
    provision: {
      type: 'deny',
      ...period,
      actor: [
        {
          role: { coding: [{ system: `${THO}/v3-ParticipationType`, code: 'IRCP' }] },
          reference: { reference: 'Organization/other' },
        },
      ],
    },
    ...more,
  })
  const asked = (consent: Resource) =>
    effects({ resources: [ordinary], consents: [consent] })['Condition/ordinary']

  it('in force it denies; expired, inactive or of another scope it does not', () => {
    expect(asked(restriction())).toBe('deny')
    expect(asked(restriction({}, { period: { end: '2026-05-01' } }))).toBe('permit')
    expect(asked(restriction({ status: 'inactive' }))).toBe('permit')
    expect(asked(restriction({ scope: scope('treatment') }))).toBe('permit')
  })

  it('that cannot be read denies, whatever it says', () => {
    expect(
      asked(restriction({ modifierExtension: [{ url: 'https://site.example/not', valueBoolean: true }] })),
    ).toBe('deny')
    expect(asked(restriction({ status: 'unheard-of' }))).toBe('deny')
  })
})

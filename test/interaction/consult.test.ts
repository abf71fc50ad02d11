import { describe, expect, test } from 'vitest'
import { createConsultParser } from '../../src/interaction/consult.ts'
import type { Coding } from '../../src/model/fhir.ts'
import { question } from '../support/consult.ts'
import { type Asked, exchange, OPTIONS, refusalOf } from './exchange.ts'

const ACT_CODE = 'http://terminology.hl7.org/CodeSystem/v3-ActCode'
const SCOPE = 'http://terminology.hl7.org/CodeSystem/consentscope'
const PATH = '/cds-services/patient-consent-consult'
const JSON_HEADERS = [
  ['Host', 'gw.example'],
  ['Content-Type', 'application/json'],
  ['Accept', 'application/json'],
] as const

const parser = createConsultParser({
  baseUrl: OPTIONS.baseUrl,
  limits: { ...OPTIONS.limits, jsonDepth: 20 },
  labelOf: ({ system, code }: Coding) =>
    code === 'SUD' && (system === undefined || system === ACT_CODE) ? { system: ACT_CODE, code } : undefined,
})

const ask = (body: string | Uint8Array, asked: Asked = {}, path = PATH) =>
  parser.understand(exchange(path, { method: 'POST', headers: JSON_HEADERS, body, ...asked }))
const of = (context: object) => ask(question(context))
const refused = (context: object) => refusalOf(() => of(context))

describe('what existing clients send', () => {
  test('the context of a LEAP-CDS client is understood', () => {
    expect(
      ask(
        JSON.stringify({
          hook: 'patient-consent-consult',
          hookInstance: 'hook-instance-123',
          context: {
            patientId: [{ system: 'http://hl7.org/fhir/sid/us-ssn', value: '111111111' }],
            category: [{ system: SCOPE, code: 'patient-privacy' }],
            class: [{ system: 'http://hl7.org/fhir/resource-types', value: 'MedicationStatement' }],
            purposeOfUse: ['TREAT'],
            actor: [{ system: 'urn:ietf:rfc:3986', value: '2.16.840.1.113883.20.5' }],
          },
        }),
      ),
    ).toEqual({
      code: 'operation',
      operation: 'patient-consent-consult',
      hookInstance: 'hook-instance-123',
      patients: [{ identifier: { system: 'http://hl7.org/fhir/sid/us-ssn', value: '111111111' } }],
      actors: [{ identifier: { system: 'urn:ietf:rfc:3986', value: '2.16.840.1.113883.20.5' } }],
      purposes: ['TREAT'],
      labels: [],
      classes: [{ system: 'http://hl7.org/fhir/resource-types', code: 'MedicationStatement' }],
      content: false,
    })
  })

  test('its older form has one patient, one actor, one purpose and a scope', () => {
    expect(
      of({
        patientId: { system: 'http://hl7.org/fhir/sid/us-medicare', value: '0000-000-0000' },
        scope: 'patient-privacy',
        purposeOfUse: 'TREAT',
        actor: { system: 'sample-system', value: 'sample-id' },
      }),
    ).toMatchObject({
      patients: [{ identifier: { system: 'http://hl7.org/fhir/sid/us-medicare', value: '0000-000-0000' } }],
      purposes: ['TREAT'],
      actors: [{ identifier: { system: 'sample-system', value: 'sample-id' } }],
    })
  })

  test('a SHARES client names references as values, sends empty lists and content, which is only noted', () => {
    const context = {
      actor: [{ value: 'Organization/128' }],
      purposeOfUse: [],
      category: [],
      patientId: [{ value: 'Patient/2321' }],
      class: [],
      consent: [],
      content: { resourceType: 'Bundle', entry: [{ resource: { resourceType: 'Observation' } }] },
    }
    expect(
      ask(question(context, { $schema: 'x', prefetch: {}, fhirServer: 'https://ehr.example' })),
    ).toMatchObject({
      patients: [{ reference: 'Patient/2321' }],
      actors: [{ reference: 'Organization/128' }],
      purposes: [],
      labels: [],
      classes: [],
      content: true,
    })
  })

  test('the patient id of CDS Hooks is one of this server', () => {
    expect(of({ patientId: 'elena' })).toMatchObject({ patients: [{ reference: 'Patient/elena' }] })
  })

  test('a reference under our base is ours and one under another is not', () => {
    expect(of({ patientId: [{ value: 'https://gw.example/fhir/Patient/1' }] })).toMatchObject({
      patients: [{ reference: 'Patient/1' }],
    })
    expect(of({ patientId: [{ value: 'https://other.example/fhir/Patient/1' }] })).toMatchObject({
      patients: [{ identifier: { value: 'https://other.example/fhir/Patient/1' } }],
    })
  })

  test('a category that is a sensitivity label is asked about, and any other names a kind of Consent', () => {
    const category = [
      { system: ACT_CODE, code: 'SUD' },
      { system: 'http://loinc.org', code: '59284-0' },
    ]
    const { labels } = of({ patientId: '1', category, securityLabel: [{ code: 'SUD' }] })
    expect(labels).toEqual([{ system: ACT_CODE, code: 'SUD' }])
  })
})

describe('what is refused', () => {
  test.each<[string, object, string]>([
    ['no patient', {}, 'bad-request'],
    ['an empty list of patients', { patientId: [] }, 'bad-request'],
    ['a patient that is none', { patientId: [{ value: 'Group/1' }] }, 'bad-parameter'],
    ['a patient without value', { patientId: [{ system: 'urn:x' }] }, 'bad-parameter'],
    ['a number for a patient', { patientId: 7 }, 'bad-request'],
    ['more patients than anybody has names', { patientId: Array(11).fill('1') }, 'bad-request'],
    ['a member nobody knows', { patientId: '1', onlyCategories: ['x'] }, 'unknown-parameter'],
    ['Consents in the question', { patientId: '1', consent: [{ resourceType: 'Consent' }] }, 'not-supported'],
    ['an advance directive', { patientId: '1', scope: 'adr' }, 'not-supported'],
    [
      'the same as a category',
      { patientId: '1', category: [{ system: SCOPE, code: 'adr' }] },
      'not-supported',
    ],
    ['a label that is not known', { patientId: '1', securityLabel: [{ code: 'XYZ' }] }, 'bad-parameter'],
    ['control characters', { patientId: '1', actor: [{ value: 'a\nb' }] }, 'bad-parameter'],
    ['a purpose that is no text', { patientId: '1', purposeOfUse: [7] }, 'bad-parameter'],
    ['a class without code', { patientId: '1', class: [{ system: 'x' }] }, 'bad-parameter'],
  ])('%s', (_, context, code) => {
    expect(refused(context)).toBe(code)
    expect(refused({ patientId: '1' })).toBe('accepted')
  })

  test.each<[string, object]>([
    ['another hook', { hook: 'patient-view' }],
    ['no hook', { hook: undefined }],
    ['no hookInstance', { hookInstance: undefined }],
    ['a hookInstance with blanks', { hookInstance: 'a b' }],
    ['a hookInstance that is too long', { hookInstance: 'a'.repeat(129) }],
    ['a context that is a list', { context: [] }],
    ['no context', { context: undefined }],
  ])('%s', (_, more) => {
    expect(refusalOf(() => ask(question({ patientId: '1' }, more)))).toBe('bad-request')
  })

  test.each<[string, string | Uint8Array]>([
    ['no JSON', '{'],
    ['nothing', ''],
    ['two values', `${question({ patientId: '1' })} {}`],
    ['a member twice', question({ patientId: '1' }).replace('"hook":', '"hook":"x","hook":')],
    ['a list', '[]'],
    ['bytes that are no UTF-8', new Uint8Array([0x7b, 0xff, 0x7d])],
    ['a name that reaches a prototype', '{"__proto__":{}}'],
    ['nesting without end', `${'{"a":'.repeat(40)}1${'}'.repeat(40)}`],
  ])('a body that is %s', (_, body) => {
    expect(refusalOf(() => ask(body))).toBe('bad-request')
  })

  test('a body over the limit', () => {
    const content = { resourceType: 'Bundle', text: 'x'.repeat(20_000) }
    expect(refused({ patientId: '1', content })).toBe('too-large')
  })

  test('no refusal repeats a value of the question', () => {
    const secret = 'Elena-Marsh-1957'
    for (const context of [
      { patientId: '1', [secret]: 1 },
      { patientId: [{ system: secret }] },
      { patientId: '1', scope: secret },
    ]) {
      const error = (() => {
        try {
          of(context)
        } catch (thrown) {
          return thrown as { diagnostics?: string; message: string }
        }
        throw new Error('expected a refusal')
      })()
      expect(`${error.diagnostics} ${error.message}`).not.toContain(secret)
    }
  })

  test.each<[string, Asked, string, string]>([
    ['another method', { method: 'PUT' }, PATH, 'not-supported'],
    ['another service', {}, '/cds-services/other', 'not-found'],
    ['feedback', {}, `${PATH}/feedback`, 'not-found'],
    ['a query', {}, `${PATH}?a=b`, 'not-found'],
    ['an encoded path', {}, '/cds-services/patient%2Dconsent-consult', 'not-found'],
    [
      'a form',
      { headers: [['Content-Type', 'application/x-www-form-urlencoded']] },
      PATH,
      'unsupported-media-type',
    ],
    ['no media type', { headers: [] }, PATH, 'unsupported-media-type'],
    [
      'another charset',
      { headers: [['Content-Type', 'application/json; charset=latin1']] },
      PATH,
      'unsupported-media-type',
    ],
    [
      'compression',
      { headers: [...JSON_HEADERS, ['Content-Encoding', 'gzip']] },
      PATH,
      'unsupported-media-type',
    ],
    [
      'a client that wants XML',
      { headers: [JSON_HEADERS[1], ['Accept', 'application/xml']] },
      PATH,
      'not-acceptable',
    ],
    [
      'method override',
      { headers: [...JSON_HEADERS, ['X-HTTP-Method-Override', 'PUT']] },
      PATH,
      'bad-header',
    ],
  ])('%s', (_, asked, path, code) => {
    expect(refusalOf(() => ask(question({ patientId: '1' }), asked, path))).toBe(code)
  })
})

describe('the discovery document', () => {
  const isDiscovery = (path: string, asked: Asked = {}) => parser.isDiscovery(exchange(path, asked))

  test('is public under its exact name', () => {
    expect(isDiscovery('/cds-services')).toBe(true)
  })

  test.each([
    '/cds-services/',
    '/cds-services?x=y',
    '/cds%2Dservices',
    PATH,
    '/cds-services/../cds-services',
  ])('is nowhere else: %s', path => expect(isDiscovery(path)).toBe(false))

  test('is a GET without body and without odd headers', () => {
    expect(isDiscovery('/cds-services', { method: 'POST' })).toBe(false)
    expect(isDiscovery('/cds-services', { body: '{}' })).toBe(false)
    expect(isDiscovery('/cds-services', { headers: [['X-HTTP-Method-Override', 'POST']] })).toBe(false)
  })
})

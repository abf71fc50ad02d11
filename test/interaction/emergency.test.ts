import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createEmergencyParser } from '../../src/interaction/emergency.ts'
import type { JsonObject } from '../../src/model/fhir.ts'
import { Refusal } from '../../src/model/refusal.ts'
import { type Asked, exchange, OPTIONS } from './exchange.ts'

const PATH = '/emergency-access'
const HEADERS = [
  ['Host', 'gw.example'],
  ['Content-Type', 'application/json'],
] as const
const parser = createEmergencyParser({
  path: PATH,
  baseUrl: OPTIONS.baseUrl,
  limits: { ...OPTIONS.limits, jsonDepth: 20 },
})

const WHOLE: JsonObject = {
  patient: 'Patient/ada',
  reason: 'dose of methadone',
  natureOfEmergency: 'unconscious',
  consentUnobtainable: true,
  consentUnobtainableReason: 'unconscious',
  medicalPersonnel: { name: 'Tomas Okonjo', facility: 'Sierra Basin' },
}

/** The refusal itself, for the member that it names. */
function refusalOf(run: () => unknown): Refusal {
  try {
    run()
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
  throw new Error('it was accepted')
}

const ask = (body: string | Uint8Array, asked: Asked = {}, path = PATH) =>
  parser.understand(exchange(path, { method: 'POST', headers: HEADERS, body, ...asked }))
const of = (more: JsonObject) => ask(JSON.stringify({ ...WHOLE, ...more }))
const refused = (more: JsonObject) => refusalOf(() => of(more))

describe('a declaration', () => {
  test('holds every fact as it was stated', () => {
    expect(of({})).toEqual({ code: 'operation', operation: 'emergency-access', ...WHOLE })
    expect(of({ neededForTreatment: true })).toMatchObject({ neededForTreatment: true })
  })

  test.each(['ada', 'Patient/ada', `${OPTIONS.baseUrl}/Patient/ada`])('names its patient as %s', patient => {
    expect(of({ patient }).patient).toBe('Patient/ada')
  })

  test.each([
    undefined,
    '',
    '*',
    'Patient/',
    'Patient/a/b',
    'Patient?name=ada',
    'Patient/ada,Patient/ben',
    'Practitioner/ada',
    'https://elsewhere.example/fhir/Patient/ada',
    ['Patient/ada'],
    { reference: 'Patient/ada' },
    null,
  ])('names one patient, and %j does not', patient => {
    expect(refused({ patient }).diagnostics).toContain('patient: expected one patient')
  })

  test.each(['reason', 'natureOfEmergency', 'consentUnobtainableReason'])('states %s in words', member => {
    for (const value of [undefined, '', ' ', '-', '...', 12, true, 'a'.repeat(1001), 'a\u0007', 'a\u202eb'])
      expect(refused({ [member]: value }).diagnostics).toContain(`${member}: expected words`)
  })

  test.each(['name', 'facility'])('states the %s of the medical personnel', member => {
    const medicalPersonnel = { ...(WHOLE['medicalPersonnel'] as JsonObject), [member]: ' ' }
    expect(refused({ medicalPersonnel }).diagnostics).toContain(`medicalPersonnel.${member}: expected words`)
  })

  test.each([undefined, false, 'true', 1, null])(
    'attests that consent cannot be obtained, and %j does not',
    value => {
      expect(refused({ consentUnobtainable: value }).diagnostics).toContain(
        'consentUnobtainable: expected true',
      )
    },
  )

  test('is one line a fact, so that a reviewer reads no line that nobody wrote', () => {
    expect(of({ reason: ' first\r\nclosed  today by the officer ' })).toMatchObject({
      reason: 'first closed today by the officer',
    })
  })

  test('says nothing beyond what is known', () => {
    expect(refused({ minutes: 600 }).code).toBe('unknown-parameter')
    expect(refused({ medicalPersonnel: { name: 'A', facility: 'B', role: 'C' } }).code).toBe(
      'unknown-parameter',
    )
    expect(refusalOf(() => ask('{"patient":"ada","patient":"ben"}')).code).toBe('bad-request')
  })

  test('is a POST of JSON at exactly its path', () => {
    const body = JSON.stringify(WHOLE)
    expect(refusalOf(() => ask(body, { method: 'GET' })).code).toBe('not-supported')
    expect(refusalOf(() => ask(body, {}, `${PATH}/`)).code).toBe('not-found')
    expect(refusalOf(() => ask(body, {}, `${PATH}?patient=ben`)).code).toBe('not-found')
    expect(refusalOf(() => ask('patient=ada')).code).toBe('bad-request')
    const form = [['Content-Type', 'application/x-www-form-urlencoded']] as const
    expect(refusalOf(() => ask(body, { headers: form })).code).toBe('unsupported-media-type')
  })

  test('doubt denies: whatever JSON comes, it is understood whole or refused', () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(WHOLE), 'other'), fc.jsonValue(), (member, value) => {
        const body = JSON.stringify({ ...WHOLE, [member]: value })
        try {
          const { patient, reason, natureOfEmergency, medicalPersonnel } = ask(body)
          const texts = [reason, natureOfEmergency, medicalPersonnel.name, medicalPersonnel.facility]
          expect(texts.every(text => /\p{L}/u.test(text))).toBe(true)
          expect(patient).toMatch(/^Patient\/[A-Za-z0-9.-]{1,64}$/)
        } catch (error) {
          expect(refusalOf(() => ask(body)).diagnostics, String(error)).toMatch(/expected|must be/)
        }
      }),
    )
  })
})

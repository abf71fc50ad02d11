import { describe, expect, test } from 'vitest'
import { checkQuestion, QuestionError } from '../../src/data/question.ts'

const WHOLE = {
  at: '2026-01-01T00:00:00Z',
  requester: { role: 'provider', user: null, hipaa: 'covered-entity' },
  purposeOfUse: 'TREAT',
  patient: { reference: 'Patient/p' },
  consents: [{ resourceType: 'Consent' }],
  resources: [{ resourceType: 'Condition', id: 'x' }],
}

describe('a question', () => {
  test.each([
    ['with every purpose form', { purposeOfUse: [{ code: 'TREAT' }, { system: 's', code: 'HPAYMT' }] }],
    ['with a whole patient', { patient: { resourceType: 'Patient', id: 'p' } }],
    ['with sources as a list', { registry: { sources: [{ uri: 'u', organization: 'Organization/o' }] } }],
    ['with facts this version does not know', { request: { kind: 'read', other: 1 }, more: true }],
  ])('%s is one', (_form, change) => {
    const question = { ...WHOLE, ...change }
    expect(checkQuestion(question, 'q.json')).toBe(question)
  })

  test.each([
    [null, 'q.ndjson:3: must be object'],
    [{}, "q.ndjson:3: must have required property 'at'"],
    [{ ...WHOLE, at: 'yesterday' }, 'q.ndjson:3 at /at: must match format "date-time"'],
    [
      { ...WHOLE, custodian: { part2: 'maybe' } },
      'q.ndjson:3 at /custodian/part2: must be equal to one of the allowed values: program,lawful-holder,none',
    ],
    [
      { ...WHOLE, consents: [{ resourceType: 'Patient' }] },
      'q.ndjson:3 at /consents/0/resourceType: must be equal to constant',
    ],
    [
      { ...WHOLE, resources: [{ resourceType: 'x y', id: '1' }] },
      /^q\.ndjson:3 at \/resources\/0\/resourceType: must match pattern/,
    ],
  ])('%j is none, and the message says where and why', (value, message) => {
    expect(() => checkQuestion(value, 'q.ndjson:3')).toThrow(QuestionError)
    expect(() => checkQuestion(value, 'q.ndjson:3')).toThrow(message)
  })

  test('the message does not quote what stood there', () => {
    const secret = { ...WHOLE, at: 'Ann Smith, HIV' }
    expect(() => checkQuestion(secret, 'q')).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('Ann') }),
    )
  })
})

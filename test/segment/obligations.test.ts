import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Projection } from '../../src/model/projection.ts'
import { noticesOf, undischargeable } from '../../src/segment/obligations.ts'
import { CONSENT_REF, decision, NOTICES } from './kit.ts'

const ids = new Set(Object.keys(NOTICES))

interface Listed {
  readonly id: string
  readonly kind: 'answer' | 'record' | 'condition'
  readonly citation: string
  readonly text: string
  readonly projection?: string
}
const { obligations } = JSON.parse(
  readFileSync(new URL('../../profiles/deployment/obligations.json', import.meta.url), 'utf8'),
) as { obligations: Listed[] }

/** Duties that need what is not at hand here: projections, writes. What asks for them does not leave. */
const ON_PURPOSE_NOT_MET = [
  'CONFIDENTIAL_COMMUNICATIONS',
  'CONFLICT_RESPONSE',
  'DEIDENTIFY',
  'LDS_STRIP_16',
  'LE_LOCATE_SET_ONLY',
  'LIMIT_TO_INVOLVEMENT',
  'LIMIT_TO_THREAT',
  'MIN_NECESSARY',
  'NO_FURTHER_USE_REQUEST',
  'P2_LIMIT_TO_PURPOSE',
  'PAYER_FIVE_FIELDS',
]

const inert = (id: string): Projection => ({
  id,
  key: '1',
  removes: () => false,
  apply: () => ({ tags: [], security: [] }),
})

const owing = (obligation: string) =>
  undischargeable(decision({ obligations: ['AUDIT', obligation], consents: [CONSENT_REF] }), ids)

describe('each obligation the house knows', () => {
  const known = obligations.map(({ id }) => id.replace('*', 'ny-hiv'))

  test.each(known)('%s is met, or is known not to be', id => {
    expect(owing(id)).toBe(ON_PURPOSE_NOT_MET.includes(id) ? id : undefined)
  })

  test.each(obligations.filter(({ projection }) => projection !== undefined))(
    '$id is met by the projection it names, and by no other',
    ({ id, projection = '' }) => {
      const named = projection === 'view' ? 'view:payment-payer' : projection
      const means = {
        obligations: Object.fromEntries(obligations.map(one => [one.id, one])),
        projections: new Map(['view:payment-payer', projection, 'other'].map(each => [each, inert(each)])),
      }
      const by = (projections: string[]) =>
        undischargeable(decision({ obligations: [id], projections }), ids, means)
      expect([by([named]), by([]), by(['other']), by(['gone'])]).toEqual([
        undefined,
        id,
        id,
        'projection gone',
      ])
    },
  )

  test('the list of those that are not met names none but known ones', () => {
    expect(ON_PURPOSE_NOT_MET.filter(id => !known.includes(id))).toEqual([])
  })
})

describe('what is not understood is not met', () => {
  test.each([
    '',
    'NOTIFY_THE_POPE',
    'audit',
    'P2_NOTICE ',
    'STATE_NOTICE',
    'STATE_NOTICE:',
    'STATE_NOTICE:xx-none',
  ])('%j', obligation => {
    expect(owing(obligation)).toBe(obligation)
  })

  test('a notice that is not in the tables', () => {
    expect(undischargeable(decision({ notices: ['p2-long', 'p2-lost'] }), ids)).toBe('notice p2-lost')
  })

  test('a redaction that does not say of what', () => {
    expect(undischargeable(decision({ effect: 'redact' }), ids)).toBe('redaction of unnamed elements')
    expect(undischargeable(decision({ effect: 'redact', redact: ['note'] }), ids)).toBeUndefined()
  })

  test('a consent copy without a consent', () => {
    expect(undischargeable(decision({ obligations: ['P2_CONSENT_COPY'] }), ids)).toBe('P2_CONSENT_COPY')
  })
})

test('notices come from both lists, each once', () => {
  const asked = decision({
    notices: ['p2-long', 'ny-hiv'],
    obligations: ['AUDIT', 'STATE_NOTICE:ny-hiv', 'STATE_NOTICE:wa-std'],
  })
  expect(noticesOf(asked)).toEqual(['p2-long', 'ny-hiv', 'wa-std'])
})

const shared = new URL('../../../shared/data/notices.json', import.meta.url)
if (!existsSync(shared))
  console.log('notices: ../shared/data/notices.json is absent, its texts are not compared')

/** Notices for which no rule gives a wording. */
const OWN_WORDS = new Set(['hipaa-no-further-use'])

test.skipIf(!existsSync(shared))('statements are word for word those of their sources', () => {
  const { notices } = JSON.parse(readFileSync(shared, 'utf8')) as { notices: { id: string; text: string }[] }
  const compared = notices.filter(({ id }) => NOTICES[id] !== undefined)
  const sourced = Object.keys(NOTICES).filter(id => !OWN_WORDS.has(id))
  expect(compared.map(({ id }) => id).sort()).toEqual(sourced.sort())
  for (const { id, text } of compared) expect(Buffer.from(NOTICES[id]?.text ?? '')).toEqual(Buffer.from(text))
})

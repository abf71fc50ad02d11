import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createInteractionParser } from '../../src/interaction/parser.ts'
import {
  type Asked,
  exchange,
  NOW,
  OPTIONS,
  parser,
  refusalOf,
  search,
  targetOf,
  understand,
} from './exchange.ts'

const QUERY = '/fhir/Observation?patient=1&category=laboratory&_sort=-date&_count=50'
const first = search(QUERY)
const link = (offset: number, asked: Asked = {}) => parser.sealNext(exchange(QUERY, asked), first, offset)
const open = (target: string, asked: Asked = {}) => refusalOf(() => understand(target, asked))
const minutesLater = (minutes: number) =>
  createInteractionParser({ ...OPTIONS, now: () => new Date(NOW.getTime() + minutes * 60_000) })

describe('a page link', () => {
  test('is the type and one token under the base URL of the gateway', () => {
    expect(link(50)).toMatch(/^https:\/\/gw\.example\/fhir\/Observation\?_page=[A-Za-z0-9_-]+$/)
    expect(link(50)).not.toContain('patient')
  })

  test('leads to the same search, further on', () => {
    expect(search(targetOf(link(50)))).toEqual({ ...first, offset: 50 })
  })

  test('of a search by POST is a GET that remembers it', () => {
    const posted = { ...first, method: 'POST' as const }
    expect(search(targetOf(parser.sealNext(exchange(QUERY), posted, 50)))).toEqual({ ...posted, offset: 50 })
  })

  test('seals the next link of a next page to the same bytes as from the first', () => {
    const second = search(targetOf(link(50)))
    expect(parser.sealNext(exchange(QUERY), second, 100)).toBe(link(100))
  })

  test('stands alone', () => {
    for (const more of ['&_count=5', '&_format=json', '&_page=x']) {
      expect(open(targetOf(link(50)) + more)).toBe('bad-parameter')
    }
  })

  test('is read from a GET of its own type only', () => {
    const token = new URL(link(50)).search
    expect(open(`/fhir/Condition${token}`)).toBe('page-expired')
    expect(open(`/fhir/Observation/_search${token}`, { method: 'POST' })).not.toBe('accepted')
    expect(open(`/fhir/Observation/1${token}`)).toBe('unknown-parameter')
  })

  test.each<[string, Asked]>([
    ['another requester', { key: 'https://idp.example|user|2' }],
    ['another client', { client: 'other' }],
    ['another purpose', { purposes: ['HPAYMT'] }],
    ['more purposes', { purposes: ['TREAT', 'HPAYMT'] }],
  ])('is of no use to %s', (_title, asked) => {
    expect(open(targetOf(link(50)), asked)).toBe('page-expired')
    expect(open(targetOf(link(50, asked)), asked)).toBe('accepted')
  })

  test('does not depend on the order of purposes', () => {
    expect(link(50, { purposes: ['TREAT', 'HPAYMT'] })).toBe(link(50, { purposes: ['HPAYMT', 'TREAT'] }))
  })

  test('does not outlive the policy it was sealed under, nor its key', () => {
    for (const change of [{ revision: 'r2' }, { pageKey: new Uint8Array(32).fill(8) }]) {
      const other = createInteractionParser({ ...OPTIONS, ...change })
      expect(refusalOf(() => other.understand(exchange(targetOf(link(50)))))).toBe('page-expired')
    }
  })

  test('expires, rounded up to the minute', () => {
    const at = (minutes: number) =>
      refusalOf(() => minutesLater(minutes).understand(exchange(targetOf(link(50)))))
    expect(at(10)).toBe('accepted')
    expect(at(11)).toBe('page-expired')
  })

  test('is equal for two requests of one minute', () => {
    const second = (seconds: number) =>
      link(50, { receivedAt: new Date(Date.UTC(2026, 2, 1, 12, 0, seconds)) })
    expect(second(1)).toBe(second(59))
    expect(second(1)).not.toBe(second(61))
  })

  test.each(['', 'x', 'a'.repeat(100), '%2e%2e', '-'.repeat(300), `${'A'.repeat(400)}=`])(
    'made up as "%s" is refused',
    token => {
      expect(open(`/fhir/Observation?_page=${token}`)).toBe('page-expired')
    },
  )
})

describe('nothing minted is transferable', () => {
  const token = new URL(link(50)).searchParams.get('_page') ?? ''

  test('a token with any character changed is refused', () => {
    for (let index = 0; index < token.length; index++) {
      for (const letter of ['A', 'B', '_', '9']) {
        if (token[index] === letter) continue
        const forged = token.slice(0, index) + letter + token.slice(index + 1)
        expect(open(`/fhir/Observation?_page=${forged}`)).toBe('page-expired')
      }
    }
  })

  test('a token cut or lengthened is refused', () => {
    for (let length = 0; length < token.length; length++) {
      expect(open(`/fhir/Observation?_page=${token.slice(0, length)}`)).toBe('page-expired')
    }
    for (const tail of ['A', 'AA', 'AAAA'])
      expect(open(`/fhir/Observation?_page=${token}${tail}`)).toBe('page-expired')
  })

  test('every offset gives a token of one length, opens to itself and is deterministic', () => {
    fc.assert(
      fc.property(fc.nat({ max: 0xffffffff }), offset => {
        expect(link(offset)).toHaveLength(link(0).length)
        expect(link(offset)).toBe(link(offset))
        expect(search(targetOf(link(offset))).offset).toBe(offset)
      }),
    )
  })
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { servedTypes } from '../../src/interaction/search-parameters.ts'
import { Refusal } from '../../src/model/refusal.ts'
import { exchange, FORM, OPTIONS, parser, refusalOf, search, targetOf, understand } from './exchange.ts'

const served = new Map(
  servedTypes()
    .filter(({ type }) =>
      ['Patient', 'Observation', 'Encounter', 'MedicationRequest', 'RiskAssessment', 'ValueSet'].includes(
        type,
      ),
    )
    .map(({ type, searchParameters }) => [type, searchParameters]),
)
const id = fc.stringMatching(/^[A-Za-z0-9.-]{1,20}$/)
const text = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
  .filter(
    value =>
      value.trim() !== '' && !/[,\\|$\p{Cc}\u2028\u2029\ufeff\ufffe\uffff]/u.test(value) && !/\s/.test(value),
  )
const date = fc
  .tuple(
    fc.constantFrom('', 'ge', 'lt', 'eq'),
    fc.integer({ min: 1000, max: 9999 }),
    fc.integer({ min: 10, max: 12 }),
  )
  .map(([prefix, year, month]) => `${prefix}${year}-${month}`)
const decimal = fc
  .tuple(fc.constantFrom('', 'gt', 'ap'), fc.nat(), fc.nat({ max: 99 }))
  .map(([p, a, b]) => `${p}${a}.${b}`)

const VALUES: Readonly<Record<string, fc.Arbitrary<string>>> = {
  token: fc.oneof(
    id,
    fc.tuple(id, id).map(([system, code]) => `http://${system}|${code}`),
  ),
  reference: fc.oneof(
    id,
    id.map(one => `Patient/${one}`),
    id.map(one => `${OPTIONS.baseUrl}/Patient/${one}`),
  ),
  date,
  number: decimal,
  quantity: fc.oneof(
    decimal,
    decimal.map(number => `${number}||mg`),
  ),
  string: text,
  uri: text,
}

/** A request that ought to be accepted: known names once each, values of their type, in any order. */
const goodSearch = fc.constantFrom(...served.keys()).chain(type => {
  const pairs = (served.get(type) ?? []).map(parameter =>
    (VALUES[parameter.type] ?? text).map(
      value => [parameter.name, parameter.name === '_id' ? 'a' : value] as const,
    ),
  )
  const chosen = fc.shuffledSubarray(pairs, { maxLength: 6 }).chain(some => fc.tuple(...some))
  const result = fc.subarray<readonly [string, string]>([
    ['_count', '7'],
    ['_sort', '-_lastUpdated'],
    ['_format', 'json'],
  ])
  return fc.tuple(fc.constant(type), chosen, result).map(([resourceType, terms, results]) => ({
    resourceType,
    query: [...results, ...terms].map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&'),
  }))
})

const fragments = fc.constantFrom(
  '/fhir',
  '/',
  'Patient',
  'Observation',
  '?',
  '&',
  '=',
  '_id',
  '_has:',
  'code',
  '%',
  '%2e',
  '%00',
  '..',
  ';',
  '\\',
  '$everything',
  '_history',
  '_include',
  ':',
  '.',
  '|',
  ',',
  '+',
  'name',
  '[',
  ']',
  '#',
  'é',
  '_page',
  '_search',
  'ge2020',
  '_sort',
  '*',
  '-',
)

describe('default deny: the parser answers with an interaction or a Refusal, never with an accident', () => {
  test('for any target, header and body', () => {
    const target = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.webPath().map(path => `/fhir${path}`),
      fc.array(fragments, { maxLength: 14 }).map(parts => parts.join('')),
      fc.array(fragments, { maxLength: 14 }).map(parts => `/fhir/Patient?${parts.join('')}`),
    )
    const method = fc.constantFrom('GET', 'POST', 'PUT', 'HEAD')
    const headers = fc.array(
      fc.tuple(
        fc.constantFrom('Accept', 'Content-Type', 'Expect', 'Range', 'X-Y'),
        fc.string({ maxLength: 30 }),
      ),
      { maxLength: 4 },
    )
    fc.assert(
      fc.property(target, method, headers, fc.uint8Array({ maxLength: 40 }), (at, verb, names, body) => {
        expect(() =>
          parser.publicDocument(exchange(at, { method: verb, headers: names, body })),
        ).not.toThrow()
        refusalOf(() => understand(at, { method: verb, headers: names, body }))
      }),
      { numRuns: 3_000 },
    )
  })

  test('and never repeats a value of the request in what it says', () => {
    const secret = 'ZEBRA'
    const spots = [
      `/fhir/Patient/${secret}%`,
      `/fhir/${secret}`,
      `/fhir/Patient?name:${secret}=x`,
      `/fhir/Patient?_id=${secret}/`,
      `/fhir/Observation?date=${secret}`,
      `/fhir/Observation?subject=http://${secret}/1`,
      `/fhir/Observation?_sort=${secret}`,
      `/fhir/Observation?_include=${secret}:x`,
      `/fhir/Observation?${secret}%20%20=1`,
      `/fhir/Observation?_page=${secret}`,
    ]
    for (const spot of spots) {
      expect(() => understand(spot)).toThrow(Refusal)
      try {
        understand(spot)
      } catch (error) {
        expect(
          JSON.stringify([error, (error as Refusal).diagnostics, (error as Refusal).message]),
        ).not.toContain(secret)
      }
    }
  })
})

describe('an accepted search', () => {
  test('re-encodes canonically to the same interaction, by GET, by POST and through a page link', () => {
    fc.assert(
      fc.property(goodSearch, fc.nat({ max: 10_000 }), ({ resourceType, query }, offset) => {
        const once = search(`/fhir/${resourceType}?${query}`)
        expect(search(`/fhir/${resourceType}?${once.canonical}`)).toEqual(once)
        const posted = search(`/fhir/${resourceType}/_search`, {
          method: 'POST',
          headers: [FORM],
          body: query,
        })
        expect(posted).toEqual({ ...once, method: 'POST' })
        const next = targetOf(parser.sealNext(exchange('/'), once, offset))
        expect(search(next)).toEqual({ ...once, offset })
      }),
      { numRuns: 500 },
    )
  })

  test('holds only ASCII that needs no second decoding', () => {
    fc.assert(
      fc.property(goodSearch, ({ resourceType, query }) => {
        expect(search(`/fhir/${resourceType}?${query}`).canonical).toMatch(/^[A-Za-z0-9\-._~!'()*%&=]*$/)
      }),
    )
  })
})

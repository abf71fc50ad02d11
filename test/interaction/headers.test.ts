import { describe, expect, test } from 'vitest'
import { FORM, refusalOf, search, understand } from './exchange.ts'

const read = (...headers: (readonly [string, string])[]) =>
  refusalOf(() => understand('/fhir/Patient/1', { headers: [['Host', 'gw.example'], ...headers] }))

describe('request headers', () => {
  test.each([
    ['X-HTTP-Method-Override', 'DELETE'],
    ['x-http-method', 'PUT'],
    ['X-Method-Override', 'PATCH'],
    ['Upgrade', 'h2c'],
    ['Range', 'bytes=0-10'],
    ['If-Range', '"1"'],
    ['Expect', '200-ok'],
    ['Transfer-Encoding', 'gzip, chunked'],
    ['Transfer-Encoding', 'identity'],
    ['Host', 'other.example'],
  ])('%s: %s is refused', (name, value) => {
    expect(read([name, value])).toBe('bad-header')
  })

  test.each(['Accept', 'Authorization', 'Content-Type', 'Content-Length', 'Content-Encoding'])(
    'two %s headers are refused, whatever their case',
    name => {
      expect(read([name, '*/*'], [name.toLowerCase(), '*/*'])).toBe('bad-header')
      expect(read([name, '*/*'])).toBe('accepted')
    },
  )

  test('a length beside a transfer coding is refused', () => {
    expect(read(['Transfer-Encoding', 'chunked'], ['Content-Length', '0'])).toBe('bad-header')
    expect(read(['Transfer-Encoding', 'chunked'])).toBe('accepted')
  })

  test('too many bytes of headers are refused', () => {
    expect(read(['X-Long', 'a'.repeat(17_000)])).toBe('bad-header')
  })

  test.each([
    ['If-None-Match', 'W/"1"'],
    ['If-Modified-Since', 'Sat, 01 Jan 2022 00:00:00 GMT'],
    ['Prefer', 'handling=strict'],
    ['Prefer', 'respond-async'],
    ['Expect', '100-continue'],
    ['X-Forwarded-Host', 'evil.example'],
  ])('%s: %s changes nothing', (name, value) => {
    expect(read([name, value])).toBe('accepted')
  })
})

describe('Accept and _format', () => {
  test.each([
    'application/fhir+json',
    'application/json',
    'application/fhir+json;fhirVersion=4.0;q=0.9',
    '*/*',
    '',
    'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
    'application/fhir+xml, application/fhir+json;q=0.1',
    'APPLICATION/FHIR+JSON',
  ])('"%s" gets JSON', accept => {
    expect(read(['Accept', accept])).toBe('accepted')
  })

  test.each([
    'application/fhir+xml',
    'text/turtle',
    'application/fhir+ndjson',
    'text/html',
    'application/fhir+json;q=0',
    'application/fhir+json;fhirVersion=5.0',
  ])('"%s" is not acceptable, for a read and a search', accept => {
    expect(read(['Accept', accept])).toBe('not-acceptable')
    expect(refusalOf(() => search('/fhir/Patient', { headers: [['Accept', accept]] }))).toBe('not-acceptable')
  })

  test('_format decides before Accept, in both directions', () => {
    const headers = [['Accept', 'application/fhir+xml']] as const
    for (const format of ['json', 'application/json', 'application/fhir%2Bjson', 'application/fhir+json'])
      expect(refusalOf(() => search(`/fhir/Patient?_format=${format}`, { headers }))).toBe('accepted')
    for (const format of ['xml', 'ttl', 'application/fhir%2Bxml', 'html', ''])
      expect(refusalOf(() => search(`/fhir/Patient?_format=${format}`))).toBe('not-acceptable')
  })
})

describe('a search by POST', () => {
  const post = (
    body: string | Uint8Array,
    headers: readonly (readonly [string, string])[] = [FORM],
    query = '',
  ) => search(`/fhir/Observation/_search${query}`, { method: 'POST', headers, body })

  test('means what the same search by GET means', () => {
    const terms = 'patient=1&code=http%3A%2F%2Floinc.org%7C4548-4&_count=5'
    const byGet = search(`/fhir/Observation?${terms}`)
    expect(post(terms)).toEqual({ ...byGet, method: 'POST' })
    expect(post('', [], `?${terms}`)).toEqual({ ...byGet, method: 'POST' })
  })

  test('may name the format in the URL', () => {
    expect(post('patient=1', [FORM], '?_format=json').canonical).toBe('patient=1')
  })

  test.each([
    ['terms in URL and body', 'patient=1', [FORM], '?code=1', 'bad-request'],
    ['a JSON body', '{}', [['Content-Type', 'application/json']], '', 'unsupported-media-type'],
    [
      'a multipart body',
      'x',
      [['Content-Type', 'multipart/form-data; boundary=x']],
      '',
      'unsupported-media-type',
    ],
    ['no content type', 'patient=1', [], '', 'unsupported-media-type'],
    ['UTF-7', 'patient=1', [[FORM[0], `${FORM[1]}; charset=utf-7`]], '', 'unsupported-media-type'],
    ['UTF-16', 'patient=1', [[FORM[0], `${FORM[1]};charset=utf-16`]], '', 'unsupported-media-type'],
    ['gzip', 'patient=1', [FORM, ['Content-Encoding', 'gzip']], '', 'unsupported-media-type'],
    ['too long a body', 'a'.repeat(20_001), [FORM], '', 'too-large'],
    [
      'a search too long to page by GET',
      `code=${'a,'.repeat(150)}${'b'.repeat(1_000)}&category=${`${'c'.repeat(1_000)},`.repeat(6)}d`,
      [FORM],
      '',
      'too-large',
    ],
    ['raw UTF-8', 'code=é', [FORM], '', 'bad-request'],
    ['a line break', 'patient=1\r\ncode=2', [FORM], '', 'bad-request'],
  ] as const)('with %s is refused', (_title, body, headers, query, code) => {
    expect(refusalOf(() => post(body, headers, query))).toBe(code)
  })

  test.each(['utf-8', 'UTF-8', '"utf-8"'])('may declare charset %s', charset => {
    expect(post('patient=1', [[FORM[0], `${FORM[1]}; charset=${charset}`]]).canonical).toBe('patient=1')
  })
})

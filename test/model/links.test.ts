import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { containsOrigin, rewriteLinks } from '../../src/model/links.ts'
import { parseLossless, stringifyLossless } from '../../src/model/lossless-json.ts'

const GATEWAY = 'https://gw.example/r4'
const rewrite = (text: string, upstream = 'http://hapi.internal:8080/fhir') =>
  rewriteLinks(text, upstream, GATEWAY)
const contains = (text: string, host = 'hapi.internal:8080') =>
  containsOrigin(Buffer.from(text), Buffer.from(host))

describe('rewriteLinks', () => {
  it.each([
    ['http://hapi.internal:8080/fhir/Patient/1', 'https://gw.example/r4/Patient/1'],
    ['http://hapi.internal:8080/fhir', 'https://gw.example/r4'],
    ['http://hapi.internal:8080/fhir?_getpages=1', 'https://gw.example/r4?_getpages=1'],
    ['HTTP://HAPI.Internal:8080/fhir/Patient/1', 'https://gw.example/r4/Patient/1'],
    [
      'see <a href="http://hapi.internal:8080/fhir/Patient/1">',
      'see <a href="https://gw.example/r4/Patient/1">',
    ],
    ['http://hapi.internal:8080/fhirx/1', 'https://gw.example/fhirx/1'],
    ['https://hapi.internal:8080/other', 'https://gw.example/other'],
    ['connect to hapi.internal:8080 failed', 'connect to gw.example failed'],
    ['u=http%3A%2F%2Fhapi.internal%3A8080%2Ffhir', 'u=http%3A%2F%2Fgw.example%2Ffhir'],
    ['{"url":"http:\\/\\/hapi.internal:8080\\/fhir\\/Patient"}', '{"url":"https://gw.example/r4\\/Patient"}'],
    ['http://hapi.internal:80801/fhir', 'http://hapi.internal:80801/fhir'],
    ['Patient/1', 'Patient/1'],
    ['http://hl7.org/fhir/StructureDefinition/Patient', 'http://hl7.org/fhir/StructureDefinition/Patient'],
  ])('turns %s into %s', (before, after) => {
    expect(rewrite(before)).toBe(after)
  })

  it('takes a single-label host without port for the upstream only where an authority stands', () => {
    const upstream = 'http://fhir/base'
    expect(rewrite('http://fhir/base/Patient/1', upstream)).toBe('https://gw.example/r4/Patient/1')
    expect(rewrite('http://fhir:80/base/Patient/1', upstream)).toBe('https://gw.example/r4/Patient/1')
    expect(rewrite('//fhir/x', upstream)).toBe('//gw.example/x')
    for (const text of [
      'http://hl7.org/fhir/a',
      'the fhir server',
      'http://fhir.example/a',
      'http://fhir-x/a',
    ]) {
      expect(rewrite(text, upstream)).toBe(text)
    }
  })

  it('walks the whole tree, keeps raw numbers, shares what did not change and leaves the input alone', () => {
    const text = '{"link":[{"url":"http://hapi.internal:8080/fhir/A"}],"value":1.50,"same":{"x":[1e400]}}'
    const before = parseLossless(text) as Record<string, unknown>
    const after = rewriteLinks(before as never, 'http://hapi.internal:8080/fhir', GATEWAY) as Record<
      string,
      unknown
    >
    expect(stringifyLossless(after as never)).toBe(text.replace('http://hapi.internal:8080/fhir', GATEWAY))
    expect(stringifyLossless(before as never)).toBe(text)
    expect(after['same']).toBe(before['same'])
    const untouched = parseLossless('{"a":["b",1.50]}')
    expect(rewriteLinks(untouched, 'http://hapi.internal:8080/fhir', GATEWAY)).toBe(untouched)
  })

  it('leaves no mention of the upstream in any text made of its parts', () => {
    const part = fc.constantFrom(
      ...[
        'http://',
        'https:\\/\\/',
        'hapi.internal',
        ':8080',
        '%3A8080',
        '/fhir',
        '/',
        '?a=',
        'HAPI.INTERNAL:8080',
        'x',
        ' ',
      ],
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), parts => {
        const text = parts.join('')
        const after = String(rewrite(text))
        expect(after.toLowerCase()).not.toMatch(/hapi\.internal(?::|%3a)8080(?!\d)/)
        if (after !== text) expect(contains(JSON.stringify(text))).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('containsOrigin', () => {
  it.each([
    '{"url":"http://hapi.internal:8080/fhir"}',
    '{"url":"http:\\/\\/hapi.internal:8080\\/fhir"}',
    '{"url":"http://HAPI.internal:8080/fhir"}',
    '{"url":"http%3A%2F%2Fhapi.internal%3A8080"}',
    '{"url":"http://hapi\\u002einternal:8080"}',
  ])('says yes to %s', text => {
    expect(contains(text)).toBe(true)
  })

  it.each([
    '{"url":"http://hl7.org/fhir"}',
    '{"div":"\\u003cdiv\\u003e"}',
    '{"url":"http://hapi.internal:8081/"}',
  ])('says no to %s', text => {
    expect(contains(text)).toBe(false)
  })
})

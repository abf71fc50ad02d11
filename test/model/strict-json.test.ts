import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { StrictJsonError, strictParse } from '../../src/model/strict-json.ts'

const limits = { jsonDepth: 20 }
const parse = (text: string) => strictParse(Buffer.from(text), limits)

function problemOf(input: string | Uint8Array): string {
  try {
    strictParse(typeof input === 'string' ? Buffer.from(input) : input, limits)
    return 'none'
  } catch (error) {
    return error instanceof StrictJsonError ? error.problem : String(error)
  }
}

/** Names that are easily confused with each other; none needs an escape. */
const name = fc
  .oneof(
    fc.constantFrom('id', 'Id', 'component', 'reference', 'a', '', 'é', 'a{', ',', ':', "'"),
    fc.string({ unit: 'grapheme', maxLength: 12 }),
  )
  .filter(text => !JSON.stringify(text).includes('\\'))
const { value: json } = fc.letrec(tie => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom(null, true, false, 0, -1.5, 1e21, 'x"y', '\\', '{"a":1,"a":2}'),
    fc.string({ unit: 'grapheme', maxLength: 200 }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(name, tie('value'), { maxKeys: 40, noNullPrototype: true }),
  ),
}))
const isOrdinary = (text: string) => !/__proto__|constructor|prototype/.test(text)

describe('strictParse', () => {
  it('gives what JSON.parse gives for any JSON without repeated names', () => {
    fc.assert(
      fc.property(json, fc.constantFrom(undefined, 1, '\t', '\r\n '), (value, space) => {
        const text = JSON.stringify(value, null, space)
        fc.pre(isOrdinary(text))
        expect(parse(text)).toEqual(JSON.parse(text))
      }),
      { numRuns: 500 },
    )
  })

  it('refuses a name repeated in any object, whatever stands between', () => {
    fc.assert(
      fc.property(json, json, name, fc.nat(30), (before, after, key, others) => {
        const plain = JSON.stringify(key)
        const filler = Array.from({ length: others }, (_, i) => `"filler${i}":${i},`).join('')
        const text = `[{${filler}${plain}:${JSON.stringify(before)},"between":${JSON.stringify(after)},${plain}:1}]`
        fc.pre(key !== 'between' && isOrdinary(text))
        expect(problemOf(text)).toBe('duplicate-key')
        expect(problemOf(text.replace(/,"[^"]*":1}]$/, '}]'))).toBe('none')
      }),
      { numRuns: 500 },
    )
  })

  it.each(['{"\\u0069d":1}', '{"id":1,"\\u0069d":2}', '{"a":{"b\\"":1}}', '{"a\\\\":1}'])(
    'refuses a name spelled with escapes: %s',
    text => {
      expect(problemOf(text)).toBe('escaped-key')
    },
  )

  it('allows the same name in different objects, and as a value', () => {
    expect(parse('{"a":{"a":[{"a":"a"},{"a":"a"}]},"b":"a"}')).toEqual({
      a: { a: [{ a: 'a' }, { a: 'a' }] },
      b: 'a',
    })
  })

  it.each(['{"__proto__":1}', '{"a":[{"constructor":{}}]}', '{"prototype":1}'])(
    'refuses a name that reaches a prototype: %s',
    text => {
      expect(problemOf(text)).toBe('forbidden-key')
      expect(problemOf(text.replace(/"([^"]+)":(?![[])/, '"plain":'))).toBe('none')
    },
  )

  it('refuses one level of nesting too many and allows the last one', () => {
    expect(problemOf(`${'['.repeat(20)}${']'.repeat(20)}`)).toBe('none')
    expect(problemOf(`${'['.repeat(21)}${']'.repeat(21)}`)).toBe('too-deep')
    expect(problemOf(`${'{"a":'.repeat(21)}1${'}'.repeat(21)}`)).toBe('too-deep')
    expect(problemOf('['.repeat(5_000_000))).toBe('too-deep')
  })

  it.each([
    '',
    ' ',
    '{',
    '}',
    '{"a":1}}',
    '{"a":1} {"b":2}',
    '{"a":1,}',
    '{a:1}',
    "{'a':1}",
    '[1,]',
    '[01]',
    '[NaN]',
    '[1e]',
    '"\n"',
    '"abc',
    '{"a":]{}',
    '\ufeff{}',
    '{}//',
    '"\\x41"',
  ])('refuses what is not strict JSON: %j', text => {
    expect(problemOf(text)).toBe('not-json')
  })

  it('refuses bytes that are not UTF-8, in a string, a name or outside', () => {
    for (const hole of ['{"a":"?"}', '{"?":1}', '{?}']) {
      const bytes = Buffer.from(hole)
      bytes[hole.indexOf('?')] = 0xff
      expect(problemOf(bytes)).toBe('not-utf8')
    }
    expect(problemOf(Buffer.from('"\u00e9"', 'latin1'))).toBe('not-utf8')
    expect(parse('"\u00e9"')).toBe('\u00e9')
  })

  it('reads a view in the middle of a larger buffer', () => {
    const whole = new TextEncoder().encode('xx{"a":"é"}yy')
    expect(strictParse(whole.subarray(2, whole.length - 2), limits)).toEqual({ a: 'é' })
  })

  it('names the place and the problem, never content', () => {
    expect(() => parse('{"secret":1,"secret":2}')).toThrow('duplicate-key at byte 13')
    expect(() => parse('{"ssn":"123" "x"}')).toThrow(/^not-json at byte 0$/)
  })

  it('keeps the names of many open objects apart', () => {
    const names = Array.from({ length: 20 }, (_, i) => `"k${i}":0,`).join('')
    const nested = (innermost: string) => `${`{${names}"in":`.repeat(19)}{${innermost}}${'}'.repeat(19)}`
    expect(problemOf(nested(`${names}"last":0`))).toBe('none')
    expect(problemOf(nested(`${names}"k0":0`))).toBe('duplicate-key')
    expect(problemOf(`${nested(names.slice(0, -1)).slice(0, -1)},"k19":0}`)).toBe('duplicate-key')
  })

  it('stays linear for an object of a hundred thousand names', () => {
    const text = `{${Array.from({ length: 100_000 }, (_, i) => `"k${i}":0`).join()}}`
    const before = performance.now()
    expect(problemOf(text)).toBe('none')
    expect(problemOf(text.replace('"k99999"', '"k0"'))).toBe('duplicate-key')
    expect(performance.now() - before).toBeLessThan(5_000)
  })
})

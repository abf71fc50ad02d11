import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isRawNumber, parseLossless, stringifyLossless } from '../../src/model/lossless-json.ts'

const digits = fc.stringMatching(/^[0-9]{1,25}$/)
const integer = fc.oneof(fc.constant('0'), fc.stringMatching(/^[1-9][0-9]{0,24}$/))
/** Any number RFC 8259 can spell. */
const number = fc
  .tuple(
    fc.constantFrom('', '-'),
    integer,
    fc.option(digits),
    fc.option(fc.stringMatching(/^[eE][+-]?[0-9]{1,3}$/)),
  )
  .map(
    ([sign, whole, fraction, exponent]) =>
      sign + whole + (fraction === null ? '' : `.${fraction}`) + (exponent ?? ''),
  )

const { text: jsonText } = fc.letrec<{ text: string }>(tie => ({
  text: fc.oneof(
    { maxDepth: 4 },
    number,
    fc.constantFrom('null', 'true', 'false'),
    fc.string({ unit: 'grapheme', maxLength: 20 }).map(value => JSON.stringify(value)),
    fc.array(tie('text'), { maxLength: 4 }).map(items => `[${items.join()}]`),
    fc.dictionary(fc.stringMatching(/^[a-z]{1,6}$/), tie('text'), { maxKeys: 4 }).map(
      members =>
        `{${Object.entries(members)
          .map(([key, value]) => `${JSON.stringify(key)}:${value}`)
          .join()}}`,
    ),
  ),
}))

describe('lossless JSON', () => {
  it('prints back any compact JSON character for character', () => {
    fc.assert(
      fc.property(jsonText, text => {
        expect(stringifyLossless(parseLossless(text))).toBe(text)
      }),
      { numRuns: 1000 },
    )
  })

  it.each([
    '1.50',
    '1e400',
    '-0',
    '-0.0',
    '12345678901234567890',
    '0.0000001',
    '1E5',
    '5e-324',
    '100',
    '1.05',
    '0.10',
  ])('keeps the number %s digit for digit, alone, in an array, in an object, after white space', text => {
    for (const [before, after] of [
      ['', ''],
      ['[', ']'],
      ['{"value":', '}'],
      ['[1,', ',2]'],
    ] as const) {
      const whole = before + text + after
      expect(stringifyLossless(parseLossless(whole))).toBe(whole)
      expect(stringifyLossless(parseLossless(`${before} \n${text}${after}`))).toBe(whole)
    }
  })

  it('gives plain numbers where nothing is lost, and raw ones where something would be', () => {
    const { plain, raw } = parseLossless('{"plain":1.5,"raw":1.50}') as Record<string, unknown>
    expect(plain).toBe(1.5)
    expect(isRawNumber(raw) && raw.rawJSON).toBe('1.50')
    expect(isRawNumber({ rawJSON: '1.50' })).toBe(false)
  })
})

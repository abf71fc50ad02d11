import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { strictParse } from '../../src/model/strict-json.ts'
import { headOf, splitBundle } from '../../src/upstream/scan.ts'

const limits = { jsonDepth: 60 }

/** Resources as splitBundle finds them, parsed; the skeleton proves that nothing else was lost. */
function split(text: string | Buffer): unknown {
  const bytes = Buffer.isBuffer(text) ? text : Buffer.from(text)
  const { slices, skeleton } = splitBundle(bytes, limits)
  const resources = slices.map(([start, end]) => JSON.parse(bytes.toString('utf8', start, end)))
  return withResources(skeleton, resources)
}

function withResources(skeleton: unknown, resources: readonly unknown[]): unknown {
  const bundle = skeleton as { entry?: { resource?: number }[] }
  if (bundle.entry === undefined) return bundle
  const entry = bundle.entry.map(one =>
    'resource' in one ? { ...one, resource: resources[Number(one.resource)] } : one,
  )
  return { ...bundle, entry }
}

const tricky = fc.constantFrom(
  '"',
  '\\',
  '\\"',
  '"}',
  '{"entry":[{"resource":{',
  ']',
  '\\\\"',
  'é😀',
  '\u2028',
  '',
  'resource',
)
const text = fc.oneof(
  tricky,
  fc.string({ unit: 'grapheme', maxLength: 10 }),
  fc.string({ minLength: 90, maxLength: 300 }),
)
const safeName = fc
  .oneof(tricky, fc.stringMatching(/^[a-zA-Z]{1,8}$/))
  .filter(name => !JSON.stringify(name).includes('\\'))
const { value } = fc.letrec(tie => ({
  value: fc.oneof(
    { maxDepth: 4 },
    text,
    fc.constantFrom(null, true, false, 0, -1.5e-7, 12),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(safeName, tie('value'), { maxKeys: 5, noNullPrototype: true }),
  ),
}))
const object = fc.dictionary(safeName, value, { maxKeys: 5, noNullPrototype: true })
const bundle = fc
  .tuple(
    object,
    fc.array(
      fc.tuple(object, object, fc.boolean()).map(([around, resource, behind]) => {
        const { resource: _, ...rest } = around
        return behind ? { ...rest, resource } : { resource, ...rest }
      }),
      { maxLength: 5 },
    ),
    fc.boolean(),
  )
  .map(([around, entry, behind]) => {
    const { entry: _, ...rest } = around
    return behind ? { ...rest, entry } : { entry, ...rest }
  })

/** Valid JSON for a value, printed oddly: white space anywhere, escapes where none are needed. */
function print(value: unknown, space: () => string, odd: () => boolean): string {
  const string = (raw: string) => {
    const plain = JSON.stringify(raw).slice(1, -1)
    if (!odd()) return `"${plain}"`
    return `"${plain.replace(/\\.|[a-z/]/g, c => (c.length > 1 ? c : odd() ? `\\u00${c.charCodeAt(0).toString(16)}` : c))}"`
  }
  const at = (inner: string) => space() + inner + space()
  if (typeof value === 'string') return string(value)
  if (Array.isArray(value))
    return `[${value.length === 0 ? space() : value.map(item => at(print(item, space, odd))).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).map(
    ([key, item]) => `${at(JSON.stringify(key))}:${at(print(item, space, odd))}`,
  )
  return `{${members.length === 0 ? space() : members.join()}}`
}

describe('splitBundle', () => {
  it('finds exactly the resources JSON.parse finds, however the Bundle is printed', () => {
    fc.assert(
      fc.property(
        bundle,
        fc.infiniteStream(fc.constantFrom('', '', ' ', '\n', '\r\n\t ')),
        fc.infiniteStream(fc.boolean()),
        (value, spaces, odds) => {
          const odd = () => odds.next().value === true && odds.next().value === true
          const space = () => String(spaces.next().value)
          const printed = space() + print(value, space, odd) + space()
          const expected = JSON.parse(printed)
          fc.pre(isStrict(printed))
          expect(split(printed)).toEqual(expected)
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('never takes a Bundle that JSON.parse refuses, nor finds other resources, after any one-byte change', () => {
    fc.assert(
      fc.property(bundle, fc.nat(), fc.constantFrom(...'{}[]",:\\ a0'), (value, at, byte) => {
        const changed = Buffer.from(JSON.stringify(value))
        changed.write(byte, at % changed.length)
        const found = attempt(() => split(changed))
        if (found !== undefined) expect(found).toEqual(JSON.parse(changed.toString()))
      }),
      { numRuns: 3000 },
    )
  })

  it('finds the resources of long strings with quotes and backslashes around the end', () => {
    for (let length = 80; length < 120; length++) {
      for (const end of ['', '"', '\\', '\\"', '\\\\', '\\\\"']) {
        const made = {
          entry: [{ resource: { a: 'x'.repeat(length) + end, b: 1 } }, { resource: { c: end } }],
        }
        expect(split(JSON.stringify(made))).toEqual(made)
      }
    }
  })

  const folder = new URL('../../../shared/data/patients/synthea/', import.meta.url)
  const files = existsSync(folder) ? readdirSync(folder).filter(name => name.endsWith('.json.gz')) : []
  if (files.length === 0) console.log('skipped: no patient bundles in ../shared/data/patients/synthea')
  it.skipIf(files.length === 0)(
    'splits the real patient bundles as JSON.parse does, pretty-printed and compact',
    () => {
      expect(files).toHaveLength(12)
      for (const file of files) {
        const pretty = gunzipSync(readFileSync(new URL(file, folder)))
        const parsed = JSON.parse(pretty.toString())
        expect(split(pretty)).toEqual(parsed)
        expect(split(JSON.stringify(parsed))).toEqual(parsed)
        expect(strictParse(pretty, limits)).toEqual(parsed)
      }
    },
  )
})

function isStrict(text: string): boolean {
  return attempt(() => strictParse(Buffer.from(text), limits)) !== undefined
}

function attempt<Value>(make: () => Value): Value | undefined {
  try {
    return make()
  } catch {
    return undefined
  }
}

describe('headOf', () => {
  const head = (text: string) => headOf(Buffer.from(text))

  it('reads type and id wherever they stand and however they are escaped', () => {
    expect(
      head('{"contained":[{"resourceType":"X","id":"x"}], "id" : "a","resourceType":"Patient"}'),
    ).toEqual({
      resourceType: 'Patient',
      id: 'a',
    })
    expect(head('{"resourceType":"Pati\\u0065nt","id":"\\u0061"}')).toEqual({
      resourceType: 'Patient',
      id: 'a',
    })
    expect(head('{"resourceType":"OperationOutcome"}')).toEqual({
      resourceType: 'OperationOutcome',
      id: undefined,
    })
  })

  it.each([
    '{}',
    '{"id":"a"}',
    '{"resourceType":"A","resourceType":"B","id":"a"}',
    '{"resourceType":"A","id":"a","id":"b"}',
    '{"resourceType":1,"id":"a"}',
    '{"resourceType":"A","id":{"id":"a"}}',
  ])('finds none in %s', text => {
    expect(head(text)).toBeUndefined()
  })
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { loadLabels } from '../../src/data/labels.ts'
import { demoResources } from '../../src/demo/resources.ts'
import { createLabeller } from '../../src/label/labeller.ts'
import type { ReferenceFact } from '../../src/model/label.ts'
import { parseLossless, stringifyLossless } from '../../src/model/lossless-json.ts'
import { type MutableObject, removePaths } from '../../src/segment/redact.ts'
import { chartNames, haveRealCharts, realChart } from '../support/real-charts.ts'
import { problems, REQUIRED } from './kit.ts'

const labeller = createLabeller(
  loadLabels(),
  {
    registry: {
      part2Programs: [],
      sudOnlyFacilities: [],
      notFederallyAssisted: [],
      sources: {},
      agreements: [],
      other: {},
    },
    custodian: { organization: 'Organization/o', state: 'NE', hipaa: 'covered-entity', part2: 'none' },
    unknownSource: 'assume',
  },
  { cacheBytes: 1 << 20, jsonDepth: 100 },
)

interface Sample {
  readonly text: string
  readonly references: readonly ReferenceFact[]
}

/** Resources of a chart with at least one reference, the larger ones left out to keep the property quick. */
function samples(texts: readonly string[]): Sample[] {
  return texts
    .filter(text => text.length < 20_000)
    .map(text => {
      const bytes = Buffer.from(text)
      return { text, references: labeller.assess({ bytes, hash: text }).references }
    })
    .filter(({ references }) => references.length > 0)
}

function removed(text: string, paths: readonly string[]): MutableObject {
  const resource = parseLossless(text) as unknown as MutableObject
  removePaths(resource, paths, REQUIRED)
  return resource
}

/** A resource and any set of its references; sets of all and of one come often. */
function cuts(all: readonly Sample[]): fc.Arbitrary<{ sample: Sample; cut: readonly ReferenceFact[] }> {
  return fc
    .constantFrom(...all)
    .chain(sample =>
      fc
        .oneof(
          fc.constant([...sample.references]),
          fc.subarray([...sample.references], { minLength: 1, maxLength: 1 }),
          fc.subarray([...sample.references], { minLength: 1 }),
        )
        .map(cut => ({ sample, cut })),
    )
}

/** Every leaf with its path without indexes, as text: what must survive of what was not removed. */
function leaves(value: unknown, element: string, into: string[] = []): string[] {
  if (Array.isArray(value)) for (const item of value) leaves(item, element, into)
  else if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) !== null)
    for (const [key, child] of Object.entries(value)) leaves(child, `${element}.${key}`, into)
  else into.push(`${element}=${JSON.stringify(value)}`)
  return into
}

/** Leaves counted. */
function counted(list: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const leaf of list) counts.set(leaf, (counts.get(leaf) ?? 0) + 1)
  return counts
}

/** The outermost list entry around a reference: nothing outside it and the narratives may change. */
function entryElement({ path }: ReferenceFact): string {
  return path.split('.')[0]?.replace(/\[\d+\]$/, '') ?? ''
}

const demo = samples(demoResources())
const real = haveRealCharts
  ? chartNames()
      .slice(0, 4)
      .map(name => samples(realChart(name).map(resource => JSON.stringify(resource))))
  : []

const charts: readonly (readonly [string, readonly Sample[]])[] = [
  ['demo resources', demo],
  ...real.map((chart, index) => [`real chart ${index + 1}`, chart] as const),
]

describe.each(charts)('removing any set of references from %s', (_name, all) => {
  const cut = cuts(all)

  test('leaves no value of them anywhere', () => {
    fc.assert(
      fc.property(cut, ({ sample, cut: gone }) => {
        const left = stringifyLossless(
          removed(
            sample.text,
            gone.map(({ path }) => path),
          ) as never,
        )
        const kept = new Set(sample.references.filter(one => !gone.includes(one)).map(({ target }) => target))
        for (const { target } of gone)
          if (target !== '' && !kept.has(target)) expect(left).not.toContain(`"${target}"`)
      }),
      { numRuns: 300 },
    )
  })

  test('keeps everything else, digit for digit and in its order', () => {
    fc.assert(
      fc.property(cut, ({ sample, cut: gone }) => {
        const before = parseLossless(sample.text) as unknown as MutableObject
        const after = removed(
          sample.text,
          gone.map(({ path }) => path),
        )
        const touched = new Set([...gone.map(entryElement), 'text'])
        for (const key of Object.keys(before))
          if (!touched.has(key)) expect(JSON.stringify(after[key])).toBe(JSON.stringify(before[key]))
        expect(Object.keys(before).filter(key => key in after)).toEqual(Object.keys(after))
        expect('text' in after).toBe(false)
        // Nothing is invented but the data-absent-reason.
        const had = counted(leaves(before, ''))
        for (const [leaf, count] of counted(leaves(after, '')))
          if (!/data-absent-reason|valueCode="masked"/.test(leaf))
            expect(had.get(leaf) ?? 0).toBeGreaterThanOrEqual(count)
      }),
      { numRuns: 300 },
    )
  })

  test('leaves what was valid R4 valid', () => {
    const valid = all.filter(({ text }) => problems(JSON.parse(text)).length === 0)
    expect(valid.length).toBeGreaterThan(all.length / 2)
    fc.assert(
      fc.property(cuts(valid), ({ sample, cut: gone }) => {
        const left = removed(
          sample.text,
          gone.map(({ path }) => path),
        )
        expect(problems(JSON.parse(stringifyLossless(left as never)))).toEqual([])
      }),
      { numRuns: 200 },
    )
  })

  test('is the same whatever the order of the paths', () => {
    fc.assert(
      fc.property(cut, ({ sample, cut: gone }) => {
        const paths = gone.map(({ path }) => path)
        const one = stringifyLossless(removed(sample.text, paths) as never)
        expect(stringifyLossless(removed(sample.text, paths.toReversed()) as never)).toBe(one)
      }),
      { numRuns: 100 },
    )
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createLabeller } from '../../src/label/labeller.ts'
import { referrersWithin } from '../../src/label/referrers.ts'
import { AT, Chart, labeller, RULES, raw, site } from './house.ts'

const IDS = ['a', 'b', 'c', 'd', 'e', 'f']
const TEXTS = ['Opioid use disorder', 'HIV antibody', 'Ankle sprain', 'Normal', 'Major depression']
const SITE = site({ part2Programs: ['Organization/otp', 'Organization/detox'] })
const SOURCES = ['Organization/otp', 'Organization/detox', 'Organization/a', 'Organization/b']

/** Types with the elements that may point anywhere, and whether each is a list. */
const SHAPES: Readonly<Record<string, Readonly<Record<string, boolean>>>> = {
  Observation: {
    hasMember: true,
    derivedFrom: true,
    encounter: false,
    partOf: true,
    basedOn: true,
  },
  DiagnosticReport: { result: true, encounter: false, basedOn: true },
  Procedure: { partOf: true, reasonReference: true, encounter: false, report: true },
  Provenance: { target: true },
  CarePlan: { goal: true, addresses: true, partOf: true },
  Encounter: { partOf: false, reasonReference: true },
  Task: { focus: false, partOf: true },
}

interface Node {
  readonly resourceType: string
  readonly id: string
  readonly [element: string]: unknown
}

const node = fc
  .constantFrom(...Object.keys(SHAPES))
  .chain(type =>
    fc.record({
      type: fc.constant(type),
      id: fc.constantFrom(...IDS),
      text: fc.constantFrom(...TEXTS),
      patient: fc.constantFrom('Patient/p', 'Patient/q', undefined),
      sources: fc.uniqueArray(fc.constantFrom(...SOURCES), { maxLength: 3 }),
      edges: fc.array(
        fc.record({
          element: fc.constantFrom(...Object.keys(SHAPES[type] ?? {})),
          type: fc.constantFrom(...Object.keys(SHAPES)),
          id: fc.constantFrom(...IDS),
        }),
        { maxLength: 6 },
      ),
    }),
  )
  .map(({ type, id, text, patient, sources, edges }): Node => {
    const made: Record<string, unknown> = {}
    for (const edge of edges) {
      const reference = { reference: `${edge.type}/${edge.id}` }
      if (SHAPES[type]?.[edge.element] === true)
        made[edge.element] = [...((made[edge.element] as object[] | undefined) ?? []), reference]
      else made[edge.element] = reference
    }
    return {
      resourceType: type,
      id,
      ...(patient === undefined || type === 'Provenance' ? {} : { subject: { reference: patient } }),
      code: { text },
      performer: sources.map(reference => ({ reference })),
      ...made,
    }
  })

/** A chart in which each resource stands once. */
const graph = fc.uniqueArray(node, {
  maxLength: 14,
  selector: ({ resourceType, id }) => `${resourceType}/${id}`,
})

function saidOf(nodes: readonly Node[]): Map<string, string> {
  const chart = new Chart(nodes, SITE)
  return new Map(
    chart.references.map(reference => {
      const {
        labels,
        candidates = [],
        part2,
        source,
        notAssessable,
        facts,
        classKey,
      } = chart.label(reference)
      const told = [...labels, ...candidates].map(
        each => `${each.code} ${each.path ?? ''} ${each.confidence}`,
      )
      return [
        reference,
        JSON.stringify([told.sort(), part2, source, notAssessable, facts.patients, classKey]),
      ]
    }),
  )
}

describe('labels of a chart', () => {
  it('are the same in whatever order resources and references stand, and come to an end in any circle', () => {
    fc.assert(
      fc.property(graph, nodes => {
        const turned = nodes
          .toReversed()
          .map(one =>
            Object.fromEntries(
              Object.entries(one).map(([key, value]) => [
                key,
                Array.isArray(value) ? value.toReversed() : value,
              ]),
            ),
          ) as Node[]
        const there = saidOf(nodes)
        const back = saidOf(turned)
        for (const [reference, said] of there)
          expect([reference, back.get(reference)]).toEqual([reference, said])
      }),
      { numRuns: 150 },
    )
  })

  it('are never fewer for one resource more, where no context lowers them and no source is assumed', () => {
    fc.assert(
      fc.property(graph, node, (nodes, more) => {
        const isNew = nodes.every(
          ({ resourceType, id }) => resourceType !== more.resourceType || id !== more.id,
        )
        fc.pre(isNew)
        const before = new Chart(nodes, SITE)
        const after = new Chart([...nodes, more], SITE)
        for (const reference of before.references) {
          expect([...after.label(reference).codes]).toEqual(
            expect.arrayContaining([...before.label(reference).codes]),
          )
          const { patients } = after.label(reference).facts
          // Of whom it speaks may become unknown; then it is withheld.
          if (patients.length > 0)
            expect(patients).toEqual(expect.arrayContaining([...before.label(reference).facts.patients]))
        }
      }),
      { numRuns: 150 },
    )
  })
})

describe('a chart that hangs together too widely', () => {
  const many = Array.from({ length: 6_000 }, (_, n) => ({
    resourceType: 'Observation',
    id: `o${n}`,
    subject: { reference: 'Patient/p' },
    code: { text: 'Weight' },
  }))
  const panel = (size: number) => ({
    resourceType: 'Observation',
    id: 'panel',
    subject: { reference: 'Patient/p' },
    code: { text: 'Panel' },
    hasMember: many.slice(0, size).map(({ id }) => ({ reference: `Observation/${id}` })),
  })

  it('is withheld, in whatever order it stands, and quickly', () => {
    const why = (size: number) => new Chart([panel(size), ...many]).label('Observation/panel').notAssessable
    expect(why(6_000)).toBe('a reference was not resolved')
    expect(why(4_000)).toBeUndefined()
  })

  it('costs each record no more than its bound where everything points at everything', () => {
    const names = Array.from({ length: 60 }, (_, n) => `Observation/x${n}`)
    const room = labeller(SITE)
    const facts = names.map(reference =>
      room.assess(
        raw({
          ...panel(0),
          id: reference.slice(12),
          hasMember: names.map(one => ({ reference: one })),
          derivedFrom: names.map(one => ({ reference: one })),
        }),
      ),
    )
    const known = new Map(facts.map(fact => [fact.reference as string, fact]))
    const referrers = referrersWithin(facts)
    const start = performance.now()
    for (const fact of facts.slice(0, 5))
      room.label(fact, one => known.get(one) ?? 'absent', { at: AT }, referrers)
    expect(performance.now() - start).toBeLessThan(5_000)
  })
})

it('labels found once are found again without looking, until an answer or what points at a record changes', () => {
  const room = createLabeller(RULES, SITE, { cacheBytes: 1_000_000, jsonDepth: 64 })
  const facts = room.assess(
    raw({ ...({ resourceType: 'Observation', id: 'x' } as const), code: { text: 'Sum' } }),
  )
  const report = room.assess(
    raw({
      resourceType: 'DiagnosticReport',
      id: 'r',
      code: { text: 'HIV panel' },
      result: [{ reference: 'Observation/x' }],
    }),
  )
  const label = (list: readonly (typeof report)[]) =>
    room.label(
      facts,
      () => 'absent',
      { at: AT },
      () => list,
    )
  const first = label([report])
  expect(first.codes.has('HIV')).toBe(true)
  expect(label([report])).toBe(first)
  expect([...label([]).codes]).toEqual([])
  expect([...room.label(facts, () => 'absent', { at: AT }).codes]).toEqual([])
})

import { describe, expect, test } from 'vitest'
import type { Resource } from '../../src/model/fhir.ts'
import { idsOf, observation, world } from './world.ts'

const encounter = (id: string, more: object = {}): Resource => ({
  resourceType: 'Encounter',
  id,
  status: 'finished',
  subject: { reference: 'Patient/p' },
  ...more,
})
const at = (id: string) => ({ encounter: { reference: `Encounter/${id}` } })
const PATIENT: Resource = { resourceType: 'Patient', id: 'p' }
const PROGRAM: Resource = { resourceType: 'Organization', id: 'program', name: 'Harbor' }
const HERE: Resource = { resourceType: 'Organization', id: 'here', name: 'County' }

const included = async (resources: readonly Resource[], path: string, more = {}) => {
  const made = world({ resources, ...more })
  const answer = await made.get(path)
  return {
    ids: idsOf(answer, 'include'),
    withheld: made.released[0]?.release.withheld.map(({ labelled }) => labelled.facts.id),
  }
}

describe('_include', () => {
  test('follows visible references of released matches, each target once, in one order', async () => {
    const chart = [
      encounter('b'),
      encounter('a'),
      encounter('hidden'),
      observation('1', at('b')),
      observation('2', at('a')),
      observation('3', at('a')),
      observation('4', at('hidden')),
      observation('5', at('gone')),
      observation('hidden6', at('only-there')),
      encounter('only-there'),
    ]
    const { ids } = await included(chart, 'Observation?patient=p&_include=Observation:encounter')
    expect(ids).toEqual(['a', 'b'])
  })

  test('keeps to the type that is asked for, and gives no match again', async () => {
    const chart = [PATIENT, encounter('a', { partOf: { reference: 'Encounter/b' } }), encounter('b')]
    expect((await included(chart, 'Encounter?patient=p&_include=Encounter:part-of')).ids).toEqual([])
    expect((await included(chart, 'Encounter?patient=p&_include=Encounter:subject:Patient')).ids).toEqual([
      'p',
    ])
    expect((await included(chart, 'Encounter?patient=p&_include=Encounter:subject:Group')).ids).toEqual([])
  })

  test('does not lead to a program that the requester may not know of', async () => {
    const chart = [PROGRAM, HERE, encounter('a', { serviceProvider: { reference: 'Organization/here' } })]
    const path = 'Encounter?patient=p&_include=Encounter:service-provider'
    expect((await included(chart, path)).ids).toEqual(['here'])
    const observed = observation('1', {
      performer: [{ reference: 'Organization/program' }, { reference: 'Organization/here' }],
    })
    const { ids } = await included(
      [PROGRAM, HERE, observed],
      'Observation?patient=p&_include=Observation:performer',
      {
        decide: ({ part2, codes }: { part2: boolean; codes: ReadonlySet<string> }) =>
          part2 && codes.has('42CFRPart2') ? { effect: 'deny' } : {},
      },
    )
    expect(ids).not.toContain('program')
  })

  test('of nothing asks nothing', async () => {
    const made = world({ resources: [observation('hidden1', at('a')), encounter('a')] })
    expect(idsOf(await made.get('Observation?patient=p&_include=Observation:encounter'), 'include')).toEqual(
      [],
    )
    const alone = world({ resources: [observation('1')] })
    await alone.get('Observation?patient=p&_include=Observation:encounter')
    expect(alone.calls.filter(call => call.includes('Encounter'))).toEqual([])
  })
})

describe('_revinclude', () => {
  test('brings what refers to a match by a reference that stays', async () => {
    const chart = [
      encounter('a'),
      encounter('hidden'),
      observation('1', at('a')),
      observation('2', at('hidden')),
      observation('hidden3', at('a')),
      // Names the encounter, but not through the parameter that is asked for.
      observation('4', { focus: [{ reference: 'Encounter/a' }] }),
    ]
    const { ids, withheld } = await included(chart, 'Encounter?patient=p&_revinclude=Observation:encounter')
    expect(ids).toEqual(['1'])
    expect(withheld).toEqual(['hidden', 'hidden3'])
  })

  test('of many matches is asked in parts, page by page', async () => {
    const encounters = Array.from({ length: 90 }, (_, i) => encounter(`e${i}`))
    const chart = [...encounters, ...encounters.map(({ id }) => observation(`o-${id}`, at(`${id}`)))]
    const made = world({ resources: chart, pages: [100, 7] })
    const answer = await made.get(
      'Encounter?patient=p&_count=100&_revinclude=Observation:encounter:Encounter',
    )
    expect(idsOf(answer, 'include')).toHaveLength(90)
    expect(made.calls.filter(call => call.startsWith('search Observation'))).toHaveLength(3)
  })

  test('that brings too much is refused', async () => {
    const chart = [encounter('a'), ...Array.from({ length: 30 }, (_, i) => observation(`${i}`, at('a')))]
    const made = world({ resources: chart, pages: [5], site: { limits: { scannedEntries: 20 } } })
    expect((await made.get('Encounter?patient=p&_revinclude=Observation:encounter')).text).toBe('too-costly')
  })
})

test('an include that only a hidden link would bring is no orphan in the answer', async () => {
  const chart = [
    encounter('hidden', { partOf: { reference: 'Encounter/outer' } }),
    encounter('outer'),
    observation('1', at('hidden')),
  ]
  const made = world({ resources: chart })
  const answer = await made.get('Observation?patient=p&_include=Observation:encounter')
  expect(idsOf(answer, 'include')).toEqual([])
  expect(answer.text).not.toMatch(/Encounter\//)
})

import { describe, expect, test } from 'vitest'
import { upstreamQuery } from '../../src/flow/search.ts'
import { search } from '../interaction/exchange.ts'
import { idsOf, observation, world } from './world.ts'

const at = (reference: string) => ({ encounter: { reference } })
const ENCOUNTERS = ['open', 'hidden'].map(id => ({
  resourceType: 'Encounter',
  id,
  status: 'finished',
  subject: { reference: 'Patient/p' },
}))

describe('a predicate touches only what the requester may read', () => {
  const given = [
    ...ENCOUNTERS,
    observation('seen', at('Encounter/open')),
    observation('unseen', at('Encounter/hidden')),
    observation('dangling', at('Encounter/gone')),
    observation('none'),
  ]
  const ask = async (query: string) => {
    const made = world({ resources: given })
    return {
      ids: idsOf(await made.get(`Observation?${query}`)),
      withheld: made.released[0]?.release.withheld ?? [],
    }
  }

  test('one on a hidden reference has not matched, nor one on a reference that leads nowhere', async () => {
    const { ids, withheld } = await ask('encounter=Encounter/open,Encounter/hidden,Encounter/gone')
    expect(ids).toEqual(['seen', 'none'])
    expect(withheld.map(({ labelled }) => labelled.facts.id)).toEqual(['unseen', 'dangling'])
    expect(withheld[0]?.decision.because[0]).toEqual({
      rule: 'predicate-on-hidden-reference',
      source: 'label',
      effect: 'deny',
      ground: '171.204(a)(2)',
    })
  })

  test('one on something else matches all the same', async () => {
    for (const query of ['status=final', 'patient=p', 'patient=p&subject=Patient/p'])
      expect((await ask(query)).ids).toEqual(['seen', 'unseen', 'dangling', 'none'])
  })

  test('a subject that is no patient is looked at like any other', async () => {
    const group = { resourceType: 'Group', id: 'hidden', type: 'person', actual: true }
    const ofGroup = observation('of-group', { subject: { reference: 'Group/hidden' } })
    const made = world({
      resources: [group, ofGroup, observation('of-patient')],
      decide: ({ facts }) => (facts.type === 'Group' ? { effect: 'deny' } : {}),
    })
    expect(idsOf(await made.get('Observation?subject=Group/hidden,Patient/p'))).toEqual(['of-patient'])
    expect(idsOf(await made.get('Observation?subject=Patient/p'))).toEqual(['of-group', 'of-patient'])
  })

  test('where a visible reference meets it too, a hidden one beside it does no harm', async () => {
    const both = observation('both', {
      derivedFrom: [{ reference: 'Observation/hidden1' }, { reference: 'Observation/base' }],
    })
    const made = world({ resources: [observation('base'), observation('hidden1'), both] })
    expect(idsOf(await made.get('Observation?derived-from=Observation/base'))).toContain('both')
    expect(idsOf(await made.get('Observation?derived-from=base'))).toContain('both')
    expect(idsOf(await made.get('Observation?derived-from=Observation/hidden1'))).not.toContain('both')
  })
})

test('a search is answered with matches of its type alone', async () => {
  const made = world({ resources: [observation('a')] })
  const page = await made.rooms.upstream.search('Observation', '')
  const upstream = { ...made.rooms.upstream, search: async () => page }
  const { get } = world({ resources: [], over: { upstream, labeller: made.rooms.labeller } })
  expect((await get('Condition?patient=p')).text).toBe('upstream-invalid')
  expect(idsOf(await world({ resources: [], over: { upstream } }).get('Observation?patient=p'))).toEqual([
    'a',
  ])
})

test('the upstream is asked what was parsed, at least one match more than a page, and for no includes', () => {
  const query = (target: string) => upstreamQuery(search(`/fhir/Observation?${target}`))
  expect(query('code=http://loinc.org|1-1&_sort=-date&_count=50&_include=Observation:encounter')).toBe(
    'code=http%3A%2F%2Floinc.org%7C1-1&_sort=-date&_count=51',
  )
  expect(query('_count=2')).toBe('_count=20')
})

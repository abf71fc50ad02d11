import { describe, expect, test } from 'vitest'
import { birthDateOf, isDirect, lookUp, resourceOf } from '../../src/flow/lookups.ts'
import type { Resolution, Upstream } from '../../src/model/doors.ts'
import type { Resource } from '../../src/model/fhir.ts'
import { observation, raw, world } from './world.ts'

const AT = new Date('2026-11-21T12:00:00Z')

const { labeller } = world({ resources: [] }).rooms
const assess = (resource: Resource | string) => labeller.assess(raw(resource))

describe('what can be looked up', () => {
  test.each([
    ['Encounter/1', true],
    ['Encounter/1/_history/2', false],
    ['https://x/Encounter/1', false],
    ['urn:uuid:1', false],
    ['#1', false],
    ['Encounter?identifier=1', false],
    ['', false],
  ])('%s: %s', (reference, direct) => {
    expect(isDirect(reference)).toBe(direct)
  })
})

describe('a look-up for labels', () => {
  const chart: Resource[] = [
    {
      resourceType: 'Encounter',
      id: 'e',
      subject: { reference: 'Patient/p' },
      serviceProvider: { reference: 'Organization/o' },
    },
    { resourceType: 'Organization', id: 'o', partOf: { reference: 'Organization/up' } },
    { resourceType: 'Patient', id: 'p', birthDate: '2001-01-01' },
  ]
  const facts = [assess(observation('a', { encounter: { reference: 'Encounter/e' } }))]

  test('follows lineage level by level and keeps what is absent apart from what is not known', async () => {
    const made = world({ resources: chart })
    const known = await lookUp(made.rooms, facts, AT)
    expect(known.get('Encounter/e')).toMatchObject({ reference: 'Encounter/e' })
    expect(known.get('Organization/o')).toMatchObject({ type: 'Organization' })
    expect(known.get('Organization/never')).toBeUndefined()
    expect(birthDateOf(known, 'Patient/p')).toBe('2001-01-01')
    expect(birthDateOf(known, 'Patient/p')).toBe('2001-01-01')
    expect(birthDateOf(known, 'Patient/q')).toBeUndefined()
    const without = await lookUp(world({ resources: [] }).rooms, [...facts], AT)
    expect(without.get('Encounter/e')).toBe('absent')
    expect(birthDateOf(without, 'Patient/p')).toBeUndefined()
  })

  test('takes neither another resource nor silence for an answer', async () => {
    const answering = async (answer: Resource | undefined) => {
      const upstream = {
        resolve: async (): Promise<Resolution> => ({
          get: () => (answer === undefined ? undefined : raw(answer)),
        }),
      } as unknown as Upstream
      return (await lookUp({ upstream, labeller }, [...facts], AT)).get('Encounter/e')
    }
    expect(await answering({ resourceType: 'Encounter', id: 'other' })).toBeUndefined()
    expect(await answering(undefined)).toBeUndefined()
  })

  test('is remembered while every level still resolves to the same', async () => {
    const resolution: Resolution = { get: () => 'absent' }
    let current = resolution
    const upstream = { resolve: async () => current } as unknown as Upstream
    const own = [...facts]
    const known = await lookUp({ upstream, labeller }, own, new Date(AT.getTime() + 0 * 1000))
    expect(await lookUp({ upstream, labeller }, own, new Date(AT.getTime() + 1 * 1000))).toBe(known)
    current = { ...resolution }
    expect(await lookUp({ upstream, labeller }, own, new Date(AT.getTime() + 2 * 1000))).not.toBe(known)
  })
})

test('a resource is read from its bytes once; one that cannot be assessed is not read', () => {
  const { resource: _resource, ...facts } = assess(observation('a'))
  expect(resourceOf(facts)).toEqual(observation('a'))
  expect(resourceOf(facts)).toBe(resourceOf(facts))
  expect(resourceOf(assess('{"a":1,"a":2}'))).toBeUndefined()
  const kept = { ...facts, resource: observation('b') }
  expect(resourceOf(kept)).toBe(kept.resource)
})

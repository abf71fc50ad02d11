import { describe, expect, test } from 'vitest'
import type { Resource } from '../../src/model/fhir.ts'
import { observation, raw, world } from './world.ts'

const encounter = (id: string): Resource => ({
  resourceType: 'Encounter',
  id,
  subject: { reference: 'Patient/p' },
})

/** The encounter, focus and performers that an Observation still has when it leaves. */
async function left(more: object, resources: readonly Resource[] = []): Promise<string[]> {
  const { text } = await world({ resources: [...resources, observation('a', more)] }).get('Observation/a')
  return [...text.matchAll(/"reference":"([^"]*)"/g)]
    .map(match => match[1] ?? '')
    .filter(one => one !== 'Patient/p')
}
const focus = (...references: string[]) => ({ focus: references.map(reference => ({ reference })) })

describe('a reference of a released resource', () => {
  test('stays where it leads to what is released', async () => {
    expect(await left(focus('Encounter/open'), [encounter('open')])).toEqual(['Encounter/open'])
  })

  test('goes alike where it leads to what is withheld and where it leads nowhere', async () => {
    const names = focus('Encounter/hidden1', 'Encounter/open')
    const withheld = await left(names, [encounter('open'), encounter('hidden1')])
    expect(withheld).toEqual(['Encounter/open'])
    expect(await left(names, [encounter('open')])).toEqual(withheld)
  })

  test.each([
    'urn:uuid:0b1c2d3e-0000-4000-8000-000000000000',
    'https://elsewhere.example/fhir/Condition/1',
    'Condition?identifier=1',
    'nowhere at all',
  ])('goes where nobody can say what it leads to: %s', async target => {
    expect(await left(focus(target))).toEqual([])
  })

  test.each([
    'Organization/any',
    'https://elsewhere.example/fhir/Practitioner/1/_history/2',
    'Practitioner?identifier=1',
    '#contained',
    'Patient/other',
  ])('stays where it leads to people, places and what is in the resource itself: %s', async target => {
    expect(await left(focus(target))).toEqual([target])
  })

  test('by identifier alone stays', async () => {
    const { text } = await world({
      resources: [observation('a', { focus: [{ identifier: { system: 'urn:s', value: '1' } }] })],
    }).get('Observation/a')
    expect(text).toContain('"value":"1"')
  })

  test('goes where what it leads to cannot be read, or is something else', async () => {
    const made = world({ resources: [observation('a', focus('Encounter/e'))] })
    for (const found of [raw('{"resourceType":"Encounter","id":"e","id":"e"}'), raw(encounter('other'))]) {
      const upstream = { ...made.rooms.upstream, resolve: async () => ({ get: () => found }) }
      const { get } = world({ resources: [], over: { upstream } })
      expect((await get('Observation/a')).text).not.toContain('Encounter/e')
    }
  })
})

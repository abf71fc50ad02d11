import { describe, expect, test } from 'vitest'
import { directoryFor } from '../../src/flow/directory.ts'
import type { ConsentOnFile } from '../../src/model/consent.ts'
import type { Resolution, Upstream } from '../../src/model/doors.ts'
import type { Resource } from '../../src/model/fhir.ts'
import { Refusal } from '../../src/model/refusal.ts'
import type { Requester } from '../../src/model/requester.ts'
import { raw, requester, world } from './world.ts'

const nobody: Requester = { ...requester, actors: [] }

/** Consents of one patient whose provision is given. */
const consents = (provision: object): ReadonlyMap<string, readonly ConsentOnFile[]> =>
  new Map([
    [
      'Patient/p',
      [
        {
          ref: { reference: 'Consent/c' },
          resource: { resourceType: 'Consent', id: 'c', provision } as Resource,
        },
      ],
    ],
  ])
const actor = (reference: string) => ({ actor: [{ reference: { reference } }] })

const CHAIN: Resource[] = [
  {
    resourceType: 'PractitionerRole',
    id: 'r',
    practitioner: { reference: 'Practitioner/d' },
    organization: { reference: 'Organization/1' },
  },
  { resourceType: 'Practitioner', id: 'd' },
  ...[1, 2, 3, 4, 5].map(n => ({
    resourceType: 'Organization',
    id: `${n}`,
    partOf: { reference: `Organization/${n + 1}` },
  })),
]

async function resolved(provision: object, resources: readonly (Resource | string)[] = CHAIN, who = nobody) {
  const made = world({ resources })
  const directory = await directoryFor(made.rooms.upstream, consents(provision), who)
  return { directory, calls: made.calls }
}

describe('the directory', () => {
  test('holds the actors of Consents at any depth of their provisions, not what they say of data', async () => {
    const { directory, calls } = await resolved({
      provision: [{ ...actor('Practitioner/d'), provision: [actor('Organization/5')] }],
      data: [{ reference: { reference: 'Organization/1' } }],
    })
    expect(directory.resolve('Practitioner/d')).toEqual(CHAIN[1])
    expect(directory.resolve('Organization/5')?.id).toBe('5')
    expect(directory.resolve('Organization/1')).toBeUndefined()
    expect(calls[0]).toBe('resolve Practitioner/d,Organization/5')
  })

  test('holds a record whose related ones a Consent speaks of, since only the record tells which they are', async () => {
    const encounter: Resource = { resourceType: 'Encounter', id: 'e', diagnosis: [] }
    const term = (meaning: string, reference: string) => ({ meaning, reference: { reference } })
    const data = [
      term('related', 'Encounter/e'),
      term('instance', 'Observation/1'),
      term('dependents', 'Task/1'),
    ]
    const { directory, calls } = await resolved({ provision: [{ data }] }, [encounter])
    expect(directory.resolve('Encounter/e')).toEqual(encounter)
    expect(calls[0]).toBe('resolve Encounter/e')
  })

  test('follows memberships four steps and no further', async () => {
    const { directory, calls } = await resolved(actor('PractitionerRole/r'))
    const known = [
      'PractitionerRole/r',
      'Practitioner/d',
      'Organization/1',
      'Organization/3',
      'Organization/4',
    ]
    expect(known.map(reference => directory.resolve(reference) !== undefined)).toEqual([
      true,
      true,
      true,
      true,
      false,
    ])
    expect(calls).toHaveLength(4)
    // What lies beyond is doubt, and only that.
    expect(known.map(reference => directory.unresolvable?.(reference))).toEqual([
      false,
      false,
      false,
      false,
      true,
    ])
  })

  test('follows every kind of membership, up and down', async () => {
    const people = (id: string) => ({ resourceType: 'Practitioner', id })
    const { directory } = await resolved(
      {
        actor: [
          { reference: { reference: 'Group/g' } },
          { reference: { reference: 'CareTeam/t' } },
          { reference: { reference: 'Device/v' } },
          { reference: { reference: 'Location/l' } },
          { reference: { reference: 'HealthcareService/s' } },
        ],
      },
      [
        {
          resourceType: 'Group',
          id: 'g',
          member: [{ entity: { reference: 'PractitionerRole/r' } }, { entity: { reference: 'Patient/x' } }],
        },
        {
          resourceType: 'PractitionerRole',
          id: 'r',
          practitioner: { reference: 'Practitioner/1' },
          organization: { reference: 'Organization/1' },
        },
        { resourceType: 'CareTeam', id: 't', participant: [{ member: { reference: 'Practitioner/2' } }] },
        { resourceType: 'Device', id: 'v', owner: { reference: 'Organization/2' } },
        { resourceType: 'Location', id: 'l', managingOrganization: { reference: 'Organization/3' } },
        { resourceType: 'HealthcareService', id: 's', providedBy: { reference: 'Organization/4' } },
        people('1'),
        people('2'),
        ...[1, 2, 3, 4].map(n => ({ resourceType: 'Organization', id: `${n}` })),
        { resourceType: 'Patient', id: 'x' },
      ],
    )
    const met = ['Practitioner/1', 'Practitioner/2', ...[1, 2, 3, 4].map(n => `Organization/${n}`)]
    expect(met.filter(name => directory.resolve(name) === undefined)).toEqual([])
    // A member that is a patient is known by its reference; nothing of it is read.
    expect(directory.resolve('Patient/x')).toBeUndefined()
    expect(directory.unresolvable?.('Patient/x')).toBe(false)
  })

  test('follows members that a contained Group names', async () => {
    const made = world({ resources: CHAIN })
    const onFile = {
      ref: { reference: 'Consent/c' },
      resource: {
        resourceType: 'Consent',
        contained: [
          {
            resourceType: 'Group',
            id: 'own',
            member: [{ entity: { reference: 'PractitionerRole/r' } }],
          },
        ],
        provision: actor('#own'),
      } as Resource,
    }
    const directory = await directoryFor(made.rooms.upstream, new Map([['Patient/p', [onFile]]]), nobody)
    expect(directory.resolve('Organization/1')?.id).toBe('1')
  })

  test('takes absolute and versioned references for what they are, and no others', async () => {
    const made = world({ resources: CHAIN })
    const asked = consents({
      actor: [
        { reference: { reference: 'https://gw.example/fhir/Organization/5' } },
        { reference: { reference: 'Practitioner/d/_history/2' } },
        { reference: { reference: 'https://elsewhere.example/fhir/Organization/1' } },
      ],
    })
    const options = { bases: ['https://gw.example/fhir'], also: ['Organization/2'] }
    const directory = await directoryFor(made.rooms.upstream, asked, nobody, options)
    const names = ['Organization/5', 'Practitioner/d', 'Organization/2', 'Organization/1']
    expect(names.map(name => directory.resolve(name)?.id)).toEqual(['5', 'd', '2', undefined])
  })

  test('looks up no more than its number, collectives first; the others are doubt', async () => {
    const members = Array.from({ length: 40 }, (_, n) => ({ entity: { reference: `Practitioner/${n}` } }))
    const roles = [{ entity: { reference: 'PractitionerRole/r' } }]
    const made = world({
      resources: [
        { resourceType: 'Group', id: 'g', member: [...members, ...roles] },
        ...members.map((_, n) => ({ resourceType: 'Practitioner', id: `${n}` })),
        ...CHAIN,
      ],
    })
    const directory = await directoryFor(made.rooms.upstream, consents(actor('Group/g')), nobody, {
      references: 11,
    })
    const looked = made.calls.join().match(/\w+\/\w+/g) ?? []
    expect(looked).toHaveLength(11)
    expect(directory.resolve('PractitionerRole/r')).toBeDefined()
    const state = (n: number) => [
      directory.resolve(`Practitioner/${n}`) !== undefined,
      directory.unresolvable?.(`Practitioner/${n}`),
    ]
    expect(members.map((_, n) => state(n)).filter(([found]) => found)).toHaveLength(9)
    expect(members.every((_, n) => state(n)[0] !== state(n)[1])).toBe(true)
  })

  test('waits no longer than its time; what did not come is doubt', async () => {
    const made = world({ resources: CHAIN })
    const upstream: Upstream = {
      ...made.rooms.upstream,
      resolve: references =>
        references.includes('Organization/1')
          ? new Promise(() => undefined)
          : made.rooms.upstream.resolve(references),
    }
    const before = performance.now()
    const directory = await directoryFor(upstream, consents(actor('PractitionerRole/r')), nobody, {
      timeMs: 100,
    })
    expect(performance.now() - before).toBeLessThan(1000)
    expect(directory.resolve('PractitionerRole/r')).toBeDefined()
    expect(directory.unresolvable?.('Organization/1')).toBe(true)
  })

  test('fails where the upstream fails', async () => {
    const made = world({ resources: CHAIN })
    const upstream: Upstream = {
      ...made.rooms.upstream,
      resolve: async () => {
        throw new Refusal('upstream-unavailable')
      },
    }
    await expect(directoryFor(upstream, consents(actor('Group/g')), nobody)).rejects.toThrow(Refusal)
  })

  test('resolves what a Consent of another server names at that server, and takes it for nobody of ours', async () => {
    const base = 'https://registry.example/fhir'
    const made = world({ resources: CHAIN })
    const there = world({
      resources: [
        { resourceType: 'Organization', id: '1', partOf: { reference: 'Organization/2' } },
        { resourceType: 'Organization', id: '2', name: 'of the registry' },
      ],
    })
    const upstream = { ...made.rooms.upstream, elsewhere: new Map([[base, there.rooms.upstream]]) }
    const directory = await directoryFor(upstream, consents(actor(`${base}/Organization/1`)), nobody)
    expect(directory.resolve(`${base}/Organization/1`)?.['partOf']).toEqual({
      reference: `${base}/Organization/2`,
    })
    expect(directory.resolve(`${base}/Organization/2`)?.['name']).toBe('of the registry')
    expect(directory.resolve('Organization/1')).toBeUndefined()
    expect(made.calls).toEqual([])
    expect(there.calls).toEqual(['resolve Organization/1', 'resolve Organization/2'])
  })

  test('holds the requester too; a circle ends', async () => {
    const circle = [1, 2].map(n => ({
      resourceType: 'Organization',
      id: `${n}`,
      partOf: { reference: `Organization/${3 - n}` },
    }))
    const who = {
      ...requester,
      actors: [
        { role: 'recipient' as const, reference: 'Organization/1' as const },
        { role: 'recipient' as const },
      ],
    }
    const { directory, calls } = await resolved({}, circle, who)
    expect(directory.resolve('Organization/2')?.id).toBe('2')
    expect(calls).toEqual(['resolve Organization/1', 'resolve Organization/2'])
  })

  test('asks nothing where there is nobody to ask for', async () => {
    const { directory, calls } = await resolved({
      actor: [
        { reference: { reference: '#group' } },
        { reference: { reference: 'https://x/Organization/1' } },
      ],
    })
    expect(calls).toEqual([])
    expect(directory.resolve('Organization/1')).toBeUndefined()
  })

  test('a provision nested beyond reason ends', async () => {
    const deep = Array.from({ length: 30 }).reduce<object>(
      inner => ({ provision: inner }),
      actor('Practitioner/d'),
    )
    expect((await resolved(deep)).calls).toEqual([])
  })

  test('what cannot be read, or is another, stays unresolved and stops nobody else', async () => {
    const upstream = {
      resolve: async (): Promise<Resolution> => ({
        get: reference =>
          ({
            'Organization/1': raw('{"resourceType":"Organization","id":"1","id":"1"}'),
            'Organization/2': raw({ resourceType: 'Organization', id: 'other' }),
            'Organization/3': raw('null'),
            'Organization/4': 'absent' as const,
            'Organization/6': raw({ resourceType: 'Organization' }),
            'Practitioner/d': raw({
              resourceType: 'Practitioner',
              id: 'd',
              organization: [null, 'x', {}, { reference: 5 }],
            } as never),
          })[reference],
      }),
    } as unknown as Upstream
    const names = [
      'Organization/1',
      'Organization/2',
      'Organization/3',
      'Organization/4',
      'Organization/5',
      'Organization/6',
      'Practitioner/d',
    ]
    const directory = await directoryFor(upstream, consents({ provision: names.map(actor) }), nobody)
    expect(names.filter(name => directory.resolve(name) !== undefined)).toEqual(['Practitioner/d'])
    // There and not readable is doubt; not there at all is none.
    expect(names.filter(name => directory.unresolvable?.(name))).toEqual([
      'Organization/1',
      'Organization/2',
      'Organization/3',
      'Organization/5',
      'Organization/6',
    ])
  })

  test('is the same object while its look-ups are, and another when one of them changes', async () => {
    const made = world({ resources: CHAIN })
    const kept = new Map<string, Promise<Resolution>>()
    const { resolve } = made.rooms.upstream
    const upstream: Upstream = {
      ...made.rooms.upstream,
      resolve: references => {
        const known = kept.get(references.join()) ?? resolve(references)
        kept.set(references.join(), known)
        return known
      },
    }
    const asked = consents(actor('PractitionerRole/r'))
    const one = await directoryFor(upstream, asked, nobody)
    expect(await directoryFor(upstream, asked, nobody)).toBe(one)
    kept.delete('Organization/2')
    expect(await directoryFor(upstream, asked, nobody)).not.toBe(one)
    kept.clear()
    expect(await directoryFor(upstream, asked, nobody)).not.toBe(one)
  })
})

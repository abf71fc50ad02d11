import { describe, expect, test } from 'vitest'
import { directoryFor } from '../../src/flow/directory.ts'
import type { ConsentOnFile } from '../../src/model/consent.ts'
import type { Resolution, Upstream } from '../../src/model/doors.ts'
import type { Resource } from '../../src/model/fhir.ts'
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

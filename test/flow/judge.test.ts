import { describe, expect, test } from 'vitest'
import { createCursors } from '../../src/flow/cursors.ts'
import { createJudge } from '../../src/flow/judge.ts'
import { momentOf } from '../../src/flow/moment.ts'
import type { Understood } from '../../src/model/exchange.ts'
import type { Resource } from '../../src/model/fhir.ts'
import { exchange as identified, search } from '../interaction/exchange.ts'
import { idsOf, observation, raw, requester, world } from './world.ts'

const understood = (change: Partial<Understood> = {}): Understood => ({
  ...identified('/fhir/Observation?patient=p'),
  requester,
  interaction: search('/fhir/Observation?patient=p'),
  ...change,
})

describe('a permission is withdrawn', () => {
  const given = { resources: [observation('a'), observation('b')] }
  const rule = async (over: object, more: object = {}) => {
    const made = world({ ...given, over, ...more })
    const ids = idsOf(await made.get('Observation?patient=p'))
    return { ids, rules: made.released[0]?.release.withheld.map(({ decision }) => decision.because[0]) }
  }

  test('where no scope of the token reaches the resource', async () => {
    const { identity } = world(given).rooms
    const { ids, rules } = await rule({
      identity: { ...identity, reaches: (_r: unknown, { id }: { id: string }) => id !== 'a' },
    })
    expect(ids).toEqual(['b'])
    expect(rules).toEqual([
      { rule: 'smart-scope', source: 'token', effect: 'deny', citation: 'SMART App Launch 2.2, Scopes' },
    ])
  })

  test('where the residual rules of the token deny it', async () => {
    const { consent, identity } = world(given).rooms
    const residual = { ...requester, residual: [{} as never] }
    const over = {
      consent: {
        ...consent,
        residual: (_rules: unknown, _q: unknown, { facts }: { facts: { id: string } }) =>
          facts.id === 'a' ? 'deny' : 'permit',
      },
      identity: {
        ...identity,
        identify: async (received: Parameters<typeof identity.identify>[0]) => ({
          ...(await identity.identify(received)),
          requester: residual,
        }),
      },
    }
    const { ids, rules } = await rule(over)
    expect(ids).toEqual(['b'])
    expect(rules).toEqual([
      {
        rule: 'ihe-pcf-residual',
        source: 'token',
        effect: 'deny',
        citation: 'IHE PCF 3.71.4.2.2.1.4',
        ground: '171.202(b)',
      },
    ])
  })

  test('where a projection fails on it, and the others leave', async () => {
    const { segmenter } = world(given).rooms
    const { ids, rules } = await rule({
      segmenter: {
        ...segmenter,
        projectable: ({ labelled }: { labelled: { facts: { id: string } } }) => labelled.facts.id !== 'a',
      },
    })
    expect(ids).toEqual(['b'])
    expect(rules).toEqual([
      { rule: 'projection-failed', source: 'purpose', effect: 'deny', ground: '171.204(a)(2)' },
    ])
  })

  test('where a duty cannot be met; what was denied already keeps its own reason', async () => {
    const { ids, rules } = await rule(
      {},
      {
        decide: ({ facts }: { facts: { id: string } }) =>
          facts.id === 'a'
            ? { obligations: ['AUDIT', 'DEIDENTIFY'] }
            : { effect: 'deny', because: [{ rule: 'own', source: 'law', effect: 'deny' }] },
      },
    )
    expect(ids).toEqual([])
    expect(rules).toEqual([
      { rule: 'undischargeable:DEIDENTIFY', source: 'purpose', effect: 'deny', ground: '171.204(a)(2)' },
      { rule: 'own', source: 'law', effect: 'deny' },
    ])
  })
})

describe('what decisions share', () => {
  const patient: Resource = { resourceType: 'Patient', id: 'p', birthDate: '2010-05-05' }
  const contexts = (given: Parameters<typeof world>[0]) => {
    const seen: { birthDates: ReadonlyMap<string, string>; action: string; defaultPolicy?: string }[] = []
    const made = world(given)
    const { decide } = made.rooms.decider
    const decider = {
      decide: (...args: Parameters<typeof decide>) => {
        seen.push(args[0])
        return decide(...args)
      },
    }
    return { seen, made: world({ ...given, over: { ...given.over, decider } }) }
  }

  test('is gathered from the patients themselves, the site and the requester', async () => {
    const { seen, made } = contexts({
      resources: [patient, observation('a')],
      site: {
        defaultPolicy: 'deny',
        custodian: { organization: 'Organization/other', state: 'NE', hipaa: 'none', part2: 'none' },
      },
    })
    await made.get('Observation/a')
    expect(seen[0]).toMatchObject({ action: 'use', defaultPolicy: 'deny' })
    expect(seen[0]?.birthDates).toEqual(new Map([['Patient/p', '2010-05-05']]))
  })

  test('does without a birth date where there is none', async () => {
    for (const resources of [
      [observation('a')],
      [{ resourceType: 'Patient', id: 'p', birthDate: 2010 } as unknown as Resource, observation('a')],
      ['{"resourceType":"Patient","id":"p","id":"p"}', observation('a')],
    ]) {
      const { seen, made } = contexts({ resources })
      await made.get('Observation/a')
      expect(seen[0]?.birthDates).toEqual(new Map())
      expect(seen[0]).toMatchObject({ action: 'disclose' })
    }
  })

  test('a patient whose Consents were not given stays unknown', async () => {
    const { seen, made } = contexts({
      resources: [observation('a')],
      upstream: { consents: async () => new Map() },
    })
    await made.get('Observation/a')
    expect((seen[0] as unknown as { consents: ReadonlyMap<string, unknown> }).consents.has('Patient/p')).toBe(
      false,
    )
  })

  test('deciding before it was gathered is a defect', () => {
    const { rooms } = world({ resources: [] })
    const judge = createJudge(rooms, understood())
    expect(() => judge.decideNow([])).toThrow('before the facts')
    expect(judge.directives().size).toBe(0)
  })

  test('labels of a page are made once for the same look-ups on one day', async () => {
    const { rooms } = world({ resources: [patient] })
    const facts = [rooms.labeller.assess(raw(observation('a')))]
    const label = async (at: string) =>
      (await createJudge(rooms, understood({ receivedAt: new Date(at) })).label(facts)).labelled
    const morning = await label('2026-03-01T08:00:00Z')
    const resolution = await rooms.upstream.resolve(['Patient/p'])
    Object.assign(rooms.upstream, { resolve: async () => resolution })
    const [one, again, tomorrow] = [
      await label('2026-03-01T09:00:00Z'),
      await label('2026-03-01T10:00:00Z'),
      await label('2026-03-02T09:00:00Z'),
    ]
    expect(again).toBe(one)
    expect(tomorrow).not.toBe(one)
    expect(tomorrow).toEqual(morning)
  })
})

describe('a moment', () => {
  const { rooms } = world({ resources: [] })
  const at = (time: string, change: Partial<Understood> = {}) =>
    momentOf(rooms, understood({ receivedAt: new Date(time), ...change }))

  test('is one second of one requester with one set of purposes at one site', () => {
    const one = at('2026-03-01T12:00:00.100Z')
    expect(at('2026-03-01T12:00:00.900Z')).toBe(one)
    expect(at('2026-03-01T12:00:01.000Z')).not.toBe(one)
    const other = at('2026-03-01T12:00:00.100Z')
    expect(
      at('2026-03-01T12:00:00.100Z', {
        purposeOfUse: { effective: ['HPAYMT'], asserted: [], registered: [] },
      }),
    ).not.toBe(other)
    expect(at('2026-03-01T12:00:00.100Z', { requester: { ...requester } })).not.toBe(other)
    const elsewhere = world({ resources: [] }).rooms
    expect(momentOf(elsewhere, understood())).not.toBe(momentOf(rooms, understood()))
  })

  test('reads Consents once while they are the same, and again when they change', async () => {
    const first = [{ ref: { reference: 'Consent/1' }, resource: { resourceType: 'Consent', id: '1' } }]
    let onFile = first
    let reads = 0
    const { consent } = rooms
    const made = world({
      resources: [observation('a')],
      upstream: { consents: async () => new Map([['Patient/p', onFile]]), resolve: async () => RESOLUTION },
      over: { consent: { ...consent, read: () => [String(++reads)] as never } },
    })
    const directives = async () => {
      await made.get('Observation/a')
      return made.released.at(-1)?.directives.get('Patient/p')
    }
    expect([await directives(), await directives()]).toEqual([['1'], ['1']])
    onFile = [...first]
    expect(await directives()).toEqual(['2'])
    expect(reads).toBe(2)
  })

  test('learns of people and places that labelling looked up', async () => {
    const role: Resource = { resourceType: 'PractitionerRole', id: 'r' }
    const resolved: unknown[] = []
    const given = world({
      resources: [role, observation('a', { performer: [{ reference: 'PractitionerRole/r' }] })],
    })
    const { decide } = given.rooms.decider
    const made = world({
      resources: [role, observation('a', { performer: [{ reference: 'PractitionerRole/r' }] })],
      over: {
        decider: {
          decide: (context, ...rest) => {
            resolved.push(
              context.directory.resolve('PractitionerRole/r'),
              context.directory.resolve('Organization/x'),
            )
            return decide(context, ...rest)
          },
        },
      },
    })
    await made.get('Observation/a')
    expect(resolved.slice(0, 2)).toEqual([role, undefined])
  })
})

const RESOLUTION = { get: () => 'absent' as const }

describe('remembered positions', () => {
  const cursors = createCursors(10, 1000)
  const one = identified('/fhir', { key: 'k' })
  const asked = search('/fhir/Observation?patient=1&_count=2')
  const cursor = { link: 'l', before: 3 }
  cursors.keep(one, asked, 2, cursor)

  test('are found by the same requester for the same search and place', () => {
    expect(cursors.find(one, { ...asked, offset: 2 })).toEqual(cursor)
  })

  test.each([
    ['place', one, { ...asked, offset: 4 }],
    ['search', one, { ...search('/fhir/Observation?patient=2&_count=2'), offset: 2 }],
    ['type', one, { ...asked, resourceType: 'Condition', offset: 2 }],
    ['person', identified('/fhir', { key: 'other' }), { ...asked, offset: 2 }],
    ['client', identified('/fhir', { key: 'k', client: 'c' }), { ...asked, offset: 2 }],
    ['purpose', identified('/fhir', { key: 'k', purposes: ['HPAYMT'] }), { ...asked, offset: 2 }],
    [
      'launch patient',
      { ...one, requester: { ...one.requester, patient: 'Patient/p' as const } },
      { ...asked, offset: 2 },
    ],
  ])('are those of nobody else: another %s', (_what, who, what) => {
    expect(cursors.find(who, what)).toBeUndefined()
  })
})

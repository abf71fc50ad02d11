import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { lookUp } from '../../src/flow/lookups.ts'
import { createLabeller } from '../../src/label/labeller.ts'
import type { Labeller } from '../../src/model/doors.ts'
import type { Resource } from '../../src/model/fhir.ts'
import type { LabelledResource, ResourceFacts } from '../../src/model/label.ts'
import { Refusal } from '../../src/model/refusal.ts'
import { RULES, site } from '../label/house.ts'
import { type Fake, fake, searchset, send } from '../upstream/fake.ts'
import { idsOf, observation, raw, world } from './world.ts'

const PROGRAM = { reference: 'Organization/program' }
const provenance = (id: string, who: object, ...targets: string[]): Resource => ({
  resourceType: 'Provenance',
  id,
  recorded: '2026-01-01T00:00:00Z',
  agent: [{ who: { ...who } }],
  target: targets.map(reference => ({ reference })),
})

describe('who made a record, where only its Provenance says so', () => {
  const chart = [
    observation('theirs'),
    observation('ours'),
    provenance('one', PROGRAM, 'Observation/theirs'),
    provenance('two', { reference: 'Organization/here' }, 'Observation/ours'),
  ]
  const seen = async (referrers: readonly string[]) => {
    const { get } = world({ resources: chart, referrers })
    return [
      idsOf(await get('Observation?patient=p')),
      (await get('Observation/theirs')).status,
      (await get('Observation/ours')).status,
    ]
  }

  test('is the same on a page and in a read', async () => {
    expect(await seen(['Provenance.target'])).toEqual([['ours'], 400, 200])
    expect(await seen([])).toEqual([['theirs', 'ours'], 200, 200])
  })

  test('is asked at the same time as everything else, once for a page, for visits too and never for people', async () => {
    const visit = { resourceType: 'Encounter', id: 'e', subject: { reference: 'Patient/p' } }
    const { get, calls } = world({
      resources: [
        observation('a', { encounter: { reference: 'Encounter/e' } }),
        observation('b', { encounter: { reference: 'Encounter/e' } }),
        visit,
        { resourceType: 'Patient', id: 'p' },
        provenance('of-visit', PROGRAM, 'Encounter/e'),
      ],
      referrers: ['Provenance.target'],
    })
    expect(idsOf(await get('Observation?patient=p'))).toEqual([])
    expect(calls.filter(call => call.startsWith('referrers'))).toEqual([
      'referrers Provenance?target=Observation/a,Observation/b',
      'referrers Provenance?target=Encounter/e',
    ])
  })

  test('fails the request where it cannot be asked', async () => {
    const down = () =>
      Promise.reject(new Refusal('upstream-unavailable', { detail: 'upstream answered 503' }))
    const made = world({ resources: chart, referrers: ['Provenance.target'], upstream: { referrers: down } })
    expect((await made.get('Observation/ours')).text).toBe('upstream-unavailable')
    expect(made.refused[0]?.refusal.detail).toBe('upstream answered 503')
  })

  test('is in doubt for all that a Provenance may speak of which cannot be read', async () => {
    const unreadable = raw('{"resourceType":"Provenance","id":"x","target":[],"target":[]}')
    const made = world({
      resources: chart,
      referrers: ['Provenance.target'],
      upstream: {
        referrers: async (_t, _p, references) => new Map(references.map(each => [each, [unreadable]])),
      },
    })
    expect(idsOf(await made.get('Observation?patient=p'))).toEqual([])
  })
})

describe('what speaks of its patients through its targets only', () => {
  /** As the law does: nothing that names no patient, and here nothing named hidden. */
  const decide = ({ facts }: LabelledResource) =>
    facts.id.startsWith('hidden') || facts.patients.length === 0 ? { effect: 'deny' as const } : {}
  const chart = [
    observation('open'),
    observation('hidden-1'),
    provenance('of-open', { reference: 'Organization/here' }, 'Observation/open'),
    provenance('of-both', { reference: 'Organization/here' }, 'Observation/open', 'Observation/hidden-1'),
    provenance('of-hidden', { reference: 'Organization/here' }, 'Observation/hidden-1'),
    provenance('of-nothing', { reference: 'Organization/here' }, 'Observation/gone'),
  ]

  test('leaves with one of them, without those that are withheld', async () => {
    const { get } = world({ resources: chart, decide })
    expect(idsOf(await get('Provenance?recorded=gt2020-01-01'))).toEqual(['of-open', 'of-both'])
    const both = await get('Provenance/of-both')
    expect(both.text).toContain('Observation/open')
    expect(both.text).not.toContain('hidden')
  })

  test('is withheld with them, exactly as if they did not exist', async () => {
    const made = world({ resources: chart, decide })
    const without = world({ resources: chart.filter(({ id }) => id !== 'hidden-1'), decide })
    const query = 'Provenance?recorded=gt2020-01-01'
    expect(idsOf(await made.get(query))).toEqual(idsOf(await without.get(query)))
    expect(await made.get('Provenance/of-hidden')).toEqual(await without.get('Provenance/of-hidden'))
    const rules = made.released[0]?.release.withheld.map(({ decision }) => decision.because[0]?.rule)
    expect(rules).toContain('speaks-through-withheld')
  })
})

describe('on a real connection', () => {
  const AT = new Date('2026-11-21T12:00:00Z')
  const at = (seconds: number) => new Date(AT.getTime() + seconds * 1000)
  let server: Fake
  let labeller: Labeller
  let page: readonly ResourceFacts[]
  let stored: Resource[]

  beforeEach(async () => {
    stored = [
      { resourceType: 'Encounter', id: 'e', subject: { reference: 'Patient/p' }, serviceProvider: PROGRAM },
      { resourceType: 'Organization', id: 'program' },
      { resourceType: 'Patient', id: 'p' },
      {
        resourceType: 'Binary',
        id: 'b',
        contentType: 'text/plain',
        data: Buffer.from('HIV positive').toString('base64'),
      },
      provenance('one', PROGRAM, 'Observation/o1'),
    ]
    server = await fake((request, response) => {
      const url = new URL(request.url ?? '', server.base)
      const [type = '', id] = url.pathname.replace('/fhir/', '').split('/')
      const found = stored.filter(({ resourceType }) => resourceType === type)
      if (id !== undefined)
        return send(response, found.find(one => one.id === id) ?? '', found.length > 0 ? 200 : 404)
      const ids = url.searchParams.get('_id')?.split(',')
      const targets = url.searchParams.get('target')?.split(',')
      send(
        response,
        searchset(
          found.filter(one =>
            ids === undefined
              ? targets?.some(target => JSON.stringify(one).includes(`"${target}"`))
              : ids.includes(one.id ?? ''),
          ),
        ),
      )
    })
    labeller = createLabeller(
      RULES,
      {
        ...site({ part2Programs: ['Organization/program', 'Location/x'] }),
        referrers: ['Provenance.target'],
      },
      { cacheBytes: 1_000_000, jsonDepth: 64 },
    )
    page = [
      ...Array.from({ length: 30 }, (_, n) =>
        observation(`o${n}`, { encounter: { reference: 'Encounter/e' } }),
      ),
      {
        resourceType: 'DocumentReference',
        id: 'd',
        subject: { reference: 'Patient/p' },
        content: [{ attachment: { contentType: 'text/plain', url: 'Binary/b' } }],
      },
    ].map(resource => labeller.assess(raw(resource)))
  })
  afterEach(() => server.close())

  const look = (seconds: number) => lookUp({ upstream: server.upstream, labeller }, page, at(seconds))

  test('a page costs one request a type and edge the first time, and nothing while what was found is kept', async () => {
    const known = await look(0)
    const urls = server.requests.map(({ url }) => String(url).replace(/=.*/, '')).sort()
    expect(urls).toEqual([
      '/fhir/Binary/b',
      '/fhir/Encounter?_id',
      '/fhir/Patient?_id',
      '/fhir/Provenance?target',
      '/fhir/Provenance?target',
    ])
    for (let second = 0; second < 5; second++) {
      server.clock.now += 1000
      expect(await look(second)).toBe(known)
    }
    expect(server.requests).toHaveLength(5)
    expect(known.referrers?.('Observation/o1')?.map(({ id }) => id)).toEqual(['one'])
    expect(known.referrers?.('Observation/o2')).toEqual([])
    expect(known.referrers?.('Observation/other')).toBeUndefined()
  })

  test('what changes upstream is seen when its time is over', async () => {
    const known = await look(0)
    stored.pop()
    server.clock.now += 60_000
    const later = await look(60)
    expect(later).not.toBe(known)
    expect(later.referrers?.('Observation/o1')).toEqual([])
  })

  test('a document is labelled by the Binary that holds its text', async () => {
    const known = await look(0)
    const document = page.at(-1)
    if (document === undefined) throw new Error('no document')
    const { codes } = labeller.label(document, one => known.get(one), { at: AT }, known.referrers)
    expect([...codes]).toContain('HIV')
    expect([...codes]).not.toContain('UNASSESSED')
    stored.splice(3, 1)
    const other = await fake(server.handle)
    const gone = await lookUp({ upstream: other.upstream, labeller }, [document], at(0))
    expect([...labeller.label(document, one => gone.get(one), { at: AT }, gone.referrers).codes]).toEqual([
      'UNASSESSED',
    ])
    await other.close()
  })

  test('a document that takes time to read is read before it labels', async () => {
    const read: ResourceFacts[] = []
    const slow: Labeller = {
      ...labeller,
      assess: bytes => ({
        ...labeller.assess(bytes),
        pending: [{ path: 'data', contentType: 'application/pdf', data: '' }],
      }),
      read: async facts => {
        read.push(facts)
        const { pending: _, ...done } = facts
        return done
      },
    }
    const known = await lookUp({ upstream: server.upstream, labeller: slow }, [...page], at(0))
    expect(read.map(({ reference }) => reference)).toContain('Binary/b')
    expect(known.get('Binary/b')).not.toHaveProperty('pending')
  })
})

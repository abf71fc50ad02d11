import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Fake, fake, refusalOf, searchset, send } from './fake.ts'

interface Provenance {
  readonly resourceType: string
  readonly id: string
  readonly target: readonly { readonly reference: string }[]
}

let server: Fake
let stored: Provenance[]
let pageSize: number

const provenance = (id: string, ...targets: string[]): Provenance => ({
  resourceType: 'Provenance',
  id,
  target: targets.map(reference => ({ reference })),
})

beforeEach(async () => {
  stored = [provenance('both', 'Condition/1', 'Condition/2'), provenance('two', 'Condition/2')]
  pageSize = 1_000
  server = await fake((request, response) => {
    const url = new URL(request.url ?? '', server.base)
    const asked = (url.searchParams.get('target') ?? '').split(',')
    const found = stored.filter(({ target }) =>
      target.some(({ reference }) => asked.some(one => reference.includes(one))),
    )
    const offset = Number(url.searchParams.get('_offset') ?? 0)
    const more = offset + pageSize < found.length
    const next = `Provenance?target=${asked.join(',')}&_offset=${offset + pageSize}`
    send(response, searchset(found.slice(offset, offset + pageSize), more ? next : undefined))
  })
})
afterEach(() => server.close())

const ask = (...references: string[]) => server.upstream.referrers('Provenance', 'target', references)
const ids = async (...references: string[]) =>
  Object.fromEntries(
    [...(await ask(...references))].map(([reference, raws]) => [
      reference,
      raws.map(({ bytes }) => JSON.parse(Buffer.from(bytes).toString()).id as string).sort(),
    ]),
  )
const urls = () => server.requests.map(request => request.url)

describe('what points at a resource', () => {
  it('is asked once for all references and told by what each resource names, not by order', async () => {
    stored.reverse()
    expect(await ids('Condition/1', 'Condition/2', 'Condition/3')).toEqual({
      'Condition/1': ['both'],
      'Condition/2': ['both', 'two'],
      'Condition/3': [],
    })
    expect(urls()).toEqual(['/fhir/Provenance?target=Condition/1,Condition/2,Condition/3&_count=200'])
  })

  it('is told whether the reference has the base of the server, another one, or a version', async () => {
    stored = [
      provenance('absolute', `${server.base}/Condition/1`),
      provenance('alias', 'http://alias.example/r4/Condition/1/_history/3'),
    ]
    expect(await ids('Condition/1')).toEqual({ 'Condition/1': ['absolute', 'alias'] })
  })

  it('is read from every page, a resource on two of them once', async () => {
    pageSize = 1
    stored = [provenance('a', 'Condition/1'), provenance('b', 'Condition/1'), provenance('a', 'Condition/1')]
    expect(await ids('Condition/1')).toEqual({ 'Condition/1': ['a', 'b'] })
    expect(server.requests).toHaveLength(3)
  })

  it('is asked in requests that no server finds too long', async () => {
    const short = Array.from({ length: 120 }, (_, n) => `Condition/${n}`)
    expect([...(await ask(...short)).keys()]).toHaveLength(120)
    expect(server.requests).toHaveLength(3)
    const long = Array.from({ length: 100 }, (_, n) => `Condition/${String(n).padStart(64, 'x')}`)
    await ask(...long)
    for (const url of urls()) expect(String(url).length).toBeLessThan(4_100)
  })

  it('is asked once by all who ask at the same time, and kept with the same identity for its time', async () => {
    const [one, other] = await Promise.all([ask('Condition/1'), ask('Condition/1')])
    expect(server.requests).toHaveLength(1)
    expect(one.get('Condition/1')).toBe(other.get('Condition/1'))
    const both = await ask('Condition/1', 'Condition/2')
    expect(urls()[1]).toBe('/fhir/Provenance?target=Condition/2&_count=200')
    server.clock.now += 59_999
    expect(await ask('Condition/1', 'Condition/2')).toBe(both)
    expect(server.requests).toHaveLength(2)
    server.clock.now += 1
    expect(await ask('Condition/1', 'Condition/2')).not.toBe(both)
    expect(server.requests).toHaveLength(3)
  })

  it('is asked of nothing that no search can name', async () => {
    expect(await ids('urn:uuid:1', '#a', 'Condition/1/_history/2', 'Condition?x=y')).toEqual({
      'urn:uuid:1': [],
      '#a': [],
      'Condition/1/_history/2': [],
      'Condition?x=y': [],
    })
    expect(server.requests).toHaveLength(0)
  })

  it('may be anything that cannot be read: it points at every reference asked for', async () => {
    server.handle = (_, response) =>
      send(
        response,
        '{"resourceType":"Bundle","type":"searchset","entry":[{"resource":{"resourceType":"Provenance","id":"x",' +
          '"target":[{"reference":"Condition/1"}],"target":[]},"search":{"mode":"match"}}]}',
      )
    const found = await ask('Condition/1', 'Condition/2')
    expect([...found.values()].map(list => list.length)).toEqual([1, 1])
  })

  it('compares an address with the base of the server and without', async () => {
    server.handle = (_, response) => send(response, searchset([]))
    await server.upstream.referrers('DocumentReference', 'location', ['Binary/b'])
    expect(urls()).toEqual([`/fhir/DocumentReference?location=Binary/b,${server.base}/Binary/b&_count=200`])
  })
})

describe('a failure', () => {
  it.each([400, 404, 405, 501])(
    'of a server that knows no such search (%i) names the configuration',
    async status => {
      server.handle = (_, response) => send(response, '', status)
      expect(await refusalOf(ask('Condition/1'))).toMatch(
        /^upstream-(invalid|unavailable): upstream\.referrers: the upstream does not answer Provenance\?target= /,
      )
    },
  )

  it('is not kept, and one of the network is what it is', async () => {
    const good = server.handle
    server.handle = (_, response) => send(response, '', 503)
    expect(await refusalOf(ask('Condition/1'))).toBe('upstream-unavailable: upstream answered 503')
    server.handle = good
    expect(await ids('Condition/1')).toEqual({ 'Condition/1': ['both'] })
  })

  it('is an answer that holds what was not asked for: the server did not apply the parameter', async () => {
    for (const entry of [provenance('other', 'Condition/9'), { resourceType: 'Patient', id: '1' }]) {
      server.handle = (_, response) => send(response, searchset([entry]))
      expect(await refusalOf(ask('Condition/1'))).toMatch(/^upstream-invalid: .*unexpected entry/)
    }
  })

  it('is an answer without end', async () => {
    server.handle = (_, response) =>
      send(response, searchset([provenance('a', 'Condition/1')], 'Provenance?target=Condition/1'))
    expect(await refusalOf(ask('Condition/1'))).toMatch(/^upstream-invalid: more than/)
    expect(server.requests.length).toBeLessThan(300)
  })
})

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Fake, fake, refusalOf, searchset, send } from './fake.ts'

let server: Fake
let absent: Set<string>
let pageSize: number

beforeEach(async () => {
  absent = new Set()
  pageSize = 1_000
  server = await fake((request, response) => {
    const url = new URL(request.url ?? '', server.base)
    const resourceType = url.pathname.split('/').at(-1)
    const asked = (url.searchParams.get('_id') ?? '').split(',').filter(id => !absent.has(id))
    const offset = Number(url.searchParams.get('_offset') ?? 0)
    const next = `${resourceType}?_id=${asked.join(',')}&_offset=${offset + pageSize}`
    const page = asked.slice(offset, offset + pageSize).map(id => ({ resourceType, id }))
    send(response, searchset(page, offset + pageSize < asked.length ? next : undefined))
  })
})
afterEach(() => server.close())

const urls = () => server.requests.map(request => request.url)

describe('resolve', () => {
  it('asks once for each type and finds each reference', async () => {
    absent.add('gone')
    const references = ['Encounter/1', 'Organization/o', 'Encounter/2', 'Encounter/1', 'Encounter/gone']
    const found = await server.upstream.resolve(references)
    expect(urls().sort()).toEqual([
      '/fhir/Encounter?_id=1,2,gone&_count=3',
      '/fhir/Organization?_id=o&_count=1',
    ])
    expect(found.get('Encounter/gone')).toBe('absent')
    for (const reference of ['Encounter/1', 'Encounter/2', 'Organization/o']) {
      const resolved = found.get(reference)
      if (resolved === undefined || resolved === 'absent') throw new Error(`${reference} not found`)
      const { resourceType, id } = JSON.parse(Buffer.from(resolved.bytes).toString())
      expect(`${resourceType}/${id}`).toBe(reference)
    }
  })

  it('leaves unanswered what is no Type/id, without asking', async () => {
    const odd = [
      'urn:uuid:1',
      '#c',
      'Encounter/1/_history/2',
      'http://x/Encounter/1',
      'Encounter/..',
      'Encounter?a=b',
      'x/1',
      '',
    ]
    const found = await server.upstream.resolve(odd)
    for (const reference of odd) expect(found.get(reference)).toBeUndefined()
    expect(server.requests).toHaveLength(0)
  })

  it('splits long lists by number and by length', async () => {
    const short = Array.from({ length: 250 }, (_, index) => `Encounter/${index}`)
    const found = await server.upstream.resolve(short)
    expect(server.requests).toHaveLength(3)
    for (const reference of short) expect(found.get(reference)).toHaveProperty('hash')
    const long = Array.from({ length: 100 }, (_, index) => `Location/${String(index).padStart(64, 'x')}`)
    await server.upstream.resolve(long)
    expect(server.requests).toHaveLength(5)
    for (const url of urls()) expect(String(url).length).toBeLessThan(4_100)
  })

  it('follows pages before it calls anything absent', async () => {
    pageSize = 2
    const references = ['Encounter/1', 'Encounter/2', 'Encounter/3', 'Encounter/4', 'Encounter/5']
    const found = await server.upstream.resolve(references)
    for (const reference of references) expect(found.get(reference)).toHaveProperty('hash')
    expect(server.requests).toHaveLength(3)
  })

  it('asks once for all who ask at the same time', async () => {
    const [one, other] = await Promise.all([
      server.upstream.resolve(['Encounter/1', 'Encounter/2']),
      server.upstream.resolve(['Encounter/2', 'Encounter/3']),
    ])
    expect(urls()).toEqual(['/fhir/Encounter?_id=1,2&_count=2', '/fhir/Encounter?_id=3&_count=1'])
    expect(one.get('Encounter/2')).toBe(other.get('Encounter/2'))
  })

  it('keeps answers and absences for their time, and the resolution itself identical until its first part ends', async () => {
    absent.add('2')
    const first = await server.upstream.resolve(['Encounter/1'])
    server.clock.now += 30_000
    const both = await server.upstream.resolve(['Encounter/1', 'Encounter/2'])
    expect(await server.upstream.resolve(['Encounter/1', 'Encounter/2'])).toBe(both)
    absent.clear()
    server.clock.now += 29_999
    expect(await server.upstream.resolve(['Encounter/1', 'Encounter/2'])).toBe(both)
    expect(both.get('Encounter/2')).toBe('absent')
    expect(server.requests).toHaveLength(2)
    server.clock.now += 1
    const later = await server.upstream.resolve(['Encounter/1', 'Encounter/2'])
    expect(later).not.toBe(both)
    expect(later.get('Encounter/1')).toBe(first.get('Encounter/1'))
    expect(later.get('Encounter/2')).toBe('absent')
    expect(urls().at(-1)).toBe('/fhir/Encounter?_id=1&_count=1')
    server.clock.now += 30_000
    expect((await server.upstream.resolve(['Encounter/1', 'Encounter/2'])).get('Encounter/2')).toHaveProperty(
      'hash',
    )
  })

  it('keeps no failure', async () => {
    const good = server.handle
    server.handle = (_, response) => send(response, '', 503)
    expect(await refusalOf(server.upstream.resolve(['Encounter/1']))).toMatch(/^upstream-unavailable/)
    server.handle = good
    expect((await server.upstream.resolve(['Encounter/1'])).get('Encounter/1')).toHaveProperty('hash')
  })

  it('ends where the pages go round in circles, empty or not', async () => {
    for (const entries of [[], [{ resourceType: 'Encounter', id: '1' }]]) {
      server.handle = (_, response) => send(response, searchset(entries, 'Encounter?_id=1'))
      expect(await refusalOf(server.upstream.resolve(['Encounter/1']))).toMatch(
        /^upstream-invalid: more than/,
      )
      expect(server.requests.length).toBeLessThan(300)
    }
  })

  it('trusts no answer that holds what was not asked for, or holds it twice', async () => {
    const one = { resourceType: 'Encounter', id: '1' }
    for (const entries of [
      [{ ...one, id: '9' }],
      [{ resourceType: 'Patient', id: '1' }],
      [one, one],
      [{ id: '1' }],
    ]) {
      server.handle = (_, response) => send(response, searchset(entries))
      expect(await refusalOf(server.upstream.resolve(['Encounter/1', 'Encounter/2']))).toMatch(
        /unexpected entry/,
      )
    }
  })
})

describe('Binaries', () => {
  const document = (id: string, data = 'aGk=') => ({
    resourceType: 'Binary',
    id,
    contentType: 'text/plain',
    data,
  })
  beforeEach(() => {
    server.handle = (request, response) => {
      const id = String(request.url).split('/').at(-1) ?? ''
      if (id === 'gone') send(response, '', 404)
      else if (id === 'raw') send(response, 'hello', 200, { 'content-type': 'text/plain' })
      else if (id === 'huge') send(response, document(id, 'A'.repeat(600_000)))
      else send(response, document(id))
    }
  })

  it('are read one by one, for servers do not search them, and once in their time', async () => {
    const found = await server.upstream.resolve(['Binary/a', 'Binary/gone', 'Binary/b'])
    expect(urls().sort()).toEqual(['/fhir/Binary/a', '/fhir/Binary/b', '/fhir/Binary/gone'])
    expect(server.requests[0]?.headers.accept).toBe('application/fhir+json')
    expect(found.get('Binary/a')).toHaveProperty('hash')
    expect(found.get('Binary/gone')).toBe('absent')
    expect(await server.upstream.resolve(['Binary/a', 'Binary/gone', 'Binary/b'])).toBe(found)
    expect(server.requests).toHaveLength(3)
    server.clock.now += 60_000
    await server.upstream.resolve(['Binary/a'])
    expect(server.requests).toHaveLength(4)
  })

  it('stay unanswered where they are no FHIR resource or too large, and hold up nothing else', async () => {
    const found = await server.upstream.resolve(['Binary/raw', 'Binary/huge', 'Binary/a'])
    expect(found.get('Binary/raw')).toBeUndefined()
    expect(found.get('Binary/huge')).toBeUndefined()
    expect(found.get('Binary/a')).toHaveProperty('hash')
    await server.upstream.resolve(['Binary/raw', 'Binary/huge'])
    expect(server.requests).toHaveLength(3)
  })

  it('that the server cannot give now fail the look-up like any other', async () => {
    server.handle = (_, response) => send(response, '', 503)
    expect(await refusalOf(server.upstream.resolve(['Binary/a']))).toMatch(/^upstream-unavailable/)
  })
})

describe('capabilities and readiness', () => {
  it('are asked once a minute, and no failure is kept', async () => {
    server.handle = (_, response) => send(response, '', 500)
    expect(await refusalOf(server.upstream.capabilities())).toMatch(/^upstream-unavailable/)
    server.handle = (_, response) =>
      send(response, { resourceType: 'CapabilityStatement', fhirVersion: '4.0.1' })
    const [one, other] = await Promise.all([server.upstream.capabilities(), server.upstream.capabilities()])
    expect(one['fhirVersion']).toBe('4.0.1')
    expect(other).toBe(one)
    server.clock.now += 59_999
    expect(await server.upstream.capabilities()).toBe(one)
    expect(urls()).toEqual(['/fhir/metadata', '/fhir/metadata'])
    server.clock.now += 1
    await server.upstream.capabilities()
    expect(server.requests).toHaveLength(3)
  })

  it('refuse another resource', async () => {
    server.handle = (_, response) => send(response, { resourceType: 'Patient' })
    expect(await refusalOf(server.upstream.capabilities())).toMatch(/CapabilityStatement expected/)
  })

  it('tell a server that answers from one that does not', async () => {
    server.handle = (_, response) => send(response, { resourceType: 'CapabilityStatement' })
    expect(await server.upstream.ready()).toBe(true)
    server.clock.now += 2_000
    server.handle = (_, response) => send(response, '', 503)
    expect(await server.upstream.ready()).toBe(false)
  })
})

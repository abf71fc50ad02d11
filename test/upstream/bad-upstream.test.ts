import { createServer, type Socket } from 'node:net'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Refusal } from '../../src/model/refusal.ts'
import { createUpstream } from '../../src/upstream/upstream.ts'
import { type Fake, fake, type Handler, LIMITS, refusalOf, searchset, send } from './fake.ts'

const PATIENT = { resourceType: 'Patient', id: 'p1', meta: { versionId: '3' }, name: [{ family: 'Secret' }] }
const text = JSON.stringify(PATIENT)
const page = JSON.stringify(searchset([PATIENT]))
const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`

let server: Fake
beforeAll(async () => {
  server = await fake((_, response) => send(response, PATIENT))
})
afterAll(() => server.close())

const answering = (handle: Handler) => {
  server.handle = handle
}
const read = () => server.upstream.read('Patient', 'p1')
const search = () => server.upstream.search('Patient', '_id=p1')

describe('a read', () => {
  it('gives the very bytes of a good answer, and the same object for the same bytes', async () => {
    const pretty = JSON.stringify(PATIENT, null, 2).replace('"id"', '"weight": 1.50,\n "id"')
    answering((_, response) => send(response, pretty))
    const first = await read()
    expect(first).not.toBe('absent')
    if (first === 'absent') return
    expect(Buffer.from(first.bytes).toString()).toBe(pretty)
    expect(await read()).toBe(first)
  })

  it.each([404, 410])('is absent where the upstream says %d', async status => {
    answering((_, response) => send(response, '<h1>no</h1>', status, { 'content-type': 'text/html' }))
    expect(await read()).toBe('absent')
  })

  it('is absent for an id that would be read as a path, without asking', async () => {
    const before = server.requests.length
    for (const id of ['.', '..', 'a/b', '', 'a?b', 'a%2fb', 'a'.repeat(65)]) {
      expect(await server.upstream.read('Patient', id)).toBe('absent')
      expect(await server.upstream.read('Patient', 'p1', id)).toBe('absent')
    }
    expect(server.requests.length).toBe(before)
  })

  it.each([
    ['', 'content type: exactly one expected'],
    ['text/html', 'content type: application/fhir+json expected'],
    ['application/fhir+xml', 'content type: application/fhir+json expected'],
    ['application/fhir+json; charset=utf-16', 'charset: utf-8 expected'],
    ['application/json;charset=latin1', 'charset: utf-8 expected'],
  ])('refuses content type %j', async (type, detail) => {
    answering((_, response) => {
      response.writeHead(200, type === '' ? {} : { 'content-type': type })
      response.end(text)
    })
    expect(await refusalOf(read())).toBe(`upstream-invalid: ${detail}`)
  })

  it.each([
    'application/json',
    'application/fhir+json;charset="utf-8"',
    'Application/FHIR+JSON; charset=UTF8; x=1',
  ])('takes content type %s', async type => {
    answering((_, response) => send(response, text, 200, { 'content-type': type }))
    expect(await read()).not.toBe('absent')
  })

  it.each([
    ['truncated JSON', text.slice(0, -10), 'body: not-json at byte 0'],
    ['HTML', '<html>upstream</html>', 'body: not-json at byte 0'],
    ['an array', '[]', 'body: JSON object expected'],
    ['duplicate keys', '{"resourceType":"Patient","id":"p0","id":"p1"}', /body: duplicate-key at byte 37$/],
    ['an escaped duplicate key', '{"resourceType":"Patient","id":"p0","\\u0069d":"p1"}', /escaped-key/],
    [
      'invalid UTF-8',
      Buffer.from(text.replace('Secret', 'S\u00e9cret'), 'latin1'),
      'body: not-utf8 at byte 0',
    ],
    ['a byte order mark', `\ufeff${text}`, 'body: not-json at byte 0'],
    ['trailing data', `${text}{}`, 'body: not-json at byte 0'],
    ['nothing', '', 'body: not-json at byte 0'],
    [
      'another type',
      JSON.stringify({ ...PATIENT, resourceType: 'Person' }),
      'read: answered with another resourceType',
    ],
    ['another id', JSON.stringify({ ...PATIENT, id: 'p2' }), 'read: answered with another id'],
    ['no id', '{"resourceType":"Patient"}', 'read: resource with type and id expected'],
  ])('refuses %s', async (_, body, detail) => {
    answering((_request, response) => send(response, body))
    expect(await refusalOf(read())).toMatch(detail)
    expect(await refusalOf(read())).toMatch(/^upstream-invalid: /)
  })

  it.each([
    ['duplicate keys deep inside', text.replace('"family"', '"family":"x","family"')],
    ['deep nesting', `{"resourceType":"Patient","id":"p1","x":${deep(31)}}`],
    ['a __proto__ key', `{"__proto__":{},${text.slice(1)}`],
  ])('hands on %s as the bytes of the resource asked for, each time', async (_, body) => {
    answering((_request, response) => send(response, body))
    for (const _time of [1, 2]) {
      const answer = await read()
      expect(answer === 'absent' ? '' : Buffer.from(answer.bytes).toString()).toBe(body)
    }
  })

  it('of a version refuses another version and takes the right one', async () => {
    answering((_, response) => send(response, PATIENT))
    expect(await refusalOf(server.upstream.read('Patient', 'p1', '2'))).toMatch(/another version/)
    expect(await server.upstream.read('Patient', 'p1', '3')).not.toBe('absent')
    expect(server.requests.at(-1)?.url).toBe('/fhir/Patient/p1/_history/3')
  })

  it.each([401, 403, 429, 500, 502, 503])('is unavailable where the upstream says %d', async status => {
    answering((_, response) => send(response, { password: 'x' }, status, { 'retry-after': '7' }))
    expect(await refusalOf(read())).toBe(`upstream-unavailable: upstream answered ${status}`)
    await expect(read()).rejects.toMatchObject({ retryAfterSeconds: 7 })
  })

  it.each([201, 202, 204, 206, 304, 400, 405, 422])('refuses status %d', async status => {
    answering((_, response) => send(response, status === 204 || status === 304 ? '' : text, status))
    expect(await refusalOf(read())).toMatch(/^upstream-invalid: upstream answered/)
  })

  it('never follows a redirect', async () => {
    const before = server.requests.length
    for (const status of [301, 302, 307, 308]) {
      answering((_, response) => send(response, text, status, { location: `${server.base}/Patient/p1` }))
      expect(await refusalOf(read())).toBe('upstream-invalid: upstream answered a redirect')
    }
    expect(server.requests.length).toBe(before + 4)
  })
})

describe('a body', () => {
  it.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
  ])('in %s is decoded', async (encoding, pack) => {
    answering((_, response) => send(response, pack(text), 200, { 'content-encoding': encoding }))
    const found = await read()
    expect(found !== 'absent' && Buffer.from(found.bytes).toString()).toBe(text)
  })

  it.each(['compress', 'gzip, gzip', 'zstd'])('in %s is refused', async encoding => {
    answering((_, response) => send(response, gzipSync(text), 200, { 'content-encoding': encoding }))
    expect(await refusalOf(read())).toBe(
      'upstream-invalid: content encoding: one of gzip, br, deflate expected',
    )
  })

  it('that is broken or cut gzip is refused', async () => {
    for (const bytes of [Buffer.from(text), gzipSync(text).subarray(0, -8)]) {
      answering((_, response) => send(response, bytes, 200, { 'content-encoding': 'gzip' }))
      expect(await refusalOf(read())).toBe('upstream-invalid: body: compression is broken')
    }
  })

  it('that blows up when decompressed is refused, by ratio and by size', async () => {
    const grown = (bytes: number) => JSON.stringify({ ...PATIENT, x: 'a'.repeat(bytes) })
    for (const body of [
      gzipSync(grown(100_000)),
      gzipSync(grown(30_000_000)),
      brotliCompressSync(grown(5_000_000)),
    ]) {
      const encoding = body[0] === 0x1f ? 'gzip' : 'br'
      answering((_, response) => send(response, body, 200, { 'content-encoding': encoding }))
      expect(await refusalOf(read())).toBe('upstream-invalid: body grows past the limit when decompressed')
    }
  })

  it('larger than the limit is refused while it streams, announced or not', async () => {
    let sent = 0
    answering((_, response) => {
      response.writeHead(200, { 'content-type': 'application/fhir+json' })
      const pour = () => {
        while (sent < 300_000_000 && !response.destroyed) {
          sent += 64_000
          if (!response.write(Buffer.alloc(64_000, ' '))) return response.once('drain', pour)
        }
        return response.end()
      }
      pour()
    })
    expect(await refusalOf(read())).toBe('upstream-invalid: body is larger than the limit')
    expect(sent).toBeLessThan(30_000_000)
    answering((_, response) => {
      response.writeHead(200, { 'content-type': 'application/fhir+json', 'content-length': '300000000' })
      response.write('{')
    })
    expect(await refusalOf(read())).toBe('upstream-invalid: body is larger than the limit')
  })

  it('that stops midway is unavailable', async () => {
    answering((_, response) => {
      response.writeHead(200, {
        'content-type': 'application/fhir+json',
        'content-length': String(text.length),
      })
      response.write(text.slice(0, 20))
      setTimeout(() => response.destroy(), 20)
    })
    expect(await refusalOf(read())).toMatch(/^upstream-unavailable: connection failed/)
  })
})

describe('the deadline', () => {
  it.each([
    ['never answers', () => {}],
    ['sends headers and then nothing', (_: unknown, response) => response.writeHead(200).flushHeaders()],
    [
      'drips one byte at a time',
      (_: unknown, response) => {
        response.writeHead(200, { 'content-type': 'application/fhir+json' })
        const drip = setInterval(() => response.write(' '), 100)
        response.on('close', () => clearInterval(drip))
      },
    ],
  ] as [string, Handler][])('ends an upstream that %s', async (_, handle) => {
    answering(handle)
    const before = performance.now()
    expect(await refusalOf(read())).toBe('upstream-unavailable: upstream did not answer in time')
    expect(performance.now() - before).toBeLessThan(2 * LIMITS.upstreamTimeoutMs)
    answering((__, response) => send(response, PATIENT))
    expect(await read()).not.toBe('absent')
  })

  it('counts the wait for a free connection', async () => {
    answering(() => {})
    const before = performance.now()
    const many = await Promise.all(Array.from({ length: 20 }, () => refusalOf(read())))
    expect(new Set(many)).toEqual(new Set(['upstream-unavailable: upstream did not answer in time']))
    expect(performance.now() - before).toBeLessThan(2 * LIMITS.upstreamTimeoutMs)
  })
})

describe('a search', () => {
  it('gives entries in order with their mode, and the next link', async () => {
    const bundle = {
      resourceType: 'Bundle',
      type: 'searchset',
      link: [{ relation: 'next', url: `${server.base}?_getpages=x` }],
      entry: [
        { resource: PATIENT, search: { mode: 'match' } },
        { resource: { resourceType: 'Organization', id: 'o' }, search: { mode: 'include' } },
        { resource: { resourceType: 'OperationOutcome' }, search: { mode: 'outcome' } },
        { resource: { resourceType: 'Patient', id: 'p2' } },
        { resource: { resourceType: 'Organization', id: 'o2' } },
        { resource: { resourceType: 'OperationOutcome', issue: [] } },
      ],
    }
    answering((_, response) => send(response, bundle))
    const found = await search()
    expect(found.entries.map(entry => entry.mode)).toEqual([
      'match',
      'include',
      'outcome',
      'match',
      'include',
      'outcome',
    ])
    expect(found.entries.map(entry => JSON.parse(Buffer.from(entry.resource.bytes).toString()))).toEqual(
      bundle.entry.map(entry => entry.resource),
    )
    expect(found.next).toBe(`${server.base}?_getpages=x`)
    expect(await search()).toBe(found)
    const next = await server.upstream.next(`${server.base}?_getpages=x`)
    expect(server.requests.at(-1)?.url).toBe('/fhir?_getpages=x')
    expect(next).toBe(found)
  })

  it('without results gives an empty page', async () => {
    answering((_, response) => send(response, { resourceType: 'Bundle', type: 'searchset', total: 0 }))
    expect((await search()).entries).toEqual([])
  })

  it('keeps a resource identical from page to page and from search to read', async () => {
    answering((request, response) =>
      send(response, request.url?.includes('?') ? searchset([PATIENT]) : PATIENT),
    )
    const one = (await search()).entries[0]?.resource
    const other = (await server.upstream.search('Patient', 'name=x')).entries[0]?.resource
    expect(one).toBe(other)
    expect(await read()).toBe(one)
  })

  it.each([
    ['another resource', text],
    ['another Bundle type', page.replace('searchset', 'collection')],
    ['a Bundle without type', page.replace('"type":"searchset",', '')],
    ['an entry without resource', page.replace('"entry":[', '"entry":[{"fullUrl":"x"},')],
    ['an entry with two resources', page.replace('"resource":', '"resource":{"a":1},"resource":')],
    [
      'an entry with an escaped second resource',
      page.replace('"resource":', '"resourc\\u0065":{"a":1},"resource":'),
    ],
    ['a number for a resource', page.replace('"entry":[', '"entry":[{"resource":0},')],
    ['two entry members', page.replace('"entry":', '"entry":[],"entry":')],
    ['an object for entry', '{"resourceType":"Bundle","type":"searchset","entry":{}}'],
    ['null for entry', '{"resourceType":"Bundle","type":"searchset","entry":null}'],
    [
      'two next links',
      page.replace('"link":[', '"link":[{"relation":"next","url":"a"},{"relation":"next","url":"b"},'),
    ],
    ['an unknown search mode', page.replace('"match"', '"maybe"')],
    ['a truncated page', page.slice(0, -1)],
    ['a page cut inside a string', page.slice(0, page.indexOf('Secret'))],
    ['trailing data', `${page}[]`],
    ['a byte order mark', `\ufeff${page}`],
    ['a comment', page.replace('{', '{/**/')],
    ['a trailing comma', `${page.slice(0, -2)},]}`],
    ['a bad literal', page.replace('"entry"', '"total":01,"entry"')],
    ['deep nesting around the entries', page.replace('"entry"', `"x":${deep(40)},"entry"`)],
    ['a __proto__ member', page.replace('"entry"', '"__proto__":{},"entry"')],
    ['invalid UTF-8 inside a resource', Buffer.from(page.replace('Secret', '\u00e9'), 'latin1')],
  ])('refuses %s', async (_, body) => {
    answering((_request, response) => send(response, body))
    const refusal = await refusalOf(search())
    expect(refusal).toMatch(/^upstream-invalid: /)
    expect(refusal).not.toMatch(/Secret|127\.0\.0\.1/)
  })

  it('refuses 404, which says nothing about what is on file', async () => {
    answering((_, response) => send(response, '', 404))
    expect(await refusalOf(search())).toMatch(/^upstream-invalid/)
  })

  it.each(['a b', 'a#b', 'a%2', 'a\r\nb', 'ä', 'a"b', 'a<b', 'a\\b'])(
    'is never sent with the query %j',
    async query => {
      const before = server.requests.length
      expect(await refusalOf(server.upstream.search('Patient', query))).toMatch(/^internal/)
      expect(await refusalOf(server.upstream.search('Patient/..', 'a=b'))).toMatch(/^internal/)
      expect(server.requests.length).toBe(before)
    },
  )
})

describe('a page link', () => {
  it.each(['Patient?page=2', '?_getpages=1', '/fhir/Patient?page=2', '/fhir?_getpages=1'])(
    'may be relative: %s',
    async link => {
      answering((_, response) => send(response, page))
      expect((await server.upstream.next(link)).entries).toHaveLength(1)
    },
  )

  it.each([
    'http://evil.example/fhir?x=1',
    '//evil.example/fhir?x=1',
    '/other/Patient?x=1',
    '/fhirx?x=1',
    '../other',
    '/fhir/../admin',
    '/fhir/%2e%2e/admin',
    '/fhir/a%2f..%2fadmin',
    '/fhir//admin',
    'file:///etc/passwd',
    '/fhir\\..\\admin',
    ' /fhir?x=1',
    'http://user@127.0.0.1/fhir',
    'http://',
    '',
  ])('that leaves the base is not followed: %j', async link => {
    const before = server.requests.length
    expect(await refusalOf(server.upstream.next(link))).toMatch(/^upstream-invalid: page link/)
    expect(await refusalOf(server.upstream.next(server.base.replace('127.0.0.1', 'user@127.0.0.1')))).toMatch(
      /leaves/,
    )
    expect(await refusalOf(server.upstream.next(server.base.replace(/\d+\/fhir/, '1/fhir')))).toMatch(
      /leaves/,
    )
    expect(server.requests.length).toBe(before)
  })
})

describe('the request', () => {
  it('carries the gateway own headers and nothing else', async () => {
    answering((_, response) => send(response, PATIENT))
    await read()
    const { method, url, headers } = server.requests.at(-1) ?? {}
    expect(`${method} ${url}`).toBe('GET /fhir/Patient/p1')
    expect(headers).toEqual({
      host: new URL(server.base).host,
      connection: 'keep-alive',
      accept: 'application/fhir+json',
      'accept-encoding': 'identity',
    })
  })
})

describe('connections', () => {
  const http = (body: string) =>
    `HTTP/1.1 200 OK\r\ncontent-type: application/fhir+json\r\ncontent-length: ${body.length}\r\n\r\n${body}`

  async function raw(onRequest: (socket: Socket, nth: number, connection: number) => void) {
    let count = 0
    let connections = 0
    const net = createServer(socket => {
      const connection = ++connections
      socket.on('error', () => {})
      socket.on('data', () => onRequest(socket, ++count, connection))
    })
    await new Promise<void>(resolve => {
      net.listen(0, '127.0.0.1', resolve)
    })
    const { port } = net.address() as { port: number }
    const upstream = createUpstream(
      { url: `http://127.0.0.1:${port}/fhir`, credential: { kind: 'none' } },
      { ...LIMITS, upstreamConnections: 1 },
      {
        now: Date.now,
        readFile: () => '',
      },
    )
    const close = async () => {
      await upstream.close()
      net.close()
    }
    return { upstream, close, count: () => count }
  }

  it('closed while kept alive are replaced once, without the caller noticing', async () => {
    const it = await raw((socket, nth) => (nth === 2 ? socket.destroy() : socket.write(http(text))))
    expect(await it.upstream.read('Patient', 'p1')).not.toBe('absent')
    expect(await it.upstream.read('Patient', 'p1')).not.toBe('absent')
    expect(it.count()).toBe(3)
    await it.close()
  })

  it('that close every time are given up after the second try', async () => {
    const it = await raw((socket, nth) => (nth === 1 ? socket.write(http(text)) : socket.destroy()))
    await it.upstream.read('Patient', 'p1')
    expect(await refusalOf(it.upstream.read('Patient', 'p1'))).toMatch(/^upstream-unavailable/)
    expect(it.count()).toBeLessThanOrEqual(3)
    await it.close()
  })

  it('that speak no HTTP are refused', async () => {
    const it = await raw(socket => socket.end('SSH-2.0-OpenSSH\r\n'))
    expect(await refusalOf(it.upstream.read('Patient', 'p1'))).toMatch(/^upstream-(invalid|unavailable)/)
    await it.close()
  })

  it('that cannot be made are unavailable, and no error names the host', async () => {
    const upstream = createUpstream(
      { url: 'http://127.0.0.1:1/fhir', credential: { kind: 'none' } },
      LIMITS,
      {
        now: Date.now,
        readFile: () => '',
      },
    )
    const error = await upstream.read('Patient', 'p1').catch(cause => cause)
    expect(error).toBeInstanceOf(Refusal)
    expect(error.code).toBe('upstream-unavailable')
    expect(
      JSON.stringify([error, error.message, error.diagnostics, error.detail, error.cause]),
    ).not.toContain('127.0')
    expect(await upstream.ready()).toBe(false)
    await upstream.close()
    expect(await refusalOf(upstream.read('Patient', 'p1'))).toMatch(/^upstream-unavailable/)
  })
})

import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Resource } from '../../src/model/fhir.ts'
import { matchesOf, type TestSite } from '../support/site.ts'
import { encounter, HOSPITAL, observation, of, openChart, SELF } from './chart.ts'

/** Two readers of one message, and messages that cost more than they should. */

let site: TestSite
let base: URL
let token: string

const document = (id: string, contentType: string, data: string): Resource =>
  of('DocumentReference', id, { status: 'current', content: [{ attachment: { contentType, data } }] })

beforeAll(async () => {
  site = await openChart([
    ...['constructor', '__proto__', 'toString', 'hasOwnProperty'].map((source, n) =>
      observation(`source-${n}`, { meta: { source } }),
    ),
    observation('fragments', { meta: { source: `${'#'.repeat(100_000)}\n` } }),
    observation('unknown-type', {
      focus: [{ reference: 'Diagnosis/1' }],
      derivedFrom: [{ reference: 'Nothing/1' }],
    }),
    observation('prototype', { toString: { reference: 'Condition/hidden' } }),
    document('blanks', 'text/plain', `${' '.repeat(300_000)}!`),
    document('tags', 'text/html', Buffer.from('<a'.repeat(100_000)).toString('base64')),
    document('entities', 'text/html', Buffer.from('&#'.repeat(100_000)).toString('base64')),
  ])
  base = new URL(await site.serve())
  token = await site.issuer.issueToken(HOSPITAL)
})
afterAll(() => site.close())

/** One request on the wire, headers as written. */
function send(
  method: string,
  path: string,
  headers: readonly (readonly [string, string])[] = [],
  body = '',
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const flat = [['Host', base.host] as const, ...headers].flat()
    const sent = httpRequest(
      { host: base.hostname, port: base.port, method, path, headers: flat },
      response => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
        )
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}

/** Raw bytes; the status lines that came back. */
function raw(text: string): Promise<string[]> {
  return new Promise(resolve => {
    let answer = ''
    const socket = connect(Number(base.port), base.hostname, () => socket.write(text))
    socket.setTimeout(1500, () => socket.destroy())
    socket.on('data', chunk => {
      answer += chunk.toString('latin1')
    })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(answer.match(/^HTTP\/1\.1 \d+/gm) ?? []))
  })
}

describe('resources of odd shape', () => {
  test('spoil no search that meets them, and cost no time', async () => {
    const start = performance.now()
    const reply = await site.get('Observation?patient=ada&_count=100', HOSPITAL)
    expect(reply.status).toBe(200)
    expect(matchesOf(reply)).toEqual(
      expect.arrayContaining(['Observation/plain', 'Observation/source-0', 'Observation/fragments']),
    )
    expect(reply.text).not.toContain('Condition/hidden')
    const documents = await site.get('DocumentReference?patient=ada', HOSPITAL)
    expect(documents.status).toBe(200)
    expect(performance.now() - start).toBeLessThan(5000)
  })

  test('that are made of something of unknown type are withheld, not the search', async () => {
    expect((await site.get('Observation/unknown-type', HOSPITAL)).status).toBe(404)
    expect((await site.get('Observation/plain', HOSPITAL)).status).toBe(200)
  })

  test('a withheld crowd and an empty chart answer alike within the limit', async () => {
    const crowd = Array.from({ length: 120 }, (_, n) => encounter(`c-${n}`, 'bayview-otp'))
    const crowded = await openChart(crowd)
    const reply = await crowded.get('Encounter?patient=ada&_count=2', HOSPITAL)
    expect(JSON.parse(reply.text)).toMatchObject({ total: 1 })
    expect(matchesOf(await crowded.get('Encounter?patient=ada&_count=200', SELF)).length).toBe(122)
    await crowded.close()
  })
})

describe('two readers of one request', () => {
  const auth = (): readonly [string, string] => ['Authorization', `Bearer ${token}`]

  test('the plain request shows the data', async () => {
    const reply = await send('GET', '/fhir/Observation/plain', [auth()])
    expect([reply.status, reply.text.includes('Heart rate')]).toEqual([200, true])
  })

  test.each([
    ['X-HTTP-Method-Override', 'DELETE'],
    ['X-Method-Override', 'PUT'],
    ['Range', 'bytes=0-10'],
    ['Accept', 'text/turtle'],
    ['Accept', 'application/fhir+xml'],
  ])('%s: %s is refused', async (name, value) => {
    const { status } = await send('GET', '/fhir/Observation/plain', [auth(), [name, value]])
    expect([400, 406]).toContain(status)
  })

  test.each([
    ['X-Forwarded-Host', 'evil.example'],
    ['X-Forwarded-Prefix', '/evil'],
    ['Forwarded', 'host=evil.example'],
    ['X-Original-URL', '/fhir/Condition/hidden'],
    ['X-Rewrite-URL', '/fhir/Condition/hidden'],
    ['If-None-Match', '*'],
    ['If-Modified-Since', 'Mon, 01 Jan 2035 00:00:00 GMT'],
    ['Cache-Control', 'only-if-cached'],
  ])('%s changes nothing', async (name, value) => {
    const path = '/fhir/Observation?patient=ada&_count=1'
    const reply = await send('GET', path, [auth(), [name, value]])
    expect(reply.status).toBe(200)
    expect(reply.text).not.toMatch(/evil|hidden/)
  })

  test.each([
    '/fhir//Observation/plain',
    '/fhir/./Observation/plain',
    '/fhir/Observation/../Condition/hidden',
    '/fhir/Observation/%2e%2e/Condition/hidden',
    '/fhir/Observation/plain/',
    '/fhir/Observation/plain;x=1',
    '/fhir/Observation%2Fplain',
    '/fhir/Observation/plain%00',
    '/fhir/observation/plain',
    '/fhir/Observation?patient=ada&patient=ben',
    '/fhir/Observation?code[]=8867-4',
    '/fhir/Observation?patient=ada%0d%0aX:1',
    '/fhir/Observation?_format=xml',
  ])('%s is refused', async path => {
    expect([400, 404, 406]).toContain((await send('GET', path, [auth()])).status)
  })

  test.each(['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'HEAD', 'PURGE'])(
    '%s does not get through',
    async method => {
      const before = site.upstream.calls().length
      expect((await send(method, '/fhir/Observation/plain', [auth()])).status).toBeGreaterThan(399)
      expect(
        site.upstream
          .calls()
          .slice(before)
          .filter(call => call.includes('Observation')),
      ).toEqual([])
    },
  )

  test('search terms stand in one place, and a body is a form', async () => {
    const form = ['Content-Type', 'application/x-www-form-urlencoded'] as const
    const post = (path: string, body: string, type: readonly [string, string] = form) =>
      send('POST', `/fhir/${path}`, [auth(), type, ['Content-Length', String(body.length)]], body)
    const good = await post('Condition/_search', 'patient=ada')
    expect([good.status, good.text.includes('hidden')]).toEqual([200, false])
    expect((await post('Observation/_search', 'patient=ada')).text).toContain('Heart rate')
    expect((await post('Condition/_search?code=75544000', 'patient=ada')).status).toBe(400)
    expect((await post('Condition/_search', '_has:X:y:z=1')).status).toBe(501)
    expect(
      (await post('Condition/_search', '--x\r\n', ['Content-Type', 'multipart/form-data; boundary=x']))
        .status,
    ).toBe(415)
    expect(
      (await post('', '{"resourceType":"Bundle","type":"batch"}', ['Content-Type', 'application/fhir+json']))
        .status,
    ).toBeGreaterThan(399)
  })

  test('smuggled, absolute and malformed requests give nothing', async () => {
    const head = `Host: ${base.host}\r\n${auth().join(': ')}\r\n`
    const twice = `${auth().join(': ')}\r\n`
    const smuggled = [
      `GET http://127.0.0.1/fhir/Observation/plain HTTP/1.1\r\n${head}Connection: close\r\n\r\n`,
      `GET /fhir/Observation/plain HTTP/1.1\r\n${head}${twice}Connection: close\r\n\r\n`,
      `POST /fhir/Observation/_search HTTP/1.1\r\n${head}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /fhir/Observation/plain HTTP/1.1\r\n${head}\r\n`,
      `GET /fhir/Observation/plain HTTP/1.1\r\n${head}Transfer-Encoding : chunked\r\n\r\n`,
      `GET /fhir/Observation/plain HTTP/1.1\r\n${head}X: a\r\n b\nY: c\r\n\r\n`,
      `CONNECT 127.0.0.1:1 HTTP/1.1\r\n${head}\r\n`,
    ]
    for (const text of smuggled) expect(await raw(text), text.slice(0, 60)).not.toContain('HTTP/1.1 200')
    expect(await raw(`GET /fhir/Observation/plain HTTP/1.1\r\n${head}Connection: close\r\n\r\n`)).toEqual([
      'HTTP/1.1 200',
    ])
  })
})

import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { ANSWER, type Door, openDoor, raw } from './kit.ts'

const opened: { close: () => Promise<void> }[] = []
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
})

async function door(...given: Parameters<typeof openDoor>): Promise<Door> {
  const made = await openDoor(...given)
  opened.push(made)
  return made
}

const url = ({ port }: Pick<Door, 'port'>, path: string) => `http://127.0.0.1:${port}${path}`

describe('what the exchange is given', () => {
  test('is method, target, headers and body as they were sent', async () => {
    const made = await door()
    const target = '/fhir/Patient/%2e%2e?name=a+b&name=%41'
    const body = '{"a":1}'
    const answer = await raw(
      made.port,
      `PUT ${target} HTTP/1.1\r\nHost: h\r\nX-Twice: 1\r\nx-twice: 2\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    )
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\nX-From: exchange\r\nContent-Length: 6\r\n/)
    expect(answer).toMatch(/\r\n\r\nanswer$/)
    expect(answer).not.toMatch(/x-powered-by|etag/i)
    expect(made.seen).toEqual([
      {
        method: 'PUT',
        target,
        headers: [
          ['Host', 'h'],
          ['X-Twice', '1'],
          ['x-twice', '2'],
          ['Content-Length', '7'],
          ['Connection', 'close'],
        ],
        body: Buffer.from(body),
        remoteAddress: '127.0.0.1',
      },
    ])
  })

  test('a body in chunks is put together; none, or an empty one, is empty', async () => {
    const made = await door()
    const chunked =
      'POST /fhir/_search HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n'
    await raw(made.port, `${chunked}3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`)
    await raw(made.port, 'POST /fhir HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
    await raw(made.port, 'GET /fhir?a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n')
    expect(made.seen.map(({ body }) => Buffer.from(body).toString())).toEqual(['abcde', '', ''])
  })

  test('one that is too large is not kept, and its sender hears the answer', async () => {
    const made = await door()
    const exact = await fetch(url(made, '/fhir/x'), { method: 'POST', body: 'a'.repeat(1000) })
    const larger = await fetch(url(made, '/fhir/x'), { method: 'POST', body: 'a'.repeat(200_000) })
    expect([exact.status, larger.status]).toEqual([200, 200])
    expect(larger.headers.get('connection')).toBe('close')
    expect(made.seen.map(({ body, oversized }) => [body.length, oversized])).toEqual([
      [1000, undefined],
      [0, true],
    ])
  })

  test('one that never ends is answered without reading all of it', async () => {
    const made = await door()
    const socket = connect(made.port, '127.0.0.1')
    const answer = new Promise<string>(resolve =>
      socket.once('data', chunk => resolve(chunk.toString('latin1'))),
    )
    socket.on('error', () => undefined)
    socket.write('POST /fhir HTTP/1.1\r\nHost: h\r\nContent-Length: 999999999\r\n\r\n')
    for (let sent = 0; sent < 20; sent++) socket.write(Buffer.alloc(1 << 20, 'a'))
    expect(await answer).toMatch(/^HTTP\/1\.1 200 OK/)
    socket.destroy()
    expect(made.seen[0]).toMatchObject({ oversized: true, body: new Uint8Array(0) })
  })

  test('nothing, where the client goes away in the middle of its body', async () => {
    const made = await door()
    const socket = connect(made.port, '127.0.0.1')
    await once(socket, 'connect')
    socket.write('POST /fhir HTTP/1.1\r\nHost: h\r\nContent-Length: 500\r\n\r\nabc')
    await new Promise(resolve => setTimeout(resolve, 50))
    socket.destroy()
    expect(await (await fetch(url(made, '/fhir'))).text()).toBe('answer')
    expect(made.seen.flatMap(({ unreadable, method }) => (unreadable ? [] : [method]))).toEqual(['GET'])
  })
})

describe('which paths are the FHIR API', () => {
  test.each(['/fhir', '/fhir/', '/fhir?_count=1', '/fhir//x', '/fhir/../health', 'http://h/fhir/Patient/1'])(
    '%s is',
    async target => {
      const made = await door()
      expect(
        await raw(made.port, `GET ${target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`),
      ).toContain('answer')
      expect(made.seen[0]?.target).toBe(target)
    },
  )

  test.each(['/', '/fhirx', '/Fhir/Patient', '/other/fhir/Patient'])(
    '%s is not, and tells nothing',
    async path => {
      const made = await door()
      const answer = await fetch(url(made, path))
      expect([answer.status, await answer.text()]).toEqual([404, 'nothing here; the FHIR API is elsewhere\n'])
      expect(made.seen).toEqual([])
    },
  )
})

describe('health', () => {
  const unsure = (): Promise<boolean> => Promise.reject(new Error('no'))

  test.each([
    ['it is', 200, 'ready\n', () => Promise.resolve(true)],
    ['it is not', 503, 'not ready\n', () => Promise.resolve(false)],
    ['nobody can say', 503, 'not ready\n', unsure],
  ])('ready says when %s', async (_when, status, text, ready: () => Promise<boolean>) => {
    const made = await door({ ready })
    const answer = await fetch(url(made, '/health/ready'))
    expect([answer.status, await answer.text()]).toEqual([status, text])
  })

  test('live says that the process answers', async () => {
    expect(await (await fetch(url(await door({ ready: async () => false }), '/health/live'))).text()).toBe(
      'live\n',
    )
  })
})

describe('load and failure', () => {
  test('more requests at once than the limit get the constant answer, and it frees itself', async () => {
    const waiting: (() => void)[] = []
    const made = await door({
      requestsInFlight: 2,
      exchange: () => new Promise(resolve => waiting.push(() => resolve(ANSWER))),
    })
    const held = [fetch(url(made, '/fhir/1')), fetch(url(made, '/fhir/2'))]
    await expect.poll(() => waiting.length).toBe(2)
    const third = await fetch(url(made, '/fhir/3'))
    expect([third.status, await third.text()]).toEqual([503, 'full'])
    for (const go of waiting.splice(0)) go()
    expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200])
    const after = fetch(url(made, '/fhir/4'))
    await expect.poll(() => waiting.length).toBe(1)
    waiting[0]?.()
    expect((await after).status).toBe(200)
  })

  test('an exchange that fails where it must not closes the connection without a byte', async () => {
    const failing = await door({ exchange: () => Promise.reject(new Error('Patient/secret')) })
    await expect(raw(failing.port, 'GET /fhir HTTP/1.1\r\nHost: h\r\n\r\n')).resolves.toBe('')
    const unwritable = await door({ exchange: async () => ({ ...ANSWER, headers: { 'bad name': 'x' } }) })
    await expect(raw(unwritable.port, 'GET /fhir HTTP/1.1\r\nHost: h\r\n\r\n')).resolves.toBe('')
  })
})

describe('bytes that are no request', () => {
  test.each([
    ['syntax', 'NO REQUEST AT ALL\r\n\r\n'],
    ['syntax', 'GET /fhir HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['headers', `GET /fhir HTTP/1.1\r\nHost: h\r\nX: ${'a'.repeat(5000)}\r\n\r\n`],
  ])('are refused by the exchange: %s', async (unreadable, text) => {
    const made = await door({
      exchange: async () => ({ status: 400, headers: { 'X-From': 'exchange' }, body: Buffer.from('no') }),
    })
    expect(await raw(made.port, text)).toBe(
      'HTTP/1.1 400 Bad Request\r\nX-From: exchange\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno',
    )
    expect(made.seen).toEqual([
      {
        method: '',
        target: '',
        headers: [],
        body: new Uint8Array(0),
        unreadable,
        remoteAddress: '127.0.0.1',
      },
    ])
  })

  test('an unknown status has no words; a failing exchange leaves nothing', async () => {
    const odd = await door({ exchange: async () => ({ status: 499, headers: {}, body: '' }) })
    expect(await raw(odd.port, 'x\r\n\r\n')).toMatch(/^HTTP\/1\.1 499 \r\n/)
    const failing = await door({ exchange: () => Promise.reject(new Error('no')) })
    expect(await raw(failing.port, 'x\r\n\r\n')).toBe('')
  })

  test('behind a request that is still being answered nothing is written in its place', async () => {
    let finish: (() => void) | undefined
    const made = await door({
      exchange: ({ unreadable }) =>
        unreadable === undefined
          ? new Promise(resolve => {
              finish = () => resolve(ANSWER)
            })
          : Promise.resolve({ status: 400, headers: {}, body: 'refused' }),
    })
    const answer = raw(made.port, 'GET /fhir HTTP/1.1\r\nHost: h\r\n\r\nGARBAGE\r\n\r\n')
    await expect.poll(() => made.seen.length).toBe(2)
    finish?.()
    expect(await answer).not.toContain('refused')
  })

  test('a tunnel is not opened, a protocol is not switched', async () => {
    const made = await door()
    expect(await raw(made.port, 'CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n')).toBe('')
    const upgrade =
      'GET /fhir HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n'
    expect(await raw(made.port, upgrade)).toMatch(/^HTTP\/1\.1 200/)
  })
})

test('a connection that is reset has asked nothing', async () => {
  const made = await door()
  const socket = connect(made.port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write('GET /fhir HTTP/1.1\r\n')
  await new Promise(resolve => setTimeout(resolve, 50))
  socket.resetAndDestroy()
  expect((await fetch(url(made, '/fhir'))).status).toBe(200)
  expect(made.seen.map(({ method }) => method)).toEqual(['GET'])
})

describe('the paths that carry no patient data', () => {
  test('go to their server, and a failure there is a plain 502', async () => {
    const behind = createServer((request, response) => response.end(`login of ${request.url}`))
    await new Promise<void>(resolve => behind.listen(0, '127.0.0.1', resolve))
    const { port } = behind.address() as AddressInfo
    const made = await door({ passThrough: [{ path: '/auth', url: `http://127.0.0.1:${port}` }] })
    expect(await (await fetch(url(made, '/auth/login?x=1'))).text()).toContain('login of /login?x=1')
    await new Promise(resolve => behind.close(resolve))
    behind.closeAllConnections()
    const failed = await fetch(url(made, '/auth/login'))
    expect([failed.status, await failed.text()]).toEqual([502, ''])
    expect(made.seen).toEqual([])
  })

  test('an answer that breaks off in the middle breaks off here too', async () => {
    const behind = createServer((_request, response) => {
      response.writeHead(200, { 'Content-Length': '100' })
      response.write('half')
      setTimeout(() => response.destroy(), 20)
    })
    await new Promise<void>(resolve => behind.listen(0, '127.0.0.1', resolve))
    const made = await door({
      passThrough: [{ path: '/auth', url: `http://127.0.0.1:${(behind.address() as AddressInfo).port}` }],
    })
    await expect(fetch(url(made, '/auth')).then(answer => answer.text())).rejects.toThrow()
    behind.close()
  })
})

describe('opening and closing', () => {
  test('a port that is taken, or may not be had, is told plainly', async () => {
    const made = await door()
    await expect(openDoor({ port: made.port })).rejects.toThrow(
      `port ${made.port} on 127.0.0.1 is taken; stop the other program or set server.port (or --port)`,
    )
    await expect(openDoor({ host: '192.0.2.1' })).rejects.toThrow(
      'cannot listen on 192.0.2.1:0: EADDRNOTAVAIL',
    )
  })

  test('closing lets the request in flight end and takes no other', async () => {
    let finish: (() => void) | undefined
    const made = await openDoor({
      exchange: () =>
        new Promise(resolve => {
          finish = () => resolve(ANSWER)
        }),
    })
    const held = fetch(url(made, '/fhir'))
    await expect.poll(() => finish).toBeDefined()
    const closed = made.close()
    await expect(fetch(url(made, '/fhir'))).rejects.toThrow()
    finish?.()
    expect(await (await held).text()).toBe('answer')
    await closed
  })

  test('a request that comes on a kept connection while closing is answered and is its last', async () => {
    const waiting: (() => void)[] = []
    const made = await openDoor({
      exchange: () => new Promise(resolve => waiting.push(() => resolve(ANSWER))),
    })
    const socket = connect(made.port, '127.0.0.1')
    let text = ''
    socket.on('data', chunk => {
      text += chunk.toString('latin1')
    })
    const ended = once(socket, 'close')
    const request = 'GET /fhir HTTP/1.1\r\nHost: h\r\n\r\n'
    socket.write(request)
    await expect.poll(() => waiting.length).toBe(1)
    const closed = made.close()
    socket.write(request)
    await expect.poll(() => waiting.length).toBe(2)
    for (const go of waiting) go()
    await ended
    await closed
    expect(text.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2)
    expect(text).toMatch(/connection: close/i)
  })

  test('a request that never ends is cut off after the grace', { timeout: 10_000 }, async () => {
    const made = await openDoor({ exchange: () => new Promise(() => undefined) })
    const held = expect(fetch(url(made, '/fhir'))).rejects.toThrow()
    await expect.poll(() => made.seen.length).toBe(1)
    await made.close()
    await held
  })
})

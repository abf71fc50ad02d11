import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it, test } from 'vitest'
import type { HttpRequest } from '../../src/model/exchange.ts'
import { createConsentDoor, type Dropped } from '../../src/upstream/consent-door.ts'
import { createPeers } from '../../src/upstream/consent-peers.ts'
import { createUpstream } from '../../src/upstream/upstream.ts'
import { openDoor } from '../server/kit.ts'
import { LIMITS, send } from './fake.ts'

const SECRET = 'a-secret-of-26-characters!'
const RIGHT = ['Authorization', `Bearer ${SECRET}`] as const

interface Asked {
  readonly method?: string
  readonly target?: string
  readonly headers?: HttpRequest['headers']
  readonly body?: unknown
  readonly oversized?: true
}

function door(sameIds = true) {
  const dropped: Dropped[] = []
  const told: Dropped[] = []
  const open = createConsentDoor({
    secret: SECRET,
    bases: ['https://up.example/fhir', 'https://gw.example/fhir'],
    sameIds,
    drop: one => dropped.push(one),
    tell: one => told.push(one),
  })
  const ask = ({
    method = 'POST',
    target = '/notify/consent',
    headers = [RIGHT],
    body,
    oversized,
  }: Asked = {}) =>
    open({
      method,
      target,
      headers,
      body: Buffer.from(body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body)),
      remoteAddress: '127.0.0.1',
      ...(oversized === undefined ? {} : { oversized }),
    })
  return { ask, dropped, told }
}

const consent = (id: string, patient: unknown) => ({ resourceType: 'Consent', id, patient })

describe('the door for notifications', () => {
  it.each<[string, HttpRequest['headers']]>([
    ['nothing', []],
    ['another secret', [['Authorization', 'Bearer a-secret-of-26-characters?']]],
    ['a part of it', [['Authorization', `Bearer ${SECRET.slice(0, -1)}`]]],
    ['more than it', [['Authorization', `Bearer ${SECRET}x`]]],
    ['it under another scheme', [['Authorization', `Basic ${SECRET}`]]],
    ['it twice', [RIGHT, RIGHT]],
    ['it beside another', [['authorization', 'Bearer x'], RIGHT]],
  ])('is shut for whoever shows %s, always alike', (_, headers) => {
    const { ask, dropped } = door()
    const answers = [
      ask({ headers }),
      ask({ headers, body: { patient: 'Patient/a' } }),
      ask({ headers, method: 'GET' }),
      ask({ headers, oversized: true }),
    ]
    expect(new Set(answers.map(answer => JSON.stringify(answer))).size).toBe(1)
    expect(answers[0]).toMatchObject({ status: 401, body: '' })
    expect(dropped).toEqual([])
  })

  it('answers whoever may come in always alike, and tells nothing', () => {
    const { ask } = door()
    const answers = [
      ask(),
      ask({ body: { patient: 'Patient/a' } }),
      ask({ body: 'no JSON' }),
      ask({ body: consent('c', { reference: 'Patient/nobody' }) }),
    ]
    expect(new Set(answers.map(answer => JSON.stringify(answer))).size).toBe(1)
    expect(answers[0]).toMatchObject({ status: 200, body: '' })
    expect(ask({ method: 'GET' }).status).toBe(404)
  })

  it.each<[string, Asked, Dropped]>([
    ['a patient', { body: { patient: 'Patient/a' } }, ['Patient/a']],
    ['patients', { body: { patients: ['Patient/a', 'Patient/b'] } }, ['Patient/a', 'Patient/b']],
    ['an empty object', { body: {} }, 'all'],
    ['no body', {}, 'all'],
    ['a Consent', { body: consent('c', { reference: 'Patient/a' }) }, ['Patient/a', 'Consent/c']],
    [
      'a Consent by PUT below the door',
      {
        method: 'PUT',
        target: '/notify/consent/Consent/c',
        body: consent('c', { reference: 'https://up.example/fhir/Patient/a/_history/3' }),
      },
      ['Patient/a', 'Consent/c'],
    ],
    ['a Consent that was deleted', { method: 'DELETE', target: '/notify/consent/Consent/c' }, ['Consent/c']],
    [
      'a Bundle of Consents',
      {
        body: {
          resourceType: 'Bundle',
          entry: [
            { resource: { resourceType: 'Parameters' } },
            { resource: consent('c', { reference: 'Patient/a' }) },
            { resource: consent('d', { reference: 'Patient/b' }) },
          ],
        },
      },
      ['Patient/a', 'Consent/c', 'Patient/b', 'Consent/d'],
    ],
    ['a Bundle without Consents', { body: { resourceType: 'Bundle', entry: [{}] } }, 'all'],
    ['a patient in another form', { body: { patient: 'https://x/Patient/a' } }, 'all'],
    ['something else for a patient', { body: { patient: { id: 'a' } } }, 'all'],
    ['another resource', { body: { resourceType: 'Patient', id: 'a' } }, 'all'],
    ['a Consent of a patient by identifier', { body: consent('c', { identifier: { value: '1' } }) }, 'all'],
    ['a Consent of a patient elsewhere', { body: consent('c', { reference: 'https://x/Patient/a' }) }, 'all'],
    [
      'a Consent without id',
      { body: { resourceType: 'Consent', patient: { reference: 'Patient/a' } } },
      'all',
    ],
    ['a list', { body: [] }, 'all'],
    ['bytes that are no JSON', { body: '{' }, 'all'],
    [
      'JSON that two readers read in two ways',
      { body: '{"patient":"Patient/a","patient":"Patient/b"}' },
      'all',
    ],
    ['too much', { oversized: true }, 'all'],
    [
      'more names than it takes',
      { body: { patients: Array.from({ length: 201 }, (_, n) => `Patient/${n}`) } },
      'all',
    ],
  ])('drops what %s names, or all where that cannot be told', (_, asked, expected) => {
    const { ask, dropped, told } = door()
    expect(ask(asked).status).toBe(200)
    expect(dropped).toEqual([expected])
    expect(told).toEqual([expected])
  })

  it('drops all for a Consent where servers know patients by ids of their own', () => {
    const { ask, dropped } = door(false)
    ask({ body: consent('c', { reference: 'Patient/a' }) })
    ask({ body: { patient: 'Patient/a' } })
    expect(dropped).toEqual(['all', ['Patient/a']])
  })

  it('does not pass on what another gateway told', () => {
    const { ask, dropped, told } = door()
    ask({ body: { relayed: true, patients: ['Patient/a'] } })
    ask({ body: { relayed: true } })
    expect(dropped).toEqual([['Patient/a'], 'all'])
    expect(told).toEqual([])
  })

  test('stands beside the FHIR API, and only where it is configured', async () => {
    const seen: string[] = []
    const notify = (request: HttpRequest) => {
      seen.push(`${request.method} ${request.target} ${Buffer.from(request.body).toString()}`)
      return { status: 200, headers: {}, body: '' }
    }
    const [with_, without] = [await openDoor({ notify }), await openDoor()]
    const post = (port: number, path: string) =>
      fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body: '{}' }).then(({ status }) => status)
    expect(await post(with_.port, '/notify/consent')).toBe(200)
    expect(await post(with_.port, '/notify/consent/Consent/c')).toBe(200)
    expect(await post(with_.port, '/notify/consents')).toBe(404)
    expect(await post(without.port, '/notify/consent')).toBe(404)
    expect(seen).toEqual(['POST /notify/consent {}', 'POST /notify/consent/Consent/c {}'])
    expect([...with_.seen, ...without.seen]).toEqual([])
    await Promise.all([with_.close(), without.close()])
  })
})

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

async function listener(handle: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(handle as never).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const bodyOf = async (stream: AsyncIterable<Buffer>): Promise<string> => {
  let text = ''
  for await (const chunk of stream) text += chunk.toString()
  return text
}

describe('telling other gateways', () => {
  it('sends each what to drop, with its own secret, and gathers what comes meanwhile', async () => {
    const heard: string[] = []
    let release = () => {}
    const gate = new Promise<void>(resolve => {
      release = resolve
    })
    const url = await listener(async (request, response) => {
      heard.push(`${request.headers.authorization} ${await bodyOf(request)}`)
      if (heard.length === 1) await gate
      response.end()
    })
    const warnings: string[] = []
    const peers = createPeers({
      peers: [{ url: `${url}/notify/consent`, secret: SECRET }],
      warn: text => warnings.push(text),
    })
    peers.tell(['Patient/a'])
    await expect.poll(() => heard.length).toBe(1)
    for (let n = 0; n < 50; n++) peers.tell([`Patient/${n}`, 'Consent/c'])
    release()
    await expect.poll(() => heard.length).toBe(2)
    peers.tell('all')
    await expect.poll(() => heard.length).toBe(3)
    await peers.close()
    expect(heard[0]).toBe(`Bearer ${SECRET} {"relayed":true,"patients":["Patient/a"]}`)
    expect(JSON.parse(heard[1]?.slice(SECRET.length + 8) ?? '').patients).toHaveLength(51)
    expect(heard[2]).toBe(`Bearer ${SECRET} {"relayed":true}`)
    expect(warnings).toEqual([])
  })

  it('tries again where one fails, tells more than a hundred names as all, and holds nobody up', async () => {
    const heard: string[] = []
    const url = await listener(async (request, response) => {
      heard.push(await bodyOf(request))
      response.statusCode = heard.length < 3 ? 503 : 200
      response.end()
    })
    const peers = createPeers({ peers: [{ url, secret: SECRET }], warn: () => undefined })
    const before = performance.now()
    peers.tell(Array.from({ length: 101 }, (_, n) => `Patient/${n}`))
    expect(performance.now() - before).toBeLessThan(50)
    await expect.poll(() => heard.length, { timeout: 3000 }).toBe(3)
    expect(new Set(heard)).toEqual(new Set(['{"relayed":true}']))
    await peers.close()
  })

  it('gives up on a peer that never takes it, says so once, and tells it again next time', async () => {
    const heard: string[] = []
    const warnings: string[] = []
    const url = await listener(async (request, response) => {
      heard.push(await bodyOf(request))
      response.statusCode = 401
      response.end()
    })
    const peers = createPeers({ peers: [{ url, secret: SECRET }], warn: text => warnings.push(text) })
    peers.tell(['Patient/a'])
    await expect.poll(() => warnings.length, { timeout: 8000 }).toBe(1)
    expect(heard).toHaveLength(6)
    expect(warnings[0]).toBe(`notifications.peers[0]: ${url} does not take notifications`)
    expect(warnings[0]).not.toContain('Patient')
    peers.tell(['Patient/b'])
    await expect.poll(() => heard.length).toBe(7)
    await peers.close()
    expect(heard[6]).toBe('{"relayed":true,"patients":["Patient/b"]}')
  }, 15_000)
})

describe('Subscriptions on Consent', () => {
  async function watched(
    answer: (method: string, path: string) => [number, object?, Record<string, string>?],
  ) {
    const asked: { line: string; body: string; authorization: string | undefined }[] = []
    const warnings: string[] = []
    const origin = await listener(async (request, response) => {
      const line = `${request.method} ${request.url}`
      asked.push({ line, body: await bodyOf(request), authorization: request.headers.authorization })
      const [status, body, headers] = answer(request.method ?? '', request.url ?? '')
      send(response, body ?? {}, status, headers)
    })
    const upstream = createUpstream(
      {
        url: `${origin}/fhir`,
        credential: { kind: 'static-header', name: 'Authorization', file: 'secret' },
      },
      LIMITS,
      { now: () => Date.parse('2026-03-01T12:00:00Z'), readFile: () => 'Bearer gateway' },
    )
    const watch = upstream.watchConsents?.({
      endpoint: 'https://gw.example/notify/consent',
      secret: SECRET,
      warn: text => warnings.push(text),
    })
    const close = async () => {
      await watch?.close()
      await upstream.close()
    }
    return { asked, warnings, close }
  }
  const lines = (asked: readonly { line: string }[]) =>
    asked.map(({ line }) => line.replace(/consentry-\w+/, 'OWN'))

  it('are put under an id of our own and taken away at the end', async () => {
    const { asked, warnings, close } = await watched(method => (method === 'GET' ? [404] : [201]))
    await expect.poll(() => asked.length).toBe(2)
    await close()
    expect(lines(asked)).toEqual([
      'GET /fhir/Subscription/OWN',
      'PUT /fhir/Subscription/OWN',
      'DELETE /fhir/Subscription/OWN',
    ])
    expect(JSON.parse(asked[1]?.body ?? '')).toMatchObject({
      resourceType: 'Subscription',
      status: 'requested',
      criteria: 'Consent?',
      end: '2026-03-01T13:00:00.000Z',
      channel: {
        type: 'rest-hook',
        endpoint: 'https://gw.example/notify/consent',
        payload: 'application/fhir+json',
        header: [`Authorization: Bearer ${SECRET}`],
      },
    })
    expect(asked.every(({ authorization }) => authorization === 'Bearer gateway')).toBe(true)
    expect(warnings).toEqual([])
  })

  it('are created where the server gives ids itself', async () => {
    const { asked, warnings, close } = await watched(method =>
      method === 'GET'
        ? [404]
        : method === 'PUT'
          ? [405]
          : [201, {}, { Location: 'x/Subscription/77/_history/1' }],
    )
    await expect.poll(() => asked.length).toBe(3)
    await close()
    expect(lines(asked).slice(2)).toEqual(['POST /fhir/Subscription', 'DELETE /fhir/Subscription/77'])
    expect(warnings).toEqual([])
  })

  it('that a server does not take are a warning that says what is left', async () => {
    const { asked, warnings, close } = await watched(() => [404])
    await expect.poll(() => warnings.length).toBe(1)
    await close()
    expect(warnings[0]).toBe(
      'upstream: the server does not take a Subscription (it answered 404); a changed Consent is noticed within limits.consentCacheMs, unless told otherwise',
    )
    expect(lines(asked).some(line => line.startsWith('DELETE'))).toBe(false)
  })
})

import type { ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { TokenRequest } from '../../src/demo/issuer.ts'
import { directory } from '../../src/demo/patients/directory.ts'
import { DEMO_PATIENTS } from '../../src/demo/resources.ts'
import { readExchange } from '../../src/record/verify.ts'
import { type Badly, type Hostile, startHostile } from '../support/hostile.ts'
import { expectRefusal } from '../support/refusals.ts'
import { entriesOf, matchesOf, openTestSite, type Reply, type TestSite } from '../support/site.ts'

const AS: TokenRequest = { client: 'treating-hospital', user: 'PractitionerRole/priya-lindqvist-role' }
const SEARCH = 'Condition?patient=walter-finch'
const SECRET = '<pre>SECRET of Elena Marsh at com.example.Server.main(Server.java:42)</pre>'
const PATIENT = { resourceType: 'Patient', id: 'walter-finch', name: [{ family: 'Finch' }] }
const TIMEOUT_MS = 1_000
/** 50 MB of blanks. */
const BOMB = gzipSync(Buffer.alloc(50_000_000, 0x20))

let hostile: Hostile
let site: TestSite
let base: string
beforeAll(async () => {
  hostile = await startHostile()
  const charts = DEMO_PATIENTS.filter(({ id }) => id === 'walter-finch' || id === 'elena-marsh')
  site = await openTestSite({
    resources: [...directory(), ...charts.flatMap(({ write }) => write())],
    overrides: {
      upstream: { url: hostile.url },
      limits: {
        upstreamTimeoutMs: TIMEOUT_MS,
        upstreamBodyBytes: 1_000_000,
        consentCacheMs: 0,
        lookupCacheMs: 0,
      },
    },
  })
  hostile.target = site.upstream.url
  base = await site.serve()
})
afterEach(async () => {
  hostile.badly = () => false
  // Whatever it was, the next request is served.
  expect(matchesOf(await site.get(SEARCH, AS)).length).toBe(8)
})
afterAll(async () => {
  await site?.close()
  await hostile?.close()
})

/** Over a real socket, as a client sees it. */
async function get(path: string): Promise<Reply> {
  const token = await site.issuer.issueToken(AS)
  const reply = await fetch(`${base}/${path}`, { headers: { authorization: `Bearer ${token}` } })
  return { status: reply.status, headers: Object.fromEntries(reply.headers), text: await reply.text() }
}

const send = (response: ServerResponse, body: unknown, status = 200, headers = {}) => {
  response.writeHead(status, { 'content-type': 'application/fhir+json', ...headers })
  response.end(typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body))
}

/** Badly for paths that begin so, well for the others. */
const where =
  (start: string, answer: (response: ServerResponse, path: string) => void): Badly =>
  (path, response, request) => {
    if (request.method !== 'GET' || !path.startsWith(start)) return false
    answer(response, path)
    return true
  }

const searchset = (resources: readonly object[], next?: string, mode = 'match') => ({
  resourceType: 'Bundle',
  type: 'searchset',
  link: next === undefined ? [] : [{ relation: 'next', url: next }],
  entry: resources.map(resource => ({ fullUrl: `${hostile.url}/x`, resource, search: { mode } })),
})

/** One wrong answer, whatever was asked; it fits reads and searches. */
const wrong: [string, (response: ServerResponse) => void, number, string][] = [
  [
    'HTML',
    response => send(response, `<html>${SECRET}</html>`, 200, { 'content-type': 'text/html' }),
    502,
    'upstream-invalid',
  ],
  [
    'HTML that says it is FHIR',
    response => send(response, `<html>${SECRET}</html>`),
    502,
    'upstream-invalid',
  ],
  [
    'XML',
    response => send(response, '<Patient/>', 200, { 'content-type': 'application/fhir+xml' }),
    502,
    'upstream-invalid',
  ],
  [
    'truncated JSON',
    response => send(response, '{"resourceType":"Patient","id":"walter-finch","name":[{"fam'),
    502,
    'upstream-invalid',
  ],
  ['nothing', response => send(response, ''), 502, 'upstream-invalid'],
  [
    'a name twice',
    response => send(response, '{"resourceType":"Patient","id":"x","id":"walter-finch"}'),
    502,
    'upstream-invalid',
  ],
  [
    'bytes that are no UTF-8',
    response => send(response, Buffer.from('{"resourceType":"Pa\xff"}', 'latin1')),
    502,
    'upstream-invalid',
  ],
  [
    'a resource of another type',
    response => send(response, { resourceType: 'Basic', id: 'walter-finch', text: SECRET }),
    502,
    'upstream-invalid',
  ],
  [
    '500 with a stack trace',
    response => send(response, SECRET, 500, { 'content-type': 'text/html' }),
    503,
    'upstream-unavailable',
  ],
  ['503', response => send(response, SECRET, 503), 503, 'upstream-unavailable'],
  ['401', response => send(response, SECRET, 401), 503, 'upstream-unavailable'],
  [
    'a redirect',
    response => send(response, '', 302, { location: 'http://127.0.0.1:1/SECRET' }),
    502,
    'upstream-invalid',
  ],
  [
    'a gzip bomb',
    response => send(response, BOMB, 200, { 'content-encoding': 'gzip' }),
    502,
    'upstream-invalid',
  ],
  [
    'no gzip at all',
    response => send(response, SECRET, 200, { 'content-encoding': 'gzip' }),
    502,
    'upstream-invalid',
  ],
  [
    'an unknown coding',
    response => send(response, SECRET, 200, { 'content-encoding': 'compress' }),
    502,
    'upstream-invalid',
  ],
  [
    'two megabytes',
    response => send(response, `{"resourceType":"Patient","x":"${'S'.repeat(2_000_000)}"}`),
    502,
    'upstream-invalid',
  ],
  [
    'half an answer',
    response => {
      response.writeHead(200, { 'content-type': 'application/fhir+json', 'content-length': '5000' })
      response.write('{"resourceType":"Patient",')
      setTimeout(() => response.destroy(), 20)
    },
    503,
    'upstream-unavailable',
  ],
  ['a cut connection', response => void response.socket?.destroy(), 503, 'upstream-unavailable'],
]

describe.each([
  ['a read', 'Patient/walter-finch', '/Patient/'],
  ['a search', SEARCH, '/Condition'],
])('%s that the upstream answers with', (_, path, start) => {
  test.each(wrong)('%s is refused, recorded, and leaks nothing', async (_what, answer, status, code) => {
    hostile.badly = where(start, answer)
    expectRefusal(site, await get(path), status, code)
  })

  test('silence ends in time', async () => {
    hostile.badly = where(start, () => undefined)
    const began = performance.now()
    expectRefusal(site, await get(path), 503, 'upstream-unavailable')
    expect(performance.now() - began).toBeLessThan(TIMEOUT_MS * 4)
  })

  test('300 MB is cut off at the limit', async () => {
    let sent = 0
    hostile.badly = where(start, response => {
      response.writeHead(200, { 'content-type': 'application/fhir+json' })
      response.write('{"resourceType":"Bundle","type":"searchset","entry":[{"resource":{"x":"')
      const chunk = Buffer.alloc(1 << 20, 0x61)
      const more = () => {
        while (sent < 300 << 20 && !response.destroyed) {
          sent += chunk.length
          if (!response.write(chunk)) return response.once('drain', more)
        }
        return response.end('"}}]}')
      }
      more()
    })
    const began = performance.now()
    expectRefusal(site, await get(path), 502, 'upstream-invalid')
    expect(performance.now() - began).toBeLessThan(TIMEOUT_MS * 4)
    expect(sent).toBeLessThan(30 << 20)
  })
})

describe('a read that the upstream answers with', () => {
  test.each<[string, object]>([
    ['another patient', { ...PATIENT, id: 'elena-marsh' }],
    ['a resource without id', { resourceType: 'Patient' }],
    ['a Bundle', { resourceType: 'Bundle', type: 'searchset', entry: [{ resource: PATIENT }] }],
    ['an OperationOutcome', { resourceType: 'OperationOutcome', issue: [] }],
  ])('%s is refused', async (_, body) => {
    hostile.badly = where('/Patient/', response => send(response, body))
    expectRefusal(site, await get('Patient/walter-finch'), 502, 'upstream-invalid')
  })

  test('404 with a stack trace is a plain 404', async () => {
    hostile.badly = where('/Patient/', response => send(response, SECRET, 404))
    expectRefusal(site, await get('Patient/walter-finch'), 404, 'not-found')
  })
})

describe('a search that the upstream answers with', () => {
  const condition = (id: string, patient = 'walter-finch') => ({
    resourceType: 'Condition',
    id,
    meta: { versionId: '1' },
    subject: { reference: `Patient/${patient}` },
    code: { coding: [{ system: 'http://snomed.info/sct', code: '38341003' }] },
  })

  test.each<[string, (url: string) => string]>([
    ['another host', () => 'http://evil.example/fhir?page=2'],
    ['another port', url => url.replace(/:\d+/, ':1')],
    ['another path', url => `${new URL(url).origin}/secret?page=2`],
    ['a file', () => 'file:///etc/passwd'],
    ['a user in the URL', url => url.replace('://', '://user:SECRET@')],
    ['the way up', url => `${url}/../../secret`],
  ])('a next link to %s is refused', async (_, link) => {
    const next = link(`${hostile.url}?page=2`)
    hostile.badly = where('/Condition', response => send(response, searchset([condition('c1')], next)))
    const reply = await get(`${SEARCH}&_count=2`)
    expectRefusal(site, reply, 502, 'upstream-invalid')
  })

  test('pages that go in a circle end', async () => {
    hostile.badly = where('/', (response, path) => {
      if (!path.startsWith('/Condition')) return send(response, searchset([]))
      send(response, searchset([], `${hostile.url}/Condition?page=${path.includes('page=1') ? 2 : 1}`))
    })
    const began = performance.now()
    const reply = await get(SEARCH)
    expect([422, 502]).toContain(reply.status)
    expectRefusal(site, reply, reply.status, reply.status === 422 ? 'too-costly' : 'upstream-invalid')
    expect(performance.now() - began).toBeLessThan(10_000)
  })

  test.each(['match', 'include'])('an entry of another type marked %s: it is not given', async mode => {
    hostile.badly = where('/Condition', response =>
      send(response, {
        ...searchset([condition('c1')]),
        entry: [
          ...searchset([condition('c1')]).entry,
          { resource: { ...PATIENT, id: 'elena-marsh', text: SECRET }, search: { mode } },
        ],
      }),
    )
    const reply = await get(SEARCH)
    if (reply.status === 200) expect(entriesOf(reply).map(({ resource }) => resource['id'])).toEqual(['c1'])
    else expectRefusal(site, reply, 502, 'upstream-invalid')
    expect(reply.text).not.toContain('SECRET')
  })

  test('the same entry twice: it is given once, and counted once', async () => {
    hostile.badly = where('/Condition', response =>
      send(response, searchset([condition('c1'), condition('c2'), condition('c1')])),
    )
    const reply = await get(SEARCH)
    expect(reply.status).toBe(200)
    expect(matchesOf(reply)).toEqual(['Condition/c1', 'Condition/c2'])
    expect((JSON.parse(reply.text) as { total?: number }).total).toBe(2)
  })

  test('an entry that is no resource is refused', async () => {
    for (const entry of [{}, { resource: 'SECRET' }, { resource: [] }, 'SECRET', null]) {
      hostile.badly = where('/Condition', response =>
        send(response, { resourceType: 'Bundle', type: 'searchset', entry: [entry] }),
      )
      expectRefusal(site, await get(SEARCH), 502, 'upstream-invalid')
    }
  })

  test('an entry without an id is withheld, and recorded with its reason', async () => {
    const { id: _, ...nameless } = { ...condition('c2'), text: SECRET }
    hostile.badly = where('/Condition', response => send(response, searchset([condition('c1'), nameless])))
    const reply = await get(SEARCH)
    if (reply.status !== 200) return expectRefusal(site, reply, 502, 'upstream-invalid')
    expect(matchesOf(reply)).toEqual(['Condition/c1'])
    expect(reply.text).not.toContain('SECRET')
  })

  test('a Bundle that is no searchset is refused', async () => {
    for (const type of ['history', 'batch-response', 'document', undefined]) {
      hostile.badly = where('/Condition', response => send(response, { ...searchset([]), type }))
      expectRefusal(site, await get(SEARCH), 502, 'upstream-invalid')
    }
  })
})

describe('Consents that cannot be had', () => {
  const cases: [string, (response: ServerResponse) => void][] = [
    ['500', response => send(response, SECRET, 500)],
    ['HTML', response => send(response, SECRET, 200, { 'content-type': 'text/html' })],
    ['404', response => send(response, SECRET, 404)],
    ['silence', () => undefined],
    [
      'an error inside a good answer',
      response =>
        send(
          response,
          searchset(
            [{ resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'exception' }] }],
            undefined,
            'outcome',
          ),
        ),
    ],
    [
      "somebody else's",
      response =>
        send(
          response,
          searchset([
            {
              resourceType: 'Consent',
              id: 'x',
              status: 'active',
              patient: { reference: 'Patient/noor-halvorsen' },
            },
          ]),
        ),
    ],
    [
      'a next page that is not there',
      response => send(response, searchset([], 'http://evil.example/fhir?page=2')),
    ],
  ]
  test.each(cases)('(%s) close reads and searches, and no data leaves', async (_, answer) => {
    hostile.badly = where('/Consent', answer)
    for (const path of [SEARCH, 'Patient/walter-finch'])
      expectRefusal(site, await get(path), 503, 'consent-unavailable')
    expect(hostile.fooled.at(-1)).toMatch(/^GET \/Consent/)
  })
})

describe('look-ups that cannot be had', () => {
  test.each<[string, (response: ServerResponse) => void]>([
    ['500', response => send(response, SECRET, 500)],
    ['HTML', response => send(response, SECRET, 200, { 'content-type': 'text/html' })],
    ['silence', () => undefined],
    ["somebody else's", response => send(response, searchset([{ resourceType: 'Encounter', id: 'other' }]))],
  ])('(%s) give no more than whole ones do', async (_, answer) => {
    const whole = matchesOf(await get('Condition?patient=elena-marsh'))
    for (const start of ['/Encounter', '/Patient?', '/Organization', '/Group']) {
      hostile.badly = where(start, answer)
      const reply = await get('Condition?patient=elena-marsh')
      if (reply.status === 200) {
        expect(whole).toEqual(expect.arrayContaining(matchesOf(reply)))
        expect(reply.text).not.toContain('SECRET')
        continue
      }
      const { refusal } = JSON.parse(
        readExchange(site.ledgerFile, reply.headers['x-request-id'] ?? '').at(-1)?.body ?? '{}',
      ) as { refusal: { code: string } }
      expect(['upstream-invalid', 'upstream-unavailable', 'consent-unavailable']).toContain(refusal.code)
      expectRefusal(site, reply, reply.status, refusal.code)
    }
  })
})

describe('a resource that can be read in two ways', () => {
  const id = 'walter-finch-penicillin'
  const twice = (name: string): string =>
    `{"resourceType":"Condition","id":"twice","subject":{"reference":"Patient/walter-finch"},"code":{"text":"${name}","text":"SECRET"}}`
  const plain =
    '{"resourceType":"Condition","id":"plain","subject":{"reference":"Patient/walter-finch"},"code":{"text":"Cough"}}'
  const answerWith = (resource: string) => (response: ServerResponse) => send(response, resource)

  test('reads like one that is absent, with the reason in the record', async () => {
    const absent = await get(`Condition/${id}`)
    hostile.badly = where('/Condition/twice', answerWith(twice('Cough')))
    const reply = await get('Condition/twice')
    expectRefusal(site, reply, 404, 'not-found')
    expect(reply.text.replaceAll('twice', id)).toBe(absent.text)
    const row = readExchange(site.ledgerFile, reply.headers['x-request-id'] ?? '').at(-1)?.body ?? ''
    expect(row).toContain('duplicate-key')
    hostile.badly = where('/Condition/plain', answerWith(plain))
    expect((await get('Condition/plain')).status).toBe(200)
  })

  test('is missing in a search that shows what stands beside it, with the reason in the record', async () => {
    hostile.badly = where('/Condition?', response =>
      send(
        response,
        `{"resourceType":"Bundle","type":"searchset","entry":[${[plain, twice('Cough')]
          .map(resource => `{"resource":${resource},"search":{"mode":"match"}}`)
          .join()}]}`,
      ),
    )
    const reply = await get(SEARCH)
    expect(matchesOf(reply)).toEqual(['Condition/plain'])
    expect(JSON.parse(reply.text)).toMatchObject({ total: 1 })
    expect(reply.text).not.toContain('SECRET')
    const row = readExchange(site.ledgerFile, reply.headers['x-request-id'] ?? '').at(-1)?.body ?? ''
    expect(row).toContain('duplicate-key')
  })
})

import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { TokenRequest } from '../../src/demo/issuer.ts'
import { demoResources } from '../../src/demo/resources.ts'
import { exchange } from '../../src/flow/exchange.ts'
import type { Rooms } from '../../src/flow/rooms.ts'
import type { Resource } from '../../src/model/fhir.ts'
import { FAULTS, type Fault, faultyLedger } from '../support/faulty-ledger.ts'
import { openTestSite, type Reply, type TestSite } from '../support/site.ts'

const AT = new Date('2026-11-21T12:00:00Z')
/** The shortest the configuration allows, so that a ledger that hangs is waited for briefly. */
const APPEND_TIMEOUT_MS = 50
const HOSPITAL: TokenRequest = { client: 'treating-hospital', user: 'PractitionerRole/priya-lindqvist-role' }
const PROGRAM: TokenRequest = {
  client: 'opioid-treatment-program',
  user: 'PractitionerRole/ines-corvallis-role',
}
const PLAN: TokenRequest = { client: 'health-plan' }

const ledger = faultyLedger()
let site: TestSite
/** Every kind of request, by a name that says what a good ledger answers. */
let requests: ReadonlyMap<string, () => Promise<Reply>>
let control: ReadonlyMap<string, Reply>
let unrecorded: Reply

beforeAll(async () => {
  const resources = demoResources()
  site = await openTestSite({
    resources,
    seams: { now: () => AT, ledger },
    overrides: { ledger: { appendTimeoutMs: APPEND_TIMEOUT_MS, repository: 'none' } },
  })
  requests = await allRequests(resources.map(text => JSON.parse(text) as Resource))
  const replies = new Map<string, Reply>()
  for (const [name, ask] of requests) replies.set(name, await ask())
  control = replies
  ledger.behave('rejects')
  unrecorded = await site.get('Patient/elena-marsh', HOSPITAL)
  ledger.behave('ok')
})
afterEach(() => ledger.behave('ok'))
afterAll(() => site.close())

async function allRequests(resources: readonly Resource[]): Promise<Map<string, () => Promise<Reply>>> {
  const ids = resources
    .filter(({ resourceType }) => resourceType === 'Condition')
    .map(({ id }) => `Condition/${id}`)
  const statuses = await Promise.all(ids.map(id => site.get(id, PLAN)))
  const withheld = ids[statuses.findIndex(({ status }) => status === 404)] ?? ''
  const first = await site.get('Condition?patient=elena-marsh&_count=2', HOSPITAL)
  const { link } = JSON.parse(first.text) as { link: { relation: string; url: string }[] }
  const next = link.find(({ relation }) => relation === 'next')?.url ?? ''
  const form = { 'Content-Type': 'application/x-www-form-urlencoded' }
  return new Map<string, () => Promise<Reply>>([
    ['200 read', () => site.get('Patient/elena-marsh', HOSPITAL)],
    ['200 read of a program record', () => site.get(withheld, PROGRAM)],
    ['200 vread', () => site.get('Patient/elena-marsh/_history/1', HOSPITAL)],
    ['200 search', () => site.get('Condition?patient=elena-marsh', HOSPITAL)],
    ['200 search of a plan', () => site.get('Condition?patient=elena-marsh', PLAN)],
    [
      '200 search by POST',
      () => site.ask('POST', '/fhir/Condition/_search', HOSPITAL, form, 'patient=elena-marsh'),
    ],
    [
      '200 search with include',
      () => site.get('Condition?patient=elena-marsh&_include=Condition:encounter', HOSPITAL),
    ],
    ['200 page link', () => site.get(next, HOSPITAL)],
    ['200 search that finds nothing', () => site.get('Condition?patient=nobody', HOSPITAL)],
    ['404 read of what is withheld', () => site.get(withheld, PLAN)],
    ['404 read of what is absent', () => site.get('Condition/absent', PLAN)],
    ['410 page link of another', () => site.get(next, PLAN)],
    ['401 no token', () => site.get('Patient/elena-marsh', undefined)],
    [
      '401 no token that holds',
      () => site.get('Patient/elena-marsh', undefined, { Authorization: 'Bearer x.y.z' }),
    ],
    ['403 scope', () => site.get('Patient/elena-marsh', { ...HOSPITAL, scope: 'system/Observation.rs' })],
    ['400 parameter', () => site.get('Condition?patient=elena-marsh&colour=blue', HOSPITAL)],
    [
      '400 method override',
      () => site.get('Patient/elena-marsh', HOSPITAL, { 'X-HTTP-Method-Override': 'PUT' }),
    ],
    ['501 write', () => site.ask('DELETE', '/fhir/Patient/elena-marsh', HOSPITAL)],
    ['404 type', () => site.get('Patents/elena-marsh', HOSPITAL)],
  ])
}

/** Long enough for every wait of the gateway's own. */
const SOON_MS = 3000

async function soon<T>(promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${SOON_MS} ms`)), SOON_MS)
  })
  return await Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

/** What a client sees of an answer, less the id that is new each time. */
function visible({ status, headers, text }: Reply): object {
  const { 'X-Request-Id': _id, ...rest } = headers
  return { status, headers: rest, text }
}

describe('the control', () => {
  test('with a good ledger each request has the status its name says, and is recorded under its id', () => {
    for (const [name, reply] of control) {
      expect(String(reply.status), name).toBe(name.slice(0, 3))
      expect(ledger.durable.get(reply.headers['X-Request-Id'] ?? '')?.events.length, name).toBeGreaterThan(1)
    }
  })

  test('with a good ledger the answers show data', () => {
    for (const [name, { status, text }] of control)
      if (status === 200 && !name.includes('nothing')) expect(text, name).toMatch(/elena-marsh/)
  })

  test('the answer without a record is one constant 503 that says nothing of the request', () => {
    expect(unrecorded.status).toBe(503)
    expect(unrecorded.headers).toEqual({
      'Content-Type': 'application/fhir+json; charset=utf-8',
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      'Retry-After': '5',
    })
    expect(JSON.parse(unrecorded.text)).toEqual({
      resourceType: 'OperationOutcome',
      issue: [{ severity: 'error', code: 'transient', details: { text: 'The service is unavailable now' } }],
    })
  })
})

describe('no record, no response', () => {
  test.each(FAULTS)('a ledger that %s gives every request the same 503', async fault => {
    ledger.behave(fault)
    const replies = await Promise.all(
      [...requests].map(async ([name, ask]) => [name, await soon(ask())] as const),
    )
    for (const [name, reply] of replies) expect(reply, name).toEqual(unrecorded)
  })

  test('a ledger that comes back gives every request its answer again', async () => {
    for (const [name, ask] of requests) {
      const before = control.get(name)
      if (before !== undefined && !name.includes('search') && !name.includes('page'))
        expect(visible(await ask()), name).toEqual(visible(before))
      else expect((await ask()).status, name).toBe(before?.status)
    }
  })

  test('a disclosure that could not be recorded is not answered by a recorded refusal either', async () => {
    for (const fault of FAULTS) {
      ledger.behave('ok', [fault])
      expect(await soon(site.get('Patient/elena-marsh', HOSPITAL)), fault).toEqual(unrecorded)
    }
  })

  test('what is public and says nothing of patients is answered without a ledger', async () => {
    ledger.behave('rejects')
    const before = ledger.appends()
    const replies = await Promise.all([
      site.get('metadata', undefined),
      site.get('.well-known/smart-configuration', undefined),
    ])
    expect(replies.map(({ status }) => status)).toEqual([200, 200])
    expect(ledger.appends()).toBe(before)
    for (const { text } of replies) expect(text).not.toMatch(/elena|marsh/i)
  })
})

describe('a recorder that fails', () => {
  const boom = (): never => {
    throw new TypeError('cannot write elena-marsh')
  }
  const ask = async (recorder: Partial<Rooms['recorder']>, path: string): Promise<Reply> => {
    const { rooms } = site.house
    const token = await site.issuer.issueToken(HOSPITAL)
    const reply = await exchange(
      { ...rooms, recorder: { ...rooms.recorder, ...recorder } },
      {
        method: 'GET',
        target: `/fhir/${path}`,
        headers: [
          ['Host', 'gateway.test'],
          ['Authorization', `Bearer ${token}`],
        ],
        body: new Uint8Array(0),
        remoteAddress: '127.0.0.1',
      },
    )
    return { ...reply, text: Buffer.from(reply.body).toString('utf8') }
  }
  const seen = ({ status, headers, text }: Reply): Reply => ({ status, headers, text })

  test.each([
    ['a disclosure', { disclosure: boom }, ['Patient/elena-marsh', 'Condition?patient=elena-marsh']],
    ['a refusal', { refusal: boom }, ['Condition/absent', 'Condition?colour=blue']],
    [
      'anything',
      { disclosure: boom, refusal: boom },
      ['Patient/elena-marsh', 'Condition/absent', 'Condition?patient=elena-marsh', 'Nonsense/1'],
    ],
  ] as const)('on %s gives the same 503', async (_what, recorder, paths) => {
    for (const path of paths) {
      expect((await ask({}, path)).status, `${path}: control`).not.toBe(503)
      expect(seen(await ask(recorder, path)), path).toEqual(unrecorded)
    }
  })

  test('on a disclosure leaves a refusal in the record that names the place and quotes nothing', async () => {
    const before = new Set(ledger.durable.keys())
    await ask({ disclosure: boom }, 'Patient/elena-marsh')
    const [set] = [...ledger.durable].filter(([id]) => !before.has(id)).map(([, one]) => one)
    const row = set?.events.find(({ kind }) => kind === 'decision')?.body ?? ''
    expect(JSON.parse(row).refusal).toMatchObject({
      code: 'record-unavailable',
      detail: expect.stringMatching(/^TypeError/),
    })
    expect(row).not.toContain('cannot write')
  })
})

describe('any sequence of good and bad appends', () => {
  const step = fc.record({
    request: fc.nat({ max: 18 }),
    fault: fc.oneof(
      { weight: 2, arbitrary: fc.constant('ok' as const) },
      fc.constantFrom<Fault>(...FAULTS.slice(1)),
    ),
  })
  const asking = (index: number): [string, () => Promise<Reply>] =>
    [...requests][index] ?? ['none', async () => unrecorded]

  test('one after the other: each request is answered by its own record or by the 503', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async steps => {
        for (const { request, fault } of steps) {
          const [name, ask] = asking(request)
          ledger.behave('ok', [fault])
          const reply = await soon(ask())
          if (fault !== 'ok') expect(reply, name).toEqual(unrecorded)
          else {
            expect(String(reply.status), name).toBe(name.slice(0, 3))
            expect(ledger.durable.has(reply.headers['X-Request-Id'] ?? '')).toBe(true)
          }
        }
      }),
      { numRuns: 60 },
    )
  })

  test('all at once: as many answers as records, each under the id of its record', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 16 }), async steps => {
        ledger.behave(
          'ok',
          steps.map(({ fault }) => fault),
        )
        const known = ledger.durable.size
        const replies = await soon(Promise.all(steps.map(({ request }) => asking(request)[1]())))
        const answered = replies.filter(({ status }) => status !== 503)
        for (const reply of replies) if (reply.status === 503) expect(reply).toEqual(unrecorded)
        for (const { headers } of answered)
          expect(ledger.durable.has(headers['X-Request-Id'] ?? '')).toBe(true)
        expect(new Set(answered.map(({ headers }) => headers['X-Request-Id'])).size).toBe(answered.length)
        expect(ledger.durable.size - known).toBe(answered.length)
        expect(answered.length).toBe(steps.filter(({ fault }) => fault === 'ok').length)
      }),
      { numRuns: 60 },
    )
  })
})

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { EmergencyGrant } from '../../src/model/emergency.ts'
import type { OfficeStore } from '../../src/model/office.ts'
import { type AlertOptions, alertKey, createAlertSender, signedHeaders } from '../../src/office/alerts.ts'
import { grantEvent } from '../../src/office/grants.ts'
import { openOfficeStore } from '../../src/office/store.ts'

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
const AT = new Date('2026-09-15T22:10:30Z')

const grant = (id: string): EmergencyGrant => ({
  id,
  patient: 'Patient/ada',
  start: '2026-09-15T22:10:30Z',
  end: '2026-09-15T23:10:30Z',
  reviewBy: '2026-09-18T22:10:30Z',
  principal: 'issuer user u',
  client: 'ed',
  user: 'Practitioner/u',
  facts: {
    reason: 'secret reason',
    natureOfEmergency: 'secret nature',
    consentUnobtainable: true,
    consentUnobtainableReason: 'secret why',
    medicalPersonnel: { name: 'Secret Name', facility: 'ED' },
  },
  discloser: 'Custodian',
  exchange: 'e',
})

let folder: string
let store: OfficeStore
const closers: (() => Promise<void>)[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'consentry-alerts-'))
  store = openOfficeStore(join(folder, 'office.sqlite'))
})
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
  store.close()
  rmSync(folder, { recursive: true, force: true })
})

interface Post {
  readonly id: string
  readonly body: string
}

/** A sender whose receiver answers with what `answer` gives; every post is kept. */
function sending(answer: (post: Post) => number | 'no-connection', more: Partial<AlertOptions> = {}) {
  const posts: Post[] = []
  const warnings: string[] = []
  const fetching = async (_url: unknown, { headers, body }: RequestInit = {}): Promise<Response> => {
    const post = { id: new Headers(headers).get('webhook-id') ?? '', body: String(body) }
    posts.push(post)
    const status = answer(post)
    if (status === 'no-connection') throw new TypeError('fetch failed')
    return new Response(null, { status })
  }
  const sender = createAlertSender({
    store,
    receiver: { url: 'https://office.example/alerts', secret: SECRET },
    fetch: fetching as typeof fetch,
    now: () => AT,
    watch: () => [],
    warn: text => warnings.push(text),
    pollMs: 5,
    backoffMs: 1,
    backoffMaxMs: 4,
    ...more,
  })
  closers.push(sender.close)
  return { sender, posts, warnings }
}

const kinds = () => store.since(0).map(({ kind, subject }) => `${kind} ${subject}`)

describe('alerts of declared emergencies', () => {
  test('are signed over id, time and body as Standard Webhooks gives it', () => {
    // Example of the specification's reference libraries.
    const key = alertKey('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')
    const headers = signedHeaders(
      key,
      'msg_p5jXN8AQM9LWM0D4loKWxJek',
      new Date(1_614_265_330_000),
      '{"test": 2432232314}',
    )
    expect(headers['webhook-signature']).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=')
  })

  test('are tried again until they arrive, through refusals and broken connections, and then never again', async () => {
    let tries = 0
    const { posts, warnings } = sending(() => {
      tries++
      if (tries === 1) return 'no-connection'
      return tries < 4 ? 503 : 204
    })
    store.append(grantEvent(grant('g1'), AT))
    await expect.poll(kinds).toEqual(['evidence-entered g1', 'alert-sent g1.declared'])
    await new Promise(resolve => setTimeout(resolve, 30))
    expect(posts.map(({ id }) => id)).toEqual(Array.from({ length: 4 }, () => 'g1.declared'))
    expect(warnings).toHaveLength(2)
  })

  test('that one receiver refuses for good holds up no other', async () => {
    sending(({ id }) => (id === 'g1.declared' ? 400 : 200))
    store.append(grantEvent(grant('g1'), AT))
    store.append(grantEvent(grant('g2'), AT))
    await expect.poll(kinds).toContain('alert-sent g2.declared')
    expect(kinds()).not.toContain('alert-sent g1.declared')
  })

  test('wait where no receiver is named, and go out once one is', async () => {
    store.append(grantEvent(grant('g1'), AT))
    const { receiver: _, ...without } = { receiver: undefined }
    const waiting = createAlertSender({
      store,
      fetch: () => Promise.reject(new Error('no request is made')),
      now: () => AT,
      watch: () => [],
      warn: () => undefined,
      pollMs: 1,
      ...without,
    })
    await new Promise(resolve => setTimeout(resolve, 20))
    await waiting.close()
    expect(kinds()).toEqual(['evidence-entered g1'])
    sending(() => 200)
    await expect.poll(kinds).toContain('alert-sent g1.declared')
  })

  test('hold references and times, and nothing that the clinician wrote', async () => {
    const { posts } = sending(() => 200)
    store.append(grantEvent(grant('g1'), AT))
    await expect.poll(() => posts.length).toBe(1)
    expect(posts[0]?.body).toContain('Patient/ada')
    expect(posts[0]?.body).not.toMatch(/secret/i)
  })

  test.each(['', 'whsec_', 'whsec_c2hvcnQ=', SECRET.slice(6), `${SECRET}!`])(
    'are not signed with %j, which is no secret',
    secret => {
      expect(() => alertKey(secret)).toThrow('expected whsec_ and 24 to 64 bytes in base64')
    },
  )
})

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { TokenRequest } from '../../src/demo/issuer.ts'
import type { OfficeEvent, OfficeStore } from '../../src/model/office.ts'
import { FAULTS, faultyLedger } from '../support/faulty-ledger.ts'
import { openTestSite, type TestSite } from '../support/site.ts'

/** A store in memory that fails as told. */
function faultyOffice(): OfficeStore & { fails: boolean; readonly events: OfficeEvent[] } {
  const events: OfficeEvent[] = []
  const office = {
    fails: false,
    events,
    append: (event: Omit<OfficeEvent, 'seq'>) => {
      if (office.fails) throw new Error('the disk is full')
      const stored = { ...event, seq: events.length + 1 }
      events.push(stored)
      return stored
    },
    since: (seq: number) => events.slice(seq),
    close: () => undefined,
  }
  return office
}

const ledger = faultyLedger()
/** How long the disk takes, ms. */
let disk = 0
const append: typeof ledger.append = async set => {
  if (disk > 0) await new Promise(resolve => setTimeout(resolve, disk))
  return ledger.append(set)
}
const office = faultyOffice()
const MOST = 3
let site: TestSite
let origin: string

beforeAll(async () => {
  site = await openTestSite({
    resources: [],
    seams: { ledger: { ...ledger, append }, office, warn: () => undefined },
    overrides: { ledger: { appendTimeoutMs: 50 }, emergency: { declarationsPerUserMax: MOST } },
  })
  origin = new URL(await site.serve()).origin
})
afterAll(() => site.close())
beforeEach(() => {
  disk = 0
  ledger.behave('ok')
  office.fails = false
})

const doctor = (name: string): TokenRequest => ({
  client: 'emergency-department',
  user: `Practitioner/${name}`,
  purpose: 'ETREAT',
  scope: 'emergency-access',
})

const BODY = JSON.stringify({
  patient: 'Patient/ada',
  reason: 'dose of methadone',
  natureOfEmergency: 'unconscious',
  consentUnobtainable: true,
  consentUnobtainableReason: 'unconscious',
  medicalPersonnel: { name: 'Tomas Okonjo', facility: 'Sierra Basin' },
})

async function post(as: TokenRequest | undefined, path = '/emergency-access', method = 'POST') {
  const token = as === undefined ? undefined : await site.issuer.issueToken(as)
  const reply = await fetch(`${origin}${path}`, {
    method,
    headers: {
      'Content-Type': 'application/json',
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
    },
    ...(method === 'POST' ? { body: BODY } : {}),
  })
  return { status: reply.status, text: await reply.text(), headers: reply.headers }
}

const grants = () => office.events.filter(({ kind }) => kind === 'evidence-entered').length

describe('the emergency door', () => {
  test('answers over HTTP, and only whom it knows', async () => {
    const made = await post(doctor('first'))
    expect(made.status, made.text).toBe(201)
    expect(made.headers.get('cache-control')).toBe('no-store')
    expect(Object.keys(JSON.parse(made.text) as object)).toEqual(['grant', 'patient', 'until', 'reviewBy'])
    expect((await post(undefined)).status).toBe(401)
    expect((await post(doctor('first'), '/emergency-access', 'GET')).status).toBe(501)
    expect((await post(doctor('first'), '/emergency-accessories')).status).toBe(404)
    expect((await post(doctor('first'), '/emergency-access/x')).text).toContain('OperationOutcome')
  })

  test('grant, review case and alert are one event', async () => {
    const before = office.events.length
    expect((await post(doctor('second'))).status).toBe(201)
    expect(office.events.slice(before).map(({ kind }) => kind)).toEqual(['evidence-entered'])
  })

  test.each(FAULTS)('no record, no grant: the ledger %s', async fault => {
    const before = grants()
    ledger.behave(fault)
    const refused = await post(doctor('third'))
    expect(refused.status).toBe(503)
    expect(refused.text).not.toContain('grant')
    expect(grants()).toBe(before)
  })

  test('no grant, no answer but the constant one: the store of the office fails', async () => {
    office.fails = true
    const refused = await post(doctor('fourth'))
    expect([refused.status, refused.text.includes('grant')]).toEqual([503, false])
    office.fails = false
    expect((await post(doctor('fourth'))).status).toBe(201)
  })

  test('a user who declares more often than the site allows is stopped, another is not', async () => {
    for (let n = 0; n < MOST; n++) expect((await post(doctor('busy'))).status).toBe(201)
    const before = grants()
    expect((await post(doctor('busy'))).status).toBe(429)
    expect(grants()).toBe(before)
    expect((await post(doctor('calm'))).status).toBe(201)
  })
  test('nor does it help to declare all at once', async () => {
    const before = grants()
    disk = 40
    const replies = await Promise.all(Array.from({ length: 3 * MOST }, () => post(doctor('hasty'))))
    disk = 0
    expect(replies.filter(({ status }) => status === 201).length).toBe(MOST)
    expect(replies.filter(({ status }) => status === 429).length).toBe(2 * MOST)
    expect(grants()).toBe(before + MOST)
  })
})

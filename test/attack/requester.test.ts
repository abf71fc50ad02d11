import { Buffer } from 'node:buffer'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TokenRequest } from '../../src/demo/issuer.ts'
import { readExchange } from '../../src/record/verify.ts'
import { tpoConsent } from '../support/consents.ts'
import { decodedText, matchesOf, type TestSite } from '../support/site.ts'
import { ADA, BEN, HOSPITAL, observation, of, openChart, PLAN, SELF, THO } from './chart.ts'

/** Another's record, another's rights, another's links, and what stays behind. */

const BEN_SELF: TokenRequest = { client: 'patient-app', user: 'Patient/ben', patient: 'ben' }
const PROGRAM: TokenRequest = {
  client: 'opioid-treatment-program',
  user: 'PractitionerRole/ines-corvallis-role',
}

let site: TestSite
const participants = [ADA, BEN].map(actor => ({ actor, status: 'accepted' }))

beforeAll(async () => {
  site = await openChart([
    observation('ben-1', { subject: BEN }),
    observation('ben-2', { subject: BEN }),
    observation('ada-2'),
    observation('ada-3'),
    of('Appointment', 'together', { status: 'booked', participant: participants }),
    of('Provenance', 'batch', {
      target: [ADA, BEN],
      recorded: '2026-01-01T00:00:00Z',
      agent: [{ who: { reference: 'Organization/bayview-hospital' } }],
    }),
    of('Group', 'circle', { type: 'person', actual: true, member: [{ entity: ADA }, { entity: BEN }] }),
  ])
})
afterAll(() => site.close())

const bearer = (token: string): Record<string, string> => ({ Authorization: `Bearer ${token}` })
const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

describe("another patient's record", () => {
  test.each([
    'Patient/ben',
    'Observation/ben-1',
    'Observation?patient=ben',
    'Patient?_id=ben',
    'Observation?_id=ben-1',
  ])('%s shows a patient app nothing of another', async path => {
    const reply = await site.get(path, SELF)
    expect(reply.text).not.toMatch(/"id":"ben|Patient\/ben"/)
    expect((await site.get(path, BEN_SELF)).text).toMatch(/"id":"ben/)
  })

  test('nor does an unfiltered search, nor an include', async () => {
    for (const query of [
      'Observation?_count=100',
      'Patient',
      'Patient?_id=ada,ben&_revinclude=Observation:patient',
    ])
      expect((await site.get(query, SELF)).text, query).not.toContain('ben-1')
    expect(matchesOf(await site.get('Observation?_count=100', SELF))).toContain('Observation/plain')
  })

  test('a user who is one patient in the launch context of another is neither', async () => {
    const crossed = { client: 'patient-app', user: 'Patient/ada', patient: 'ben' }
    expect((await site.get('Patient/ada', crossed)).status).toBe(404)
    expect((await site.get('Observation/ben-1', crossed)).status).toBe(404)
  })

  test.each(['Appointment/together', 'Provenance/batch', 'Group/circle'])(
    '%s, which names several patients, does not tell one of the other',
    async path => {
      expect((await site.get(path, SELF)).text).not.toContain('Patient/ben')
      expect((await site.get(path, HOSPITAL)).text).toContain('Patient/ben')
    },
  )
})

describe('rights that are not there', () => {
  test.each([
    ['no scope', { scope: 'openid profile' }],
    ['scopes of another type', { scope: 'user/Patient.rs' }],
    ['search without read', { scope: 'user/Observation.s' }],
    ['letters out of order', { scope: 'user/Observation.sr' }],
    ['part of a type', { scope: 'user/Obs*.rs' }],
    ['scopes of a system for a user', { scope: 'system/*.rs' }],
    ['a launch scope without a patient', { scope: 'patient/*.rs' }],
  ])('%s reads nothing', async (_what, more) => {
    expect((await site.get('Observation/plain', { ...HOSPITAL, ...more })).status).toBe(403)
    expect((await site.get('Observation/plain', HOSPITAL)).status).toBe(200)
  })

  test('an include is bound by the scopes too', async () => {
    const query = 'Observation?_id=plain&_include=Observation:encounter'
    const narrow = await site.get(query, { ...HOSPITAL, scope: 'user/Observation.rs' })
    expect(narrow.text).toContain('"id":"plain"')
    expect(narrow.text).not.toContain('"resourceType":"Encounter"')
    expect((await site.get(query, HOSPITAL)).text).toContain('"resourceType":"Encounter"')
  })

  test('a purpose that is not registered, unknown or a prototype name is refused, not treated as treatment', async () => {
    for (const purpose of ['BTG', 'HPAYMT', 'TREATED', 'treat', 'constructor', '__proto__', 'toString', ''])
      expect((await site.get('Observation/plain', { ...HOSPITAL, purpose })).status, purpose).toBe(403)
    expect((await site.get('Observation/plain', { ...HOSPITAL, purpose: 'TREAT' })).status).toBe(200)
  })
})

describe('tokens', () => {
  test('forged in any way they open nothing, and the upstream hears of none', async () => {
    const good = await site.issuer.issueToken(HOSPITAL)
    const [head = '', body = '', signature = ''] = good.split('.')
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown>
    const header = JSON.parse(Buffer.from(head, 'base64url').toString()) as Record<string, unknown>
    const forged = [
      `${head}.${part({ ...claims, client_id: 'opioid-treatment-program' })}.${signature}`,
      `${part({ alg: 'none' })}.${body}.`,
      `${part({ ...header, alg: 'HS256' })}.${body}.${signature}`,
      `${part({ ...header, kid: '../../etc/passwd' })}.${body}.${signature}`,
      `${part({ ...header, jku: 'http://127.0.0.1:1/jwks' })}.${body}.${signature}`,
      `${head}.${body}.`,
      `${head}.${body}`,
      `${good}=`,
      '',
      '../../x',
    ]
    const before = site.upstream.requests()
    for (const token of forged)
      expect((await site.get('Patient/ada', undefined, bearer(token))).status, token).toBe(401)
    for (const token of ['Basic YTpi', `bearer${good}`, `Bearer ${good}, Bearer ${good}`])
      expect(
        (await site.get('Patient/ada', undefined, { Authorization: token })).status,
        token.slice(0, 9),
      ).not.toBe(200)
    const gets = site.upstream
      .calls()
      .slice(before)
      .filter(call => call.startsWith('GET'))
    expect(gets.filter(call => call.includes('Patient'))).toEqual([])
    expect((await site.get('Patient/ada', undefined, bearer(good))).status).toBe(200)
  })

  test.each([
    ['expired', { lifetimeSeconds: -600 }],
    ['for another audience', { claims: { aud: 'https://other.example/fhir' } }],
    ['of another issuer', { claims: { iss: 'https://evil.example' } }],
    ['valid for years', { lifetimeSeconds: 86_400 * 365 }],
    ['not valid yet', { claims: { nbf: 4_000_000_000 } }],
    ['of a client that is not registered', { claims: { client_id: 'evil', azp: 'evil' } }],
  ])('%s is refused', async (_what, more) => {
    expect([401, 403]).toContain((await site.get('Patient/ada', { ...HOSPITAL, ...more })).status)
  })

  test('never reach the upstream, nor the ledger, nor an answer', async () => {
    const token = await site.issuer.issueToken(HOSPITAL)
    const reply = await site.get('Patient/ada?access_token=x', undefined, bearer(token))
    const rows = readExchange(site.ledgerFile, reply.headers['X-Request-Id'] ?? '')
    expect(rows.length).toBeGreaterThan(0)
    for (const text of [reply.text, ...rows.map(({ body }) => body)])
      expect(text).not.toContain(token.slice(0, 40))
  })
})

describe('page links', () => {
  const query = 'Observation?_count=1&_sort=_id'
  const nextOf = (text: string): string =>
    (JSON.parse(text) as { link: { relation: string; url: string }[] }).link.find(
      ({ relation }) => relation === 'next',
    )?.url ?? ''

  test('are closed to another user, client, patient, purpose and to who changes them', async () => {
    const next = nextOf((await site.get(query, HOSPITAL)).text)
    expect((await site.get(next, HOSPITAL)).status).toBe(200)
    const others: TokenRequest[] = [
      { ...HOSPITAL, user: 'Practitioner/mara-whitfield', claims: { sub: 'somebody-else' } },
      PLAN,
      SELF,
      PROGRAM,
    ]
    for (const as of others) expect((await site.get(next, as)).status, as.client).toBe(410)
    for (const url of [
      `${next}A`,
      next.slice(0, -1),
      next.replace('Observation?', 'Condition?'),
      `${next}&_count=99`,
    ])
      expect([400, 410], url).toContain((await site.get(url, HOSPITAL)).status)
  })

  test('under narrower scopes give the narrower world, from its own beginning', async () => {
    const scoped = { ...HOSPITAL, scope: 'user/Observation.rs?_id=ada-3,plain' }
    const wide = (await site.get(query, HOSPITAL)).text
    const second = await site.get(nextOf(wide), HOSPITAL)
    expect(second.status).toBe(200)
    const narrow = await site.get(query, scoped)
    expect(matchesOf(narrow)).toEqual(['Observation/ada-3'])
    expect(matchesOf(await site.get(nextOf(narrow.text), scoped))).toEqual(['Observation/plain'])
  })
})

describe('what stays behind', () => {
  test('only the decision row names what was withheld; what is shipped does not', async () => {
    const reply = await site.get('Condition?patient=ada', HOSPITAL)
    const rows = readExchange(site.ledgerFile, reply.headers['X-Request-Id'] ?? '')
    const shipped = rows.filter(({ kind }) => kind !== 'decision')
    expect(shipped.length).toBeGreaterThan(0)
    for (const { body } of shipped) expect(body).not.toMatch(/Condition\/hidden|SUD|42CFR|part2/i)
    expect(rows.find(({ kind }) => kind === 'decision')?.body).toContain('Condition/hidden')
    const control = await site.get('Condition?patient=ada', SELF)
    const own = readExchange(site.ledgerFile, control.headers['X-Request-Id'] ?? '')
    expect(own.map(({ body }) => body).join()).toContain('Condition/hidden')
  })

  test('a withheld read and an absent one leave the same events', async () => {
    const shapes = await Promise.all(
      ['Condition/hidden', 'Condition/absent'].map(async path => {
        const reply = await site.get(path, HOSPITAL, { 'X-Request-Id': 'same' })
        return readExchange(site.ledgerFile, reply.headers['X-Request-Id'] ?? '')
          .filter(({ kind }) => kind !== 'decision')
          .map(({ kind, patient, body }) => [
            kind,
            patient,
            body.replaceAll(/[0-9a-f-]{36}|"recorded":"[^"]*"/g, ''),
          ])
      }),
    )
    expect(shapes[1]).toEqual(shapes[0])
    expect(shapes[0]?.length).toBeGreaterThan(0)
  })

  test('a request id of the client cannot write into the record', async () => {
    const evil = '"}],"outcome":"0'
    for (const id of [evil, 'a\r\nb', 'x'.repeat(5000), '\u0007', '{"a":1}']) {
      const reply = await site.get('Patient/ada', HOSPITAL, { 'X-Request-Id': id, 'User-Agent': id })
      for (const { body } of readExchange(site.ledgerFile, reply.headers['X-Request-Id'] ?? '')) {
        expect(() => JSON.parse(body)).not.toThrow()
        expect(body.length).toBeLessThan(6000)
      }
      expect(reply.headers['X-Request-Id']).not.toContain(id)
    }
  })
})

describe('a consent that opens one thing', () => {
  test('does not carry along what it says of another', async () => {
    const deny = {
      type: 'deny',
      securityLabel: [{ system: `${THO}/v3-ActCode`, code: 'HIV' }],
    }
    const base = tpoConsent({
      id: 'tpo',
      patient: 'Patient/ada',
      discloser: 'Organization/bayview-otp',
      recipient: 'Organization/golden-plan',
    })
    await site.upstream.load([
      { ...base, provision: { ...(base['provision'] as object), provision: [deny] } },
    ])
    const other = await site.again()
    const reply = await other.get('Encounter?patient=ada&_id=hidden-visit', PLAN)
    expect(matchesOf(reply)).toEqual(['Encounter/hidden-visit'])
    expect(decodedText(reply)).not.toContain('"HIV"')
    expect(decodedText(reply)).toContain('Consent/tpo')
    expect((await other.get('Consent/tpo', SELF)).text).toContain('"HIV"')
    await other.close()
  })
})

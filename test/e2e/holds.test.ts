import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadConfiguration } from '../../src/data/configuration.ts'
import { loadHolds } from '../../src/data/holds.ts'
import type { TokenRequest } from '../../src/demo/issuer.ts'
import { openHolding } from '../../src/holding.ts'
import type { JsonObject, Resource } from '../../src/model/fhir.ts'
import { clientKey } from '../../src/model/holds.ts'
import { createHoldGate } from '../../src/office/holds-desk.ts'
import { openOfficeStore } from '../../src/office/store.ts'
import { readExchange } from '../../src/record/verify.ts'
import { memoryStore } from '../office/fixtures.ts'
import { matchesOf, openTestSite, type Reply, type TestSite } from '../support/site.ts'
import { lines, run, STACK } from '../support/terminal.ts'

const profile = (name: string): JsonObject =>
  JSON.parse(
    readFileSync(new URL(`../../profiles/deployment/${name}`, import.meta.url), 'utf8'),
  ) as JsonObject
const demo = profile('demo.json') as JsonObject & { clients: JsonObject[]; policy: JsonObject }
const examples = profile('holds.json')['examples'] as JsonObject[]

const observation = (id: string, of: string): JsonObject => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  subject: { reference: `Patient/${of}` },
  code: { coding: [{ system: 'http://loinc.org', code: '85354-9' }] },
  effectiveDateTime: '2026-03-01',
})
const RESOURCES = [
  { resourceType: 'Patient', id: 'ada' },
  { resourceType: 'Patient', id: 'ben' },
  observation('ada-1', 'ada'),
  observation('ada-2', 'ada'),
  observation('ben-1', 'ben'),
] as unknown as readonly Resource[]

const PLAN: TokenRequest = { client: 'health-plan', purpose: 'HPAYMT' }
const DOCTOR: TokenRequest = {
  client: 'treating-hospital',
  user: 'PractitionerRole/priya-lindqvist-role',
  purpose: 'TREAT',
}
const WHOLE = 'Observation?patient=ada'
const NARROW = 'Observation?patient=ada&code=http://loinc.org%7C85354-9&date=2026'

const folder = mkdtempSync(join(tmpdir(), 'consentry-holds-'))
/** Added to the real clock, which the commands read. */
let ahead = 0
const now = () => new Date(Date.now() + ahead)
const policy = (holds: readonly JsonObject[]): JsonObject => ({
  ...demo.policy,
  zone: 'UTC',
  holds: [...holds],
})

async function open(holds: readonly JsonObject[]): Promise<TestSite> {
  return openTestSite({
    resources: RESOURCES,
    overrides: { policy: policy(holds) },
    seams: { now, warn: () => undefined },
  })
}

/** The configuration as the commands read it. */
function configFile(site: TestSite, holds: readonly JsonObject[], more: JsonObject = {}): string {
  const file = join(folder, 'site.json')
  const text = {
    ...demo,
    $schema: undefined,
    policy: policy(holds),
    issuers: [{ issuer: site.issuer.issuer, jwksUri: site.issuer.jwksUri }],
    upstream: { url: site.upstream.url },
    office: { file: site.officeFile, accounts: 'shared' },
    ledger: { file: site.ledgerFile },
    ...more,
  }
  writeFileSync(file, JSON.stringify(text))
  return file
}

const caseOf = ({ text }: Reply): string =>
  /case ([0-9a-f-]{36})/.exec(
    (JSON.parse(text) as { issue: { diagnostics: string }[] }).issue[0]?.diagnostics ?? '',
  )?.[1] ?? ''
const events = (site: TestSite, kind: string): number => {
  const store = openOfficeStore(site.officeFile)
  try {
    return store.since(0).filter(one => one.kind === kind).length
  } finally {
    store.close()
  }
}

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe("a payer's whole chart", () => {
  const rules = [examples[0] as JsonObject]
  let site: TestSite
  let config: readonly string[]
  let held: string

  beforeAll(async () => {
    site = await open(rules)
    config = ['--config', configFile(site, rules)]
  })
  afterAll(async () => {
    await site.close()
  })

  test('is held before the upstream is asked, said with the id of its case, and recorded', async () => {
    const before = site.upstream.requests()
    const reply = await site.get(WHOLE, PLAN)
    expect(site.upstream.requests()).toBe(before)
    expect(reply.status).toBe(403)
    held = caseOf(reply)
    expect(JSON.parse(reply.text)).toEqual({
      resourceType: 'OperationOutcome',
      issue: [
        {
          severity: 'error',
          code: 'forbidden',
          details: { text: 'This disclosure is held until the privacy office has decided on it' },
          diagnostics: `case ${held}`,
        },
      ],
    })
    const rows = readExchange(site.ledgerFile, reply.headers['X-Request-Id'] ?? '')
    expect(rows.map(({ kind }) => kind)).toEqual(['AuditEvent', 'decision'])
    expect(rows[1]?.body).toContain(
      `"refusal":{"code":"held","diagnostics":"case ${held}","detail":"policy.holds: payer-whole-chart"}`,
    )
    expect(caseOf(await site.get('Condition?patient=ada&_count=3', PLAN))).toBe(held)
    expect(events(site, 'hold-opened')).toBe(1)
  })

  test('what is narrow flows, a clinician is not held by the rule of payers, and both get data', async () => {
    const narrow = await site.get(NARROW, PLAN)
    expect([matchesOf(narrow).length, matchesOf(await site.get(WHOLE, DOCTOR)).length]).toEqual([2, 2])
    expect((await site.get('Observation', DOCTOR)).status).toBe(200)
  })

  test('non-interference: held alike for a patient who exists and for one who does not', async () => {
    const known = await site.get('Observation?patient=ben', PLAN)
    const unknown = await site.get('Observation?patient=xyz', PLAN)
    const blank = (reply: Reply) => [
      reply.status,
      reply.text.replace(caseOf(reply), 'CASE'),
      Object.entries(reply.headers).filter(([name]) => name !== 'X-Request-Id'),
    ]
    expect(caseOf(known)).not.toBe(caseOf(unknown))
    expect(blank(known)).toEqual(blank(unknown))
  })

  test('the office lists, shows and approves it; the client repeats its request and it passes until the second of its end', async () => {
    const list = await run(['holds', 'list', ...config])
    expect(list).toMatchObject({ code: 0, error: '' })
    expect(list.out).toMatch(
      new RegExp(`${held} {2}open .* payer-whole-chart {2}.*health-plan for HPAYMT {2}Patient/ada\n`),
    )
    const show = await run(['holds', 'show', held, ...config])
    expect(show.out).toContain('asked      Observation?patient=ada')
    const bare = await run(['holds', 'approve', held, ...config, '--by', 'Ruth Okafor'])
    expect(bare).toMatchObject({ code: 2, error: expect.stringContaining('--why: expected the reason') })
    for (const [option, value] of [
      ['--hours', '25'],
      ['--hours', 'soon'],
    ] as const) {
      const by = ['--by', 'Ruth Okafor', '--why', 'claim 1182']
      const wrong = await run(['holds', 'approve', held, ...config, ...by, option, value])
      expect(wrong.code).toBe(2)
      expect(wrong.error).not.toMatch(STACK)
    }
    expect((await site.get(WHOLE, PLAN)).status).toBe(403)
    const approved = await run([
      ...[
        'holds',
        'approve',
        held,
        ...config,
        '--by',
        'Ruth Okafor',
        '--hours',
        '2',
        '--why',
        'claim 1182',
        '--json',
      ],
    ])
    expect(approved.code, approved.error).toBe(0)
    const [{ decided } = { decided: { until: '', by: '' } }] = lines<{
      decided: { until: string; by: string }
    }>(approved.out)
    expect(decided.by).toBe('Ruth Okafor')
    expect(matchesOf(await site.get(WHOLE, PLAN))).toHaveLength(2)
    expect((await site.get('Condition?patient=ada', PLAN)).status).toBe(200)
    expect((await site.get('Observation?patient=ben', PLAN)).status).toBe(403)
    expect((await site.get(WHOLE, { ...PLAN, purpose: 'HOPERAT' })).status).toBe(403)
    site = await site.restart()
    expect((await site.get(WHOLE, PLAN)).status).toBe(200)
    // Other tests of this file must not run while the clock is ahead: the token would be of another time.
    ahead = Date.parse(decided.until) - Date.now() - 20_000
    expect((await site.get(WHOLE, PLAN)).status).toBe(200)
    ahead = Date.parse(decided.until) - Date.now() + 1
    const again = await site.get(WHOLE, PLAN)
    expect(again.status).toBe(403)
    expect(caseOf(again)).not.toBe(held)
    ahead = 0
  })

  test('a denied one is refused with its case, and who denies says why', async () => {
    const id = caseOf(await site.get('Observation?patient=ben', PLAN))
    expect(await run(['holds', 'deny', id, ...config, '--by', 'Ruth Okafor'])).toMatchObject({
      code: 2,
      error: expect.stringContaining('--why'),
    })
    const denied = await run(['holds', 'deny', id, ...config, '--by', 'Ruth Okafor', '--why', 'no claim'])
    expect(denied.out).toMatch(/denied {5}.* by Ruth Okafor: no claim/)
    const reply = await site.get('Observation?patient=ben', PLAN)
    expect([reply.status, caseOf(reply)]).toEqual([403, id])
    expect(reply.text).toContain('The privacy office has denied this disclosure')
    expect(reply.text).not.toContain('no claim')
    expect((await run(['holds', 'list', ...config, '--all'])).out).toContain(`${id}  denied`)
    expect(await run(['holds', 'show', 'nothing', ...config])).toMatchObject({ code: 2 })
  })
})

describe('first contact', () => {
  const rules = [examples[2] as JsonObject]

  test('who was released to before the rule is known; a release after it makes nobody known', async () => {
    const site = await open([])
    try {
      expect(matchesOf(await site.get('Observation?patient=ada', DOCTOR))).toHaveLength(2)
      expect(matchesOf(await site.get('Observation?patient=nobody', { client: 'public-health' }))).toEqual([])
      const configuration = loadConfiguration(readFileSync(configFile(site, rules), 'utf8'), 'site.json')
      const store = memoryStore()
      openHolding(configuration, { store, now })
      const known = (client: string) =>
        createHoldGate(store, { newId: () => '', now }).isKnownClient(
          'new-recipient',
          clientKey(site.issuer.issuer, client),
        )
      expect([known('treating-hospital'), known('public-health'), known('health-plan')]).toEqual([
        true,
        false,
        false,
      ])
      openHolding({ ...configuration, ledger: { ...configuration.ledger, file: 'no-such' } }, { store, now })
      expect(store.events.length).toBe(1)
    } finally {
      await site.close()
    }
  })

  test('a new client waits until an officer has approved it once', async () => {
    const site = await open(rules)
    try {
      const config = ['--config', configFile(site, rules)]
      const agency: TokenRequest = { client: 'public-health' }
      const first = await site.get(NARROW, agency)
      expect(first.status).toBe(403)
      expect(caseOf(await site.get('Patient/ada', agency))).toBe(caseOf(first))
      expect((await site.get(WHOLE, DOCTOR)).status).toBe(200)
      const why = ['--by', 'Ruth', '--why', 'a known agency']
      expect((await run(['holds', 'approve', caseOf(first), ...config, ...why])).code).toBe(0)
      expect((await site.get(NARROW, agency)).status).toBe(200)
      expect((await site.get(NARROW, PLAN)).status).toBe(403)
    } finally {
      await site.close()
    }
  })
})

describe('breadth', () => {
  test('counts what was asked for, there or not, and a restart forgets neither it nor what was held', async () => {
    let site = await open([{ id: 'many', kind: 'breadth', patients: 2 }])
    try {
      const status = async (path: string, as = PLAN) => (await site.get(path, as)).status
      expect(await status('Patient/nobody')).toBe(404)
      expect(await status('Observation?patient=ada')).toBe(200)
      expect(await status('Patient/ben')).toBe(403)
      site = await site.restart()
      expect(await status('Patient/ben')).toBe(403)
      expect(await status('Observation?patient=ada')).toBe(200)
      expect(await status('Patient/nobody')).toBe(404)
      expect(await status('Observation', DOCTOR)).toBe(200)
      expect(events(site, 'hold-opened')).toBe(1)
    } finally {
      await site.close()
    }
  })
})

describe('the configuration', () => {
  const minimal = {
    upstream: { url: 'https://fhir.example/r4' },
    issuers: [{ issuer: 'https://idp.example' }],
    custodian: demo['custodian'],
  }
  const load = (holds: unknown) =>
    loadConfiguration(JSON.stringify({ ...minimal, policy: { holds } }), 'my.json').policy.holds

  test('takes every example of the release, and holds nothing by default', () => {
    expect(load(examples)?.map(({ id }) => id)).toEqual(examples.map(({ id }) => id))
    expect(loadConfiguration(JSON.stringify(minimal), 'my.json').policy.holds).toBeUndefined()
    expect(loadHolds().onlyWhereNamed).toContain('TREAT')
  })

  test.each<[string, JsonObject, string]>([
    ['no limit of breadth', { kind: 'breadth' }, 'policy.holds[0].patients: expected how many'],
    ['no hours', { kind: 'after-hours' }, 'policy.holds[0].open: expected weekdays, from and to'],
    [
      'hours that end before they begin',
      { kind: 'after-hours', open: { weekdays: ['mon'], from: '18:00', to: '08:00' } },
      'policy.holds[0].open.to: expected a time after from',
    ],
    [
      'no time of day',
      { kind: 'after-hours', open: { weekdays: ['mon'], from: '8', to: '18:00' } },
      'policy.holds[0].open.from: expected text that matches',
    ],
    [
      'what belongs to another kind',
      { kind: 'first-contact', patients: 3 },
      'policy.holds[0].patients: expected only',
    ],
    ['an unknown kind', { kind: 'moody' }, 'policy.holds[0].kind: expected one of whole-chart, breadth'],
    ['no kind', {}, 'policy.holds[0].kind: expected a value'],
  ])('%s is told with its place', (_, rule, message) => {
    expect(() => load([{ id: 'x', ...rule }])).toThrow(message)
  })

  test('check prints what is held, warns of care that would wait, and refuses codes and clients that are not there', async () => {
    const file = join(folder, 'check.json')
    const check = (holds: readonly JsonObject[]) => {
      writeFileSync(
        file,
        JSON.stringify({
          ...minimal,
          clients: demo.clients.map(one => ({ ...one, issuer: undefined })),
          policy: { holds },
        }),
      )
      return run(['check', '--config', file])
    }
    expect((await check([])).out).toContain('held for the privacy office: nothing\n')
    const one = { id: 'night', kind: 'whole-chart' }
    const good = await check([{ ...one, purposes: ['TREAT'] }])
    expect(good.out).toContain('held for the privacy office: night (whole-chart)\n')
    expect(good.error).toContain('night holds TREAT: care')
    const bad = await check([{ ...one, purposes: ['NOSUCH'], clients: ['nobody'] }])
    expect(bad.code).toBe(1)
    expect(bad.error).toContain('policy.holds[0].purposes[0]: NOSUCH: expected a purpose of use')
    expect(bad.error).toContain('policy.holds[0].clients[0]: nobody: expected the clientId')
  })
})

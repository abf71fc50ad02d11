import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TokenRequest } from '../../src/demo/issuer.ts'
import { demoResources } from '../../src/demo/resources.ts'
import type { JsonObject } from '../../src/model/fhir.ts'
import { openOfficeStore } from '../../src/office/store.ts'
import type { Disclosure } from '../../src/record/accounting.ts'
import { exportLedger, verifyLedger } from '../../src/record/verify.ts'
import { weighed } from '../support/permits.ts'
import { openTestSite, type TestSite } from '../support/site.ts'
import { lines, run, STACK } from '../support/terminal.ts'

const HOSPITAL: TokenRequest = { client: 'treating-hospital', user: 'PractitionerRole/priya-lindqvist-role' }
const HEALTH: TokenRequest = { client: 'public-health' }
const folder = mkdtempSync(join(tmpdir(), 'consentry-accounting-'))
const record = join(folder, 'operator.sqlite')
const DEMO = new URL('../../profiles/deployment/demo.json', import.meta.url)

type Printed = Disclosure & { day: string; address?: string }

let site: TestSite
const exchanges: Record<string, string> = {}

async function ask(name: string, path: string, as: TokenRequest): Promise<number> {
  const reply = await site.get(path, as)
  exchanges[name] = reply.headers['X-Request-Id'] ?? ''
  return reply.status
}

beforeAll(async () => {
  site = await openTestSite({ resources: [...demoResources(), ...weighed('a'), ...weighed('b')] })
  const app = { client: 'patient-app', user: 'Patient/a', patient: 'a' } as TokenRequest
  const statuses = [
    await ask('treatment', 'Observation/weight-a', HOSPITAL),
    await ask('public health', 'Observation/weight-a', HEALTH),
    await ask('both patients', 'Observation?_id=weight-a,weight-b', HEALTH),
    await ask('other patient', 'Observation/weight-b', HEALTH),
    await ask('individual', 'Observation/weight-a', app),
    await ask('refused', 'Observation/weight-a', { client: 'researcher' }),
    await ask('nothing there', 'Observation/absent', HEALTH),
    await ask('part 2 by consent', 'Condition?patient=elena-marsh', HOSPITAL),
    await ask('part 2 withheld', 'Condition?patient=elena-marsh', { client: 'health-plan' }),
  ]
  expect(statuses).toEqual([200, 200, 200, 200, 200, 404, 404, 200, 200])
})
afterAll(async () => {
  await site.close()
  rmSync(folder, { recursive: true, force: true })
})

const accounting = (patient: string, ...words: readonly string[]) =>
  run(['accounting', patient, '--ledger', site.ledgerFile, '--record', record, ...words])

async function told(patient: string, ...words: readonly string[]): Promise<Printed[]> {
  const { code, out, error } = await accounting(patient, '--json', ...words)
  expect({ code, error }).toEqual({ code: 0, error: '' })
  return lines<Printed>(out)
}

const namesOf = (found: readonly Disclosure[]): (string | undefined)[] =>
  found.map(({ exchange }) => Object.keys(exchanges).find(name => exchanges[name] === exchange))

/** A configuration like the demo's with these members laid over. */
function configuration(name: string, over: JsonObject): string {
  const { $schema: _, ...demo } = JSON.parse(readFileSync(DEMO, 'utf8')) as JsonObject
  const file = join(folder, name)
  const whole = {
    ...demo,
    upstream: { url: site.upstream.url },
    issuers: [{ issuer: site.issuer.issuer }],
    ledger: { file: join(folder, 'none', 'ledger.sqlite') },
    ...over,
  }
  writeFileSync(file, JSON.stringify(whole))
  return file
}

describe('accounting', () => {
  test('holds what was disclosed for public health, and none of treatment, own access, refusals and others', async () => {
    const found = await told('a')
    expect(namesOf(found)).toEqual(['public health', 'both patients'])
    expect(found[0]).toMatchObject({
      accountable: true,
      recipient: { client: 'public-health', name: expect.any(String) },
      purposes: ['PUBHLTH'],
      basis: expect.arrayContaining([
        expect.objectContaining({
          rule: 'hipaa-512b-public-health',
          citation: expect.stringContaining('164.512(b)'),
        }),
      ]),
      records: [expect.stringMatching(/^Observation\/weight-a\b/)],
    })
    const rules = found.flatMap(({ basis }) => basis.map(({ rule }) => rule))
    expect(rules.filter(rule => rule.startsWith('view:'))).toEqual([])
    expect(found[0]?.day).toMatch(/^\d{4}-\d{2}-\d{2}$/)
  })

  test("names of an exchange about two patients each one's own records", async () => {
    const [, both] = await told('a')
    const [other] = await told('b')
    expect(both?.records?.join()).toMatch(/^Observation\/weight-a(\/|$)/)
    expect(other?.exchange).toBe(both?.exchange)
    expect(other?.records?.join()).toMatch(/^Observation\/weight-b(\/|$)/)
    expect(namesOf(await told('b'))).toEqual(['both patients', 'other patient'])
  })

  test('says with --all why the others are left out', async () => {
    const found = await told('a', '--all')
    expect(namesOf(found)).toEqual(['treatment', 'public health', 'both patients', 'individual'])
    expect(found.map(({ excluded }) => excluded)).toEqual([['tpo'], undefined, undefined, ['individual']])
  })

  test('lists with --part2 what a Part 2 consent opened, with the consent, tolled', async () => {
    expect(await told('elena-marsh')).toEqual([])
    const found = await told('elena-marsh', '--part2')
    expect(new Set(namesOf(found))).toEqual(new Set(['part 2 by consent']))
    for (const one of found) {
      expect(one).toMatchObject({ part2: 'tolled', accountable: false })
      expect(one.consents[0]?.reference).toMatch(/^Consent\//)
    }
    const everything = await told('elena-marsh', '--all')
    const withheld = everything.filter(one => one.exchange === exchanges['part 2 withheld'])
    const shown = new Set(found.flatMap(({ records = [] }) => records))
    expect(shown.size).toBeGreaterThan(0)
    expect(withheld.flatMap(({ records = [] }) => records).filter(one => shown.has(one))).toEqual([])
  })

  test('keeps to the days asked for', async () => {
    expect(await told('a', '--until', '2020-01-01')).toEqual([])
    expect(await told('a', '--since', '2020-01-01')).toHaveLength(2)
    expect((await accounting('a', '--since', '2999-01-01')).error).toContain('--since: expected a day before')
  })

  test('prints for people and for spreadsheets, with the address where the site knows it', async () => {
    const clients = (JSON.parse(readFileSync(DEMO, 'utf8')) as { clients: JsonObject[] }).clients.map(
      client =>
        client['clientId'] === 'public-health'
          ? { ...client, address: '=1 Main "Street", Sacramento' }
          : client,
    )
    const config = configuration('address.json', { clients })
    const words = ['--config', config]
    const { out } = await accounting('a', ...words)
    expect(out).toContain('accounting of disclosures, 45 CFR 164.528: Patient/a')
    expect(out).toMatch(
      /Observation \(1\)[\s\S]*public health[^\n]*\(PUBHLTH\)[\s\S]*164\.512\(b\)[\s\S]*2 disclosures/i,
    )
    expect(out).toContain('=1 Main')
    const { out: csv } = await accounting('a', '--csv', ...words)
    const [head, first] = csv.split('\r\n')
    expect(head).toBe('date,recipient,address,what,purpose,basis,standing,exchange')
    expect(first).toContain(`"'=1 Main ""Street"", Sacramento"`)
    expect((await accounting('a', '--csv')).out).not.toContain('Main')
    // The demo's tokens name a user as their client is named: the reference tells more.
    expect((await accounting('a', '--all')).out).toMatch(
      /Redwood Regional Hospital \(treating-hospital\), Organization\/\S+, PractitionerRole\/priya-lindqvist-role$/m,
    )
  })

  test('is recorded before it is shown, and not shown where it cannot be', async () => {
    const rows: string[] = []
    await told('a')
    await exportLedger(record, line => void rows.push(line))
    const last = JSON.parse(JSON.parse(rows.at(-1) ?? '{}').body) as JsonObject
    expect(last).toMatchObject({ request: { method: 'accounting' }, patient: 'Patient/a' })
    expect(verifyLedger(record).ok).toBe(true)
    const held = await run(['accounting', 'a', '--ledger', site.ledgerFile, '--record', site.ledgerFile])
    expect(held).toMatchObject({ code: 1, out: '' })
    expect(held.error).toMatch(
      /must be recorded and cannot be: .*another gateway writes it; .*name another one/,
    )
  })

  test.each<[string[], RegExp]>([
    [['accounting', 'Patient/a b'], /patient: expected/],
    [['accounting', 'a', '--since', 'soon'], /--since: expected a day/],
    [['accounting', 'a', '--since', '2026-02-31'], /--since: expected a day/],
    [['accounting', 'a', '--json', '--csv'], /--csv: expected without --json/],
    [['accounting', 'a', '--part2', '--all'], /--part2: expected without --all/],
    [['accounting', 'a', '--ledger', '/nowhere/ledger.sqlite'], /no such file/],
  ])('%j says what was expected', async (words, message) => {
    const ran = await run([...words, '--record', record])
    expect(ran.error).toMatch(message)
    expect(ran.error).not.toMatch(STACK)
    expect([1, 2]).toContain(ran.code)
  })
})

describe('a suspended accounting', () => {
  const entry = (kind: string, client: string, end: string): JsonObject => ({
    kind,
    for: { client },
    patients: ['Patient/a'],
    period: { start: '2026-01-01T00:00:00Z', end },
    facts: { agency: 'the office of inspection', statement: 'letter 7' },
  })

  test('leaves out what went to the agency on the bases it may suspend, and nothing else', async () => {
    const office = join(folder, 'office.sqlite')
    const config = configuration('office.json', { office: { file: office, accounts: 'shared' } })
    const store = openOfficeStore(office)
    const say = (kind: string, subject: string, by: string, body: JsonObject) =>
      store.append({ at: new Date().toISOString(), kind, subject, by, body })
    const later = new Date(Date.now() + 86_400_000).toISOString()
    say('evidence-entered', 'e1', 'ada', entry('accounting-suspension', 'public-health', later))
    say('evidence-approved', 'e1', 'bob', {})
    store.close()
    // Public health (164.512(b)) is no basis that may be suspended.
    expect(lines((await accounting('a', '--json', '--config', config)).out)).toHaveLength(2)
    const oversight = join(folder, 'oversight.sqlite')
    await seedOversight(oversight)
    const words = ['accounting', 'a', '--ledger', oversight, '--record', record, '--json']
    const open = await run(words)
    expect([lines(open.out).length, open.error]).toEqual([1, ''])
    const closed = await run([...words, '--config', config])
    expect(closed.out).toBe('')
    expect(closed.error).toContain('1 of them is left out')
  })
})

/** One disclosure under 164.512(d), as the ledger of a gateway holds it. */
async function seedOversight(file: string): Promise<void> {
  const { openLedger } = await import('../../src/record/ledger.ts')
  const ledger = await openLedger({ file, appendTimeoutMs: 5000, diskWatermarkBytes: 0 })
  const exchange = '019adf10-7c1b-7d3e-9f6a-2f4f0c6c2b11'
  const row = {
    exchange,
    receivedAt: new Date().toISOString(),
    requester: { client: 'public-health', name: 'Inspection' },
    purposeOfUse: { effective: ['HOPERAT'] },
    classes: [
      {
        decision: {
          because: [
            { rule: 'hipaa-512d-oversight', source: 'law', citation: '45 CFR 164.512(d)', effect: 'permit' },
          ],
          obligations: ['ACCOUNTING_LOG'],
          consents: [],
        },
        released: ['Observation/weight-a'],
        withheld: [],
      },
    ],
  }
  await ledger.append({
    exchange: exchange as never,
    events: [
      { id: `${exchange}-1`, kind: 'Provenance', patient: 'Patient/a', body: '{}' },
      { id: `${exchange}-2`, kind: 'decision', patient: 'Patient/a', body: JSON.stringify(row) },
    ],
  })
  await ledger.close()
}

describe('part2-disclosures', () => {
  test('lists what an intermediary disclosed under a consent, and says who owes no such list', async () => {
    const words = ['part2-disclosures', 'elena-marsh', '--record', record, '--json']
    const none = await run([...words, '--ledger', site.ledgerFile])
    expect([none.code, none.out]).toEqual([0, ''])
    expect(none.error).toContain('no intermediary')
    const demo = JSON.parse(readFileSync(DEMO, 'utf8')) as { custodian: JsonObject }
    const custodian = { ...demo.custodian, kind: 'hie', hipaa: 'none', part2: 'lawful-holder' }
    // What an intermediary passes on rests on a consent that names it, 42 CFR 2.31(a)(4)(ii)(A).
    const designation = '"reference":{"reference":"Group/treating-providers"'
    const own = `"reference":{"reference":"${demo.custodian['organization']}"}`
    const resources = demoResources().map(text =>
      text.includes('"resourceType":"Consent"') && text.includes('Patient/elena-marsh')
        ? text.replace(designation, `${own}},{"role":{"coding":[{"code":"IRCP"}]},${designation}`)
        : text,
    )
    const hie = await openTestSite({ resources, overrides: { custodian } })
    try {
      expect((await hie.get('Condition?patient=elena-marsh', HOSPITAL)).status).toBe(200)
      await hie.get('Condition?patient=elena-marsh', { client: 'health-plan' })
      const config = configuration('hie.json', { custodian })
      const { out, error } = await run([...words, '--ledger', hie.ledgerFile, '--config', config])
      const found = lines<Printed>(out)
      expect(error).toBe('')
      expect(new Set(found.map(({ recipient }) => recipient.client))).toEqual(new Set(['treating-hospital']))
      expect(found[0]).toMatchObject({ intermediary: true, day: expect.any(String) })
      expect(found[0]?.records?.length).toBeGreaterThan(0)
    } finally {
      await hie.close()
    }
  })
})

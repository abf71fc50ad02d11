import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject, Resource } from '../../src/model/fhir.ts'
import { readExchange } from '../../src/record/verify.ts'
import { memoryStore } from '../office/fixtures.ts'
import { entriesOf, openTestSite, type Reply, type TestSite } from '../support/site.ts'
import { run } from '../support/terminal.ts'

const DEMO = JSON.parse(
  readFileSync(new URL('../../profiles/deployment/demo.json', import.meta.url), 'utf8'),
) as JsonObject & { readonly clients: readonly JsonObject[] }

const PROGRAM = 'Organization/bayview-otp'
const HOSPITAL = { client: 'treating-hospital', user: 'PractitionerRole/priya-lindqvist-role' }
const client = (clientId: string, role: string, purpose: string): JsonObject => ({
  clientId,
  name: clientId,
  organization: `Organization/${clientId}`,
  state: 'CA',
  hipaa: 'none',
  role,
  relationship: 'none',
  purposes: [purpose],
  defaultPurpose: purpose,
})
const CLIENTS = [
  ...DEMO.clients,
  client('county-court', 'court', 'HLEGAL'),
  client('other-court', 'court', 'HLEGAL'),
  client('institute', 'researcher', 'HRESCH'),
]

function chartOf(id: string): Resource[] {
  const subject = { reference: `Patient/${id}` }
  const code = (text: string) => ({ coding: [{ system: 'http://loinc.org', code: '29463-7' }], text })
  const dose = (name: string, more: object) => ({
    resourceType: 'Observation',
    id: `${name}-${id}`,
    status: 'final',
    code: code('Body weight'),
    subject,
    performer: [{ reference: PROGRAM }],
    ...more,
  })
  return [
    { resourceType: 'Patient', id, birthDate: '1970-01-01' },
    dose('early', { effectiveDateTime: '2026-01-10' }),
    dose('late', { effectiveDateTime: '2026-06-10' }),
  ] as Resource[]
}

let site: TestSite
let folder: string
let config: string
beforeAll(async () => {
  site = await openTestSite({
    resources: [
      { resourceType: 'Organization', id: 'bayview-otp', name: 'Bayview OTP' } as Resource,
      ...chartOf('a'),
      ...chartOf('b'),
    ],
    overrides: { clients: CLIENTS, office: { accounts: 'shared' } },
  })
  folder = mkdtempSync(join(tmpdir(), 'evidence-'))
  config = join(folder, 'site.json')
  const { $schema: _, ...demo } = DEMO
  const office = { file: site.officeFile, accounts: 'shared' }
  const issuers = [{ issuer: site.issuer.issuer, jwksUri: site.issuer.jwksUri }]
  const upstream = { url: site.upstream.url }
  writeFileSync(config, JSON.stringify({ ...demo, clients: CLIENTS, upstream, issuers, office }))
})
afterAll(async () => {
  await site.close()
  rmSync(folder, { recursive: true, force: true })
})

async function evidence(words: readonly string[], input: object = {}): Promise<JsonObject> {
  const ran = await run(['evidence', ...words, '--config', config, '--json'], JSON.stringify(input))
  expect([ran.error, ran.code]).toEqual(['', 0])
  return JSON.parse(ran.out) as JsonObject
}

const idsOf = (reply: Reply) => entriesOf(reply).map(({ resource }) => resource['id'])
const seen = async (as = 'county-court') => idsOf(await site.get('Observation?_count=50', as)).sort()
const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString()

const order = {
  kind: 'court-order-part2',
  for: { client: 'county-court' },
  patients: ['Patient/a'],
  period: { end: inDays(30) },
  facts: {
    section: '42 CFR 2.64',
    court: 'Superior Court of Alameda',
    date: '2026-05-02',
    findings: 'other ways are not effective; public interest outweighs injury',
    noticeAndHearing: true,
    subpoenaAttached: true,
    scope: { resourceTypes: ['Observation'], from: '2026-01-01', to: '2026-03-31' },
  },
}

describe('A court order with its subpoena', () => {
  test('opens nothing before approval, its scope afterwards, nothing once ended', async () => {
    expect(await seen()).toEqual([])
    const { id } = await evidence(['add', '-', '--by', 'ana'], order)
    expect(await seen()).toEqual([])
    const own = await run(['evidence', 'approve', String(id), '--by', 'Ana', '--config', config])
    expect(own).toMatchObject({ code: 2, out: '' })
    expect(await seen()).toEqual([])

    await evidence(['approve', String(id), '--by', 'ben'])
    expect(await seen()).toEqual(['early-a'])
    expect(await seen('other-court')).toEqual([])
    const read = await site.get('Observation/early-a', 'county-court')
    expect(read.status).toBe(200)
    for (const hidden of ['late-a', 'early-b', 'late-b'])
      expect((await site.get(`Observation/${hidden}`, 'county-court')).status).toBe(404)

    const exchange = read.headers['X-Request-Id'] ?? read.headers['x-request-id'] ?? ''
    const rows = readExchange(site.ledgerFile, exchange)
    const row = JSON.parse(rows.find(({ kind }) => kind === 'decision')!.body) as JsonObject
    expect(JSON.stringify(row['classes'])).toContain(`"evidence":"${id}"`)
    expect(rows.find(({ kind }) => kind === 'AuditEvent')!.body).toContain(String(id))
    const told = await run(['explain', exchange, '--ledger', site.ledgerFile])
    expect(told.out).toMatch(new RegExp(`p2-2.64-order-noncriminal .*on evidence ${id}`))

    await evidence(['end', String(id), '--why', 'vacated', '--by', 'ana'])
    expect(await seen()).toEqual([])
    expect((await site.get('Observation/early-a', 'county-court')).status).toBe(404)
  })
})

describe('A waiver approved by an IRB', () => {
  test('opens its data set of all patients to its researcher while it is in force', async () => {
    expect(await seen('institute')).toEqual([])
    const waiver = {
      kind: 'research-waiver',
      for: { client: 'institute' },
      patients: 'any',
      purposes: ['HRESCH'],
      period: { end: inDays(100) },
      facts: {
        protocol: '2026-17',
        approvedBy: 'Bay IRB',
        approvedOn: '2026-04-01',
        criteria: true,
        dataset: { resourceTypes: ['Observation'], from: '2026-05-01' },
      },
    }
    const { id } = await evidence(['add', '-', '--by', 'ana'], waiver)
    await evidence(['approve', String(id), '--by', 'ben'])
    expect(await seen('institute')).toEqual(['late-a', 'late-b'])
    expect(await seen()).toEqual([])
    await evidence(['end', String(id), '--why', 'study closed', '--by', 'ben'])
    expect(await seen('institute')).toEqual([])
  })
})

describe('A gateway whose office cannot be looked at', () => {
  test('says that it is not ready, and answers 503 until it can', async () => {
    let broken = false
    const store = memoryStore()
    const since: typeof store.since = seq => {
      if (broken) throw new Error('disk')
      return store.since(seq)
    }
    const made = await openTestSite({ resources: chartOf('a'), seams: { office: { ...store, since } } })
    try {
      const base = await made.serve()
      const ready = async () => (await fetch(base.replace('/fhir', '/health/ready'))).status
      const read = async () => (await made.get('Observation/early-a', HOSPITAL)).status
      const sound = [await ready(), await read()]
      broken = true
      expect([await ready(), await read()]).toEqual([503, 503])
      broken = false
      expect([await ready(), await read()]).toEqual(sound)
      expect(sound[0]).toBe(200)
    } finally {
      await made.close()
    }
  })
})

import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DEMO_PATIENTS, demoResources } from '../../src/demo/resources.ts'
import type { Resource } from '../../src/model/fhir.ts'
import type { LedgerRow } from '../../src/model/record.ts'
import { exportLedger, verifyLedger } from '../../src/record/verify.ts'
import {
  type GatewayProcess,
  openSurroundings,
  type Surroundings,
  startGateway,
} from '../support/gateway-process.ts'
import { type Heard, type Load, type Question, startLoad } from '../support/load.ts'

/** The acceptance run is `CONSENTRY_KILLS=100`. */
const KILLS = Number(process.env['CONSENTRY_KILLS'] ?? 12)
const CLIENTS = 8
/** A kill comes at most that long after the first answer with data, ms. */
const KILL_WITHIN_MS = 400
/** How long a gateway with cold caches may take to the first answer with data, ms. */
const FIRST_DATA_MS = 15_000
const LARGE = { id: 'large-chart', notes: 25, noteBytes: 160_000 }

/** A chart whose one page does not fit into the buffers of a socket, so that a kill can cut an answer off. */
function largeChart(): Resource[] {
  const text = 'resting comfortably, wound clean and dry. '
    .repeat(Math.ceil(LARGE.noteBytes / 42))
    .slice(0, LARGE.noteBytes)
  return [
    { resourceType: 'Patient', id: LARGE.id, birthDate: '1970-01-01' },
    ...Array.from({ length: LARGE.notes }, (_, nth) => ({
      resourceType: 'Observation',
      id: `large-${nth}`,
      status: 'final',
      code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
      subject: { reference: `Patient/${LARGE.id}` },
      note: [{ text }],
    })),
  ]
}

let around: Surroundings
let questions: readonly Question[]

beforeAll(async () => {
  around = await openSurroundings([...demoResources(), ...largeChart()])
  questions = await allQuestions()
})
afterAll(() => around.close())

async function allQuestions(): Promise<Question[]> {
  const tokens = await Promise.all(
    [
      { client: 'treating-hospital', user: 'PractitionerRole/priya-lindqvist-role' },
      { client: 'opioid-treatment-program', user: 'PractitionerRole/ines-corvallis-role' },
      { client: 'health-plan' },
    ].map(as => around.issuer.issueToken({ ...as, lifetimeSeconds: 3600 })),
  )
  return tokens.flatMap(token => [
    ...DEMO_PATIENTS.flatMap(({ id }) => [
      { token, path: `/fhir/Patient/${id}` },
      { token, path: `/fhir/Condition?patient=${id}` },
      { token, path: `/fhir/Observation?patient=${id}&_count=20` },
      { token, path: '/fhir/Encounter/_search', form: `patient=${id}&_count=5` },
    ]),
    { token, path: '/fhir/Condition/absent' },
    { token, path: '/fhir/Condition?colour=blue' },
    { token, path: `/fhir/Observation?patient=${LARGE.id}&_count=${LARGE.notes}`, readEveryMs: 20 },
    { token, path: `/fhir/Observation?patient=${LARGE.id}&_count=${LARGE.notes}`, readEveryMs: 20 },
  ])
}

const withData = (heard: Heard): boolean => heard.status === 200 && heard.bytes > 0
const cutOff = (heard: Heard): boolean => withData(heard) && !heard.complete

interface Killed {
  readonly heard: readonly Heard[]
  /** Requests the kill met on their way: no answer came, or not the whole of it. */
  readonly interrupted: number
}

/** Lets a gateway serve under load and kills it at a random moment; gives what the clients held then. */
async function killedUnderLoad(): Promise<Killed> {
  const gateway = await startGateway(around.configFile)
  const load = startLoad(around.port, CLIENTS, () => pick(questions))
  try {
    await firstData(load, gateway)
    await sleep(Math.random() * KILL_WITHIN_MS)
    expect(load.unanswered(), 'every request before the kill was answered').toBe(0)
    expect(gateway.child.kill('SIGKILL'), 'the gateway ran until it was killed').toBe(true)
    await load.stop()
    expect(await gateway.exited).toEqual({ code: null, signal: 'SIGKILL' })
    return { heard: load.heard, interrupted: load.unanswered() + load.heard.filter(cutOff).length }
  } finally {
    gateway.child.kill('SIGKILL')
    await load.stop()
  }
}

/** Waits for an answer with data; says what came instead where none comes. */
async function firstData({ heard, unanswered }: Load, { child, printed }: GatewayProcess): Promise<void> {
  for (const before = performance.now(); !heard.some(withData); await sleep(5)) {
    if (performance.now() - before < FIRST_DATA_MS) continue
    const statuses = heard.map(({ status, question }) => `${status} ${question.path}`).slice(0, 20)
    throw new Error(
      `no data within ${FIRST_DATA_MS} ms: heard ${JSON.stringify(statuses)}, ${unanswered()} unanswered, ` +
        `exit code ${child.exitCode}, printed ${printed()}`,
    )
  }
}

const pick = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)] as T

interface DecisionBody {
  readonly release?: { readonly sha256: string; readonly bytes: number; readonly status: number }
  readonly refusal?: { readonly code: string }
}

/** Every row of the ledger by exchange. */
async function recorded(): Promise<ReadonlyMap<string, readonly LedgerRow[]>> {
  const rows = new Map<string, LedgerRow[]>()
  await exportLedger(around.ledgerFile, line => {
    const row = JSON.parse(line) as LedgerRow
    rows.set(row.exchange, [...(rows.get(row.exchange) ?? []), row])
  })
  return rows
}

/** What is wrong with the record of an answer that was seen; empty where it is whole. */
function faultsOf(heard: Heard, ledger: ReadonlyMap<string, readonly LedgerRow[]>): string[] {
  const { exchange, status, question, announced, bytes, complete, sha256 } = heard
  if (exchange === undefined) {
    const constant = status === 503 && heard.text.includes('The service is unavailable now')
    return constant ? [] : [`${question.path}: ${status} without an exchange id`]
  }
  const rows = ledger.get(exchange) ?? []
  const faults: string[] = []
  const expectThat = (holds: boolean, what: string): unknown =>
    holds || faults.push(`${exchange} ${question.path}: ${what}`)
  const decisions = rows.filter(({ kind }) => kind === 'decision')
  expectThat(rows.some(isAuditEvent), 'no AuditEvent')
  expectThat(decisions.length === 1, `${decisions.length} decision rows`)
  const said = JSON.parse(decisions[0]?.body ?? '{}') as DecisionBody
  if (status !== 200) {
    expectThat(said.refusal !== undefined, `answered ${status}, recorded no refusal`)
    return faults
  }
  expectThat(said.release?.status === 200, 'no release recorded')
  expectThat(said.release?.bytes === announced, 'other length recorded than announced')
  expectThat(bytes <= announced, 'more bytes than announced')
  if (complete) expectThat(said.release?.sha256 === sha256, 'other bytes recorded than received')
  const patient = /patient=([\w-]+)|Patient\/([\w-]+)/.exec(`${question.path}?${question.form ?? ''}`)
  const asked = `Patient/${patient?.[1] ?? patient?.[2]}`
  expectThat(
    rows.some(row => isAuditEvent(row) && row.patient === asked),
    `no AuditEvent of ${asked}`,
  )
  if (complete && heard.text.includes('"resourceType":"Bundle"') && !heard.text.includes('"entry"'))
    return faults
  expectThat(
    rows.some(row => row.kind === 'Provenance' && row.patient === asked),
    `no Provenance of ${asked}`,
  )
  return faults
}

function isAuditEvent({ kind, body }: LedgerRow): boolean {
  return kind === 'AuditEvent' && body.startsWith('{"resourceType":"AuditEvent"')
}

/** A whole answer with data, to try the check on. */
let sample: Heard | undefined

describe('a gateway killed under load', () => {
  test(`never let a response with data out without its events, ${KILLS} kills on one ledger`, {
    timeout: 60_000 + KILLS * 10_000,
  }, async () => {
    const violations: string[] = []
    const all = { seen: 0, withData: 0, cutOff: 0, refused: 0, interrupted: [] as number[] }
    let rows = 0
    for (let nth = 0; nth < KILLS; nth++) {
      const { heard, interrupted } = await killedUnderLoad()
      const report = verifyLedger(around.ledgerFile)
      expect(report).toMatchObject({ ok: true })
      expect(report.rows).toBeGreaterThan(rows)
      rows = report.rows
      const ledger = await recorded()
      violations.push(...heard.flatMap(one => faultsOf(one, ledger)))
      sample ??= heard.find(
        one => withData(one) && one.complete && one.question.path.startsWith('/fhir/Patient/'),
      )
      all.seen += heard.length
      all.withData += heard.filter(withData).length
      all.cutOff += heard.filter(cutOff).length
      all.refused += heard.filter(({ status }) => status !== 200).length
      all.interrupted.push(interrupted)
    }
    const again = await startGateway(around.configFile)
    again.child.kill('SIGTERM')
    expect(await again.exited).toEqual({ code: 0, signal: null })
    expect(verifyLedger(around.ledgerFile)).toMatchObject({ ok: true, rows })
    console.log(
      `sigkill: ${KILLS} kills that interrupted ${Math.min(...all.interrupted)} to ${Math.max(...all.interrupted)} requests each, ` +
        `${all.seen} responses checked (${all.withData} with data, ${all.cutOff} of them cut off; ` +
        `${all.refused} refusals), ${rows} rows verified, ${violations.length} violations`,
    )
    expect(violations).toEqual([])
    // A kill may by chance come just when every answer is in the buffers of the kernel.
    expect(all.interrupted.filter(requests => requests > 0).length).toBeGreaterThanOrEqual(KILLS * 0.8)
    expect(all.withData).toBeGreaterThan(KILLS * 2)
    expect(all.refused).toBeGreaterThan(0)
  })

  test('is judged by a check that sees a missing, a foreign and a shortened record', async () => {
    if (sample === undefined) throw new Error('no whole answer with data was seen')
    const heard = sample
    const ledger = await recorded()
    const faults = (changed: Partial<Heard>): string[] => faultsOf({ ...heard, ...changed }, ledger)
    expect(faults({})).toEqual([])
    expect(faults({ exchange: '01980000-0000-7000-8000-000000000000' }).length).toBeGreaterThan(3)
    expect(faults({ exchange: undefined })).toHaveLength(1)
    expect(faults({ sha256: '00' })).toHaveLength(1)
    expect(faults({ announced: heard.announced + 1 })).toHaveLength(1)
    expect(faults({ question: { ...heard.question, path: '/fhir/Patient/another' } })).toHaveLength(2)
  })
})

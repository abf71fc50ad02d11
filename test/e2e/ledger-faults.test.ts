import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Worker } from 'node:worker_threads'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { demoResources } from '../../src/demo/resources.ts'
import type { JsonObject } from '../../src/model/fhir.ts'
import { openLedger } from '../../src/record/ledger.ts'
import { verifyLedger } from '../../src/record/verify.ts'
import {
  type GatewayProcess,
  openSurroundings,
  runGateway,
  type Surroundings,
  startGateway,
} from '../support/gateway-process.ts'
import { openTestSite } from '../support/site.ts'

const HOSPITAL = { client: 'treating-hospital', user: 'PractitionerRole/priya-lindqvist-role' }
const WATERMARK = 1_048_576
const PATHS = [
  'Patient/elena-marsh',
  'Condition?patient=elena-marsh',
  'Observation?patient=walter-finch&_count=3',
  'Condition/absent',
  'Condition?colour=blue',
]

let around: Surroundings
let token: string
const gateways: GatewayProcess[] = []

beforeAll(async () => {
  around = await openSurroundings()
  token = await around.issuer.issueToken({ ...HOSPITAL, lifetimeSeconds: 3600 })
})
afterEach(async () => {
  for (const { child, exited } of gateways.splice(0)) {
    child.kill('SIGKILL')
    await exited
  }
})
afterAll(() => around.close())

async function started(ledger: JsonObject): Promise<GatewayProcess> {
  const gateway = await startGateway(around.configure('faults.json', { ledger }))
  gateways.push(gateway)
  return gateway
}

async function stoppedWell({ child, exited }: GatewayProcess): Promise<void> {
  child.kill('SIGTERM')
  expect(await exited).toEqual({ code: 0, signal: null })
}

interface Answer {
  readonly status: number
  readonly id: string | null
  readonly text: string
}

async function ask(path: string): Promise<Answer> {
  const reply = await fetch(`http://127.0.0.1:${around.port}/fhir/${path}`, {
    headers: { Authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(8000),
  })
  return { status: reply.status, id: reply.headers.get('x-request-id'), text: await reply.text() }
}

const ready = async (): Promise<number> =>
  (await fetch(`http://127.0.0.1:${around.port}/health/ready`, { signal: AbortSignal.timeout(8000) })).status

const UNRECORDED =
  '{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"transient","details":{"text":"The service is unavailable now"}}]}'

async function expectShut(): Promise<void> {
  for (const path of PATHS) expect(await ask(path), path).toEqual({ status: 503, id: null, text: UNRECORDED })
  await expect.poll(ready, { timeout: 5000 }).toBe(503)
  expect((await fetch(`http://127.0.0.1:${around.port}/health/live`)).status).toBe(200)
}

async function expectOpen(): Promise<void> {
  await expect.poll(ready, { timeout: 5000 }).toBe(200)
  const answers = await Promise.all(PATHS.map(ask))
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 404, 400])
  expect(answers[1]?.text).toContain('Patient/elena-marsh')
  for (const { id } of answers) expect(id).not.toBeNull()
}

/** A disk of its own that is small enough to fill; undefined, with a printed line, where none can be mounted. */
function smallDisk(megabytes: number): { readonly path: string; readonly unmount: () => void } | undefined {
  const path = mkdtempSync(join(tmpdir(), 'consentry-disk-'))
  const { status } = spawnSync('/bin/mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'none', path])
  if (status === 0)
    return {
      path,
      unmount: () => {
        spawnSync('/bin/umount', ['-l', path])
        rmSync(path, { recursive: true, force: true })
      },
    }
  rmSync(path, { recursive: true, force: true })
  console.log('ledger faults: no right to mount a small disk here, the tests on a full disk are skipped')
  return undefined
}

const freeBytes = (path: string): number => statfsSync(path).bavail * statfsSync(path).bsize

/** Fills a disk until `left` bytes are free. */
function fill(path: string, left: number): () => void {
  const file = join(path, 'filler')
  writeFileSync(file, Buffer.alloc(Math.max(0, freeBytes(path) - left)))
  return () => rmSync(file)
}

const probe = smallDisk(1)
probe?.unmount()

describe('a gateway whose ledger breaks', { timeout: 60_000 }, () => {
  test.skipIf(probe === undefined)('shuts below the watermark of the disk and opens above it', async () => {
    const disk = smallDisk(12)
    if (disk === undefined) throw new Error('the disk could be mounted a moment ago')
    try {
      const file = join(disk.path, 'ledger', 'ledger.sqlite')
      const gateway = await started({ file, diskWatermarkBytes: WATERMARK })
      await expectOpen()
      const before = verifyLedger(file).rows
      const empty = fill(disk.path, WATERMARK / 2)
      await expectShut()
      expect(verifyLedger(file)).toMatchObject({ ok: true, rows: before })
      empty()
      await expectOpen()
      await stoppedWell(gateway)
      expect(verifyLedger(file).ok).toBe(true)
      expect(verifyLedger(file).rows).toBeGreaterThan(before)
    } finally {
      disk.unmount()
    }
  })

  test.skipIf(probe === undefined)(
    'gives no data on a full disk, and opens again after a restart',
    async () => {
      const disk = smallDisk(4)
      if (disk === undefined) throw new Error('the disk could be mounted a moment ago')
      const file = join(disk.path, 'ledger.sqlite')
      const store = { file, appendTimeoutMs: 2000, diskWatermarkBytes: 0 }
      const ledger = await openLedger(store)
      const site = await openTestSite({
        resources: demoResources(),
        seams: { ledger },
        overrides: { ledger: { repository: 'none' } },
      })
      try {
        expect((await site.get('Patient/elena-marsh', HOSPITAL)).status).toBe(200)
        const empty = fill(disk.path, 16_384)
        let shut = 0
        let open = 0
        for (let nth = 0; nth < 40; nth++) {
          const reply = await site.get('Condition?patient=elena-marsh', HOSPITAL)
          if (reply.status === 200) open++
          else {
            expect(reply.text).toBe(UNRECORDED)
            shut++
          }
        }
        expect(shut).toBeGreaterThan(30)
        expect(site.house.rooms.ledger.healthy()).toBe(false)
        await ledger.close()
        empty()
        expect(verifyLedger(file).ok).toBe(true)
        expect(verifyLedger(file).rows).toBeGreaterThanOrEqual(3 * (open + 1))
        const again = await openLedger(store)
        const exchange = '01980000-0000-7000-8000-000000000001'
        await again.append({ exchange, events: [{ id: exchange, kind: 'system', body: '{}' }] })
        await again.close()
      } finally {
        await site.close()
        disk.unmount()
      }
    },
  )

  test.skipIf(probe === undefined)(
    'does not start on a disk that takes no writes, and names the ledger',
    async () => {
      const disk = smallDisk(8)
      if (disk === undefined) throw new Error('the disk could be mounted a moment ago')
      try {
        const file = join(disk.path, 'ledger.sqlite')
        const ledger = { file, diskWatermarkBytes: WATERMARK }
        await stoppedWell(await started(ledger))
        expect(spawnSync('/bin/mount', ['-o', 'remount,ro', disk.path]).status).toBe(0)
        const gateway = runGateway(['serve', '--config', around.configure('read-only.json', { ledger })])
        gateways.push(gateway)
        expect(await gateway.exited).toEqual({ code: 1, signal: null })
        expect(gateway.printed()).toMatch(
          /^consentry: ledger \S+ledger\.sqlite: .*read-only file system.*\n$/,
        )
      } finally {
        disk.unmount()
      }
    },
  )

  test('shuts when the ledger file is deleted, whatever is put in its place, until a restart', async () => {
    const file = join(around.folder, 'deleted', 'ledger.sqlite')
    const gateway = await started({ file })
    await expectOpen()
    rmSync(join(around.folder, 'deleted'), { recursive: true })
    await expectShut()
    mkdirSync(join(around.folder, 'deleted'))
    writeFileSync(file, '')
    await expectShut()
    rmSync(file)
    await stoppedWell(gateway)
    await started({ file })
    await expectOpen()
    expect(verifyLedger(file).ok).toBe(true)
  })

  test('shuts while another process holds the write lock and opens when it lets go', async () => {
    const file = join(around.folder, 'locked', 'ledger.sqlite')
    const gateway = await started({ file, appendTimeoutMs: 300 })
    await expectOpen()
    const other = new DatabaseSync(file)
    other.exec('BEGIN IMMEDIATE')
    const before = performance.now()
    await expectShut()
    expect(performance.now() - before).toBeLessThan(PATHS.length * 1500)
    other.exec('ROLLBACK')
    other.close()
    await expectOpen()
    await stoppedWell(gateway)
    expect(verifyLedger(file).ok).toBe(true)
  })

  test('shuts for good when the thread of the ledger dies', async () => {
    const born = new Promise<Worker>(resolve => process.once('worker', resolve))
    const site = await openTestSite({ resources: demoResources() })
    try {
      expect((await site.get('Patient/elena-marsh', HOSPITAL)).status).toBe(200)
      const base = await site.serve()
      const replies = Promise.all(
        Array.from({ length: 20 }, () => site.get('Condition?patient=elena-marsh', HOSPITAL)),
      )
      await (await born).terminate()
      for (const reply of await replies) if (reply.status !== 200) expect(reply.text).toBe(UNRECORDED)
      for (const path of PATHS)
        expect(await site.get(path, HOSPITAL), path).toMatchObject({ status: 503, text: UNRECORDED })
      expect((await fetch(base.replace('/fhir', '/health/ready'))).status).toBe(503)
      expect(verifyLedger(site.ledgerFile).ok).toBe(true)
    } finally {
      await site.close()
    }
  })
})

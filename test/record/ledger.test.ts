import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import type { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Ledger } from '../../src/model/record.ts'
import { openLedger } from '../../src/record/ledger.ts'
import { exportLedger, verifyLedger } from '../../src/record/verify.ts'
import { ledgerContract } from './ledger-contract.ts'
import { auditSet, configuration, rejection, tamper, temporaryFolder } from './sets.ts'

async function exported(file: string) {
  const lines: string[] = []
  await exportLedger(file, line => {
    lines.push(line)
  })
  return lines.map(line => JSON.parse(line))
}

ledgerContract('SQLite', () => {
  const folder = temporaryFolder()
  const file = join(folder.path, 'ledger.sqlite')
  return {
    open: () => openLedger(configuration(file)),
    rows: () => exported(file),
    verifies: () => verifyLedger(file).ok,
    discard: folder.remove,
  }
})

const folders: { remove: () => void }[] = []
const ledgers: Ledger[] = []
let folder: string
let file: string

beforeEach(() => {
  const made = temporaryFolder()
  folders.push(made)
  folder = made.path
  file = join(folder, 'ledger.sqlite')
})

afterEach(async () => {
  await Promise.all(ledgers.splice(0).map(ledger => ledger.close()))
  for (const made of folders.splice(0)) made.remove()
})

async function opened(more: Parameters<typeof configuration>[1] = {}): Promise<Ledger> {
  const ledger = await openLedger(configuration(file, more))
  ledgers.push(ledger)
  return ledger
}

const APPENDER = fileURLToPath(new URL('./fixtures/appender.ts', import.meta.url))

describe('no record, no response', () => {
  it('closes for good when the ledger file is deleted under it', async () => {
    const ledger = await opened()
    await ledger.append(auditSet())
    rmSync(folder, { recursive: true })
    expect(await rejection(ledger.append(auditSet()))).toBe('failed')
    expect(ledger.healthy()).toBe(false)
    mkdirSync(folder)
    expect(await rejection(ledger.append(auditSet()))).toBe('failed')
  })

  it('notices a deleted file without any append', async () => {
    const ledger = await opened()
    expect(ledger.healthy()).toBe(true)
    rmSync(folder, { recursive: true })
    await expect.poll(ledger.healthy, { timeout: 4000 }).toBe(false)
  })

  it('rejects everything that waits, and all later appends, when the worker is killed', async () => {
    const born = new Promise<Worker>(resolve => process.once('worker', resolve))
    const ledger = await opened()
    await ledger.append(auditSet())
    const worker = await born
    const waiting = Promise.allSettled([ledger.append(auditSet()), ledger.append(auditSet())])
    await worker.terminate()
    expect((await waiting).map(one => one.status)).toEqual(['rejected', 'rejected'])
    expect(ledger.healthy()).toBe(false)
    expect(await rejection(ledger.append(auditSet()))).toBe('failed')
  })

  it('times out behind a hung store, refuses at once while it hangs, and recovers when it moves again', async () => {
    const ledger = await opened({ appendTimeoutMs: 300 })
    await ledger.append(auditSet())
    const other = new DatabaseSync(file)
    other.exec('BEGIN IMMEDIATE')
    const started = performance.now()
    expect(await rejection(ledger.append(auditSet('slow')))).toBe('timeout')
    expect(performance.now() - started).toBeGreaterThan(250)
    expect(ledger.healthy()).toBe(false)
    const again = performance.now()
    expect(await rejection(ledger.append(auditSet()))).toBe('timeout')
    expect(performance.now() - again).toBeLessThan(100)
    other.exec('ROLLBACK')
    other.close()
    await expect.poll(ledger.healthy, { timeout: 4000 }).toBe(true)
    await ledger.append(auditSet())
    expect(verifyLedger(file)).toMatchObject({ ok: true, rows: 9 })
  })

  it('rejects without closing when another process keeps the write lock', async () => {
    const ledger = await opened({ appendTimeoutMs: 3000 })
    const other = new DatabaseSync(file)
    other.exec('BEGIN IMMEDIATE')
    expect(await rejection(ledger.append(auditSet()))).toBe('timeout')
    await expect.poll(ledger.healthy, { timeout: 4000 }).toBe(true)
    other.exec('ROLLBACK')
    other.close()
    await ledger.append(auditSet())
    expect(verifyLedger(file)).toMatchObject({ ok: true, rows: 3 })
  })

  it('is closed below the disk watermark and open above it', async () => {
    const low = await opened({ diskWatermarkBytes: Number.MAX_SAFE_INTEGER })
    expect(low.healthy()).toBe(false)
    expect(await rejection(low.append(auditSet()))).toBe('full')
    await low.close()
    const enough = await opened({ diskWatermarkBytes: 1 })
    expect(enough.healthy()).toBe(true)
    await enough.append(auditSet())
  })

  it('loses nothing acknowledged when the disk refuses to grow the file', () => {
    const limited = `trap '' XFSZ; ulimit -f 600; exec "$0" "$@"`
    const run = spawnSync('bash', ['-c', limited, process.execPath, APPENDER, file], {
      encoding: 'utf8',
      timeout: 25_000,
    })
    const lines = run.stdout.split('\n')
    const acknowledged = lines.filter(line => line.startsWith('ack ')).length
    expect(lines).toContain('rejected failed healthy=false')
    expect(acknowledged).toBeGreaterThan(0)
    const report = verifyLedger(file)
    expect(report.ok).toBe(true)
    expect(report.rows).toBeGreaterThanOrEqual(acknowledged)
  })

  it('loses nothing acknowledged on a full disk', ({ skip }) => {
    const mounted = spawnSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=2m', 'none', folder]).status === 0
    if (!mounted) skip('no right to mount a small disk here')
    try {
      const run = spawnSync(process.execPath, [APPENDER, file], { encoding: 'utf8', timeout: 25_000 })
      const lines = run.stdout.split('\n')
      expect(lines).toContain('rejected failed healthy=false')
      const report = verifyLedger(file)
      expect(report.ok).toBe(true)
      expect(report.rows).toBeGreaterThanOrEqual(lines.filter(line => line.startsWith('ack ')).length)
    } finally {
      execFileSync('/bin/umount', ['-l', folder])
    }
  })
})

describe('opening the ledger', () => {
  it('refuses a second writer in this process and in another, and lets readers in', async () => {
    const ledger = await opened()
    await ledger.append(auditSet())
    expect(await rejection(openLedger(configuration(file)))).toBe('locked')
    const run = spawnSync(process.execPath, [APPENDER, file], { encoding: 'utf8', timeout: 25_000 })
    expect(run.stdout).toMatch(/^refused locked .*another gateway writes it/)
    const script = `import('${join(import.meta.dirname, '../../src/record/verify.ts')}').then(m => console.log(m.verifyLedger(process.argv[1]).rows))`
    const reader = spawnSync(process.execPath, ['-e', script, file], { encoding: 'utf8', timeout: 25_000 })
    expect(reader.stdout.trim()).toBe('3')
    await ledger.append(auditSet())
    await ledger.close()
    await opened()
  })

  it('refuses what is no ledger, and a folder that is not there, with the name of the file', async () => {
    writeFileSync(file, 'This is a text file and longer than the header of a database.'.repeat(20))
    await expect(openLedger(configuration(file))).rejects.toThrow(/ledger\.sqlite: file is not a database/)
    const other = join(folder, 'other.sqlite')
    const db = new DatabaseSync(other)
    db.exec('CREATE TABLE t (a)')
    db.close()
    await expect(openLedger(configuration(other))).rejects.toThrow(/other\.sqlite: not a Consentry ledger/)
    const nowhere = configuration(join(folder, 'absent', 'l.sqlite'))
    await expect(openLedger(nowhere)).rejects.toThrow(/folder .*absent does not exist/)
    expect(() => verifyLedger(join(folder, 'absent.sqlite'))).toThrow(/no such file/)
  })

  it('refuses to go on with a broken chain, and names the row', async () => {
    const ledger = await opened()
    await Promise.all(Array.from({ length: 10 }, () => ledger.append(auditSet())))
    await ledger.close()
    tamper(file, `UPDATE event SET body = '{}' WHERE sequence = 17`)
    await expect(openLedger(configuration(file))).rejects.toThrow(/row 17: content does not match/)
  })

  it('lets no row be changed or deleted through SQL', async () => {
    const ledger = await opened()
    await ledger.append(auditSet())
    await ledger.close()
    const db = new DatabaseSync(file)
    expect(() => db.exec(`UPDATE event SET body = '{}'`)).toThrow(/append-only/)
    expect(() => db.exec('DELETE FROM event')).toThrow(/append-only/)
    db.close()
    expect(verifyLedger(file).ok).toBe(true)
  })

  it('writes through WAL', async () => {
    const ledger = await opened()
    await ledger.append(auditSet())
    expect(readFileSync(`${file}-wal`).length).toBeGreaterThan(0)
  })
})

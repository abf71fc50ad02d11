import { createHash } from 'node:crypto'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runCommandLine } from '../../src/cli.ts'
import { demoResources } from '../../src/demo/resources.ts'
import type { LedgerRow } from '../../src/model/record.ts'
import { chainHash, leafHash } from '../../src/record/chain.ts'
import { openTestSite } from '../support/site.ts'

const HOSPITAL = { client: 'treating-hospital', user: 'PractitionerRole/priya-lindqvist-role' }
const folder = mkdtempSync(join(tmpdir(), 'consentry-tamper-'))
const original = join(folder, 'ledger.sqlite')
/** How far it was shipped; beside a copy only where the test says so. */
const outbox = join(folder, 'outbox.sqlite')
let rows: LedgerRow[]
let copies = 0

beforeAll(async () => {
  const site = await openTestSite({ resources: demoResources(), shipping: true })
  for (const id of ['elena-marsh', 'walter-finch']) {
    for (const path of [`Patient/${id}`, `Condition?patient=${id}`, `Observation?patient=${id}&_count=5`])
      expect((await site.get(path, HOSPITAL)).status).toBe(200)
    expect((await site.get('Condition/absent', HOSPITAL)).status).toBe(404)
    expect((await site.get(`Condition?patient=${id}&colour=blue`, HOSPITAL)).status).toBe(400)
  }
  const written = (await exported(site.ledgerFile)).length
  while (shippedUpTo(`${site.ledgerFile}.outbox`) < written) await sleep(50)
  await site.house.close()
  copyFileSync(site.ledgerFile, original)
  copyFileSync(`${site.ledgerFile}.outbox`, outbox)
  await site.close()
  rows = await exported(original)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function shippedUpTo(file: string): number {
  const db = new DatabaseSync(file, { readOnly: true })
  try {
    return Number(db.prepare('SELECT sequence FROM position').get()?.['sequence'])
  } finally {
    db.close()
  }
}

interface Said {
  readonly code: number
  readonly out: string
  readonly error: string
}

async function consentry(...words: string[]): Promise<Said> {
  let out = ''
  let error = ''
  const code = await runCommandLine(words, {
    input: (async function* () {})(),
    out: text => {
      out += text
    },
    error: text => {
      error += text
    },
  })
  return { code, out, error }
}

const verify = (file: string): Promise<Said> => consentry('ledger', 'verify', '--ledger', file)

async function exported(file: string): Promise<LedgerRow[]> {
  const { out } = await consentry('ledger', 'export', '--ledger', file)
  return out
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as LedgerRow)
}

function copied(): string {
  const file = join(folder, `copy-${copies++}.sqlite`)
  copyFileSync(original, file)
  return file
}

/** What somebody with the file and SQL can do: the triggers go first. */
function changed(change: (db: DatabaseSync) => void): string {
  const file = copied()
  const db = new DatabaseSync(file)
  db.exec('DROP TRIGGER event_never_updated; DROP TRIGGER event_never_deleted')
  change(db)
  db.close()
  return file
}

const sql = (text: string): string => changed(db => db.exec(text))

/** Where the command says the chain breaks. */
async function brokenAt(file: string): Promise<number> {
  const said = await verify(file)
  expect(said.code).toBe(1)
  expect(said.error).toBe('')
  const place = /^BROKEN at row (\d+): \S.*\n$/.exec(said.out)
  expect(place, said.out).not.toBeNull()
  const json = await consentry('ledger', 'verify', '--ledger', file, '--json')
  expect(json.code).toBe(1)
  expect(JSON.parse(json.out)).toMatchObject({ ok: false, firstBad: { sequence: Number(place?.[1]) } })
  return Number(place?.[1])
}

/** Makes room for a row after `sequence`. */
const shift = (sequence: number): string => `
  UPDATE event SET sequence = -sequence WHERE sequence > ${sequence};
  UPDATE event SET sequence = 1 - sequence WHERE sequence < 0;`

describe('ledger verify on a ledger of real exchanges', () => {
  test('finds the untouched copy sound and says how many rows and the last hash', async () => {
    expect(rows.length).toBeGreaterThan(25)
    const said = await verify(copied())
    expect(said).toEqual({
      code: 0,
      out: `ok: ${rows.length} rows, last hash ${rows.at(-1)?.chainHash}\n`,
      error: '',
    })
  })

  test('names the row of a byte flipped inside any event', async () => {
    for (const { sequence, id, body } of rows) {
      const file = copied()
      const bytes = readFileSync(file)
      // A long body spills onto other pages; its beginning stands in the row, and at times in space a page left free.
      const beginning = body.slice(0, 200)
      let flipped = 0
      for (let at = bytes.indexOf(beginning); at >= 0; at = bytes.indexOf(beginning, at + 1), flipped++)
        bytes[at + 20 + (sequence % 150)] = (bytes[at + 20 + (sequence % 150)] ?? 0) ^ 1
      expect(flipped, `row ${sequence} ${id}`).toBeGreaterThan(0)
      writeFileSync(file, bytes)
      expect(await brokenAt(file)).toBe(sequence)
    }
  })

  test('lets no flipped bit anywhere in the file change what the ledger says unnoticed', async () => {
    const size = readFileSync(original).length
    let found = 0
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: size - 1 }), fc.nat({ max: 7 }), async (at, bit) => {
        const file = copied()
        const bytes = readFileSync(file)
        bytes[at] = (bytes[at] ?? 0) ^ (1 << bit)
        writeFileSync(file, bytes)
        const { code } = await verify(file)
        if (code === 0) expect(await exported(file)).toEqual(rows)
        else found++
        rmSync(file)
      }),
      { numRuns: 250 },
    )
    expect(found).toBeGreaterThan(50)
  }, 60_000)

  test('names the place of a dropped row, also where the gap was closed up', async () => {
    expect(await brokenAt(sql('DELETE FROM event WHERE sequence = 1'))).toBe(1)
    expect(await brokenAt(sql('DELETE FROM event WHERE sequence = 7'))).toBe(7)
    const closedUp =
      'DELETE FROM event WHERE sequence = 7; UPDATE event SET sequence = sequence - 1 WHERE sequence > 7'
    expect(await brokenAt(sql(closedUp))).toBe(7)
  })

  test('names the place of a dropped exchange', async () => {
    const exchange = rows[8]?.exchange
    const first = rows.find(row => row.exchange === exchange)?.sequence ?? 0
    expect(await brokenAt(sql(`DELETE FROM event WHERE exchange = '${exchange}'`))).toBe(first)
  })

  test('finds rows cut off the end by what was shipped, and by the hash of an earlier run', async () => {
    const { length } = rows
    const cut = sql(`DELETE FROM event WHERE sequence > ${length - 2}`)
    expect((await verify(cut)).out, 'the chain alone holds').toMatch(`ok: ${length - 2} rows`)
    const noted = (file: string, hash: string): Promise<Said> =>
      consentry('ledger', 'verify', '--ledger', file, '--noted', hash)
    const lastHash = rows.at(-1)?.chainHash ?? ''
    expect(await noted(cut, lastHash)).toMatchObject({
      code: 1,
      out: expect.stringMatching(`^BROKEN at row ${length - 1}: `),
    })
    expect((await noted(cut, rows[4]?.chainHash ?? '')).code).toBe(0)
    expect((await noted(original, lastHash)).code).toBe(0)
    expect(await noted(original, 'yesterday')).toMatchObject({
      code: 2,
      error: expect.stringMatching('--noted'),
    })
    copyFileSync(outbox, `${cut}.outbox`)
    expect(await brokenAt(cut)).toBe(length - 1)
    const whole = copied()
    copyFileSync(outbox, `${whole}.outbox`)
    expect((await verify(whole)).code).toBe(0)
  })

  test('names an inserted row, whether it brings no hashes or the right ones', async () => {
    const columns = 'exchange, kind, patient, recorded_at, leaf, chain, body'
    const copy = `INSERT INTO event (sequence, id, ${columns}) SELECT 11, 'new', ${columns} FROM event WHERE sequence = 3`
    expect(await brokenAt(sql(`${shift(10)} ${copy}`))).toBe(11)
    const forged = changed(db => {
      db.exec(shift(10))
      const before = db.prepare('SELECT chain FROM event WHERE sequence = 10').get()?.['chain'] as Uint8Array
      const { exchange, recordedAt } = rows[9] as LedgerRow
      const row = {
        sequence: 11,
        id: 'new',
        exchange,
        kind: 'AuditEvent',
        patient: null,
        recordedAt,
        body: '{}',
      }
      const leaf = leafHash(row)
      db.prepare(
        `INSERT INTO event (sequence, id, ${columns}) VALUES (11, 'new', ?, 'AuditEvent', NULL, ?, ?, ?, '{}')`,
      ).run(exchange, recordedAt, leaf, chainHash(before, leaf))
    })
    expect(await brokenAt(forged)).toBe(12)
  })

  test('names a row appended behind the last one', async () => {
    const { length } = rows
    const columns = 'exchange, kind, patient, recorded_at, leaf, chain, body'
    const append = `INSERT INTO event (sequence, id, ${columns}) SELECT ${length + 1}, 'new', ${columns} FROM event WHERE sequence = ${length}`
    expect(await brokenAt(sql(append))).toBe(length + 1)
  })

  test('names the first of two rows that changed places, with their hashes or without', async () => {
    const swap = (a: number, b: number): string => `
      UPDATE event SET sequence = 0 WHERE sequence = ${a};
      UPDATE event SET sequence = ${a} WHERE sequence = ${b};
      UPDATE event SET sequence = ${b} WHERE sequence = 0`
    expect(await brokenAt(sql(swap(5, 6)))).toBe(5)
    expect(await brokenAt(sql(swap(4, 20)))).toBe(4)
    const bodies = (a: number, b: number): string => `
      UPDATE event SET body = (SELECT body FROM event AS other WHERE other.sequence = ${a + b} - event.sequence)
      WHERE sequence IN (${a}, ${b})`
    expect(await brokenAt(sql(bodies(9, 12)))).toBe(9)
  })

  test('names a row rewritten with a leaf hash of its own', async () => {
    const forged = changed(db => {
      const { sequence, id, exchange, kind, recordedAt, patient } = rows[5] as LedgerRow
      const row = {
        sequence,
        id,
        exchange,
        kind,
        patient: patient ?? null,
        recordedAt,
        body: '{"nothing":"happened"}',
      }
      db.prepare('UPDATE event SET body = ?, leaf = ? WHERE sequence = ?').run(
        row.body,
        leafHash(row),
        sequence,
      )
    })
    expect(await brokenAt(forged)).toBe(6)
  })

  test('refuses what is no ledger with a message and exit code 1', async () => {
    const text = join(folder, 'notes.txt')
    writeFileSync(text, 'not a database, but long enough to be taken for the header of one\n'.repeat(100))
    for (const file of [text, join(folder, 'absent.sqlite')]) {
      const said = await verify(file)
      expect(said.code).toBe(1)
      expect(said.out).toBe('')
      expect(said.error).toMatch(/^consentry: ledger .*(not a database|no such file)\n$/)
    }
  })

  test('reads only: the file is the same afterwards', async () => {
    const file = copied()
    const digest = (): string => createHash('sha256').update(readFileSync(file)).digest('hex')
    const before = digest()
    await verify(file)
    expect(digest()).toBe(before)
  })
})

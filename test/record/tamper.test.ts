import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openLedger } from '../../src/record/ledger.ts'
import { readExchange, verifyLedger } from '../../src/record/verify.ts'
import { auditSet, configuration, tamper, temporaryFolder } from './sets.ts'

const ROWS = 90
const folder = temporaryFolder()
const original = join(folder.path, 'original.sqlite')
const exchange = '01980000-0000-7000-8000-0000000000aa'

beforeAll(async () => {
  const ledger = await openLedger(configuration(original))
  for (let i = 0; i < ROWS / 3; i++) await ledger.append(auditSet(`set ${i}`, i === 7 ? exchange : undefined))
  await ledger.close()
})
afterAll(folder.remove)

let copies = 0
function copied(): string {
  const file = join(folder.path, `copy-${copies++}.sqlite`)
  writeFileSync(file, readFileSync(original))
  return file
}

function afterTampering(sql: string) {
  const file = copied()
  tamper(file, sql)
  return verifyLedger(file)
}

const COLUMNS = 'id, exchange, kind, patient, recorded_at, leaf, chain, body'

describe('verify', () => {
  it('finds nothing in a sound ledger, and gives its last hash', () => {
    const report = verifyLedger(copied())
    expect(report).toMatchObject({ ok: true, rows: ROWS })
    expect(report.lastHash).toMatch(/^[0-9a-f]{64}$/)
    expect(report.firstBad).toBeUndefined()
  })

  it('names the row of a byte flipped in the file', () => {
    const file = copied()
    const bytes = readFileSync(file)
    const at = bytes.indexOf('"label":"set 20"')
    bytes[at + 3] = (bytes[at + 3] ?? 0) ^ 1
    writeFileSync(file, bytes)
    const report = verifyLedger(file)
    expect(report.ok).toBe(false)
    expect([61, 62, 63]).toContain(report.firstBad?.sequence)
    expect(report.firstBad?.problem).toMatch(/content/)
  })

  it('finds a change in any column of any row', () => {
    const change = fc.constantFrom(
      `id = 'z'`,
      `exchange = 'z'`,
      `kind = 'system'`,
      `patient = 'Patient/z'`,
      `recorded_at = '2020-01-01T00:00:00.000Z'`,
      `body = body || ' '`,
      `leaf = zeroblob(32)`,
      `chain = zeroblob(32)`,
    )
    fc.assert(
      fc.property(fc.integer({ min: 1, max: ROWS }), change, (row, set) => {
        const report = afterTampering(`UPDATE event SET ${set} WHERE sequence = ${row}`)
        expect(report.firstBad?.sequence).toBe(row)
      }),
      { numRuns: 40 },
    )
  })

  it('names the first row dropped from the middle', () => {
    const report = afterTampering('DELETE FROM event WHERE sequence BETWEEN 40 AND 42')
    expect(report).toMatchObject({ ok: false, rows: 39, firstBad: { sequence: 40 } })
    expect(report.firstBad?.problem).toMatch(/missing/)
  })

  it('names the place where a dropped row was closed up', () => {
    const report = afterTampering(`
      DELETE FROM event WHERE sequence = 40;
      UPDATE event SET sequence = sequence - 1 WHERE sequence > 40`)
    expect(report.firstBad?.sequence).toBe(40)
  })

  it('names a row inserted at the end or in between', () => {
    const copy = (to: number) =>
      `INSERT INTO event (sequence, ${COLUMNS}) SELECT ${to}, 'new', exchange, kind, patient, recorded_at, leaf, chain, body FROM event WHERE sequence = 5`
    expect(afterTampering(copy(ROWS + 1)).firstBad?.sequence).toBe(ROWS + 1)
    const between = afterTampering(`
      UPDATE event SET sequence = -sequence WHERE sequence > 50;
      UPDATE event SET sequence = 1 - sequence WHERE sequence < 0;
      ${copy(51)}`)
    expect(between.firstBad?.sequence).toBe(51)
  })

  it('names the first of two rows that changed places', () => {
    const report = afterTampering(`
      UPDATE event SET sequence = 1000 WHERE sequence = 30;
      UPDATE event SET sequence = 30 WHERE sequence = 31;
      UPDATE event SET sequence = 31 WHERE sequence = 1000`)
    expect(report.firstBad?.sequence).toBe(30)
  })

  it('reports a page that cannot be read instead of throwing', () => {
    const file = copied()
    const bytes = readFileSync(file)
    const at = bytes.indexOf('"label":"set 25"')
    const page = at - (at % 8192)
    bytes.fill(0xff, page, page + 200)
    writeFileSync(file, bytes)
    const report = verifyLedger(file)
    expect(report.ok).toBe(false)
    expect(report.firstBad?.problem).toMatch(/cannot be read/)
  })
})

describe('explain', () => {
  it('reads the rows of one exchange in order, and none of an unknown one', () => {
    const rows = readExchange(original, exchange)
    expect(rows.map(({ sequence, kind }) => [sequence, kind])).toEqual([
      [22, 'AuditEvent'],
      [23, 'Provenance'],
      [24, 'decision'],
    ])
    expect(rows[0]).toMatchObject({
      exchange,
      patient: 'Patient/p1',
      chainHash: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    expect(readExchange(original, 'unknown')).toEqual([])
  })
})

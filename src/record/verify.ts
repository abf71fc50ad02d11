import type { DatabaseSync } from 'node:sqlite'
import type { LedgerEvent, LedgerRow, VerifyReport } from '../model/record.ts'
import { GENESIS } from './chain.ts'
import type { ChainHead, StoredRow } from './ledger-schema.ts'
import { errorText, openForReading, rowProblem, SELECT_ROW } from './ledger-schema.ts'

/** Rows read in one statement: short reads let a running gateway move its write-ahead log on. */
const SLICE_ROWS = 1000

function withReader<T>(file: string, use: (db: DatabaseSync) => T): T {
  const db = openForReading(file)
  try {
    return use(db)
  } finally {
    db.close()
  }
}

function* rowsAfter(db: DatabaseSync, after: number): Generator<StoredRow> {
  const slice = db.prepare(`${SELECT_ROW} WHERE sequence > ? ORDER BY sequence LIMIT ${SLICE_ROWS}`)
  for (let last = after; ; ) {
    const rows = slice.all(last) as unknown as StoredRow[]
    yield* rows
    const end = rows.at(-1)
    if (!end || rows.length < SLICE_ROWS) return
    last = end.sequence
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function toRow(stored: StoredRow): LedgerRow {
  return {
    sequence: stored.sequence,
    id: stored.id,
    exchange: stored.exchange,
    kind: stored.kind as LedgerEvent['kind'],
    ...(stored.patient === null ? {} : { patient: stored.patient }),
    recordedAt: stored.recordedAt,
    body: stored.body,
    chainHash: hex(stored.chain),
  }
}

function walk(db: DatabaseSync): VerifyReport {
  let head: ChainHead = { sequence: 0, chain: GENESIS }
  const report = (problem?: string): VerifyReport => ({
    ok: problem === undefined,
    rows: head.sequence,
    lastHash: hex(head.chain),
    ...(problem === undefined ? {} : { firstBad: { sequence: head.sequence + 1, problem } }),
  })
  try {
    for (const row of rowsAfter(db, 0)) {
      const problem = rowProblem(row, head)
      if (problem !== undefined) return report(problem)
      head = row
    }
  } catch (error) {
    return report(`cannot be read: ${errorText(error)}`)
  }
  return report()
}

/**
 * Recomputes the whole chain, row by row, also while a gateway writes the file. `rows` and `lastHash` speak of the part
 * that holds; `firstBad` names the first row that does not. Throws LedgerError when the file is no readable ledger.
 */
export function verifyLedger(file: string): VerifyReport {
  return withReader(file, walk)
}

/** All rows of one exchange in order of recording; empty when there is none. Throws LedgerError. */
export function readExchange(file: string, exchangeId: string): LedgerRow[] {
  return withReader(file, db => {
    const rows = db.prepare(`${SELECT_ROW} WHERE exchange = ? ORDER BY sequence`).all(exchangeId)
    return (rows as unknown as StoredRow[]).map(toRow)
  })
}

/**
 * Writes every row as one line of NDJSON, in order, awaiting `write` (so it may hold back). Returns how many rows.
 * Throws LedgerError, and whatever `write` throws.
 */
export async function exportLedger(
  file: string,
  write: (line: string) => void | Promise<void>,
): Promise<number> {
  const db = openForReading(file)
  let rows = 0
  try {
    for (const row of rowsAfter(db, 0)) {
      await write(`${JSON.stringify(toRow(row))}\n`)
      rows++
    }
    return rows
  } finally {
    db.close()
  }
}

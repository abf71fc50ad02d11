import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
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

/** What is known of the ledger from elsewhere: a chain alone cannot tell that its end was cut off. */
export interface Witness {
  /** Last hash an earlier verification gave, hex; some row must still have it. */
  readonly notedHash?: string
}

/** The row up to which the ledger was shipped, by the file beside it; 0 where there is none that can be read. */
function shippedUpTo(file: string): number {
  const outbox = `${file}.outbox`
  if (!existsSync(outbox)) return 0
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(outbox, { readOnly: true, timeout: 5000 })
    return Number(db.prepare('SELECT sequence FROM position').get()?.['sequence'] ?? 0)
  } catch {
    return 0
  } finally {
    db?.close()
  }
}

function walk(db: DatabaseSync, shipped: number, { notedHash }: Witness): VerifyReport {
  let head: ChainHead = { sequence: 0, chain: GENESIS }
  const noted = notedHash === undefined ? undefined : Buffer.from(notedHash, 'hex')
  let met = noted?.equals(GENESIS) ?? true
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
      met ||= noted?.equals(row.chain) ?? true
    }
  } catch (error) {
    return report(`cannot be read: ${errorText(error)}`)
  }
  if (head.sequence < shipped) return report(`row is missing: rows up to ${shipped} were shipped`)
  return met ? report() : report('row is missing: no row has the noted hash')
}

/**
 * Recomputes the whole chain, row by row, also while a gateway writes the file. `rows` and `lastHash` speak of the part
 * that holds; `firstBad` names the first row that does not. Rows cut off the end are told by the position up to which
 * the ledger was shipped, and by a hash noted earlier. Throws LedgerError when the file is no readable ledger.
 */
export function verifyLedger(file: string, witness: Witness = {}): VerifyReport {
  // Read first: a gateway that writes and ships meanwhile must not look like one that lost rows.
  const shipped = shippedUpTo(file)
  return withReader(file, db => walk(db, shipped, witness))
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

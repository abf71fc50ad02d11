import { closeSync, openSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { ChainedRow } from './chain.ts'
import { chainHash, GENESIS, leafHash } from './chain.ts'
import { LedgerError } from './ledger-error.ts'

/** SQLite application id of a ledger file: the letters `CNSY`. https://sqlite.org/pragma.html#pragma_application_id */
const APPLICATION_ID = 0x434e5359
const SCHEMA_VERSION = 1
/** How far back the chain is checked at start. */
const ROWS_CHECKED_AT_START = 1000
const SYNCHRONOUS_FULL = 2
const SQLITE_BUSY = 5
const OWNER_ONLY = 0o600

/** `body` stands last, so that a scan over the other columns never touches its pages. */
const SCHEMA = `
CREATE TABLE event (
  sequence INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  exchange TEXT NOT NULL,
  kind TEXT NOT NULL,
  patient TEXT,
  recorded_at TEXT NOT NULL,
  leaf BLOB NOT NULL,
  chain BLOB NOT NULL,
  body TEXT NOT NULL
) STRICT;
CREATE INDEX event_by_exchange ON event (exchange);
CREATE INDEX event_by_patient ON event (patient, sequence) WHERE patient IS NOT NULL;
CREATE TRIGGER event_never_updated BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER event_never_deleted BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
PRAGMA application_id = ${APPLICATION_ID};
PRAGMA user_version = ${SCHEMA_VERSION};
`

/** A row as SQLite gives it. */
export interface StoredRow extends ChainedRow {
  readonly leaf: Uint8Array
  readonly chain: Uint8Array
}

export const SELECT_ROW =
  'SELECT sequence, id, exchange, kind, patient, recorded_at AS recordedAt, leaf, chain, body FROM event'

/** Where the chain stands: sequence and chain hash of the last row. */
export interface ChainHead {
  readonly sequence: number
  readonly chain: Uint8Array
}

export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function pragma(db: DatabaseSync, name: string): unknown {
  return Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]
}

/** The same file under every name it may have, so that two names do not mean two locks. */
function canonicalFile(file: string): string {
  if (statSync(file, { throwIfNoEntry: false })) return realpathSync(file)
  return join(realpathSync(dirname(file)), basename(file))
}

/**
 * Takes the single-writer lock: a side database held under BEGIN EXCLUSIVE. The kernel drops it when the process ends,
 * however it ends, and the ledger itself stays readable for `verify` and `explain`.
 */
export function takeWriterLock(file: string): DatabaseSync {
  let lock: DatabaseSync | undefined
  try {
    lock = new DatabaseSync(`${canonicalFile(file)}.lock`)
    lock.exec('BEGIN EXCLUSIVE')
    return lock
  } catch (error) {
    lock?.close()
    throw isBusy(error)
      ? new LedgerError(
          'locked',
          `ledger ${file}: another gateway writes it; every gateway needs a ledger file of its own`,
        )
      : new LedgerError('unusable', `ledger ${file}: cannot be locked for writing (${errorText(error)})`)
  }
}

/** Whether another connection holds the lock. */
export function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY
}

function expectLedger(db: DatabaseSync, file: string): void {
  if (pragma(db, 'application_id') !== APPLICATION_ID) {
    throw new LedgerError('unusable', `${file}: not a Consentry ledger`)
  }
  const version = pragma(db, 'user_version')
  if (version !== SCHEMA_VERSION) {
    throw new LedgerError('unusable', `ledger ${file}: schema version ${version}, expected ${SCHEMA_VERSION}`)
  }
}

function createOrExpect(db: DatabaseSync, file: string): void {
  if (pragma(db, 'schema_version') !== 0) expectLedger(db, file)
  else db.exec(`PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; BEGIN IMMEDIATE; ${SCHEMA} COMMIT;`)
}

/**
 * Commits must survive power loss, so WAL and synchronous=FULL are set and read back: a build of SQLite may default to
 * NORMAL, which loses commits. https://sqlite.org/pragma.html#pragma_synchronous
 */
function demandDurability(db: DatabaseSync, file: string): void {
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA recursive_triggers = ON')
  db.exec('PRAGMA trusted_schema = OFF; PRAGMA wal_autocheckpoint = 2000; PRAGMA cell_size_check = ON')
  const journal = pragma(db, 'journal_mode')
  const synchronous = pragma(db, 'synchronous')
  if (journal !== 'wal' || synchronous !== SYNCHRONOUS_FULL) {
    throw new LedgerError(
      'unusable',
      `ledger ${file}: durability cannot be had: journal_mode ${journal}, synchronous ${synchronous}; expected wal, 2`,
    )
  }
}

/** Opens the ledger for writing, a new file readable by its owner alone; throws LedgerError `unusable` where it cannot be durable or is something else. */
export function openForWriting(file: string, busyTimeoutMs: number): DatabaseSync {
  let db: DatabaseSync | undefined
  try {
    closeSync(openSync(file, 'a', OWNER_ONLY))
    db = new DatabaseSync(file, { timeout: busyTimeoutMs })
    db.enableDefensive(true)
    createOrExpect(db, file)
    demandDurability(db, file)
    return db
  } catch (error) {
    db?.close()
    throw error instanceof LedgerError
      ? error
      : new LedgerError('unusable', `ledger ${file}: ${errorText(error)}`)
  }
}

/** Opens the ledger for reading, beside a running gateway or without one. */
export function openForReading(file: string): DatabaseSync {
  if (!statSync(file, { throwIfNoEntry: false })) {
    throw new LedgerError('unusable', `ledger ${file}: no such file`)
  }
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(file, { readOnly: true, timeout: 5000 })
    expectLedger(db, file)
    return db
  } catch (error) {
    db?.close()
    throw error instanceof LedgerError
      ? error
      : new LedgerError('unusable', `ledger ${file}: ${errorText(error)}`)
  }
}

/** What is wrong with a row that should follow `previous`, or undefined. */
export function rowProblem(row: StoredRow, previous: ChainHead): string | undefined {
  const expected = previous.sequence + 1
  if (row.sequence !== expected) return `row is missing: the next one stored is ${row.sequence}`
  if (!isText(row)) return 'a column is not of the type it was stored as'
  const leaf = leafHash(row)
  if (!leaf.equals(row.leaf)) return 'content does not match its leaf hash'
  if (!chainHash(previous.chain, leaf).equals(row.chain)) return 'does not follow from the row before it'
  return undefined
}

/** A flipped bit can turn text into a blob of the same bytes, which hashes alike but does not read alike. */
function isText({ id, exchange, kind, patient, recordedAt, body }: StoredRow): boolean {
  const texts: readonly unknown[] = [id, exchange, kind, recordedAt, body]
  return texts.every(text => typeof text === 'string') && (patient === null || typeof patient === 'string')
}

/** Checks the end of the chain and says where it stands; throws LedgerError `broken` naming the first bad row. */
export function checkedHead(db: DatabaseSync, file: string): ChainHead {
  const last = Number(Object.values(db.prepare('SELECT max(sequence) FROM event').get() ?? {})[0] ?? 0)
  const from = Math.max(0, last - ROWS_CHECKED_AT_START)
  const before = db.prepare('SELECT chain FROM event WHERE sequence = ?').get(from)
  let head: ChainHead = { sequence: from, chain: (before?.['chain'] as Uint8Array | undefined) ?? GENESIS }
  const rows = db.prepare(`${SELECT_ROW} WHERE sequence > ? ORDER BY sequence`).iterate(from)
  for (const raw of rows) {
    const row = raw as unknown as StoredRow
    const problem = rowProblem(row, head)
    if (problem !== undefined) {
      throw new LedgerError(
        'broken',
        `ledger ${file}: row ${head.sequence + 1}: ${problem}; run "ledger verify"`,
      )
    }
    head = { sequence: row.sequence, chain: row.chain }
  }
  return head
}

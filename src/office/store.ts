import { closeSync, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { JsonObject } from '../model/fhir.ts'
import type { OfficeEvent, OfficeStore } from '../model/office.ts'

/** SQLite application id of an office file: the letters `CNSO`. https://sqlite.org/pragma.html#pragma_application_id */
const APPLICATION_ID = 0x434e534f
const SCHEMA_VERSION = 1
const SYNCHRONOUS_FULL = 2
const OWNER_ONLY = 0o600
/** How long one process waits for another that writes, ms. */
const BUSY_MS = 5000
/** How often a look makes sure that the file is still the one that is open; every exchange looks. */
const PRESENCE_MS = 1000

/** `seq` counts without gaps: each event takes the next number inside the transaction that writes it. */
const SCHEMA = `
CREATE TABLE event (
  seq INTEGER PRIMARY KEY CHECK (seq > 0),
  at TEXT NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  by TEXT NOT NULL,
  body TEXT NOT NULL
) STRICT;
CREATE TRIGGER event_without_gaps BEFORE INSERT ON event
  WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM event)
  BEGIN SELECT RAISE(ABORT, 'events of the office are numbered without gaps'); END;
CREATE TRIGGER event_never_updated BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'the office is append-only'); END;
CREATE TRIGGER event_never_deleted BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'the office is append-only'); END;
PRAGMA application_id = ${APPLICATION_ID};
PRAGMA user_version = ${SCHEMA_VERSION};
`

interface StoredEvent {
  readonly seq: number
  readonly at: string
  readonly kind: string
  readonly subject: string
  readonly by: string
  readonly body: string
}

/**
 * Opens the store of the office, or makes it: a file of its own (mode 0600) in a folder of its owner's (0700 where it is
 * made). Several processes may have it open. Throws Error with a plain message where the file is something else or
 * cannot be written durably.
 */
export function openOfficeStore(file: string): OfficeStore {
  let db: DatabaseSync | undefined
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    closeSync(openSync(file, 'a', OWNER_ONLY))
    db = new DatabaseSync(file, { timeout: BUSY_MS })
    db.enableDefensive(true)
    createOrExpect(db)
    demandDurability(db)
    return storeOn(db, file)
  } catch (error) {
    db?.close()
    throw new Error(`office ${file}: ${textOf(error)}`, { cause: error })
  }
}

function storeOn(db: DatabaseSync, file: string): OfficeStore {
  const insert = db.prepare(
    'INSERT INTO event (seq, at, kind, subject, by, body) ' +
      'VALUES ((SELECT coalesce(max(seq), 0) + 1 FROM event), ?, ?, ?, ?, ?) RETURNING seq',
  )
  const select = db.prepare('SELECT seq, at, kind, subject, by, body FROM event WHERE seq > ? ORDER BY seq')
  const expectPresent = presenceOf(file)
  const glance = glancing(db)
  let checked = Number.NEGATIVE_INFINITY
  return {
    append: event => {
      expectPresent()
      const { at, kind, subject, by, body } = event
      const stored = insert.get(at, kind, subject, by, JSON.stringify(body))
      glance.wrote()
      expectPresent()
      return { ...event, seq: Number(stored?.['seq']) }
    },
    since: seq => {
      if (performance.now() - checked >= PRESENCE_MS) {
        expectPresent()
        checked = performance.now()
      }
      if (glance.last() <= seq) return NOTHING
      return select.all(seq).map(row => eventOf(row as unknown as StoredEvent))
    },
    close: () => db.close(),
  }
}

const NOTHING: readonly OfficeEvent[] = []

/**
 * The number of the last event. `PRAGMA data_version` changes where another connection has written; the table is asked
 * only then. What this connection wrote it says itself. https://sqlite.org/pragma.html#pragma_data_version
 */
function glancing(db: DatabaseSync): { readonly last: () => number; readonly wrote: () => void } {
  const version = db.prepare('PRAGMA data_version')
  version.setReturnArrays(true)
  const max = db.prepare('SELECT coalesce(max(seq), 0) AS last FROM event')
  let seen: unknown
  let last = 0
  return {
    last: () => {
      const now = (version.get() as unknown as readonly unknown[])[0]
      if (now !== seen) {
        last = Number(max.get()?.['last'])
        seen = now
      }
      return last
    },
    wrote: () => {
      seen = undefined
    },
  }
}

/** A deleted or replaced file takes writes and loses them, and says nothing of what others write: both must fail. */
function presenceOf(file: string): () => void {
  const inode = statSync(file).ino
  return () => {
    if (statSync(file, { throwIfNoEntry: false })?.ino !== inode)
      throw new Error(`office ${file}: deleted or replaced while open`)
  }
}

function eventOf({ body, ...event }: StoredEvent): OfficeEvent {
  return { ...event, body: JSON.parse(body) as JsonObject }
}

/** Another process may be making the same file: whoever comes second finds it made. */
function createOrExpect(db: DatabaseSync): void {
  if (pragma(db, 'schema_version') === 0) {
    db.exec('PRAGMA journal_mode = WAL; BEGIN IMMEDIATE')
    try {
      if (pragma(db, 'schema_version') === 0) db.exec(SCHEMA)
      db.exec('COMMIT')
    } catch (error) {
      db.exec('ROLLBACK')
      throw error
    }
  }
  if (pragma(db, 'application_id') !== APPLICATION_ID)
    throw new Error('is not an office store; expected a file of its own')
  const version = pragma(db, 'user_version')
  if (version !== SCHEMA_VERSION) throw new Error(`schema version ${version}, expected ${SCHEMA_VERSION}`)
}

/** Set and read back: a build of SQLite may default to less. https://sqlite.org/pragma.html#pragma_synchronous */
function demandDurability(db: DatabaseSync): void {
  db.exec('PRAGMA synchronous = FULL; PRAGMA recursive_triggers = ON; PRAGMA trusted_schema = OFF')
  const [journal, synchronous] = [pragma(db, 'journal_mode'), pragma(db, 'synchronous')]
  if (journal !== 'wal' || synchronous !== SYNCHRONOUS_FULL)
    throw new Error(`durability cannot be had: journal_mode ${journal}, synchronous ${synchronous}`)
}

function pragma(db: DatabaseSync, name: string): unknown {
  return Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

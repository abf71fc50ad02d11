import { DatabaseSync } from 'node:sqlite'
import { openForReading } from './ledger-schema.ts'

/** An event on its way to the audit repository. */
export interface OutboxEvent {
  readonly sequence: number
  readonly id: string
  readonly kind: 'AuditEvent' | 'Provenance'
  readonly body: string
}

/** An event the repository refused for good. It stays in the ledger; here stands why it did not arrive. */
export interface DeadLetter {
  readonly sequence: number
  readonly id: string
  readonly status: number
  readonly at: string
}

/** Rows looked at in one slice, so that a read takes about a millisecond of the event loop. */
const ROWS_SCANNED = 400

const SCHEMA = `
CREATE TABLE IF NOT EXISTS position (one INTEGER PRIMARY KEY CHECK (one = 1), sequence INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS dead_letter (
  sequence INTEGER PRIMARY KEY, id TEXT NOT NULL, status INTEGER NOT NULL, at TEXT NOT NULL
) STRICT;
INSERT OR IGNORE INTO position VALUES (1, 0);
`

/**
 * How far the ledger has been shipped, kept in a file beside it: the ledger itself is append-only. Losing the last
 * moments of this file only ships some events twice, so it does not wait for the disk (synchronous=NORMAL).
 */
export class Outbox {
  readonly #ledger: DatabaseSync
  readonly #state: DatabaseSync
  #position: number

  constructor(ledgerFile: string) {
    this.#ledger = openForReading(ledgerFile)
    this.#state = new DatabaseSync(`${ledgerFile}.outbox`)
    this.#state.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; ${SCHEMA}`)
    this.#position = Number(this.#state.prepare('SELECT sequence FROM position').get()?.['sequence'] ?? 0)
  }

  get position(): number {
    return this.#position
  }

  last(): number {
    return Number(this.#ledger.prepare('SELECT max(sequence) AS last FROM event').get()?.['last'] ?? 0)
  }

  /** The next events to ship in order, at most `most`; rows that stay in the ledger are passed over. */
  next(most: number): OutboxEvent[] {
    const select = this.#ledger.prepare(
      'SELECT sequence, id, kind, body FROM event WHERE sequence > ? AND sequence <= ? ' +
        "AND kind IN ('AuditEvent', 'Provenance') ORDER BY sequence LIMIT ?",
    )
    for (const last = this.last(); this.#position < last; ) {
      const until = this.#position + ROWS_SCANNED
      const events = select.all(this.#position, until, most) as unknown as OutboxEvent[]
      if (events.length > 0) return events
      this.advance(Math.min(until, last))
    }
    return []
  }

  read(sequence: number): OutboxEvent | undefined {
    const row = this.#ledger
      .prepare('SELECT sequence, id, kind, body FROM event WHERE sequence = ?')
      .get(sequence)
    return row as unknown as OutboxEvent | undefined
  }

  /** Everything up to `sequence` has arrived or is dead. */
  advance(sequence: number, dead: readonly DeadLetter[] = []): void {
    this.#state.exec('BEGIN')
    const bury = this.#state.prepare('INSERT OR REPLACE INTO dead_letter VALUES (?, ?, ?, ?)')
    for (const letter of dead) bury.run(letter.sequence, letter.id, letter.status, letter.at)
    this.#state.prepare('UPDATE position SET sequence = ?').run(sequence)
    this.#state.exec('COMMIT')
    this.#position = sequence
  }

  deadLetters(): DeadLetter[] {
    return this.#state
      .prepare('SELECT sequence, id, status, at FROM dead_letter ORDER BY sequence')
      .all() as unknown as DeadLetter[]
  }

  deadCount(): number {
    return Number(this.#state.prepare('SELECT count(*) AS dead FROM dead_letter').get()?.['dead'] ?? 0)
  }

  revive(sequence: number): void {
    this.#state.prepare('DELETE FROM dead_letter WHERE sequence = ?').run(sequence)
  }

  close(): void {
    this.#state.close()
    this.#ledger.close()
  }
}

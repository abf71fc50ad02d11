import { existsSync, statfsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { ChainedRow } from './chain.ts'
import { chainHash, leafHash } from './chain.ts'
import { LedgerError } from './ledger-error.ts'
import type { AppendMessage, SetOutcome, WorkerOptions } from './ledger-protocol.ts'
import { CELLS_PER_EVENT } from './ledger-protocol.ts'
import type { ChainHead } from './ledger-schema.ts'
import { checkedHead, errorText, isBusy, openForWriting, takeWriterLock } from './ledger-schema.ts'

interface Committed {
  readonly recordedAt: string
  /** One list for each message, in order. */
  readonly outcomes: readonly (readonly SetOutcome[])[]
}

/** The ledger file in the hands of its one writer. Synchronous: it lives in a worker thread. */
export interface LedgerStore {
  /**
   * One transaction for all messages; returns after COMMIT, that is, after fsync. Throws LedgerError: `busy` when
   * nothing was written and the store is sound, `failed` when it must not be used any more.
   */
  readonly commit: (messages: readonly AppendMessage[]) => Committed
  /** Whether free space is below the watermark. */
  readonly low: () => boolean
  /** Throws LedgerError `failed` when the files on disk are no longer the ones that are open. */
  readonly expectPresent: () => void
  readonly close: () => void
}

/**
 * A deleted file takes writes without complaint and loses them with the process, so an acknowledgement also needs
 * the directory entries to name the inodes that are open.
 */
function presenceOf(file: string): () => void {
  const names = [file, `${file}-wal`]
  const inodes: (number | undefined)[] = [undefined, undefined]
  return () => {
    names.forEach((name, i) => {
      const inode = statSync(name, { throwIfNoEntry: false })?.ino
      inodes[i] ??= inode
      if (inode === undefined || inode !== inodes[i]) {
        throw new LedgerError('failed', `ledger ${name}: deleted or replaced while open`)
      }
    })
  }
}

function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder)
  return bavail * bsize
}

class Writer {
  #head: ChainHead
  readonly #insert: StatementSync
  readonly #find: StatementSync

  constructor(db: DatabaseSync, head: ChainHead) {
    this.#head = head
    this.#insert = db.prepare(
      'INSERT INTO event (sequence, id, exchange, kind, patient, recorded_at, leaf, chain, body) ' +
        'VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING',
    )
    this.#find = db.prepare('SELECT sequence, exchange, kind, body FROM event WHERE id = ?')
  }

  message(message: AppendMessage, recordedAt: string): SetOutcome[] {
    let at = 0
    return message.counts.map(count => {
      let outcome: SetOutcome = 0
      for (let i = 0; i < count; i++, at += CELLS_PER_EVENT) {
        const stored = this.#event(message.cells, at, recordedAt)
        if (typeof outcome === 'number') outcome = stored
      }
      return outcome
    })
  }

  #event(cells: readonly string[], at: number, recordedAt: string): SetOutcome {
    const sequence = this.#head.sequence + 1
    const row: ChainedRow = {
      sequence,
      id: cells[at] ?? '',
      exchange: cells[at + 1] ?? '',
      kind: cells[at + 2] ?? '',
      patient: cells[at + 3] || null,
      recordedAt,
      body: cells[at + 4] ?? '',
    }
    const leaf = leafHash(row)
    const chain = chainHash(this.#head.chain, leaf)
    const { id, exchange, kind, patient, body } = row
    const done = this.#insert.run(sequence, id, exchange, kind, patient, recordedAt, leaf, chain, body)
    if (done.changes === 0) return this.#duplicate(row)
    this.#head = { sequence, chain }
    return sequence
  }

  /** An id that is there already: the same event again, or a different one, which must not pass for recorded. */
  #duplicate(row: ChainedRow): SetOutcome {
    const stored = this.#find.get(row.id)
    const same =
      stored?.['body'] === row.body && stored['exchange'] === row.exchange && stored['kind'] === row.kind
    return same ? Number(stored['sequence']) : 'an event id stands for another event already'
  }
}

function begin(db: DatabaseSync, file: string): void {
  try {
    db.exec('BEGIN IMMEDIATE')
  } catch (error) {
    const busy = isBusy(error)
    throw new LedgerError(
      busy ? 'busy' : 'failed',
      `ledger ${file}: ${busy ? 'another process holds a write lock' : errorText(error)}`,
    )
  }
}

/** Opens the file, takes the single-writer lock, checks durability and the end of the chain. Throws LedgerError. */
export function openStore(options: WorkerOptions): LedgerStore {
  const { file } = options
  const folder = dirname(file)
  if (!existsSync(folder))
    throw new LedgerError('unusable', `ledger ${file}: folder ${folder} does not exist`)
  const lock = takeWriterLock(file)
  let db: DatabaseSync | undefined
  try {
    db = openForWriting(file, options.busyTimeoutMs)
    const writer = new Writer(db, checkedHead(db, file))
    return storeOf(db, lock, writer, options)
  } catch (error) {
    db?.close()
    lock.close()
    throw error
  }
}

function storeOf(db: DatabaseSync, lock: DatabaseSync, writer: Writer, options: WorkerOptions): LedgerStore {
  const { file } = options
  const expectPresent = presenceOf(file)
  return {
    commit(messages) {
      begin(db, file)
      try {
        const recordedAt = new Date().toISOString()
        const outcomes = messages.map(message => writer.message(message, recordedAt))
        db.exec('COMMIT')
        expectPresent()
        return { recordedAt, outcomes }
      } catch (error) {
        throw error instanceof LedgerError
          ? error
          : new LedgerError('failed', `ledger ${file}: ${errorText(error)}`)
      }
    },
    low: () => freeBytes(dirname(file)) < options.diskWatermarkBytes,
    expectPresent,
    close() {
      db.close()
      lock.close()
    },
  }
}

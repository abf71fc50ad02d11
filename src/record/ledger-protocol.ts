import type { LedgerErrorCode } from './ledger-error.ts'

/** Strings an event takes in `AppendMessage.cells`: id, exchange, kind, patient (empty: none), body. */
export const CELLS_PER_EVENT = 5

/** All sets queued in one turn of the event loop: flat, because cloning flat arrays is cheap. */
export interface AppendMessage {
  readonly type: 'append'
  /** Ticket of the first set; the others follow by one. */
  readonly first: number
  /** How many events each set has. */
  readonly counts: readonly number[]
  readonly cells: readonly string[]
}

export type ToWorker = AppendMessage | { readonly type: 'close' }

/** Outcome of one set: the sequence of its last event, or why that set alone was refused. */
export type SetOutcome = number | string

export type FromWorker =
  | { readonly type: 'opened'; readonly low: boolean }
  | {
      readonly type: 'committed'
      readonly first: number
      readonly outcomes: readonly SetOutcome[]
      readonly recordedAt: string
    }
  /** Nothing of these sets was stored, and the ledger is still sound. */
  | {
      readonly type: 'rejected'
      readonly first: number
      readonly count: number
      readonly code: 'busy' | 'full'
      readonly message: string
    }
  | { readonly type: 'space'; readonly low: boolean }
  | { readonly type: 'failed'; readonly code: LedgerErrorCode; readonly message: string }
  | { readonly type: 'closed' }

export interface WorkerOptions {
  readonly file: string
  readonly diskWatermarkBytes: number
  /** How long a foreign write lock is waited for. */
  readonly busyTimeoutMs: number
}

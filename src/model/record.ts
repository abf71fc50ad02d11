import type { ExchangeId, Receipt } from './exchange.ts'

/** One row of the ledger. `id` is a UUID, so an append that is retried cannot count twice. */
export interface LedgerEvent {
  readonly id: string
  /** `AuditEvent` and `Provenance` are shipped to the audit repository; the others stay. */
  readonly kind: 'AuditEvent' | 'Provenance' | 'decision' | 'delivery' | 'system'
  /** `Patient/x` this event is about, where it is about one: for accounting. */
  readonly patient?: string
  /** JSON text, exactly as stored and hashed. */
  readonly body: string
}

/** Everything one exchange leaves behind, appended in one go before any byte leaves. */
export interface AuditSet {
  readonly exchange: ExchangeId
  readonly events: readonly LedgerEvent[]
}

/** The append-only store. One contract for every store; rejects when durability is not certain. */
export interface Ledger {
  /** Resolves when every event is durable; rejects on error, time-out or closed ledger: then nothing may leave. */
  readonly append: (set: AuditSet) => Promise<Receipt>
  /** False once an append failed for an I/O reason: readiness goes down, a restart is needed. */
  readonly healthy: () => boolean
  readonly close: () => Promise<void>
}

/** One stored row as read back. */
export interface LedgerRow {
  readonly sequence: number
  readonly id: string
  readonly exchange: ExchangeId
  readonly kind: LedgerEvent['kind']
  readonly patient?: string
  readonly recordedAt: string
  readonly body: string
  readonly chainHash: string
}

export interface VerifyReport {
  readonly ok: boolean
  readonly rows: number
  readonly lastHash: string
  /** First place where the chain does not hold, and what was expected there. */
  readonly firstBad?: { readonly sequence: number; readonly problem: string }
}

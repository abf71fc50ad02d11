import { randomUUID } from 'node:crypto'
import type { Receipt } from '../../src/model/exchange.ts'
import type { AuditSet, Ledger } from '../../src/model/record.ts'

/** What a ledger may do with an append. `ok` alone makes the set durable. */
export const FAULTS = [
  'never acknowledges',
  'rejects',
  'rejects late',
  'rejects with nothing',
  'throws',
  'acknowledges another exchange',
  'acknowledges with nothing',
  'acknowledges with an empty receipt',
] as const
export type Fault = (typeof FAULTS)[number]

export interface FaultyLedger extends Ledger {
  /** How appends go from now on; a list is worked off first, one append each. */
  readonly behave: (next: Fault | 'ok', first?: readonly (Fault | 'ok')[]) => void
  /** Sets that were acknowledged by the right receipt, by exchange. */
  readonly durable: ReadonlyMap<string, AuditSet>
  /** How many appends came. */
  readonly appends: () => number
}

const LATE_MS = 20

/** A ledger in memory that fails as told. */
export function faultyLedger(): FaultyLedger {
  const durable = new Map<string, AuditSet>()
  let queue: (Fault | 'ok')[] = []
  let always: Fault | 'ok' = 'ok'
  let appends = 0
  const receipt = (exchange: string): Receipt =>
    ({ exchange, sequence: appends, recordedAt: '2026-11-21T12:00:00.000Z' }) as Receipt
  const answers: Readonly<Record<Fault | 'ok', (set: AuditSet) => Promise<Receipt>>> = {
    ok: async set => {
      durable.set(set.exchange, set)
      return receipt(set.exchange)
    },
    'never acknowledges': () => new Promise(() => undefined),
    rejects: () => Promise.reject(new Error('the disk is full')),
    'rejects late': () =>
      new Promise((_, reject) => {
        setTimeout(() => reject(new Error('the disk went away')), LATE_MS)
      }),
    'rejects with nothing': () => Promise.reject(undefined),
    throws: () => {
      throw new Error('the ledger is not there')
    },
    'acknowledges another exchange': async () => receipt(randomUUID()),
    'acknowledges with nothing': async () => undefined as unknown as Receipt,
    'acknowledges with an empty receipt': async () => ({}) as Receipt,
  }
  return {
    append: set => {
      appends++
      return answers[queue.shift() ?? always](set)
    },
    healthy: () => true,
    close: async () => undefined,
    behave: (next, first = []) => {
      always = next
      queue = [...first]
    },
    durable,
    appends: () => appends,
  }
}

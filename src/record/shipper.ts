import type { Resource } from '../model/fhir.ts'
import type { Delivery, DeliveryOptions, RepositoryCredential } from './delivery.ts'
import { putBatch, putOne } from './delivery.ts'
import type { DeadLetter, OutboxEvent } from './outbox.ts'
import { Outbox } from './outbox.ts'

export interface ShipperOptions {
  /** The ledger file; the position is kept in `<file>.outbox`. */
  readonly file: string
  /** Base URL of the audit repository, no trailing slash. */
  readonly baseUrl: string
  readonly fetch: typeof globalThis.fetch
  /** Our own right at the repository. Default: none. */
  readonly credential?: RepositoryCredential
  /**
   * Resources the events point at and the repository may not have, such as the gateway's Device: put there before the
   * first event, since a repository with referential integrity refuses what points at nothing.
   */
  readonly introduce?: readonly Resource[]
  readonly now?: () => Date
  /** From 0 up to 1, for jitter. */
  readonly random?: () => number
  /** Events in one batch. Default 50; 1 sends single PUTs. */
  readonly batchSize?: number
  /** How often an idle ledger is looked at. Default 500 ms. */
  readonly pollMs?: number
  /** First and longest pause after a failure. Defaults 500 ms and 60 s. */
  readonly backoffMs?: number
  readonly backoffMaxMs?: number
  /** Default 30 s. */
  readonly requestTimeoutMs?: number
  /** Hears of an outage, of its end and of dead letters; never of the content of an event. */
  readonly notify?: (notice: ShipperNotice) => void
}

export type ShipperNotice =
  | { readonly kind: 'outage'; readonly failures: number }
  | { readonly kind: 'recovered' }
  | { readonly kind: 'dead-letter'; readonly letter: DeadLetter; readonly total: number }

interface ShipperStatus {
  /** Sequence up to which everything arrived or is dead. */
  readonly position: number
  /** Ledger rows behind the last one. */
  readonly lag: number
  readonly dead: number
  /** Failures in a row. */
  readonly failures: number
}

export interface Shipper {
  readonly status: () => ShipperStatus
  /** Events the repository refused for good. */
  readonly deadLetters: () => readonly DeadLetter[]
  /** Tries every dead letter once more; resolves to how many arrived. */
  readonly redrive: () => Promise<number>
  /** Stops after the request in flight is aborted; what was not confirmed is sent again next time. */
  readonly close: () => Promise<void>
}

const DEFAULTS = {
  credential: { headers: () => [] },
  introduce: [],
  now: () => new Date(),
  random: Math.random,
  batchSize: 50,
  pollMs: 500,
  backoffMs: 500,
  backoffMaxMs: 60_000,
  requestTimeoutMs: 30_000,
  notify: () => undefined,
} as const

/** A pause that ends early when `signal` does, and that does not keep the process alive. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms).unref()
    if (signal.aborted) done()
    else signal.addEventListener('abort', done)
  })
}

/** Also ends what does not listen to its signal, a credential that never comes for one. */
function gaveUp(signal: AbortSignal): Promise<'retry'> {
  return new Promise(resolve => {
    signal.addEventListener('abort', () => resolve('retry'))
  })
}

class LedgerShipper implements Shipper {
  readonly #options: Required<ShipperOptions> & DeliveryOptions
  readonly #outbox: Outbox
  readonly #stop = new AbortController()
  readonly #running: Promise<void>
  #failures = 0
  readonly #single: boolean
  #introduced = false

  constructor(options: ShipperOptions) {
    this.#options = { ...DEFAULTS, ...options }
    this.#single = this.#options.batchSize <= 1
    this.#outbox = new Outbox(options.file)
    this.#running = this.#run()
  }

  readonly status = (): ShipperStatus => ({
    position: this.#outbox.position,
    lag: Math.max(0, this.#outbox.last() - this.#outbox.position),
    dead: this.#outbox.deadCount(),
    failures: this.#failures,
  })

  readonly deadLetters = (): readonly DeadLetter[] => this.#outbox.deadLetters()

  readonly redrive = async (): Promise<number> => {
    let arrived = 0
    for (const { sequence } of this.#outbox.deadLetters()) {
      const event = this.#outbox.read(sequence)
      if (!event || (await this.#attempt(signal => putOne(this.#options, signal, event))) !== 'arrived')
        continue
      this.#outbox.revive(sequence)
      arrived++
    }
    return arrived
  }

  readonly close = async (): Promise<void> => {
    if (this.#stop.signal.aborted) return this.#running
    this.#stop.abort()
    await this.#running
    this.#outbox.close()
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      const { batchSize, pollMs } = this.#options
      const events = this.#safely(() => this.#outbox.next(batchSize))
      if (events && events.length === 0) {
        await pause(pollMs, signal)
        continue
      }
      const settled = events !== undefined && (await this.#introduce()) && (await this.#ship(events))
      if (signal.aborted) return
      if (settled) this.#recovered()
      else await this.#backOff()
    }
  }

  async #introduce(): Promise<boolean> {
    for (const resource of this.#introduced ? [] : this.#options.introduce) {
      const { resourceType: kind, id = '' } = resource
      const put = { kind, id, body: JSON.stringify(resource) }
      if ((await this.#attempt(signal => putOne(this.#options, signal, put))) !== 'arrived') return false
    }
    this.#introduced = true
    return true
  }

  /** Ships in order; true when all were settled, that is, arrived or dead. */
  async #ship(events: readonly OutboxEvent[]): Promise<boolean> {
    const deliveries = await this.#deliver(events)
    const dead: DeadLetter[] = []
    let settled = 0
    for (const delivery of deliveries) {
      const event = events[settled]
      if (delivery === 'retry' || !event) break
      if (delivery !== 'arrived') dead.push(this.#deadLetter(event, delivery.dead))
      settled++
    }
    const last = events[settled - 1]
    const kept = last === undefined || this.#safely(() => this.#outbox.advance(last.sequence, dead) ?? true)
    if (kept) for (const letter of dead) this.#bury(letter)
    return kept === true && settled === events.length
  }

  async #deliver(events: readonly OutboxEvent[]): Promise<readonly Delivery[]> {
    if (!this.#single) {
      const batch = await this.#attempt(signal => putBatch(this.#options, signal, events))
      if (batch !== 'no-batch') return batch === 'retry' ? ['retry'] : batch
    }
    const deliveries: Delivery[] = []
    for (const event of events) {
      const delivery = await this.#attempt(signal => putOne(this.#options, signal, event))
      deliveries.push(delivery)
      if (delivery === 'retry') break
    }
    return deliveries
  }

  /** A network error, a time-out, an unreadable answer or a credential that cannot be had: try again later. */
  async #attempt<T>(send: (signal: AbortSignal) => Promise<T>): Promise<T | 'retry'> {
    if (this.#stop.signal.aborted) return 'retry'
    const limit = new AbortController()
    const abort = () => limit.abort()
    const timer = setTimeout(abort, this.#options.requestTimeoutMs).unref()
    this.#stop.signal.addEventListener('abort', abort)
    try {
      return await Promise.race([send(limit.signal), gaveUp(limit.signal)])
    } catch {
      return 'retry'
    } finally {
      clearTimeout(timer)
      this.#stop.signal.removeEventListener('abort', abort)
    }
  }

  /** A locked or vanished file must not end the loop. */
  #safely<T>(work: () => T): T | undefined {
    try {
      return work()
    } catch {
      return undefined
    }
  }

  #deadLetter(event: OutboxEvent, status: number): DeadLetter {
    return { sequence: event.sequence, id: event.id, status, at: this.#options.now().toISOString() }
  }

  #bury(letter: DeadLetter): void {
    this.#options.notify({ kind: 'dead-letter', letter, total: this.#outbox.deadCount() })
  }

  #recovered(): void {
    if (this.#failures > 0) this.#options.notify({ kind: 'recovered' })
    this.#failures = 0
  }

  /** Exponential back-off with jitter over its upper half, so that gateways do not return in step. */
  async #backOff(): Promise<void> {
    const { backoffMs, backoffMaxMs, random, notify } = this.#options
    const ceiling = Math.min(backoffMaxMs, backoffMs * 2 ** Math.min(this.#failures, 20))
    this.#failures++
    notify({ kind: 'outage', failures: this.#failures })
    await pause(ceiling * (0.5 + random() / 2), this.#stop.signal)
  }
}

/**
 * Starts shipping AuditEvents and Provenances of the ledger to the audit repository: in order, at least once, in
 * batches of `PUT AuditEvent/{uuid}`, off the request path. The ledger file must exist. Throws LedgerError when it
 * cannot be read.
 */
export function createShipper(options: ShipperOptions): Shipper {
  return new LedgerShipper(options)
}

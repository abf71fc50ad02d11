import { Worker } from 'node:worker_threads'
import type { LedgerConfiguration } from '../model/configuration.ts'
import type { ExchangeId, Receipt } from '../model/exchange.ts'
import type { AuditSet, Ledger } from '../model/record.ts'
import type { LedgerErrorCode } from './ledger-error.ts'
import { LedgerError } from './ledger-error.ts'
import type { AppendMessage, FromWorker, SetOutcome, ToWorker, WorkerOptions } from './ledger-protocol.ts'

/** Sets that may wait at once; beyond it appends are refused at once, so that a slow disk cannot eat the memory. */
const WAITING_MAX = 65_536
/** A foreign write lock is waited for this much longer than an append, so that a pause is not a failure. */
const BUSY_GRACE_MS = 1000
const CLOSE_GRACE_MS = 5000

const CLOSED = ['closed', 'is closed'] as const

interface Waiting {
  readonly exchange: ExchangeId
  readonly deadline: number
  readonly resolve: (receipt: Receipt) => void
  readonly reject: (error: LedgerError) => void
}

/** The only place where a Receipt is made: on the worker's word that COMMIT returned. */
function receiptOf(exchange: ExchangeId, sequence: number, recordedAt: string): Receipt {
  return { exchange, sequence, recordedAt } as Receipt
}

/** Sets queued in this turn of the event loop, flattened for one message. */
class Queue {
  #first = 0
  #counts: number[] = []
  #cells: string[] = []

  put(ticket: number, set: AuditSet): void {
    if (this.#counts.length === 0) this.#first = ticket
    this.#counts.push(set.events.length)
    for (const { id, kind, patient, body } of set.events) {
      this.#cells.push(id, set.exchange, kind, patient ?? '', body)
    }
  }

  take(): AppendMessage | undefined {
    if (this.#counts.length === 0) return undefined
    const message: AppendMessage = {
      type: 'append',
      first: this.#first,
      counts: this.#counts,
      cells: this.#cells,
    }
    this.#counts = []
    this.#cells = []
    return message
  }
}

/** The main thread's side: knows who waits for which ticket, posts once per turn, watches the clock. */
class WorkerLedger implements Ledger {
  readonly #worker: Worker
  readonly #file: string
  readonly #timeoutMs: number
  readonly #queue = new Queue()
  /** By ticket, oldest first. */
  readonly #waiting = new Map<number, Waiting>()
  #nextTicket = 1
  #flushing = false
  #timer: NodeJS.Timeout | undefined
  #low: boolean
  /** An append timed out and nothing was acknowledged since: refuse at once instead of hanging every exchange. */
  #stalled = false
  #ended: LedgerError | undefined
  #closing: Promise<void> | undefined

  constructor(worker: Worker, configuration: LedgerConfiguration, low: boolean) {
    this.#worker = worker
    this.#file = configuration.file
    this.#timeoutMs = configuration.appendTimeoutMs
    this.#low = low
    worker.on('message', (message: FromWorker) => this.#hear(message))
    worker.on('error', error => this.#end('failed', `the worker died: ${error.message}`))
    worker.on('exit', () => (this.#closing ? this.#end(...CLOSED) : this.#end('failed', 'the worker ended')))
  }

  readonly append = (set: AuditSet): Promise<Receipt> =>
    new Promise((resolve, reject) => {
      const refusal = this.#refusal(set)
      if (refusal) return reject(refusal)
      const ticket = this.#nextTicket++
      const deadline = performance.now() + this.#timeoutMs
      this.#waiting.set(ticket, { exchange: set.exchange, deadline, resolve, reject })
      this.#queue.put(ticket, set)
      this.#timer ??= setTimeout(this.#expire, this.#timeoutMs)
      if (!this.#flushing) setImmediate(this.#flush)
      this.#flushing = true
    })

  readonly healthy = (): boolean => !this.#ended && !this.#closing && !this.#low && !this.#stalled

  readonly close = (): Promise<void> => {
    this.#closing ??= this.#shut()
    return this.#closing
  }

  #refusal(set: AuditSet): LedgerError | undefined {
    if (this.#ended) return this.#ended
    if (this.#closing) return this.#error(...CLOSED)
    if (this.#low) return this.#error('full', 'free disk space is below the watermark')
    if (this.#stalled) return this.#error('timeout', 'an earlier append is still unanswered')
    if (this.#waiting.size >= WAITING_MAX) return this.#error('timeout', 'too many appends are waiting')
    const whole = set.events.length > 0 && set.events.every(event => event.id !== '' && event.body !== '')
    return whole ? undefined : this.#error('refused', 'a set without events, or an event without id or body')
  }

  #error(code: LedgerErrorCode, problem: string): LedgerError {
    return new LedgerError(code, `ledger ${this.#file}: ${problem}`)
  }

  readonly #flush = (): void => {
    this.#flushing = false
    const message = this.#queue.take()
    if (message && !this.#ended) this.#worker.postMessage(message)
  }

  /** Rejects what waited too long. The set may still become durable: over-recording is the safe side. */
  readonly #expire = (): void => {
    this.#timer = undefined
    const now = performance.now()
    for (const [ticket, waiting] of this.#waiting) {
      if (waiting.deadline > now) {
        this.#timer = setTimeout(this.#expire, waiting.deadline - now)
        return
      }
      this.#stalled = true
      this.#waiting.delete(ticket)
      waiting.reject(this.#error('timeout', `not durable within ${this.#timeoutMs} ms`))
    }
  }

  #hear(message: FromWorker): void {
    if (message.type === 'committed') this.#committed(message.first, message.outcomes, message.recordedAt)
    else if (message.type === 'rejected') this.#rejected(message.first, message.count, message)
    else if (message.type === 'space') this.#low = message.low
    else if (message.type === 'failed') this.#end(message.code, message.message)
  }

  #rejected(first: number, count: number, why: { code: LedgerErrorCode; message: string }): void {
    this.#stalled = false
    for (let ticket = first; ticket < first + count; ticket++) {
      this.#reject(ticket, new LedgerError(why.code, why.message))
    }
  }

  #committed(first: number, outcomes: readonly SetOutcome[], recordedAt: string): void {
    this.#stalled = false
    for (const [i, outcome] of outcomes.entries()) {
      const waiting = this.#waiting.get(first + i)
      if (typeof outcome === 'string') this.#reject(first + i, this.#error('refused', outcome))
      else waiting?.resolve(receiptOf(waiting.exchange, outcome, recordedAt))
      this.#waiting.delete(first + i)
    }
  }

  #reject(ticket: number, error: LedgerError): void {
    this.#waiting.get(ticket)?.reject(error)
    this.#waiting.delete(ticket)
  }

  /** Closed for good: nothing is acknowledged after an I/O error, not even what might have been written. */
  #end(code: LedgerErrorCode, problem: string): void {
    this.#ended ??= this.#error(code, problem)
    clearTimeout(this.#timer)
    for (const ticket of this.#waiting.keys()) this.#reject(ticket, this.#ended)
  }

  async #shut(): Promise<void> {
    const gone = new Promise<void>(resolve => {
      this.#worker.once('exit', () => resolve())
    })
    this.#flush()
    const message: ToWorker = { type: 'close' }
    this.#worker.postMessage(message)
    const hanging = setTimeout(() => this.#worker.terminate(), this.#timeoutMs + CLOSE_GRACE_MS)
    if (this.#worker.threadId > 0) await gone
    clearTimeout(hanging)
    this.#end(...CLOSED)
  }
}

/** Beside this file, in source and compiled form alike. */
function workerFile(): URL {
  return import.meta.url.endsWith('.ts')
    ? new URL('./ledger-worker.ts', import.meta.url)
    : new URL('./ledger-worker.js', import.meta.url)
}

/**
 * Opens the ledger file (made if absent, its folder must exist) in a worker thread and waits until the single-writer
 * lock is held, WAL with synchronous=FULL is confirmed and the end of the chain is checked. Rejects with LedgerError:
 * `locked` when another process writes the file, `unusable` when it is no ledger or cannot be durable, `broken` when
 * the chain does not hold.
 */
export function openLedger(configuration: LedgerConfiguration): Promise<Ledger> {
  const { file, diskWatermarkBytes, appendTimeoutMs } = configuration
  const workerData: WorkerOptions = {
    file,
    diskWatermarkBytes,
    busyTimeoutMs: appendTimeoutMs + BUSY_GRACE_MS,
  }
  const worker = new Worker(workerFile(), { workerData, execArgv: [], name: 'ledger' })
  return new Promise((resolve, reject) => {
    worker.once('error', error => reject(new LedgerError('failed', `ledger ${file}: ${error.message}`)))
    worker.once('exit', () => reject(new LedgerError('failed', `ledger ${file}: the worker ended at start`)))
    worker.once('message', (message: FromWorker) => {
      if (message.type === 'opened') return resolve(new WorkerLedger(worker, configuration, message.low))
      reject(
        message.type === 'failed' ? new LedgerError(message.code, message.message) : new Error(message.type),
      )
    })
  })
}

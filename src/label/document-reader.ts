import { Worker } from 'node:worker_threads'
import type { PendingDocument } from '../model/label.ts'
import type { ReadAnswer, ReadMessage } from './document-protocol.ts'

/** Reads documents that take time. */
export interface DocumentReader {
  /**
   * Text of a document; `unreadable` where it has none that can be read, or not within the limits; `unavailable` where
   * nobody tried, which may be different next time.
   */
  readonly read: (
    document: PendingDocument,
  ) => Promise<{ readonly text: string } | 'unreadable' | 'unavailable'>
  /** Ends what reads; documents that wait are `unavailable`. */
  readonly close: () => Promise<void>
}

export interface DocumentLimits {
  /** How long one document may take, ms. */
  readonly timeoutMs: number
  /** Largest document, bytes. */
  readonly bytes: number
  readonly pages: number
  /** Longest text. */
  readonly characters: number
  /** Documents that may wait at the same time. */
  readonly waiting: number
  /** How much the memory of the process may grow while one document is read, bytes. */
  readonly growth: number
}

const LIMITS: DocumentLimits = {
  timeoutMs: 5_000,
  bytes: 16 << 20,
  pages: 300,
  characters: 4_000_000,
  waiting: 128,
  growth: 1 << 30,
}

/** Heap of the worker, MB; what pdf.js inflates lies beside it and is watched. */
const WORKER_HEAP_MB = 256
const WATCH_MS = 50

/**
 * A reader of PDFs in a worker thread. The thread starts with the first document and keeps the process alive only while
 * it reads; one that takes too long, or too much, is ended, and the next document gets a new one.
 */
export function createDocumentReader(limits: Partial<DocumentLimits> = {}): DocumentReader {
  const reader = new WorkerReader({ ...LIMITS, ...limits })
  return { read: document => reader.read(document), close: () => reader.close() }
}

type Outcome = Awaited<ReturnType<DocumentReader['read']>>

interface Task {
  readonly id: number
  readonly bytes: Uint8Array
  readonly settle: (outcome: Outcome) => void
}

class WorkerReader {
  readonly #limits: DocumentLimits
  readonly #waiting: Task[] = []
  #worker: Worker | undefined
  #current: Task | undefined
  #timer: NodeJS.Timeout | undefined
  #watch: NodeJS.Timeout | undefined
  #next = 1
  #closed = false

  constructor(limits: DocumentLimits) {
    this.#limits = limits
  }

  async read({ data }: PendingDocument): Promise<Outcome> {
    const bytes = Uint8Array.from(Buffer.from(data, 'base64'))
    if (bytes.length > this.#limits.bytes) return 'unreadable'
    if (this.#closed || this.#waiting.length >= this.#limits.waiting) return 'unavailable'
    return new Promise(settle => {
      this.#waiting.push({ id: this.#next++, bytes, settle })
      this.#proceed()
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const task of this.#waiting.splice(0)) task.settle('unavailable')
    await this.#end('unavailable')
  }

  #proceed(): void {
    if (this.#current !== undefined) return
    const task = this.#waiting.shift()
    if (task === undefined) {
      this.#worker?.unref()
      return
    }
    this.#current = task
    const worker = this.#worker ?? this.#start()
    worker.ref()
    const { pages, characters, timeoutMs, growth } = this.#limits
    const message: ReadMessage = { id: task.id, bytes: task.bytes, limits: { pages, characters } }
    worker.postMessage(message, [task.bytes.buffer as ArrayBuffer])
    const before = process.memoryUsage.rss()
    this.#timer = setTimeout(() => void this.#end('unreadable'), timeoutMs)
    this.#watch = setInterval(() => {
      if (process.memoryUsage.rss() - before > growth) void this.#end('unreadable')
    }, WATCH_MS)
  }

  #start(): Worker {
    const worker = new Worker(workerFile(), {
      execArgv: [],
      name: 'documents',
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: WORKER_HEAP_MB, maxYoungGenerationSizeMb: 32 },
    })
    worker.on('message', ({ id, text }: ReadAnswer) => {
      if (this.#current?.id === id) this.#settle(text === undefined ? 'unreadable' : { text })
    })
    const gone = (): void => {
      if (this.#worker !== worker) return
      this.#worker = undefined
      this.#settle('unreadable')
    }
    worker.on('error', gone)
    worker.on('exit', gone)
    this.#worker = worker
    return worker
  }

  #settle(outcome: Outcome): void {
    clearTimeout(this.#timer)
    clearInterval(this.#watch)
    const task = this.#current
    this.#current = undefined
    task?.settle(outcome)
    this.#proceed()
  }

  /** The thread ends in whatever it is doing; the next document gets a new one. */
  async #end(outcome: Outcome): Promise<void> {
    const worker = this.#worker
    this.#worker = undefined
    this.#settle(outcome)
    await worker?.terminate()
  }
}

/** Beside this file, in source and compiled form alike. */
function workerFile(): URL {
  return import.meta.url.endsWith('.ts')
    ? new URL('./document-worker.ts', import.meta.url)
    : new URL('./document-worker.js', import.meta.url)
}

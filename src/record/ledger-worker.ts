import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { LedgerError } from './ledger-error.ts'
import type { AppendMessage, FromWorker, ToWorker, WorkerOptions } from './ledger-protocol.ts'
import { errorText } from './ledger-schema.ts'
import type { LedgerStore } from './ledger-store.ts'
import { openStore } from './ledger-store.ts'

/** Sets in one transaction at most, so that one commit stays short. */
const SETS_PER_COMMIT = 2000
/** How often an idle ledger looks after its disk. */
const WATCH_MS = 1000

const port = parentPort
if (!port) throw new Error('ledger-worker runs as a worker thread only')
const options = workerData as WorkerOptions
let store: LedgerStore | undefined
let low = false
let failed = false

function send(message: FromWorker): void {
  port?.postMessage(message)
}

/** No second try on the same file after an I/O error: what a failed fsync left behind is unknown. */
function fail(error: unknown): void {
  failed = true
  clearInterval(watch)
  const code = error instanceof LedgerError ? error.code : 'failed'
  send({ type: 'failed', code, message: errorText(error) })
}

function noteSpace(open: LedgerStore): void {
  const now = open.low()
  if (now !== low) send({ type: 'space', low: now })
  low = now
}

function reject(messages: readonly AppendMessage[], code: 'busy' | 'full', message: string): void {
  for (const { first, counts } of messages)
    send({ type: 'rejected', first, count: counts.length, code, message })
}

function commit(open: LedgerStore, messages: readonly AppendMessage[]): void {
  noteSpace(open)
  if (low) {
    reject(messages, 'full', `ledger ${options.file}: free disk space is below the watermark`)
    return
  }
  try {
    const { outcomes, recordedAt } = open.commit(messages)
    messages.forEach(({ first }, i) => {
      send({ type: 'committed', first, outcomes: outcomes[i] ?? [], recordedAt })
    })
  } catch (error) {
    if (!(error instanceof LedgerError) || error.code !== 'busy') throw error
    reject(messages, 'busy', error.message)
  }
}

function close(): void {
  clearInterval(watch)
  try {
    store?.close()
  } finally {
    store = undefined
    send({ type: 'closed' })
    port?.close()
  }
}

/** Everything that waits goes into one transaction; a close that waits behind it comes after. */
function drain(message: ToWorker): void {
  const appends: AppendMessage[] = []
  let sets = 0
  let closing = false
  for (let next: ToWorker | undefined = message; next; ) {
    closing = next.type === 'close'
    if (next.type === 'close') break
    appends.push(next)
    sets += next.counts.length
    next = sets < SETS_PER_COMMIT ? (receiveMessageOnPort(port as never)?.message as ToWorker) : undefined
  }
  if (store && !failed && appends.length > 0) commit(store, appends)
  if (closing) close()
}

function guarded(work: () => void): void {
  try {
    work()
  } catch (error) {
    fail(error)
  }
}

const watch = setInterval(() => {
  guarded(() => {
    if (!store) return
    noteSpace(store)
    store.expectPresent()
  })
}, WATCH_MS)

guarded(() => {
  store = openStore(options)
  low = store.low()
  port.on('message', (message: ToWorker) => guarded(() => drain(message)))
  send({ type: 'opened', low })
})

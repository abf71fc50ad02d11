import { parentPort } from 'node:worker_threads'
import type { ReadAnswer, ReadMessage } from './document-protocol.ts'

/** Reads PDFs in a thread of its own, which may be ended at any time. */

const port = parentPort
if (!port) throw new Error('document-worker runs as a worker thread only')

// The decompression of the platform has no bound in memory; that of pdf.js runs in this thread and ends with it.
Reflect.deleteProperty(globalThis, 'DecompressionStream')
const { pdfText } = await import('./pdf-text.ts')

let busy = Promise.resolve()

async function answer({ id, bytes, limits }: ReadMessage): Promise<void> {
  const text = await pdfText(bytes, limits).catch(() => undefined)
  const said: ReadAnswer = text === undefined ? { id } : { id, text }
  port?.postMessage(said)
}

port.on('message', (message: ReadMessage) => {
  busy = busy.then(() => answer(message))
})

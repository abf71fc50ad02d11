import type { OutboxEvent } from './outbox.ts'

/** What became of one event: arrived, refused for good with this status, or to be tried again. */
export type Delivery = 'arrived' | 'retry' | { readonly dead: number }

/** Asked before every request for headers, as a flat name, value list; told when they were refused with 401. */
export interface RepositoryCredential {
  readonly headers: () => readonly string[] | Promise<readonly string[]>
  readonly rejected?: () => void
}

export interface DeliveryOptions {
  /** Base URL of the audit repository, no trailing slash. */
  readonly baseUrl: string
  readonly fetch: typeof globalThis.fetch
  /** Our own right at the repository. */
  readonly credential: RepositoryCredential
}

/** Statuses that say: never, whatever is tried again. Others (401, 403, 404, 405 too) are a matter of set-up or time. */
const NEVER = new Set([400, 409, 410, 412, 413, 415, 422])
/** A repository that takes no batches says so with one of these; single PUTs follow. */
const NO_BATCH = new Set([400, 404, 405, 413, 415, 422, 501])
const RESPONSE_BYTES_MAX = 4 * 1024 * 1024

function judge(status: number): Delivery {
  if (status >= 200 && status < 300) return 'arrived'
  return NEVER.has(status) ? { dead: status } : 'retry'
}

interface Answer {
  readonly status: number
  readonly text: string
}

async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    if (bytes > RESPONSE_BYTES_MAX) throw new Error('answer of the audit repository is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

const FHIR_HEADERS = {
  'content-type': 'application/fhir+json',
  accept: 'application/fhir+json',
  prefer: 'return=minimal',
}

async function headersOf(credential: RepositoryCredential): Promise<Headers> {
  const headers = new Headers(FHIR_HEADERS)
  const own = await credential.headers()
  for (let i = 0; i + 1 < own.length; i += 2) headers.set(own[i] ?? '', own[i + 1] ?? '')
  return headers
}

async function send(
  options: DeliveryOptions,
  signal: AbortSignal,
  request: { method: string; path: string; body: string },
): Promise<Answer> {
  const response = await options.fetch(`${options.baseUrl}${request.path}`, {
    method: request.method,
    headers: await headersOf(options.credential),
    body: request.body,
    redirect: 'manual',
    signal,
  })
  if (response.status === 401) options.credential.rejected?.()
  return { status: response.status, text: await boundedText(response) }
}

/** `PUT {base}/AuditEvent/{uuid}`: the same event twice is the same resource, R4 AuditEvent having no identifier. */
export async function putOne(
  options: DeliveryOptions,
  signal: AbortSignal,
  event: { readonly kind: string; readonly id: string; readonly body: string },
): Promise<Delivery> {
  const request = { method: 'PUT', path: `/${event.kind}/${event.id}`, body: event.body }
  return judge((await send(options, signal, request)).status)
}

function batchBody(events: readonly OutboxEvent[]): string {
  const entries = events.map(
    ({ kind, id, body }) => `{"resource":${body},"request":{"method":"PUT","url":"${kind}/${id}"}}`,
  )
  return `{"resourceType":"Bundle","type":"batch","entry":[${entries.join(',')}]}`
}

/** `201 Created` → 201; anything else counts as to be tried again. */
function entryStatus(entry: unknown): number {
  const status = (entry as { response?: { status?: unknown } } | null)?.response?.status
  return typeof status === 'string' ? Number.parseInt(status, 10) : 0
}

function entriesOf(text: string): readonly unknown[] {
  try {
    const bundle = JSON.parse(text) as { entry?: unknown } | null
    return Array.isArray(bundle?.entry) ? bundle.entry : []
  } catch {
    return []
  }
}

/** One batch of PUTs. `no-batch`: the repository refuses the Bundle as such. */
export async function putBatch(
  options: DeliveryOptions,
  signal: AbortSignal,
  events: readonly OutboxEvent[],
): Promise<readonly Delivery[] | 'no-batch'> {
  const answer = await send(options, signal, { method: 'POST', path: '', body: batchBody(events) })
  if (NO_BATCH.has(answer.status)) return 'no-batch'
  if (answer.status !== 200) return ['retry']
  const entries = entriesOf(answer.text)
  return entries.length === events.length ? entries.map(entry => judge(entryStatus(entry))) : 'no-batch'
}

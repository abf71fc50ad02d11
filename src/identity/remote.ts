import type { JsonObject } from '../model/fhir.ts'
import { Refusal } from '../model/refusal.ts'

export interface FetchInit {
  readonly method: 'GET' | 'POST'
  readonly headers: Record<string, string>
  readonly body?: string
  /** Never followed: a redirect is a failure. */
  readonly redirect: 'manual'
  readonly signal: AbortSignal
}

interface FetchResponse {
  readonly status: number
  readonly body: AsyncIterable<Uint8Array> | null
}

/** What identity needs of `fetch`; the global one and undici's fit. */
export type Fetch = (url: string, init: FetchInit) => Promise<FetchResponse>

/** How an authorization server is asked. Times in ms. */
export interface Remote {
  readonly fetch: Fetch
  readonly now: () => Date
  /** Default 5000. */
  readonly timeoutMs?: number
  /** Aborted when the room closes. */
  readonly closing: AbortSignal
}

const TIMEOUT_MS = 5_000
/** Key sets and introspection answers are a few kB; more is not read. */
const BODY_LIMIT = 512 * 1024

async function readBody(response: FetchResponse): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength
    if (size > BODY_LIMIT) throw new Error('answer too large')
    chunks.push(chunk)
  }
  return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

async function ask(fetch: Fetch, url: string, init: FetchInit): Promise<JsonObject> {
  const response = await fetch(url, init)
  if (response.status !== 200) throw new Error(`status ${response.status}`)
  const parsed: unknown = JSON.parse(await readBody(response))
  if (!isObject(parsed)) throw new Error('expected a JSON object')
  return parsed
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stop = (): void => reject(new Error('timed out or closed'))
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
}

/**
 * The JSON object at `url`. Rejects on anything but 200 within the time-out: redirects, other statuses, bodies over
 * 512 kB, what is no JSON object.
 */
export async function fetchJson(
  remote: Remote,
  url: string,
  request: Pick<FetchInit, 'method' | 'headers' | 'body'>,
): Promise<JsonObject> {
  const timeout = AbortSignal.timeout(remote.timeoutMs ?? TIMEOUT_MS)
  const signal = AbortSignal.any([timeout, remote.closing])
  const init: FetchInit = { ...request, redirect: 'manual', signal }
  // The race bounds a fetch that does not heed its signal.
  return await Promise.race([ask(remote.fetch, url, init), aborted(signal)])
}

/** 503: who asks cannot be known now. Never a reason to treat the caller as anonymous. */
export function unavailable(detail: string): Refusal {
  return new Refusal('identity-unavailable', {
    diagnostics: 'The authorization server cannot be reached',
    detail,
    retryAfterSeconds: 5,
  })
}

/** Stops asking a server that fails: 1 s after the first failure, doubling to 30 s. */
export interface Breaker {
  readonly isOpen: () => boolean
  readonly succeeded: () => void
  readonly failed: () => void
}

export function createBreaker(now: () => Date): Breaker {
  let failures = 0
  let closedAt = 0
  return {
    isOpen: () => now().getTime() < closedAt,
    succeeded: () => {
      failures = 0
      closedAt = 0
    },
    failed: () => {
      closedAt = now().getTime() + Math.min(30_000, 1_000 * 2 ** failures)
      failures += 1
    },
  }
}

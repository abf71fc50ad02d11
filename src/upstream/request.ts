import type { Dispatcher } from 'undici'
import type { Limits } from '../model/configuration.ts'
import type { AnswerHeaders, Body } from './body.ts'
import { checkContentType, decodeBody } from './body.ts'
import type { Credential } from './credential.ts'
import { invalid, unavailable } from './refusals.ts'

/** What a GET brought: the decoded JSON body of a 200, or that there is nothing there (404, 410). */
export type Answer = Body | 'absent'

export interface Fetcher {
  /**
   * @param headers beside Accept, Accept-Encoding and the gateway's own credential
   * @param timeoutMs from now to the last byte
   * @throws Refusal `upstream-unavailable`, `upstream-invalid`
   */
  readonly get: (path: string, headers?: readonly string[], timeoutMs?: number) => Promise<Answer>
}

export interface FetcherOptions {
  readonly dispatcher: Dispatcher
  readonly origin: string
  readonly loopback: boolean
  readonly credential: Credential
  readonly limits: Limits
}

/** Sends GETs with the gateway's own headers only; nothing of a client's request ever comes here but the path. */
export function createFetcher(options: FetcherOptions): Fetcher {
  const { dispatcher, origin, credential, limits } = options
  const own = [
    'accept',
    'application/fhir+json',
    'accept-encoding',
    // On loopback there is no wire to save: packing and unpacking a page costs more than copying it.
    options.loopback ? 'identity' : 'gzip, br, deflate',
  ]

  const once = (path: string, headers: string[], deadline: number): Promise<RawAnswer> =>
    new Promise((resolve, reject) => {
      const call = new Call(limits.upstreamBodyBytes, deadline - performance.now(), resolve, reject)
      try {
        dispatcher.dispatch({ origin, path, method: 'GET', headers }, call)
      } catch (error) {
        call.onResponseError(undefined, error as Error)
      }
    })

  const get = async (path: string, more: readonly string[] = [], timeoutMs = limits.upstreamTimeoutMs) => {
    const deadline = performance.now() + timeoutMs
    const secret = credential.headers()
    const headers = [...own, ...more, ...(secret instanceof Promise ? await secret : secret)]
    let answer: RawAnswer
    try {
      answer = await once(path, headers, deadline)
    } catch (error) {
      if (!(error instanceof IdleConnectionClosed)) throw error
      answer = await once(path, headers, deadline).catch(second => {
        throw second instanceof IdleConnectionClosed
          ? unavailable('connection closed before an answer')
          : second
      })
    }
    return judge(answer, credential, limits)
  }
  return { get }
}

async function judge(answer: RawAnswer, credential: Credential, limits: Limits): Promise<Answer> {
  const { status, headers, body } = answer
  if (status === 200) {
    checkContentType(headers)
    return decodeBody(body, headers, limits)
  }
  if (status === 404 || status === 410) return 'absent'
  if (status === 401) credential.rejected()
  if (status === 401 || status === 403 || status === 429 || status >= 500) {
    throw unavailable(`upstream answered ${status}`, retryAfter(headers))
  }
  throw invalid(
    status >= 300 && status < 400 ? 'upstream answered a redirect' : `upstream answered ${status}`,
  )
}

/** Delay seconds of RFC 9110 10.2.3, at most an hour; dates are not read. */
function retryAfter(headers: AnswerHeaders): number | undefined {
  const value = headers['retry-after']
  return typeof value === 'string' && /^\d{1,6}$/.test(value) ? Math.min(Number(value), 3600) : undefined
}

interface RawAnswer {
  readonly status: number
  readonly headers: AnswerHeaders
  readonly body: Body
}

/** A kept-alive connection was closed by the other side before it sent a byte of this answer: safe to ask again. */
class IdleConnectionClosed extends Error {}

/** One request on the wire: collects the answer within its size and its deadline. */
class Call implements Dispatcher.DispatchHandler {
  readonly #limitBytes: number
  readonly #resolve: (answer: RawAnswer) => void
  readonly #reject: (reason: Error) => void
  readonly #timer: NodeJS.Timeout
  readonly #chunks: Buffer[] = []
  #controller: Dispatcher.DispatchController | undefined
  #failure: Error | undefined
  #begun = false
  #status = 0
  #headers: AnswerHeaders = {}
  #length = 0

  constructor(
    limitBytes: number,
    timeoutMs: number,
    resolve: (answer: RawAnswer) => void,
    reject: (reason: Error) => void,
  ) {
    this.#limitBytes = limitBytes
    this.#resolve = resolve
    this.#reject = reject
    this.#timer = setTimeout(
      () => this.#fail(unavailable('upstream did not answer in time')),
      Math.max(0, timeoutMs),
    )
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    // The deadline may have passed while the request waited for a free connection.
    if (this.#failure !== undefined) controller.abort(this.#failure)
  }

  onResponseStarted(): void {
    this.#begun = true
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: AnswerHeaders): void {
    if (status < 200) return
    this.#begun = true
    this.#status = status
    this.#headers = headers
    if (Number(headers['content-length']) > this.#limitBytes)
      this.#fail(invalid('body is larger than the limit'))
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#length += chunk.length
    if (this.#length > this.#limitBytes) this.#fail(invalid('body is larger than the limit'))
    else if (this.#status === 200) this.#chunks.push(chunk)
  }

  onResponseEnd(): void {
    clearTimeout(this.#timer)
    const body = { chunks: this.#chunks, length: this.#length }
    this.#resolve({ status: this.#status, headers: this.#headers, body })
  }

  onResponseError(_: Dispatcher.DispatchController | undefined, error: Error): void {
    this.#fail(this.#failure ?? refusalOf(error, this.#begun))
  }

  #fail(failure: Error): void {
    clearTimeout(this.#timer)
    if (this.#failure === undefined) {
      this.#failure = failure
      this.#controller?.abort(failure)
    }
    this.#reject(failure)
  }
}

interface SocketFailure {
  readonly code?: unknown
  readonly socket?: { readonly bytesRead?: number }
}

/** Messages of network errors hold addresses, so only the code is kept. */
function refusalOf(error: Error, begun: boolean): Error {
  const { code, socket } = error as SocketFailure
  const name = typeof code === 'string' && /^[A-Z0-9_]{1,40}$/.test(code) ? code : 'unknown error'
  if (!begun && isIdleClose(name, socket?.bytesRead)) return new IdleConnectionClosed()
  const malformed = name.startsWith('HPE_') || name === 'UND_ERR_HEADERS_OVERFLOW'
  return malformed ? invalid(`answer is not HTTP: ${name}`) : unavailable(`connection failed: ${name}`)
}

/** A socket that already served an answer, or a reset, which does not say. */
function isIdleClose(code: string, bytesRead: number | undefined): boolean {
  if (code === 'UND_ERR_SOCKET') return (bytesRead ?? 0) > 0
  return code === 'ECONNRESET' || code === 'EPIPE'
}

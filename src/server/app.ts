import { Buffer } from 'node:buffer'
import type { IncomingMessage, ServerResponse } from 'node:http'
import express, { type Express } from 'express'
import { createProxyMiddleware } from 'http-proxy-middleware'
import type { HttpRequest, HttpResponse } from '../model/exchange.ts'

export interface AppOptions {
  /** Path of the FHIR API, e.g. `/fhir`. */
  readonly basePath: string
  /** The one path every FHIR request walks. Never rejects. */
  readonly exchange: (request: HttpRequest) => Promise<HttpResponse>
  /** The path of CDS Hooks requests, under `/cds-services`. Never rejects. */
  readonly consult: (request: HttpRequest) => Promise<HttpResponse>
  /** Declarations of an emergency, under `/emergency-access`; absent: there is no such path. Never rejects. */
  readonly declareEmergency?: (request: HttpRequest) => Promise<HttpResponse>
  /** Takes notifications of changed Consents, under `/notify/consent`; absent: there is no such path. */
  readonly notify?: (request: HttpRequest) => HttpResponse
  /** The constant 503 for more requests at once than the limit. */
  readonly overload: () => HttpResponse
  readonly ready: () => Promise<boolean>
  /** Names the rules in force; told with readiness, so that gateways of a fleet can be compared. */
  readonly revision?: () => string
  readonly requestBodyBytes: number
  readonly requestsInFlight: number
  readonly passThrough: readonly { readonly path: string; readonly url: string }[]
}

/** Outside the FHIR API there is nothing; such a request is no exchange. */
const NOT_HERE: HttpResponse = {
  status: 404,
  headers: { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' },
  body: 'nothing here; the FHIR API is elsewhere\n',
}

/** Where CDS Hooks has its services; fixed by the specification, whatever the path of the FHIR API. */
const CDS_PATH = '/cds-services'
/** Where clinicians break the glass. */
const EMERGENCY_PATH = '/emergency-access'
/** Where other gateways and Subscriptions tell of changed Consents. */
const NOTIFY_PATH = '/notify/consent'

/** The door: bytes in, bytes out. It knows nothing of FHIR; method, target and headers are handed on as received. */
export function createApp(options: AppOptions): Express {
  const { revision } = options
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.get('/health/live', (_request, response) => {
    response.type('text/plain').send('live\n')
  })
  app.get('/health/ready', async (_request, response) => {
    const ready = await options.ready().catch(() => false)
    response
      .status(ready ? 200 : 503)
      .type('text/plain')
      .send(
        `${ready ? 'ready' : 'not ready'}\n${revision === undefined ? '' : `policy revision ${revision()}\n`}`,
      )
  })
  for (const { path, url } of options.passThrough) {
    app.use(path, (request, response, next) => (isPlain(request.url) ? next() : send(response, NOT_HERE)))
    app.use(path, passThrough(url))
  }
  let inFlight = 0
  app.use((request: IncomingMessage, response: ServerResponse) => {
    const walk = walkOf(targetOf(request), options)
    if (walk === undefined) return send(response, NOT_HERE)
    if (inFlight >= options.requestsInFlight) return send(response, options.overload())
    inFlight++
    serve(walk, options.requestBodyBytes, request, response)
      .catch(() => response.destroy())
      .finally(() => {
        inFlight--
      })
  })
  return app
}

/** Which path a request walks; undefined where there is nothing. */
function walkOf(target: string, options: AppOptions): AppOptions['exchange'] | undefined {
  const { notify, consult, declareEmergency, exchange, basePath } = options
  const isLocal = target.startsWith('/')
  if (notify !== undefined && isLocal && isUnder(target, NOTIFY_PATH)) return async asked => notify(asked)
  if (isLocal && isUnder(target, CDS_PATH)) return consult
  if (declareEmergency !== undefined && isLocal && isUnder(target, EMERGENCY_PATH)) return declareEmergency
  return isUnder(target, basePath) ? exchange : undefined
}

/**
 * Prefix match on the raw target: everything that could be meant for the FHIR API, however oddly written, goes to the
 * strict parser, which refuses what is odd. `originalUrl` is not used because nothing has rewritten the target here.
 */
function isUnder(target: string, basePath: string): boolean {
  // An absolute-form target (RFC 9112 3.2.2) may be meant for it too.
  if (!target.startsWith('/')) return true
  return target === basePath || target.startsWith(`${basePath}/`) || target.startsWith(`${basePath}?`)
}

async function serve(
  walk: AppOptions['exchange'],
  limitBytes: number,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await readBody(request, limitBytes)
  if (body === undefined) response.setHeader('Connection', 'close')
  const answer = await walk({
    method: request.method as string,
    target: targetOf(request),
    headers: pairs(request.rawHeaders),
    body: body ?? EMPTY_BODY,
    ...(body === undefined ? { oversized: true } : {}),
    remoteAddress: request.socket.remoteAddress ?? '',
  })
  send(response, answer)
}

/** Node leaves method and URL out of answers only, never of a server's request. */
function targetOf({ url }: IncomingMessage): string {
  return url as string
}

const EMPTY_BODY = new Uint8Array(0)

/** How much of a body that is too large is still read, so that its sender can hear the refusal. */
const DRAIN_BYTES = 16 << 20

/** The whole body, or undefined when it is larger than the limit; rejects when the client goes away. */
async function readBody(request: IncomingMessage, limitBytes: number): Promise<Uint8Array | undefined> {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
  if (encoding === undefined && (length === undefined || length === '0')) return EMPTY_BODY
  const chunks: Buffer[] = []
  let size = 0
  await new Promise<void>((resolve, reject) => {
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= limitBytes) chunks.push(chunk)
      else chunks.length = 0
      if (size > limitBytes + DRAIN_BYTES) resolve()
    })
    request.on('end', resolve)
    request.on('error', reject)
    request.on('close', () => reject(new Error('the client went away')))
  })
  return size > limitBytes ? undefined : Buffer.concat(chunks)
}

function pairs(rawHeaders: readonly string[]): (readonly [string, string])[] {
  const headers: (readonly [string, string])[] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2)
    headers.push([rawHeaders[i] as string, rawHeaders[i + 1] as string])
  return headers
}

function send(response: ServerResponse, answer: HttpResponse): void {
  response.writeHead(answer.status, { ...answer.headers, 'Content-Length': Buffer.byteLength(answer.body) })
  response.end(answer.body)
}

/** No dot segment, empty segment, backslash or encoded form of them in the path: nothing climbs out of what is passed. */
function isPlain(target: string): boolean {
  const path = target.split('?', 1)[0] ?? ''
  return !/\/\/|\\|%(?:2e|2f|5c|25)|(?:^|\/)\.{1,2}(?:\/|$)/i.test(path)
}

/** Only for configured paths that carry no patient data; an upstream failure is a plain 502. */
function passThrough(url: string): ReturnType<typeof createProxyMiddleware> {
  return createProxyMiddleware({
    target: url,
    changeOrigin: true,
    xfwd: false,
    on: {
      error: (_error, _request, response) => {
        if ('writeHead' in response && !response.headersSent) response.writeHead(502).end()
        else response.destroy()
      },
    },
  })
}

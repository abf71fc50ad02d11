import { Buffer } from 'node:buffer'
import { createServer, type Server, STATUS_CODES } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Express } from 'express'
import type { HttpRequest, HttpResponse } from '../model/exchange.ts'

export interface ListenOptions {
  readonly host: string
  readonly port: number
  readonly headerBytes: number
  /** Refuses and records what is no HTTP request that can be read. Never rejects. */
  readonly exchange: (request: HttpRequest) => Promise<HttpResponse>
}

export interface Listening {
  readonly port: number
  /** Stops taking requests, lets those in flight end (bounded), then closes. */
  readonly close: () => Promise<void>
}

const CLOSE_GRACE_MS = 3000
/** How often connections that fell idle are looked for while closing. */
const IDLE_SWEEP_MS = 50

/** Starts the HTTP server with a strict parser and time limits. Rejects with a plain message when the port is taken. */
export async function listen(app: Express, options: ListenOptions): Promise<Listening> {
  const server = createServer(
    {
      insecureHTTPParser: false,
      maxHeaderSize: options.headerBytes,
      requestTimeout: 30_000,
      headersTimeout: 10_000,
      keepAliveTimeout: 30_000,
      // An offer to switch protocols is a header like any other: the parser of requests refuses it.
      shouldUpgradeCallback: () => false,
    },
    app,
  )
  server.prependListener('request', (_request, response) => {
    if (!server.listening) response.shouldKeepAlive = false
  })
  server.on('checkExpectation', app)
  server.on('connect', (_request, socket) => socket.destroy())
  refuseUnreadable(server, options.exchange)
  await new Promise<void>((resolve, reject) => {
    server.once('error', error => reject(plain(error, options)))
    server.listen(options.port, options.host, resolve)
  })
  return { port: (server.address() as AddressInfo).port, close: () => close(server) }
}

const FAULTS: Readonly<Record<string, HttpRequest['unreadable']>> = {
  HPE_HEADER_OVERFLOW: 'headers',
  ERR_HTTP_REQUEST_TIMEOUT: 'time',
}

/**
 * Bytes that cannot be read as a request are answered like any refusal, once they are recorded, and the connection ends.
 * While an earlier request of the connection is being answered nothing is written: it would pass for that answer.
 */
function refuseUnreadable(server: Server, exchange: ListenOptions['exchange']): void {
  const answering = new WeakMap<Socket, number>()
  const count = (socket: Socket, more: number) => {
    answering.set(socket, (answering.get(socket) ?? 0) + more)
  }
  server.on('request', ({ socket }, response) => {
    count(socket, 1)
    response.once('close', () => count(socket, -1))
  })
  server.on('clientError', (error: NodeJS.ErrnoException, stream) => {
    const socket = stream as Socket
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy()
      return
    }
    const unreadable = FAULTS[error.code ?? ''] ?? 'syntax'
    const remoteAddress = socket.remoteAddress ?? ''
    exchange({
      method: '',
      target: '',
      headers: [],
      body: new Uint8Array(0),
      unreadable,
      remoteAddress,
    }).then(
      answer => {
        if (socket.writable && (answering.get(socket) ?? 0) === 0) socket.end(asText(answer))
        else socket.destroy()
      },
      () => socket.destroy(),
    )
  })
}

function asText({ status, headers, body }: HttpResponse): string {
  const lines = Object.entries({
    ...headers,
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  const text = typeof body === 'string' ? body : Buffer.from(body).toString('utf8')
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${text}`
}

function plain(error: NodeJS.ErrnoException, { host, port }: ListenOptions): Error {
  if (error.code === 'EADDRINUSE')
    return new Error(
      `port ${port} on ${host} is taken; stop the other program or set server.port (or --port)`,
    )
  return new Error(`cannot listen on ${host}:${port}: ${error.code ?? error.message}`)
}

/** A connection kept alive would keep the server open: those that fall idle are closed, after the grace all. */
async function close(server: Server): Promise<void> {
  const closed = new Promise<void>(resolve => server.close(() => resolve()))
  const sweep = setInterval(() => server.closeIdleConnections(), IDLE_SWEEP_MS)
  const timer = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS)
  await closed
  clearInterval(sweep)
  clearTimeout(timer)
}

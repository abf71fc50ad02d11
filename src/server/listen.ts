import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Express } from 'express'

export interface ListenOptions {
  readonly host: string
  readonly port: number
  readonly headerBytes: number
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
    },
    app,
  )
  server.prependListener('request', (_request, response) => {
    if (!server.listening) response.shouldKeepAlive = false
  })
  server.on('upgrade', (_request, socket) => socket.destroy())
  server.on('connect', (_request, socket) => socket.destroy())
  await new Promise<void>((resolve, reject) => {
    server.once('error', error => reject(plain(error, options)))
    server.listen(options.port, options.host, resolve)
  })
  return { port: (server.address() as AddressInfo).port, close: () => close(server) }
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

import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request of the demo servers: body read whole, path and query decoded by URL. */
export interface DemoRequest {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

export interface DemoResponse {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface DemoListener {
  /** Origin, e.g. `http://127.0.0.1:8082`, no trailing slash. */
  readonly origin: string
  readonly close: () => Promise<void>
}

const BODY_LIMIT_BYTES = 64 * 1024 * 1024
const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost'])

/**
 * Listens on a loopback address (the demo servers hold no secrets and keep none); port 0 takes a free one.
 * Throws Error for any other host, and where the port is taken.
 */
export async function listen(
  place: { readonly host?: string; readonly port?: number },
  handle: (request: DemoRequest) => Promise<DemoResponse>,
): Promise<DemoListener> {
  const host = place.host ?? '127.0.0.1'
  if (!LOOPBACK.has(host)) throw new Error(`demo server: expected a loopback host, found ${host}`)
  const server = createServer((request, response) => {
    void answer(request, handle).then(({ status, headers, body }) => {
      response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body ?? '') })
      response.end(request.method === 'HEAD' ? undefined : body)
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new Error(`demo server: port ${place.port ?? 0} on ${host} is taken; choose others with --port`)
          : error,
      ),
    )
    server.listen(place.port ?? 0, host, resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function answer(
  request: IncomingMessage,
  handle: (request: DemoRequest) => Promise<DemoResponse>,
): Promise<DemoResponse> {
  try {
    const body = await readBody(request)
    if (body === undefined) return { status: 413 }
    const url = new URL(request.url ?? '/', `http://${request.headers.host ?? 'localhost'}`)
    return await handle({ method: request.method ?? 'GET', url, headers: request.headers, body })
  } catch {
    return { status: 500 }
  }
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > BODY_LIMIT_BYTES) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

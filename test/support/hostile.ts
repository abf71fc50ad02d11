import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Answers a request badly, or leaves it alone by returning false. */
export type Badly = (path: string, response: ServerResponse, request: IncomingMessage) => boolean

/** A server between the gateway and the good one, which answers badly what it is told to. */
export interface Hostile {
  readonly url: string
  /** `METHOD /path` of what it answered badly. */
  readonly fooled: string[]
  /** The good server; set before the first request. */
  target: string
  badly: Badly
  readonly close: () => Promise<void>
}

export async function startHostile(): Promise<Hostile> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '').replace(/^\/fhir/, '')
    response.on('error', () => undefined)
    if (hostile.badly(path, response, request)) {
      hostile.fooled.push(`${request.method} ${path}`)
      return
    }
    well(hostile, path, request, response).catch(() => response.destroy())
  })
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const hostile: Hostile = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/fhir`,
    fooled: [],
    target: '',
    badly: () => false,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return hostile
}

/** The answer of the good server, with its base URL replaced. */
async function well(hostile: Hostile, path: string, request: IncomingMessage, response: ServerResponse) {
  const body = (await Array.fromAsync(request)) as Buffer[]
  const answer = await fetch(hostile.target + path, {
    method: request.method ?? 'GET',
    headers: { 'content-type': request.headers['content-type'] ?? 'application/fhir+json' },
    ...(body.length === 0 ? {} : { body: Buffer.concat(body) }),
  })
  const text = (await answer.text()).replaceAll(hostile.target, hostile.url)
  response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
  response.end(text)
}

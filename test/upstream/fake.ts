import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Limits, UpstreamCredential } from '../../src/model/configuration.ts'
import type { Upstream } from '../../src/model/doors.ts'
import { Refusal } from '../../src/model/refusal.ts'
import { createUpstream } from '../../src/upstream/upstream.ts'

export const LIMITS: Limits = {
  requestBodyBytes: 1_000_000,
  urlBytes: 8_000,
  headerBytes: 16_000,
  parameters: 50,
  pageSizeDefault: 20,
  pageSizeMax: 100,
  upstreamTimeoutMs: 1_000,
  upstreamBodyBytes: 1_000_000,
  compressionRatio: 50,
  jsonDepth: 30,
  upstreamConnections: 4,
  scannedEntries: 1_000,
  consentsPerPatient: 10,
  consentCacheMs: 5_000,
  lookupCacheMs: 60_000,
  contentCacheBytes: 8_000_000,
  pageTokenSeconds: 300,
  clockSkewSeconds: 60,
  requestsInFlight: 100,
}

export type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** A FHIR server of the test's own making on loopback, and the door to it. */
export interface Fake {
  readonly base: string
  readonly upstream: Upstream
  readonly requests: IncomingMessage[]
  /** The clock of the gateway; tests move it. */
  readonly clock: { now: number }
  handle: Handler
  readonly close: () => Promise<void>
}

export interface FakeOptions {
  readonly limits?: Partial<Limits>
  readonly credential?: UpstreamCredential
  readonly readFile?: (path: string) => string
}

export async function fake(handle: Handler, options: FakeOptions = {}): Promise<Fake> {
  const server = createServer((request, response) => {
    made.requests.push(request)
    made.handle(request, response)
  })
  await listen(server)
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/fhir`
  const clock = { now: 1_700_000_000_000 }
  const upstream = createUpstream(
    { url: base, credential: options.credential ?? { kind: 'none' } },
    { ...LIMITS, ...options.limits },
    { now: () => clock.now, readFile: options.readFile ?? (() => '') },
  )
  const made: Fake = {
    base,
    upstream,
    requests: [],
    clock,
    handle,
    close: async () => {
      server.closeAllConnections()
      await upstream.close()
      await new Promise(resolve => server.close(resolve))
    },
  }
  return made
}

function listen(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.listen(0, '127.0.0.1', resolve)
  })
}

export function send(
  response: ServerResponse,
  body: unknown,
  status = 200,
  headers: Record<string, string> = {},
): void {
  const bytes = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
  response.writeHead(status, { 'content-type': 'application/fhir+json;charset=UTF-8', ...headers })
  response.end(bytes)
}

export function searchset(resources: readonly object[], next?: string): object {
  return {
    resourceType: 'Bundle',
    type: 'searchset',
    link: [{ relation: 'self', url: 'x' }, ...(next === undefined ? [] : [{ relation: 'next', url: next }])],
    entry: resources.map(resource => ({ fullUrl: 'urn:x', resource, search: { mode: 'match' } })),
  }
}

/** The refusal a promise ends in, as `code: detail`; fails where it does not. */
export async function refusalOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    if (error instanceof Refusal) return `${error.code}: ${error.detail ?? ''}`
    throw error
  }
  throw new Error('expected a refusal')
}

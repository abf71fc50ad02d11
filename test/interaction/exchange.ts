import type { InteractionOptions } from '../../src/interaction/parser.ts'
import { createInteractionParser } from '../../src/interaction/parser.ts'
import type { Identified } from '../../src/model/exchange.ts'
import type { SearchInteraction } from '../../src/model/interaction.ts'
import { Refusal, type RefusalCode } from '../../src/model/refusal.ts'

export const NOW = new Date('2026-03-01T12:00:30Z')

export const OPTIONS: InteractionOptions = {
  basePath: '/fhir',
  baseUrl: 'https://gw.example/fhir',
  limits: {
    requestBodyBytes: 20_000,
    urlBytes: 8_000,
    headerBytes: 16_000,
    parameters: 40,
    pageSizeDefault: 20,
    pageSizeMax: 100,
    upstreamTimeoutMs: 1,
    upstreamBodyBytes: 1,
    compressionRatio: 1,
    jsonDepth: 1,
    upstreamConnections: 1,
    scannedEntries: 1,
    consentsPerPatient: 1,
    consentCacheMs: 1,
    lookupCacheMs: 1,
    contentCacheBytes: 1,
    pageTokenSeconds: 600,
    clockSkewSeconds: 1,
    requestsInFlight: 1,
  },
  pageKey: new Uint8Array(32).fill(7),
  revision: 'r1',
  now: () => NOW,
}

export interface Asked {
  readonly method?: string
  readonly headers?: readonly (readonly [string, string])[]
  readonly body?: string | Uint8Array
  readonly key?: string
  readonly client?: string
  readonly purposes?: readonly [string, ...string[]]
  readonly receivedAt?: Date
}

export const FORM = ['Content-Type', 'application/x-www-form-urlencoded'] as const

/** An exchange whose requester and request are only as much as the parser looks at. */
export function exchange(target: string, asked: Asked = {}): Identified {
  return {
    id: '0190-0000',
    receivedAt: asked.receivedAt ?? NOW,
    correlation: {},
    request: {
      method: asked.method ?? 'GET',
      target,
      headers: asked.headers ?? [
        ['Host', 'gw.example'],
        ['Accept', 'application/fhir+json'],
      ],
      body: Buffer.from(asked.body ?? ''),
      remoteAddress: '192.0.2.1',
    },
    requester: {
      key: asked.key ?? 'https://idp.example|user|1',
      client: asked.client ?? 'ehr',
      hipaa: 'covered-entity',
      part2: 'none',
      userRoles: [],
      actors: [],
      scopes: [],
      claims: {},
      residual: [],
    },
    purposeOfUse: { effective: asked.purposes ?? ['TREAT'], asserted: [], registered: [] },
  }
}

export const parser = createInteractionParser(OPTIONS)

export function understand(target: string, asked: Asked = {}) {
  return parser.understand(exchange(target, asked))
}

export function search(target: string, asked: Asked = {}): SearchInteraction {
  const interaction = understand(target, asked)
  if (interaction.code !== 'search-type') throw new Error(`expected a search, got ${interaction.code}`)
  return interaction
}

/** The code the parse is refused with; anything but a Refusal is a defect and is thrown on. */
export function refusalOf(attempt: () => unknown): RefusalCode | 'accepted' {
  try {
    attempt()
    return 'accepted'
  } catch (error) {
    if (error instanceof Refusal) return error.code
    throw error
  }
}

/** Path and query of a link the gateway minted. */
export function targetOf(link: string): string {
  const { pathname, search: query } = new URL(link)
  return pathname + query
}

import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose'
import { createIdentity, type IdentityOptions } from '../../src/identity/identity.ts'
import type { Fetch, FetchInit } from '../../src/identity/remote.ts'
import type { IssuerConfiguration } from '../../src/model/configuration.ts'
import type { Received } from '../../src/model/exchange.ts'
import { SYSTEM } from '../../src/model/fhir.ts'
import type { DataInteraction } from '../../src/model/interaction.ts'
import type { ResourceFacts } from '../../src/model/label.ts'
import { Refusal, type RefusalCode } from '../../src/model/refusal.ts'
import type { ClientRegistration } from '../../src/model/requester.ts'

export const BASE = 'https://gw.example/fhir'
export const ISSUER = 'https://as.example'
const START = Date.parse('2026-06-15T12:00:00Z')

export const PURPOSES: Record<string, string> = Object.fromEntries(
  ['TREAT', 'BTG', 'HPAYMT', 'HOPERAT', 'PATRQT', 'HRESCH'].flatMap(code => [
    [code, code],
    [`${SYSTEM.actReason}|${code}`, code],
    [`urn:oid:2.16.840.1.113883.5.8#${code}`, code],
  ]),
)

export interface Signer {
  readonly jwk: JWK
  readonly sign: (claims: JWTPayload, header?: Record<string, unknown>) => Promise<string>
}

export async function createSigner(kid: string, alg = 'ES256'): Promise<Signer> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  return {
    jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' },
    sign: (claims, header = {}) =>
      new SignJWT(claims).setProtectedHeader({ alg, kid, typ: 'at+jwt', ...header }).sign(privateKey),
  }
}

export function issuer(over: Partial<IssuerConfiguration> = {}): IssuerConfiguration {
  return {
    issuer: ISSUER,
    jwksUri: `${ISSUER}/jwks`,
    algorithms: ['RS256', 'ES256', 'ES384'],
    maxLifetimeSeconds: 3600,
    ...over,
  }
}

export function client(over: Partial<ClientRegistration> = {}): ClientRegistration {
  return {
    issuer: ISSUER,
    clientId: 'hospital',
    name: 'Hospital',
    organization: 'Organization/hospital',
    identifiers: [{ system: 'urn:ietf:rfc:3986', value: 'urn:oid:1.2.3.4' }],
    npi: '1234567893',
    state: 'NE',
    hipaa: 'covered-entity',
    part2: 'none',
    role: 'provider',
    relationship: 'treating',
    purposes: ['TREAT', 'HPAYMT', 'HOPERAT'],
    defaultPurpose: 'TREAT',
    agreements: [],
    requiredAgreements: [],
    userRequired: false,
    mfaRequired: false,
    breakGlass: false,
    purposeHeader: false,
    views: [],
    enabled: true,
    ...over,
  }
}

/** A clock that stands until it is moved. */
export function createClock(at = START) {
  let current = at
  return {
    now: () => new Date(current),
    seconds: () => Math.floor(current / 1000),
    advance: (ms: number) => {
      current += ms
    },
  }
}
export type Clock = ReturnType<typeof createClock>

/** Claims of a good system token; `undefined` takes a claim away. */
export function claims(clock: Clock, over: Record<string, unknown> = {}): JWTPayload {
  const iat = clock.seconds()
  const all = {
    iss: ISSUER,
    sub: 'hospital',
    client_id: 'hospital',
    aud: BASE,
    iat,
    exp: iat + 300,
    jti: 'j1',
    scope: 'system/*.rs',
    ...over,
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

export const asUser = { sub: 'u1', scope: 'user/*.rs', fhirUser: 'Practitioner/p1' }

function received(headers: readonly (readonly [string, string])[]): Received {
  return {
    id: 'x1',
    receivedAt: new Date(START),
    request: {
      method: 'GET',
      target: '/fhir/Patient/1',
      headers,
      body: new Uint8Array(),
      remoteAddress: '127.0.0.1',
    },
    correlation: {},
  }
}

export function bearer(token: string, ...more: (readonly [string, string])[]): Received {
  return received([['Authorization', `Bearer ${token}`], ...more])
}

export function json(body: unknown, status = 200): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } })
}

/** A network of canned answers that counts what is asked; a missing address throws like a refused connection. */
export function createNetwork(routes: Record<string, (init: FetchInit) => Response | Promise<Response>>) {
  const calls: string[] = []
  const fetch: Fetch = async (url, init) => {
    calls.push(url)
    const route = routes[url]
    if (route === undefined) throw new TypeError('fetch failed')
    return await route(init)
  }
  return { fetch, calls, routes }
}

export function open(
  options: Partial<IdentityOptions>,
  fetch: Fetch,
  clock: Clock,
  deps: { timeoutMs?: number; readSecret?: (file: string) => string } = {},
) {
  return createIdentity(
    {
      issuers: [issuer()],
      audience: [],
      clients: [client()],
      limits: { clockSkewSeconds: 60 },
      baseUrl: BASE,
      purposeMap: PURPOSES,
      ...options,
    },
    { fetch, now: clock.now, readSecret: () => 's3cret\n', ...deps },
  )
}

/** The refusal of an attempt, or a failure of the test that names what came instead. */
export async function refusalOf(attempt: Promise<unknown>): Promise<Refusal> {
  try {
    await attempt
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
  throw new Error('expected a refusal, but the attempt was let through')
}

export async function codeOf(attempt: Promise<unknown>): Promise<RefusalCode> {
  return (await refusalOf(attempt)).code
}

export const read = (resourceType: string): DataInteraction => ({ code: 'read', resourceType, id: '1' })
export const search = (resourceType: string): DataInteraction => ({
  code: 'search-type',
  resourceType,
  parameters: [],
  count: 20,
  includes: [],
  offset: 0,
  canonical: '',
  method: 'GET',
})

const NO_PATIENT = new Set(['Organization', 'Practitioner', 'Location', 'Medication'])
let made = 0

export function facts(
  resource: { resourceType: string; id: string; [key: string]: unknown },
  patients: readonly string[] = [],
): ResourceFacts {
  made += 1
  return {
    hash: `h${made}`,
    bytes: new TextEncoder().encode(JSON.stringify(resource)),
    type: resource.resourceType,
    id: resource.id,
    reference: `${resource.resourceType}/${resource.id}`,
    patients,
    patientData: !NO_PATIENT.has(resource.resourceType),
    references: [],
    labels: [],
    codings: [],
    dates: [],
    profiles: [],
    sourceReferences: [],
    lineageReferences: [],
  }
}

import { hash as digest } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { IssuerConfiguration, Limits } from '../model/configuration.ts'
import type { Identity } from '../model/doors.ts'
import type { Identified, Received } from '../model/exchange.ts'
import { Refusal } from '../model/refusal.ts'
import type { ClientRegistration, PurposeOfUse, Requester, VerifiedToken } from '../model/requester.ts'
import { createCalendar } from './agreements.ts'
import { bearerToken } from './bearer.ts'
import { readClaims, type TokenClaims } from './claims.ts'
import {
  type ClientRegistry,
  checkAgreements,
  checkOrganization,
  checkUser,
  createClientRegistry,
} from './client.ts'
import type { ReadSecret } from './introspection.ts'
import { createPurposes, effectivePurposes, narrowByHeader, type Purposes } from './purpose.ts'
import { admit, createReach } from './reach.ts'
import { createReferences, type References } from './references.ts'
import type { Fetch } from './remote.ts'
import { readPrincipal, toRequester } from './requester.ts'
import { createVerifier, type Verified, type Verify } from './verifier.ts'

export interface IdentityOptions {
  readonly issuers: readonly IssuerConfiguration[]
  /** Accepted `aud` values beside `baseUrl`. */
  readonly audience: readonly string[]
  readonly clients: readonly ClientRegistration[]
  readonly limits: Pick<Limits, 'clockSkewSeconds'>
  /** External base of the FHIR API, no trailing slash. */
  readonly baseUrl: string
  /** Accepted purpose codes (`system|code`, `urn:oid:…#CODE`, bare) → v3-ActReason code. */
  readonly purposeMap: Readonly<Record<string, string>>
  /** Further bases under which claims name resources of this server, e.g. the upstream's. */
  readonly fhirBases?: readonly string[]
  /** IANA zone of agreement dates; default UTC. */
  readonly zone?: string
}

export interface IdentityDependencies {
  readonly fetch: Fetch
  readonly now: () => Date
  /** The text of a secret file; white space around it is dropped. */
  readonly readSecret: ReadSecret
  /** Time-out of one request to an authorization server, ms; default 5000. */
  readonly timeoutMs?: number
}

/** What a token leads to, kept by its hash. */
interface Known {
  readonly requester: Requester
  readonly registration: ClientRegistration
  readonly purposeOfUse: PurposeOfUse
  readonly expiresAt: number
  readonly until: number
}

const TOKENS_MAX = 10_000

/** BALP OAUTHaccessTokenUse.Opaque: the last 32 characters; at most half, so that a short token is not kept whole. */
function opaqueTail(token: string): string {
  return token.slice(-Math.min(32, Math.floor(token.length / 2)))
}

function toVerifiedToken(token: string, verified: Verified, claims: TokenClaims): VerifiedToken {
  const { subject, jti } = claims
  return {
    issuer: verified.issuer.issuer,
    subject: subject ?? claims.clientId,
    clientId: claims.clientId,
    ...(jti === undefined ? {} : { jti }),
    expiresAt: verified.expiresAt,
    ...(verified.opaque || jti === undefined ? { opaqueTail: opaqueTail(token) } : {}),
    authenticationMethods: claims.methods,
  }
}

interface Rooms {
  readonly verify: Verify
  readonly registry: ClientRegistry
  readonly purposes: Purposes
  readonly references: References
  readonly calendar: (at: Date) => string
  readonly now: () => Date
}

/** The cold path: token → claims → client → agreements, user, factors → purpose. Rejects with Refusal. */
async function resolve(token: string, hash: string, rooms: Rooms): Promise<Known> {
  const verified = await rooms.verify(token, hash)
  const issuer = verified.issuer.issuer
  const claims = readClaims(verified.claims, rooms.references)
  const registration = rooms.registry(issuer, claims.clientId)
  checkOrganization(registration, claims.organizations, rooms.references)
  checkAgreements(registration, rooms.now(), rooms.calendar)
  const principal = readPrincipal(issuer, claims, hash)
  checkUser(registration, claims, principal.hasUser)
  const asserted = rooms.purposes.asserted(verified.claims, verified.issuer)
  return {
    requester: toRequester(toVerifiedToken(token, verified, claims), claims, principal, registration),
    registration,
    purposeOfUse: effectivePurposes(asserted, registration, principal.hasUser),
    expiresAt: verified.expiresAt,
    until: verified.until,
  }
}

/** Finished requesters by token hash; simultaneous first uses of a token are one verification. */
function createKnownTokens(find: (token: string, hash: string) => Promise<Known>, now: () => Date) {
  const known = new LRUCache<string, Known>({ max: TOKENS_MAX })
  const running = new Map<string, Promise<Known>>()
  const seek = async (token: string, hash: string): Promise<Known> => {
    try {
      const found = await find(token, hash)
      known.set(hash, found)
      return found
    } finally {
      running.delete(hash)
    }
  }
  return {
    get: (token: string): Known | Promise<Known> => {
      const hash = digest('sha256', token, 'base64url')
      const found = known.get(hash)
      if (found !== undefined && found.until > now().getTime()) return found
      const pending = running.get(hash) ?? seek(token, hash)
      running.set(hash, pending)
      return pending
    },
    clear: () => known.clear(),
  }
}

/** The gateway's base with and without its trailing slash, and what else the site accepts as `aud`. */
function audienceOf({ baseUrl, audience }: IdentityOptions): readonly string[] {
  return [baseUrl, `${baseUrl}/`, ...audience]
}

/**
 * The door of identity/. Tokens in, Requester and PurposeOfUse out; every refusal is thrown before any upstream call.
 * Throws at start when issuers or clients contradict each other. Nothing of it outlives a change of configuration.
 */
export function createIdentity(options: IdentityOptions, deps: IdentityDependencies): Identity {
  const closing = new AbortController()
  const { now, timeoutMs } = deps
  const remote = {
    fetch: deps.fetch,
    now,
    closing: closing.signal,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  }
  const audience = audienceOf(options)
  const { clockSkewSeconds } = options.limits
  const rooms: Rooms = {
    verify: createVerifier({ issuers: options.issuers, audience, clockSkewSeconds }, remote, deps.readSecret),
    registry: createClientRegistry(options.clients),
    purposes: createPurposes(options.purposeMap),
    references: createReferences([...audience, ...(options.fhirBases ?? [])]),
    calendar: createCalendar(options.zone ?? 'UTC'),
    now,
  }
  const tokens = createKnownTokens((token, hash) => resolve(token, hash, rooms), now)

  const identify = async (received: Received): Promise<Identified> => {
    const { headers } = received.request
    const { requester, registration, purposeOfUse, expiresAt } = await tokens.get(bearerToken(headers))
    const at = now()
    if ((expiresAt + clockSkewSeconds) * 1000 <= at.getTime()) {
      throw new Refusal('token-expired', { diagnostics: 'exp: expected the future' })
    }
    checkAgreements(registration, at, rooms.calendar)
    const narrowed = registration.purposeHeader
      ? narrowByHeader(purposeOfUse, headers, rooms.purposes)
      : purposeOfUse
    return { ...received, requester, purposeOfUse: narrowed }
  }
  return {
    identify,
    admit,
    reaches: createReach(),
    close: () => {
      closing.abort()
      tokens.clear()
    },
  }
}

import type { IssuerConfiguration } from '../model/configuration.ts'
import type { JsonObject } from '../model/fhir.ts'
import { hasMetadata } from './discovery.ts'
import { createIntrospection, type Introspect, type ReadSecret } from './introspection.ts'
import { createKeySource, type KeySource } from './jwks.ts'
import {
  checkAlgorithms,
  checkHeader,
  checkTimes,
  checkUnbound,
  invalidToken,
  isSymmetric,
  peekJwt,
  type Verification,
  verifyJwt,
} from './jwt.ts'
import type { Remote } from './remote.ts'

/** A JWT is verified anew after this long, so that a withdrawn key ends its tokens; ms. */
const VERIFIED_MS = 600_000

/** A token that its issuer stands for. */
export interface Verified {
  readonly issuer: IssuerConfiguration
  readonly claims: JsonObject
  /** `exp`, seconds since the epoch. */
  readonly expiresAt: number
  /** Until when this verification may be used, ms since the epoch. */
  readonly until: number
  readonly opaque: boolean
}

interface Issuer {
  readonly configuration: IssuerConfiguration
  readonly keys?: KeySource
  readonly introspect?: Introspect
}

export interface VerifierOptions {
  readonly issuers: readonly IssuerConfiguration[]
  readonly audience: readonly string[]
  readonly clockSkewSeconds: number
}

function toIssuer(configuration: IssuerConfiguration, remote: Remote, readSecret: ReadSecret): Issuer {
  const { issuer, jwksUri, introspection } = configuration
  checkAlgorithms(configuration)
  const hasKeys = jwksUri !== undefined || hasMetadata(issuer)
  if (!hasKeys && introspection === undefined) {
    throw new Error(`issuers[${issuer}]: expected jwksUri or introspection, for the issuer is no URL`)
  }
  return {
    configuration,
    ...(hasKeys ? { keys: createKeySource(issuer, jwksUri, remote) } : {}),
    ...(introspection === undefined
      ? {}
      : { introspect: createIntrospection(introspection, remote, readSecret) }),
  }
}

function toIssuers(options: VerifierOptions, remote: Remote, readSecret: ReadSecret) {
  const issuers = new Map<string, Issuer>()
  for (const configuration of options.issuers) {
    const { issuer } = configuration
    if (issuers.has(issuer)) throw new Error(`issuers[${issuer}]: expected one entry`)
    issuers.set(issuer, toIssuer(configuration, remote, readSecret))
  }
  return issuers
}

/** `aud` and `iss` of an introspection answer are optional (RFC 7662 2.2); where they stand they must fit. */
function checkAnswer(claims: JsonObject, issuer: IssuerConfiguration, audience: readonly string[]): void {
  const { iss, aud, token_type: type } = claims
  if (iss !== undefined && iss !== issuer.issuer) throw invalidToken('iss: expected the introspecting issuer')
  const named = Array.isArray(aud) ? aud : [aud]
  const fits = named.some(value => typeof value === 'string' && audience.includes(value))
  if (aud !== undefined && !fits) throw invalidToken('aud: expected this gateway')
  if (type !== undefined && (typeof type !== 'string' || type.toLowerCase() !== 'bearer')) {
    throw invalidToken('token_type: expected Bearer')
  }
}

/** Verifies access tokens. Rejects with Refusal `token-invalid`, `token-expired` or `identity-unavailable`. */
export type Verify = (token: string, hash: string) => Promise<Verified>

/** Throws at start when an issuer cannot work: no keys, symmetric algorithms, two entries of one name. */
export function createVerifier(options: VerifierOptions, remote: Remote, readSecret: ReadSecret): Verify {
  const issuers = toIssuers(options, remote, readSecret)
  const introspecting = [...issuers.values()].filter(issuer => issuer.introspect !== undefined)
  const { audience, clockSkewSeconds } = options
  const check = (): Verification => ({ audience, clockSkewSeconds, now: remote.now() })

  const finish = (
    issuer: IssuerConfiguration,
    claims: JsonObject,
    until: number,
    opaque: boolean,
  ): Verified => {
    checkUnbound(claims)
    return { issuer, claims, expiresAt: checkTimes(claims, issuer, check()), until, opaque }
  }
  const bySignature = async (token: string, { configuration, keys }: Issuer): Promise<Verified> => {
    if (keys === undefined) throw invalidToken('token signature: no keys of the issuer')
    const claims = await verifyJwt(token, configuration, keys, check())
    return finish(configuration, claims, remote.now().getTime() + VERIFIED_MS, false)
  }
  const byIntrospection = async (
    token: string,
    hash: string,
    candidates: readonly Issuer[],
  ): Promise<Verified> => {
    let outage: unknown
    for (const { configuration, introspect } of candidates) {
      const answer = await introspect?.(token, hash).catch((error: unknown) => {
        outage = error
        return undefined
      })
      if (answer?.claims === undefined) continue
      checkAnswer(answer.claims, configuration, audience)
      return finish(configuration, answer.claims, answer.until, true)
    }
    // The one that could not be asked might have known the token.
    throw outage ?? invalidToken('token: expected an active one')
  }
  return async (token, hash) => {
    const peek = peekJwt(token)
    if (peek === undefined) return await byIntrospection(token, hash, introspecting)
    const issuer = issuers.get(peek.issuer)
    if (issuer === undefined) throw invalidToken('iss: expected a configured issuer')
    const hasNoKey = isSymmetric(peek.algorithm) || issuer.keys === undefined
    if (hasNoKey && issuer.introspect !== undefined) return await byIntrospection(token, hash, [issuer])
    checkHeader(peek, issuer.configuration)
    return await bySignature(token, issuer)
  }
}

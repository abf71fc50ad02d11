import { decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import { JOSEError, JWTClaimValidationFailed, JWTExpired } from 'jose/errors'
import type { IssuerConfiguration } from '../model/configuration.ts'
import type { JsonObject } from '../model/fhir.ts'
import { Refusal } from '../model/refusal.ts'
import type { KeySource } from './jwks.ts'
import { isObject } from './remote.ts'

/** Digital signatures with a public key (RFC 7518 3.1, RFC 8037). No issuer can be configured to take another. */
const ASYMMETRIC = new Set([
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512'],
  ...['EdDSA', 'Ed25519'],
])
const TYPES = new Set(['at+jwt', 'jwt'])

export interface Verification {
  readonly audience: readonly string[]
  readonly clockSkewSeconds: number
  readonly now: Date
}

/** What a JWT says of itself before anyone believed it: only good for choosing who is to judge it. */
export interface Peek {
  readonly algorithm: string
  readonly issuer: string
  readonly header: Readonly<Record<string, unknown>>
}

export function invalidToken(diagnostics: string): Refusal {
  return new Refusal('token-invalid', { diagnostics })
}

/** Throws where an issuer's algorithms leave the asymmetric ones, or are none. */
export function checkAlgorithms(issuer: IssuerConfiguration): void {
  const wrong = issuer.algorithms.length === 0 || issuer.algorithms.some(name => !ASYMMETRIC.has(name))
  if (wrong) throw new Error(`issuers[${issuer.issuer}].algorithms: expected asymmetric JWS algorithms`)
}

function decoded(token: string): { header: Record<string, unknown>; claims: JsonObject } | undefined {
  try {
    return { header: { ...decodeProtectedHeader(token) }, claims: decodeJwt<JsonObject>(token) }
  } catch {
    return undefined
  }
}

/** RFC 9068 2.1 `at+jwt`, or plain `JWT`; absent is allowed by RFC 7519 5.1. Every other kind of JWT is no access token. */
function isAccessTokenType(typ: unknown): boolean {
  if (typ === undefined) return true
  return typeof typ === 'string' && TYPES.has(typ.toLowerCase().replace(/^application\//, ''))
}

/**
 * Undefined for what is no signed JWT (an opaque token).
 * Throws Refusal `token-invalid` for a JWT without signature or issuer.
 */
export function peekJwt(token: string): Peek | undefined {
  if (token.split('.').length !== 3) return undefined
  const parts = decoded(token)
  if (parts === undefined) return undefined
  const { header, claims } = parts
  const algorithm = header['alg']
  if (typeof algorithm !== 'string' || algorithm.toLowerCase() === 'none') {
    throw invalidToken('token header alg: expected a signature')
  }
  const issuer = claims['iss']
  if (typeof issuer !== 'string') throw invalidToken('iss: expected a configured issuer')
  return { algorithm, issuer, header }
}

/** Throws Refusal `token-invalid` for a header that the issuer does not use: algorithm, `typ`, any `crit`. */
export function checkHeader({ header, algorithm }: Peek, issuer: IssuerConfiguration): void {
  if (!issuer.algorithms.includes(algorithm))
    throw invalidToken('token header alg: expected one of the issuer')
  if (header['crit'] !== undefined) throw invalidToken('token header crit: expected none')
  if (!isAccessTokenType(header['typ'])) throw invalidToken('token header typ: expected at+jwt or JWT')
}

/** HS256 and its kin: the gateway holds no shared secret, so only the issuer can judge (introspection). */
export function isSymmetric(algorithm: string): boolean {
  return algorithm.startsWith('HS')
}

function numeric(claims: JsonObject, name: string): number | undefined {
  const value = claims[name]
  if (value === undefined) return undefined
  if (typeof value !== 'number' || !Number.isFinite(value)) throw invalidToken(`${name}: expected a number`)
  return value
}

/**
 * Times of RFC 7519 4.1 with a tolerance: throws `token-expired` or `token-invalid`; returns `exp`, seconds.
 * Without `iat` (allowed in an introspection answer) the lifetime left stands for the lifetime.
 */
export function checkTimes(claims: JsonObject, issuer: IssuerConfiguration, check: Verification): number {
  const now = check.now.getTime() / 1000
  const skew = check.clockSkewSeconds
  const expiresAt = numeric(claims, 'exp')
  const issuedAt = numeric(claims, 'iat')
  const notBefore = numeric(claims, 'nbf')
  if (expiresAt === undefined) throw invalidToken('exp: expected a number')
  if (expiresAt + skew <= now) throw new Refusal('token-expired', { diagnostics: 'exp: expected the future' })
  if (notBefore !== undefined && notBefore > now + skew) throw invalidToken('nbf: expected the past')
  if (issuedAt !== undefined && issuedAt > now + skew) throw invalidToken('iat: expected the past')
  if (expiresAt - (issuedAt ?? now + skew) > issuer.maxLifetimeSeconds) {
    throw invalidToken(`exp: expected at most ${issuer.maxLifetimeSeconds} s after iat`)
  }
  return expiresAt
}

/** `cnf` (RFC 7800) binds a token to a key whose proof this door cannot see: as Bearer it is a downgrade (RFC 9449 7.2). */
export function checkUnbound(claims: JsonObject): void {
  if (claims['cnf'] !== undefined) throw invalidToken('cnf: expected a token that is not sender-constrained')
}

const EXPECTED: Readonly<Record<string, string>> = {
  iss: 'a configured issuer',
  aud: 'this gateway',
  sub: 'a string',
  exp: 'a number',
  iat: 'a number',
  nbf: 'the past',
}

function refusal(error: unknown): unknown {
  if (error instanceof JWTExpired) {
    return new Refusal('token-expired', { diagnostics: 'exp: expected the future' })
  }
  if (error instanceof JWTClaimValidationFailed) {
    return new Refusal('token-invalid', {
      diagnostics: `${error.claim}: expected ${EXPECTED[error.claim] ?? 'another value'}`,
      detail: error.code,
    })
  }
  // The error itself is not passed on: it may carry claims.
  if (error instanceof JOSEError) {
    return new Refusal('token-invalid', { diagnostics: 'token signature: not valid', detail: error.code })
  }
  return error
}

/**
 * The claims of a JWT access token signed by `issuer` for this gateway (RFC 9068 4). Keys come from the issuer's own set:
 * `jwk`, `jku`, `x5c` and `x5u` of the header are never read.
 * Throws Refusal `token-invalid`, `token-expired` or `identity-unavailable`.
 */
export async function verifyJwt(
  token: string,
  issuer: IssuerConfiguration,
  keys: KeySource,
  check: Verification,
): Promise<JsonObject> {
  try {
    const { payload } = await jwtVerify(token, (header, jws) => keys.keyFor(header, jws), {
      algorithms: [...issuer.algorithms],
      issuer: issuer.issuer,
      audience: [...check.audience],
      requiredClaims: ['exp', 'iat', 'sub'],
      clockTolerance: check.clockSkewSeconds,
      currentDate: check.now,
    })
    const claims: unknown = payload
    if (!isObject(claims)) throw invalidToken('token: expected a claims object')
    return claims
  } catch (error) {
    throw refusal(error)
  }
}

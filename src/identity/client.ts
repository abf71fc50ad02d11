import { Refusal } from '../model/refusal.ts'
import type { ClientRegistration } from '../model/requester.ts'
import { missingAgreement } from './agreements.ts'
import { type NamedOrganization, NPI_OID, NPI_SYSTEM, type TokenClaims } from './claims.ts'
import { invalidToken } from './jwt.ts'
import type { References } from './references.ts'

export type ClientRegistry = (issuer: string, clientId: string) => ClientRegistration

/** Clients by (issuer, client_id). Throws at start when two share both. The look-up throws `client-unknown`, `client-disabled`. */
export function createClientRegistry(clients: readonly ClientRegistration[]): ClientRegistry {
  const byKey = new Map<string, ClientRegistration>()
  for (const client of clients) {
    const key = JSON.stringify([client.issuer, client.clientId])
    if (byKey.has(key)) throw new Error(`clients[${client.clientId}]: expected one entry for its issuer`)
    byKey.set(key, client)
  }
  return (issuer, clientId) => {
    const client = byKey.get(JSON.stringify([issuer, clientId]))
    if (client === undefined) {
      throw new Refusal('client-unknown', { diagnostics: 'client_id: expected a registered client' })
    }
    if (!client.enabled) throw new Refusal('client-disabled', { diagnostics: 'client_id: disabled' })
    return client
  }
}

/** Throws Refusal `agreement-required` unless every required agreement is on file and current. */
export function checkAgreements(
  registration: ClientRegistration,
  at: Date,
  calendar: (at: Date) => string,
): void {
  const missing = missingAgreement(registration, at, calendar)
  if (missing === undefined) return
  throw new Refusal('agreement-required', { diagnostics: `client: expected a current ${missing} on file` })
}

/** Factor of each authentication method of RFC 8176 that shows one. */
const FACTORS: Readonly<Record<string, 'knows' | 'has' | 'is'>> = {
  ...{ pwd: 'knows', pin: 'knows', kba: 'knows' },
  ...{ otp: 'has', sms: 'has', tel: 'has', hwk: 'has', swk: 'has', sc: 'has', pop: 'has' },
  ...{ fpt: 'is', face: 'is', iris: 'is', retina: 'is', vbm: 'is' },
}
/** Authentication context classes that mean more than one factor: REFEDS MFA, OpenID PAPE, NIST 800-63 AAL2 and AAL3. */
const MULTI_FACTOR_CLASSES = new Set([
  'https://refeds.org/profile/mfa',
  'http://schemas.openid.net/pape/policies/2007/06/multi-factor',
  'http://idmanagement.gov/ns/assurance/aal/2',
  'http://idmanagement.gov/ns/assurance/aal/3',
])

function isMultiFactor(claims: TokenClaims): boolean {
  if (claims.methods.includes('mfa')) return true
  if (claims.contextClass !== undefined && MULTI_FACTOR_CLASSES.has(claims.contextClass)) return true
  const factors = claims.methods.map(method => (Object.hasOwn(FACTORS, method) ? FACTORS[method] : undefined))
  return new Set(factors.filter(factor => factor !== undefined)).size > 1
}

/** Throws Refusal `user-required` or `mfa-required`, as the registration asks. */
export function checkUser(registration: ClientRegistration, claims: TokenClaims, hasUser: boolean): void {
  if (registration.userRequired && !hasUser) {
    throw new Refusal('user-required', { diagnostics: 'token: expected a named user' })
  }
  if (registration.mfaRequired && !isMultiFactor(claims)) {
    throw new Refusal('mfa-required', { diagnostics: 'amr, acr: expected multi-factor authentication' })
  }
}

/** Every way the registered organization may be written in a claim. */
function registeredNames(registration: ClientRegistration): ReadonlySet<string> {
  const names = new Set<string>()
  if (registration.organization !== undefined) names.add(registration.organization)
  const npi = registration.npi
  const identifiers = [
    ...registration.identifiers,
    ...(npi === undefined ? [] : [NPI_OID, NPI_SYSTEM].map(system => ({ system, value: npi }))),
  ]
  for (const { system, value } of identifiers) {
    names.add(value)
    if (/^[0-9]+(\.[0-9]+)+$/.test(value)) names.add(`urn:oid:${value}`)
    if (system !== undefined) names.add(`${system}#${value}`).add(`${system}|${value}`)
  }
  return names
}

/**
 * The token may name the organization, and must then name the registered one, by reference or identifier.
 * A registration that names none has nothing to contradict. Throws Refusal `token-invalid`.
 */
export function checkOrganization(
  registration: ClientRegistration,
  organizations: readonly NamedOrganization[],
  references: References,
): void {
  const names = registeredNames(registration)
  if (names.size === 0) return
  for (const { claim, value } of organizations) {
    if (names.has(value) || names.has(references.local(value) ?? value)) continue
    throw invalidToken(`${claim}: expected the organization registered for the client`)
  }
}

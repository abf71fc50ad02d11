import type { LiteralReference } from '../model/fhir.ts'
import type {
  ClientRegistration,
  Requester,
  RequesterActor,
  SmartScope,
  VerifiedToken,
} from '../model/requester.ts'
import { NPI_OID, NPI_SYSTEM, type TokenClaims } from './claims.ts'
import { invalidToken } from './jwt.ts'
import { parseNamedScopes, parseScopes } from './scopes.ts'

/**
 * Who a token stands for. `client`: the client itself (Backend Services, client credentials); `user`: a subject of the
 * issuer; `launch`: a user whom the issuer does not name.
 */
export interface Principal {
  readonly kind: 'client' | 'user' | 'launch'
  /** True where a person is identified by the token. */
  readonly hasUser: boolean
  readonly scopes: readonly SmartScope[]
  readonly key: string
}

function kindOf(claims: TokenClaims, scopes: readonly SmartScope[]): Principal['kind'] {
  if (claims.subject === claims.clientId) return 'client'
  const delegated = scopes.some(scope => scope.context !== 'system')
  if (claims.subject === undefined) return delegated ? 'launch' : 'client'
  const named =
    claims.fhirUser !== undefined ||
    claims.userName !== undefined ||
    claims.subjectIdentifiers.length > 0 ||
    claims.spokenFor.length > 0
  return delegated || named ? 'user' : 'client'
}

function spokenFor(claims: TokenClaims): readonly string[] {
  return claims.spokenFor.map(({ system, value }) => `${system ?? ''}|${value}`)
}

/**
 * Principal by (issuer, kind, id), never by `sub` alone (RFC 9700 4.15); the client is part of it, because what is minted
 * for a user of one client must not serve the same user of another.
 */
function keyOf(kind: Principal['kind'], issuer: string, claims: TokenClaims, hash: string): string {
  const parts: readonly (string | undefined)[] =
    kind === 'client'
      ? [claims.clientId, ...spokenFor(claims)]
      : kind === 'user'
        ? [claims.subject, claims.clientId]
        : [claims.clientId, claims.fhirUser ?? claims.patient ?? hash]
  return JSON.stringify([issuer, kind, ...parts])
}

/**
 * `system/` scopes speak for a client, `patient/` and `user/` scopes for a user: those of the other kind are dropped.
 * `hash` is that of the token. Throws Refusal `token-invalid` where it is both.
 */
export function readPrincipal(issuer: string, claims: TokenClaims, hash: string): Principal {
  if (claims.subject === claims.clientId && claims.fhirUser !== undefined) {
    throw invalidToken('fhirUser: expected none where sub is the client')
  }
  const scopes = parseScopes(claims.scope)
  const kind = kindOf(claims, scopes)
  return {
    kind,
    hasUser: kind === 'user' || claims.fhirUser !== undefined || claims.spokenFor.length > 0,
    scopes: scopes.filter(scope => (scope.context === 'system') === (kind === 'client')),
    key: keyOf(kind, issuer, claims, hash),
  }
}

function isLocal(reference: string): reference is LiteralReference {
  return !reference.includes('://')
}

function userActors(issuer: string, claims: TokenClaims, kind: Principal['kind']): readonly RequesterActor[] {
  // The subject of a client's own token is the client: whom the registration describes, not the token.
  const person = kind === 'client' ? [] : claims.subjectIdentifiers
  const identifiers = [...person, ...claims.spokenFor]
  const actors: RequesterActor[] = identifiers.map(identifier => ({ role: 'recipient', identifier }))
  const user = claims.fhirUser
  if (user !== undefined) {
    actors.push(
      isLocal(user)
        ? { role: 'recipient', reference: user }
        : { role: 'recipient', identifier: { system: 'urn:ietf:rfc:3986', value: user } },
    )
  }
  if (kind === 'user' && claims.subject !== undefined) {
    actors.push({ role: 'recipient', identifier: { system: issuer, value: claims.subject } })
  }
  return actors
}

/** Every reference and identifier that a registered organization answers to. */
export function organizationActors(registration: ClientRegistration): readonly RequesterActor[] {
  const { organization, identifiers, npi } = registration
  const systems = npi === undefined ? [] : [NPI_SYSTEM, NPI_OID]
  const named = [...identifiers, ...systems.map(system => ({ system, value: npi ?? '' }))]
  return [
    ...(organization === undefined ? [] : [{ role: 'recipient', reference: organization } as const]),
    ...named.map(identifier => ({ role: 'recipient', identifier }) as const),
  ]
}

/**
 * Role and relationship are the registered ones, except where the token disproves them: in a patient's app a user who is
 * not the patient of the launch is neither the patient nor `self`.
 */
function standing(registration: ClientRegistration, claims: TokenClaims) {
  const { role, relationship } = registration
  const { fhirUser, patient } = claims
  const registered = { role, ...(relationship === undefined ? {} : { relationship }) }
  const asPatient = role === 'patient' || relationship === 'self'
  if (!asPatient || fhirUser === undefined) return registered
  if (fhirUser === patient || (patient === undefined && fhirUser.startsWith('Patient/'))) {
    return { role, relationship: 'self' } as const
  }
  // The same id under a base that this gateway does not know proves nothing either way.
  if (patient !== undefined && fhirUser.endsWith(`/${patient}`)) return registered
  return { role: role === 'patient' ? 'family' : role, relationship: 'none' } as const
}

/** A Requester from verified facts: the registration says what law asks, the token who acts. `claims` trusts no token. */
export function toRequester(
  token: VerifiedToken,
  claims: TokenClaims,
  principal: Principal,
  registration: ClientRegistration,
): Requester {
  const { organization, state } = registration
  const { fhirUser, userName, patient, onlyPatient } = claims
  const namedScopes = parseNamedScopes(claims.scope)
  return {
    key: principal.key,
    client: registration.clientId,
    registration,
    token,
    name: registration.name,
    ...(organization === undefined ? {} : { organization }),
    ...(state === undefined ? {} : { state }),
    hipaa: registration.hipaa,
    part2: registration.part2,
    ...standing(registration, claims),
    ...(fhirUser === undefined ? {} : { user: fhirUser }),
    ...(userName === undefined || !principal.hasUser ? {} : { userName }),
    userRoles: claims.userRoles,
    actors: [...organizationActors(registration), ...userActors(token.issuer, claims, principal.kind)],
    scopes: principal.scopes,
    ...(namedScopes.length === 0 ? {} : { namedScopes }),
    ...(patient === undefined ? {} : { patient }),
    ...(onlyPatient === undefined ? {} : { onlyPatient }),
    claims: {},
    residual: claims.residual,
  }
}

import type { Engine } from '../engine.ts'
import { createCalendar } from '../identity/agreements.ts'
import type { TokenClaims } from '../identity/claims.ts'
import { checkAgreements, checkUser } from '../identity/client.ts'
import { createPurposes, effectivePurposes } from '../identity/purpose.ts'
import { readPrincipal, toRequester } from '../identity/requester.ts'
import type { Configuration } from '../model/configuration.ts'
import type { LiteralReference } from '../model/fhir.ts'
import { Refusal } from '../model/refusal.ts'
import type { ClientRegistration, PurposeOfUse, Requester } from '../model/requester.ts'
import { list } from './consent-new-input.ts'
import { type Options, textOption, UsageError } from './table.ts'

/** Whom a preview is for: a registered client as the gateway would know it by a token that is in order. */
export interface PreviewedFor {
  readonly registration: ClientRegistration
  readonly requester: Requester
  readonly purposeOfUse: PurposeOfUse
  /** Purposes that were asked for and are not registered for the client. */
  readonly leftOut: readonly string[]
}

const USER = /^(?:Practitioner|PractitionerRole|Patient|RelatedPerson|Person)\/[A-Za-z0-9\-.]{1,64}$/

/**
 * The requester of `--as`, `--user`, `--purpose`. Throws UsageError for a mistake of the caller, Refusal where the gateway
 * would refuse such a requester before it looks at any data.
 */
export function previewedFor(
  options: Options,
  { clients, policy }: Configuration,
  engine: Engine,
  about: { readonly patient: string; readonly at: Date },
): PreviewedFor {
  const registration = clientOf(options, clients)
  if (!registration.enabled) throw new Refusal('client-disabled')
  checkAgreements(registration, about.at, createCalendar(policy.zone))
  const claims = claimsOf(options, registration, about.patient)
  const principal = readPrincipal(registration.issuer, claims, '')
  checkUser(registration, claims, principal.hasUser)
  const token = {
    issuer: registration.issuer,
    subject: claims.fhirUser ?? registration.clientId,
    clientId: registration.clientId,
    expiresAt: 0,
    authenticationMethods: claims.methods,
  }
  const asserted = purposesOf(options, engine)
  const purposeOfUse = effectivePurposes(asserted, registration, principal.hasUser)
  return {
    registration,
    requester: toRequester(token, claims, principal, registration),
    purposeOfUse,
    leftOut: (asserted ?? []).filter(code => !purposeOfUse.effective.includes(code)),
  }
}

function clientOf(options: Options, clients: readonly ClientRegistration[]): ClientRegistration {
  const asked = textOption(options, 'as')
  const issuer = textOption(options, 'issuer')
  const ids = [...new Set(clients.map(({ clientId }) => clientId))].join(', ')
  if (asked === undefined) throw new UsageError(`--as: expected a registered client: ${ids}`)
  const found = clients.filter(
    one => one.clientId === asked && (issuer === undefined || one.issuer === issuer),
  )
  const [one] = found
  if (one === undefined) throw new UsageError(`--as: ${asked}: expected one of ${ids}`)
  if (found.length > 1)
    throw new UsageError(
      `--issuer: ${asked} is registered with ${found.map(client => client.issuer).join(', ')}; expected one of them`,
    )
  return one
}

/** The token this client would come with: every scope, every factor, and the user who was named. */
function claimsOf(options: Options, registration: ClientRegistration, patient: string): TokenClaims {
  const isPatientApp = registration.role === 'patient' || registration.relationship === 'self'
  const user = textOption(options, 'user') ?? (isPatientApp ? patient : undefined)
  if (user !== undefined && !USER.test(user))
    throw new UsageError(
      `--user: ${user}: expected Practitioner/x, PractitionerRole/x, Patient/x, RelatedPerson/x or Person/x`,
    )
  const context = user === undefined ? 'system' : isPatientApp ? 'patient' : 'user'
  return {
    clientId: registration.clientId,
    ...(user === undefined ? { subject: registration.clientId } : { fhirUser: user }),
    ...(isPatientApp ? { patient: patient as LiteralReference } : {}),
    scope: `${context}/*.rs`,
    userRoles: [],
    subjectIdentifiers: [],
    spokenFor: [],
    organizations: [],
    residual: [],
    methods: ['mfa'],
  }
}

function purposesOf(options: Options, { profiles }: Engine): readonly string[] | undefined {
  const given = textOption(options, 'purpose')
  if (given === undefined) return undefined
  const { normalise } = createPurposes(profiles.purposeMap)
  return list(given).map(code => {
    const known = normalise(code)
    if (known === undefined)
      throw new UsageError(`--purpose: ${code}: expected a v3-ActReason code such as TREAT`)
    return known
  })
}

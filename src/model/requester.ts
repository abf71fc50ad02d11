import type { Coding, Identifier, JsonObject, LiteralReference } from './fhir.ts'

/** HIPAA status of an organization (45 CFR 160.103). */
export type HipaaStatus = 'covered-entity' | 'business-associate' | 'none'
/** Standing under 42 CFR Part 2 (2.11). */
export type Part2Status = 'program' | 'qso' | 'lawful-holder' | 'intermediary' | 'none'

/** Roles as `profiles/deployment/question.schema.json` names them. */
export type RequesterRole =
  | 'provider'
  | 'medical-personnel'
  | 'trainee'
  | 'billing-staff'
  | 'payer'
  | 'aco'
  | 'life-insurer'
  | 'business-associate'
  | 'contractor'
  | 'vendor'
  | 'patient'
  | 'parent'
  | 'personal-representative'
  | 'family'
  | 'public-health'
  | 'pdmp'
  | 'fda'
  | 'researcher'
  | 'auditor'
  | 'oversight'
  | 'hhs'
  | 'coroner'
  | 'legal'
  | 'court'
  | 'law-enforcement'
  | 'government-agency'
  | 'employer'
  | 'commercial'
  | 'social-service'
  | 'school'
  | 'landlord'

export type Relationship =
  | 'treating'
  | 'none'
  | 'originator'
  | 'member'
  | 'attributed'
  | 'self'
  | 'parent'
  | 'representative'
  | 'family'
  | 'involved-in-care'
  | 'training'
  | 'oversight'
  | 'own-counsel'
  | 'own-counsel-of-custodian'

/** A contract on file: BAA (164.504(e)), QSOA (2.11), DUA (164.514(e)), P2-AUDIT (2.53), P2-CONTRACT (2.33(c)). */
export interface Agreement {
  readonly kind: 'BAA' | 'QSOA' | 'DUA' | 'P2-AUDIT' | 'P2-CONTRACT'
  readonly party?: string
  readonly with?: string
  readonly status?: 'active' | 'ended'
  readonly start?: string
  readonly end?: string
  readonly services?: readonly string[]
  readonly purposes?: readonly string[]
  readonly resourceTypes?: readonly string[]
}

/** One client as the site registered it: `clients` of the configuration. */
export interface ClientRegistration {
  readonly issuer: string
  readonly clientId: string
  readonly name: string
  readonly organization?: LiteralReference
  readonly identifiers: readonly Identifier[]
  readonly npi?: string
  /** Postal address in one line, for accountings of disclosures. */
  readonly address?: string
  /** Two-letter state. Absent means unknown, which counts as out of state. */
  readonly state?: string
  readonly hipaa: HipaaStatus
  readonly part2: Part2Status
  readonly role: RequesterRole
  readonly relationship?: Relationship
  /** v3-ActReason codes this client may claim. */
  readonly purposes: readonly string[]
  readonly defaultPurpose?: string
  readonly agreements: readonly Agreement[]
  /** Kinds of agreement without a current one of which the client is refused. */
  readonly requiredAgreements: readonly Agreement['kind'][]
  readonly userRequired: boolean
  readonly mfaRequired: boolean
  readonly breakGlass: boolean
  /** Whether the `X-Purpose-Of-Use` header may narrow the purposes of the token. */
  readonly purposeHeader: boolean
  readonly views: readonly string[]
  /** Client ids of the same issuer for whose organizations this client may consult; absent: for its own alone. */
  readonly consultFor?: readonly string[]
  readonly enabled: boolean
}

/** One SMART scope, v1 normalised to v2. https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html */
export interface SmartScope {
  readonly context: 'patient' | 'user' | 'system'
  /** Resource type or `*`. */
  readonly resourceType: string
  readonly create: boolean
  readonly read: boolean
  readonly update: boolean
  readonly delete: boolean
  readonly search: boolean
  /** Granular constraints on own elements: name → values (comma = OR). */
  readonly constraints: readonly { readonly name: string; readonly value: string }[]
}

/** The token as verified; never its bytes. */
export interface VerifiedToken {
  readonly issuer: string
  readonly subject: string
  readonly clientId: string
  /** `jti`, or absent where the issuer gives none. */
  readonly jti?: string
  /** Seconds since the epoch. */
  readonly expiresAt: number
  /** Last 32 characters for an opaque token (BALP OAUTHaccessTokenUse.Opaque), absent for a JWT with jti. */
  readonly opaqueTail?: string
  readonly authenticationMethods: readonly string[]
}

/** IHE PCF residual rule in a token (extensions.ihe_pcf.residual), ANDed with our own decision. */
export interface ResidualRule {
  readonly type: 'forbid' | 'permit'
  readonly raw: JsonObject
}

/**
 * Who asks. Field names are those of the question; identity, role and relationship are verified facts.
 * `key` names the principal by (issuer, kind, id), never by `sub` alone (RFC 9700 4.15).
 */
export interface Requester {
  readonly key: string
  readonly client: string
  readonly registration?: ClientRegistration
  readonly token?: VerifiedToken
  readonly name?: string
  readonly organization?: LiteralReference
  readonly state?: string
  readonly hipaa: HipaaStatus
  readonly part2: Part2Status
  readonly role?: RequesterRole
  /** Reference of the user (Practitioner, PractitionerRole, Patient, RelatedPerson); absent = a system. */
  readonly user?: string
  readonly userName?: string
  readonly userRoles: readonly Coding[]
  readonly relationship?: Relationship
  /** Every reference and identifier this requester answers to, for Consent actors. */
  readonly actors: readonly RequesterActor[]
  readonly scopes: readonly SmartScope[]
  /** Scopes that are no SMART resource scopes and that the gateway knows by name. */
  readonly namedScopes?: readonly string[]
  /** Launch context: the one patient a `patient/` scope reaches. */
  readonly patient?: LiteralReference
  /** The token speaks of this patient only (IHE PCF `patient_id`): no scope reaches another's data. */
  readonly onlyPatient?: LiteralReference
  /** Assertions that came with the request or evidence the privacy office entered (`requester.claims` of a question). */
  readonly claims: JsonObject
  readonly residual: readonly ResidualRule[]
}

export interface RequesterActor {
  readonly role: 'recipient' | 'discloser' | 'source'
  readonly reference?: LiteralReference
  readonly identifier?: Identifier
}

/** Purpose of use: asserted ∩ registered. All effective ones must permit. */
export interface PurposeOfUse {
  /** v3-ActReason codes (or local EMPLOY, OTHER). Never empty. */
  readonly effective: readonly [string, ...string[]]
  readonly asserted: readonly string[]
  readonly registered: readonly string[]
}

/** Who a release goes to, for pseudonyms that are those of one recipient: the client, named with its issuer. */
export function recipientOf({ registration, client, organization }: Requester): string {
  if (registration !== undefined) return JSON.stringify([registration.issuer, registration.clientId])
  return JSON.stringify([client === '' ? (organization ?? '') : client])
}

import type { Coding, Identifier, JsonObject, JsonValue, LiteralReference } from '../model/fhir.ts'
import type { ResidualRule } from '../model/requester.ts'
import { invalidToken } from './jwt.ts'
import type { References } from './references.ts'
import { isObject } from './remote.ts'
import { readResidual } from './residual.ts'

/** US National Provider Identifier: as FHIR and as the OID that UDAP writes. */
export const NPI_SYSTEM = 'http://hl7.org/fhir/sid/us-npi'
export const NPI_OID = 'urn:oid:2.16.840.1.113883.4.6'
const URI_SYSTEM = 'urn:ietf:rfc:3986'

/** One claim that names an organization, with its place for diagnostics. */
export interface NamedOrganization {
  readonly claim: string
  readonly value: string
}

/** The claims that identity rests on, each of the expected type. Display names of organizations are not among them. */
export interface TokenClaims {
  readonly clientId: string
  readonly subject?: string
  readonly jti?: string
  readonly scope: string
  readonly patient?: LiteralReference
  readonly onlyPatient?: LiteralReference
  /** `Type/id` of this server, or an absolute URL elsewhere. */
  readonly fhirUser?: string
  readonly userName?: string
  readonly userRoles: readonly Coding[]
  /** Identifiers of the token's subject (IHE IUA). */
  readonly subjectIdentifiers: readonly Identifier[]
  /** The person whom a client speaks for in a token of its own (HL7 FAST B2B `subject_id`). */
  readonly spokenFor: readonly Identifier[]
  readonly organizations: readonly NamedOrganization[]
  readonly residual: readonly ResidualRule[]
  readonly methods: readonly string[]
  readonly contextClass?: string
}

function objectAt(parent: JsonObject, name: string, claim: string): JsonObject {
  const value = parent[name]
  if (value === undefined) return {}
  if (!isObject(value)) throw invalidToken(`${claim}: expected an object`)
  return value
}

function textAt(parent: JsonObject, name: string, claim: string): string | undefined {
  const value = parent[name]
  if (value === undefined) return undefined
  if (typeof value !== 'string' || value === '') throw invalidToken(`${claim}: expected a string`)
  return value
}

function textsAt(claims: JsonObject, name: string): readonly string[] {
  const value = claims[name]
  if (value === undefined) return []
  const entries: readonly (JsonValue | undefined)[] = Array.isArray(value) ? value : [value]
  return entries.map(entry => {
    if (typeof entry !== 'string') throw invalidToken(`${name}: expected strings`)
    return entry
  })
}

/** RFC 9068 2.2 `client_id`; `azp` stands in for it and must not contradict it. */
function readClientId(claims: JsonObject): string {
  const clientId = textAt(claims, 'client_id', 'client_id')
  const azp = textAt(claims, 'azp', 'azp')
  if (clientId !== undefined && azp !== undefined && clientId !== azp) {
    throw invalidToken('azp: expected the same client as client_id')
  }
  const found = clientId ?? azp
  if (found === undefined) throw invalidToken('client_id: expected a string')
  return found
}

/** SMART launch context: an id or a Patient reference of this server. */
function patientAt(parent: JsonObject, name: string, claim: string, references: References) {
  const text = textAt(parent, name, claim)
  if (text === undefined) return undefined
  const reference = references.local(text.includes('/') ? text : `Patient/${text}`)
  if (!reference?.startsWith('Patient/')) throw invalidToken(`${claim}: expected a patient of this server`)
  return reference
}

const USER_TYPES = /^(?:Practitioner|PractitionerRole|Patient|RelatedPerson|Person)\/[A-Za-z0-9\-.]{1,64}$/
const ABSOLUTE_USER =
  /^https?:\/\/[!-~]+\/(?:Practitioner|PractitionerRole|Patient|RelatedPerson|Person)\/[A-Za-z0-9\-.]{1,64}$/

/** SMART `fhirUser`. A user of another server keeps its absolute URL: `Practitioner/1` elsewhere is not ours. */
function readFhirUser(claims: JsonObject, references: References): string | undefined {
  const text = textAt(claims, 'fhirUser', 'fhirUser')
  if (text === undefined) return undefined
  const local = references.local(text)
  if (local !== undefined && USER_TYPES.test(local)) return local
  if (local === undefined && ABSOLUTE_USER.test(text)) return text
  throw invalidToken('fhirUser: expected a Practitioner, PractitionerRole, Patient, RelatedPerson or Person')
}

function readRole(value: JsonValue | undefined, claim: string): Coding {
  if (typeof value === 'string' && value !== '') {
    const hash = value.lastIndexOf('#')
    return hash <= 0 ? { code: value } : { system: value.slice(0, hash), code: value.slice(hash + 1) }
  }
  if (isObject(value)) {
    const { system, code, display } = value
    if (typeof code === 'string' && (system === undefined || typeof system === 'string')) {
      const shown = typeof display === 'string' ? { display } : {}
      return { ...(system === undefined ? {} : { system }), code, ...shown }
    }
  }
  throw invalidToken(`${claim}: expected codes or Codings`)
}

function readRoles(extension: JsonObject, name: string): readonly Coding[] {
  const claim = `${name}.subject_role`
  const value = extension['subject_role']
  if (value === undefined) return []
  return Array.isArray(value) ? value.map(entry => readRole(entry, claim)) : [readRole(value, claim)]
}

/** `urn:oid:…4.6#1234567890`, `system|value` or a bare value as Identifier; an NPI in both of its system forms. */
function toIdentifiers(text: string): readonly Identifier[] {
  const at = Math.max(text.lastIndexOf('#'), text.lastIndexOf('|'))
  if (at <= 0) return [{ ...(text.includes(':') ? { system: URI_SYSTEM } : {}), value: text }]
  const system = text.slice(0, at)
  const value = text.slice(at + 1)
  const isNpi = system === NPI_OID || system === NPI_SYSTEM
  return isNpi ? npi(value) : [{ system, value }]
}

function npi(value: string): readonly Identifier[] {
  return [
    { system: NPI_SYSTEM, value },
    { system: NPI_OID, value },
  ]
}

/** IHE IUA 3.71.4.2.2.1.1. `person_id` is checked and not used: some communities put the patient there, not the user. */
function readIua(iua: JsonObject) {
  const provider = textAt(
    iua,
    'national_provider_identifier',
    'extensions.ihe_iua.national_provider_identifier',
  )
  const organization = textAt(iua, 'subject_organization_id', 'extensions.ihe_iua.subject_organization_id')
  textAt(iua, 'person_id', 'extensions.ihe_iua.person_id')
  textAt(iua, 'subject_organization', 'extensions.ihe_iua.subject_organization')
  return {
    userName: textAt(iua, 'subject_name', 'extensions.ihe_iua.subject_name'),
    roles: readRoles(iua, 'extensions.ihe_iua'),
    identifiers: provider === undefined ? [] : npi(provider),
    organization: named('extensions.ihe_iua.subject_organization_id', organization),
  }
}

/** HL7 FAST B2B authorization extension, echoed by the issuer into the token. */
function readB2b(b2b: JsonObject) {
  const subject = textAt(b2b, 'subject_id', 'extensions.hl7-b2b.subject_id')
  const organization = textAt(b2b, 'organization_id', 'extensions.hl7-b2b.organization_id')
  return {
    userName: textAt(b2b, 'subject_name', 'extensions.hl7-b2b.subject_name'),
    roles: readRoles(b2b, 'extensions.hl7-b2b'),
    identifiers: subject === undefined ? [] : toIdentifiers(subject),
    organization: named('extensions.hl7-b2b.organization_id', organization),
  }
}

function named(claim: string, value: string | undefined): readonly NamedOrganization[] {
  return value === undefined ? [] : [{ claim, value }]
}

function readExtensions(claims: JsonObject, references: References) {
  const extensions = objectAt(claims, 'extensions', 'extensions')
  const iua = readIua(objectAt(extensions, 'ihe_iua', 'extensions.ihe_iua'))
  const b2b = readB2b(objectAt(extensions, 'hl7-b2b', 'extensions.hl7-b2b'))
  objectAt(extensions, 'hl7-b2b-user', 'extensions.hl7-b2b-user')
  const pcf = objectAt(extensions, 'ihe_pcf', 'extensions.ihe_pcf')
  return {
    userName: iua.userName ?? b2b.userName,
    userRoles: [...iua.roles, ...b2b.roles],
    subjectIdentifiers: iua.identifiers,
    spokenFor: b2b.identifiers,
    organizations: [...iua.organization, ...b2b.organization],
    residual: readResidual(pcf['residual']),
    onlyPatient: patientAt(pcf, 'patient_id', 'extensions.ihe_pcf.patient_id', references),
  }
}

function defined<T extends object>(entries: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}

/**
 * Reads the claims of a verified token (SMART App Launch, IHE IUA and PCF, HL7 FAST B2B; arrays and single objects).
 * Throws Refusal `token-invalid` that names the claim and what was expected, never its value.
 */
export function readClaims(claims: JsonObject, references: References): TokenClaims {
  const { userName, onlyPatient, ...extensions } = readExtensions(claims, references)
  const patient = patientAt(claims, 'patient', 'patient', references)
  if (patient !== undefined && onlyPatient !== undefined && patient !== onlyPatient) {
    throw invalidToken('extensions.ihe_pcf.patient_id: expected the patient of the launch context')
  }
  const optional = defined({
    subject: textAt(claims, 'sub', 'sub'),
    jti: textAt(claims, 'jti', 'jti'),
    patient: patient ?? onlyPatient,
    onlyPatient,
    fhirUser: readFhirUser(claims, references),
    userName: userName ?? textAt(claims, 'name', 'name'),
    contextClass: textAt(claims, 'acr', 'acr'),
  })
  return {
    clientId: readClientId(claims),
    scope: textsAt(claims, 'scope').join(' '),
    methods: textsAt(claims, 'amr'),
    ...extensions,
    ...optional,
  }
}

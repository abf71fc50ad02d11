import type { AccountingRules } from '../model/accounting.ts'
import type { ConsentRef } from '../model/consent.ts'
import type { Coding, LiteralReference } from '../model/fhir.ts'
import { SYSTEM } from '../model/fhir.ts'

/** Who records and for whom; constant for the life of a gateway. */
export interface RecorderOptions {
  /** The gateway itself, as the audit repository knows it: `Device/x`. */
  readonly device: LiteralReference
  readonly deviceName: string
  /** The custodian: the organization that holds the data and operates the gateway. */
  readonly organization: LiteralReference
  readonly organizationName?: string
  /** External base of the FHIR API, no trailing slash. */
  readonly baseUrl: string
  /** A new UUID each time. UUIDv7 keeps the ledger's index in order of time, which doubles its speed. */
  readonly newId: () => string
  readonly now: () => Date
  /** What accountings of disclosures leave out; absent: nothing is said of it. */
  readonly accounting?: AccountingRules
  /** Released versions a Provenance names one by one; above it one entity holds the digest. Default 16. */
  readonly derivationsMax?: number
}

const DCM = 'http://dicom.nema.org/resources/ontology/DCM'
const BALP = 'https://profiles.ihe.net/ITI/BALP'
const HL7 = 'http://terminology.hl7.org/CodeSystem'

export const q: (text: string) => string = JSON.stringify

function coding(system: string, code: string, display?: string): string {
  return `{"system":${q(system)},"code":${q(code)}${display === undefined ? '' : `,"display":${q(display)}`}}`
}

/** Codings of AuditEvent and Provenance as JSON text. Sources: IHE BALP StructureDefinitions, FHIR R4 bindings. */
export const CODING = {
  rest: coding(`${HL7}/audit-event-type`, 'rest', 'Restful Operation'),
  securityAlert: coding(DCM, '110113', 'Security Alert'),
  emergencyOverride: coding(DCM, '110127', 'Emergency Override Started'),
  authzConsent: coding(`${BALP}/CodeSystem/AuthZsubType`, 'AuthZ-Consent'),
  application: coding(DCM, '110150', 'Application'),
  destination: coding(DCM, '110152', 'Destination Role ID'),
  source: coding(DCM, '110153', 'Source Role ID'),
  recipient: coding(SYSTEM.participationType, 'IRCP', 'information recipient'),
  oauthAgent: coding(`${BALP}/CodeSystem/UserAgentTypes`, 'UserOauthAgent'),
  provider: coding(`${HL7}/v3-RoleClass`, 'PROV', 'healthcare provider'),
  authorizationServer: coding(`${HL7}/extra-security-role-type`, 'authserver', 'authorization server'),
  person: coding(`${HL7}/audit-entity-type`, '1', 'Person'),
  systemObject: coding(`${HL7}/audit-entity-type`, '2', 'System Object'),
  other: coding(`${HL7}/audit-entity-type`, '4', 'Other'),
  patientRole: coding(`${HL7}/object-role`, '1', 'Patient'),
  domainResource: coding(`${HL7}/object-role`, '4', 'Domain Resource'),
  queryRole: coding(`${HL7}/object-role`, '24', 'Query'),
  requestId: coding(`${BALP}/CodeSystem/BasicAuditEntityType`, 'XrequestId'),
  consent: coding('http://hl7.org/fhir/resource-types', 'Consent'),
  applicationServer: coding(`${HL7}/security-source-type`, '4', 'Application Server'),
  securityServer: coding(`${HL7}/security-source-type`, '6', 'Security Server'),
  disclose: coding(`${HL7}/iso-21089-lifecycle`, 'disclose', 'Disclose Record Lifecycle Event'),
  assembler: coding(`${HL7}/provenance-participant-type`, 'assembler', 'Assembler'),
  custodian: coding(`${HL7}/provenance-participant-type`, 'custodian', 'Custodian'),
  transmitter: coding(`${HL7}/provenance-participant-type`, 'transmitter', 'Transmitter'),
} as const

const STRUCTURE = `${BALP}/StructureDefinition/IHE.BasicAudit`

/** Canonical URLs of the BALP profiles that are claimed, as JSON text. */
export const PROFILE = {
  read: q(`${STRUCTURE}.Read`),
  patientRead: q(`${STRUCTURE}.PatientRead`),
  query: q(`${STRUCTURE}.Query`),
  patientQuery: q(`${STRUCTURE}.PatientQuery`),
  authzConsent: q(`${STRUCTURE}.AuthZconsent`),
  oauthMinimal: q(`${STRUCTURE}.OAUTHaccessTokenUse.Minimal`),
  oauthOpaque: q(`${STRUCTURE}.OAUTHaccessTokenUse.Opaque`),
} as const

export function concept(...codings: readonly string[]): string {
  return `{"coding":[${codings.join(',')}]}`
}

export function restSubtype(code: string): string {
  return coding('http://hl7.org/fhir/restful-interaction', code, code)
}

export function codingJson(value: Coding): string {
  if (value.system !== undefined) return coding(value.system, value.code, value.display)
  return `{"code":${q(value.code)}${value.display === undefined ? '' : `,"display":${q(value.display)}`}}`
}

/** A purpose of use as CodeableConcept; the two local codes are no v3-ActReason codes and go as text. */
export function purposeJson(code: string): string {
  return code === 'EMPLOY' || code === 'OTHER'
    ? `{"text":${q(code)}}`
    : concept(coding(SYSTEM.actReason, code))
}

/** `Type/id`, version specific where the version is known. */
export function versioned(reference: string, version: string | undefined): string {
  return version === undefined ? reference : `${reference}/_history/${version}`
}

/** A Consent of another server by its absolute URL: `Type/id` alone would name one of the upstream. */
export function consentReference({ reference, version, base }: ConsentRef): string {
  return `{"reference":${q(versioned(base === undefined ? reference : `${base}/${reference}`, version))}}`
}

/** A literal reference with a display. */
export function literal(reference: string, display: string | undefined): string {
  return `{"reference":${q(reference)}${display === undefined ? '' : `,"display":${q(display)}`}}`
}

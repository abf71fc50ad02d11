/** The few shapes of FHIR R4 JSON that every room needs. Resources stay plain parsed JSON; nothing is invented. */

export type JsonPrimitive = string | number | boolean | null
export type JsonValue = JsonPrimitive | JsonObject | readonly JsonValue[]
export interface JsonObject {
  readonly [key: string]: JsonValue | undefined
}

/** A parsed resource. `id` is absent on contained or newly written ones. */
export interface Resource extends JsonObject {
  readonly resourceType: string
  readonly id?: string
}

/** FHIR R4 Coding, the parts that decide. https://hl7.org/fhir/R4/datatypes.html#Coding */
export interface Coding {
  readonly system?: string
  readonly code: string
  readonly display?: string
}

/** FHIR R4 Identifier as an actor or a patient may be named by it. */
export interface Identifier {
  readonly system?: string
  readonly value: string
}

/** A literal reference in its normal form `Type/id`, with no base, no version. */
export type LiteralReference = `${string}/${string}`

/** Code systems that the whole house spells the same way. */
export const SYSTEM = {
  actReason: 'http://terminology.hl7.org/CodeSystem/v3-ActReason',
  actCode: 'http://terminology.hl7.org/CodeSystem/v3-ActCode',
  confidentiality: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality',
  observationValue: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue',
  consentAction: 'http://terminology.hl7.org/CodeSystem/consentaction',
  participationType: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType',
  /** Local codes; always sent together with their HL7 parent. */
  local: 'https://consentry.example/fhir/CodeSystem/sensitivity',
  recipientClass: 'https://consentry.example/fhir/CodeSystem/recipient-class',
} as const

/** FHIR R4 id. https://hl7.org/fhir/R4/datatypes.html#id */
export const FHIR_ID = /^[A-Za-z0-9\-.]{1,64}$/

/**
 * Types that name organizations, people who work there, places and definitions. They speak of no patient; a reference to
 * one needs no decision of its own. Every other type is treated as patient data (doubt denies).
 */
export const DIRECTORY_TYPES: ReadonlySet<string> = new Set([
  'ActivityDefinition',
  'CapabilityStatement',
  'ChargeItemDefinition',
  'CodeSystem',
  'CompartmentDefinition',
  'ConceptMap',
  'DeviceDefinition',
  'Endpoint',
  'EventDefinition',
  'Evidence',
  'EvidenceVariable',
  'GraphDefinition',
  'HealthcareService',
  'ImplementationGuide',
  'InsurancePlan',
  'Library',
  'Location',
  'Measure',
  'Medication',
  'MedicationKnowledge',
  'MessageDefinition',
  'NamingSystem',
  'ObservationDefinition',
  'OperationDefinition',
  'Organization',
  'OrganizationAffiliation',
  'PlanDefinition',
  'Practitioner',
  'PractitionerRole',
  'Questionnaire',
  'ResearchDefinition',
  'ResearchElementDefinition',
  'ResearchStudy',
  'SearchParameter',
  'SpecimenDefinition',
  'StructureDefinition',
  'StructureMap',
  'Substance',
  'TerminologyCapabilities',
  'TestScript',
  'ValueSet',
])

import { DIRECTORY_TYPES } from '../model/fhir.ts'

/**
 * Where each R4 type names the patients it is about: the Patient compartment with its search parameters resolved to
 * element paths. https://hl7.org/fhir/R4/compartmentdefinition-patient.html (a test holds it against the definitions).
 */
const COMPARTMENT: Readonly<Record<string, string>> = {
  Account: 'subject',
  AdverseEvent: 'subject',
  AllergyIntolerance: 'asserter patient recorder',
  Appointment: 'participant.actor',
  AppointmentResponse: 'actor',
  AuditEvent: 'agent.who entity.what',
  Basic: 'author subject',
  BodyStructure: 'patient',
  CarePlan: 'activity.detail.performer subject',
  CareTeam: 'participant.member subject',
  ChargeItem: 'subject',
  Claim: 'patient payee.party',
  ClaimResponse: 'patient',
  ClinicalImpression: 'subject',
  Communication: 'recipient sender subject',
  CommunicationRequest: 'recipient requester sender subject',
  Composition: 'attester.party author subject',
  Condition: 'asserter subject',
  Consent: 'patient',
  Coverage: 'beneficiary payor policyHolder subscriber',
  CoverageEligibilityRequest: 'patient',
  CoverageEligibilityResponse: 'patient',
  DetectedIssue: 'patient',
  DeviceRequest: 'performer subject',
  DeviceUseStatement: 'subject',
  DiagnosticReport: 'subject',
  DocumentManifest: 'author recipient subject',
  DocumentReference: 'author subject',
  Encounter: 'subject',
  EnrollmentRequest: 'candidate',
  EpisodeOfCare: 'patient',
  ExplanationOfBenefit: 'patient payee.party',
  FamilyMemberHistory: 'patient',
  Flag: 'subject',
  Goal: 'subject',
  Group: 'member.entity',
  ImagingStudy: 'subject',
  Immunization: 'patient',
  ImmunizationEvaluation: 'patient',
  ImmunizationRecommendation: 'patient',
  Invoice: 'recipient subject',
  List: 'source subject',
  MeasureReport: 'subject',
  Media: 'subject',
  MedicationAdministration: 'performer.actor subject',
  MedicationDispense: 'receiver subject',
  MedicationRequest: 'subject',
  MedicationStatement: 'subject',
  MolecularSequence: 'patient',
  NutritionOrder: 'patient',
  Observation: 'performer subject',
  Patient: 'link.other',
  Person: 'link.target',
  Procedure: 'performer.actor subject',
  Provenance: 'target',
  QuestionnaireResponse: 'author subject',
  RelatedPerson: 'patient',
  RequestGroup: 'action.participant subject',
  ResearchSubject: 'individual',
  RiskAssessment: 'subject',
  Schedule: 'actor',
  ServiceRequest: 'performer subject',
  Specimen: 'subject',
  SupplyDelivery: 'patient',
  SupplyRequest: 'deliverTo',
  Task: 'focus for',
  VisionPrescription: 'patient',
}

/** All other types of R4, in no compartment of a patient. */
const OTHER_TYPES = new Set(
  `Binary BiologicallyDerivedProduct Bundle CatalogEntry Contract Device DeviceMetric EffectEvidenceSynthesis
  EnrollmentResponse ExampleScenario GuidanceResponse Linkage MedicinalProduct MedicinalProductAuthorization
  MedicinalProductContraindication MedicinalProductIndication MedicinalProductIngredient MedicinalProductInteraction
  MedicinalProductManufactured MedicinalProductPackaged MedicinalProductPharmaceutical
  MedicinalProductUndesirableEffect MessageHeader OperationOutcome Parameters PaymentNotice PaymentReconciliation
  RiskEvidenceSynthesis Slot Subscription SubstanceNucleicAcid SubstancePolymer SubstanceProtein
  SubstanceReferenceInformation SubstanceSourceMaterial SubstanceSpecification TestReport VerificationResult`.split(
    /\s+/,
  ),
)

/** Elements that name a patient whatever the type. */
const GENERIC = new Set([
  'subject',
  'subjectReference',
  'patient',
  'beneficiary',
  'for',
  'individual',
  'candidate',
])

const ELEMENTS = new Map(
  Object.entries(COMPARTMENT).map(([type, elements]) => [type, new Set(elements.split(' '))] as const),
)

/** Whether R4 has this resource type. */
export function isResourceType(type: string): boolean {
  return ELEMENTS.has(type) || DIRECTORY_TYPES.has(type) || OTHER_TYPES.has(type)
}

/** Whom a record is about beside its subject, though the compartment leaves it out: a fetus, a donor, the mother. */
const ABOUT_ANOTHER: Readonly<Record<string, string>> = { Observation: 'focus' }

/** Whether resources of this type speak of patients. A type that is not known does. */
export function isPatientData(type: string): boolean {
  return !DIRECTORY_TYPES.has(type)
}

/** Whether a reference to a Patient in this element (no indexes) makes the resource one about that patient. */
export function namesPatient(type: string, element: string): boolean {
  return ELEMENTS.get(type)?.has(element) === true || GENERIC.has(element) || ABOUT_ANOTHER[type] === element
}

import type { HttpResponse, Identified, Receipt } from './exchange.ts'
import type { JsonObject, LiteralReference } from './fhir.ts'
import type { AuditSet } from './record.ts'
import type { Requester } from './requester.ts'

/** What a clinician declares to break the glass: the facts of 42 CFR 2.51(c) that only a person can state, and why. */
export interface EmergencyFacts {
  readonly reason: string
  /** 42 CFR 2.51(c)(4). */
  readonly natureOfEmergency: string
  /** 42 CFR 2.51(a)(1): prior consent cannot be obtained, and why. */
  readonly consentUnobtainable: true
  readonly consentUnobtainableReason: string
  /** 45 CFR 164.522(a)(1)(iii), where it was stated. */
  readonly neededForTreatment?: true
  /** 42 CFR 2.51(c)(1): name and affiliation with a health care facility. */
  readonly medicalPersonnel: { readonly name: string; readonly facility: string }
}

/** A request at the emergency door, parsed. Whether the patient exists is never looked up. */
export interface EmergencyInteraction extends EmergencyFacts {
  readonly code: 'operation'
  readonly operation: 'emergency-access'
  readonly patient: LiteralReference
}

/** One declaration as it opens: what is granted to whom, until which second, and by when it must be reviewed. */
export interface EmergencyGrant {
  /** UUID; also the name of the review case and of the evidence. */
  readonly id: string
  readonly patient: LiteralReference
  /** Whole second, UTC; inclusive. */
  readonly start: string
  /** Whole second, UTC; exclusive. */
  readonly end: string
  readonly reviewBy: string
  /** Principal, by issuer, kind and id (`Requester.key`). */
  readonly principal: string
  readonly client: string
  /** Who knows the client under this id. */
  readonly issuer?: string
  readonly user: string
  readonly userName?: string
  readonly organization?: string
  readonly facts: EmergencyFacts
  /** 42 CFR 2.51(c)(2): who makes the disclosure. */
  readonly discloser: string
  /** Exchange of the declaration: where the ledger begins to speak of it. */
  readonly exchange: string
}

/** A declaration that holds, ready to be recorded. */
export interface Declared extends Identified {
  readonly interaction: EmergencyInteraction
  readonly grant: EmergencyGrant
  readonly revision: string
  readonly release: { readonly body: string; readonly digest: string }
}

export interface RecordedDeclaration extends Declared {
  readonly receipt: Receipt
}

/** identity/: who may declare. Throws Refusal; depends on token and registration alone, never on the patient's record. */
export interface EmergencyIdentity {
  /** Before the body is looked at: scope, client, user, role, purpose. */
  readonly admit: (identified: Identified) => void
  /** Throws where the token speaks of another patient. */
  readonly reaches: (requester: Requester, patient: LiteralReference) => void
}

/** interaction/: the strict parse. Pure. Throws Refusal naming the member and what was expected. */
export interface EmergencyParser {
  readonly understand: (identified: Identified) => EmergencyInteraction
}

/** record/: what a declaration leaves behind. */
export interface EmergencyRecorder {
  readonly declaration: (declared: Declared) => AuditSet
}

/** respond/: the answer. Only recorded declarations can be answered. */
export interface EmergencyResponder {
  readonly compose: (grant: EmergencyGrant) => string
  readonly answer: (recorded: RecordedDeclaration) => HttpResponse
}

/** What the alert of a review case speaks of. */
export type AlertKind =
  | 'emergency-declared'
  | 'repeated-declarations'
  | 'many-patients'
  | 'grant-unused'
  | 'many-records'
  | 'review-overdue'
  | 'disclosure-held'

/** One alert on its way to the privacy officer. It names records by reference and holds no free text and no name of a patient. */
export interface Alert {
  /** The same for the same event, however often it is sent. */
  readonly id: string
  readonly kind: AlertKind
  readonly at: string
  /** Id of the grant and of its review case, or of the case of a held disclosure. */
  readonly grant: string
  /** What the receiver is sent. */
  readonly body: JsonObject
}

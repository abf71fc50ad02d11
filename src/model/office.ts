import type { DecisionContext } from './decision.ts'
import type { JsonObject } from './fhir.ts'
import type { Relationship, Requester, RequesterRole } from './requester.ts'

/**
 * What the privacy office holds beside the record: evidence, emergency grants, review cases, alerts on their way, held
 * disclosures. Nothing is ever changed or deleted: what is true now follows from all that was said, in order.
 */
export interface OfficeEvent {
  /** Counts from 1 without gaps. */
  readonly seq: number
  /** ISO 8601, UTC. */
  readonly at: string
  /** `evidence-entered`, `evidence-approved`, `evidence-ended`, `emergency-declared`, `review-closed`, `alert-sent` … */
  readonly kind: string
  /** What it speaks of: the id of an evidence, a grant, a case. */
  readonly subject: string
  /** Who said it: a user, a client, the name an operator gave. */
  readonly by: string
  readonly body: JsonObject
}

/** The store of the office. Several processes may have it open; the gateway sees what a command wrote at its next look. */
export interface OfficeStore {
  /** Durable when it returns. Throws where it cannot be written. */
  readonly append: (event: Omit<OfficeEvent, 'seq'>) => OfficeEvent
  /** Every event after `seq`, in order; cheap where nothing was added. */
  readonly since: (seq: number) => readonly OfficeEvent[]
  readonly close: () => void
}

/** One kind of evidence: `profiles/deployment/evidence.json`. */
export interface EvidenceKind {
  readonly id: string
  readonly title: string
  readonly citation: string
  /** What law rows read: its facts become this claim of the requester. */
  readonly claim: string
  /** Facts that every evidence of the kind states alike, beside its fields. */
  readonly states?: JsonObject
  /** Who makes it: the privacy office with the command, or the emergency door. */
  readonly madeBy: 'office' | 'emergency'
  /** A second person approves it before it counts. */
  readonly twoPersons: boolean
  /** From start to end at most. */
  readonly longest: { readonly days?: number; readonly hours?: number }
  /** `named`: it names each patient; `any`: it may also speak of all. */
  readonly patients: 'named' | 'any'
  /** It speaks of one user, who is to be named. */
  readonly userRequired: boolean
  readonly fields: readonly EvidenceField[]
  /** It is an agreement of this kind too. */
  readonly agreement?: 'DUA' | 'P2-AUDIT'
  /** It is a recorded judgement of the custodian too. */
  readonly determination?: true
  /** What the user is, for the patients it names. */
  readonly standing?: {
    readonly role?: RequesterRole
    readonly relationship?: Relationship
    readonly standsFor?: true
  }
}

export interface EvidenceField {
  readonly name: string
  /** `attested`: true and nothing else; `scope`: a filter of resources. */
  readonly type: 'text' | 'date' | 'attested' | 'yes-no' | 'one-of' | 'texts' | 'scope'
  readonly values?: readonly string[]
  readonly required: boolean
  readonly meaning: string
  readonly citation?: string
}

/** What the privacy office entered. Nothing of it ever changes; what was said of it later stands in `EvidenceOnFile`. */
export interface EvidenceEntry {
  readonly kind: string
  readonly for: {
    /** Client id, with the issuer that knows it under this id. */
    readonly client?: string
    readonly issuer?: string
    readonly organization?: string
    readonly user?: string
  }
  readonly patients: readonly string[] | 'any'
  /** v3-ActReason codes: it counts where all purposes of a request are among them. Absent: for every purpose. */
  readonly purposes?: readonly string[]
  /** ISO 8601 instants; the end no longer counts. */
  readonly period: { readonly start: string; readonly end: string }
  readonly facts: JsonObject
  /** Where the paper is, in the words of the office. Not read by any rule. */
  readonly note?: string
}

/** Evidence with all that was said of it. */
export interface EvidenceOnFile extends EvidenceEntry {
  readonly id: string
  readonly enteredBy: string
  /** The account it was entered from, where an operator did. */
  readonly enteredFrom?: string
  readonly enteredAt: string
  readonly approvedBy?: string
  readonly approvedAt?: string
  readonly endedBy?: string
  readonly endedAt?: string
  readonly endedWhy?: string
}

/** Whether each operator has an account of the operating system, or all share one and give their names. */
export type Accounts = 'personal' | 'shared'

/** What is on file as of one look. Pure. */
export interface OfficeView {
  readonly evidence: ReadonlyMap<string, EvidenceOnFile>
  /** For one requester, its purposes and a time: what decide is told; undefined where nothing is in force for it. */
  readonly claimsOf: (
    requester: Requester,
    purposes: readonly string[],
    at: Date,
  ) => DecisionContext['claimsOf'] | undefined
}

/** office/: what the privacy office has on file. */
export interface Office {
  /** The same object as long as nothing was added by any process. Throws where the store cannot be looked at. */
  readonly look: () => OfficeView
}

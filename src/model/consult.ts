import type { ConsentRef } from './consent.ts'
import type { DecidedResource, Decision } from './decision.ts'
import type { Identified, Receipt } from './exchange.ts'
import type { Coding } from './fhir.ts'
import type { ConsultInteraction } from './interaction.ts'
import type { PurposeOfUse, Requester } from './requester.ts'

/** Whom a consult is decided for: each must be permitted. The first stands for all its actors, the next for those named. */
export interface ConsultedFor {
  readonly requesters: readonly [Requester, ...Requester[]]
  readonly purposeOfUse: PurposeOfUse
  /** Client id of the registration that the requesters stand for, where it is not the client's own. */
  readonly onBehalfOf?: string
}

/**
 * One withheld kind of record: what carries every coding of `all` (a sensitivity label, a confidentiality, a resource
 * type, a clinical code), unless it comes from one of these organizations. Clauses are alternatives.
 */
export interface ConsultClause {
  readonly all: readonly Coding[]
  readonly except?: readonly { readonly source: string }[]
}

/** One Consent that spoke, with the place in it. */
export interface ConsultBasis {
  readonly consent: ConsentRef
  readonly path: string
  readonly effect: 'permit' | 'deny' | 'indeterminate'
}

/** The answer, exact. */
export interface ConsultAnswer {
  /** `no-consent`: no Consent speaks; the answer is then the same for everybody the requester could have asked about. */
  readonly decision: 'permit' | 'deny' | 'no-consent'
  /** A Consent could not be read, or `needsData`: the denial is doubt. */
  readonly indeterminate: boolean
  /** A Consent looks at dates, instances, authors or sources: only the FHIR API can tell. */
  readonly needsData: boolean
  /** Without a Consent: what law and the site's policy alone make of an unlabelled record. */
  readonly withoutConsent?: 'permit' | 'deny'
  readonly clauses: readonly ConsultClause[]
  /** What may go by itself although the rest may not. */
  readonly permitted: readonly (readonly Coding[])[]
  /** Obligations and notices that whoever releases has to meet; codes of `profiles/`. */
  readonly duties: readonly string[]
  readonly basedOn: readonly ConsultBasis[]
}

/** Why a redaction that existing clients understand takes more away than the clause it stands for. */
export type WideningReason = 'class' | 'together' | 'source' | 'alone'

/** The answer in the words of existing clients, which know a list of codes of which one is enough. */
export interface FlatAnswer {
  readonly decision: 'CONSENT_PERMIT' | 'CONSENT_DENY' | 'NO_CONSENT'
  readonly codes: readonly Coding[]
  /** Only what carries one of these may go, where it stands. */
  readonly exceptAnyOfCodes?: readonly Coding[]
  /** Clauses, by their place in the exact answer, that had to be widened; `alone` speaks of `permitted`. */
  readonly widened: readonly { readonly clause?: number; readonly why: WideningReason }[]
}

/** How the patient was found; never told. */
export type PatientResolution = 'found' | 'absent' | 'ambiguous' | 'out-of-reach'

/** A decided consult, ready to be recorded. */
export interface Consulted extends Identified {
  readonly interaction: ConsultInteraction
  readonly consultedFor: ConsultedFor
  readonly resolution: PatientResolution
  /** `Patient/x`, where one was found. */
  readonly patient?: string
  readonly answer: ConsultAnswer
  /** Stand-ins by what they stand for, with their decisions: for the record. */
  readonly decided: readonly { readonly name: string; readonly decided: DecidedResource }[]
  readonly unread: Decision['unread']
  readonly revision: string
  readonly release: { readonly body: string; readonly digest: string }
}

export interface RecordedConsult extends Consulted {
  readonly receipt: Receipt
}

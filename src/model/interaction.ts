import type { EmergencyInteraction } from './emergency.ts'
import type { Coding, Identifier, LiteralReference } from './fhir.ts'

/** What is asked, after the strict parse. Codes are those of http://hl7.org/fhir/restful-interaction, verbatim. */
export type InteractionCode = 'read' | 'vread' | 'search-type' | 'capabilities' | 'operation'

/** One search parameter on an own element: decoded once, modifiers and chains already refused. */
export interface SearchParameter {
  readonly name: string
  /** As decoded; FHIR escaping (`\,`) kept. Comma = OR. */
  readonly value: string
  /** Type of the parameter in R4: token, reference, date, string, … */
  readonly type: string
}

/** `_include=Observation:encounter[:Encounter]` resolved by the gateway over the visible world. */
export interface IncludeParameter {
  readonly reverse: boolean
  readonly sourceType: string
  readonly parameter: string
  readonly targetType?: string
}

export interface ReadInteraction {
  readonly code: 'read'
  readonly resourceType: string
  readonly id: string
}
export interface VreadInteraction {
  readonly code: 'vread'
  readonly resourceType: string
  readonly id: string
  readonly versionId: string
}
export interface SearchInteraction {
  readonly code: 'search-type'
  readonly resourceType: string
  readonly parameters: readonly SearchParameter[]
  /** As written: `-date,_lastUpdated`. */
  readonly sort?: string
  /** Matches a page; 0 is `_summary=count`-like and refused in this version. */
  readonly count: number
  readonly includes: readonly IncludeParameter[]
  /** How many visible matches the requester has already been given: 0, or the position a sealed page token carries. */
  readonly offset: number
  /** Canonical query of the first page (sorted, re-encoded): what the self link says and the page token is bound to. */
  readonly canonical: string
  /** `GET` or `POST _search`. */
  readonly method: 'GET' | 'POST'
}
/** The gateway's own documents; they hold no patient data and touch no upstream. */
export interface CapabilitiesInteraction {
  readonly code: 'capabilities'
  readonly document: 'metadata' | 'smart-configuration'
}
/** Interactions that carry patient data and walk the whole path. */
export type DataInteraction = ReadInteraction | VreadInteraction | SearchInteraction
/** A patient as a consult names one: a reference of this server, or an identifier (without system: of any). */
export type PatientName = { readonly reference: LiteralReference } | { readonly identifier: Identifier }
/** An actor as a consult names one; it is only ever compared with verified ones. */
export interface ActorName {
  readonly reference?: LiteralReference
  readonly identifier?: Identifier
}
/** The CDS Hooks question `patient-consent-consult`: what may go to whom, asked without data. */
export interface ConsultInteraction {
  readonly code: 'operation'
  readonly operation: 'patient-consent-consult'
  /** The client's own name of this call. */
  readonly hookInstance: string
  readonly patients: readonly [PatientName, ...PatientName[]]
  /** Empty: the requester itself. */
  readonly actors: readonly ActorName[]
  /** As written; empty: those of the token. */
  readonly purposes: readonly string[]
  /** Sensitivity labels asked about; empty: all that are known, and records without any. */
  readonly labels: readonly Coding[]
  /** Content classes asked about: resource types, profiles, document codes; empty: any. */
  readonly classes: readonly Coding[]
  /** Whether content came along; it is not looked at. */
  readonly content: boolean
}
export type Interaction =
  | DataInteraction
  | ConsultInteraction
  | EmergencyInteraction
  | CapabilitiesInteraction

/** A resource type the gateway serves and the search parameters it accepts there: what the CapabilityStatement may promise. */
export interface ServedType {
  readonly type: string
  readonly searchParameters: readonly { readonly name: string; readonly type: string }[]
  /** Names of the reference parameters that `_include` can follow. */
  readonly includes: readonly string[]
}

/** What is asked, after the strict parse. Codes are those of http://hl7.org/fhir/restful-interaction, verbatim. */
export type InteractionCode = 'read' | 'vread' | 'search-type' | 'capabilities'

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
export type Interaction = ReadInteraction | VreadInteraction | SearchInteraction | CapabilitiesInteraction
/** Interactions that carry patient data and walk the whole path. */
export type DataInteraction = Exclude<Interaction, CapabilitiesInteraction>

/** A resource type the gateway serves and the search parameters it accepts there: what the CapabilityStatement may promise. */
export interface ServedType {
  readonly type: string
  readonly searchParameters: readonly { readonly name: string; readonly type: string }[]
  /** Names of the reference parameters that `_include` can follow. */
  readonly includes: readonly string[]
}

import type { Coding } from './fhir.ts'
import type { ResourceFacts } from './label.ts'

/** A parsed resource with its numbers kept as written (`parseLossless`), which may be changed in place. */
export interface ResourceTree {
  [key: string]: unknown
}

/** What a projection says of what it left. */
export interface Projected {
  /** `SUBSETTED`, `REDACTED`, `PSEUDED`, `ANONYED` … as v3-ObservationValue says; for `meta.tag` or `meta.security`. */
  readonly tags: readonly Coding[]
  readonly security: readonly Coding[]
}

/**
 * Narrows a released resource to what its purpose needs or law leaves in it: a view of profiles/purpose/views/, or a
 * standard of profiles/deidentification/. Whether a resource of its type leaves at all is decided before.
 */
export interface Projection {
  /** As `ResourceDecision.projections` names it. */
  readonly id: string
  /** Part of the key of kept bytes: another one where the outcome may be another. */
  readonly key: string
  /**
   * Whether it takes out anything at or below an element path of a type (`telecom` of Patient; a choice by its base or
   * its JSON name; indexes are ignored): no predicate may touch it.
   */
  readonly removes: (resourceType: string, elementPath: string) => boolean
  /** False for a type whose resources it leaves byte for byte; absent: it may change any. */
  readonly touches?: (resourceType: string) => boolean
  /** Changes the resource in place. Throws where it cannot: then the resource does not leave (invariant 2). */
  readonly apply: (resource: ResourceTree, facts: ResourceFacts) => Projected
  /** The same for one recipient, whose pseudonyms join with nothing that others have. Where it stands, only what it gives can be applied. */
  readonly forRecipient?: (recipient: string) => Projection
  /** The pseudonymous form of `Type/id`, for what leads to a resource from outside of it (`fullUrl`). */
  readonly reference?: (reference: string) => string
  /** Types that it cannot make fit to leave. */
  readonly withheldTypes?: ReadonlySet<string>
  /** What it leaves is no longer protected health information: no labels, statements or copies of Consents go with it. */
  readonly deidentified?: boolean
}

/** Id of the projection of a view of profiles/purpose/views/. */
export function viewProjection(view: string): string {
  return `view:${view}`
}

export function isView(projection: string): boolean {
  return projection.startsWith('view:')
}

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
  /** Part of the key of kept bytes: another one where the outcome may be another. Empty: it never takes anything out. */
  readonly key: string
  /** Paths (`Patient.telecom`, `Claim.diagnosis`) that it takes out of a type: no predicate may touch them. */
  readonly removes: (resourceType: string, elementPath: string) => boolean
  /** Changes the resource in place. Throws where it cannot: then the resource does not leave (invariant 2). */
  readonly apply: (resource: ResourceTree, facts: ResourceFacts) => Projected
}

/** Id of the projection of a view of profiles/purpose/views/. */
export function viewProjection(view: string): string {
  return `view:${view}`
}

export function isView(projection: string): boolean {
  return projection.startsWith('view:')
}

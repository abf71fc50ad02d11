import type { Coding, LiteralReference, Resource } from './fhir.ts'
import type { Statement } from './rules.ts'

/** v3-Confidentiality, high-water order V > R > N > M > L > U. */
export const CONFIDENTIALITY_ORDER = ['U', 'L', 'M', 'N', 'R', 'V'] as const
export type Confidentiality = (typeof CONFIDENTIALITY_ORDER)[number]

/** How a label was found. Upstream labels are kept as they are and never lowered (invariant 6). */
export type LabelOrigin = 'upstream' | 'code' | 'word' | 'document' | 'source' | 'lineage' | 'age'

/** One security label with the reason it stands there; the reason never goes to a requester. */
export interface Label {
  readonly system: string
  readonly code: string
  readonly display?: string
  /** DS4P basis: the policy for which the label was assigned (extension-sec-label-basis). */
  readonly basis?: Coding
  readonly origin: LabelOrigin
  /** Id of the rule in `labels/` (or `upstream`). */
  readonly rule: string
  /** Element path that matched, e.g. `Condition.code.coding[0]`; for lineage the record it comes from. */
  readonly path?: string
  /** Every element path that matched, in order of the resource, where there is more than one; at most 20. */
  readonly paths?: readonly string[]
  /** The ConceptMap that led from a code of the site to the one that matched, and that code. */
  readonly via?: string
  /** 0 to 1. */
  readonly confidence: number
}

/** A reference found in a resource, with the byte-free path to it. */
export interface ReferenceFact {
  /** Path with indexes, e.g. `result[2]` (relative to the resource, no type prefix). */
  readonly path: string
  /** Element path without indexes, e.g. `result`. */
  readonly element: string
  /** `Type/id` where it is relative (version stripped); absolute, urn:, conditional and `#` ones stay as written. */
  readonly target: string
  readonly kind: 'literal' | 'absolute' | 'urn' | 'conditional' | 'contained' | 'logical'
  readonly identifier?: { readonly system?: string; readonly value?: string }
  readonly display?: string
}

/** A part that is released or removed by itself, and what it says: an identifier, an entry of a clinical document. */
export interface TellingElement {
  /** Path with index, e.g. `identifier[1]`, `content[0].attachment.data`. */
  readonly path: string
  readonly labels: readonly Label[]
  /**
   * Where the part lies inside the decoded document at `path`: byte offsets, end exclusive, in order, apart. Absent: the
   * part is the whole element.
   */
  readonly ranges?: readonly (readonly [start: number, end: number])[]
  /** Codes of the part, for Consent.provision.code. */
  readonly codings?: readonly Coding[]
  /** Organizations that made the part, where others made the rest. */
  readonly sourceMentions?: readonly ReferenceFact[]
}

/** An attachment that takes time to read (a PDF): its text joins the facts when a reader has been at it. */
export interface PendingDocument {
  /** Path of the attachment, with indexes. */
  readonly path: string
  readonly contentType: string
  /** Base64 as it stands in the resource. */
  readonly data: string
}

/**
 * Everything one full parse of exactly these bytes found, cached by content hash and labels revision.
 * Pure function of the bytes and the rules in `labels/`.
 */
export interface ResourceFacts {
  /** SHA-256 of the bytes, base64url. */
  readonly hash: string
  readonly bytes: Uint8Array
  readonly type: string
  readonly id: string
  /** `Type/id`. */
  readonly reference: LiteralReference
  readonly versionId?: string
  readonly lastUpdated?: string
  /** Every patient this resource is about, `Patient/x`, sorted, unique. Empty = no patient data type or none named. */
  readonly patients: readonly string[]
  /** True where the type is one that speaks of patients; such a resource without patients is withheld. */
  readonly patientData: boolean
  readonly references: readonly ReferenceFact[]
  /** Labels from codes, words, document type and upstream; source and lineage are added by `label`. */
  readonly labels: readonly Label[]
  /** All codings of all elements, for Consent.provision.code. */
  readonly codings: readonly Coding[]
  /** Clinical dates as [start, end] in ISO text as written, for Consent.provision.dataPeriod. */
  readonly dates: readonly { readonly start?: string; readonly end?: string }[]
  readonly profiles: readonly string[]
  readonly metaSource?: string
  /** Tags of the record, `system|code`: a site may have registered one as the sign of a source. */
  readonly metaTags?: readonly string[]
  /** References a source look-up follows: serviceProvider, performer, location, author, custodian, provider … */
  readonly sourceReferences: readonly string[]
  /** Source references that may name an organization otherwise than by `Type/id`: by identifier or by name. */
  readonly sourceMentions?: readonly ReferenceFact[]
  /** Identifiers of a person that tell something sensitive; they are decided apart from the person. */
  readonly telling?: readonly TellingElement[]
  /** References that lineage follows: encounter, partOf, result, basedOn, focus … with the element they stand in. */
  readonly lineageReferences: readonly ReferenceFact[]
  /** Cues of `labels/` that stand in the record: they raise or lower what needs context. */
  readonly cues?: readonly string[]
  /** What the record says of its own content: refuted, entered in error, of a relative … */
  readonly statements?: readonly Statement[]
  /** What a record of relatives says of the patient in spite of that. */
  readonly ofPatient?: readonly Label[]
  /** Attachments that wait for a reader; `Labeller.read` gives facts without any. */
  readonly pending?: readonly PendingDocument[]
  /** Why the content could not be assessed; such a resource is withheld (invariant 2). */
  readonly notAssessable?: string
  /** The parsed resource. Kept for Consents, look-ups and small caches; may be dropped (undefined) to save memory. */
  readonly resource?: Resource
}

/** A resource with all its labels: content + source + lineage + age. */
export interface LabelledResource {
  readonly facts: ResourceFacts
  readonly labels: readonly Label[]
  /** Labels whose confidence is below the site's threshold: explained, never applied. */
  readonly candidates?: readonly Label[]
  readonly confidentiality: Confidentiality
  /** Sensitivity and policy codes of `labels`, unique: `SUD`, `42CFRPart2`, `PSYTHPN`, local codes … */
  readonly codes: ReadonlySet<string>
  /** Organization the record comes from, where the source is known: `Organization/x`. */
  readonly source?: string
  /** Part 2 record by source, by incoming label, or by the site's rule for unknown sources. */
  readonly part2: boolean
  /**
   * References through which it speaks of its patients, where it names none itself (Provenance.target): it leaves only
   * together with one of them, for without them it speaks of nobody.
   */
  readonly through?: readonly string[]
  /**
   * Resources of equal `classKey` (type, patients, labels, source) are decided alike unless a rule looks at codes, dates
   * or instances; then `facts.hash` is added to the key.
   */
  readonly classKey: string
  readonly notAssessable?: string
}

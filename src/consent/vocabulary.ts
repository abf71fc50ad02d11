import { systemOf } from './codes.ts'
import { createHierarchy } from './hierarchy.ts'
import type { PurposeVocabulary } from './question.ts'
import type { LabelVocabulary } from './selectors.ts'

/** The codes a reader works with; all of them come from profiles/purpose/. */
export interface VocabularyOptions {
  /** v3-ActReason code → its parents. */
  readonly purposeParents: Readonly<Record<string, readonly string[]>>
  /** Sensitivity code of v3-ActCode or local → its parents. */
  readonly labelParents: Readonly<Record<string, readonly string[]>>
  /** Other spellings of purposes, `system|code` → v3-ActReason code. Default none. */
  readonly purposeMap?: Readonly<Record<string, string>>
  /** Purposes that only a permit naming them covers. Default BTG and HLEGAL, which the tree puts under TREAT and HOPERAT. */
  readonly explicitPurposes?: readonly string[]
  /** Policy codes that stand as labels and are no sensitivities. Default 42CFRPart2 and Title38Section7332. */
  readonly policyLabels?: readonly string[]
  /** Codes that a deny of the key covers too, beside its kinds. Default none. */
  readonly labelDenyAlso?: Readonly<Record<string, readonly string[]>>
  /** Codes that a permit of the key covers too, beside its kinds. Default none. */
  readonly labelPermitAlso?: Readonly<Record<string, readonly string[]>>
  /** Codes that a permit of the key need not name on a resource that carries the key. Default none. */
  readonly labelImplied?: Readonly<Record<string, readonly string[]>>
  /** Codes that a permit need not name where they stand beside a code it names. Default none. */
  readonly labelMarkers?: readonly string[]
  /** Label systems that the upstream uses completely. Default none. */
  readonly labelSystems?: readonly string[]
  /** Code systems whose codes no record bears; `below`: those under that URL too. Default none. */
  readonly policySystems?: readonly { readonly system: string; readonly below?: boolean }[]
}

export interface Vocabulary {
  readonly labels: LabelVocabulary
  readonly purposes: PurposeVocabulary
  /** True for a code system that names policies: what may be done, not what is in a record. */
  readonly isPolicySystem: (system: string | undefined) => boolean
}

export function vocabularyOf(options: VocabularyOptions): Vocabulary {
  const purposes = createHierarchy(options.purposeParents)
  return {
    purposes: {
      hierarchy: purposes,
      explicitOnly: new Set(options.explicitPurposes ?? ['BTG', 'HLEGAL']),
      map: new Map(Object.entries(options.purposeMap ?? {})),
    },
    labels: {
      hierarchy: createHierarchy(options.labelParents),
      policies: new Set(options.policyLabels ?? ['42CFRPart2', 'Title38Section7332']),
      denyAlso: new Map(Object.entries(options.labelDenyAlso ?? {})),
      permitAlso: new Map(Object.entries(options.labelPermitAlso ?? {})),
      implied: new Map(Object.entries(options.labelImplied ?? {})),
      markers: options.labelMarkers ?? [],
      isPurpose: purposes.knows,
      complete: new Set((options.labelSystems ?? []).map(systemOf)),
    },
    isPolicySystem: policyTest(options.policySystems ?? []),
  }
}

/** OIDs are also written without `urn:oid:`. */
function bare(url: string | undefined): string {
  return systemOf(url).replace(/^urn:oid:/, '')
}

function policyTest(list: NonNullable<VocabularyOptions['policySystems']>): Vocabulary['isPolicySystem'] {
  const exact = new Set(list.map(({ system }) => bare(system)))
  const roots = list.flatMap(({ system, below }) => (below === true ? [`${bare(system)}/`] : []))
  return url => {
    const system = bare(url)
    return exact.has(system) || roots.some(root => system.startsWith(root))
  }
}

import type { Coding } from './fhir.ts'

/**
 * What `data/` hands out: labels/ and profiles/ read, checked against their JSON Schema, indexed, frozen and hashed.
 * A category or a state is added there without touching code.
 */
export interface LabelRules {
  /** SHA-256 over all label files, hex, first 16. Part of every facts cache key. */
  readonly revision: string
  readonly categories: readonly LabelCategory[]
  /** Codes of the site and the standard ones they stand for, from its ConceptMaps. */
  readonly localCodes?: readonly LocalCode[]
}

/** One code of a site's own system, as a FHIR R4 ConceptMap translates it. */
export interface LocalCode {
  /** What names the map in explanations: its url, name or file. */
  readonly map: string
  readonly system: string
  readonly code: string
  readonly targets: readonly Coding[]
}

/** Where the facts of a category were taken from, and under which licence. */
export interface LabelSource {
  readonly title: string
  readonly url?: string
  readonly licence: string
}

/** What a record says of its own content that may take it back. */
export const STATEMENTS = [
  'refuted',
  'entered-in-error',
  'not-done',
  'family-history',
  'negative-result',
] as const
export type Statement = (typeof STATEMENTS)[number]

/** What becomes of the labels of a record that makes such a statement; without a rule they stay. */
export interface StatementRule {
  readonly effect: 'keep' | 'lower' | 'drop'
  /** The highest confidence that is left where the effect is `lower`. */
  readonly confidence?: number
  readonly why: string
  readonly citation?: string
}

/** A candidate in the light of what else the record or its indication says. */
export interface ContextRule {
  /** Id of a rule of kind `cue`, `category/id`; within the category `id` will do. */
  readonly cue: string
  /** The confidence of the label where the cue is there; of several cues the highest counts. */
  readonly confidence: number
  readonly why: string
}

/** One folder of labels/: rules.json (+ codes.json, words.json, cases.json). */
export interface LabelCategory {
  readonly id: string
  readonly title: string
  /** Labels a hit puts on the resource; a local code stands together with its HL7 parent. */
  readonly labels: readonly Coding[]
  /** Wider HL7 codes that every hit of the category puts beside its labels, siblings in the hierarchy and none of its parents. */
  readonly beside?: readonly Coding[]
  readonly confidentiality: 'N' | 'R' | 'V'
  readonly basis?: Coding
  readonly rules: readonly LabelRule[]
  readonly visit?: VisitRule
  readonly statements?: Readonly<Partial<Record<Statement, StatementRule>>>
  readonly sources?: readonly LabelSource[]
  /** What is knowingly not recognised, one sentence each, for the generated page. */
  readonly notRecognised?: readonly string[]
}

/** Labels that a visit (Encounter) passes on to what was made during it; without one it passes on none. */
export interface VisitRule {
  /** The code that the visit must carry. */
  readonly when: string
  /** Codes of the visit's labels that are passed on then. */
  readonly codes: readonly string[]
  /** To resources of these types, whatever they hold. */
  readonly types: readonly string[]
  /** To resources of every type that carry one of these label codes themselves. */
  readonly with?: readonly string[]
  readonly why: string
  readonly citation: string
}

export type LabelRule =
  | {
      readonly id: string
      readonly kind: 'code'
      readonly system: string
      readonly codes: readonly string[]
      readonly context?: readonly ContextRule[]
      readonly labels?: readonly Coding[]
      readonly confidence: number
      readonly citation?: string
    }
  | {
      readonly id: string
      readonly kind: 'prefix'
      readonly system: string
      readonly prefixes: readonly string[]
      readonly except?: readonly string[]
      readonly context?: readonly ContextRule[]
      readonly labels?: readonly Coding[]
      readonly confidence: number
      readonly citation?: string
    }
  /** A questionnaire or score, by its name, its panel or its items. */
  | {
      readonly id: string
      readonly kind: 'instrument'
      /** Names as phrases (`phq 9`): sought in the canonical of the questionnaire, titles and displays. */
      readonly names: readonly string[]
      /** LOINC codes of panel, total score and items. */
      readonly codes: readonly string[]
      readonly labels?: readonly Coding[]
      readonly confidence: number
      readonly citation?: string
    }
  /** What gives candidates their meaning (pain, opioid dependence, a patch): no label by itself. */
  | {
      readonly id: string
      readonly kind: 'cue'
      readonly any: readonly string[]
      readonly near?: readonly string[]
      /** Phrases that say the same where an element tells why something is done (`reasonCode`), and nowhere else. */
      readonly reasons?: readonly string[]
      readonly except?: readonly string[]
      /** Code prefixes that say the same, by system. */
      readonly prefixes?: Readonly<Record<string, readonly string[]>>
    }
  | {
      readonly id: string
      readonly kind: 'words'
      readonly systems?: readonly string[]
      /** Phrases. `stem*` stands for every word that begins so. */
      readonly any: readonly string[]
      /** One of these must stand near a hit of `any`, on either side. */
      readonly near?: readonly string[]
      /** Each of these must stand in the same text. */
      readonly all?: readonly string[]
      /** False where even the negated statement tells (a negative HIV test). Default true. */
      readonly negatable?: boolean
      /** Phrases that take the hits near them away (`alcohol swab`). */
      readonly except?: readonly string[]
      /** Types that only speak of such records and are none (a Consent about notes is no note). */
      readonly notTypes?: readonly string[]
      readonly context?: readonly ContextRule[]
      readonly labels?: readonly Coding[]
      readonly confidence: number
      readonly citation?: string
    }
  | {
      readonly id: string
      readonly kind: 'document'
      readonly system: string
      readonly codes: readonly string[]
      readonly labels?: readonly Coding[]
      readonly confidence: number
      readonly citation?: string
    }
  | {
      readonly id: string
      readonly kind: 'upstream'
      readonly codes: readonly string[]
      readonly labels?: readonly Coding[]
      readonly confidence: number
      readonly citation?: string
    }
  /** Source of the record: what the site registry says of the organization it comes from. */
  | {
      readonly id: string
      readonly kind: 'source'
      readonly from: 'part2Programs' | 'sudOnlyFacilities' | 'unknown'
      /** Speaks only where the resource already carries one of these codes. */
      readonly with?: readonly string[]
      readonly labels?: readonly Coding[]
      readonly confidence: number
      readonly citation?: string
    }
  /** Notes kept separate, as the site registry names them (`separateNotes[].kind`). */
  | {
      readonly id: string
      readonly kind: 'separate-note'
      readonly note: string
      readonly labels?: readonly Coding[]
      readonly confidence: number
      readonly citation?: string
    }
  /** The patient is younger than `underYears` and the resource carries another sensitivity. */
  | {
      readonly id: string
      readonly kind: 'age'
      readonly underYears: number
      readonly labels?: readonly Coding[]
      readonly confidence: number
      readonly citation?: string
    }
  /** Content that the labeller cannot read: a picture, a PDF, a link. */
  | {
      readonly id: string
      readonly kind: 'unreadable'
      readonly labels?: readonly Coding[]
      readonly confidence: number
      readonly citation?: string
    }

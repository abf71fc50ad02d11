import type { Coding } from './fhir.ts'

/**
 * What `data/` hands out: labels/ and profiles/ read, checked against their JSON Schema, indexed, frozen and hashed.
 * A category or a state is added there without touching code.
 */
export interface LabelRules {
  /** SHA-256 over all label files, hex, first 16. Part of every facts cache key. */
  readonly revision: string
  readonly categories: readonly LabelCategory[]
}

/** One folder of labels/: rules.json (+ codes.json, words.json, cases.json). */
export interface LabelCategory {
  readonly id: string
  readonly title: string
  /** Labels a hit puts on the resource; a local code stands together with its HL7 parent. */
  readonly labels: readonly Coding[]
  readonly confidentiality: 'N' | 'R' | 'V'
  readonly basis?: Coding
  readonly rules: readonly LabelRule[]
}

export type LabelRule =
  | {
      readonly id: string
      readonly kind: 'code'
      readonly system: string
      readonly codes: readonly string[]
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
      readonly labels?: readonly Coding[]
      readonly confidence: number
      readonly citation?: string
    }
  | {
      readonly id: string
      readonly kind: 'words'
      readonly systems?: readonly string[]
      readonly any: readonly string[]
      readonly all?: readonly string[]
      readonly except?: readonly string[]
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

/** profiles/: what is allowed and how it looks. */
export interface Profiles {
  readonly revision: string
  readonly lawRows: readonly LawRow[]
  readonly notices: Readonly<Record<string, Notice>>
  /** Any accepted purpose code (system|code, OID form, bare) → v3-ActReason code. */
  readonly purposeMap: Readonly<Record<string, string>>
  /** v3-ActReason code → its parents, for subsumption. */
  readonly purposeParents: Readonly<Record<string, readonly string[]>>
}

export interface Notice {
  readonly id: string
  readonly citation: string
  readonly text: string
}

/**
 * One row of law. A row speaks when all its conditions hold; conditions left out hold for everyone.
 * Effects: `permit` gives an authority, `deny` overrides, `require-consent` denies unless a Consent of `consent` kind
 * permits, `limit` permits with the named view or obligations only.
 */
export interface LawRow {
  readonly id: string
  readonly title: string
  readonly citation: string
  readonly jurisdiction: string
  readonly effectiveFrom?: string
  readonly effectiveTo?: string
  readonly enabled: boolean
  readonly confidence: 'high' | 'medium' | 'low'
  readonly when: LawCondition
  readonly effect: 'permit' | 'deny' | 'require-consent' | 'limit'
  /** Kinds of Consent that satisfy `require-consent`. */
  readonly consent?: readonly string[]
  readonly obligations?: readonly string[]
  readonly caveats?: readonly string[]
  readonly notice?: string
  /** Refusal under this row must look as if nothing existed (2.13(c)). */
  readonly silent?: boolean
  /** 171.202/204 ground stored with a denial. */
  readonly ground?: string
}

/** Conditions are ANDed; values inside one are ORed; a leading `!` negates a value. */
export interface LawCondition {
  readonly labels?: readonly string[]
  readonly part2?: boolean
  readonly purposes?: readonly string[]
  readonly notPurposes?: readonly string[]
  readonly requesterRoles?: readonly string[]
  readonly requesterHipaa?: readonly string[]
  readonly requesterPart2?: readonly string[]
  readonly relationships?: readonly string[]
  readonly sameOrganization?: boolean
  readonly outOfState?: boolean
  readonly custodianStates?: readonly string[]
  readonly custodianHipaa?: readonly string[]
  readonly custodianPart2?: readonly string[]
  readonly custodianKind?: readonly string[]
  readonly agreements?: readonly string[]
  readonly minor?: boolean
  readonly claims?: readonly string[]
  readonly actions?: readonly string[]
  readonly resourceTypes?: readonly string[]
}

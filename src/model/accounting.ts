/** What stands in an accounting of disclosures and what does not: profiles/deployment/accounting.json. */
export interface AccountingRules {
  /** How far back an accounting reaches, years. */
  readonly years: number
  /** How far back the lists of 42 CFR 2.24 and 2.25 reach, years. */
  readonly part2Years: number
  /** Obligations of releases that are accountable whatever else permits them. */
  readonly always: { readonly obligations: readonly string[] }
  /** Kinds of disclosure that are left out (45 CFR 164.528(a)(1)), with the law rows such a disclosure rests on. */
  readonly kinds: readonly ExcludedKind[]
  /** Rows by which a Part 2 release rests on a consent (42 CFR 2.25). */
  readonly part2: { readonly citation: string; readonly rows: readonly string[]; readonly tolled: boolean }
  /** Obligation of a release that stands in the list of an intermediary (42 CFR 2.24). */
  readonly intermediary: { readonly citation: string; readonly obligation: string }
  /** Kinds of evidence that suspend the accounting of what was disclosed to whom they name, on these bases (citations). */
  readonly suspension: {
    readonly citation: string
    readonly evidence: readonly string[]
    readonly bases: readonly string[]
  }
}

export interface ExcludedKind {
  readonly id: string
  readonly citation: string
  readonly text?: string
  readonly rows: readonly string[]
}

/** What one release means for accountings; stored with its decision. */
export interface Accountability {
  /** It stands in the accounting of 45 CFR 164.528. */
  readonly accountable: boolean
  /** Ids of the kinds it is left out as; `use` where nobody outside the organization received it. */
  readonly excluded?: readonly string[]
  /** Made with a Part 2 consent: 42 CFR 2.25; `tolled` while nobody has to give that accounting yet. */
  readonly part2?: 'due' | 'tolled'
  /** Stands in the list of an intermediary: 42 CFR 2.24. */
  readonly intermediary?: true
}

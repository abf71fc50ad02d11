import type { EvidenceKind } from './office.ts'
import type { View } from './view.ts'

/** profiles/: what is allowed and how it looks. */
export interface Profiles {
  readonly revision: string
  readonly lawRows: readonly LawRow[]
  readonly notices: Readonly<Record<string, Notice>>
  /** Any accepted purpose code (system|code, OID form, bare) → v3-ActReason code. */
  readonly purposeMap: Readonly<Record<string, string>>
  /** v3-ActReason code → its parents, for subsumption. */
  readonly purposeParents: Readonly<Record<string, readonly string[]>>
  /** Obligations that the house knows how to meet; any other denies. */
  readonly obligations?: Readonly<Record<string, ObligationRule>>
  /** Types that a projection cannot make fit to leave, by the id of the projection. */
  readonly withheldTypes?: Readonly<Record<string, readonly string[]>>
  /** What applies where no Consent is on file, by id or IHE PCF implicit policy URI. */
  readonly defaultPolicies?: Readonly<Record<string, DefaultPolicy>>
  /** What purposes need to see, by id. */
  readonly views?: Readonly<Record<string, View>>
  /** Kinds of evidence that the privacy office may put on file. */
  readonly evidenceKinds?: readonly EvidenceKind[]
}

/** One obligation code; a `*` at the end stands for a parameter, e.g. `STATE_NOTICE:*`. */
export interface ObligationRule {
  readonly id: string
  readonly citation: string
  /** Where it shows: in the answer, in the record, or as a condition verified and named. */
  readonly kind: 'answer' | 'record' | 'condition'
  readonly text: string
  /** Met only by a projection: the id of one, or `view` for the view that fits purpose and requester. */
  readonly projection?: string
  /** Id of the notice that meets it by going along. */
  readonly notice?: string
}

/** Where no Consent speaks, the question goes on only if one of `opens` holds. No `opens` at all = deny. */
export interface DefaultPolicy {
  readonly id: string
  readonly citation: string
  readonly text: string
  readonly opens: readonly LawCondition[]
}

export interface Notice {
  readonly id: string
  readonly citation: string
  readonly text: string
  /** Id of the short form that stands on each resource where the long one stands once on the Bundle (2.32(a)(2)). */
  readonly short?: string
}

/**
 * One row of law. A row speaks when all its conditions hold; conditions left out hold for everyone. A condition that
 * cannot be known holds for a row that closes (`deny`, `require-consent`, `duty`) and fails for one that opens.
 * Effects: `permit` gives an authority (with `consent`: only where a Consent of that kind permits), `deny` overrides,
 * `require-consent` denies unless a Consent of `consent` kind permits, `limit` permits with the named obligations only,
 * `except` gives no authority but takes the rows in `lifts` out, `duty` adds obligations to what other rows release.
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
  readonly effect: 'permit' | 'deny' | 'require-consent' | 'limit' | 'except' | 'duty'
  /** Kinds of Consent that satisfy `require-consent`. */
  readonly consent?: readonly string[]
  /** Ids of closing rows of the same file to which this row is an exception. */
  readonly lifts?: readonly string[]
  /** What a release under this row may go against: a Consent's refusal (164.522(a)(1)(iii), (v)), the default policy. */
  readonly overrides?: readonly ('consent' | 'default-policy')[]
  /** Obligations of other authorities that fall where this one suffices (164.502(b)(2)). */
  readonly frees?: readonly string[]
  /** Further obligations where a Consent's refusal was gone against (164.522(a)(1)(iv)). */
  readonly onOverride?: readonly string[]
  /** Obligations of the refusal, where this row denies. */
  readonly onRefusal?: readonly string[]
  /** Sensitivity category, for the printed matrix. */
  readonly category?: string
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
  /** The site names requester and custodian as related health care entities (registry `relatedEntities`). */
  readonly relatedEntity?: boolean
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
  /** Claims that must all hold: a path (`breakGlass.reason`) or `path=value`; empty, false or absent does not hold. */
  readonly allClaims?: readonly string[]
  /** Recorded judgements of the custodian whose statute or kind contains one of these texts. */
  readonly determinations?: readonly string[]
  /** Basis on which the custodian received the record: tpo-consent, written-consent. */
  readonly custodianReceived?: readonly string[]
  /** The type is one that speaks of patients (`ResourceFacts.patientData`). */
  readonly patientData?: boolean
  /** State regime of the facility the record comes from (registry `regimes`). */
  readonly regimes?: readonly string[]
  /** The requester's organization is the one the record comes from. */
  readonly fromSource?: boolean
  /** The requester is the patient (or the patient the requester stands for) of the whole resource. */
  readonly ownRecord?: boolean
  /** The requesting user wrote the resource. */
  readonly originator?: boolean
  /** Age of a patient of the resource in completed years: `from` inclusive, `under` exclusive. */
  readonly ages?: { readonly from?: number; readonly under?: number }
  /** Path of a claim that is a filter (`scope`, `dataset`): all its given parts must hold for the resource. */
  readonly scope?: string
}

/** How soon whom a breach of unsecured health information must be told (45 CFR 164.404, state law). */
export interface BreachDeadline {
  readonly jurisdiction: string
  readonly notify: string
  readonly within: { readonly days: number; readonly unit: 'calendar' | 'business' }
  readonly from: 'discovery'
  readonly citation: string
  readonly confidence: 'high' | 'medium' | 'low'
  /** Notice as HIPAA asks is deemed to comply. */
  readonly hipaaSuffices?: boolean
  readonly note?: string
}

import type { ResourceDecision } from '../model/decision.ts'
import type { Profiles } from '../model/law.ts'
import type { Projection } from '../model/projection.ts'
import { isView } from '../model/projection.ts'

/**
 * Obligations that segment itself makes visible in the answer, and those that others discharge
 * (R: the record; C: a condition decide has verified). One that stands in neither table cannot be discharged:
 * the resource does not leave (invariant 2).
 */
const VISIBLE: ReadonlySet<string> = new Set([
  'P2_NOTICE',
  'P2_CONSENT_COPY',
  'P2_NO_REVEAL',
  'P2_NO_LEGAL_PROCEEDINGS',
])

const RECORDED: ReadonlySet<string> = new Set([
  'AUDIT',
  'P2_EMERGENCY_DOC',
  'P2_INTERMEDIARY_LIST',
  'P2_CONTRACT',
  'P2_RESEARCH_TERMS',
  'P2_AUDIT_AGREEMENT',
  'QSOA_ON_FILE',
  'ACCOUNTING_LOG',
  'AUTH_SCOPE',
  'BTG_ALERT',
  'BTG_REVIEW',
  'VERIFY_AUTHORITY',
  'DUA_ON_FILE',
  'COURT_ORDER_SCOPE',
  'PROFESSIONAL_JUDGEMENT',
  'PATIENT_INFORMED',
  'RECORD_NOTATION',
  'RECORD_REPRESENTATION',
])

/** A copy of the consent, or a clear explanation of its scope, goes with the records: 42 CFR 2.32(b). */
export const CONSENT_COPY = 'P2_CONSENT_COPY'
const STATE_NOTICE = 'STATE_NOTICE:'

/** What obligations are discharged with. */
export interface Means {
  /** By id, as decisions name them. */
  readonly projections?: ReadonlyMap<string, Projection>
  /** The table of obligations: which of them only a projection meets. */
  readonly obligations?: Profiles['obligations']
}

/**
 * Names the first obligation of a decision that this version cannot discharge, or undefined.
 * @param notices ids of the notices that can be attached
 */
export function undischargeable(
  decision: ResourceDecision,
  notices: ReadonlySet<string>,
  { projections, obligations = {} }: Means = {},
): string | undefined {
  const { projections: named = [] } = decision
  const unknown = named.find(id => projections?.has(id) !== true)
  if (unknown !== undefined) return `projection ${unknown}`
  const unknownNotice = decision.notices.find(id => !notices.has(id))
  if (unknownNotice !== undefined) return `notice ${unknownNotice}`
  if (decision.effect === 'redact' && decision.redact.length + named.length === 0)
    return 'redaction of unnamed elements'
  if (decision.obligations.includes(CONSENT_COPY) && decision.consents.length === 0) return CONSENT_COPY
  return decision.obligations.find(obligation => {
    if (obligation.startsWith(STATE_NOTICE)) return !notices.has(obligation.slice(STATE_NOTICE.length))
    const projection = obligations[obligation]?.projection
    if (projection !== undefined)
      return projection === 'view' ? !named.some(isView) : !named.includes(projection)
    const notice = obligations[obligation]?.notice
    if (notice !== undefined) return !notices.has(notice)
    return !VISIBLE.has(obligation) && !RECORDED.has(obligation)
  })
}

/** Names the projection that cannot make a resource of this type fit to leave, or undefined. */
export function unfit(
  { projections: named = [] }: ResourceDecision,
  resourceType: string,
  { projections }: Means,
): string | undefined {
  const found = named.find(id => projections?.get(id)?.withheldTypes?.has(resourceType))
  return found === undefined ? undefined : `projection ${found} of ${resourceType}`
}

/** Notices a decision asks for, by its `notices`, its STATE_NOTICE obligations and those that a notice meets, each once. */
export function noticesOf(decision: ResourceDecision, { obligations = {} }: Means = {}): string[] {
  const stated = decision.obligations.flatMap(o =>
    o.startsWith(STATE_NOTICE) ? o.slice(STATE_NOTICE.length) : (obligations[o]?.notice ?? []),
  )
  return [...new Set([...decision.notices, ...stated])]
}

import type { DecidedResource, ResourceDecision } from '../model/decision.ts'
import type { Means } from './obligations.ts'

/**
 * Releases as they accompany their data: what a projection de-identifies is neither protected health information
 * (45 CFR 164.502(d)(2)) nor a record that would identify a patient (42 CFR 2.12(a)(1)(i)), so that no statement, copy of
 * a Consent, caveat or label goes with it; a copy of a Consent would name the patient. The rest stays as it is.
 * @param origins takes what each changed one was made of
 */
export function freed(
  released: readonly DecidedResource[],
  means: Means,
  origins: Map<DecidedResource, DecidedResource>,
): readonly DecidedResource[] {
  const known = new Map<ResourceDecision, ResourceDecision>()
  let changed = false
  const list = released.map(one => {
    if (!isDeidentified(one.decision, means)) return one
    changed = true
    const decision = known.get(one.decision) ?? withoutCompany(one.decision)
    known.set(one.decision, decision)
    const labelled = { ...one.labelled, labels: [], codes: NO_CODES, confidentiality: 'N' as const }
    const made = { decision, labelled }
    origins.set(made, one)
    return made
  })
  return changed ? list : released
}

const NO_CODES: ReadonlySet<string> = new Set()
/** Duties towards the recipient of protected health information. */
const COMPANY =
  /^(?:P2_NOTICE|P2_CONSENT_COPY|P2_NO_LEGAL_PROCEEDINGS|NO_FURTHER_USE_REQUEST|STATE_NOTICE:.*)$/

function withoutCompany(decision: ResourceDecision): ResourceDecision {
  return {
    ...decision,
    obligations: decision.obligations.filter(each => !COMPANY.test(each)),
    caveats: [],
    notices: [],
    consents: [],
  }
}

/** Whether what leaves under a decision is de-identified. */
export function isDeidentified({ projections = [] }: ResourceDecision, means: Means): boolean {
  return projections.some(id => means.projections?.get(id)?.deidentified === true)
}

import type { OrganizationRule, Reason } from '../model/decision.ts'
import type { Situation } from './conditions.ts'
import { meets, type PatientVoice } from './patients.ts'
import type { Judged } from './resource-conditions.ts'
import { listHolds } from './tri.ts'

/**
 * What the organization's own policy refuses. It may be stricter than law, never laxer: its `permit` adds nothing, and
 * every rule that speaks counts, whatever the others say.
 */
export function organizationReasons(
  at: Situation,
  judged: Judged,
  voices: readonly PatientVoice[],
): readonly Reason[] {
  return at.context.organizationPolicy
    .filter(rule => speaks(rule, at, judged))
    .flatMap(rule => refusal(rule, at, voices))
}

/** No labels or no purposes = all of them. A refusal reaches down to every purpose under the one it names. */
function speaks(
  { labels, purposes }: OrganizationRule,
  { purpose, tree }: Situation,
  { codes }: Judged,
): boolean {
  const reach = tree.wide(purpose)
  const above = tree.narrow(purpose)
  return (
    listHolds(labels, label => codes.has(label)) &&
    listHolds(
      purposes,
      each => reach.has(each),
      each => above.has(each),
    )
  )
}

function refusal(
  { id, effect }: OrganizationRule,
  at: Situation,
  voices: readonly PatientVoice[],
): readonly Reason[] {
  if (effect === 'permit') return []
  const met = effect === 'require-consent' ? meets(['any'], voices, at) : undefined
  if (met?.met) return []
  const why = met === undefined ? {} : { why: met.why }
  return [{ rule: id, source: 'organization', effect: 'deny', ground: '171.202(b)', ...why }]
}

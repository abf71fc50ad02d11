import type { Accountability, AccountingRules } from '../model/accounting.ts'
import type { ResourceDecision } from '../model/decision.ts'

/** The parts of a decision that accountability hangs on; stored rows have them too. */
export type Accounted = Pick<ResourceDecision, 'because' | 'obligations' | 'consents'>

/**
 * Whether a release stands in accountings. In doubt it does: where one of its duties says so, where one is of no excluded
 * kind, and where none is named at all.
 * @param isUse whether the requester is the holder's own organization: no disclosure (45 CFR 160.103)
 */
export function accountabilityOf(
  { because, obligations, consents }: Accounted,
  rules: AccountingRules,
  isUse: boolean,
): Accountability {
  if (isUse) return { accountable: false, excluded: ['use'] }
  const permits = because.filter(({ source, effect }) => source === 'law' && isOpening(effect))
  const kinds = permits.map(({ rule }) => rules.kinds.find(({ rows }) => rows.includes(rule))?.id)
  const known = kinds.filter(kind => kind !== undefined)
  const isTold = obligations.some(one => rules.always.obligations.includes(one))
  const excluded = known.length > 0 && known.length === kinds.length && !isTold
  const rests = because.some(({ rule, consent }) => consent !== undefined && rules.part2.rows.includes(rule))
  return {
    accountable: !excluded,
    ...(excluded ? { excluded: [...new Set(known)].sort() } : {}),
    ...(rests ? { part2: rules.part2.tolled ? 'tolled' : 'due' } : {}),
    ...(consents.length > 0 && obligations.includes(rules.intermediary.obligation)
      ? { intermediary: true }
      : {}),
  }
}

function isOpening(effect: string): boolean {
  return effect === 'permit' || effect === 'limit'
}

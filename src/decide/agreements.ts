import type { DecisionContext } from '../model/decision.ts'
import type { Agreement } from '../model/requester.ts'
import type { PurposeTree } from './purpose.ts'

/**
 * Agreements of a kind that bind this requester to this custodian at this time for this purpose: registered with the
 * client or with the site. A purpose list covers what it names and what stands under it.
 */
export function currentAgreements(
  context: DecisionContext,
  kind: string,
  purpose: string,
  tree: PurposeTree,
): readonly Agreement[] {
  const { requester, custodian, registry } = context
  const own = requester.registration?.agreements ?? []
  const parties = [requester.organization, requester.client]
  const ofSite = registry.agreements.filter(
    agreement => agreement.party !== undefined && parties.includes(agreement.party),
  )
  const today = context.at.toISOString().slice(0, 10)
  return [...own, ...ofSite].filter(
    agreement =>
      agreement.kind === kind &&
      agreement.status !== 'ended' &&
      (agreement.with === undefined || agreement.with === custodian.organization) &&
      (agreement.start === undefined || agreement.start.slice(0, 10) <= today) &&
      (agreement.end === undefined || agreement.end.slice(0, 10) >= today) &&
      (agreement.purposes === undefined || agreement.purposes.some(each => tree.narrow(purpose).has(each))),
  )
}

import type { Directory } from '../model/consent.ts'
import type { DecisionContext } from '../model/decision.ts'
import type { Agreement } from '../model/requester.ts'
import { organizationChain } from './organizations.ts'
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
  const { requester, custodian, registry, directory } = context
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
      (agreement.with === undefined || isOurs(agreement.with, custodian.organization, directory)) &&
      (agreement.start === undefined || agreement.start.slice(0, 10) <= today) &&
      (agreement.end === undefined || agreement.end.slice(0, 10) >= today) &&
      (agreement.purposes === undefined || agreement.purposes.some(each => tree.narrow(purpose).has(each))),
  )
}

/** The custodian, an organization it is part of, or a part of it. */
function isOurs(organization: string, custodian: string, directory: Directory): boolean {
  return (
    organizationChain(custodian, directory).has(organization) ||
    organizationChain(organization, directory).has(custodian)
  )
}

/**
 * Whether an agreement reaches a record: of the types it is limited to, and, made with a part of the custodian, from that
 * part. One made with the custodian or with what that is part of reaches them all.
 */
export function reaches(
  { resourceTypes, with: partner }: Agreement,
  type: string,
  source: string | undefined,
  { custodian, directory }: DecisionContext,
): boolean {
  if (resourceTypes !== undefined && !resourceTypes.includes(type)) return false
  return (
    partner === undefined ||
    organizationChain(custodian.organization, directory).has(partner) ||
    organizationChain(source, directory).has(partner)
  )
}

import type { DecisionContext } from '../model/decision.ts'
import type { LawCondition } from '../model/rules.ts'
import { currentAgreements } from './agreements.ts'
import { claimHolds } from './claims.ts'
import { organizationChain } from './organizations.ts'
import type { PurposeTree } from './purpose.ts'
import { every, factHolds, listHolds, type Tri, tri } from './tri.ts'

/** What the exchange says, the same for all its resources, for one of its purposes. */
export interface Situation {
  readonly context: DecisionContext
  readonly purpose: string
  readonly tree: PurposeTree
  /** The requester's organization and those it is part of. */
  readonly requesterChain: ReadonlySet<string>
}

export function situation(context: DecisionContext, purpose: string, tree: PurposeTree): Situation {
  const { requester, directory } = context
  return { context, purpose, tree, requesterChain: organizationChain(requester.organization, directory) }
}

/**
 * The part of a condition that no resource changes: custodian, requester, purpose, claims, agreements. `opens` tells
 * whether the row opens (its purposes reach narrowly) or closes (they reach as far as they can).
 */
export function situationHolds(when: LawCondition, at: Situation, opens: boolean): Tri {
  return every(situationParts(when, at, opens))
}

function* situationParts(when: LawCondition, at: Situation, opens: boolean): Generator<Tri> {
  const { custodian, requester, action } = at.context
  if (when.custodianStates) yield factHolds(when.custodianStates, custodian.state)
  if (when.purposes) yield tri(purposeListed(when.purposes, at, opens))
  if (when.notPurposes) yield tri(!purposeListed(when.notPurposes, at, !opens))
  if (when.requesterRoles) yield factHolds(when.requesterRoles, requester.role)
  if (when.requesterHipaa) yield factHolds(when.requesterHipaa, requester.hipaa)
  if (when.requesterPart2) yield factHolds(when.requesterPart2, requester.part2)
  if (when.relationships) yield factHolds(when.relationships, requester.relationship)
  if (when.custodianHipaa) yield factHolds(when.custodianHipaa, custodian.hipaa)
  if (when.custodianPart2) yield factHolds(when.custodianPart2, custodian.part2)
  if (when.custodianKind) yield factHolds(when.custodianKind, custodian.kind ?? 'organization')
  if (when.actions) yield factHolds(when.actions, action)
  if (when.sameOrganization !== undefined) yield tri(isSameOrganization(at) === when.sameOrganization)
  if (when.outOfState !== undefined) yield tri((requester.state !== custodian.state) === when.outOfState)
  if (when.claims) yield tri(listHolds(when.claims, claim => claimHolds(requester.claims, claim)))
  if (when.allClaims) yield tri(when.allClaims.every(claim => claimHolds(requester.claims, claim)))
  if (when.determinations) yield tri(when.determinations.some(text => isDetermined(text, at)))
  if (when.agreements) yield tri(listHolds(when.agreements, kind => isAgreed(kind, at)))
}

/** A plain purpose reaches down as far as the row's direction allows; a negated one the other way. */
function purposeListed(values: readonly string[], { purpose, tree }: Situation, narrowly: boolean): boolean {
  const [plain, negated] = narrowly
    ? [tree.narrow(purpose), tree.wide(purpose)]
    : [tree.wide(purpose), tree.narrow(purpose)]
  return listHolds(
    values,
    value => plain.has(value),
    value => negated.has(value),
  )
}

function isSameOrganization({ context, requesterChain }: Situation): boolean {
  return requesterChain.has(context.custodian.organization)
}

function isAgreed(kind: string, { context, purpose, tree }: Situation): boolean {
  return currentAgreements(context, kind, purpose, tree).length > 0
}

/** A recorded judgement names its kind, statute or regulation; one made for another recipient does not count. */
function isDetermined(text: string, { context }: Situation): boolean {
  return (context.custodian.determinations ?? []).some(determination => {
    const { kind, statute, regulation, recipient } = determination as Readonly<Record<string, unknown>>
    const names = [kind, statute, regulation].some(part => typeof part === 'string' && part.includes(text))
    return names && (recipient === undefined || recipient === context.requester.organization)
  })
}

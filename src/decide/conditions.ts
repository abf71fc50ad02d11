import type { DecisionContext } from '../model/decision.ts'
import type { LawCondition } from '../model/law.ts'
import { currentAgreements } from './agreements.ts'
import { claimHolds } from './claims.ts'
import { organizationChain, personsBehind } from './organizations.ts'
import type { PurposeTree } from './purpose.ts'
import { factHolds, listHolds, type Tri, tri } from './tri.ts'

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

type Part = (at: Situation, opens: boolean) => Tri

const compiled = new WeakMap<LawCondition, readonly Part[]>()

/**
 * The part of a condition that no resource changes: custodian, requester, purpose, claims, agreements. `opens` tells
 * whether the row opens (its purposes reach narrowly) or closes (they reach as far as they can).
 */
export function situationHolds(when: LawCondition, at: Situation, opens: boolean): Tri {
  const parts = compiled.get(when) ?? compile(when)
  let result: Tri = 'yes'
  for (const part of parts) {
    const holds = part(at, opens)
    if (holds === 'no') return 'no'
    if (holds === 'unknown') result = 'unknown'
  }
  return result
}

function compile(when: LawCondition): readonly Part[] {
  const parts = [...purposeParts(when), ...partyParts(when), ...claimParts(when)]
  compiled.set(when, parts)
  return parts
}

function* purposeParts({ purposes, notPurposes }: LawCondition): Generator<Part> {
  if (purposes) yield (at, opens) => tri(purposeListed(purposes, at, opens))
  if (notPurposes) yield (at, opens) => tri(!purposeListed(notPurposes, at, !opens))
}

function* partyParts(when: LawCondition): Generator<Part> {
  const { requesterRoles, requesterHipaa, requesterPart2, relationships, sameOrganization, outOfState } = when
  const { custodianStates, custodianHipaa, custodianPart2, custodianKind, actions, relatedEntity } = when
  if (custodianStates) yield ({ context }) => factHolds(custodianStates, context.custodian.state)
  if (requesterRoles) yield ({ context }) => factHolds(requesterRoles, context.requester.role)
  if (requesterHipaa) yield ({ context }) => factHolds(requesterHipaa, context.requester.hipaa)
  if (requesterPart2) yield ({ context }) => factHolds(requesterPart2, context.requester.part2)
  if (relationships) yield ({ context }) => factHolds(relationships, context.requester.relationship)
  if (custodianHipaa) yield ({ context }) => factHolds(custodianHipaa, context.custodian.hipaa)
  if (custodianPart2) yield ({ context }) => factHolds(custodianPart2, context.custodian.part2)
  if (custodianKind) yield ({ context }) => factHolds(custodianKind, context.custodian.kind ?? 'organization')
  if (actions) yield ({ context }) => factHolds(actions, context.action)
  if (relatedEntity !== undefined) yield at => tri(isRelatedEntity(at) === relatedEntity)
  if (sameOrganization !== undefined) yield at => tri(isSameOrganization(at) === sameOrganization)
  if (outOfState !== undefined)
    yield ({ context }) => tri((context.requester.state !== context.custodian.state) === outOfState)
}

function* claimParts({ claims, allClaims, determinations, agreements }: LawCondition): Generator<Part> {
  if (claims)
    yield ({ context }) => tri(listHolds(claims, claim => claimHolds(context.requester.claims, claim)))
  if (allClaims)
    yield ({ context }) => tri(allClaims.every(claim => claimHolds(context.requester.claims, claim)))
  if (determinations) yield at => tri(determinations.some(text => isDetermined(text, at)))
  if (agreements) yield at => tri(listHolds(agreements, kind => isAgreed(kind, at)))
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

/** registry.relatedEntities: groups of organizations, or one organization and those related to it; both must stand in one. */
function isRelatedEntity({ context, requesterChain }: Situation): boolean {
  const groups = context.registry.other['relatedEntities']
  if (!Array.isArray(groups)) return false
  return groups
    .map(namesIn)
    .some(
      names => names.has(context.custodian.organization) && [...requesterChain].some(one => names.has(one)),
    )
}

function namesIn(group: unknown): ReadonlySet<unknown> {
  const { organization, related } = Array.isArray(group)
    ? { organization: undefined, related: group }
    : (group as { organization?: unknown; related?: unknown })
  return new Set([organization, ...(Array.isArray(related) ? related : [])])
}

function isAgreed(kind: string, { context, purpose, tree }: Situation): boolean {
  return currentAgreements(context, kind, purpose, tree).length > 0
}

/** A recorded judgement names its kind, statute or regulation; one made for another recipient does not count. */
function isDetermined(text: string, { context }: Situation): boolean {
  const { organization, user, client } = context.requester
  const recipients: readonly unknown[] = [organization, client, ...personsBehind(user, context.directory)]
  return (context.custodian.determinations ?? []).some(determination => {
    const { kind, statute, regulation, recipient } = determination as Readonly<Record<string, unknown>>
    const names = [kind, statute, regulation].some(part => typeof part === 'string' && part.includes(text))
    return names && (recipient === undefined || recipients.includes(recipient))
  })
}

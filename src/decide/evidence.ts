import type { DecidedResource, DecisionContext, Evidenced, ResourceDecision } from '../model/decision.ts'
import type { Decider } from '../model/doors.ts'
import type { LabelledResource } from '../model/label.ts'
import type { LawCondition } from '../model/law.ts'
import { withinScope } from './claims.ts'

/**
 * Decides with what is on file beside what is asked. Evidence holds for a resource only by the patients of that resource,
 * so it is looked for one by one; where a requester has none, the decisions pass as they are.
 */
export function heedingEvidence(decide: Decider['decide']): Decider['decide'] {
  return (context, resources, ask) => {
    const decided = decide(context, resources, ask)
    const { claimsOf } = context
    if (claimsOf === undefined) return decided
    return decided.map(plain => {
      const onFile = attempt(() =>
        claimsOf(plain.labelled.facts.patients).filter(each => isAbout(each, plain.labelled)),
      )
      const others = onFile.flatMap(each => decide(relyingOn(context, each), [plain.labelled], ask))
      return mostOpen(plain, others)
    })
  }
}

function isAbout({ claims, scopes }: Evidenced, { facts, source }: LabelledResource): boolean {
  const resource = { facts, ...(source === undefined ? {} : { source }) }
  return scopes.every(path => withinScope(claims, path, resource))
}

/** What cannot be looked up is not on file. */
function attempt(look: () => readonly Evidenced[]): readonly Evidenced[] {
  try {
    return look()
  } catch {
    return []
  }
}

const contexts = new WeakMap<DecisionContext, WeakMap<Evidenced, DecisionContext>>()

/** The context as it is once this evidence is believed; the same object for the same two. */
function relyingOn(context: DecisionContext, evidence: Evidenced): DecisionContext {
  const known = contexts.get(context) ?? new WeakMap<Evidenced, DecisionContext>()
  contexts.set(context, known)
  const made = known.get(evidence) ?? believed(context, evidence)
  known.set(evidence, made)
  return made
}

function believed(context: DecisionContext, evidence: Evidenced): DecisionContext {
  const { requester, registry, custodian } = context
  const { claims, agreements, determinations, role, relationship } = evidence
  const party = requester.client
  return {
    ...context,
    evidence,
    requester: {
      ...requester,
      claims: { ...requester.claims, ...claims },
      ...(role === undefined ? {} : { role }),
      ...(relationship === undefined ? {} : { relationship }),
    },
    registry: {
      ...registry,
      agreements: [...registry.agreements, ...agreements.map(agreement => ({ ...agreement, party }))],
    },
    custodian: {
      ...custodian,
      determinations: [...(custodian.determinations ?? []), ...determinations],
    },
  }
}

/** Ids of the evidence that a condition may owe its holding to. */
export function restsOn(when: LawCondition, { evidence }: Evidenced): readonly string[] {
  const asked = askedOf(when)
  return evidence.filter(({ gives }) => gives.some(each => asked.has(each))).map(({ id }) => id)
}

const askedBy = new WeakMap<LawCondition, ReadonlySet<string>>()

function askedOf(when: LawCondition): ReadonlySet<string> {
  const known = askedBy.get(when)
  if (known !== undefined) return known
  const { claims = [], allClaims = [], scope, determinations, agreements = [] } = when
  const { relationships, requesterRoles, ownRecord } = when
  const plain = (names: readonly string[]) => names.filter(name => !name.startsWith('!'))
  const stated = [...plain(claims), ...allClaims, ...(scope === undefined ? [] : [scope])]
  const standing = relationships ?? requesterRoles ?? ownRecord
  const asked = new Set([
    ...stated.map(path => path.replace(/[.=~].*$/s, '')),
    ...plain(agreements).map(kind => `agreement:${kind}`),
    ...(determinations === undefined ? [] : ['determination']),
    ...(standing === undefined ? [] : ['standing']),
  ])
  askedBy.set(when, asked)
  return asked
}

/**
 * Of the decision without evidence and those with it, the one that releases most; the first of equals. Evidence opens, it
 * never closes, and what needs none does not rest on any.
 */
function mostOpen(plain: DecidedResource, others: readonly DecidedResource[]): DecidedResource {
  let best = plain
  for (const other of others) if (openness(other.decision) > openness(best.decision)) best = other
  return best
}

function openness({ effect, projections = [] }: ResourceDecision): number {
  if (effect === 'deny') return 0
  if (effect === 'redact') return 1
  return projections.length > 0 ? 2 : 3
}

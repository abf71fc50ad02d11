import type { DecisionContext } from '../model/decision.ts'
import type { LabelledResource } from '../model/label.ts'
import type { LawCondition } from '../model/law.ts'
import { ageHolds } from './age.ts'
import { currentAgreements, reaches } from './agreements.ts'
import { withinScope } from './claims.ts'
import type { Situation } from './conditions.ts'
import { organizationChain, personsBehind, representedBy } from './organizations.ts'
import { standingOf } from './representatives.ts'
import { every, factHolds, listHolds, some, type Tri, tri } from './tri.ts'

/** A resource with the codes its labels stand under, once for all rows. */
export interface Judged {
  readonly resource: LabelledResource
  /** The resource's codes and all that stand above them. */
  readonly codes: ReadonlySet<string>
}

type Part = (judged: Judged, at: Situation) => Tri

interface Parts {
  /** The same for all resources of a class. */
  readonly ofClass: readonly Part[]
  /** These look at one resource, so decisions cannot be shared by class. */
  readonly inside: readonly Part[]
}

const compiled = new WeakMap<LawCondition, Parts>()

/** The part of a condition that a resource decides: labels, source, type, age, author, scope. */
export function resourceHolds(when: LawCondition, judged: Judged, at: Situation): Tri {
  const { ofClass, inside } = partsOf(when)
  const holds = all(ofClass, judged, at)
  if (holds === 'no' || inside.length === 0) return holds
  return every([holds, all(inside, judged, at)])
}

/** True where the condition looks at one resource and not at its class. */
export function looksInside(when: LawCondition): boolean {
  return partsOf(when).inside.length > 0
}

/** Whether the class of a resource leaves it open what such a condition finds inside. */
export function leavesOpen(when: LawCondition, judged: Judged, at: Situation): boolean {
  return all(partsOf(when).ofClass, judged, at) !== 'no'
}

function all(parts: readonly Part[], judged: Judged, at: Situation): Tri {
  let result: Tri = 'yes'
  for (const part of parts) {
    const holds = part(judged, at)
    if (holds === 'no') return 'no'
    if (holds === 'unknown') result = 'unknown'
  }
  return result
}

function partsOf(when: LawCondition): Parts {
  const before = compiled.get(when)
  if (before !== undefined) return before
  const parts = { ofClass: [...kindParts(when), ...relationParts(when)], inside: [...insideParts(when)] }
  compiled.set(when, parts)
  return parts
}

/** Cheap ones first. */
function* kindParts(when: LawCondition): Generator<Part> {
  const { part2, patientData, labels, resourceTypes, minor, ages } = when
  if (part2 !== undefined) yield ({ resource }) => tri(resource.part2 === part2)
  if (patientData !== undefined) yield ({ resource }) => tri(resource.facts.patientData === patientData)
  if (labels) yield ({ codes }) => tri(listHolds(labels, label => codes.has(label)))
  if (resourceTypes) yield ({ resource }) => factHolds(resourceTypes, resource.facts.type)
  if (minor === true) yield ({ resource }, { context }) => aged(resource, context, { under: 18 }, some)
  if (minor === false) yield ({ resource }, { context }) => aged(resource, context, { from: 18 }, every)
  if (ages) yield ({ resource }, { context }) => aged(resource, context, ages, some)
}

function* relationParts(when: LawCondition): Generator<Part> {
  const { fromSource, ownRecord, custodianReceived, regimes, agreements } = when
  if (fromSource !== undefined) yield ({ resource }, at) => tri(isFromSource(resource, at) === fromSource)
  if (ownRecord !== undefined)
    yield ({ resource }, { context }) => tri(isOwnRecord(resource, context) === ownRecord)
  if (custodianReceived) yield ({ resource }, { context }) => receivedOn(custodianReceived, resource, context)
  if (regimes)
    yield ({ resource }, { context }) => tri(regimes.some(regime => isUnder(regime, resource, context)))
  if (agreements) yield ({ resource }, at) => tri(agreementsReach(agreements, resource, at))
}

function* insideParts({ originator, scope }: LawCondition): Generator<Part> {
  if (originator !== undefined)
    yield ({ resource }, { context }) => tri(isOriginator(resource, context) === originator)
  if (scope)
    yield ({ resource }, { context }) => tri(withinScope(context.requester.claims, scope, inScope(resource)))
}

function inScope(resource: LabelledResource) {
  return { facts: resource.facts, ...(resource.source === undefined ? {} : { source: resource.source }) }
}

function agreementsReach(
  kinds: readonly string[],
  { facts, source }: LabelledResource,
  { context, purpose, tree }: Situation,
): boolean {
  return listHolds(kinds, kind =>
    currentAgreements(context, kind, purpose, tree).some(agreement =>
      reaches(agreement, facts.type, source, context),
    ),
  )
}

/** One patient of such an age suffices (`some`), or all must be (`every`); one whose age is unknown leaves doubt. */
function aged(
  resource: LabelledResource,
  { at, birthDates }: DecisionContext,
  ages: { readonly from?: number; readonly under?: number },
  quantifier: (values: readonly Tri[]) => Tri,
): Tri {
  const each = resource.facts.patients.map(patient => ageHolds(birthDates.get(patient), at, ages))
  return quantifier(each)
}

function isFromSource({ source }: LabelledResource, { requesterChain }: Situation): boolean {
  return source !== undefined && requesterChain.has(source)
}

/** Every patient of the resource is the one who asks, or the one whom the requester is known to stand for. */
function isOwnRecord({ facts }: LabelledResource, context: DecisionContext): boolean {
  const { requester, directory, evidence, at } = context
  if (requester.user !== undefined && standingOf(requester.user, context) === 'refused') return false
  if (evidence?.standsFor === true) return facts.patients.length > 0
  const self = representedBy(requester, directory, at)
  return self !== undefined && facts.patients.length > 0 && facts.patients.every(patient => patient === self)
}

/** The user is named as author; where nobody is, the registered relationship (verified) speaks. */
function isOriginator({ facts }: LabelledResource, { requester, directory }: DecisionContext): boolean {
  const authors = facts.references.filter(({ element }) => element === 'author').map(({ target }) => target)
  if (authors.length === 0) return requester.relationship === 'originator'
  const user = new Set(personsBehind(requester.user, directory))
  return authors.flatMap(author => personsBehind(author, directory)).some(person => user.has(person))
}

/** Entries that name the record's source decide; where none does, all must agree. */
function receivedOn(
  bases: readonly string[],
  { source }: LabelledResource,
  { custodian }: DecisionContext,
): Tri {
  const received = custodian.received ?? []
  const named = received.filter(({ from }) => from !== undefined && from === source)
  const entries = named.length > 0 ? named : received
  if (entries.length === 0) return 'no'
  return every(entries.map(({ basis }) => factHolds(bases, basis)))
}

/** registry.regimes: a list of { organization, regime }. The facility or one it is part of. */
function isUnder(
  regime: string,
  { source }: LabelledResource,
  { registry, directory, custodian }: DecisionContext,
): boolean {
  const regimes = registry.other['regimes']
  if (!Array.isArray(regimes)) return false
  const facilities = organizationChain(source ?? custodian.organization, directory)
  return regimes.some(entry => entry?.regime === regime && facilities.has(entry.organization))
}

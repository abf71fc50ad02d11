import type { DecisionContext } from '../model/decision.ts'
import type { LabelledResource } from '../model/label.ts'
import type { LawCondition } from '../model/rules.ts'
import { ageHolds } from './age.ts'
import { currentAgreements } from './agreements.ts'
import { withinScope } from './claims.ts'
import type { Situation } from './conditions.ts'
import { organizationChain, patientOf, personsBehind } from './organizations.ts'
import { every, factHolds, listHolds, some, type Tri, tri } from './tri.ts'

/** A resource with the codes its labels stand under, once for all rows. */
export interface Judged {
  readonly resource: LabelledResource
  /** The resource's codes and all that stand above them. */
  readonly codes: ReadonlySet<string>
}

/** The part of a condition that a resource decides: labels, source, type, age, author, scope. */
export function resourceHolds(when: LawCondition, judged: Judged, at: Situation): Tri {
  return every(resourceParts(when, judged, at))
}

/** True where the condition looks at one resource and not at its class, so decisions cannot be shared by class. */
export function looksInside(when: LawCondition): boolean {
  return when.scope !== undefined || when.originator !== undefined
}

/** Whether the class of a resource leaves it open what such a condition finds inside. */
export function leavesOpen(when: LawCondition, judged: Judged, at: Situation): boolean {
  const { scope: _scope, originator: _originator, ...ofClass } = when
  return resourceHolds(ofClass, judged, at) !== 'no'
}

function* resourceParts(when: LawCondition, { resource, codes }: Judged, at: Situation): Generator<Tri> {
  const { context } = at
  if (when.part2 !== undefined) yield tri(resource.part2 === when.part2)
  if (when.labels) yield tri(listHolds(when.labels, label => codes.has(label)))
  if (when.patientData !== undefined) yield tri(resource.facts.patientData === when.patientData)
  if (when.resourceTypes) yield factHolds(when.resourceTypes, resource.facts.type)
  if (when.agreements) yield tri(agreementsReach(when.agreements, resource.facts.type, at))
  if (when.minor !== undefined)
    yield aged(resource, context, when.minor ? { under: 18 } : { from: 18 }, when.minor)
  if (when.ages) yield aged(resource, context, when.ages, true)
  if (when.fromSource !== undefined) yield tri(isFromSource(resource, at) === when.fromSource)
  if (when.ownRecord !== undefined) yield tri(isOwnRecord(resource, context) === when.ownRecord)
  if (when.originator !== undefined) yield tri(isOriginator(resource, context) === when.originator)
  if (when.custodianReceived) yield receivedOn(when.custodianReceived, resource, context)
  if (when.regimes) yield tri(when.regimes.some(regime => isUnder(regime, resource, context)))
  if (when.scope) yield tri(withinScope(context.requester.claims, when.scope, inScope(resource)))
}

function inScope(resource: LabelledResource) {
  return { facts: resource.facts, ...(resource.source === undefined ? {} : { source: resource.source }) }
}

/** An agreement may be limited to resource types. */
function agreementsReach(
  kinds: readonly string[],
  type: string,
  { context, purpose, tree }: Situation,
): boolean {
  return listHolds(kinds, kind =>
    currentAgreements(context, kind, purpose, tree).some(
      ({ resourceTypes }) => resourceTypes === undefined || resourceTypes.includes(type),
    ),
  )
}

/** One patient of such an age suffices (`any`), or all must be; a patient whose age is unknown leaves doubt. */
function aged(
  resource: LabelledResource,
  { at, birthDates }: DecisionContext,
  ages: { readonly from?: number; readonly under?: number },
  any: boolean,
): Tri {
  const each = resource.facts.patients.map(patient => ageHolds(birthDates.get(patient), at, ages))
  return any ? some(each) : every(each)
}

function isFromSource({ source }: LabelledResource, { requesterChain }: Situation): boolean {
  return source !== undefined && requesterChain.has(source)
}

/** Every patient of the resource is the one who asks, or the one whom the requester is known to stand for. */
function isOwnRecord({ facts }: LabelledResource, { requester, directory }: DecisionContext): boolean {
  const self = patientOf(requester.user, directory) ?? requester.patient
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

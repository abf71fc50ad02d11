import type { Reason } from '../model/decision.ts'
import type { JsonValue } from '../model/fhir.ts'
import type { LabelledResource, ResourceFacts } from '../model/label.ts'
import { viewProjection } from '../model/projection.ts'
import { codesOf, elementsOf, rankOf, type View } from '../model/view.ts'
import { claimAt } from './claims.ts'
import type { Situation } from './conditions.ts'
import { listHolds } from './tri.ts'

/** Which views a release passes. */
export interface Views {
  /** The views that the duties of one purpose and the registration ask for; a view that shows nothing of the resource denies. */
  readonly narrow: (asked: Asked) => Narrowed
  /** Projections that a release may come to pass under these duties, whatever the resource. */
  readonly ahead: (at: Situation, duties: readonly string[]) => readonly string[]
  /** Whether the choice looks at one resource of the type and not at its class. */
  readonly looksInside: (at: Situation, resourceType: string) => boolean
}

interface Asked {
  readonly at: Situation
  readonly resource: LabelledResource
  /** All obligations of the purpose. */
  readonly obligations: readonly string[]
  /** Those of them that only a view meets. */
  readonly duties: readonly string[]
}

interface Narrowed {
  readonly refusals: readonly Reason[]
  readonly projections: readonly string[]
  readonly grants: readonly Reason[]
}

/** What was asked of the gateway may be more than the purpose needs; a precondition of law that is not met. */
const GROUND = '171.202(b)'

/**
 * Minimum necessary (45 CFR 164.502(b), 164.514(d); 42 CFR 2.13(a)) by views. A duty is met by the view that fits its
 * purpose and role; one without a view cannot be met, and denies. Every duty adds a view, every view takes out more.
 */
export function createViews(views: Readonly<Record<string, View>>): Views {
  const ranked = Object.values(views)
    .filter(({ meets }) => meets !== undefined)
    .sort((left, right) => rankOf(left) - rankOf(right) || (left.id < right.id ? -1 : 1))
  const fitting = new WeakMap<Situation, readonly View[]>()
  const viewsFor = (at: Situation): readonly View[] => {
    const known = fitting.get(at)
    if (known !== undefined) return known
    const made = ranked.filter(view => fits(view, at))
    fitting.set(at, made)
    return made
  }
  const bound = ({ context }: Situation): readonly string[] => context.requester.registration?.views ?? []
  return {
    narrow: asked => {
      const chosen: (View | Reason)[] = asked.duties.map(
        duty => viewsFor(asked.at).find(view => serves(view, duty, asked)) ?? unmet(duty),
      )
      // What a site binds to a client holds for its every release.
      for (const id of bound(asked.at))
        chosen.push(Object.hasOwn(views, id) ? (views[id] as View) : unmet(id))
      return narrowed([...new Set(chosen)], asked)
    },
    ahead: (at, duties) => [
      ...viewsFor(at)
        .filter(({ meets = [] }) => meets.some(duty => duties.includes(duty)))
        .map(({ id }) => viewProjection(id)),
      ...bound(at).map(viewProjection),
    ],
    looksInside: (at, type) =>
      [...viewsFor(at), ...bound(at).flatMap(id => views[id] ?? [])].some(
        view =>
          view.named !== undefined ||
          codesOf(view, type) !== undefined ||
          view.dates?.types.includes(type) === true,
      ),
  }
}

function narrowed(chosen: readonly (View | Reason)[], { resource, at }: Asked): Narrowed {
  const missing = chosen.flatMap(one => ('effect' in one ? [one] : []))
  const views = chosen.flatMap(one => ('effect' in one ? [] : [one]))
  // What speaks of no patient is no protected health information; views take nothing out of it.
  const closed = resource.facts.patientData ? views.filter(view => !shows(view, resource.facts, at)) : []
  return {
    refusals: [...missing, ...closed.map(view => reasonOf(view, 'deny'))],
    projections: views.map(({ id }) => viewProjection(id)),
    grants: views.map(view => reasonOf(view, 'limit')),
  }
}

function fits({ purposes = [], roles }: View, { purpose, tree, context }: Situation): boolean {
  const [plain, negated] = [tree.narrow(purpose), tree.wide(purpose)]
  const isPurpose = listHolds(
    purposes,
    value => plain.has(value),
    value => negated.has(value),
  )
  return isPurpose && listHolds(roles ?? [], value => value === context.requester.role)
}

function serves({ meets = [], alongside = [], named }: View, duty: string, asked: Asked): boolean {
  return (
    meets.includes(duty) &&
    alongside.every(each => asked.obligations.includes(each)) &&
    (named === undefined || isNamed(claimAt(asked.at.context.requester.claims, named), asked.resource.facts))
  )
}

function isNamed(claim: JsonValue | undefined, { reference, type }: ResourceFacts): boolean {
  return Array.isArray(claim) && (claim.includes(reference) || claim.includes(type))
}

function shows(view: View, facts: ResourceFacts, { context }: Situation): boolean {
  if (elementsOf(view, facts.type) === undefined) return false
  const codes = codesOf(view, facts.type)
  if (codes !== undefined && !facts.codings.some(coding => codes.some(code => isCode(code, coding))))
    return false
  const { dates } = view
  return (
    dates === undefined ||
    !dates.types.includes(facts.type) ||
    happened(facts, claimAt(context.requester.claims, dates.claim))
  )
}

function isCode(
  asked: string,
  { system = '', code }: { readonly system?: string; readonly code: string },
): boolean {
  const own = `${system}|${code}`
  return asked.endsWith('*') ? own.startsWith(asked.slice(0, -1)) : own === asked
}

/** Whether any date of the record lies in the window of the claim; days are compared as far as both are written. */
function happened({ dates }: ResourceFacts, claim: JsonValue | undefined): boolean {
  if (typeof claim !== 'object' || claim === null || Array.isArray(claim)) return true
  const { from, to } = claim as { readonly from?: JsonValue; readonly to?: JsonValue }
  if (from === undefined && to === undefined) return true
  return dates.some(({ start, end }) => notBefore(end ?? start, from) && notBefore(to, start ?? end))
}

/** True where `later` is on or after `earlier`, or one of them is open. */
function notBefore(later: JsonValue | undefined, earlier: JsonValue | undefined): boolean {
  if (later === undefined || earlier === undefined) return true
  if (typeof later !== 'string' || typeof earlier !== 'string') return false
  const length = Math.min(later.length, earlier.length, 10)
  return length >= 4 && later.slice(0, length) >= earlier.slice(0, length)
}

function reasonOf({ id, citation }: View, effect: 'deny' | 'limit'): Reason {
  return {
    rule: viewProjection(id),
    source: 'purpose',
    citation,
    effect,
    ...(effect === 'deny' ? { ground: GROUND } : {}),
  }
}

function unmet(duty: string): Reason {
  return { rule: `undischargeable:${duty}`, source: 'purpose', effect: 'deny', ground: '171.204(a)(2)' }
}

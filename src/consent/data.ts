import type { Directory } from '../model/consent.ts'
import type { JsonValue, Resource } from '../model/fhir.ts'
import type { ReferenceFact } from '../model/label.ts'
import { type ActorContext, isAmong } from './actors.ts'
import { identitiesOf } from './identities.ts'
import { isObject } from './json.ts'
import { normalIdentifier, normalReference, type Place, tailOf } from './references.ts'
import type { Actor } from './roles.ts'
import type { Selector } from './selectors.ts'
import type { ResourceView } from './view.ts'

/** consent-data-meaning of R4. https://hl7.org/fhir/R4/valueset-consent-data-meaning.html */
export const MEANINGS = ['instance', 'related', 'dependents', 'authoredby'] as const
export type Meaning = (typeof MEANINGS)[number]

export interface DataTerm {
  readonly meaning: Meaning
  readonly actor: Actor
}

/** Elements in which resources name who made them. */
const AUTHORS = new Set([
  'author',
  'recorder',
  'performer',
  'performer.actor',
  'asserter',
  'requester',
  'enterer',
  'provider',
  'sender',
  'informationSource',
  'participant.individual',
  'participant.actor',
  'agent.who',
  'attester.party',
  'authenticator',
  'dispenser',
])

/** Elements in which resources name where they come from: the place, the provider, the keeper. */
const ORIGINS = new Set([
  'location',
  'location.location',
  'serviceProvider',
  'managingOrganization',
  'managingEntity',
  'custodian',
])

/** Whether `resource` says `target` in any of its references. */
function mentions(value: JsonValue | undefined, target: string, place: Place): boolean {
  if (Array.isArray(value)) return value.some(item => mentions(item, target, place))
  if (!isObject(value)) return false
  const { reference } = value
  if (typeof reference === 'string' && normalReference(reference, place) === target) return true
  return Object.values(value).some(part => mentions(part, target, place))
}

/** A permit takes an absolute URL only for a base that is known to be ours; a deny for any. */
function same(reference: string, named: string, strict: boolean): boolean {
  return reference === named || (!strict && tailOf(reference) === tailOf(named))
}

function pointsTo(fact: ReferenceFact, term: Actor, place: Place, strict: boolean): boolean {
  if (term.reference !== undefined && same(normalReference(fact.target, place), term.reference, strict))
    return true
  const { system, value } = fact.identifier ?? {}
  if (value === undefined) return false
  const { key } = normalIdentifier(system === undefined ? { value } : { system, value })
  return term.identifiers.some(identifier => identifier.key === key)
}

/** Not to be told apart: nothing literal to compare, or a target that exists but cannot be read. */
function isDoubtful({ reference }: Actor, meaning: Meaning, directory: Directory): boolean {
  if (reference === undefined || reference.startsWith('urn:') || reference.startsWith('#')) return true
  return meaning === 'related' && directory.unresolvable?.(reference) === true
}

function isInstance(view: ResourceView, { reference }: Actor, strict: boolean): boolean {
  return reference !== undefined && same(view.labelled.facts.reference, reference, strict)
}

function isDependent(view: ResourceView, term: Actor, place: Place, strict: boolean): boolean {
  return view.labelled.facts.references.some(fact => pointsTo(fact, term, place, strict))
}

function isMentionedBy(view: ResourceView, term: Actor, place: Place, directory: Directory): boolean {
  const resource: Resource | undefined =
    term.reference === undefined ? undefined : directory.resolve(term.reference)
  return resource !== undefined && mentions(resource, view.labelled.facts.reference, place)
}

/** References under which a resource names its makers. */
function authorsOf(view: ResourceView): readonly ReferenceFact[] {
  return view.labelled.facts.references.filter(fact => AUTHORS.has(fact.element))
}

/** Makers of a resource as actors a question could name. */
export function authorActors(
  view: ResourceView,
  place: Place,
): readonly { readonly reference?: string; readonly identifier?: { system?: string; value: string } }[] {
  return authorsOf(view).map(({ target, identifier }) => ({
    ...(target === '' ? {} : { reference: normalReference(target, place) }),
    ...(identifier?.value === undefined ? {} : { identifier: { ...identifier, value: identifier.value } }),
  }))
}

/** References under which a resource names where it comes from, beside its makers. */
export function originReferences({ labelled: { facts } }: ResourceView, place: Place): readonly string[] {
  const named = facts.references.filter(({ element, target }) => ORIGINS.has(element) && target !== '')
  return [...named.map(({ target }) => normalReference(target, place)), ...facts.sourceReferences]
}

function isAuthoredBy(
  view: ResourceView,
  term: Actor,
  place: Place,
  context: ActorContext,
  strict: boolean,
): boolean {
  const authors = authorActors(view, place)
  if (authors.length === 0) return false
  return isAmong([term], identitiesOf(authors, context.directory), context, strict)
}

/**
 * `data`: instance = the resource itself; dependents = also what points to it; related = also what it points to, where
 * the directory can read it; authoredby = made by that actor. Terms are alternatives.
 */
export function dataSelector(
  terms: readonly DataTerm[],
  strict: boolean,
  place: Place,
  contextOf: (question: Parameters<Selector>[1]) => ActorContext,
): Selector {
  return (view, question) =>
    terms.some(({ meaning, actor }) => {
      if (meaning === 'authoredby') return isAuthoredBy(view, actor, place, contextOf(question), strict)
      if (isInstance(view, actor, strict)) return true
      if (!strict && isDoubtful(actor, meaning, question.directory)) return true
      if (meaning === 'instance') return false
      if (isDependent(view, actor, place, strict)) return true
      return meaning === 'related' && isMentionedBy(view, actor, place, question.directory)
    })
}

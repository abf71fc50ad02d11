import type { Directory } from '../model/consent.ts'
import { type JsonObject, type Resource, SYSTEM } from '../model/fhir.ts'
import { periodSpan } from './dates.ts'
import { CLOSURE_DEPTH, type Identities, identifiersIn, referenceIn } from './identities.ts'
import { isObject, objectsIn, textIn } from './json.ts'
import { isLocal, NPI, normalIdentifier, typeOfReference } from './references.ts'
import type { Actor } from './roles.ts'

/** What of a question the matching of actors needs. */
export interface ActorContext {
  readonly directory: Directory
  readonly recipientClasses: ReadonlySet<string>
  /** Milliseconds since the epoch, for periods of membership. */
  readonly at: number
  readonly zone: string
}

interface Search {
  readonly who: Identities
  readonly context: ActorContext
  /** A permit takes only what is certain; a deny takes whatever cannot be ruled out. */
  readonly strict: boolean
}

/** Types whose meaning lies in other resources: unread, nobody can be told to stand outside. */
const COLLECTIVE = new Set(['', 'Group', 'CareTeam', 'PractitionerRole', 'HealthcareService'])

function has(map: ReadonlyMap<string, boolean>, key: string, strict: boolean): boolean {
  const certain = map.get(key)
  return strict ? certain === true : certain !== undefined
}

function isNamed(actor: Actor, { who, strict }: Search): boolean {
  if (actor.reference !== undefined && has(who.references, actor.reference, strict)) return true
  return actor.identifiers.some(({ key }) => has(who.identifiers, key, strict))
}

/** Coded classes of recipients a Group stands for (42 CFR 2.31(a)(4): general designations). */
export function recipientClassesOf(group: Resource): readonly string[] {
  const code = group['code']
  return objectsIn(isObject(code) ? code['coding'] : undefined)
    .filter(coding => coding['system'] === SYSTEM.recipientClass)
    .flatMap(coding => textIn(coding['code']) ?? [])
}

function isCurrent(member: JsonObject, { context, strict }: Search): boolean {
  if (member['inactive'] === true) return false
  const period = member['period']
  if (!isObject(period)) return true
  const span = periodSpan(textIn(period['start']), textIn(period['end']), context.zone)
  return span === undefined ? !strict : span.start <= context.at && context.at < span.end
}

function memberOf(value: unknown): Actor {
  const entity = isObject(value as JsonObject) ? (value as JsonObject) : {}
  const reference = referenceIn(entity)
  const identifier = isObject(entity['identifier']) ? entity['identifier'] : {}
  const [text, system] = [textIn(identifier['value']), textIn(identifier['system'])]
  const key =
    text === undefined
      ? []
      : [normalIdentifier(system === undefined ? { value: text } : { system, value: text })]
  return { ...(reference === undefined ? {} : { reference }), identifiers: key }
}

function anyMember(members: readonly JsonObject[], element: string, search: Search, depth: number): boolean {
  return members.some(
    member => isCurrent(member, search) && matches(memberOf(member[element]), search, depth + 1),
  )
}

function inGroup(group: Resource, search: Search, depth: number): boolean {
  if (group['active'] === false && search.strict) return false
  const classes = recipientClassesOf(group)
  if (classes.some(code => search.context.recipientClasses.has(code))) return true
  const members = objectsIn(group['member'])
  if (anyMember(members, 'entity', search, depth)) return true
  // A Group that neither names members nor classes describes them: a description cannot be evaluated.
  return !search.strict && members.length === 0 && classes.length === 0
}

function inCareTeam(team: Resource, search: Search, depth: number): boolean {
  const over = team['status'] !== undefined && team['status'] !== 'active'
  if (over && search.strict) return false
  return anyMember(objectsIn(team['participant']), 'member', search, depth)
}

function inRole(role: Resource, { who, strict }: Search): boolean {
  const practitioner = referenceIn(role['practitioner'])
  const organization = referenceIn(role['organization'])
  if (practitioner === undefined)
    return organization !== undefined && has(who.references, organization, strict)
  if (!has(who.references, practitioner, strict)) return false
  return (
    !strict ||
    (role['active'] !== false && (organization === undefined || has(who.references, organization, true)))
  )
}

function inResource(resource: Resource, search: Search, depth: number): boolean {
  const identified = identifiersIn(resource).some(({ key }) =>
    has(search.who.identifiers, key, search.strict),
  )
  if (identified) return true
  if (resource.resourceType === 'Group') return inGroup(resource, search, depth)
  if (resource.resourceType === 'CareTeam') return inCareTeam(resource, search, depth)
  return resource.resourceType === 'PractitionerRole' && inRole(resource, search)
}

const PERSONS = new Set(['Patient', 'RelatedPerson'])

/** Whether an identifier that did not match may still be theirs: they show none of that system. */
function mayBear(system: string, who: Identities): boolean {
  if (who.identifierSystems.has(system)) return false
  const personsOnly = who.types.size > 0 && [...who.types].every(type => PERSONS.has(type))
  return !(system === NPI && personsOnly)
}

/** Whether they have a name of that type on that server, so that another name there is somebody else's. */
function isKnownThere(reference: string, { references }: Identities): boolean {
  const place = reference.slice(0, reference.lastIndexOf('/') + 1)
  return place !== '' && [...references.keys()].some(own => own.startsWith(place))
}

function cannotBeRuledOut(actor: Actor, { who, context }: Search): boolean {
  if (who.incomplete) return true
  const { reference } = actor
  if (reference === undefined) {
    return actor.identifiers.length === 0 || actor.identifiers.some(({ system }) => mayBear(system, who))
  }
  if (COLLECTIVE.has(typeOfReference(reference))) return true
  if (!isLocal(reference)) return !isKnownThere(reference, who)
  return who.references.size === 0 || context.directory.unresolvable?.(reference) === true
}

/**
 * A resource of another server is known here by its identifiers alone: where it shows none to compare, it may be anybody.
 */
function mayBeUnderAnotherId(reference: string | undefined, resource: Resource, who: Identities): boolean {
  if (reference === undefined || isLocal(reference) || COLLECTIVE.has(typeOfReference(reference)))
    return false
  return identifiersIn(resource).every(({ system }) => mayBear(system, who))
}

/** Whoever bears the identifiers of an actor that is named by nothing else; undefined where that is not known. */
function bearersOf({ identifiers }: Actor, { context }: Search): readonly Actor[] | undefined {
  const found = identifiers.map(({ key }) => context.directory.identified?.(key) ?? [])
  if (found.length === 0 || found.some(references => references.length === 0)) return undefined
  return found.flat().map(reference => ({ reference, identifiers: [] }))
}

/** Absence from the directory is no fact of a plain Organization or Practitioner; what is listed unreadable is doubt. */
function matches(actor: Actor, search: Search, depth: number): boolean {
  if (isNamed(actor, search)) return true
  if (depth > CLOSURE_DEPTH) return !search.strict
  const { reference, contained } = actor
  const resource =
    contained ?? (reference === undefined ? undefined : search.context.directory.resolve(reference))
  if (resource !== undefined) {
    if (inResource(resource, search, depth)) return true
    return (
      !search.strict &&
      (search.who.incomplete || mayBeUnderAnotherId(contained ? undefined : reference, resource, search.who))
    )
  }
  const bearers = reference === undefined ? bearersOf(actor, search) : undefined
  if (bearers !== undefined) return bearers.some(bearer => matches(bearer, search, depth + 1))
  return !search.strict && cannotBeRuledOut(actor, search)
}

/**
 * Whether `who` is one of `actors`. `strict` (a permit) asks for certainty; otherwise (a deny) whatever cannot be ruled
 * out counts.
 */
export function isAmong(
  actors: readonly Actor[],
  who: Identities,
  context: ActorContext,
  strict: boolean,
): boolean {
  return actors.some(actor => matches(actor, { who, context, strict }, 0))
}

import type { Coding, Identifier, JsonObject, Resource } from '../model/fhir.ts'
import { conceptAt, isObject, objectAt, textAt, Unreadable } from './json.ts'
import { normalIdentifier, normalReference, type Place } from './references.ts'

/**
 * What an actor of a provision is there for: who may receive, who would disclose, who made the record; `unplaced` for
 * a role that says none of these.
 */
export type ActorRole = 'recipient' | 'discloser' | 'source' | 'unplaced'

/** Codes of v3-ParticipationType, v3-RoleCode, v3-RoleClass, contractsignertypecodes and DICOM that Consents use. */
const ROLES: ReadonlyMap<string, ActorRole> = new Map(
  Object.entries<ActorRole>({
    IRCP: 'recipient',
    PRCP: 'recipient',
    RCV: 'recipient',
    TRC: 'recipient',
    NOT: 'recipient',
    REFT: 'recipient',
    GRANTEE: 'recipient',
    DELEGATEE: 'recipient',
    HPOWATT: 'recipient',
    '110152': 'recipient',
    CST: 'discloser',
    INF: 'discloser',
    '110153': 'discloser',
    AUT: 'source',
    PROV: 'source',
    SOURCE: 'source',
    PRIMAUTH: 'source',
  }),
)

/** One actor of a provision or member of a group in its normal form. */
export interface Actor {
  readonly reference?: string
  readonly identifiers: readonly { readonly system: string; readonly key: string }[]
  readonly display?: string
  /** The resource itself where the Consent contains it. */
  readonly contained?: Resource
  /** As it was written, for the form facts. */
  readonly identifier?: Identifier
}

export interface PlacedActor extends Actor {
  readonly role: ActorRole
}

function roleOf(codings: readonly Coding[]): ActorRole {
  const groups = new Set(codings.map(coding => ROLES.get(coding.code) ?? 'unplaced'))
  groups.delete('unplaced')
  return groups.size === 1 ? ([...groups][0] as ActorRole) : 'unplaced'
}

/** `Identifier` with a value, undefined where there is none to compare. */
function identifierOf(value: JsonObject | undefined, path: string): Identifier | undefined {
  const text = textAt(value?.['value'], `${path}.value`)
  const system = textAt(value?.['system'], `${path}.system`)
  if (text === undefined) return undefined
  return system === undefined ? { value: text } : { system, value: text }
}

/** A Reference element as an actor. Throws Unreadable on wrong shapes. */
export function actorOf(
  value: JsonObject,
  path: string,
  place: Place,
  contained: ReadonlyMap<string, Resource>,
): Actor {
  const literal = textAt(value['reference'], `${path}.reference`)
  const identifier = identifierOf(objectAt(value['identifier'], `${path}.identifier`), `${path}.identifier`)
  const display = typeof value['display'] === 'string' ? value['display'] : undefined
  const own = literal?.startsWith('#') === true ? contained.get(literal) : undefined
  return {
    ...(literal === undefined ? {} : { reference: normalReference(literal, place) }),
    identifiers: identifier === undefined ? [] : [normalIdentifier(identifier)],
    ...(identifier === undefined ? {} : { identifier }),
    ...(display === undefined ? {} : { display }),
    ...(own === undefined ? {} : { contained: own }),
  }
}

/** One `provision.actor`. Throws Unreadable on wrong shapes and on modifier extensions. */
export function placedActorOf(
  value: JsonObject,
  path: string,
  place: Place,
  contained: ReadonlyMap<string, Resource>,
): PlacedActor {
  const role = objectAt(value['role'], `${path}.role`)
  const reference = objectAt(value['reference'], `${path}.reference`)
  if (reference === undefined) throw new Unreadable(`${path}.reference: expected a Reference`)
  return {
    ...actorOf(reference, `${path}.reference`, place, contained),
    role: role === undefined ? 'unplaced' : roleOf(conceptAt(role, `${path}.role`)),
  }
}

/** Contained resources by `#id`. */
export function containedOf(consent: Resource): ReadonlyMap<string, Resource> {
  const contained = new Map<string, Resource>()
  if (!Array.isArray(consent['contained'])) return contained
  for (const item of consent['contained']) {
    if (isObject(item) && typeof item['id'] === 'string' && typeof item['resourceType'] === 'string') {
      contained.set(`#${item['id']}`, item as Resource)
    }
  }
  return contained
}

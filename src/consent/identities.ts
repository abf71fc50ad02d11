import type { Directory } from '../model/consent.ts'
import type { Identifier, JsonValue, Resource } from '../model/fhir.ts'
import { isObject, objectsIn, textIn } from './json.ts'
import { normalIdentifier, normalReference, type Place, typeOfReference } from './references.ts'

/** How far memberships are followed. */
export const CLOSURE_DEPTH = 5

const OURS: Place = { bases: [] }

/** Everything somebody answers to, own names and those of the organizations they act for. */
export interface Identities {
  /** Reference → certain; false where it rests on something inactive. */
  readonly references: ReadonlyMap<string, boolean>
  readonly identifiers: ReadonlyMap<string, boolean>
  readonly identifierSystems: ReadonlySet<string>
  readonly types: ReadonlySet<string>
  /** More may be true of them than could be read: no actor of a deny can be ruled out. */
  readonly incomplete: boolean
}

/** Elements that lead from a resource to whom it acts for. */
const UPWARD: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    PractitionerRole: ['practitioner', 'organization'],
    Organization: ['partOf'],
    Device: ['owner'],
    HealthcareService: ['providedBy'],
    Location: ['managingOrganization'],
  }),
)

interface Open {
  readonly reference: string
  readonly certain: boolean
  readonly depth: number
}

export function referenceIn(value: JsonValue | undefined, place: Place = OURS): string | undefined {
  const literal = isObject(value) ? textIn(value['reference']) : undefined
  return literal === undefined ? undefined : normalReference(literal, place)
}

export function identifiersIn(
  resource: Resource,
): readonly { readonly system: string; readonly key: string }[] {
  return objectsIn(resource['identifier']).flatMap(item => {
    const value = textIn(item['value'])
    const system = textIn(item['system'])
    return value === undefined ? [] : [normalIdentifier(system === undefined ? { value } : { system, value })]
  })
}

function upwardOf(resource: Resource): readonly string[] {
  const elements = UPWARD.get(resource.resourceType) ?? []
  return elements.flatMap(element => referenceIn(resource[element]) ?? [])
}

function unreadable(reference: string, directory: Directory): boolean {
  return typeOfReference(reference) === 'PractitionerRole' || directory.unresolvable?.(reference) === true
}

interface Collected {
  readonly references: Map<string, boolean>
  readonly identifiers: Map<string, boolean>
  incomplete: boolean
}

function note(map: Map<string, boolean>, key: string, certain: boolean): void {
  map.set(key, certain || map.get(key) === true)
}

function follow(open: Open[], item: Open, directory: Directory, found: Collected): void {
  const resource = directory.resolve(item.reference)
  if (resource === undefined) {
    if (unreadable(item.reference, directory)) found.incomplete = true
    return
  }
  for (const { key } of identifiersIn(resource)) note(found.identifiers, key, item.certain)
  const certain = item.certain && resource['active'] !== false
  for (const reference of upwardOf(resource)) {
    if (item.depth < CLOSURE_DEPTH) open.push({ reference, certain, depth: item.depth + 1 })
    else found.incomplete = true
  }
}

/** The closure over PractitionerRole, Organization.partOf, Device.owner, HealthcareService and Location. */
export function identitiesOf(
  actors: readonly { readonly reference?: string; readonly identifier?: Identifier }[],
  directory: Directory,
): Identities {
  const found: Collected = { references: new Map(), identifiers: new Map(), incomplete: false }
  const open: Open[] = []
  for (const actor of actors) {
    if (actor.identifier !== undefined) found.identifiers.set(normalIdentifier(actor.identifier).key, true)
    if (actor.reference !== undefined) {
      open.push({ reference: normalReference(actor.reference, OURS), certain: true, depth: 0 })
    }
  }
  for (let item = open.shift(); item !== undefined; item = open.shift()) {
    const before = found.references.get(item.reference)
    if (before === true || (before === false && !item.certain)) continue
    note(found.references, item.reference, item.certain)
    follow(open, item, directory, found)
  }
  const systems = [...found.identifiers.keys()].map(key => key.slice(0, key.lastIndexOf('|')))
  return {
    ...found,
    identifierSystems: new Set(systems),
    types: new Set([...found.references.keys()].map(typeOfReference)),
    incomplete: found.incomplete || (found.references.size === 0 && found.identifiers.size === 0),
  }
}

import { normalIdentifier } from '../consent/references.ts'
import type { ConsentOnFile } from '../model/consent.ts'
import type { JsonObject, JsonValue, Resource } from '../model/fhir.ts'
import { isDirect } from './lookups.ts'

/** Whom Consents name, as far as they must be looked up. */
export interface Named {
  /** As written. */
  readonly references: readonly string[]
  /** Those named by nothing but an identifier: normal key → the spellings in use, `system|value`. */
  readonly identifiers: ReadonlyMap<string, ReadonlySet<string>>
}

/** Elements that lead from a member to the whole, or from a whole to its members, by type. */
const MEMBERSHIP: Readonly<Record<string, readonly (readonly string[])[]>> = {
  Group: [['member', 'entity']],
  CareTeam: [['participant', 'member']],
  PractitionerRole: [['practitioner'], ['organization']],
  Organization: [['partOf']],
  Device: [['owner']],
  Location: [['managingOrganization']],
  HealthcareService: [['providedBy']],
}

/** Members that are nobody else than they say: whoever is one of them is known by the reference itself. */
const PERSONS = /(?:^|\/)(?:Patient|RelatedPerson)\/[^/]+$/

/** Deepest JSON that is looked at for references. */
const DEPTH = 24

/** Who belongs to a resource and to whom it belongs, as written. */
export function memberships(resource: Resource): readonly string[] {
  return (MEMBERSHIP[resource.resourceType] ?? []).flatMap(path =>
    at(resource, path).flatMap(value => {
      const reference = isObject(value) ? value['reference'] : undefined
      return typeof reference === 'string' && !PERSONS.test(reference) ? [reference] : []
    }),
  )
}

function at(value: JsonValue | undefined, path: readonly string[]): readonly JsonValue[] {
  const [first, ...rest] = path
  if (first === undefined) return value === undefined ? [] : [value].flat()
  return ([value ?? []].flat() as readonly JsonValue[]).flatMap(item =>
    isObject(item) ? at(item[first], rest) : [],
  )
}

const known = new WeakMap<readonly ConsentOnFile[], Named>()

/** Whom a list of Consents names; read once for the same list. */
export function namedBy(onFile: readonly ConsentOnFile[]): Named {
  const before = known.get(onFile)
  if (before !== undefined) return before
  const found = { references: new Set<string>(), identifiers: new Map<string, Set<string>>() }
  for (const { resource } of onFile) {
    collect(resource['provision'], found)
    // A Group of its own making may name members that must be looked up.
    for (const contained of [resource['contained'] ?? []].flat() as readonly JsonValue[]) {
      if (!isObject(contained) || typeof contained['resourceType'] !== 'string') continue
      for (const reference of memberships(contained as Resource)) found.references.add(reference)
      collectIdentifiers(contained, found, 0)
    }
  }
  const named = { references: [...found.references], identifiers: found.identifiers }
  known.set(onFile, named)
  return named
}

interface Found {
  readonly references: Set<string>
  readonly identifiers: Map<string, Set<string>>
}

/** `actor[].reference` at any depth of the provision, and the records whose related ones, or makers, it speaks of. */
function collect(value: JsonValue | undefined, into: Found, depth = 0): void {
  if (depth > DEPTH) return
  if (Array.isArray(value)) {
    for (const item of value) collect(item, into, depth + 1)
    return
  }
  if (!isObject(value)) return
  take(value, into)
  for (const [key, child] of Object.entries(value)) {
    if (key !== 'data') collect(child, into, depth + 1)
    else for (const term of [child].flat()) if (looksElsewhere(term)) collect(term, into, depth + 1)
  }
}

/** What a record refers to, and who stands behind its maker, can be told only from resources themselves. */
function looksElsewhere(term: JsonValue | undefined): boolean {
  const meaning = isObject(term) ? term['meaning'] : undefined
  return meaning === 'related' || meaning === 'authoredby'
}

function collectIdentifiers(value: JsonValue | undefined, into: Found, depth: number): void {
  if (depth > DEPTH) return
  if (Array.isArray(value)) for (const item of value) collectIdentifiers(item, into, depth + 1)
  else if (isObject(value)) {
    take(value, { ...into, references: new Set() })
    for (const child of Object.values(value)) collectIdentifiers(child, into, depth + 1)
  }
}

/** A Reference: by its literal, or where it has none by its identifier. */
function take(value: JsonObject, { references, identifiers }: Found): void {
  const { reference, identifier } = value
  if (typeof reference === 'string') references.add(reference)
  else if (isObject(identifier) && typeof identifier['value'] === 'string') {
    const text = identifier['value']
    const system = typeof identifier['system'] === 'string' ? identifier['system'] : ''
    const { system: normal, key } = normalIdentifier(
      system === '' ? { value: text } : { system, value: text },
    )
    const spellings = identifiers.get(key) ?? new Set()
    identifiers.set(key, spellings.add(`${system}|${text}`).add(`${normal}|${key.slice(normal.length + 1)}`))
  }
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * The name under which a reference is looked up and found again: `Type/id` for what is ours, the absolute URL for a
 * resource of a consent server; undefined for what leads nowhere.
 * @param ours base URLs of the gateway and the upstream
 * @param theirs base URLs of the consent servers
 */
export function nameOf(
  reference: string,
  ours: readonly string[],
  theirs: readonly string[],
): string | undefined {
  const version = reference.indexOf('/_history/')
  const plain = version < 0 ? reference : reference.slice(0, version)
  const own = ours.find(base => plain.startsWith(`${base}/`))
  const local = own === undefined ? plain : plain.slice(own.length + 1)
  if (isDirect(local)) return local
  const other = theirs.find(base => plain.startsWith(`${base}/`))
  return other !== undefined && isDirect(plain.slice(other.length + 1)) ? plain : undefined
}

import type { ConsentOnFile, Directory } from '../model/consent.ts'
import type { Resolution, Upstream } from '../model/doors.ts'
import type { JsonValue, Resource } from '../model/fhir.ts'
import type { Requester } from '../model/requester.ts'
import { isDirect } from './lookups.ts'

/** How far memberships are followed: PractitionerRole → Organization → partOf → … */
const DEPTH = 4

/** Elements through which an actor belongs to another (CONSENT.md decision 9). */
const MEMBERSHIP = new Set([
  'organization',
  'partOf',
  'practitioner',
  'managingOrganization',
  'owner',
  'participatingOrganization',
])

const EMPTY: Directory = { resolve: () => undefined }

const actorLists = new WeakMap<readonly ConsentOnFile[], readonly string[]>()
const directories = new WeakMap<Resolution, Map<string, Resource>>()

/**
 * The directory that Consent actors and the requester resolve to: fetched from the upstream, never from the request,
 * bounded in depth, cached with the look-ups. What cannot be found stays unresolvable, which never permits.
 */
export async function directoryFor(
  upstream: Upstream,
  consents: ReadonlyMap<string, readonly ConsentOnFile[]>,
  requester: Requester,
): Promise<Directory> {
  const wanted = new Set<string>()
  for (const onFile of consents.values()) for (const reference of actorsOf(onFile)) wanted.add(reference)
  if (wanted.size === 0) return EMPTY
  for (const actor of requester.actors)
    if (actor.reference !== undefined && isDirect(actor.reference)) wanted.add(actor.reference)
  const found = new Map<string, Resource>()
  let missing = [...wanted]
  for (let depth = 0; depth < DEPTH && missing.length > 0; depth++) {
    const parsed = parsedOf(await upstream.resolve(missing), missing)
    const next = new Set<string>()
    for (const [reference, resource] of parsed) {
      found.set(reference, resource)
      for (const parent of memberships(resource)) if (!found.has(parent) && isDirect(parent)) next.add(parent)
    }
    missing = [...next].filter(reference => !found.has(reference))
  }
  return { resolve: reference => found.get(reference) }
}

function actorsOf(onFile: readonly ConsentOnFile[]): readonly string[] {
  const known = actorLists.get(onFile)
  if (known !== undefined) return known
  const references = new Set<string>()
  for (const { resource } of onFile) collectActors(resource['provision'], references)
  const list = [...references]
  actorLists.set(onFile, list)
  return list
}

/** `actor[].reference.reference` at any depth of the provision. */
function collectActors(value: JsonValue | undefined, into: Set<string>, depth = 0): void {
  if (typeof value !== 'object' || value === null || depth > 20) return
  if (Array.isArray(value)) {
    for (const item of value) collectActors(item, into, depth + 1)
    return
  }
  for (const [key, child] of Object.entries(value)) {
    if (key === 'data') continue
    if (key === 'reference' && typeof child === 'string' && isDirect(child)) into.add(child)
    else collectActors(child, into, depth + 1)
  }
}

function parsedOf(resolution: Resolution, references: readonly string[]): Map<string, Resource> {
  const known = directories.get(resolution)
  if (known !== undefined) return known
  const parsed = new Map<string, Resource>()
  for (const reference of references) {
    const raw = resolution.get(reference)
    if (raw === undefined || raw === 'absent') continue
    const resource = JSON.parse(new TextDecoder().decode(raw.bytes)) as Resource
    if (`${resource.resourceType}/${resource.id ?? ''}` === reference) parsed.set(reference, resource)
  }
  directories.set(resolution, parsed)
  return parsed
}

function memberships(resource: Resource): string[] {
  const parents: string[] = []
  for (const key of MEMBERSHIP) {
    const values = [resource[key]].flat()
    for (const value of values) {
      const reference =
        typeof value === 'object' && value !== null && 'reference' in value ? value.reference : undefined
      if (typeof reference === 'string') parents.push(reference)
    }
  }
  return parents
}

import type { ConsentOnFile, Directory } from '../model/consent.ts'
import type { Resolution, Upstream } from '../model/doors.ts'
import type { RawResource } from '../model/exchange.ts'
import type { JsonValue, Resource } from '../model/fhir.ts'
import type { Requester } from '../model/requester.ts'
import { strictParse } from '../model/strict-json.ts'
import { isDirect } from './lookups.ts'

/** How far memberships are followed: PractitionerRole → Organization → partOf → … */
const DEPTH = 4

/** Elements through which an actor belongs to another: what a Consent says of the wider actor holds for it. */
const MEMBERSHIP = new Set([
  'organization',
  'partOf',
  'practitioner',
  'managingOrganization',
  'owner',
  'participatingOrganization',
])

const actorLists = new WeakMap<readonly ConsentOnFile[], readonly string[]>()
/** What was found, by reference; undefined where it is there and cannot be read. */
type Found = ReadonlyMap<string, Resource | undefined>
const parsedResolutions = new WeakMap<Resolution, Found>()

/** One directory and the look-ups it was made from; the same look-ups give the same object. */
interface Made {
  readonly resolutions: readonly Resolution[]
  readonly directory: Directory
}
const madeFrom = new WeakMap<Resolution, Made>()
const NOBODY: Directory = { resolve: () => undefined }

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
  for (const { reference } of requester.actors)
    if (reference !== undefined && isDirect(reference)) wanted.add(reference)
  for (const onFile of consents.values()) for (const reference of actorsOf(onFile)) wanted.add(reference)
  const resolutions: Resolution[] = []
  let missing = [...wanted]
  for (let depth = 0; depth < DEPTH && missing.length > 0; depth++) {
    const resolution = await upstream.resolve(missing)
    resolutions.push(resolution)
    const next = new Set<string>()
    for (const resource of parsedOf(resolution, missing).values())
      for (const parent of resource === undefined ? [] : memberships(resource))
        if (!wanted.has(parent) && isDirect(parent)) next.add(parent)
    for (const reference of next) wanted.add(reference)
    missing = [...next]
  }
  return directoryOf(resolutions)
}

function directoryOf(resolutions: readonly Resolution[]): Directory {
  const [first] = resolutions
  if (first === undefined) return NOBODY
  const made = madeFrom.get(first)
  if (
    made?.resolutions.length === resolutions.length &&
    made.resolutions.every((one, i) => one === resolutions[i])
  )
    return made.directory
  const found = new Map<string, Resource | undefined>()
  for (const resolution of resolutions)
    for (const [reference, resource] of parsedResolutions.get(resolution) ?? [])
      found.set(reference, resource)
  const directory: Directory = {
    resolve: reference => found.get(reference),
    unresolvable: reference => found.has(reference) && found.get(reference) === undefined,
  }
  madeFrom.set(first, { resolutions: [...resolutions], directory })
  return directory
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

/** `actor[].reference.reference` at any depth of the provision, and the records whose related ones it speaks of. */
function collectActors(value: JsonValue | undefined, into: Set<string>, depth = 0): void {
  if (typeof value !== 'object' || value === null || depth > 20) return
  if (Array.isArray(value)) {
    for (const item of value) collectActors(item, into, depth + 1)
    return
  }
  for (const [key, child] of Object.entries(value)) {
    if (key === 'data') {
      for (const term of [child].flat()) if (isRelated(term)) collectActors(term, into, depth + 1)
      continue
    }
    if (key === 'reference' && typeof child === 'string' && isDirect(child)) into.add(child)
    else collectActors(child, into, depth + 1)
  }
}

/** What a record refers to can be told only from the record itself (R4 consent-data-meaning `related`). */
function isRelated(term: JsonValue | undefined): boolean {
  return typeof term === 'object' && term !== null && 'meaning' in term && term.meaning === 'related'
}

function parsedOf(resolution: Resolution, references: readonly string[]): Found {
  const known = parsedResolutions.get(resolution)
  if (known !== undefined) return known
  const parsed = new Map<string, Resource | undefined>()
  for (const reference of references) {
    const raw = resolution.get(reference)
    if (raw !== undefined && raw !== 'absent') parsed.set(reference, readAs(reference, raw))
  }
  parsedResolutions.set(resolution, parsed)
  return parsed
}

/** One that cannot be read leaves its own actors in doubt and stops nobody else. */
function readAs(reference: string, { bytes }: RawResource): Resource | undefined {
  try {
    const resource = strictParse(bytes, { jsonDepth: 1000 }) as Resource
    return `${resource.resourceType}/${resource.id}` === reference ? resource : undefined
  } catch {
    return undefined
  }
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

import type { JsonObject, JsonValue, Resource } from '../model/fhir.ts'
import { parseKeepingNumbers } from './json.ts'

const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Raw JSON numbers (see `parseKeepingNumbers`) are leaves: copying their property would lose the digits. */
const isRawNumber = (value: JsonObject): boolean => Object.getPrototypeOf(value) === null

/**
 * The resources of a collection, transaction, batch or searchset Bundle, ready to be loaded: each has an id (its own,
 * or the one in its `urn:uuid:` fullUrl) and every `urn:uuid:` reference that leads into the Bundle reads `Type/id`.
 * Conditional and other references stay as written. A Bundle given as text keeps the digits of its decimals; its
 * resources are then meant to be written out again, not calculated with.
 * Throws Error where the Bundle is not one, or an entry has neither id nor `urn:uuid:` fullUrl.
 */
export function loadBundle(bundle: JsonObject | string): Resource[] {
  const parsed = typeof bundle === 'string' ? parseKeepingNumbers(bundle) : bundle
  if (parsed['resourceType'] !== 'Bundle') throw new Error('expected a Bundle')
  const entries = Array.isArray(parsed['entry']) ? (parsed['entry'] as readonly JsonValue[]) : []
  const named = entries.flatMap((entry, index) => nameEntry(entry, index))
  const targets = new Map(
    named.map(({ fullUrl, resource }) => [fullUrl, `${resource.resourceType}/${resource.id}`]),
  )
  return named.map(({ resource }) => resolve(resource, targets) as Resource)
}

function nameEntry(entry: JsonValue, index: number): { fullUrl: string; resource: Resource }[] {
  const resource = isObject(entry) ? entry['resource'] : undefined
  if (!isObject(entry) || !isObject(resource)) return []
  const resourceType = resource['resourceType']
  const fullUrl = typeof entry['fullUrl'] === 'string' ? entry['fullUrl'] : ''
  const id = typeof resource['id'] === 'string' ? resource['id'] : /^urn:uuid:(.+)$/.exec(fullUrl)?.[1]
  if (typeof resourceType !== 'string' || id === undefined) {
    throw new Error(`Bundle.entry[${index}]: expected a resource with resourceType and id`)
  }
  return [{ fullUrl, resource: { ...resource, resourceType, id } }]
}

function resolve(value: JsonValue, targets: ReadonlyMap<string, string>): JsonValue {
  if (Array.isArray(value)) return value.map(item => resolve(item, targets))
  if (!isObject(value) || isRawNumber(value)) return value
  const copy: Record<string, JsonValue> = {}
  for (const [key, inner] of Object.entries(value)) {
    if (inner === undefined) continue
    const target = key === 'reference' && typeof inner === 'string' ? targets.get(inner) : undefined
    copy[key] = target ?? resolve(inner, targets)
  }
  return copy
}

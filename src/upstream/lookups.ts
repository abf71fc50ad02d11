import { LRUCache } from 'lru-cache'
import type { Limits } from '../model/configuration.ts'
import type { Resolution, Resolved, Upstream } from '../model/doors.ts'
import type { RawEntry } from '../model/exchange.ts'
import { Refusal } from '../model/refusal.ts'
import { type Contents, headOfContent, OVERHEAD_BYTES } from './contents.ts'
import { isLiteral } from './location.ts'
import { invalid } from './refusals.ts'
import { type Searcher, UnknownSearch } from './search.ts'

/** Ids of one request; with 64 characters each they stay well below the 8 kB many servers allow a request line. */
const IDS_PER_REQUEST = 100
const QUERY_CHARACTERS = 4_000
const RESOLUTIONS_KEPT = 2_000

/** Binaries read at the same time: each may be as large as a body may be. */
const READS_AT_ONCE = 4

interface Part {
  /** Undefined: it is there and cannot be taken in. */
  readonly value: Resolved | undefined
  /** Milliseconds since the epoch; counted from before the request was sent. */
  readonly expires: number
}

interface KeptResolution {
  readonly resolution: Resolution
  /** Bytes of the Binaries in it, which may be large. */
  readonly documentBytes: number
  readonly expires: number
}

export interface LookupDependencies {
  readonly now: () => number
  readonly searcher: Searcher
  readonly read: Upstream['read']
  readonly contents: Contents
  readonly limits: Limits
}

/**
 * Looks references up by `Type?_id=a,b,c`, each at most once at a time and once in `lookupCacheMs`. What the upstream
 * leaves out of a complete answer is `absent`; a reference that is no `Type/id`, or of a type that the upstream does not
 * have, stays unanswered.
 */
export function createLookups(
  deps: LookupDependencies,
): (references: readonly string[]) => Promise<Resolution> {
  const { now, limits } = deps
  const parts = new LRUCache<string, Part>({
    maxSize: Math.max(Math.floor(limits.contentCacheBytes / 8), 1),
    sizeCalculation: ({ value }) => OVERHEAD_BYTES + sizeOf(value),
  })
  const inFlight = new Map<string, Promise<ReadonlyMap<string, Part>>>()
  const kept = new LRUCache<string, KeptResolution>({
    max: RESOLUTIONS_KEPT,
    maxSize: RESOLUTIONS_KEPT + Math.floor(limits.contentCacheBytes / 8),
    sizeCalculation: ({ documentBytes }) => 1 + documentBytes,
  })

  const fetchChunk = (resourceType: string, ids: readonly string[]) => {
    const references = ids.map(id => `${resourceType}/${id}`)
    const fetch = resourceType === 'Binary' ? readParts : fetchParts
    const fetching = fetch(deps, resourceType, ids).then(found => {
      for (const [reference, part] of found) parts.set(reference, part)
      return found
    })
    const done = fetching.finally(() => {
      for (const reference of references) inFlight.delete(reference)
    })
    for (const reference of references) inFlight.set(reference, done)
    return done
  }

  const gather = async (references: readonly string[]): Promise<KeptResolution> => {
    const latest = now() + limits.lookupCacheMs
    const found = new Map<string, Part>()
    const waits = new Set<Promise<ReadonlyMap<string, Part>>>()
    const missing = new Set<string>()
    for (const reference of references) {
      const part = parts.get(reference)
      const pending = inFlight.get(reference)
      if (part !== undefined && part.expires > now()) found.set(reference, part)
      else if (pending !== undefined) waits.add(pending)
      else if (isLiteral(reference)) missing.add(reference)
    }
    for (const [resourceType, ids] of chunks(missing)) waits.add(fetchChunk(resourceType, ids))
    for (const fetched of await Promise.all(waits)) {
      for (const [reference, part] of fetched) found.set(reference, part)
    }
    return resolutionOf(references, found, latest)
  }

  return async references => {
    const key = references.join(' ')
    const known = kept.get(key)
    if (known !== undefined && known.expires > now()) return known.resolution
    const made = await gather(references)
    kept.set(key, made)
    return made.resolution
  }
}

function resolutionOf(
  references: readonly string[],
  found: ReadonlyMap<string, Part>,
  latest: number,
): KeptResolution {
  const answers = new Map<string, Resolved>()
  let expires = latest
  let documentBytes = 0
  for (const reference of references) {
    const part = found.get(reference)
    if (part === undefined) continue
    if (part.value !== undefined) answers.set(reference, part.value)
    expires = Math.min(expires, part.expires)
    if (reference.startsWith('Binary/')) documentBytes += sizeOf(part.value)
  }
  return { resolution: { get: reference => answers.get(reference) }, documentBytes, expires }
}

function sizeOf(value: Resolved | undefined): number {
  return value === undefined || value === 'absent' ? 0 : value.bytes.length
}

/** References grouped by type, no group longer than one request may be. */
function* chunks(references: Iterable<string>): Generator<readonly [string, readonly string[]]> {
  const byType = Map.groupBy(references, reference => reference.slice(0, reference.indexOf('/')))
  for (const [resourceType, group] of byType) {
    let ids: string[] = []
    let characters = 0
    for (const reference of group) {
      const id = reference.slice(resourceType.length + 1)
      if (ids.length === IDS_PER_REQUEST || characters + id.length + 1 > QUERY_CHARACTERS) {
        yield [resourceType, ids]
        ids = []
        characters = 0
      }
      ids.push(id)
      characters += id.length + 1
    }
    yield [resourceType, ids]
  }
}

async function fetchParts(
  deps: LookupDependencies,
  resourceType: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Part>> {
  const expires = deps.now() + deps.limits.lookupCacheMs
  const query = `_id=${ids.join(',')}&_count=${ids.length}`
  const entries = await deps.searcher.all(resourceType, query, ids.length * 2 + 10).catch(unknownType)
  if (entries === undefined) return new Map()
  const found = new Map<string, Part>(ids.map(id => [`${resourceType}/${id}`, { value: 'absent', expires }]))
  const given = new Set<string>()
  for (const entry of entries) {
    if (entry.mode !== 'match') continue
    const reference = referenceOf(entry, deps.contents)
    // An upstream that gives what was not asked did not apply `_id`; then what it leaves out is not absent either.
    if (!found.has(reference) || given.has(reference))
      throw invalid(`${resourceType} look-up: unexpected entry`)
    given.add(reference)
    found.set(reference, { value: entry.resource, expires })
  }
  return found
}

/**
 * Binaries, which servers do not search, read one by one. What is no FHIR Binary, or larger than a sixteenth of the cache,
 * stays unanswered: its text is not assessed, whatever page it was met on.
 */
async function readParts(
  deps: LookupDependencies,
  resourceType: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Part>> {
  const expires = deps.now() + deps.limits.lookupCacheMs
  const found = new Map<string, Part>()
  const waiting = [...ids]
  const largest = deps.limits.contentCacheBytes / 16
  const worker = async (): Promise<void> => {
    for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
      const value = await deps.read(resourceType, id).catch(unreadable)
      found.set(`${resourceType}/${id}`, { value: sizeOf(value) > largest ? undefined : value, expires })
    }
  }
  await Promise.all(Array.from({ length: READS_AT_ONCE }, worker))
  return found
}

function unreadable(error: unknown): undefined {
  if (!(error instanceof Refusal && error.code === 'upstream-invalid')) throw error
}

/** A type that the upstream does not have: its references stay unanswered, and everything else is looked up. */
function unknownType(error: unknown): undefined {
  if (!(error instanceof UnknownSearch)) throw error
}

function referenceOf(entry: RawEntry, contents: Contents): string {
  const head = headOfContent(contents.about(entry.resource))
  return head?.id === undefined ? '' : `${head.resourceType}/${head.id}`
}

import { LRUCache } from 'lru-cache'
import type { Limits } from '../model/configuration.ts'
import type { Upstream } from '../model/doors.ts'
import type { RawEntry, RawResource } from '../model/exchange.ts'
import type { JsonValue } from '../model/fhir.ts'
import { Refusal } from '../model/refusal.ts'
import { strictParse } from '../model/strict-json.ts'
import { type Contents, headOfContent, OVERHEAD_BYTES } from './contents.ts'
import { isLiteral } from './location.ts'
import { invalid } from './refusals.ts'
import type { Searcher } from './search.ts'

/** References of one request; with the base before each they stay below the 8 kB many servers allow a request line. */
const REFERENCES_PER_REQUEST = 50
const QUERY_CHARACTERS = 4_000
const PAGE_SIZE = 200
const ANSWERS_KEPT = 2_000

/** R4 search parameters of type uri: the server compares text, and a reference may be written with its base or without. */
const URI_PARAMETERS: ReadonlySet<string> = new Set(['DocumentReference location'])

type Answer = ReadonlyMap<string, readonly RawResource[]>

interface Part {
  readonly referrers: readonly RawResource[]
  /** Milliseconds since the epoch; counted from before the request was sent. */
  readonly expires: number
}

interface Kept {
  readonly answer: Answer
  readonly expires: number
}

export interface ReferrerDependencies {
  readonly now: () => number
  readonly searcher: Searcher
  readonly contents: Contents
  /** Base URL of the upstream, no trailing slash. */
  readonly base: string
  readonly limits: Limits
}

/**
 * Finds what points at references: `Type?parameter=A/1,B/2`, all pages, each reference at most once at a time and once in
 * `lookupCacheMs`; the answer to the same list is the same object meanwhile. What points at which reference is read in
 * the resources themselves, never told from order. One that cannot be read may point at any of them.
 */
export function createReferrers(deps: ReferrerDependencies): Upstream['referrers'] {
  const { now, limits } = deps
  const parts = new LRUCache<string, Part>({
    maxSize: Math.max(Math.floor(limits.contentCacheBytes / 8), 1),
    sizeCalculation: ({ referrers }) =>
      referrers.reduce((size, { bytes }) => size + bytes.length, OVERHEAD_BYTES),
  })
  const inFlight = new Map<string, Promise<ReadonlyMap<string, Part>>>()
  const kept = new LRUCache<string, Kept>({ max: ANSWERS_KEPT })

  const fetchChunk = (search: string, references: readonly string[]) => {
    const names = references.map(reference => `${search} ${reference}`)
    const fetching = fetchReferrers(deps, search, references)
      .then(found => {
        for (const [reference, part] of found) parts.set(`${search} ${reference}`, part)
        return found
      })
      .finally(() => {
        for (const name of names) inFlight.delete(name)
      })
    for (const name of names) inFlight.set(name, fetching)
    return fetching
  }

  const gather = async (search: string, references: readonly string[]): Promise<Kept> => {
    let expires = now() + limits.lookupCacheMs
    const answer = new Map<string, readonly RawResource[]>()
    const add = (reference: string, part: Part): void => {
      answer.set(reference, part.referrers)
      expires = Math.min(expires, part.expires)
    }
    const waits = new Set<Promise<ReadonlyMap<string, Part>>>()
    const missing = new Set<string>()
    for (const reference of references) {
      const part = parts.get(`${search} ${reference}`)
      const pending = inFlight.get(`${search} ${reference}`)
      if (part !== undefined && part.expires > now()) add(reference, part)
      else if (pending !== undefined) waits.add(pending)
      else if (isLiteral(reference)) missing.add(reference)
      else answer.set(reference, [])
    }
    for (const chunk of chunks(deps, search, missing)) waits.add(fetchChunk(search, chunk))
    const asked = new Set(references)
    for (const fetched of await Promise.all(waits))
      for (const [reference, part] of fetched) if (asked.has(reference)) add(reference, part)
    return { answer, expires }
  }

  return async (resourceType, parameter, references) => {
    const search = `${resourceType} ${parameter}`
    const key = `${search} ${references.join(' ')}`
    const known = kept.get(key)
    if (known !== undefined && known.expires > now()) return known.answer
    const made = await gather(search, references)
    kept.set(key, made)
    return made.answer
  }
}

/** No group longer than one request may be. */
function* chunks(deps: ReferrerDependencies, search: string, references: Iterable<string>) {
  let chunk: string[] = []
  let characters = 0
  for (const reference of references) {
    const { length } = written(deps, search, reference)
    if (
      chunk.length > 0 &&
      (chunk.length === REFERENCES_PER_REQUEST || characters + length > QUERY_CHARACTERS)
    ) {
      yield chunk
      chunk = []
      characters = 0
    }
    chunk.push(reference)
    characters += length + 1
  }
  if (chunk.length > 0) yield chunk
}

function written({ base }: ReferrerDependencies, search: string, reference: string): string {
  return URI_PARAMETERS.has(search) ? `${reference},${base}/${reference}` : reference
}

async function fetchReferrers(
  deps: ReferrerDependencies,
  search: string,
  references: readonly string[],
): Promise<ReadonlyMap<string, Part>> {
  const [resourceType = '', parameter = ''] = search.split(' ')
  const expires = deps.now() + deps.limits.lookupCacheMs
  const values = references.map(reference => written(deps, search, reference)).join(',')
  const entries = await deps.searcher
    .all(resourceType, `${parameter}=${values}&_count=${PAGE_SIZE}`, deps.limits.scannedEntries)
    .catch(error => {
      throw explained(error, resourceType, parameter)
    })
  const found = new Map<string, Map<string, RawResource>>(references.map(reference => [reference, new Map()]))
  for (const entry of entries) {
    if (entry.mode === 'include') continue
    if (headOfContent(deps.contents.about(entry.resource))?.resourceType !== resourceType)
      throw invalid(`${resourceType} look-up: unexpected entry`)
    // Pages shift while somebody writes: the same resource may come twice.
    for (const reference of pointedAt(deps, entry, references))
      found.get(reference)?.set(entry.resource.hash, entry.resource)
  }
  return new Map(
    [...found].map(([reference, each]) => [reference, { referrers: [...each.values()], expires }]),
  )
}

/** A server that does not have the type or the parameter: the site switched on what its server cannot answer. */
function explained(error: unknown, resourceType: string, parameter: string): unknown {
  if (
    !(error instanceof Refusal) ||
    !/^upstream (answered 4\d\d|answered 501|knows no)/.test(error.detail ?? '')
  )
    return error
  const { code, detail, retryAfterSeconds } = error
  return new Refusal(code, {
    detail: `upstream.referrers: the upstream does not answer ${resourceType}?${parameter}= (${detail})`,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  })
}

/**
 * Those of the references asked for that this resource holds, relative or with a base.
 * @throws Refusal `upstream-invalid` where it holds none of them: the upstream did not apply the parameter
 */
function pointedAt(
  { limits }: ReferrerDependencies,
  { resource }: RawEntry,
  references: readonly string[],
): readonly string[] {
  const held = new Set<string>()
  try {
    collect(strictParse(resource.bytes, limits), held)
  } catch {
    return references
  }
  const found = references.filter(reference => held.has(reference))
  if (found.length === 0) throw invalid('look-up of what points at a resource: unexpected entry')
  return found
}

const LITERAL = /(?:^|\/)([A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64})(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/

/** `reference` and `url` members, version and whatever base stripped. */
function collect(value: JsonValue | undefined, into: Set<string>): void {
  if (typeof value !== 'object' || value === null) return
  for (const [key, inner] of Object.entries(value)) {
    if ((key === 'reference' || key === 'url') && typeof inner === 'string') {
      const literal = LITERAL.exec(inner)?.[1]
      if (literal !== undefined) into.add(literal)
    } else collect(inner as JsonValue, into)
  }
}

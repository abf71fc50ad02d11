import { isUtf8 } from 'node:buffer'
import { LRUCache } from 'lru-cache'
import type { Limits } from '../model/configuration.ts'
import type { RawEntry, RawPage } from '../model/exchange.ts'
import type { JsonObject, JsonValue } from '../model/fhir.ts'
import { Refusal } from '../model/refusal.ts'
import { StrictJsonError } from '../model/strict-json.ts'
import { type Body, joined, sameBytes } from './body.ts'
import { type Content, type Contents, headOfContent, OVERHEAD_BYTES, Slab, sha256 } from './contents.ts'
import { invalid } from './refusals.ts'
import { ScanError, splitBundle } from './scan.ts'

/** Turns bodies of search answers into pages; a body seen before gives the very page it gave then. */
export interface Pages {
  /**
   * @param path what was asked, under which a repeated body is found without hashing it
   * @param searchedType what entries without `search.mode` are compared with; absent where a page link hides it
   * @throws Refusal `upstream-invalid`
   */
  readonly of: (path: string, body: Body, searchedType: string | undefined) => RawPage
}

interface Seen {
  readonly bytes: Buffer
  readonly page: RawPage
}

/** @param maxBytes bound of everything kept */
export function createPages(contents: Contents, limits: Limits, maxBytes: number): Pages {
  // Page and entries are about as large as the body again; each map may hold what the other dropped, so each gets half.
  const options = {
    maxSize: Math.max(Math.floor(maxBytes / 2), 1),
    sizeCalculation: (seen: Seen) => seen.bytes.length * 2 + (seen.page.entries.length + 1) * OVERHEAD_BYTES,
  }
  const byPath = new LRUCache<string, Seen>(options)
  const byHash = new LRUCache<string, Seen>(options)
  return {
    of: (path, body, searchedType) => {
      const place = `${searchedType ?? ''} ${path}`
      // Comparing bytes is some thirty times faster than hashing them.
      const seen = byPath.get(place)
      if (seen !== undefined && sameBytes(body, seen.bytes)) return seen.page
      const bytes = joined(body)
      const digest = sha256(bytes)
      const key = `${searchedType ?? ''} ${digest}`
      const known = byHash.get(key) ?? {
        bytes,
        page: parsePage(bytes, digest, searchedType, contents, limits),
      }
      byHash.set(key, known)
      byPath.set(place, known)
      return known.page
    },
  }
}

function parsePage(
  bytes: Buffer,
  digest: string,
  searchedType: string | undefined,
  contents: Contents,
  limits: Limits,
): RawPage {
  try {
    if (!isUtf8(bytes)) throw invalid('body is not UTF-8')
    const { slices, skeleton } = splitBundle(bytes, limits)
    const bundle = searchset(skeleton)
    const slab = new Slab()
    const found = slices.map(([start, end]) => contents.of(bytes.subarray(start, end), slab))
    const entries = entriesOf(bundle, found, searchedType)
    const next = nextLink(bundle)
    return { hash: digest, entries, ...(next === undefined ? {} : { next }) }
  } catch (error) {
    throw asInvalid(error)
  }
}

/** Errors of the scanner and the strict parser name a place, never content, so they may stand in the record. */
export function asInvalid(error: unknown): Error {
  if (error instanceof ScanError || error instanceof StrictJsonError) return invalid(`body: ${error.message}`)
  return error instanceof Refusal ? error : invalid('body cannot be read')
}

function searchset(skeleton: JsonValue): JsonObject {
  const bundle = asObject(skeleton)
  if (bundle?.['resourceType'] !== 'Bundle') throw invalid('resourceType: Bundle expected')
  if (bundle['type'] !== 'searchset') throw invalid('Bundle.type: searchset expected')
  return bundle
}

function entriesOf(
  bundle: JsonObject,
  found: readonly Content[],
  searchedType: string | undefined,
): RawEntry[] {
  const entries = bundle['entry'] ?? []
  if (!Array.isArray(entries)) throw invalid('Bundle.entry: array expected')
  return entries.map((value: JsonValue, index) => {
    const entry = asObject(value)
    const content = found[index]
    // The skeleton holds the index where the resource was: anything else means an entry without one.
    if (entry?.['resource'] !== index || content === undefined) {
      throw invalid(`Bundle.entry[${index}].resource: resource expected`)
    }
    return {
      mode: modeOf(entry['search'], index) ?? modeByType(content, searchedType),
      resource: content.raw,
    }
  })
}

function modeOf(search: JsonValue | undefined, index: number): RawEntry['mode'] | undefined {
  if (search === undefined) return undefined
  const mode = asObject(search)?.['mode']
  if (mode === undefined || mode === 'match' || mode === 'include' || mode === 'outcome') return mode
  throw invalid(`Bundle.entry[${index}].search.mode: match, include or outcome expected`)
}

/** `search.mode` is optional (R4 Bundle): then a resource of the searched type is a match. */
function modeByType(content: Content, searchedType: string | undefined): RawEntry['mode'] {
  const type = headOfContent(content)?.resourceType
  if (type === 'OperationOutcome' && searchedType !== type) return 'outcome'
  return searchedType === undefined || type === searchedType ? 'match' : 'include'
}

function nextLink(bundle: JsonObject): string | undefined {
  const links = bundle['link'] ?? []
  if (!Array.isArray(links)) throw invalid('Bundle.link: array expected')
  let next: string | undefined
  for (const value of links) {
    const link = asObject(value)
    if (link?.['relation'] !== 'next') continue
    const url = link['url']
    if (typeof url !== 'string' || next !== undefined)
      throw invalid('Bundle.link: one next link with a url expected')
    next = url
  }
  return next
}

function asObject(value: JsonValue | undefined): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : undefined
}

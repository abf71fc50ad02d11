import { LRUCache } from 'lru-cache'
import type { Limits } from '../model/configuration.ts'
import type { Upstream } from '../model/doors.ts'
import type { RawEntry, RawResource } from '../model/exchange.ts'
import type { JsonObject } from '../model/fhir.ts'
import { strictParse } from '../model/strict-json.ts'
import { tokenOf } from './consent-patients.ts'
import { invalid } from './refusals.ts'
import { type Searcher, UnknownSearch } from './search.ts'

export interface IdentifiedDependencies {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly searcher: Searcher
  readonly limits: Limits
}

interface Part {
  readonly bearers: readonly RawResource[]
  /** Counted from before the request was sent. */
  readonly expires: number
}

const IDENTIFIERS_KEPT = 5_000
const QUERY_CHARACTERS = 4_000
const PAGE_SIZE = 200

/**
 * Finds who bears identifiers: `Type?identifier=a|1,b|2`, all pages, each once in `lookupCacheMs`. Which resource bears
 * which is read in the resources. A type that the upstream does not have bears none.
 */
export function createIdentified(deps: IdentifiedDependencies): NonNullable<Upstream['identified']> {
  const { now, limits } = deps
  const kept = new LRUCache<string, Part>({ max: IDENTIFIERS_KEPT })
  return async (resourceType, identifiers) => {
    const at = now()
    const found = new Map<string, readonly RawResource[]>()
    const missing: string[] = []
    for (const identifier of new Set(identifiers)) {
      const part = kept.get(`${resourceType} ${identifier}`)
      if (part !== undefined && part.expires > at) found.set(identifier, part.bearers)
      else missing.push(identifier)
    }
    const expires = at + limits.lookupCacheMs
    const answers = await Promise.all(chunks(missing).map(chunk => fetchBearers(deps, resourceType, chunk)))
    for (const [identifier, bearers] of answers.flatMap(answer => [...answer])) {
      kept.set(`${resourceType} ${identifier}`, { bearers, expires })
      found.set(identifier, bearers)
    }
    return found
  }
}

/** `system|value` as a search token; the system ends at the last bar, for a system is a URI. */
function encoded(identifier: string): string {
  const bar = identifier.indexOf('|')
  return tokenOf(identifier.slice(0, bar), identifier.slice(bar + 1))
}

function chunks(identifiers: readonly string[]): string[][] {
  const all: string[][] = []
  let characters = QUERY_CHARACTERS
  for (const identifier of identifiers) {
    const { length } = encoded(identifier)
    if (characters + length > QUERY_CHARACTERS) {
      all.push([])
      characters = 0
    }
    all.at(-1)?.push(identifier)
    characters += length + 1
  }
  return all
}

async function fetchBearers(
  { searcher, limits }: IdentifiedDependencies,
  resourceType: string,
  identifiers: readonly string[],
): Promise<ReadonlyMap<string, readonly RawResource[]>> {
  const found = new Map<string, RawResource[]>(identifiers.map(identifier => [identifier, []]))
  const query = `identifier=${identifiers.map(encoded).join(',')}&_count=${PAGE_SIZE}`
  const entries = await searcher.all(resourceType, query, limits.scannedEntries).catch(unknownType)
  for (const entry of entries ?? []) {
    if (entry.mode !== 'match') continue
    const held = identifiersOf(entry, limits).filter(identifier => found.has(identifier))
    if (held.length === 0) throw invalid(`${resourceType} look-up by identifier: unexpected entry`)
    for (const identifier of held) found.get(identifier)?.push(entry.resource)
  }
  return found
}

function unknownType(error: unknown): undefined {
  if (!(error instanceof UnknownSearch)) throw error
}

function identifiersOf({ resource }: RawEntry, limits: Limits): readonly string[] {
  const { identifier } = strictParse(resource.bytes, limits) as JsonObject
  if (!Array.isArray(identifier)) return []
  return identifier.flatMap(item => {
    const { system, value } = (item ?? {}) as JsonObject
    return typeof value === 'string' ? [`${typeof system === 'string' ? system : ''}|${value}`] : []
  })
}

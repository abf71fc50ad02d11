import { LRUCache } from 'lru-cache'
import type { Identified } from '../model/exchange.ts'
import type { SearchInteraction } from '../model/interaction.ts'

/**
 * Where in the upstream's pages a position of the visible world lies. A page token says only how many *visible* matches
 * were given; this memory spares walking there again. Losing it costs time, never correctness: the walk starts over.
 */
export interface Cursor {
  /** Upstream link of the page that holds the next match; undefined = the first page. */
  readonly link: string | undefined
  /** Matches visible to this requester before that page. */
  readonly before: number
}

export interface Cursors {
  readonly find: (identified: Identified, search: SearchInteraction) => Cursor | undefined
  readonly keep: (identified: Identified, search: SearchInteraction, offset: number, cursor: Cursor) => void
}

/** @param max positions kept; @param ttlMs how long (the life of a page token) */
export function createCursors(max: number, ttlMs: number): Cursors {
  const cache = new LRUCache<string, Cursor>({ max, ttl: ttlMs })
  return {
    find: (identified, search) => cache.get(key(identified, search, search.offset)),
    keep: (identified, search, offset, cursor) => {
      cache.set(key(identified, search, offset), cursor)
    },
  }
}

function key(identified: Identified, search: SearchInteraction, offset: number): string {
  const { requester, purposeOfUse } = identified
  return JSON.stringify([
    requester.key,
    requester.client,
    requester.patient ?? '',
    requester.onlyPatient ?? '',
    requester.scopes,
    requester.residual,
    purposeOfUse.effective,
    search.resourceType,
    search.canonical,
    offset,
  ])
}

import { LRUCache } from 'lru-cache'
import type { RawEntry, RawPage } from '../model/exchange.ts'
import { Refusal } from '../model/refusal.ts'
import type { Location } from './location.ts'
import type { Pages } from './page.ts'
import { invalid } from './refusals.ts'
import type { Fetcher } from './request.ts'

/** Searches the upstream: a page, the next page, or all pages of an own question. */
export interface Searcher {
  readonly first: (resourceType: string, query: string) => Promise<RawPage>
  readonly next: (link: string) => Promise<RawPage>
  /**
   * Every entry of every page.
   * @param maxEntries more than that is refused: half an answer would pass for a whole one
   */
  readonly all: (
    resourceType: string,
    query: string,
    maxEntries: number,
    headers?: readonly string[],
  ) => Promise<readonly RawEntry[]>
}

/** Page links whose searched type is remembered; a link at the base root does not name it. */
const LINKS_REMEMBERED = 5_000
/** Pages of one own question; an upstream that gives more is going round in circles. */
const PAGES_MAX = 200

/** The upstream has no search of that type. */
export class UnknownSearch extends Refusal {
  constructor() {
    super('upstream-invalid', { detail: 'upstream knows no such search' })
  }
}

export function createSearcher(location: Location, fetcher: Fetcher, pages: Pages): Searcher {
  const typeOfLink = new LRUCache<string, string>({ max: LINKS_REMEMBERED })

  const fetchPage = async (path: string, searchedType: string | undefined, headers?: readonly string[]) => {
    const answer = await fetcher.get(path, headers)
    if (answer === 'absent') throw new UnknownSearch()
    const page = pages.of(path, answer, searchedType)
    if (page.next !== undefined && searchedType !== undefined) typeOfLink.set(page.next, searchedType)
    return page
  }
  const first: Searcher['first'] = async (resourceType, query) =>
    fetchPage(location.search(resourceType, query), resourceType)

  const all: Searcher['all'] = async (resourceType, query, maxEntries, headers) => {
    let page = await fetchPage(location.search(resourceType, query), resourceType, headers)
    const entries = [...page.entries]
    for (let count = 1; page.next !== undefined; count++) {
      if (count === PAGES_MAX) throw invalid(`more than ${PAGES_MAX} pages`)
      page = await fetchPage(location.page(page.next), resourceType, headers)
      entries.push(...page.entries)
      if (entries.length > maxEntries) throw invalid(`more than ${maxEntries} entries`)
    }
    return entries
  }
  return {
    first,
    next: async link => fetchPage(location.page(link), typeOfLink.get(link)),
    all,
  }
}

import type { DecidedResource } from '../model/decision.ts'
import type { RawPage, Understood } from '../model/exchange.ts'
import type { SearchInteraction } from '../model/interaction.ts'
import { Refusal } from '../model/refusal.ts'
import { recipientOf } from '../model/requester.ts'
import type { Cursor } from './cursors.ts'
import { gatherIncludes } from './includes.ts'
import type { Judge } from './judge.ts'
import { factsOf } from './pages.ts'
import { meetsVisibleIdentifier } from './parts.ts'
import { checkSort, readsProjected } from './predicates.ts'
import type { Rooms } from './rooms.ts'
import type { Visibility } from './visibility.ts'

/** Entries of the smallest upstream page that is asked for. */
const LEAST_FETCHED = 20

/** One page of the visible world: what the requester gets, what was withheld on the way, and whether more follows. */
export interface VisiblePage {
  readonly matches: readonly DecidedResource[]
  readonly includes: readonly DecidedResource[]
  readonly withheld: readonly DecidedResource[]
  readonly more: boolean
  /** Known only where this answer holds the whole visible set. */
  readonly total?: number
}

/**
 * Walks the upstream's pages until `count` visible matches and the one after are found, so that page size, links and
 * total are those of a world without the withheld resources (invariant 3).
 * Throws Refusal `too-costly` after `limits.scannedEntries` entries, `bad-parameter` for an order that would tell.
 */
export async function gatherSearch(
  rooms: Rooms,
  judge: Judge,
  visibility: Visibility,
  exchange: Understood & { readonly interaction: SearchInteraction },
): Promise<VisiblePage> {
  const search = exchange.interaction
  if (search.sort !== undefined)
    checkSort(rooms.segmenter, rooms.references, search, await judge.projectionsAhead())
  const walk = await walkPages(rooms, judge, visibility, exchange)
  await visibility.follow(walk.matches)
  const included = await gatherIncludes(rooms, judge, search, walk.matches, visibility)
  const whole = search.offset === 0 && !walk.more
  return {
    matches: walk.matches,
    includes: included.released,
    withheld: [...walk.withheld, ...included.withheld],
    more: walk.more,
    ...(whole ? { total: walk.matches.length } : {}),
  }
}

interface Walk {
  readonly matches: DecidedResource[]
  readonly withheld: DecidedResource[]
  more: boolean
}

async function walkPages(
  rooms: Rooms,
  judge: Judge,
  visibility: Visibility,
  exchange: Understood & { readonly interaction: SearchInteraction },
): Promise<Walk> {
  const search = exchange.interaction
  const end = search.offset + search.count
  const walk: Walk = { matches: [], withheld: [], more: false }
  let { cursor, page } = await startOf(rooms, exchange)
  let scanned = 0
  for (;;) {
    let seen = cursor.before
    for (const decided of await decidePage(rooms, judge, visibility, exchange, page)) {
      if (decided.decision.effect === 'deny') {
        walk.withheld.push(decided)
        continue
      }
      if (seen === end) {
        rooms.cursors.keep(exchange, search, end, cursor)
        walk.more = true
        return walk
      }
      if (seen >= search.offset) walk.matches.push(decided)
      seen++
    }
    // A page counts as an entry, so that a walk over empty pages ends too.
    scanned += page.entries.length + 1
    if (page.next === undefined) return walk
    if (scanned > rooms.site.limits.scannedEntries) throw new Refusal('too-costly')
    cursor = { link: page.next, before: seen }
    page = await pageAt(rooms, search, cursor)
  }
}

const FIRST: Cursor = { link: undefined, before: 0 }

/** The remembered position, or the first page where there is none or the upstream knows its link no more. */
async function startOf(
  rooms: Rooms,
  exchange: Understood & { readonly interaction: SearchInteraction },
): Promise<{ cursor: Cursor; page: RawPage }> {
  const search = exchange.interaction
  const cursor = rooms.cursors.find(exchange, search)
  const page = cursor && (await pageAt(rooms, search, cursor).catch(whereForgotten))
  return cursor && page ? { cursor, page } : { cursor: FIRST, page: await pageAt(rooms, search, FIRST) }
}

function whereForgotten(error: unknown): undefined {
  if (!(error instanceof Refusal && error.code === 'upstream-invalid')) throw error
}

function pageAt(rooms: Rooms, search: SearchInteraction, cursor: Cursor): Promise<RawPage> {
  return cursor.link === undefined
    ? rooms.upstream.search(search.resourceType, upstreamQuery(search))
    : rooms.upstream.next(cursor.link)
}

/**
 * Own-element predicates and order, from the parsed model. One match more than asked for is fetched, which usually
 * answers whether another page follows; a small page never costs a request for every withheld entry. Includes stay here:
 * they are resolved over the visible world.
 */
export function upstreamQuery(search: SearchInteraction): string {
  const parts = search.parameters.map(
    ({ name, value }) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`,
  )
  if (search.sort !== undefined) parts.push(`_sort=${encodeURIComponent(search.sort)}`)
  parts.push(`_count=${Math.max(search.count + 1, LEAST_FETCHED)}`)
  return parts.join('&')
}

async function decidePage(
  rooms: Rooms,
  judge: Judge,
  visibility: Visibility,
  exchange: Understood & { readonly interaction: SearchInteraction },
  page: RawPage,
): Promise<readonly DecidedResource[]> {
  const search = exchange.interaction
  const facts = factsOf(rooms.labeller, page, search.resourceType)
  const { labelled, known } = await judge.label(facts)
  const decided = await judge.decide(labelled, known)
  const predicates = referencePredicates(rooms, search)
  const identifiers = search.parameters.filter(({ name }) => name === 'identifier')
  const reads = readsProjected(rooms.segmenter, rooms.references, search, recipientOf(exchange.requester))
  if (predicates.length + identifiers.length === 0)
    return decided.map(one => (one.decision.effect !== 'deny' && reads(one) ? unmatched(one) : one))
  await visibility.follow(decided.filter(one => one.decision.effect !== 'deny'))
  return decided.map(one =>
    one.decision.effect !== 'deny' &&
    (reads(one) ||
      touchesHidden(one, predicates, visibility) ||
      asksHiddenIdentifier(one, identifiers, visibility))
      ? unmatched(one)
      : one,
  )
}

function asksHiddenIdentifier(
  decided: DecidedResource,
  asked: SearchInteraction['parameters'],
  visibility: Visibility,
): boolean {
  if (asked.length === 0) return false
  const hidden = visibility.hiddenIdentifiers(decided)
  return (
    hidden.length > 0 && asked.some(({ value }) => !meetsVisibleIdentifier(decided, hidden, value.split(',')))
  )
}

/** A reference parameter that asks for more than patients: the elements it reads and what it asks for. */
interface ReferencePredicate {
  readonly elements: ReadonlySet<string>
  /** `Type/id` or a bare id. */
  readonly values: ReadonlySet<string>
}

function referencePredicates(rooms: Rooms, search: SearchInteraction): readonly ReferencePredicate[] {
  return search.parameters.flatMap(({ name, type, value }) => {
    const values = value.split(',')
    if (type !== 'reference' || name === 'patient' || values.every(one => one.startsWith('Patient/')))
      return []
    const { paths } = rooms.references.referencePaths(search.resourceType, name)
    const elements = new Set(paths.flatMap(path => [path, `${path}Reference`]))
    return [{ elements, values: new Set(values) }]
  })
}

/**
 * A predicate that met a reference the requester cannot see must not have matched (invariant 4): where an element that it
 * reads holds such a reference, one that stays visible has to meet it too.
 */
function touchesHidden(
  decided: DecidedResource,
  predicates: readonly ReferencePredicate[],
  visibility: Visibility,
): boolean {
  const { references } = decided.labelled.facts
  return predicates.some(({ elements, values }) => {
    const read = references.filter(({ element }) => elements.has(element))
    const seen = read.filter(reference => !visibility.hidesReference(reference, decided))
    if (seen.length === read.length) return false
    return !seen.some(({ target }) => values.has(target) || values.has(target.slice(target.indexOf('/') + 1)))
  })
}

function unmatched(decided: DecidedResource): DecidedResource {
  const reason = {
    rule: 'predicate-on-hidden-reference',
    source: 'label',
    effect: 'deny',
    ground: '171.204(a)(2)',
  } as const
  return {
    labelled: decided.labelled,
    decision: { ...decided.decision, effect: 'deny', because: [reason, ...decided.decision.because] },
  }
}

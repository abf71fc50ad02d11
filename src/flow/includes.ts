import type { DecidedResource } from '../model/decision.ts'
import type { IncludeParameter, SearchInteraction } from '../model/interaction.ts'
import type { ResourceFacts } from '../model/label.ts'
import { Refusal } from '../model/refusal.ts'
import type { Judge } from './judge.ts'
import { isDirect } from './lookups.ts'
import { factsOf } from './pages.ts'
import type { Rooms } from './rooms.ts'
import type { Visibility } from './visibility.ts'

/** How many match references one reverse look-up names. */
const REVERSE_CHUNK = 40

/**
 * `_include` and `_revinclude` over the visible world (invariant 4): followed only from released matches, through
 * references that stay visible; the included resources are decided like any other. Canonical order: by reference.
 */
export async function gatherIncludes(
  rooms: Rooms,
  judge: Judge,
  search: SearchInteraction,
  matches: readonly DecidedResource[],
  visibility: Visibility,
): Promise<{ released: readonly DecidedResource[]; withheld: readonly DecidedResource[] }> {
  if (search.includes.length === 0 || matches.length === 0) return { released: [], withheld: [] }
  const facts = new Map<string, ResourceFacts>()
  for (const include of search.includes) {
    const budget = rooms.site.limits.scannedEntries - facts.size
    const found = include.reverse
      ? await reverse(rooms, include, matches, budget)
      : await forward(rooms, include, matches, visibility)
    for (const fact of found) facts.set(fact.reference, fact)
  }
  for (const { labelled } of matches) facts.delete(labelled.facts.reference)
  const { labelled, known } = await judge.label([...facts.values()])
  const decided = await judge.decide(labelled, known)
  const released = decided.filter(one => one.decision.effect !== 'deny')
  await visibility.follow(released)
  const linked = released.filter(one => staysLinked(rooms, search, one, matches, visibility))
  const byReference = (a: DecidedResource, b: DecidedResource): number =>
    a.labelled.facts.reference < b.labelled.facts.reference ? -1 : 1
  return {
    released: linked.sort(byReference),
    withheld: decided.filter(one => one.decision.effect === 'deny'),
  }
}

async function forward(
  rooms: Rooms,
  include: IncludeParameter,
  matches: readonly DecidedResource[],
  visibility: Visibility,
): Promise<ResourceFacts[]> {
  const targets = new Set<string>()
  for (const match of matches) {
    if (match.labelled.facts.type !== include.sourceType) continue
    for (const target of linksOf(rooms, include, match, visibility)) {
      if (include.targetType !== undefined && !target.startsWith(`${include.targetType}/`)) continue
      if (isDirect(target) && !visibility.hides(target, match)) targets.add(target)
    }
  }
  if (targets.size === 0) return []
  const wanted = [...targets].sort()
  const resolution = await rooms.upstream.resolve(wanted)
  return wanted.flatMap(reference => {
    const raw = resolution.get(reference)
    if (raw === undefined || raw === 'absent') return []
    const facts = rooms.labeller.assess(raw)
    return facts.reference === reference ? [facts] : []
  })
}

async function reverse(
  rooms: Rooms,
  include: IncludeParameter,
  matches: readonly DecidedResource[],
  budget: number,
): Promise<ResourceFacts[]> {
  const references = matches
    .map(({ labelled }) => labelled.facts.reference)
    .filter(reference => include.targetType === undefined || reference.startsWith(`${include.targetType}/`))
  const found: ResourceFacts[] = []
  let pages = 0
  for (let start = 0; start < references.length; start += REVERSE_CHUNK) {
    const value = encodeURIComponent(references.slice(start, start + REVERSE_CHUNK).join(','))
    let page = await rooms.upstream.search(include.sourceType, `${include.parameter}=${value}&_count=200`)
    for (;;) {
      found.push(...factsOf(rooms.labeller, page, include.sourceType))
      pages++
      if (found.length + pages > budget) throw new Refusal('too-costly')
      if (page.next === undefined) break
      page = await rooms.upstream.next(page.next)
    }
  }
  return found
}

/** A reverse-included resource stays only while the reference that brought it in is itself released. */
function staysLinked(
  rooms: Rooms,
  search: SearchInteraction,
  included: DecidedResource,
  matches: readonly DecidedResource[],
  visibility: Visibility,
): boolean {
  const { facts } = included.labelled
  const references = new Set(matches.map(({ labelled }) => labelled.facts.reference as string))
  return search.includes.some(include => {
    if (!include.reverse)
      return matches.some(
        match =>
          match.labelled.facts.type === include.sourceType &&
          linksOf(rooms, include, match, visibility).includes(facts.reference),
      )
    if (facts.type !== include.sourceType) return false
    return linksOf(rooms, include, included, visibility).some(
      target => references.has(target) && !visibility.hides(target, included),
    )
  })
}

/** Targets of the references an include parameter reads in what leaves of a resource. */
function linksOf(
  rooms: Rooms,
  include: IncludeParameter,
  of: DecidedResource,
  { removes }: Visibility,
): string[] {
  const { paths } = rooms.references.referencePaths(include.sourceType, include.parameter)
  return of.labelled.facts.references
    .filter(({ element }) => paths.some(path => element === path || element === `${path}Reference`))
    .filter(({ path }) => !removes(path, of))
    .map(({ target }) => target)
}

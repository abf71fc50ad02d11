import type { Labeller } from '../model/doors.ts'
import type { RawPage } from '../model/exchange.ts'
import type { ResourceFacts } from '../model/label.ts'
import { Refusal } from '../model/refusal.ts'

/** By labeller: the upstream keeps its pages when the rules change, and other rules find other facts. */
const assessed = new WeakMap<Labeller, WeakMap<RawPage, readonly ResourceFacts[]>>()

/**
 * Facts of the matches of one upstream page, each resource once; the same page object gives the same list.
 * Throws Refusal `upstream-invalid` for a match that is not of the searched type.
 */
export function factsOf(labeller: Labeller, page: RawPage, searchedType: string): readonly ResourceFacts[] {
  const pages = assessed.get(labeller) ?? new WeakMap<RawPage, readonly ResourceFacts[]>()
  assessed.set(labeller, pages)
  const known = pages.get(page)
  if (known !== undefined) return known
  const facts: ResourceFacts[] = []
  const seen = new Set<string>()
  for (const { mode, resource } of page.entries) {
    if (mode !== 'match') continue
    const fact = labeller.assess(resource)
    if (fact.notAssessable === undefined) {
      if (fact.type !== searchedType)
        throw new Refusal('upstream-invalid', { detail: 'a search was answered with another type' })
      if (seen.has(fact.reference)) continue
      seen.add(fact.reference)
    }
    facts.push(fact)
  }
  pages.set(page, facts)
  return facts
}

import type { Labeller } from '../model/doors.ts'
import type { RawPage } from '../model/exchange.ts'
import type { ResourceFacts } from '../model/label.ts'

const assessed = new WeakMap<RawPage, readonly ResourceFacts[]>()

/** Facts of the matches of one upstream page; the same page object gives the same list. */
export function factsOf(labeller: Labeller, page: RawPage): readonly ResourceFacts[] {
  const known = assessed.get(page)
  if (known !== undefined) return known
  const facts = page.entries
    .filter(entry => entry.mode === 'match')
    .map(entry => labeller.assess(entry.resource))
  assessed.set(page, facts)
  return facts
}

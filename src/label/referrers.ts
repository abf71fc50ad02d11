import type { Referrers } from '../model/doors.ts'
import type { ResourceFacts } from '../model/label.ts'
import { pointersOf } from './trace.ts'

const NOBODY: readonly ResourceFacts[] = []

/**
 * What points at what within a closed set of resources (a Bundle, a file, the resources of a question), through every
 * edge that is followed backwards. Whatever the set does not hold points at nothing. The order of the set leaves no trace.
 */
export function referrersWithin(facts: readonly ResourceFacts[]): Referrers {
  const found = new Map<string, Set<ResourceFacts>>()
  for (const from of facts) {
    for (const { paths } of pointersOf(from)) {
      for (const target of paths.keys()) {
        const known = found.get(target)
        if (known === undefined) found.set(target, new Set([from]))
        else known.add(from)
      }
    }
  }
  const lists = new Map([...found].map(([target, referring]) => [target, [...referring]] as const))
  return reference => lists.get(reference) ?? NOBODY
}

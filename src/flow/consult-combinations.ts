import type { Coding } from '../model/fhir.ts'

/** Denied sets that are looked for, and sets in question at once, before pairs stand for everything that is left. */
const MOST_FOUND = 100
const MOST_OPEN = 300

type Labels = readonly Coding[]

/**
 * Labels that may go one by one and not together: a permit must cover every label of a record, so two Consents that each
 * permit one label permit no record with both.
 *
 * The least sets that may not go. Every set of these labels that holds none of them may go. Where there are very many,
 * pairs stand for what was not gone through, which withholds more and never less.
 * @param labels each of which may go by itself
 * @param maygo whether a record with all these labels may go; what may go with more labels may go with fewer
 */
export function deniedTogether(labels: Labels, maygo: (labels: Labels) => boolean): readonly Labels[] {
  const found: Labels[] = []
  let open: Labels[] = [labels]
  for (;;) {
    const doubtful = open.find(set => set.length > 1 && !maygo(set))
    if (doubtful === undefined) return found
    if (found.length >= MOST_FOUND || open.length >= MOST_OPEN)
      return [...found, ...open.filter(set => !maygo(set)).flatMap(pairsOf)]
    const least = leastDenied(doubtful, maygo)
    found.push(least)
    open = largest(open.flatMap(set => (holds(set, least) ? least.map(one => without(set, one)) : [set])))
  }
}

/** A denied set of which every label is needed. */
function leastDenied(labels: Labels, maygo: (labels: Labels) => boolean): Labels {
  let least = labels
  for (const label of labels) {
    const smaller = without(least, label)
    if (!maygo(smaller)) least = smaller
  }
  return least
}

/** Sets that lie in no other. */
function largest(sets: readonly Labels[]): Labels[] {
  return sets.filter(
    (set, n) =>
      !sets.some((other, m) => m !== n && holds(other, set) && (other.length > set.length || m < n)),
  )
}

function holds(set: Labels, part: Labels): boolean {
  return part.every(one => set.includes(one))
}

function without(set: Labels, label: Coding): Labels {
  return set.filter(one => one !== label)
}

function pairsOf(labels: Labels): Labels[] {
  return labels.flatMap((left, n) => labels.slice(n + 1).map(right => [left, right]))
}

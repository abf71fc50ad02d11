import type { Coding } from '../model/fhir.ts'

/**
 * Labels that may go one by one and not together: a permit must cover every label of a record, so two Consents that each
 * permit one label permit no record with both.
 *
 * Every set of these labels that holds none of the returned ones may go: where more than pairs would have to be gone
 * through, pairs stand for the larger sets, which withholds more and never less.
 * @param labels each of which may go by itself
 * @param maygo whether a record with all these labels may go; what may go with more labels may go with fewer
 */
export function deniedTogether(
  labels: readonly Coding[],
  maygo: (labels: readonly Coding[]) => boolean,
): readonly (readonly Coding[])[] {
  if (labels.length < 2 || maygo(labels)) return []
  const pairs = pairsOf(labels)
  const denied = pairs.filter(pair => !maygo(pair))
  const isDenied = (one: Coding, other: Coding): boolean =>
    denied.some(([left, right]) => (left === one && right === other) || (left === other && right === one))
  const doubtful = labels.flatMap(label => {
    const company = labels.filter(other => other === label || !isDenied(label, other))
    const inside = pairsOf(company)
    const clean = inside.every(([left, right]) => !isDenied(left, right))
    return clean && maygo(company) ? [] : inside
  })
  return [...new Set([...denied, ...pairs.filter(pair => doubtful.some(other => isSamePair(pair, other)))])]
}

type Pair = readonly [Coding, Coding]

function pairsOf(labels: readonly Coding[]): Pair[] {
  return labels.flatMap((left, n) => labels.slice(n + 1).map((right): Pair => [left, right]))
}

function isSamePair(one: Pair, other: Pair): boolean {
  return one[0] === other[0] && one[1] === other[1]
}

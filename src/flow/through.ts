import type { DecidedResource, Reason } from '../model/decision.ts'
import type { LabelledResource, ResourceFacts } from '../model/label.ts'

const REASON: Reason = {
  rule: 'speaks-through-withheld',
  source: 'label',
  effect: 'deny',
  ground: '171.204(a)(2)',
}
const NONE: readonly string[] = []
const lists = new WeakMap<readonly LabelledResource[], readonly string[]>()

/** References through which these resources speak of patients they do not name; unique, the same list for the same one. */
export function throughOf(labelled: readonly LabelledResource[]): readonly string[] {
  const known = lists.get(labelled)
  if (known !== undefined) return known
  const references = new Set(labelled.flatMap(({ through }) => through ?? NONE))
  const list = references.size === 0 ? NONE : [...references]
  lists.set(labelled, list)
  return list
}

/**
 * Withholds what speaks of its patients only through resources that are withheld: without the references to them it would
 * speak of nobody, exactly as if they did not exist (invariant 3).
 * @param isVisible whether the resource of such a reference is released
 */
export function withThrough(
  decided: readonly DecidedResource[],
  isVisible: (reference: string) => boolean,
): readonly DecidedResource[] {
  return decided.map(one => {
    const { labelled, decision } = one
    if (decision.effect === 'deny' || labelled.through === undefined || labelled.through.some(isVisible))
      return one
    const because = [REASON, ...decision.because]
    return {
      labelled,
      decision: {
        ...decision,
        effect: 'deny',
        because,
        obligations: [],
        caveats: [],
        notices: [],
        consents: [],
        redact: [],
      },
    }
  })
}

/** References of those that are not withheld. */
export function releasedAmong(decided: readonly DecidedResource[]): ReadonlySet<string> {
  return new Set(
    decided
      .filter(({ decision }) => decision.effect !== 'deny')
      .map(({ labelled }) => labelled.facts.reference),
  )
}

/** Whether what these resources speak of their patients through would be released, where everything is at hand. */
export function visibleBehind(
  labelled: readonly LabelledResource[],
  rooms: {
    readonly look: (reference: string) => ResourceFacts | 'absent' | undefined
    readonly label: (facts: ResourceFacts) => LabelledResource
    readonly decide: (labelled: readonly LabelledResource[]) => readonly DecidedResource[]
  },
): (reference: string) => boolean {
  const targets = throughOf(labelled).flatMap(reference => {
    const facts = rooms.look(reference)
    return facts === undefined || facts === 'absent' ? [] : [rooms.label(facts)]
  })
  const released = releasedAmong(rooms.decide(targets))
  return reference => released.has(reference)
}

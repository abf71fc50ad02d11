import type { DecidedResource } from '../model/decision.ts'
import type { Segmenter } from '../model/doors.ts'
import type { Release } from '../model/exchange.ts'
import type { NamedReference } from '../model/programs.ts'
import { createParts, withParts } from './parts.ts'
import { isProjectedAway } from './predicates.ts'
import { byTarget } from './programs.ts'
import type { Answered } from './question.ts'
import { withShownLabels } from './shown.ts'
import { isHarmless } from './visibility.ts'

/** The searchset that would leave under an answered question; a resource whose duties cannot be met does not leave. */
export function releasedBundle(segmenter: Segmenter, answered: Answered): Release {
  const { decided, directives, answer, hidesProgram, decide, labelAlone, labelPart } = answered
  const leaves = (one: DecidedResource): boolean =>
    one.decision.effect !== 'deny' &&
    segmenter.undischargeable(one.decision, one.labelled.facts.type) === undefined
  const matches = decided.filter(leaves)
  const visible = new Set(matches.map(({ labelled }) => labelled.facts.reference as string))
  const hidesReference = (reference: NamedReference, of: DecidedResource): boolean => {
    const { target } = reference
    if (hidesProgram(reference, of)) return true
    return !visible.has(target) && !isHarmless(target)
  }
  const hides = (target: string, of: DecidedResource): boolean => hidesReference(byTarget(target), of)
  const parts = createParts({ hidesProgram, labelAlone, labelPart, decide })
  const hidden = (of: DecidedResource): readonly string[] => {
    const paths = of.labelled.facts.references.filter(one => hidesReference(one, of)).map(({ path }) => path)
    return withParts(paths, parts.hidden(of))
  }
  const removes = (path: string, of: DecidedResource): boolean => isProjectedAway(segmenter, of, path)
  return segmenter.segment({
    decided: {
      decision: { decision: answer.decision, revision: answer.revision, resources: decided, unread: [] },
      directives,
    },
    matches: matches.map(one => withShownLabels(parts.withKept(one), { hidden, hides, removes, decide })),
    includes: [],
    withheld: decided.filter(one => !leaves(one)),
    hidden,
    recipient: answered.recipient,
    page: { self: 'https://gateway.example/fhir', total: matches.length },
  })
}

import type { DecidedResource } from '../model/decision.ts'
import type { Segmenter } from '../model/doors.ts'
import type { Release } from '../model/exchange.ts'
import { DIRECTORY_TYPES } from '../model/fhir.ts'
import type { Answered } from './question.ts'

/** The searchset that would leave under an answered question; a resource whose duties cannot be met does not leave. */
export function releasedBundle(segmenter: Segmenter, answered: Answered): Release {
  const { decided, directives, answer, hidesProgram } = answered
  const leaves = (one: DecidedResource): boolean =>
    one.decision.effect !== 'deny' && segmenter.undischargeable(one.decision) === undefined
  const matches = decided.filter(leaves)
  const visible = new Set(matches.map(({ labelled }) => labelled.facts.reference as string))
  const hides = (target: string): boolean => {
    if (target === '' || target.startsWith('#') || visible.has(target)) return false
    const type = /([A-Z][A-Za-z]+)\/[^/]+$/.exec(target)?.[1]
    return type === undefined || !(type === 'Patient' || DIRECTORY_TYPES.has(type))
  }
  return segmenter.segment({
    decided: {
      decision: { decision: answer.decision, revision: answer.revision, resources: decided, unread: [] },
      directives,
    },
    matches,
    includes: [],
    withheld: decided.filter(one => !leaves(one)),
    hidden: one =>
      one.labelled.facts.references
        .filter(({ target }) => hides(target) || hidesProgram(target, one))
        .map(({ path }) => path),
    page: { self: 'https://gateway.example/fhir', total: matches.length },
  })
}

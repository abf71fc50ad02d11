import type { JsonObject } from '../model/fhir.ts'
import type { ResidualRule } from '../model/requester.ts'
import { type Rule, ruleOf } from './compile.ts'
import { elementsAt, refuseUnknown, spanAt } from './elements.ts'
import type { Place } from './references.ts'
import type { Vocabulary } from './vocabulary.ts'

/** The rules of one token: `unreadable` stands for a forbid whose reach is not known. */
export interface CompiledResidual {
  readonly rules: readonly Rule[]
  readonly unreadable: boolean
}

function residualRule(
  { type, raw }: ResidualRule,
  index: number,
  place: Place,
  zone: string,
  vocabulary: Vocabulary,
): Rule {
  const path = `residual[${index}]`
  const provision: JsonObject = raw
  refuseUnknown(provision, path)
  const reading = { place, zone, contained: new Map() }
  const always = { start: Number.NEGATIVE_INFINITY, end: Number.POSITIVE_INFINITY }
  const span = spanAt(provision['period'], `${path}.period`, zone) ?? always
  const effect = type === 'permit' ? 'permit' : 'deny'
  return ruleOf(effect, path, elementsAt(provision, path, reading), span, [], reading, vocabulary)
}

/** A permit that cannot be read permits nothing, a forbid that cannot be read forbids everything. */
export function compileResidual(
  residual: readonly ResidualRule[],
  place: Place,
  zone: string,
  vocabulary: Vocabulary,
): CompiledResidual {
  const rules: Rule[] = []
  let unreadable = false
  for (const [index, rule] of residual.entries()) {
    try {
      rules.push(residualRule(rule, index, place, zone, vocabulary))
    } catch {
      unreadable ||= rule.type !== 'permit'
    }
  }
  return { rules, unreadable }
}

import type { Label } from '../model/label.ts'
import type { Statement } from '../model/rules.ts'
import type { CompiledRules } from './compile.ts'

/** Below this a label is a candidate: explained, not applied. A site may set its own (`policy.minimumConfidence`). */
export const MINIMUM_CONFIDENCE = 0.5

/** What stands beside a label and gives it its meaning. */
export interface Beside {
  /** Cues of the record and of what it names as its reason. */
  readonly cues: ReadonlySet<string>
  readonly statements: readonly Statement[]
}

/**
 * Labels with their confidence in the light of cues and statements; those a statement takes back are left out. What
 * came from upstream, and what no rule has a context for, stays as it is. Of several cues the highest counts: doubt
 * protects.
 */
export function weighed(
  labels: readonly Label[],
  { cues, statements }: Beside,
  rules: CompiledRules,
): readonly Label[] {
  if (cues.size === 0 && statements.length === 0) return labels
  const alone = statements.includes('negative-result') ? toldBesideAlone(labels) : NONE
  return labels.flatMap(label => {
    if (label.origin === 'upstream') return [label]
    const found = (rules.contexts.get(label.rule) ?? []).filter(({ cue }) => cues.has(cue))
    const base = found.length === 0 ? label.confidence : Math.max(...found.map(each => each.confidence))
    const heard = alone.has(label) ? statements.filter(each => each !== 'negative-result') : statements
    const confidence = isOfElsewhere(label) ? base : takenBack(label, base, heard, rules)
    if (confidence === 0) return []
    return [confidence === label.confidence ? label : { ...label, confidence }]
  })
}

/** Who made a record, where and for what, and what a site adds to it: a negative result is no less that of a program. */
const ELSEWHERE =
  /^(?:performer|recorder|asserter|author|encounter|basedOn|partOf|device|specimen|focus|identifier|extension|modifierExtension|meta)\b/

function isOfElsewhere({ path, paths }: Label): boolean {
  return (paths ?? [path ?? '']).some(each => ELSEWHERE.test(each))
}

/** A narrative, and how something was found: they may say more than what was found. */
const BESIDE = /^(?:text|method)\b/
const NONE: ReadonlySet<Label> = new Set()

/** Labels that the narrative or the method alone tells: a negative result takes back what it is the result of. */
function toldBesideAlone(labels: readonly Label[]): ReadonlySet<Label> {
  const codeOf = ({ system, code }: Label): string => `${system}|${code}`
  const isBeside = ({ path, paths }: Label): boolean =>
    (paths ?? [path ?? '']).every(each => BESIDE.test(each))
  const beside = labels.filter(isBeside)
  if (beside.length === 0) return NONE
  const found = new Set(labels.filter(label => !isBeside(label) && !isOfElsewhere(label)).map(codeOf))
  return new Set(beside.filter(label => !found.has(codeOf(label))))
}

/** The confidence that the statements of the record leave; 0 where one takes the label back. */
function takenBack(
  { rule }: Label,
  confidence: number,
  statements: readonly Statement[],
  rules: CompiledRules,
): number {
  const of = rules.statements.get(rule.slice(0, rule.indexOf('/')))
  if (of === undefined) return confidence
  return statements.reduce((left, statement) => {
    const said = of[statement]
    if (said === undefined || said.effect === 'keep') return left
    return said.effect === 'drop' ? 0 : Math.min(left, said.confidence ?? left)
  }, confidence)
}

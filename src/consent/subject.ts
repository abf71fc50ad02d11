import type { ConsentDirective, ConsentVerdict } from '../model/consent.ts'
import type { Resource } from '../model/fhir.ts'
import { systemOf } from './codes.ts'
import type { Rule } from './compile.ts'
import { objectsIn, textIn } from './json.ts'
import type { PlacedActor } from './roles.ts'
import { isLater } from './state.ts'
import { topicOf } from './topic.ts'

function everyRule(rule: Rule): readonly Rule[] {
  return [rule, ...rule.children.flatMap(everyRule)]
}

function nameOf({ role, reference, identifiers }: PlacedActor): string {
  return [role, reference ?? '', ...identifiers.map(({ key }) => key)].join(' ')
}

/**
 * What a Consent is about, for telling whether two are about the same: its topic, its categories and all actors of its rules with
 * their roles. Undefined where it has no category or where an actor cannot be told (words alone, a role we cannot place,
 * a contained resource, which another Consent may contain with other content).
 */
export function subjectOf(consent: Resource, root: Rule): string | undefined {
  const categories = objectsIn(consent['category']).flatMap(({ coding }) =>
    objectsIn(coding).flatMap(({ system, code }) => {
      const named = textIn(code)
      return named === undefined ? [] : [`${systemOf(textIn(system))}|${named}`]
    }),
  )
  const actors = everyRule(root).flatMap(({ elements }) => elements.actor ?? [])
  const unclear = actors.some(
    ({ role, reference, identifiers }) =>
      role === 'unplaced' ||
      reference?.startsWith('#') === true ||
      (reference === undefined && identifiers.length === 0),
  )
  if (categories.length === 0 || unclear) return undefined
  const sorted = (values: readonly string[]) => [...new Set(values)].sort()
  return JSON.stringify([topicOf(consent), sorted(categories), sorted(actors.map(nameOf))])
}

/** A verdict with what decides which of two is the newer. */
export interface Speaking {
  readonly directive: ConsentDirective
  readonly subject: string | undefined
  readonly verdict: ConsentVerdict
}

function stepsBack(older: Speaking, newer: Speaking): boolean {
  const effects = [older.verdict.effect, newer.verdict.effect]
  return (
    older.subject !== undefined &&
    older.subject === newer.subject &&
    older.directive.patient === newer.directive.patient &&
    effects.includes('permit') &&
    effects.includes('deny') &&
    isLater(newer.directive.copy, older.directive.copy)
  )
}

/** Of verdicts of the same subject that contradict each other, the older say nothing, and why. */
export function newestOnly(all: readonly Speaking[]): readonly ConsentVerdict[] {
  return all.map(each => {
    const newer = all.find(other => stepsBack(each, other))
    if (newer === undefined) return each.verdict
    const why = `steps back for the newer ${newer.verdict.ref.reference} of the same category and actors`
    return { ...each.verdict, effect: 'not-covered', why }
  })
}

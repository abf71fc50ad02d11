import type { ConsultAnswer, ConsultClause, FlatAnswer } from '../model/consult.ts'
import type { Coding } from '../model/fhir.ts'
import { isType } from './consult-standins.ts'
import { type ConsultVocabulary, keyOf } from './consult-vocabulary.ts'

const DECISIONS = { permit: 'CONSENT_PERMIT', deny: 'CONSENT_DENY', 'no-consent': 'NO_CONSENT' } as const

/**
 * The answer for clients that know one list of codes, each of which is enough to withhold a record (LEAP-CDS, SHARES). A
 * clause of several codes becomes one of them, so it withholds more; what was widened is named. Where only some labels
 * were asked about, every other known label is withheld: nobody asked whether it may go.
 */
export function flatten(
  { decision, clauses, permitted }: Pick<ConsultAnswer, 'decision' | 'clauses' | 'permitted'>,
  asked: readonly Coding[],
  vocabulary: ConsultVocabulary,
): FlatAnswer {
  const alone = permitted.length === 0 ? [] : [{ why: 'alone' } as const]
  if (decision === 'deny') return { decision: DECISIONS.deny, codes: [], widened: alone }
  const chosen = choose(clauses)
  const codes = new Map(chosen.map(coding => [keyOf([coding]), coding]))
  const company = new Set(asked.flatMap(label => vocabulary.company(label)).map(({ code }) => code))
  if (asked.length > 0)
    for (const coding of vocabulary.codes) if (!company.has(coding.code)) codes.set(keyOf([coding]), coding)
  const widened = [...clauses.flatMap(widening), ...alone]
  if (asked.length === 0) return { decision: DECISIONS[decision], codes: [...codes.values()], widened }
  const may = asked.filter(label => !codes.has(keyOf([label])))
  return decision === 'permit' && may.length === 0
    ? { decision: DECISIONS.deny, codes: [], widened }
    : { decision: DECISIONS[decision], codes: [...codes.values()], exceptAnyOfCodes: may, widened }
}

function widening({ all, except }: ConsultClause, clause: number): FlatAnswer['widened'] {
  if (except !== undefined) return [{ clause, why: 'source' }]
  if (all.length < 2) return []
  return [{ clause, why: all.some(isContent) ? 'class' : 'together' }]
}

/** A resource type or profile; a label has a system of labels. */
function isContent(coding: Coding): boolean {
  return coding.system !== undefined && (isType(coding) || coding.code.includes('/StructureDefinition/'))
}

/** One code for each clause, as few as can be: a code that meets several clauses first, a label before a class. */
function choose(clauses: readonly ConsultClause[]): readonly Coding[] {
  const chosen = new Map<string, Coding>()
  for (const { all } of clauses) {
    const [only] = all
    if (only !== undefined && all.length === 1) chosen.set(keyOf([only]), only)
  }
  let open = clauses.filter(({ all }) => !all.some(one => chosen.has(keyOf([one]))))
  while (open.length > 0) {
    const counts = new Map<string, { coding: Coding; count: number }>()
    for (const coding of open.flatMap(({ all }) => all)) {
      const key = keyOf([coding])
      counts.set(key, { coding, count: (counts.get(key)?.count ?? 0) + (isContent(coding) ? 0 : 1) })
    }
    const best = [...counts.values()].reduce((left, right) => (right.count > left.count ? right : left))
    const key = keyOf([best.coding])
    chosen.set(key, best.coding)
    open = open.filter(({ all }) => !all.some(one => keyOf([one]) === key))
  }
  return [...chosen.values()]
}

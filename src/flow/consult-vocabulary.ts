import { type Coding, SYSTEM } from '../model/fhir.ts'
import type { LabelRules } from '../model/rules.ts'

/** What a consult can be asked about: every label that data of this site may carry. */
export interface ConsultVocabulary {
  /** Single codes: those of `labels/`, those of the code hierarchy, and the two restricted confidentialities. */
  readonly codes: readonly Coding[]
  /** Labels that rules of `labels/` put on a record together. */
  readonly sets: readonly (readonly Coding[])[]
  /** The coding known by this code, where the system fits or is left out. */
  readonly known: (coding: Coding) => Coding | undefined
  /** The code with what stands beside it on a record: its wider codes, and labels put on together with it. */
  readonly company: (coding: Coding) => readonly Coding[]
}

/** Marks that a Consent may name instead of a sensitivity. */
const RESTRICTED = ['R', 'V'] as const

/**
 * The vocabulary of consults from `labels/` and the hierarchy of sensitivity codes.
 * @param labelParents sensitivity code → its parents (`profiles/purpose/sensitivity.json`)
 */
export function consultVocabulary(
  labels: LabelRules,
  labelParents: Readonly<Record<string, readonly string[]>>,
): ConsultVocabulary {
  const sets = labels.categories.flatMap(category => [
    category.labels,
    ...category.rules.flatMap(rule => ('labels' in rule && rule.labels !== undefined ? [rule.labels] : [])),
  ])
  const byCode = new Map(sets.flat().map(({ system, code }) => [code, named(system, code)]))
  for (const code of Object.keys(labelParents))
    if (!byCode.has(code)) byCode.set(code, named(undefined, code))
  for (const code of RESTRICTED) byCode.set(code, named(SYSTEM.confidentiality, code))
  const known = ({ system, code }: Coding): Coding | undefined => {
    const coding = byCode.get(code)
    return coding !== undefined && (system === undefined || system === coding.system) ? coding : undefined
  }
  const above = (code: string, seen: Set<string>): Set<string> => {
    for (const parent of labelParents[code] ?? []) if (!seen.has(parent)) above(parent, seen.add(parent))
    return seen
  }
  return {
    codes: [...byCode.values()],
    sets: distinct(sets.map(set => set.flatMap(coding => byCode.get(coding.code) ?? []))),
    known,
    company: ({ code }) => {
      const beside = sets.filter(set => set.some(one => one.code === code)).flat()
      const codes = new Set([code, ...above(code, new Set()), ...beside.map(one => one.code)])
      return [...codes].flatMap(one => byCode.get(one) ?? [])
    },
  }
}

function named(system: string | undefined, code: string): Coding {
  return { system: system ?? SYSTEM.actCode, code }
}

function distinct(sets: readonly (readonly Coding[])[]): readonly (readonly Coding[])[] {
  return [...new Map(sets.map(set => [keyOf(set), set])).values()]
}

/** One text for one set of codings, whatever the order. */
export function keyOf(codings: readonly Coding[]): string {
  return codings
    .map(({ system, code }) => `${system ?? ''}|${code}`)
    .sort()
    .join(' ')
}

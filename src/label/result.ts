import { type Coding, SYSTEM } from '../model/fhir.ts'
import {
  CONFIDENTIALITY_ORDER,
  type Confidentiality,
  type Label,
  type LabelledResource,
  type ResourceFacts,
} from '../model/label.ts'
import type { CompiledRules } from './compile.ts'
import type { SourceFinding } from './source.ts'

/** 42 CFR Part 2 as v3-ActCode names it. */
const PART2 = '42CFRPart2'

/** Labels of one resource: one for each system and code, the surest of them; upstream ones are never replaced. */
export class LabelSet {
  readonly #labels = new Map<string, Label>()

  constructor(labels: readonly Label[]) {
    this.add(labels)
  }

  add(labels: readonly Label[]): void {
    for (const label of labels) {
      const key = `${label.system}|${label.code}`
      const known = this.#labels.get(key)
      if (known === undefined || isStronger(label, known)) this.#labels.set(key, label)
    }
  }

  has(system: string, code: string): boolean {
    return this.#labels.has(`${system}|${code}`)
  }

  /** Whether any label is one of a sensitive category (not merely content that could not be read). */
  isSensitive(rules: CompiledRules): boolean {
    const unread = new Set(rules.unreadable.map(({ rule }) => rule))
    return [...this.#labels.values()].some(
      label =>
        label.system !== SYSTEM.confidentiality &&
        !unread.has(label.rule) &&
        rules.confidentiality(label) !== undefined,
    )
  }

  /** All labels in the order of their system and code, so that the order they were found in leaves no trace. */
  sorted(): Label[] {
    return [...this.#labels.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, label]) => label)
  }
}

/** Order-free: upstream first, then confidence, then rule and path. */
function isStronger(a: Label, b: Label): boolean {
  const own = (label: Label): boolean => label.rule !== 'upstream'
  if (own(a) !== own(b)) return own(b)
  if (a.confidence !== b.confidence) return a.confidence > b.confidence
  const tie = (label: Label): string => `${label.rule} ${label.origin} ${label.path ?? ''}`
  return tie(a) < tie(b)
}

/** The labelled resource: exactly one confidentiality (high-water mark), codes, source, class key. */
export function finished(
  facts: ResourceFacts,
  set: LabelSet,
  rules: CompiledRules,
  source: SourceFinding,
  { minimumConfidence, doubt }: { readonly minimumConfidence: number; readonly doubt?: string },
): LabelledResource {
  const found = set.sorted()
  const applies = (label: Label): boolean =>
    label.rule === 'upstream' || label.confidence >= minimumConfidence
  const all = found.every(applies) ? found : found.filter(applies)
  const candidates = all === found ? [] : found.filter(label => !applies(label))
  const mark = highWater(all, rules)
  const content = all.filter(({ system }) => system !== SYSTEM.confidentiality)
  const codes = new Set(content.map(({ code }) => code))
  const part2 = codes.has(PART2) && content.some(isPart2)
  const notAssessable = facts.notAssessable ?? doubt
  const key = [
    facts.type,
    facts.patients.join(','),
    [...codes].join(','),
    part2 ? 'P' : '',
    source.organization ?? '',
  ]
  return {
    facts,
    labels: [mark, ...content],
    ...(candidates.length === 0 ? {} : { candidates }),
    confidentiality: isConfidentiality(mark.code) ? mark.code : 'V',
    codes,
    ...(source.organization === undefined ? {} : { source: source.organization }),
    part2,
    classKey: [...key, mark.code, notAssessable ?? ''].join('|'),
    ...(notAssessable === undefined ? {} : { notAssessable }),
  }
}

const isPart2 = ({ system, code }: Label): boolean => system === SYSTEM.actCode && code === PART2

/** The strictest of the upstream's own mark and what the categories of the labels ask for; N where nothing speaks. */
function highWater(labels: readonly Label[], rules: CompiledRules): Label {
  let best: Label | undefined
  for (const label of labels) {
    const mark = label.system === SYSTEM.confidentiality ? label : markOf(label, rules)
    if (mark !== undefined && (best === undefined || rank(mark.code) > rank(best.code))) best = mark
  }
  return best ?? { ...mark('N'), origin: 'code', rule: 'default', confidence: 1 }
}

function markOf(label: Label, rules: CompiledRules): Label | undefined {
  const grade = rules.confidentiality(label)
  if (grade === undefined) return undefined
  const { origin, rule, path, confidence } = label
  return {
    ...mark(grade.code, grade.basis),
    origin,
    rule,
    confidence,
    ...(path === undefined ? {} : { path }),
  }
}

function mark(code: Confidentiality, basis?: Coding): Pick<Label, 'system' | 'code' | 'basis'> {
  return { system: SYSTEM.confidentiality, code, ...(basis === undefined ? {} : { basis }) }
}

function isConfidentiality(code: string): code is Confidentiality {
  return (CONFIDENTIALITY_ORDER as readonly string[]).includes(code)
}

/** An unknown confidentiality code counts as the strictest: doubt denies. */
function rank(code: string): number {
  const known = (CONFIDENTIALITY_ORDER as readonly string[]).indexOf(code)
  return known < 0 ? CONFIDENTIALITY_ORDER.length : known
}

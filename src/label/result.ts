import { type Coding, SYSTEM } from '../model/fhir.ts'
import {
  CONFIDENTIALITY_ORDER,
  type Confidentiality,
  type Label,
  type LabelledResource,
  type ResourceFacts,
} from '../model/label.ts'
import type { CompiledRules } from './compile.ts'
import { MAX_PATHS } from './found-labels.ts'
import type { SourceFinding } from './source.ts'

/** 42 CFR Part 2 as v3-ActCode names it. */
const PART2 = '42CFRPart2'

/**
 * Labels of one resource: one for each system and code. What applies counts before candidates, upstream ones before our
 * own, then what the resource says before what it inherits, then the surest.
 */
export class LabelSet {
  readonly #labels = new Map<string, Label>()
  readonly #weaker: Label[] = []
  readonly #minimum: number

  /** @param minimum confidence below which a label is a candidate */
  constructor(labels: readonly Label[], minimum: number) {
    this.#minimum = minimum
    this.add(labels)
  }

  /** Whether a label is more than a candidate. What another record's upstream said is inherited like any other label. */
  applies({ rule, origin, confidence }: Label): boolean {
    return (rule === 'upstream' && origin !== 'lineage') || confidence >= this.#minimum
  }

  add(labels: readonly Label[]): void {
    for (const label of labels) {
      const key = `${label.system}|${label.code}`
      const known = this.#labels.get(key)
      if (known === undefined) this.#labels.set(key, label)
      else this.#join(key, label, known)
    }
  }

  /** Labels that another of the same code stands for: they may ask for a stricter grade. */
  get weaker(): readonly Label[] {
    return this.#weaker
  }

  #join(key: string, a: Label, b: Label): void {
    const [strong, weak] = this.#isStronger(a, b) ? [a, b] : [b, a]
    this.#labels.set(
      key,
      isOwn(strong) && isOwn(weak) && this.applies(weak) ? withPathsOf(strong, weak) : strong,
    )
    if (weak.rule !== strong.rule) this.#weaker.push(weak)
  }

  /** Whether such a label applies. */
  has(system: string, code: string): boolean {
    const label = this.#labels.get(`${system}|${code}`)
    return label !== undefined && this.applies(label)
  }

  /** Whether any label that applies is one of a sensitive category (not merely content that could not be read). */
  isSensitive(rules: CompiledRules): boolean {
    const unread = new Set(rules.unreadable.map(({ rule }) => rule))
    return [...this.#labels.values()].some(
      label =>
        this.applies(label) &&
        label.system !== SYSTEM.confidentiality &&
        !unread.has(label.rule) &&
        rules.confidentiality(label) !== undefined,
    )
  }

  /** All labels in the order of their system and code, so that the order they were found in leaves no trace. */
  sorted(): Label[] {
    return [...this.#labels.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, label]) => label)
  }

  #isStronger(a: Label, b: Label): boolean {
    for (const rank of [this.#applying, isUpstream, isOwn]) if (rank(a) !== rank(b)) return rank(a)
    if (a.confidence !== b.confidence) return a.confidence > b.confidence
    const tie = (label: Label): string => `${label.rule} ${label.origin} ${label.path ?? ''}`
    return tie(a) < tie(b)
  }

  readonly #applying = (label: Label): boolean => this.applies(label)
}

/** The label with the places of another find of its code after its own. */
function withPathsOf(label: Label, other: Label): Label {
  const of = ({ path, paths }: Label): readonly string[] => paths ?? (path === undefined ? [] : [path])
  const paths = [...new Set([...of(label), ...of(other)])]
  if (paths.length <= of(label).length) return label
  return { ...label, paths: paths.slice(0, MAX_PATHS) }
}

const isOwn = ({ origin }: Label): boolean => origin !== 'lineage'
const isUpstream = (label: Label): boolean => label.rule === 'upstream' && isOwn(label)

/** The labelled resource: exactly one confidentiality (high-water mark), codes, source, class key. */
export function finished(
  facts: ResourceFacts,
  set: LabelSet,
  rules: CompiledRules,
  source: SourceFinding,
  { doubt, through }: { readonly doubt?: string; readonly through?: readonly string[] } = {},
): LabelledResource {
  const found = set.sorted()
  const applies = (label: Label): boolean => set.applies(label)
  const all = found.every(applies) ? found : found.filter(applies)
  const candidates = all === found ? [] : found.filter(label => !applies(label))
  const mark = highWater([...all, ...set.weaker.filter(applies).sort(byRule)], rules)
  const content = all.filter(({ system }) => system !== SYSTEM.confidentiality)
  const codes = new Set(content.map(({ code }) => code))
  const part2 = codes.has(PART2) && content.some(isPart2)
  const notAssessable = facts.notAssessable ?? doubt
  const key = [
    facts.type,
    facts.patients.join(','),
    // A code of the site may read like one of HL7 and mean something else: by code alone the two would be one class.
    [...new Set(content.map(({ system, code }) => `${system}|${code}`))].join(','),
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
    ...(through === undefined ? {} : { through }),
    ...(notAssessable === undefined ? {} : { notAssessable }),
  }
}

const isPart2 = ({ system, code }: Label): boolean => system === SYSTEM.actCode && code === PART2

/** Any order that does not hang on the order of finds. */
function byRule(a: Label, b: Label): number {
  const key = ({ system, code, rule, origin, path }: Label): string =>
    `${system} ${code} ${rule} ${origin} ${path ?? ''}`
  return key(a) < key(b) ? -1 : 1
}

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

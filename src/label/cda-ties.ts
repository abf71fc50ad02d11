import type { Label } from '../model/label.ts'
import { phraseOf, type Section, type Target, type Unit, unitsOf } from './cda-units.ts'
import type { CompiledRules } from './compile.ts'
import { MINIMUM_CONFIDENCE, weighed } from './confidence.ts'

/**
 * Entries and narrative that say the same: by the id an entry points at, else by its words in a cell of their own. What
 * an entry tells its narrative tells, and what only the narrative tells its entries do (C-CDA 1.2.5, Narrative
 * Reference).
 */
export interface Ties {
  readonly of: ReadonlyMap<Unit, ReadonlySet<Unit>>
  /** Parts that an entry points at without saying which of them is its own. */
  readonly around: ReadonlyMap<Unit, readonly Unit[]>
}

export function tiesOf(sections: readonly Section[], ids: ReadonlyMap<string, readonly Target[]>): Ties {
  const of = new Map<Unit, Set<Unit>>()
  const around = new Map<Unit, readonly Unit[]>()
  const tie = (a: Unit, b: Unit): void => {
    for (const [one, other] of [[a, b] as const, [b, a] as const]) {
      const known = of.get(one)
      if (known === undefined) of.set(one, new Set([other]))
      else known.add(other)
    }
  }
  const targets = resolvedOnce(ids)
  for (const section of sections) {
    const blocks = phrasesOf(section.parts.map(unit => [unit, [...unit.phrases].map(phraseOf)]))
    const entries = phrasesOf(section.entries.map(unit => [unit, [...unit.phrases]]))
    for (const entry of section.entries) {
      const { parts, rest } = pointedAt(entry, targets)
      for (const part of parts) tie(entry, part)
      if (rest.length > 0) around.set(entry, rest)
      if (parts.length > 0) continue
      // What several entries say ("Problem") tells none of them from the others.
      for (const phrase of entry.phrases)
        if (entries.get(phrase)?.size === 1) for (const part of blocks.get(phrase) ?? []) tie(entry, part)
    }
  }
  return { of, around }
}

function phrasesOf(
  units: readonly (readonly [Unit, readonly string[]])[],
): ReadonlyMap<string, ReadonlySet<Unit>> {
  const map = new Map<string, Set<Unit>>()
  for (const [unit, phrases] of units) {
    for (const phrase of phrases) {
      if (phrase === '') continue
      const known = map.get(phrase)
      if (known === undefined) map.set(phrase, new Set([unit]))
      else known.add(unit)
    }
  }
  return map
}

const CONTAINERS = new Set(['text', 'table', 'list'])

interface Targets {
  readonly parts: readonly Unit[]
  readonly rest: readonly Unit[]
}

/** More parts than these are all of the narrative around them: nobody points at a hundred things one by one. */
const MOST_PARTS = 100

/** What ids stand for, each resolved once: many entries may point at one that holds much. */
function resolvedOnce(ids: ReadonlyMap<string, readonly Target[]>): (id: string) => Targets {
  const known = new Map<string, Targets>()
  return id => {
    const before = known.get(id) ?? resolved(ids.get(id) ?? [])
    known.set(id, before)
    return before
  }
}

function resolved(targets: readonly Target[]): Targets {
  const parts: Unit[] = []
  const rest: Unit[] = []
  for (const target of targets) {
    const within = 'kind' in target ? [target] : target.parts.slice(target.from, target.to)
    const own = within.filter(({ kind }) => !CONTAINERS.has(kind))
    if (own.length === 1) parts.push(...own)
    else for (const unit of within) rest.push(unit)
  }
  if (parts.length + rest.length <= MOST_PARTS) return { parts, rest }
  return { parts: [], rest: [...new Set([...parts, ...rest].map(narrativeAround))] }
}

function narrativeAround(unit: Unit): Unit {
  let around = unit
  while (around.kind !== 'text' && around.parent !== undefined) around = around.parent
  return around
}

function pointedAt({ points }: Unit, targets: (id: string) => Targets): Targets {
  const found = [...new Set(points)].map(targets)
  return { parts: found.flatMap(({ parts }) => parts), rest: found.flatMap(({ rest }) => rest) }
}

/** Gives every unit its labels: weighed by what stands beside them, and those of what it is tied to. */
export function settleLabels(sections: readonly Section[], ties: Ties, rules: CompiledRules): void {
  const units = sections.flatMap(unitsOf)
  const own = new Map(units.map(unit => [unit, weigh(unit, ties, rules)] as const))
  raise(own, rules)
  for (const unit of units) unit.labels = own.get(unit) ?? []
  for (const section of sections) {
    const said = new Set(section.parts.flatMap(({ labels }) => labels.map(codeOf)))
    for (const entry of section.entries) toNarrative(entry, section, own.get(entry) ?? [], { ties, said })
    for (const part of section.parts) toEntries(part, own, ties)
  }
}

function weigh(unit: Unit, ties: Ties, rules: CompiledRules): Label[] {
  const { finds, unreadable } = unit.findings
  if (finds.size === 0 && !unreadable) return []
  const cues = new Set([unit, ...(ties.of.get(unit) ?? [])].flatMap(({ findings }) => [...findings.cues]))
  const labels = [...finds.values()].flatMap(({ label, statements }) =>
    weighed([label], { cues, statements }, rules),
  )
  return unreadable ? [...labels, ...rules.unreadable.flatMap(hit => hit.labels)] : labels
}

/** A drug that is one for dependence here is none other there, where the document does not say what for. */
function raise(own: Map<Unit, Label[]>, rules: CompiledRules): void {
  const surest = new Map<string, number>()
  for (const labels of own.values())
    for (const { rule, confidence } of labels)
      if (rules.contexts.has(rule)) surest.set(rule, Math.max(surest.get(rule) ?? 0, confidence))
  if (surest.size === 0) return
  for (const [unit, labels] of own)
    own.set(
      unit,
      labels.map(label => ({
        ...label,
        confidence: Math.max(label.confidence, surest.get(label.rule) ?? 0),
      })),
    )
}

const codeOf = ({ system, code }: Label): string => `${system}|${code}`

function give(unit: Unit, labels: readonly Label[]): void {
  const surer = (label: Label): boolean =>
    !unit.labels.some(known => codeOf(known) === codeOf(label) && known.confidence >= label.confidence)
  const fresh = labels.filter(surer)
  if (fresh.length > 0) unit.labels = [...unit.labels, ...fresh]
}

/**
 * The narrative of an entry is as sensitive as the entry. Where it cannot be told which part that is, and no part of the
 * section is known to say the same, all of it may be.
 */
function toNarrative(
  entry: Unit,
  section: Section,
  labels: readonly Label[],
  { ties, said }: { readonly ties: Ties; readonly said: Set<string> },
): void {
  if (labels.length === 0) return
  const tied = [...(ties.of.get(entry) ?? [])]
  const sure = labels.filter(({ confidence }) => confidence >= MINIMUM_CONFIDENCE).map(codeOf)
  if (tied.length === 0 && (sure.length === 0 || sure.some(code => said.has(code)))) return
  const going = tied.length > 0 ? tied : (ties.around.get(entry) ?? wholeNarrative(section))
  for (const unit of going) give(unit, labels)
  const isPart = (unit: Unit): boolean => unit.kind !== 'text' && isWithin(unit, section.unit)
  if (going.some(isPart)) for (const label of labels) said.add(codeOf(label))
}

function isWithin(unit: Unit, section: Unit): boolean {
  let around: Unit | undefined = unit
  while (around !== undefined && around.kind !== 'section') around = around.parent
  return around === section
}

const wholeNarrative = ({ text }: Section): readonly Unit[] => (text === undefined ? [] : [text])

/** Parts of a section by the codes of their labels, once these are settled. */
const partsByCode = new WeakMap<Section, ReadonlyMap<string, ReadonlySet<Unit>>>()

function sayingTheSame(labels: readonly Label[], section: Section): readonly Unit[] {
  let byCode = partsByCode.get(section)
  if (byCode === undefined) {
    byCode = phrasesOf(section.parts.map(unit => [unit, unit.labels.map(codeOf)]))
    partsByCode.set(section, byCode)
  }
  const same = new Set<Unit>()
  for (const label of labels) {
    if (label.confidence < MINIMUM_CONFIDENCE) continue
    for (const unit of byCode.get(codeOf(label)) ?? []) {
      same.add(unit)
      if (same.size > MOST_PARTS) return wholeNarrative(section)
    }
  }
  return [...same]
}

/**
 * Where the narrative of an entry stands: in the parts tied to it, else in those of its section that carry its labels,
 * else among those it points at, else anywhere in the section.
 */
export function narrativeOf(entry: Unit, section: Section, ties: Ties): readonly Unit[] {
  const tied = ties.of.get(entry)
  if (tied !== undefined) return [...tied]
  const same = sayingTheSame(entry.labels, section)
  if (same.length > 0) return same
  return ties.around.get(entry) ?? wholeNarrative(section)
}

/** What only the narrative tells, its entries may mean; what one of them tells itself is explained by that one. */
function toEntries(part: Unit, own: ReadonlyMap<Unit, readonly Label[]>, ties: Ties): void {
  const labels = own.get(part) ?? []
  const tied = [...(ties.of.get(part) ?? [])]
  if (labels.length === 0 || tied.length === 0) return
  const explained = new Set(tied.flatMap(entry => (own.get(entry) ?? []).map(codeOf)))
  const rest = labels.filter(label => !explained.has(codeOf(label)))
  if (rest.length > 0) for (const entry of tied) give(entry, rest)
}

import type { Coding } from '../model/fhir.ts'
import type { Label, ReferenceFact } from '../model/label.ts'
import { narrativeOf, type Ties } from './cda-ties.ts'
import { type Section, type Unit, unitsOf } from './cda-units.ts'

/** A part of a document that is decided by itself: labels, and where it lies in the text. */
export interface Part {
  readonly labels: readonly Label[]
  readonly ranges: readonly (readonly [start: number, end: number])[]
  readonly codings: readonly Coding[]
  readonly mentions: readonly ReferenceFact[]
}

/** More kinds of parts than this are decided as one. */
const MOST_KINDS = 200
/** Kinds by units: more are not gone through one by one. */
const MOST_STEPS = 1_000_000

/**
 * Parts by the labels they carry: what carries more, or carries it more surely, goes wherever what carries less must, so
 * a table whose last row goes then goes whole. An entry with codes, or made by somebody named, is a part of its own too,
 * together with its narrative: a Consent may name the code, and the site may know who made it.
 */
export function partsOf(sections: readonly Section[], ties: Ties, text: string): Part[] {
  const units = sections.flatMap(unitsOf)
  const kinds = new Map<string, ReadonlyMap<string, Label>>()
  for (const { labels } of units) if (labels.length > 0) kinds.set(keyOf(surest(labels)), surest(labels))
  const labelled =
    kinds.size > MOST_KINDS || kinds.size * units.length > MOST_STEPS
      ? [kindOf(sections, surest([...kinds.values()].flatMap(kind => [...kind.values()])), text, true)]
      : [...kinds.values()].map(kind => kindOf(sections, kind, text, false))
  return [...labelled, ...sections.flatMap(section => entriesOf(section, ties, text))]
}

function kindOf(
  sections: readonly Section[],
  kind: ReadonlyMap<string, Label>,
  text: string,
  any: boolean,
): Part {
  const going = new Going(({ labels }) => labels.length > 0 && (any || hasAll(labels, kind)))
  const ranges = sections
    .filter(({ unit }) => unit.parent === undefined)
    .flatMap(({ unit }) => going.ranges(unit, text))
  return { labels: [...kind.values()], ranges: joined(ranges), codings: [], mentions: [] }
}

function entriesOf(section: Section, ties: Ties, text: string): Part[] {
  const { unit, entries } = section
  const made = unit.findings.mentions
  const whole = made.length === 0 ? [] : [partOf(unit, [unit], text)]
  return [
    ...whole,
    ...entries
      .filter(({ findings }) => findings.codings.size + findings.mentions.length > 0)
      .map(entry => partOf(entry, [entry, ...narrativeOf(entry, section, ties)], text)),
  ]
}

function partOf({ findings, kind }: Unit, going: readonly Unit[], text: string): Part {
  return {
    labels: [],
    ranges: joined(going.map(unit => rangeOf(unit, text))),
    codings: kind === 'section' ? [] : [...findings.codings.values()],
    mentions: findings.mentions,
  }
}

const codeOf = ({ system, code }: Label): string => `${system}|${code}`

/** One label of each code, the surest. */
function surest(labels: readonly Label[]): ReadonlyMap<string, Label> {
  const map = new Map<string, Label>()
  for (const label of labels) {
    const known = map.get(codeOf(label))
    if (known === undefined || known.confidence < label.confidence) map.set(codeOf(label), label)
  }
  return map
}

function keyOf(kind: ReadonlyMap<string, Label>): string {
  return [...kind]
    .map(([code, { confidence }]) => `${code} ${confidence}`)
    .sort()
    .join('\n')
}

function hasAll(labels: readonly Label[], kind: ReadonlyMap<string, Label>): boolean {
  const own = surest(labels)
  return [...kind].every(([code, { confidence }]) => (own.get(code)?.confidence ?? -1) >= confidence)
}

/** Kinds that are nothing without what stands in them. */
const HOLLOW = new Set(['table', 'list', 'item', 'row', 'entry', 'section'])

class Going {
  readonly #wanted: (unit: Unit) => boolean
  readonly #known = new Map<Unit, boolean>()

  constructor(wanted: (unit: Unit) => boolean) {
    this.#wanted = wanted
  }

  /** Ranges of what goes under this unit, outermost only. */
  ranges(unit: Unit, text: string): (readonly [number, number])[] {
    if (this.#goes(unit)) return [rangeOf(unit, text)]
    return unit.children.flatMap(child => this.ranges(child, text))
  }

  /** Whether the unit goes by itself or for the want of what stood in it. */
  #goes(unit: Unit): boolean {
    const known = this.#known.get(unit)
    if (known !== undefined) return known
    const goes = this.#wanted(unit) || (HOLLOW.has(unit.kind) && this.#isHollow(unit))
    this.#known.set(unit, goes)
    return goes
  }

  #isHollow({ children }: Unit): boolean {
    return (
      children.some(child => this.#goes(child) || this.#isEmptied(child)) &&
      children.every(child => this.#isMissed(child))
    )
  }

  /** Nothing is left of it, or nothing was there. */
  #isMissed(unit: Unit): boolean {
    if (unit.kind === 'remark' || this.#goes(unit)) return true
    return unit.kind === 'text' && unit.children.every(child => this.#goes(child))
  }

  /** The narrative of a section that lost all it said. */
  #isEmptied({ kind, children }: Unit): boolean {
    return kind === 'text' && children.length > 0 && children.every(child => this.#goes(child))
  }
}

function rangeOf({ kind, range }: Unit, text: string): readonly [number, number] {
  return kind === 'text' ? range : withSpace(range, text)
}

/** The white space before goes along, so that no hole is left. */
function withSpace([start, end]: readonly [number, number], text: string): readonly [number, number] {
  let from = start
  while (from > 0 && ' \t\r\n'.includes(text[from - 1] ?? 'x')) from--
  return [from, end]
}

function joined(ranges: readonly (readonly [number, number])[]): (readonly [number, number])[] {
  const sorted = ranges.filter(([start, end]) => start < end).sort((a, b) => a[0] - b[0])
  const apart: [number, number][] = []
  for (const [start, end] of sorted) {
    const last = apart.at(-1)
    if (last !== undefined && start <= last[1]) last[1] = Math.max(last[1], end)
    else apart.push([start, end])
  }
  return apart
}

/** Offsets in UTF-16 units as offsets in UTF-8 bytes, in one pass; `offsets` sorted. */
export function byteOffsets(text: string, offsets: readonly number[]): ReadonlyMap<number, number> {
  const map = new Map<number, number>()
  let at = 0
  let bytes = 0
  for (const offset of offsets) {
    bytes += Buffer.byteLength(text.slice(at, offset))
    at = offset
    map.set(offset, bytes)
  }
  return map
}

import type { Coding } from '../model/fhir.ts'
import type { Label, ReferenceFact } from '../model/label.ts'
import type { Statement } from '../model/rules.ts'
import type { RuleHit } from './compile.ts'

/** A label as it was found, before what stands beside it is heard. */
export interface Find {
  readonly label: Label
  readonly statements: readonly Statement[]
}

/** What is found in one part of a document. */
export class Findings {
  readonly finds = new Map<string, Find>()
  readonly cues = new Set<string>()
  readonly codings = new Map<string, Coding>()
  /** Organizations that made what is said here. */
  readonly mentions: ReferenceFact[] = []
  /** Something here could not be read. */
  unreadable = false

  add(hits: readonly RuleHit[], type: string, statements: readonly Statement[]): void {
    for (const hit of hits) {
      if (hit.cue !== undefined) this.cues.add(hit.cue)
      if (hit.notTypes?.has(type) === true) continue
      for (const label of hit.labels) this.put(label, statements)
    }
  }

  put(label: Label, statements: readonly Statement[] = []): void {
    const key = `${label.system}|${label.code}|${label.rule}|${statements.join()}`
    const known = this.finds.get(key)
    if (known === undefined || known.label.confidence < label.confidence)
      this.finds.set(key, { label, statements })
  }
}

/**
 * `section`, `text` (the inside of a section's narrative), `table`, `row`, `list`, `item`, `block` (a paragraph), `run`
 * (text between line breaks), `entry`, `component` (of an organizer), `remark` (a comment).
 */
export type UnitKind =
  | 'section'
  | 'text'
  | 'table'
  | 'row'
  | 'list'
  | 'item'
  | 'block'
  | 'run'
  | 'entry'
  | 'component'
  | 'remark'

/** The smallest part that is released or removed by itself; it lies within its parent. */
export class Unit {
  readonly kind: UnitKind
  readonly range: readonly [start: number, end: number]
  readonly parent: Unit | undefined
  readonly children: Unit[] = []
  readonly findings = new Findings()
  /** Pieces of its own narrative, as they stand; those of its children are not among them. */
  readonly words: string[] = []
  /** Comments within it. */
  readonly remarks: string[] = []
  /** Ids of narrative that an entry points at. */
  readonly points: string[] = []
  /** Displays and original texts of an entry; cells and pieces of text of a block. */
  readonly phrases = new Set<string>()
  /** Labels in the light of cues, statements and what it is tied to. */
  labels: readonly Label[] = []

  constructor(kind: UnitKind, range: readonly [start: number, end: number], parent?: Unit) {
    this.kind = kind
    this.range = range
    this.parent = parent
    parent?.children.push(this)
  }

  text(): string {
    const text = this.words.join('')
    return this.remarks.length === 0 ? text : [text, ...this.remarks].join('\n\n')
  }
}

/** What an id of the narrative stands for: one part, or the parts `from` to before `to` of its section's. */
export type Target = Unit | { readonly parts: readonly Unit[]; readonly from: number; to: number }

/** A section with its parts; `parts` are those of the narrative in document order. */
export interface Section {
  readonly unit: Unit
  readonly parts: Unit[]
  readonly entries: Unit[]
  readonly statements: readonly Statement[]
  text?: Unit
}

/** A phrase without its marks and the semantic tag of SNOMED CT in parentheses; empty where too little is left. */
export function phraseOf(text: string): string {
  if (text.length > 200) return ''
  const open = text.lastIndexOf('(')
  const plain = open > 3 && text.trimEnd().endsWith(')') ? text.slice(0, open) : text
  const words = plain.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []
  const phrase = words.join(' ')
  return phrase.length < 4 ? '' : phrase
}

/** All units of a section but those of the sections within it. */
export function unitsOf({ unit, text, parts, entries }: Section): readonly Unit[] {
  return [unit, ...(text === undefined ? [] : [text]), ...parts, ...entries]
}

import { SYSTEM } from '../model/fhir.ts'
import type { Label, ResourceFacts } from '../model/label.ts'
import type { CompiledRules, RuleHit, VisitPass } from './compile.ts'
import { weighed } from './confidence.ts'
import { joinedReferences } from './patients.ts'
import { type ReverseRule, speaksOf } from './reverse-edges.ts'
import type { SourceFinder } from './source.ts'
import {
  backwardOf,
  type Forward,
  forwardOf,
  isFollowed,
  NODES,
  type Sight,
  STEPS,
  TooWide,
} from './trace.ts'

/** Label of a Part 2 record by its source: it goes with the source, never with the content. */
const PART2 = '42CFRPart2'

/**
 * References whose targets `label` asks for, unique.
 * @param through the edge by which the record was met backwards; absent: by reading it or following a reference
 */
export function lineageOf(
  facts: ResourceFacts,
  sources: SourceFinder,
  through?: ReverseRule,
): readonly string[] {
  const wanted = new Set<string>()
  for (const reference of facts.sourceReferences) if (sources.needs(reference)) wanted.add(reference)
  for (const reference of sources.registered(facts)) if (sources.needs(reference)) wanted.add(reference)
  for (const forward of forwardOf(facts)) if (isFollowed(forward, through)) wanted.add(forward.target)
  if (through === undefined) for (const reference of joinedReferences(facts)) wanted.add(reference)
  wanted.delete(facts.reference)
  return [...wanted]
}

/** Labels that came along edges, and a reference that should have been looked up and was not. */
export interface Inherited {
  readonly labels: readonly Label[]
  readonly doubt?: string
}

const NOTHING: Inherited = { labels: [] }

/** Orders followed one after the other for the reason of an act: Dispense → Request → the request it goes on with. */
const ORDERS = 2

/** What a record says by itself, before anything is followed: content, and what kind of note the site says it is. */
export type OwnLabels = (facts: ResourceFacts) => readonly Label[]

/** Collects what the followed edges pass on, forward and backward. */
export class Lineage {
  readonly #rules: CompiledRules
  readonly #own: OwnLabels

  constructor(rules: CompiledRules, own: OwnLabels) {
    this.#rules = rules
    this.#own = own
  }

  /** @throws TooWide */
  of(root: ResourceFacts, sight: Sight): Descent {
    return new Descent(this.#rules, this.#own, root, sight)
  }
}

/** What a record says with so many steps left, the same however it is reached. */
interface Said {
  /** Of its own content, with the paths where it was found. */
  readonly own: readonly Label[]
  readonly inherited: Inherited
}

/** One descent from one record, by steps left: in any order the same, and never in a circle. */
class Descent {
  readonly #rules: CompiledRules
  readonly #own: OwnLabels
  readonly #root: ResourceFacts
  readonly #sight: Sight
  readonly #said = new Map<string, Said>()

  constructor(rules: CompiledRules, own: OwnLabels, root: ResourceFacts, sight: Sight) {
    this.#rules = rules
    this.#own = own
    this.#root = root
    this.#sight = sight
  }

  /** The labels of the record's own content in the light of its cues, of its reasons and of what it carries out. */
  own(): readonly Label[] {
    return this.#content(this.#root)
  }

  inherited(): Inherited {
    return this.#inherited(this.#root, STEPS)
  }

  #of(facts: ResourceFacts, steps: number, through?: ReverseRule): Said {
    const key = `${steps} ${through?.id ?? ''} ${facts.reference}`
    const known = this.#said.get(key)
    if (known !== undefined) return known
    if (this.#said.size >= NODES) throw new TooWide()
    const said = {
      own: this.#content(facts),
      inherited: this.#inherited(facts, steps, through),
    }
    this.#said.set(key, said)
    return said
  }

  #inherited(facts: ResourceFacts, steps: number, through?: ReverseRule): Inherited {
    if (steps === 0) return NOTHING
    const collected = new Collected()
    for (const forward of forwardOf(facts)) {
      if (forward.target === this.#root.reference || !isFollowed(forward, through)) continue
      // What the visit was for is said of the group, not of each of its members.
      if (through?.says === 'group' && forward.edge.kind === 'visit') continue
      collected.add(this.#along(facts, forward, steps))
    }
    for (const { edge, from, at } of backwardOf(facts, this.#sight, this.#root)) {
      if (edge.says === 'nothing' || from.reference === this.#root.reference) continue
      collected.add(this.#back(edge, from, at, steps))
    }
    return collected.result()
  }

  #along(facts: ResourceFacts, forward: Forward, steps: number): Inherited {
    const { edge, target } = forward
    const visits = edge.carries === 'source' ? this.#visitsOf(facts) : []
    if (edge.carries === 'source' && visits.length === 0) return NOTHING
    const found = this.#sight.look(target)
    if (edge.kind === 'document') return this.#document(forward, found, steps)
    if (found === 'absent') return NOTHING
    if (found === undefined || found.notAssessable !== undefined) return { labels: [], doubt: target }
    const { own, inherited } = this.#of(found, steps - 1)
    const said = [...own, ...inherited.labels].map(label => inheritedFrom(target, label))
    if (edge.carries === 'source') return { ...inherited, labels: ofVisit(visits, said) }
    const passed = fainter(
      said.filter(label => this.#passes(label, false)),
      edge.strength,
    )
    return { ...inherited, labels: edge.kind === 'drug' ? this.#weighed(facts, passed) : passed }
  }

  /** The text of an attachment is the record's own content, wherever it is kept; what nobody can read is said to be so. */
  #document({ path }: Forward, found: ReturnType<Sight['look']>, steps: number): Inherited {
    if (typeof found !== 'object' || found.notAssessable !== undefined)
      return { labels: labelsOf(this.#rules.unreadable, 'document', path) }
    const { own, inherited } = this.#of(found, steps - 1)
    const labels = [...own, ...inherited.labels]
      .filter(label => this.#passes(label, true))
      .map(({ paths: _, ...label }) => ({ ...label, origin: 'document' as const, path }))
    return { ...inherited, labels }
  }

  #back(edge: ReverseRule, from: ResourceFacts, at: readonly string[], steps: number): Inherited {
    if (from.notAssessable !== undefined) return { labels: [], doubt: from.reference }
    const { own, inherited } = this.#of(from, steps - 1, edge)
    const said = own.filter(label => at.some(path => speaksOf(edge, label, path)))
    const passed = [...said, ...inherited.labels]
      .filter(label => this.#passes(label, false))
      .map(label => inheritedFrom(from.reference, label))
    return { ...inherited, labels: fainter(passed, edge.strength) }
  }

  /** What the visit itself was for, where a category says that what was made during it tells the same. */
  #visitsOf({ type, labels }: ResourceFacts): readonly VisitPass[] {
    return this.#rules.visits.filter(
      each => each.types.has(type) || labels.some(({ code }) => each.with.has(code)),
    )
  }

  /** What a record of relatives says of the patient is not taken back with the rest. */
  #content(facts: ResourceFacts): readonly Label[] {
    const { statements, ofPatient = [] } = facts
    const own = this.#weighed(facts, this.#own(facts))
    if (ofPatient.length === 0) return own
    const others = statements?.filter(statement => statement !== 'family-history') ?? []
    return [...own, ...this.#weighed({ ...facts, statements: others }, ofPatient)]
  }

  #weighed(facts: ResourceFacts, labels: readonly Label[]): readonly Label[] {
    if (labels.length === 0) return labels
    const cues = new Set(facts.cues)
    this.#cues(facts, ORDERS, cues)
    return weighed(labels, { cues, statements: facts.statements ?? [] }, this.#rules)
  }

  /** Cues of what a record names as its reason, and of the order it carries out with the reason of that. */
  #cues(facts: ResourceFacts, orders: number, into: Set<string>): void {
    for (const { edge, target } of forwardOf(facts)) {
      if (edge.kind !== 'reason' && (edge.kind !== 'order' || orders === 0)) continue
      const found = this.#sight.look(target)
      if (typeof found !== 'object') continue
      for (const cue of found.cues ?? []) into.add(cue)
      if (edge.kind === 'order') this.#cues(found, orders - 1, into)
    }
  }

  #passes(label: Label, isDocument: boolean): boolean {
    if (label.system === SYSTEM.confidentiality || label.code === PART2) return false
    if (this.#rules.unreadable.some(({ rule }) => rule === label.rule)) return isDocument
    return this.#rules.confidentiality(label) !== undefined
  }
}

/** Labels by system and code, the surest of each. */
class Collected {
  readonly #labels = new Map<string, Label>()
  #doubt: string | undefined

  add({ labels, doubt }: Inherited): void {
    if (doubt !== undefined && (this.#doubt === undefined || doubt < this.#doubt)) this.#doubt = doubt
    for (const label of labels) {
      const key = `${label.system}|${label.code}`
      const known = this.#labels.get(key)
      if (known === undefined || isSurer(label, known)) this.#labels.set(key, label)
    }
  }

  result(): Inherited {
    const labels = [...this.#labels.values()]
    return { labels, ...(this.#doubt === undefined ? {} : { doubt: this.#doubt }) }
  }
}

function isSurer(a: Label, b: Label): boolean {
  if (a.confidence !== b.confidence) return a.confidence > b.confidence
  return `${a.path} ${a.rule}` < `${b.path} ${b.rule}`
}

/** A label as another record has it, with the record it comes from; where it stood there says nothing here. */
function inheritedFrom(reference: string, label: Label): Label {
  if (label.origin === 'lineage') return label
  const { paths: _, ...rest } = label
  return { ...rest, origin: 'lineage', path: reference }
}

/** Confidence to three digits, so that equal paths stay equal. */
function fainter(labels: readonly Label[], strength: number): readonly Label[] {
  if (strength === 1) return labels
  return labels.map(label => ({
    ...label,
    confidence: Math.round(label.confidence * strength * 1000) / 1000,
  }))
}

function ofVisit(visits: readonly VisitPass[], labels: readonly Label[]): readonly Label[] {
  const carried = visits.filter(({ when }) => labels.some(({ code }) => code === when))
  return labels.filter(({ code }) => carried.some(({ codes }) => codes.has(code)))
}

/** Labels of rule hits with their origin and the path or reference that brought them. */
export function labelsOf(hits: readonly RuleHit[], origin: Label['origin'], path?: string): Label[] {
  return hits.flatMap(hit =>
    hit.labels.map(label => ({ ...label, origin, ...(path === undefined ? {} : { path }) })),
  )
}

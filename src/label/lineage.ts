import { SYSTEM } from '../model/fhir.ts'
import type { Label, ResourceFacts } from '../model/label.ts'
import type { CompiledRules, RuleHit } from './compile.ts'
import { edgeOf } from './edges.ts'
import { type Look, SOURCE_STEPS, type SourceFinder } from './source.ts'

/** Most references followed one after the other for content: Report → Observation → Order. */
const CONTENT_STEPS = 2
/** Label of a Part 2 record by its source; a mere reason for care does not make the care one. */
const PART2 = '42CFRPart2'

/** References whose targets `label` asks for, unique. */
export function lineageOf(facts: ResourceFacts, sources: SourceFinder): readonly string[] {
  const wanted = new Set<string>()
  for (const reference of facts.sourceReferences) if (sources.needs(reference)) wanted.add(reference)
  const registered = sources.registered(facts.metaSource)
  if (registered !== undefined && sources.needs(registered)) wanted.add(registered)
  for (const { target, element } of facts.lineageReferences) {
    if (edgeOf(facts.type, element) !== undefined) wanted.add(target)
  }
  wanted.delete(facts.reference)
  return [...wanted]
}

/** Labels that came along edges, and the first reference that should have been looked up and was not. */
export interface Inherited {
  readonly labels: readonly Label[]
  readonly doubt?: string
}

const NOTHING: Inherited = { labels: [] }

/** Collects what the followed references pass on; stops at the first reference nobody looked up. */
export class Lineage {
  readonly #rules: CompiledRules
  readonly #sources: SourceFinder

  constructor(rules: CompiledRules, sources: SourceFinder) {
    this.#rules = rules
    this.#sources = sources
  }

  inherited(
    facts: ResourceFacts,
    look: Look,
    steps = CONTENT_STEPS,
    path: readonly string[] = [],
  ): Inherited {
    const labels: Label[] = []
    let doubt: string | undefined
    for (const { target, element } of facts.lineageReferences) {
      const edge = edgeOf(facts.type, element)
      if (edge === undefined || target === facts.reference || path.includes(target)) continue
      if (edge.carries === 'source') {
        const found = this.#ofVisit(facts, target, look, steps, path)
        labels.push(...found.labels)
        doubt ??= found.doubt
        continue
      }
      const found = this.#from(target, edge.carries, look, steps, [...path, facts.reference])
      labels.push(...found.labels)
      doubt ??= found.doubt
    }
    return { labels, ...(doubt === undefined ? {} : { doubt }) }
  }

  #from(
    target: string,
    carries: 'all' | 'content',
    look: Look,
    steps: number,
    path: readonly string[],
  ): Inherited {
    const facts = look(target)
    if (facts === undefined) return { labels: [], doubt: target }
    if (facts === 'absent') return { labels: [] }
    if (facts.notAssessable !== undefined) return { labels: [], doubt: target }
    const further = steps > 1 ? this.inherited(facts, look, steps - 1, path) : { labels: [] }
    const passed = [...facts.labels, ...further.labels]
      .filter(label => this.#passes(label, carries))
      .map(label =>
        label.origin === 'lineage' ? label : { ...label, origin: 'lineage' as const, path: target },
      )
    if (carries === 'content') return { ...further, labels: passed }
    const { program, doubt } = this.#sources.find(facts, look, SOURCE_STEPS - 1 - path.length)
    const source = program === undefined ? [] : labelsOf(this.#rules.sources.part2Programs, 'lineage', target)
    const unsure = further.doubt ?? doubt
    return { labels: [...passed, ...source], ...(unsure === undefined ? {} : { doubt: unsure }) }
  }

  /** What the visit itself was for, where a category says that what was made during it tells the same. */
  #ofVisit(
    facts: ResourceFacts,
    visit: string,
    look: Look,
    steps: number,
    path: readonly string[],
  ): Inherited {
    const passes = this.#rules.visits.filter(
      each => each.types.has(facts.type) || facts.labels.some(({ code }) => each.with.has(code)),
    )
    if (passes.length === 0) return NOTHING
    const found = this.#from(visit, 'content', look, steps, [...path, facts.reference])
    const carried = passes.filter(({ when }) => found.labels.some(({ code }) => code === when))
    const labels = found.labels.filter(({ code }) => carried.some(({ codes }) => codes.has(code)))
    return { ...found, labels }
  }

  #passes(label: Label, carries: 'all' | 'content'): boolean {
    if (label.system === SYSTEM.confidentiality || this.#rules.confidentiality(label) === undefined)
      return false
    if (label.code === PART2) return carries === 'all'
    return !this.#rules.unreadable.some(({ rule }) => rule === label.rule)
  }
}

/** Labels of rule hits with their origin and the path or reference that brought them. */
export function labelsOf(hits: readonly RuleHit[], origin: Label['origin'], path?: string): Label[] {
  return hits.flatMap(hit =>
    hit.labels.map(label => ({ ...label, origin, ...(path === undefined ? {} : { path }) })),
  )
}

import { referrersWithin } from '../label/referrers.ts'
import { REVERSE_EDGES } from '../label/reverse-edges.ts'
import { type Look, pointing } from '../label/trace.ts'
import type { Referrers } from '../model/doors.ts'
import type { ReferenceFact, ResourceFacts } from '../model/label.ts'

/** What an input says of the references inside it. */
export interface Index {
  readonly look: Look
  readonly referrers: Referrers
  /** By patient. */
  readonly birthDates: ReadonlyMap<string, string>
}

const NO_BYTES = new Uint8Array()
const NONE: readonly never[] = []
/** References of a record that are followed backwards. */
function backward(facts: ResourceFacts): readonly ReferenceFact[] {
  return [...new Set(REVERSE_EDGES.flatMap(edge => (edge.type === facts.type ? pointing(facts, edge) : [])))]
}

/** Collects of each resource what others may ask of it, some hundred bytes each. */
export class IndexBuilder {
  readonly #known = new Map<string, ResourceFacts>()
  readonly #birthDates = new Map<string, string>()
  readonly #texts = new Map<string, string>()
  readonly #lists = new Map<string, readonly string[]>()
  readonly #mentions = new Map<string, readonly ReferenceFact[]>()
  readonly #keepsCodings: boolean

  /** @param keepsCodings whether the site tells notes kept separate by their codes */
  constructor(keepsCodings: boolean) {
    this.#keepsCodings = keepsCodings
  }

  get size(): number {
    return this.#known.size
  }

  add(facts: ResourceFacts, birthDate: unknown): void {
    const kept = this.#kept(facts)
    this.#known.set(kept.reference, kept)
    if (facts.type === 'Patient' && typeof birthDate === 'string')
      this.#birthDates.set(kept.reference, birthDate)
  }

  index(): Index {
    this.#texts.clear()
    this.#lists.clear()
    this.#mentions.clear()
    return {
      look: reference => this.#known.get(reference) ?? 'absent',
      referrers: referrersWithin([...this.#known.values()]),
      birthDates: this.#birthDates,
    }
  }

  /** Facts without what only the resource itself needs; equal texts and lists are one. */
  #kept(facts: ResourceFacts): ResourceFacts {
    const { metaSource, metaTags, sourceMentions, cues, statements, notAssessable } = facts
    // A literal of one shape takes half the memory of a copy with parts left out.
    return {
      hash: '',
      bytes: NO_BYTES,
      type: this.#text(facts.type),
      id: '',
      reference: facts.reference,
      patients: this.#list(facts.patients),
      patientData: facts.patientData,
      references: this.#references(backward(facts)),
      labels: facts.labels.length === 0 ? NONE : facts.labels,
      codings: this.#keepsCodings ? facts.codings : NONE,
      dates: NONE,
      profiles: NONE,
      sourceReferences: this.#list(facts.sourceReferences),
      lineageReferences: this.#references(facts.lineageReferences),
      ...(metaSource === undefined ? {} : { metaSource }),
      ...(metaTags === undefined ? {} : { metaTags: this.#list(metaTags) }),
      ...(sourceMentions === undefined ? {} : { sourceMentions: this.#mentioned(sourceMentions) }),
      ...(cues === undefined ? {} : { cues }),
      ...(statements === undefined ? {} : { statements }),
      ...(notAssessable === undefined ? {} : { notAssessable }),
    }
  }

  /** Few organizations are named, each many times. */
  #mentioned(list: readonly ReferenceFact[]): readonly ReferenceFact[] {
    const key = JSON.stringify(list)
    const known = this.#mentions.get(key)
    if (known === undefined) this.#mentions.set(key, list)
    return known ?? list
  }

  #references(list: readonly ReferenceFact[]): readonly ReferenceFact[] {
    if (list.length === 0) return NONE
    return list.map(({ path, element, target, kind }) => ({
      path: this.#text(path),
      element: this.#text(element),
      target: this.#text(target),
      kind,
    }))
  }

  #text(text: string): string {
    const known = this.#texts.get(text)
    if (known === undefined) this.#texts.set(text, text)
    return known ?? text
  }

  #list(list: readonly string[]): readonly string[] {
    if (list.length === 0) return NONE
    const key = list.join('\n')
    const known = this.#lists.get(key)
    if (known === undefined) this.#lists.set(key, list)
    return known ?? list
  }
}

import { LRUCache } from 'lru-cache'
import type { Custodian, SiteRegistry } from '../model/decision.ts'
import type { LabelContext, Labeller } from '../model/doors.ts'
import { type Coding, SYSTEM } from '../model/fhir.ts'
import type { Label, LabelledResource, ResourceFacts } from '../model/label.ts'
import { type ProgramNames, programNames } from '../model/programs.ts'
import type { LabelRules } from '../model/rules.ts'
import { youngerThan } from './age.ts'
import { type CompiledRules, compileRules } from './compile.ts'
import { MINIMUM_CONFIDENCE, weighed } from './confidence.ts'
import { factsOf } from './facts.ts'
import { Lineage, labelsOf, lineageOf } from './lineage.ts'
import { finished, LabelSet } from './result.ts'
import { separateNotes } from './separate-notes.ts'
import { type Look, SourceFinder, type SourceFinding } from './source.ts'

/** What the labeller must know of the site. */
export interface LabelSite {
  readonly registry: SiteRegistry
  readonly custodian: Custodian
  /** Substance-use content of unknown source: a Part 2 record (`assume`) or only labelled (`flag`). */
  readonly unknownSource: 'assume' | 'flag'
  /** Base URL of the upstream, no trailing slash: absolute references under it are its own. */
  readonly upstreamBase?: string
  /** Base URL of the gateway, no trailing slash: what it wrote for a reference of its own leads to the same place. */
  readonly gatewayBase?: string
  /**
   * Labels the house itself put earlier do not count: they are found anew or are gone. Default false, for a client can
   * copy the signature that tells them.
   */
  readonly withdrawOwn?: boolean
  /** Labels of our own below this confidence are candidates, not applied. Default 0.5. */
  readonly minimumConfidence?: number
}

export interface LabelOptions {
  /** Bound of the cache of facts, bytes. */
  readonly cacheBytes: number
  /** Deepest allowed nesting of JSON. */
  readonly jsonDepth: number
}

/** The labelling service of one site. Pure but for its content-addressed cache; throws on nothing a resource holds. */
export function createLabeller(rules: LabelRules, site: LabelSite, options: LabelOptions): Labeller {
  const compiled = compileRules(rules, { withdrawOwn: site.withdrawOwn ?? false })
  const bases = [site.upstreamBase, site.gatewayBase].filter(base => base !== undefined)
  const reading = { jsonDepth: options.jsonDepth, bases }
  const cache = new LRUCache<string, ResourceFacts>({
    maxSize: options.cacheBytes,
    sizeCalculation: weight,
  })
  const sources = new SourceFinder(site.registry)
  const labelling = new Labelling(compiled, site)
  return {
    revision: rules.revision,
    read: async facts => facts,
    reverseEdges: [],
    close: async () => undefined,
    assess: raw => {
      const known = cache.get(raw.hash)
      if (known !== undefined) return known
      const facts = factsOf(raw, compiled, reading)
      cache.set(raw.hash, facts)
      return facts
    },
    lineage: facts => lineageOf(facts, sources),
    label: (facts, look, context) => labelling.label(facts, look, context),
  }
}

/** Bytes and what was collected from them; the parsed tree is not kept. */
function weight(facts: ResourceFacts): number {
  return (
    1_024 + facts.bytes.length + (facts.references.length + facts.codings.length + facts.labels.length) * 200
  )
}

/** A result and everything it was made of. */
interface Memo {
  readonly looked: readonly (readonly [reference: string, answer: ResourceFacts | 'absent' | undefined])[]
  readonly ages: number
  readonly programs: ProgramNames
  readonly result: LabelledResource
}

/** What follows references, with the programs named as the directory names them now. */
interface Followers {
  readonly sources: SourceFinder
  readonly lineage: Lineage
}

class Labelling {
  readonly #rules: CompiledRules
  readonly #site: LabelSite
  readonly #names: ProgramNames
  readonly #followers = new WeakMap<ProgramNames, Followers>()
  readonly #notes: (codings: readonly Coding[]) => readonly Label[]
  readonly #memos = new WeakMap<ResourceFacts, Memo>()

  constructor(rules: CompiledRules, site: LabelSite) {
    this.#rules = rules
    this.#site = site
    this.#names = programNames(site.registry)
    this.#notes = separateNotes(site.registry, rules)
  }

  label(facts: ResourceFacts, look: Look, context: LabelContext): LabelledResource {
    const { programs = this.#names } = context
    const ages = this.#ages(context)
    const memo = this.#memos.get(facts)
    if (
      memo !== undefined &&
      memo.ages === ages &&
      memo.programs === programs &&
      memo.looked.every(([reference, answer]) => look(reference) === answer)
    ) {
      return memo.result
    }
    const looked = new Map<string, ResourceFacts | 'absent' | undefined>()
    const noting: Look = reference => {
      if (looked.has(reference)) return looked.get(reference)
      const answer = look(reference)
      looked.set(reference, answer)
      return answer
    }
    const result = facts.patientData
      ? this.#patientData(facts, noting, ages, this.#following(programs))
      : this.#directory(facts)
    this.#memos.set(facts, { looked: [...looked], ages, programs, result })
    return result
  }

  #following(programs: ProgramNames): Followers {
    let followers = this.#followers.get(programs)
    if (followers === undefined) {
      const sources = new SourceFinder(this.#site.registry, programs)
      followers = { sources, lineage: new Lineage(this.#rules, sources) }
      this.#followers.set(programs, followers)
    }
    return followers
  }

  /** Bit n is set where the patient is younger than the n-th age rule says. */
  #ages({ at, birthDate }: LabelContext): number {
    if (birthDate === undefined) return 0
    return this.#rules.ages.reduce(
      (bits, { underYears }, n) => (youngerThan(birthDate, underYears, at) ? bits | (1 << n) : bits),
      0,
    )
  }

  /** What speaks of no patient keeps what the upstream says of it; its words and codes serve lineage only. */
  #directory(facts: ResourceFacts): LabelledResource {
    const labels = new LabelSet(facts.labels.filter(({ origin }) => origin === 'upstream'))
    return finished(facts, labels, this.#rules, { known: false }, { minimumConfidence: 0 })
  }

  #patientData(
    facts: ResourceFacts,
    look: Look,
    ages: number,
    { sources, lineage }: Followers,
  ): LabelledResource {
    const beside = { cues: new Set(facts.cues), statements: facts.statements ?? [] }
    const labels = new LabelSet(weighed(facts.labels, beside, this.#rules))
    // A Consent names the kind of note it is about; it is none.
    if (facts.type !== 'Consent') labels.add(this.#notes(facts.codings))
    const inherited = lineage.inherited(facts, look)
    labels.add(inherited.labels)
    const source = sources.find(facts, look)
    this.#addSource(labels, source)
    for (const [n, { hit }] of this.#rules.ages.entries()) {
      if ((ages & (1 << n)) !== 0 && labels.isSensitive(this.#rules)) labels.add(labelsOf([hit], 'age'))
    }
    const unfollowed = source.known ? undefined : sources.unfollowed(facts)
    const doubt = inherited.doubt ?? source.doubt ?? unfollowed
    return finished(facts, labels, this.#rules, source, {
      minimumConfidence: this.#site.minimumConfidence ?? MINIMUM_CONFIDENCE,
      ...(doubt === undefined ? {} : { doubt: 'a reference was not resolved' }),
    })
  }

  #addSource(labels: LabelSet, { program, facility, known }: SourceFinding): void {
    const { part2Programs, sudOnlyFacilities, unknown } = this.#rules.sources
    if (program !== undefined) labels.add(labelsOf(part2Programs, 'source', program))
    if (facility !== undefined) labels.add(labelsOf(sudOnlyFacilities, 'source', facility))
    const { unknownSource, custodian } = this.#site
    if (known || unknownSource === 'flag' || custodian.part2 === 'none') return
    for (const hit of unknown) {
      const wanted = hit.with
      if (wanted === undefined || wanted.some(code => labels.has(SYSTEM.actCode, code))) {
        labels.add(labelsOf([hit], 'source'))
      }
    }
  }
}

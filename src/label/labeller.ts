import { LRUCache } from 'lru-cache'
import type { Custodian, SiteRegistry } from '../model/decision.ts'
import type { LabelContext, Labeller, Referrers, ReverseEdge } from '../model/doors.ts'
import { type Coding, SYSTEM } from '../model/fhir.ts'
import type { Label, LabelledResource, ResourceFacts } from '../model/label.ts'
import { type ProgramNames, programNames } from '../model/programs.ts'
import type { LabelRules } from '../model/rules.ts'
import { youngerThan } from './age.ts'
import { type CompiledRules, compileRules } from './compile.ts'
import { MINIMUM_CONFIDENCE } from './confidence.ts'
import type { DocumentReader } from './document-reader.ts'
import { readingDocuments, unreadLabels } from './documents-read.ts'
import { factsOf } from './facts.ts'
import { type Inherited, Lineage, labelsOf, lineageOf } from './lineage.ts'
import { withJoinedPatients } from './patients.ts'
import { finished, LabelSet } from './result.ts'
import { REVERSE_EDGES } from './reverse-edges.ts'
import { separateNotes } from './separate-notes.ts'
import { SourceFinder, type SourceFinding } from './source.ts'
import { isUnasked, type Look, type Sight, TooWide } from './trace.ts'

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
  /** Ids of the reverse edges whose referring records are looked up (`upstream.referrers`). Default none. */
  readonly referrers?: readonly string[]
}

export interface LabelOptions {
  /** Bound of the cache of facts, bytes. */
  readonly cacheBytes: number
  /** Deepest allowed nesting of JSON. */
  readonly jsonDepth: number
}

/**
 * The labelling service of one site. Pure but for its content-addressed cache and the reader of documents, without which
 * a PDF is unreadable; throws on nothing a resource holds.
 */
export function createLabeller(
  rules: LabelRules,
  site: LabelSite,
  options: LabelOptions,
  documents?: DocumentReader,
): Labeller {
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
    read: readingDocuments(compiled, cache, documents),
    reverseEdges: REVERSE_EDGES.filter(({ id }) => site.referrers?.includes(id) === true),
    close: async () => documents?.close(),
    assess: raw => {
      const known = cache.get(raw.hash)
      if (known !== undefined) return known
      const facts = factsOf(raw, compiled, reading)
      cache.set(raw.hash, facts)
      return facts
    },
    lineage: (facts, through) => lineageOf(facts, sources, ruleOf(through)),
    label: (facts, look, context, referrers) => labelling.label(facts, { look, referrers }, context),
  }
}

function ruleOf(edge: ReverseEdge | undefined) {
  return edge === undefined ? undefined : REVERSE_EDGES.find(({ id }) => id === edge.id)
}

/** Bytes and what was collected from them; the parsed tree is not kept. */
function weight(facts: ResourceFacts): number {
  return (
    1_024 +
    facts.bytes.length +
    (facts.pending ?? []).reduce((sum, { data }) => sum + data.length, 0) +
    (facts.telling?.length ?? 0) * 1_000 +
    (facts.references.length + facts.codings.length + facts.labels.length) * 200
  )
}

/** A result and everything it was made of. */
interface Memo {
  readonly looked: readonly (readonly [reference: string, answer: ResourceFacts | 'absent' | undefined])[]
  /** Undefined where edges were not followed backwards. */
  readonly asked:
    | readonly (readonly [reference: string, answer: readonly ResourceFacts[] | undefined])[]
    | undefined
  readonly ages: number
  readonly programs: ProgramNames
  readonly result: LabelledResource
}

/** A sight that remembers what was seen. */
class Noting implements Sight {
  readonly #looked = new Map<string, ResourceFacts | 'absent' | undefined>()
  readonly #asked = new Map<string, readonly ResourceFacts[] | undefined>()
  readonly look: Look
  readonly referrers: Referrers | undefined

  constructor({ look, referrers }: Sight) {
    this.look = reference => seen(this.#looked, reference, look)
    this.referrers = referrers && (reference => seen(this.#asked, reference, referrers))
  }

  noted(): Pick<Memo, 'looked' | 'asked'> {
    return { looked: [...this.#looked], asked: this.referrers && [...this.#asked] }
  }
}

function seen<T>(known: Map<string, T>, reference: string, ask: (reference: string) => T): T {
  const before = known.get(reference)
  if (before !== undefined || known.has(reference)) return before as T
  const answer = ask(reference)
  known.set(reference, answer)
  return answer
}

function isStillSeen({ looked, asked }: Memo, { look, referrers }: Sight): boolean {
  if ((asked === undefined) !== (referrers === undefined)) return false
  return (
    looked.every(([reference, answer]) => look(reference) === answer) &&
    (asked ?? []).every(([reference, answer]) => isSame(referrers?.(reference), answer))
  )
}

function isSame(a: readonly ResourceFacts[] | undefined, b: readonly ResourceFacts[] | undefined): boolean {
  if (a === b) return true
  return a?.length === b?.length && a?.every((one, n) => one === b?.[n]) === true
}

interface Found {
  readonly inherited: Inherited
  readonly source: SourceFinding
}

/** What hangs together with too much cannot be labelled: doubt. */
function orTooWide(find: () => Found): Found {
  try {
    return find()
  } catch (error) {
    if (!(error instanceof TooWide)) throw error
    return { inherited: { labels: [], doubt: 'too wide' }, source: { known: false } }
  }
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
  readonly #minimum: number

  constructor(rules: CompiledRules, site: LabelSite) {
    this.#minimum = site.minimumConfidence ?? MINIMUM_CONFIDENCE
    this.#rules = rules
    this.#site = site
    this.#names = programNames(site.registry)
    this.#notes = separateNotes(site.registry, rules)
  }

  label(facts: ResourceFacts, sight: Sight, context: LabelContext): LabelledResource {
    const { programs = this.#names } = context
    const ages = this.#ages(context)
    const memo = this.#memos.get(facts)
    if (memo !== undefined && memo.ages === ages && memo.programs === programs && isStillSeen(memo, sight)) {
      return memo.result
    }
    const noting = new Noting(sight)
    const result = facts.patientData
      ? this.#patientData(facts, noting, ages, this.#following(programs))
      : this.#directory(facts)
    this.#memos.set(facts, { ...noting.noted(), ages, programs, result })
    return result
  }

  #following(programs: ProgramNames): Followers {
    let followers = this.#followers.get(programs)
    if (followers === undefined) {
      followers = {
        sources: new SourceFinder(this.#site.registry, programs, this.#minimum),
        lineage: new Lineage(this.#rules, facts => this.#own(facts)),
      }
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
    const labels = new LabelSet(
      facts.labels.filter(({ origin }) => origin === 'upstream'),
      0,
    )
    return finished(facts, labels, this.#rules, { known: false })
  }

  #patientData(
    given: ResourceFacts,
    sight: Sight,
    ages: number,
    { sources, lineage }: Followers,
  ): LabelledResource {
    const { facts, through, doubt: unnamed } = withJoinedPatients(given, sight.look)
    const descent = lineage.of(facts, sight)
    const labels = new LabelSet(descent.own(), this.#minimum)
    const { inherited, source } = orTooWide(() => ({
      inherited: descent.inherited(),
      source: sources.atHome(sources.find(facts, sight), this.#site.custodian.organization),
    }))
    labels.add(inherited.labels)
    this.#addSource(labels, source)
    for (const [n, { hit }] of this.#rules.ages.entries()) {
      if ((ages & (1 << n)) !== 0 && labels.isSensitive(this.#rules)) labels.add(labelsOf([hit], 'age'))
    }
    const unfollowed = source.known ? undefined : sources.unfollowed(facts)
    const isDoubtful =
      (unnamed ?? inherited.doubt ?? source.doubt ?? unfollowed) !== undefined || isUnasked(facts, sight)
    return finished(facts, labels, this.#rules, source, {
      ...(isDoubtful ? { doubt: 'a reference was not resolved' } : {}),
      ...(through === undefined ? {} : { through }),
    })
  }

  /** Content, and the kind of note the site says it is. A Consent names the kind of note it is about; it is none. */
  #own({ type, labels, codings, pending }: ResourceFacts): readonly Label[] {
    const notes = type === 'Consent' ? [] : this.#notes(codings)
    const unread = unreadLabels(pending, this.#rules)
    return notes.length + unread.length === 0 ? labels : [...labels, ...notes, ...unread]
  }

  #addSource(labels: LabelSet, { program, facility, marked, known }: SourceFinding): void {
    const { part2Programs, sudOnlyFacilities, unknown } = this.#rules.sources
    if (program !== undefined) labels.add(labelsOf(part2Programs, 'source', program))
    if (marked !== undefined) labels.add(labelsOf(part2Programs, 'lineage', marked))
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

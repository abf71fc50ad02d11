import type { SiteRegistry } from '../model/decision.ts'
import { SYSTEM } from '../model/fhir.ts'
import type { ReferenceFact, ResourceFacts } from '../model/label.ts'
import { type ProgramNames, programNames, registryKey } from '../model/programs.ts'
import { isVisit } from './edges.ts'
import type { ReverseRule } from './reverse-edges.ts'
import {
  backwardOf,
  forwardOf,
  isFollowed,
  NODES,
  type Sight,
  STEPS,
  TooWide,
  unreadBehind,
} from './trace.ts'

/** What following the source references of a record found. */
export interface SourceFinding {
  /** The registered Part 2 program the record comes from. */
  readonly program?: string
  /** The facility that is publicly known as a provider for substance use only. */
  readonly facility?: string
  readonly organization?: string
  /** Steps to `organization`. */
  readonly distance?: number
  /** A record that carries the label of a Part 2 record and that this one was made of, for or during. */
  readonly marked?: string
  /** A reference that names an organization or a part of one was there. */
  readonly known: boolean
  /** A reference that should have been looked up and was not. */
  readonly doubt?: string
}

const ORGANIZATIONAL = new Set(['Organization', 'Location', 'HealthcareService', 'PractitionerRole'])
const UNKNOWN: SourceFinding = { known: false }
const UNFOLLOWED: ReadonlySet<ReferenceFact['kind']> = new Set(['absolute', 'urn', 'conditional'])
const PART2 = '42CFRPart2'

/** Follows a record to the organization it comes from. Going up only: a hospital that owns a program is none. */
export class SourceFinder {
  readonly #programs: ReadonlySet<string>
  readonly #facilities: ReadonlySet<string>
  readonly #notAssisted: ReadonlySet<string>
  readonly #sources: ReadonlyMap<string, string>
  readonly #names: ProgramNames
  readonly #minimum: number

  /**
   * @param names how programs are named otherwise than by `Type/id`
   * @param minimum confidence below which a label of a Part 2 record is a candidate
   */
  constructor(registry: SiteRegistry, names: ProgramNames = programNames(registry), minimum = 0.5) {
    this.#names = names
    this.#minimum = minimum
    this.#programs = new Set(registry.part2Programs.map(registryKey))
    this.#facilities = new Set(registry.sudOnlyFacilities.map(registryKey))
    this.#notAssisted = new Set(registry.notFederallyAssisted)
    this.#sources = new Map(Object.entries(registry.sources))
  }

  /** Whether the target of this reference must be read to know the source. */
  needs(reference: string): boolean {
    const type = typeOf(reference)
    if (this.isSettled(reference)) return type !== 'Organization' && this.#programs.has(reference)
    if (type === 'Organization') return this.#programs.size > 0 || this.#facilities.size > 0
    return ORGANIZATIONAL.has(type)
  }

  /** Organizations that the site registered for the system the record came from: `meta.source`, tags. */
  registered({ metaSource, metaTags = [] }: ResourceFacts): readonly string[] {
    if (this.#sources.size === 0 || (metaSource === undefined && metaTags.length === 0)) return []
    // A fragment names the message, not the source.
    const keys =
      metaSource === undefined ? metaTags : [metaSource, metaSource.split('#', 1)[0] ?? '', ...metaTags]
    return [...new Set(keys.flatMap(key => this.#sources.get(key) ?? []))]
  }

  /**
   * A visit that nobody can look up (a urn, a search, another server), where the site has programs and nothing else tells
   * the source: the record may be one of theirs. Who took part is no such evidence: a person is in no registry.
   */
  unfollowed(facts: ResourceFacts): string | undefined {
    if (this.#programs.size === 0 && this.#facilities.size === 0) return undefined
    return facts.references.find(({ kind, element }) => UNFOLLOWED.has(kind) && isVisit(element))?.target
  }

  /** @throws TooWide */
  find(facts: ResourceFacts, sight: Sight): SourceFinding {
    return new Search(this, sight, facts).of(facts, STEPS)
  }

  /** What a reference says by itself: a registered entry, or an organization nobody registered. */
  settled(reference: string, distance: number): SourceFinding {
    const organization = typeOf(reference) === 'Organization' ? reference : this.#names.owner(reference)
    return {
      known: true,
      ...(organization === undefined ? {} : { organization, distance }),
      ...(this.#programs.has(reference) ? { program: reference } : {}),
      ...(this.#facilities.has(reference) ? { facility: reference } : {}),
    }
  }

  isSettled(reference: string): boolean {
    return (
      this.#programs.has(reference) || this.#facilities.has(reference) || this.#notAssisted.has(reference)
    )
  }

  /**
   * 42 CFR 2.13(c)(1): at a facility known for substance use care only, that somebody is there tells why. What no element
   * says to come from elsewhere is of that facility, and who its patients are is, too.
   * @param holder the organization that holds the records
   */
  atHome(found: SourceFinding, holder: string): SourceFinding {
    return found.known || !this.#facilities.has(holder) ? found : { ...found, ...this.settled(holder, 0) }
  }

  isProgram(reference: string | undefined): boolean {
    return reference !== undefined && this.#programs.has(reference)
  }

  named(mention: ReferenceFact): string | undefined {
    return this.#names.named(mention)
  }

  staff(reference: string): string | undefined {
    return this.#names.staff(reference)
  }

  /** Whether the upstream, or a code that only such programs use, makes this one a Part 2 record. */
  isMarked({ labels, patientData }: ResourceFacts): boolean {
    return (
      patientData &&
      labels.some(
        ({ system, code, rule, confidence }) =>
          code === PART2 && system === SYSTEM.actCode && (rule === 'upstream' || confidence >= this.#minimum),
      )
    )
  }
}

/** One search from one record. Findings by record and steps left: in any order the same, and never in a circle. */
class Search {
  readonly #finder: SourceFinder
  readonly #sight: Sight
  readonly #root: ResourceFacts
  readonly #found = new Map<string, SourceFinding>()

  constructor(finder: SourceFinder, sight: Sight, root: ResourceFacts) {
    this.#finder = finder
    this.#sight = sight
    this.#root = root
  }

  /** @param through the reverse edge by which this record was met */
  of(facts: ResourceFacts, steps: number, through?: ReverseRule): SourceFinding {
    const key = `${steps} ${through?.id ?? ''} ${facts.reference}`
    const known = this.#found.get(key)
    if (known !== undefined) return known
    if (this.#found.size >= NODES) throw new TooWide()
    const finding = this.#finding(facts, steps, through)
    this.#found.set(key, finding)
    return finding
  }

  #finding(facts: ResourceFacts, steps: number, through: ReverseRule | undefined): SourceFinding {
    const finder = this.#finder
    let finding = UNKNOWN
    const add = (other: SourceFinding): void => {
      finding = join(finding, other, finder)
    }
    if (finder.isSettled(facts.reference)) add(finder.settled(facts.reference, STEPS - steps))
    for (const reference of facts.sourceReferences) add(this.#follow(reference, steps))
    for (const mention of facts.sourceMentions ?? []) {
      const named = finder.named(mention)
      if (named !== undefined) add(finder.settled(named, STEPS - steps))
    }
    for (const reference of finder.registered(facts)) add(this.#follow(reference, steps))
    for (const forward of forwardOf(facts)) {
      if (forward.edge.carries !== 'content' && isFollowed(forward, through))
        add(this.#through(forward.target, steps, forward.edge.kind === 'document'))
    }
    if (steps > 0 && facts.patientData) {
      const unread = unreadBehind(facts, this.#sight, this.#root)
      if (unread !== undefined) add({ known: false, doubt: unread })
      for (const { edge, from } of backwardOf(facts, this.#sight, this.#root))
        if (edge.source) add(onlyAdding(this.#record(from, steps - 1, edge), edge, finder))
    }
    return finding.known ? finding : join(finding, this.#byStaff(facts, steps), finder)
  }

  /** Nothing tells where the record was made, and somebody with a registered role made it. */
  #byStaff({ sourceReferences }: ResourceFacts, steps: number): SourceFinding {
    let finding = UNKNOWN
    for (const reference of sourceReferences) {
      const role = this.#finder.staff(reference)
      if (role !== undefined) finding = join(finding, this.#finder.settled(role, STEPS - steps), this.#finder)
    }
    return finding
  }

  #follow(reference: string, steps: number): SourceFinding {
    const finder = this.#finder
    if (finder.isSettled(reference))
      return join(finder.settled(reference, STEPS - steps), this.#owner(reference, steps), finder)
    const type = typeOf(reference)
    const own: SourceFinding = ORGANIZATIONAL.has(type)
      ? {
          known: true,
          ...(type === 'Organization' ? { organization: reference, distance: STEPS - steps } : {}),
        }
      : UNKNOWN
    return finder.needs(reference) ? join(own, this.#through(reference, steps), finder) : own
  }

  /**
   * The program to which a registered place, service or role belongs, where that is registered too: Consents and staff
   * name the organization. An owner that is no program itself is none (a hospital around it), and doubt is none either.
   */
  #owner(reference: string, steps: number): SourceFinding {
    if (!this.#finder.needs(reference)) return UNKNOWN
    const { organization } = this.#through(reference, steps)
    return organization !== undefined && this.#finder.isProgram(organization)
      ? this.#finder.settled(organization, STEPS - steps)
      : UNKNOWN
  }

  /** @param isDocument what cannot be read there is said otherwise, and is no doubt about the source */
  #through(reference: string, steps: number, isDocument = false): SourceFinding {
    if (steps === 0) return UNKNOWN
    const target = this.#sight.look(reference)
    if (target === 'absent') return UNKNOWN
    if (target === undefined || target.notAssessable !== undefined)
      return isDocument ? UNKNOWN : { known: false, doubt: reference }
    return this.#record(target, steps - 1)
  }

  #record(facts: ResourceFacts, steps: number, through?: ReverseRule): SourceFinding {
    if (facts.notAssessable !== undefined) return { known: false, doubt: facts.reference }
    const finding = this.of(facts, steps, through)
    // The mark of a group is that of its strictest member.
    return through?.says !== 'group' && this.#finder.isMarked(facts)
      ? join(finding, { known: false, marked: facts.reference }, this.#finder)
      : finding
  }
}

/**
 * What a pointing record says of the source of another adds a program and never clears the other of one: whoever sent
 * or filed a record is an agent of it too. Where it is the same thing in another form it says all it says.
 */
function onlyAdding(finding: SourceFinding, { says }: ReverseRule, finder: SourceFinder): SourceFinding {
  if (says === 'same' || finding === UNKNOWN) return finding
  const { known: _, organization, distance = 0, ...rest } = finding
  if (organization === undefined || !finder.isProgram(organization)) return { ...rest, known: false }
  return { ...rest, known: false, organization, distance }
}

/**
 * A program anywhere makes a program. Of several organizations the program counts, then the nearest; what else is several
 * is told by the first in the order of the alphabet, so that the order of references leaves no trace.
 */
function join(a: SourceFinding, b: SourceFinding, finder: SourceFinder): SourceFinding {
  if (b === UNKNOWN) return a
  if (a === UNKNOWN) return b
  const program = first(a.program, b.program)
  const facility = first(a.facility, b.facility)
  const marked = first(a.marked, b.marked)
  const doubt = first(a.doubt, b.doubt)
  const { organization, distance = 0 } = isNearer(a, b, finder) ? a : b
  return {
    known: a.known || b.known,
    ...(program === undefined ? {} : { program }),
    ...(facility === undefined ? {} : { facility }),
    ...(organization === undefined ? {} : { organization, distance }),
    ...(marked === undefined ? {} : { marked }),
    ...(doubt === undefined ? {} : { doubt }),
  }
}

function first(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return a < b ? a : b
}

function isNearer(a: SourceFinding, b: SourceFinding, finder: SourceFinder): boolean {
  if (a.organization === undefined || b.organization === undefined) return b.organization === undefined
  const [ofProgram, otherOfProgram] = [finder.isProgram(a.organization), finder.isProgram(b.organization)]
  if (ofProgram !== otherOfProgram) return ofProgram
  const [near = 0, far = 0] = [a.distance, b.distance]
  return near === far ? a.organization <= b.organization : near < far
}

function typeOf(reference: string): string {
  return reference.slice(0, Math.max(reference.indexOf('/'), 0))
}

import type { SiteRegistry } from '../model/decision.ts'
import type { ReferenceFact, ResourceFacts } from '../model/label.ts'
import { type ProgramNames, programNames, registryKey } from '../model/programs.ts'
import { edgeOf, isVisit } from './edges.ts'

/** `undefined`: nobody looked it up. */
export type Look = (reference: string) => ResourceFacts | 'absent' | undefined

/** What following the source references of a record found. */
export interface SourceFinding {
  /** The registered Part 2 program the record comes from. */
  readonly program?: string
  /** The facility that is publicly known as a provider for substance use only. */
  readonly facility?: string
  readonly organization?: string
  /** A reference that names an organization or a part of one was there. */
  readonly known: boolean
  /** A reference that should have been looked up and was not. */
  readonly doubt?: string
}

/** Most steps from a record to the organization that decides: Encounter, Location, Organization, partOf. */
export const SOURCE_STEPS = 4

const ORGANIZATIONAL = new Set(['Organization', 'Location', 'HealthcareService', 'PractitionerRole'])
const UNKNOWN: SourceFinding = { known: false }
const UNFOLLOWED: ReadonlySet<ReferenceFact['kind']> = new Set(['absolute', 'urn', 'conditional'])

/** Follows a record to the organization it comes from. Going up only: a hospital that owns a program is none. */
export class SourceFinder {
  readonly #programs: ReadonlySet<string>
  readonly #facilities: ReadonlySet<string>
  readonly #notAssisted: ReadonlySet<string>
  readonly #sources: ReadonlyMap<string, string>
  readonly #names: ProgramNames

  /** @param names how programs are named otherwise than by `Type/id` */
  constructor(registry: SiteRegistry, names: ProgramNames = programNames(registry)) {
    this.#names = names
    this.#programs = new Set(registry.part2Programs.map(registryKey))
    this.#facilities = new Set(registry.sudOnlyFacilities.map(registryKey))
    this.#notAssisted = new Set(registry.notFederallyAssisted)
    this.#sources = new Map(Object.entries(registry.sources))
  }

  /** Whether the target of this reference must be read to know the source. */
  needs(reference: string): boolean {
    const type = typeOf(reference)
    if (this.#isSettled(reference)) return type !== 'Organization' && this.#programs.has(reference)
    if (type === 'Organization') return this.#programs.size > 0 || this.#facilities.size > 0
    return ORGANIZATIONAL.has(type)
  }

  /** The `meta.source` organization, where the site registered it. A fragment names the message, not the source. */
  registered(metaSource: string | undefined): string | undefined {
    if (metaSource === undefined) return undefined
    const fragment = metaSource.indexOf('#')
    return (
      this.#sources.get(metaSource) ??
      (fragment < 0 ? undefined : this.#sources.get(metaSource.slice(0, fragment)))
    )
  }

  /**
   * A visit that nobody can look up (a urn, a search, another server), where the site has programs and nothing else tells
   * the source: the record may be one of theirs. Who took part is no such evidence: a person is in no registry.
   */
  unfollowed(facts: ResourceFacts): string | undefined {
    if (this.#programs.size === 0 && this.#facilities.size === 0) return undefined
    return facts.references.find(({ kind, element }) => UNFOLLOWED.has(kind) && isVisit(element))?.target
  }

  find(facts: ResourceFacts, look: Look, steps = SOURCE_STEPS): SourceFinding {
    let finding = UNKNOWN
    if (this.#isSettled(facts.reference)) finding = join(finding, this.#settled(facts.reference))
    for (const reference of facts.sourceReferences)
      finding = join(finding, this.#follow(reference, look, steps))
    for (const mention of facts.sourceMentions ?? []) {
      const named = this.#names.named(mention)
      if (named !== undefined) finding = join(finding, this.#settled(named))
    }
    for (const { element, target } of facts.lineageReferences) {
      const carries = edgeOf(facts.type, element)?.carries
      if (carries === 'all' || carries === 'source')
        finding = join(finding, this.#through(target, look, steps))
    }
    const registered = this.registered(facts.metaSource)
    if (registered !== undefined) finding = join(finding, this.#follow(registered, look, steps))
    return finding.known ? finding : join(finding, this.#byStaff(facts))
  }

  /** Nothing tells where the record was made, and somebody with a registered role made it. */
  #byStaff({ sourceReferences }: ResourceFacts): SourceFinding {
    for (const reference of sourceReferences) {
      const role = this.#names.staff(reference)
      if (role !== undefined) return this.#settled(role)
    }
    return UNKNOWN
  }

  #follow(reference: string, look: Look, steps: number): SourceFinding {
    if (this.#isSettled(reference)) return join(this.#settled(reference), this.#owner(reference, look, steps))
    const type = typeOf(reference)
    const own: SourceFinding = ORGANIZATIONAL.has(type)
      ? { known: true, ...(type === 'Organization' ? { organization: reference } : {}) }
      : UNKNOWN
    return this.needs(reference) ? join(own, this.#through(reference, look, steps)) : own
  }

  /**
   * The program to which a registered place, service or role belongs, where that is registered too: Consents and staff
   * name the organization. An owner that is no program itself is none (a hospital around it), and doubt is none either.
   */
  #owner(reference: string, look: Look, steps: number): SourceFinding {
    if (!this.needs(reference)) return UNKNOWN
    const { organization } = this.#through(reference, look, steps)
    return organization !== undefined && this.#programs.has(organization)
      ? this.#settled(organization)
      : UNKNOWN
  }

  #through(reference: string, look: Look, steps: number): SourceFinding {
    if (steps === 0) return UNKNOWN
    const target = look(reference)
    if (target === undefined) return { known: false, doubt: reference }
    if (target === 'absent') return UNKNOWN
    if (target.notAssessable !== undefined) return { known: false, doubt: reference }
    return this.find(target, look, steps - 1)
  }

  #isSettled(reference: string): boolean {
    return (
      this.#programs.has(reference) || this.#facilities.has(reference) || this.#notAssisted.has(reference)
    )
  }

  #settled(reference: string): SourceFinding {
    const organization = typeOf(reference) === 'Organization' ? reference : this.#names.owner(reference)
    return {
      known: true,
      ...(organization === undefined ? {} : { organization }),
      ...(this.#programs.has(reference) ? { program: reference } : {}),
      ...(this.#facilities.has(reference) ? { facility: reference } : {}),
    }
  }
}

/** First finding of each kind wins; a program anywhere makes a program. */
function join(a: SourceFinding, b: SourceFinding): SourceFinding {
  if (b === UNKNOWN) return a
  if (a === UNKNOWN) return b
  const program = a.program ?? b.program
  const facility = a.facility ?? b.facility
  const organization = a.organization ?? b.organization
  const doubt = a.doubt ?? b.doubt
  return {
    known: a.known || b.known,
    ...(program === undefined ? {} : { program }),
    ...(facility === undefined ? {} : { facility }),
    ...(organization === undefined ? {} : { organization }),
    ...(doubt === undefined ? {} : { doubt }),
  }
}

function typeOf(reference: string): string {
  return reference.slice(0, Math.max(reference.indexOf('/'), 0))
}

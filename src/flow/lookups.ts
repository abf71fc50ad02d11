import type { Labeller, Referrers, Resolution, ReverseEdge, Upstream } from '../model/doors.ts'
import type { RawResource } from '../model/exchange.ts'
import type { Resource } from '../model/fhir.ts'
import type { ResourceFacts } from '../model/label.ts'
import { strictParse } from '../model/strict-json.ts'

/** Facts by `Type/id`: of the page itself and of everything looked up for it, with what points at them. */
export interface Known extends ReadonlyMap<string, ResourceFacts | 'absent'> {
  /** Absent where the site has no edge followed backwards. */
  readonly referrers?: Referrers
}

/** How far lineage is followed: resource → encounter → serviceProvider → partOf. */
const LINEAGE_DEPTH = 4

const DIRECT_REFERENCE = /^[A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64}$/

/** Only `Type/id` can be looked up; everything else leads nowhere the gateway can follow. */
export function isDirect(reference: string): boolean {
  return DIRECT_REFERENCE.test(reference)
}

type LookUpRooms = { readonly upstream: Upstream; readonly labeller: Labeller }
type Referring = Awaited<ReturnType<Upstream['referrers']>>

interface Asking {
  readonly edge: ReverseEdge
  readonly references: readonly string[]
}

/** What was asked at once, and the answers. */
interface Level {
  readonly missing: readonly string[]
  readonly resolution: Resolution | undefined
  readonly asked: readonly (Asking & { readonly answer: Referring })[]
}

/** What was looked up for a list of facts, level by level; still true while every level gives the same objects. */
const remembered = new WeakMap<
  readonly ResourceFacts[],
  { readonly levels: readonly Level[]; readonly known: Known; second: number }
>()

/**
 * Looks up what labelling needs: lineage, sources, what points at the resources, and the patients themselves (for age),
 * batched by level. The same list of facts (a page seen before) whose look-ups are still cached gives the same `Known`
 * object. What was found true within this second is not asked again.
 * Throws Refusal `upstream-unavailable` when a look-up fails: doubt denies.
 */
export async function lookUp(rooms: LookUpRooms, facts: readonly ResourceFacts[], at: Date): Promise<Known> {
  const second = Math.floor(at.getTime() / 1000)
  const before = remembered.get(facts)
  if (before !== undefined && before.second === second) return before.known
  if (before !== undefined && (await stillTrue(rooms.upstream, before.levels))) {
    before.second = second
    return before.known
  }
  const gathering = new Gathering(rooms)
  const levels = await gathering.of(facts)
  const { known } = gathering
  remembered.set(facts, { levels, known, second })
  return known
}

async function stillTrue(upstream: Upstream, levels: readonly Level[]): Promise<boolean> {
  for (const { missing, resolution, asked } of levels) {
    if (resolution !== undefined && (await upstream.resolve(missing)) !== resolution) return false
    for (const { edge, references, answer } of asked)
      if ((await upstream.referrers(edge.type, edge.parameter, references)) !== answer) return false
  }
  return true
}

class KnownFacts extends Map<string, ResourceFacts | 'absent'> implements Known {
  referrers?: Referrers
}

/** One look-up, level by level: what the last level wants and what points at it are asked at the same time. */
class Gathering {
  readonly known = new KnownFacts()
  readonly #rooms: LookUpRooms
  readonly #referring = new Map<string, ResourceFacts[]>()
  #wanted = new Set<string>()
  /** Records met at the last level, for which nobody looked yet what points at them. */
  #met: ResourceFacts[] = []

  constructor(rooms: LookUpRooms) {
    this.#rooms = rooms
    if (rooms.labeller.reverseEdges.length > 0)
      this.known.referrers = reference => this.#referring.get(reference)
  }

  async of(facts: readonly ResourceFacts[]): Promise<readonly Level[]> {
    for (const fact of facts) this.known.set(fact.reference, fact)
    for (const fact of facts) this.#meet(fact)
    const levels: Level[] = []
    for (let depth = 0; depth < LINEAGE_DEPTH; depth++) {
      const missing = [...this.#wanted].filter(reference => !this.known.has(reference) && isDirect(reference))
      const questions = this.#questions()
      if (missing.length === 0 && questions.length === 0) break
      const level = await this.#ask(missing, questions)
      levels.push(level)
      this.#wanted = new Set()
      this.#met = []
      if (level.resolution !== undefined) await this.#takeIn(missing, level.resolution)
      for (const { edge, answer } of level.asked) this.#takeReferrers(edge, answer)
    }
    return levels
  }

  #meet(facts: ResourceFacts): void {
    this.#met.push(facts)
    for (const reference of this.#rooms.labeller.lineage(facts)) this.#wanted.add(reference)
    for (const patient of facts.patients) this.#wanted.add(patient)
  }

  #questions(): readonly Asking[] {
    const asking = this.#met.filter(
      ({ patientData, reference }) => patientData && isDirect(reference) && !this.#referring.has(reference),
    )
    for (const { reference } of asking) this.#referring.set(reference, [])
    return this.#rooms.labeller.reverseEdges.flatMap(edge => {
      const references = asking.filter(({ type }) => edge.leadsTo(type)).map(({ reference }) => reference)
      return references.length === 0 ? [] : [{ edge, references: [...new Set<string>(references)] }]
    })
  }

  async #ask(missing: readonly string[], questions: readonly Asking[]): Promise<Level> {
    const { upstream } = this.#rooms
    const [resolution, ...answers] = await Promise.all([
      missing.length === 0 ? undefined : upstream.resolve(missing),
      ...questions.map(({ edge, references }) => upstream.referrers(edge.type, edge.parameter, references)),
    ])
    const asked = questions.map((question, n) => ({ ...question, answer: answers[n] ?? new Map() }))
    return { missing, resolution, asked }
  }

  async #takeIn(missing: readonly string[], resolution: Resolution): Promise<void> {
    for (const reference of missing) {
      const answer = resolution.get(reference)
      const found =
        answer === undefined || answer === 'absent' ? answer : await this.#assessAs(answer, reference)
      if (found === undefined) continue
      this.known.set(reference, found)
      if (found !== 'absent') this.#meet(found)
    }
  }

  /** A look-up that answers with another resource than asked for is no answer. */
  async #assessAs(raw: RawResource, reference: string): Promise<ResourceFacts | undefined> {
    const { labeller } = this.#rooms
    const facts = labeller.assess(raw)
    if (facts.reference !== reference) return undefined
    return facts.pending === undefined ? facts : await labeller.read(facts)
  }

  #takeReferrers(edge: ReverseEdge, answer: Referring): void {
    const { labeller } = this.#rooms
    for (const [reference, raws] of answer) {
      for (const raw of raws) {
        const facts = labeller.assess(raw)
        const list = this.#referring.get(reference)
        if (list?.includes(facts) === false) list.push(facts)
        for (const wanted of labeller.lineage(facts, edge)) this.#wanted.add(wanted)
      }
    }
  }
}

const birthDates = new WeakMap<ResourceFacts, string>()

/** Patient.birthDate of a looked-up Patient, or undefined when it is not known. */
export function birthDateOf(known: Known, patient: string): string | undefined {
  const facts = known.get(patient)
  if (facts === undefined || facts === 'absent') return undefined
  let birthDate = birthDates.get(facts)
  if (birthDate === undefined) {
    birthDate = readBirthDate(facts)
    birthDates.set(facts, birthDate)
  }
  return birthDate === '' ? undefined : birthDate
}

function readBirthDate(facts: ResourceFacts): string {
  const value = resourceOf(facts)?.['birthDate']
  return typeof value === 'string' ? value : ''
}

const parsed = new WeakMap<ResourceFacts, Resource>()

/** The resource behind facts that could be read; undefined where they could not. */
export function resourceOf(facts: ResourceFacts): Resource | undefined {
  if (facts.notAssessable !== undefined) return undefined
  const known = facts.resource ?? parsed.get(facts)
  if (known !== undefined) return known
  const resource = strictParse(facts.bytes, { jsonDepth: 1000 }) as Resource
  parsed.set(facts, resource)
  return resource
}

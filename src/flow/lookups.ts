import type { Labeller, Resolution, Upstream } from '../model/doors.ts'
import type { RawResource } from '../model/exchange.ts'
import type { Resource } from '../model/fhir.ts'
import type { ResourceFacts } from '../model/label.ts'
import { strictParse } from '../model/strict-json.ts'

/** Facts by `Type/id`: of the page itself and of everything looked up for it. */
export type Known = ReadonlyMap<string, ResourceFacts | 'absent'>

/** How far lineage is followed: resource → encounter → serviceProvider → partOf. */
const LINEAGE_DEPTH = 4

const DIRECT_REFERENCE = /^[A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64}$/

/** Only `Type/id` can be looked up; everything else leads nowhere the gateway can follow. */
export function isDirect(reference: string): boolean {
  return DIRECT_REFERENCE.test(reference)
}

interface Level {
  readonly missing: readonly string[]
  readonly resolution: Resolution
}

/** What was looked up for a list of facts, level by level; still true while every level resolves to the same object. */
const remembered = new WeakMap<
  readonly ResourceFacts[],
  { readonly levels: readonly Level[]; readonly known: Known; second: number }
>()

/**
 * Looks up what labelling needs: lineage, sources and the patients themselves (for age), batched by level. The same
 * list of facts (a page seen before) whose look-ups are still cached gives the same `Known` object.
 * What was found true within this second is not asked again.
 * Throws Refusal `upstream-unavailable` when a look-up fails: doubt denies.
 */
export async function lookUp(
  rooms: { upstream: Upstream; labeller: Labeller },
  facts: readonly ResourceFacts[],
  at: Date,
): Promise<Known> {
  const second = Math.floor(at.getTime() / 1000)
  const before = remembered.get(facts)
  if (before !== undefined && before.second === second) return before.known
  if (before !== undefined && (await stillTrue(rooms.upstream, before.levels))) {
    before.second = second
    return before.known
  }
  const known = new Map<string, ResourceFacts | 'absent'>()
  const levels: Level[] = []
  for (const fact of facts) known.set(fact.reference, fact)
  let wanted = new Set<string>()
  for (const fact of facts) wants(rooms.labeller, fact, wanted)
  for (let depth = 0; depth < LINEAGE_DEPTH; depth++) {
    const missing = [...wanted].filter(reference => !known.has(reference) && isDirect(reference))
    if (missing.length === 0) break
    const resolution = await rooms.upstream.resolve(missing)
    levels.push({ missing, resolution })
    wanted = takeIn(rooms.labeller, missing, resolution, known)
  }
  remembered.set(facts, { levels, known, second })
  return known
}

async function stillTrue(upstream: Upstream, levels: readonly Level[]): Promise<boolean> {
  for (const level of levels) if ((await upstream.resolve(level.missing)) !== level.resolution) return false
  return true
}

function takeIn(
  labeller: Labeller,
  missing: readonly string[],
  resolution: Resolution,
  known: Map<string, ResourceFacts | 'absent'>,
): Set<string> {
  const wanted = new Set<string>()
  for (const reference of missing) {
    const answer = resolution.get(reference)
    const found = answer === undefined || answer === 'absent' ? answer : assessAs(labeller, answer, reference)
    if (found === undefined) continue
    known.set(reference, found)
    if (found !== 'absent') wants(labeller, found, wanted)
  }
  return wanted
}

function wants(labeller: Labeller, facts: ResourceFacts, into: Set<string>): void {
  for (const reference of labeller.lineage(facts)) into.add(reference)
  for (const patient of facts.patients) into.add(patient)
}

/** A look-up that answers with another resource than asked for is no answer. */
function assessAs(labeller: Labeller, raw: RawResource, reference: string): ResourceFacts | undefined {
  const facts = labeller.assess(raw)
  return facts.reference === reference ? facts : undefined
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

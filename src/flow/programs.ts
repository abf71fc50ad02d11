import type { DecidedResource, SiteRegistry } from '../model/decision.ts'
import type { Resolution } from '../model/doors.ts'
import { type LiteralReference, type Resource, SYSTEM } from '../model/fhir.ts'
import type { LabelledResource, ResourceFacts } from '../model/label.ts'
import {
  mayNameOtherwise,
  type NamedReference,
  type ProgramNames,
  programNames,
  registeredReferences,
} from '../model/programs.ts'
import { resourceOf } from './lookups.ts'
import type { Rooms } from './rooms.ts'

/** Whether a reference in a resource leads to a Part 2 program that the requester may not know of. */
export type HidesProgram = (reference: NamedReference, of: DecidedResource) => boolean

/**
 * That somebody is a patient of a program is itself protected (42 CFR 2.11 "patient identifying information", 2.13(c)),
 * so a reference to a program leaves only in the program's own records, or where a record of that program about the
 * same patients would leave.
 * @param names how programs are named, as far as it is known by the time of asking
 * @param decide decides labelled resources for the requester at hand
 */
export function programReferences(
  names: () => ProgramNames,
  decide: (labelled: readonly LabelledResource[]) => readonly DecidedResource[],
): HidesProgram {
  const seen = new Map<string, boolean>()
  return (reference, of) => {
    const known = names()
    const entry = known.named(reference) ?? known.staff(reference.target)
    if (entry === undefined || of.labelled.part2) return false
    const program = known.owner(entry) ?? entry
    const key = `${program} ${of.labelled.facts.type} ${of.labelled.facts.patients.join()}`
    const before = seen.get(key)
    if (before !== undefined) return !before
    const [standIn] = decide([programRecord(program, of.labelled)])
    const sees = standIn !== undefined && standIn.decision.effect !== 'deny'
    seen.set(key, sees)
    return !sees
  }
}

/**
 * A record of the program about the patients of this resource, with nothing in it: no dates, codes or other labels that
 * would make the answer hang on which resource was met first.
 */
function programRecord(program: string, { facts }: LabelledResource): LabelledResource {
  const codes = ['42CFRPart2', 'SUD']
  const rule = 'part2-program-reference'
  return {
    facts: { ...facts, references: [], labels: [], codings: [], dates: [] },
    labels: codes.map(code => ({ system: SYSTEM.actCode, code, origin: 'source', rule, confidence: 1 })),
    confidentiality: 'R',
    codes: new Set(codes),
    ...(program.startsWith('Organization/') ? { source: program as LiteralReference } : {}),
    part2: true,
    classKey: `${rule}|${program}|${facts.type}|${facts.patients.join()}`,
  }
}

const ofRegistry = new WeakMap<SiteRegistry, { references: readonly string[]; names: ProgramNames }>()
const ofDirectory = new WeakMap<Resolution, ProgramNames>()
const mayMatter = new WeakMap<ResourceFacts, boolean>()

/** Names as the registry alone gives them; one object for one registry. */
export function registeredNames(registry: SiteRegistry): ProgramNames {
  return registered(registry).names
}

function registered(registry: SiteRegistry): { references: readonly string[]; names: ProgramNames } {
  const known = ofRegistry.get(registry)
  if (known !== undefined) return known
  const made = { references: registeredReferences(registry), names: programNames(registry) }
  ofRegistry.set(registry, made)
  return made
}

/**
 * Names as the upstream's directory gives them, looked up only where one of these resources holds a reference that may
 * name a program otherwise than by `Type/id`. The same look-up gives the same object.
 * Throws Refusal `upstream-unavailable` when the look-up fails: doubt denies.
 */
export async function directoryNames(
  { upstream, labeller, site }: Pick<Rooms, 'upstream' | 'labeller' | 'site'>,
  facts: readonly ResourceFacts[],
): Promise<ProgramNames | undefined> {
  const { references } = registered(site.registry)
  if (references.length === 0 || !facts.some(matters)) return undefined
  const resolution = await upstream.resolve(references)
  const known = ofDirectory.get(resolution)
  if (known !== undefined) return known
  const directory = references.flatMap((reference): readonly Resource[] => {
    const raw = resolution.get(reference)
    const found = raw === undefined || raw === 'absent' ? undefined : labeller.assess(raw)
    const resource = found?.reference === reference ? resourceOf(found) : undefined
    return resource === undefined ? [] : [resource]
  })
  const names = programNames(site.registry, directory)
  ofDirectory.set(resolution, names)
  return names
}

function matters(facts: ResourceFacts): boolean {
  let known = mayMatter.get(facts)
  if (known === undefined) {
    known = facts.references.some(mayNameOtherwise) || facts.sourceMentions?.some(mayNameOtherwise) === true
    mayMatter.set(facts, known)
  }
  return known
}

/** A target alone, as it is named by `Type/id`. */
export function byTarget(target: string): NamedReference {
  return { target, kind: 'literal' }
}

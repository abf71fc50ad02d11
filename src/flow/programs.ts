import type { DecidedResource, SiteRegistry } from '../model/decision.ts'
import { type LiteralReference, SYSTEM } from '../model/fhir.ts'
import type { LabelledResource } from '../model/label.ts'

/** Whether a reference in a resource leads to a Part 2 program that the requester may not know of. */
export type HidesProgram = (target: string, of: DecidedResource) => boolean

/**
 * That somebody is a patient of a program is itself protected (42 CFR 2.11 "patient identifying information", 2.13(c)),
 * so a reference to a program leaves only in the program's own records, or where a record of that program about the
 * same patients would leave.
 * @param decide decides labelled resources for the requester at hand
 */
export function programReferences(
  registry: SiteRegistry,
  decide: (labelled: readonly LabelledResource[]) => readonly DecidedResource[],
): HidesProgram {
  const programs = new Set([...registry.part2Programs, ...registry.sudOnlyFacilities])
  const seen = new Map<string, boolean>()
  return (target, of) => {
    if (!programs.has(target)) return false
    if (of.labelled.part2) return false
    const key = `${target} ${of.labelled.facts.type} ${of.labelled.facts.patients.join()}`
    const known = seen.get(key)
    if (known !== undefined) return !known
    const [standIn] = decide([programRecord(target, of.labelled)])
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

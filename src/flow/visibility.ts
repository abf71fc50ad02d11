import type { DecidedResource } from '../model/decision.ts'
import type { SegmentInput } from '../model/doors.ts'
import { DIRECTORY_TYPES, SYSTEM } from '../model/fhir.ts'
import type { LabelledResource, ReferenceFact, ResourceFacts } from '../model/label.ts'
import type { Judge } from './judge.ts'
import { isDirect } from './lookups.ts'
import type { Rooms } from './rooms.ts'

/**
 * Which references of released resources must go: those that lead to a withheld resource, to nothing at all (so that
 * forbidden and absent look alike, invariant 3), or to a Part 2 program where the requester may not know of it.
 * Accumulates over the pages of one exchange.
 */
export interface Visibility {
  /** Looks up and decides everything these released resources refer to. */
  readonly follow: (released: readonly DecidedResource[]) => Promise<void>
  readonly hides: SegmentInput['hides']
}

export function createVisibility(rooms: Rooms, judge: Judge): Visibility {
  const visible = new Map<string, boolean>()
  const programs = new Set([...rooms.site.registry.part2Programs, ...rooms.site.registry.sudOnlyFacilities])
  const programsFor = new Map<string, boolean>()

  const seesPrograms = (of: DecidedResource): boolean => {
    if (of.labelled.part2) return true
    const key = of.labelled.facts.patients.join()
    const known = programsFor.get(key)
    if (known !== undefined) return known
    const [standIn] = judge.decideNow([asProgramRecord(of.labelled)])
    const sees = standIn !== undefined && standIn.decision.effect !== 'deny'
    programsFor.set(key, sees)
    return sees
  }

  return {
    follow: async released => {
      for (const { labelled } of released) visible.set(labelled.facts.reference, true)
      const targets = new Set<string>()
      for (const { labelled } of released)
        for (const target of targetsOf(labelled.facts)) if (!visible.has(target)) targets.add(target)
      if (targets.size === 0) return
      const wanted = [...targets]
      const resolution = await rooms.upstream.resolve(wanted)
      const facts: ResourceFacts[] = []
      for (const reference of wanted) {
        const raw = resolution.get(reference)
        const found = raw === undefined || raw === 'absent' ? undefined : rooms.labeller.assess(raw)
        if (found?.reference === reference) facts.push(found)
        else visible.set(reference, false)
      }
      const { labelled, known } = await judge.label(facts)
      for (const { labelled: one, decision } of await judge.decide(labelled, known))
        visible.set(one.facts.reference, decision.effect !== 'deny')
    },
    hides: (target, of) => {
      if (programs.has(target)) return !seesPrograms(of)
      return !(visible.get(target) ?? isHarmless(target))
    },
  }
}

const targetLists = new WeakMap<ResourceFacts, readonly string[]>()

/** References to patient data that must be decided on; the patient itself is decided by every resource anyway. */
function targetsOf(facts: ResourceFacts): readonly string[] {
  const known = targetLists.get(facts)
  if (known !== undefined) return known
  const targets = [...new Set(facts.references.filter(needsDecision).map(reference => reference.target))]
  targetLists.set(facts, targets)
  return targets
}

function needsDecision(reference: ReferenceFact): boolean {
  return reference.kind === 'literal' && isDirect(reference.target) && !isHarmless(reference.target)
}

const URL_TYPE =
  /(?:^|\/)([A-Z][A-Za-z]+)(?:\/[A-Za-z0-9\-.]{1,64}(?:\/_history\/[A-Za-z0-9\-.]{1,64})?|\?.*)$/

/**
 * Directory types and the patient; contained (`#`) and identifier-only references lead nowhere and were assessed with
 * the resource. A `urn:` or foreign reference to patient data cannot be decided on: not harmless.
 */
function isHarmless(target: string): boolean {
  if (target === '' || target.startsWith('#')) return true
  const type = URL_TYPE.exec(target)?.[1]
  return type !== undefined && (type === 'Patient' || DIRECTORY_TYPES.has(type))
}

/** The same resource as if it were a Part 2 record: may this requester know that the patient is one of a program? */
function asProgramRecord(labelled: LabelledResource): LabelledResource {
  const label = (code: string) =>
    ({
      system: SYSTEM.actCode,
      code,
      origin: 'source',
      rule: 'part2-program-reference',
      confidence: 1,
    }) as const
  return {
    ...labelled,
    labels: [...labelled.labels, label('42CFRPart2'), label('SUD')],
    confidentiality: 'R',
    codes: new Set([...labelled.codes, '42CFRPart2', 'SUD']),
    part2: true,
    classKey: `${labelled.classKey}|program`,
  }
}

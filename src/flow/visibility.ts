import type { DecidedResource } from '../model/decision.ts'
import type { Labeller, Resolution, SegmentInput } from '../model/doors.ts'
import { DIRECTORY_TYPES } from '../model/fhir.ts'
import type { ReferenceFact, ResourceFacts } from '../model/label.ts'
import type { Judge } from './judge.ts'
import { isDirect } from './lookups.ts'
import { createParts, withParts } from './parts.ts'
import { isProjectedAway } from './predicates.ts'
import { byTarget, programReferences } from './programs.ts'
import type { Rooms } from './rooms.ts'
import { allShown, withShownLabels } from './shown.ts'

/**
 * Which references of released resources must go: those that lead to a withheld resource, to nothing at all (so that
 * forbidden and absent look alike, invariant 3), or to a Part 2 program where the requester may not know of it.
 * Accumulates over the pages of one exchange.
 */
export interface Visibility {
  /** Looks up and decides everything these released resources refer to. */
  readonly follow: (released: readonly DecidedResource[]) => Promise<void>
  readonly hides: (target: string, of: DecidedResource) => boolean
  /** The same of a whole reference, which may name a program beside its target. */
  readonly hidesReference: (reference: ReferenceFact, of: DecidedResource) => boolean
  readonly hidden: SegmentInput['hidden']
  /** Whether a projection takes out what stands at a path of a released resource. */
  readonly removes: (path: string, of: DecidedResource) => boolean
  /** Paths of the identifiers that a person loses. */
  readonly hiddenIdentifiers: (of: DecidedResource) => readonly string[]
  /** These resources with the labels that may be written on them. */
  readonly shown: (released: readonly DecidedResource[]) => readonly DecidedResource[]
}

export function createVisibility(rooms: Rooms, judge: Judge): Visibility {
  const visible = new Map<string, boolean>()
  const hidesProgram = programReferences(judge.programs, judge.decideNow)
  const { labelAlone, labelPart, decideNow } = judge
  const parts = createParts({ hidesProgram, labelAlone, labelPart, decide: decideNow })
  const leadsNowhere = (target: string): boolean => !(visible.get(target) ?? isHarmless(target))
  const hides: Visibility['hides'] = (target, of) =>
    hidesProgram(byTarget(target), of) || leadsNowhere(target)
  const hidesReference: Visibility['hidesReference'] = (reference, of) =>
    hidesProgram(reference, of) || leadsNowhere(reference.target)

  const hidden: Visibility['hidden'] = of => {
    const { open, directory } = linksOf(of.labelled.facts)
    let hidden = NOTHING
    for (const one of open) if (hidesReference(one, of)) hidden = [...hidden, one.path]
    for (const one of directory) if (hidesProgram(one, of)) hidden = [...hidden, one.path]
    return withParts(hidden, parts.hidden(of))
  }

  const removes: Visibility['removes'] = (path, of) => isProjectedAway(rooms.segmenter, of, path)

  return {
    hides,
    removes,
    hidesReference,
    hiddenIdentifiers: parts.hiddenIdentifiers,
    hidden,
    shown: released =>
      allShown(released, one =>
        withShownLabels(parts.withKept(one), { hidden, hides, removes, decide: decideNow }),
      ),
    follow: async released => {
      for (const { labelled } of released) visible.set(labelled.facts.reference, true)
      const wanted = new Set<string>()
      for (const { labelled } of released)
        for (const target of linksOf(labelled.facts).targets) if (!visible.has(target)) wanted.add(target)
      if (wanted.size === 0) return
      const references = [...wanted]
      const facts = resolvedFacts(rooms.labeller, await rooms.upstream.resolve(references), references)
      for (const reference of references) visible.set(reference, false)
      const { labelled, known } = await judge.label(facts)
      for (const { labelled: one, decision } of await judge.decide(labelled, known))
        visible.set(one.facts.reference, decision.effect !== 'deny')
    },
  }
}

const NOTHING: readonly string[] = []

/** The references of a resource by what must be asked of them. */
interface Links {
  /** May lead to something withheld. */
  readonly open: readonly ReferenceFact[]
  /** Lead to organizations, people, places: hidden only where they are a Part 2 program. */
  readonly directory: readonly ReferenceFact[]
  /** `Type/id` of the open ones that can be looked up. */
  readonly targets: readonly string[]
}

const links = new WeakMap<ResourceFacts, Links>()

function linksOf(facts: ResourceFacts): Links {
  const known = links.get(facts)
  if (known !== undefined) return known
  const open = facts.references.filter(({ target }) => !isHarmless(target))
  const directory = facts.references.filter(
    ({ target }) => isHarmless(target) && !target.startsWith('Patient/'),
  )
  const targets = [
    ...new Set(
      open.filter(({ kind, target }) => kind === 'literal' && isDirect(target)).map(({ target }) => target),
    ),
  ]
  const made = { open, directory, targets }
  links.set(facts, made)
  return made
}

const resolved = new WeakMap<Labeller, WeakMap<Resolution, readonly ResourceFacts[]>>()

/** Facts of what was found; the same look-up gives the same list while the rules are the same. */
function resolvedFacts(
  labeller: Labeller,
  resolution: Resolution,
  references: readonly string[],
): readonly ResourceFacts[] {
  const lists = resolved.get(labeller) ?? new WeakMap<Resolution, readonly ResourceFacts[]>()
  resolved.set(labeller, lists)
  const known = lists.get(resolution)
  if (known !== undefined) return known
  const facts = references.flatMap(reference => {
    const raw = resolution.get(reference)
    const found = raw === undefined || raw === 'absent' ? undefined : labeller.assess(raw)
    return found?.reference === reference ? [found] : []
  })
  lists.set(resolution, facts)
  return facts
}

const URL_TYPE =
  /(?:^|\/)([A-Z][A-Za-z]+)(?:\/[A-Za-z0-9\-.]{1,64}(?:\/_history\/[A-Za-z0-9\-.]{1,64})?|\?.*)$/

/**
 * Directory types and the patient; contained (`#`) and identifier-only references lead nowhere and were assessed with
 * the resource. A `urn:` or foreign reference to patient data cannot be decided on: not harmless.
 */
export function isHarmless(target: string): boolean {
  if (target === '' || target.startsWith('#')) return true
  const type = URL_TYPE.exec(target)?.[1]
  return type !== undefined && (type === 'Patient' || DIRECTORY_TYPES.has(type))
}

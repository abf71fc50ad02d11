import type { DecidedResource, ResourceDecision } from '../model/decision.ts'
import { SYSTEM } from '../model/fhir.ts'
import type { Label, LabelledResource } from '../model/label.ts'

/** What tells which labels may be written: what is taken out, what leads nowhere, and how it would be decided then. */
export interface Shown {
  /** Paths of the references that are taken out of a resource. */
  readonly hidden: (of: DecidedResource) => readonly string[]
  /** Whether a reference leads to what the requester must not know of. */
  readonly hides: (target: string, of: DecidedResource) => boolean
  /** Whether a projection takes out what stands at a path. */
  readonly removes: (path: string, of: DecidedResource) => boolean
  readonly decide: (labelled: readonly LabelledResource[]) => readonly DecidedResource[]
}

/**
 * A released resource with the labels that speak of what leaves. A label that was found only in a reference that is
 * taken out, or came from a record that the requester may not know, decides with the others but must not be written:
 * `SUD` on an ordinary procedure would tell what its removed reason was (42 CFR 2.13(c)): labels are written after segmentation.
 * Notices and caveats are those of the resource without these labels, for they would tell the same.
 */
export function withShownLabels(
  decided: DecidedResource,
  { hidden, hides, removes, decide }: Shown,
): DecidedResource {
  const { labelled, decision } = decided
  const { projections = [] } = decision
  // A requester who is given a record of a program knows of the program; not of what a projection takes out of it.
  const known = labelled.part2
  if (labelled.codes.size === 0 || (known && projections.length === 0)) return decided
  const takenOut = known ? [] : hidden(decided)
  const gone = ({ path, paths = path === undefined ? [] : [path], origin }: Label): boolean => {
    if (path === undefined) return false
    if (origin === 'lineage') return !known && hides(path, decided)
    if (paths.length >= MAX_PATHS) return paths.every(each => isTakenOut(each, takenOut))
    return paths.every(each => isTakenOut(each, takenOut) || removes(each, decided))
  }
  if (!labelled.labels.some(gone)) return decided
  const [without] = decide([withLabels(labelled, gone)])
  return without === undefined || without.decision.effect === 'deny'
    ? { decision, labelled: withLabels(labelled, gone) }
    : { labelled: without.labelled, decision: withProjections(without.decision, projections) }
}

/** As many paths are kept of a label; where all are used, it may stand in what stays. */
const MAX_PATHS = 20

/** What was taken out because of a label stays out when the label does not show. */
function withProjections(decision: ResourceDecision, projections: readonly string[]): ResourceDecision {
  const { projections: own = [] } = decision
  if (projections.every(id => own.includes(id))) return decision
  return { ...decision, projections: [...projections, ...own.filter(id => !projections.includes(id))] }
}

/** In a reference that goes, or in the narrative, which goes with it. */
function isTakenOut(path: string, hidden: readonly string[]): boolean {
  return hidden.length > 0 && (path.startsWith('text.') || hidden.some(each => path.startsWith(`${each}.`)))
}

function withLabels(labelled: LabelledResource, gone: (label: Label) => boolean): LabelledResource {
  const content = labelled.labels.filter(label => label.system !== SYSTEM.confidentiality && !gone(label))
  const marks = labelled.labels.filter(label => label.system === SYSTEM.confidentiality && !gone(label))
  const codes = new Set(content.map(({ code }) => code))
  // What remains of a resource whose strictest mark has gone is sensitive where any label is left, else ordinary.
  const rest = content.length > 0 ? 'R' : 'N'
  const confidentiality = marks.length > 0 ? labelled.confidentiality : rest
  return {
    ...labelled,
    labels: [...marks, ...content],
    confidentiality,
    codes,
    classKey: `${labelled.classKey}|shown ${[...codes].join()} ${confidentiality}`,
  }
}

/** The same list where nothing changes, so that what is remembered by list is found again. */
export function allShown(
  list: readonly DecidedResource[],
  shown: (one: DecidedResource) => DecidedResource,
): readonly DecidedResource[] {
  let changed = false
  const mapped = list.map(one => {
    const made = shown(one)
    changed ||= made !== one
    return made
  })
  return changed ? mapped : list
}

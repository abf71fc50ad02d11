import type { DecidedResource } from '../model/decision.ts'
import { SYSTEM } from '../model/fhir.ts'
import type { Label, LabelledResource } from '../model/label.ts'

/** What tells which labels may be written: what is taken out, what leads nowhere, and how it would be decided then. */
export interface Shown {
  /** Paths of the references that are taken out of a resource. */
  readonly hidden: (of: DecidedResource) => readonly string[]
  /** Whether a reference leads to what the requester must not know of. */
  readonly hides: (target: string, of: DecidedResource) => boolean
  readonly decide: (labelled: readonly LabelledResource[]) => readonly DecidedResource[]
}

/**
 * A released resource with the labels that speak of what leaves. A label that was found only in a reference that is
 * taken out, or came from a record that the requester may not know, decides with the others but must not be written:
 * `SUD` on an ordinary procedure would tell what its removed reason was (42 CFR 2.13(c)): labels are written after segmentation.
 * Notices and caveats are those of the resource without these labels, for they would tell the same.
 */
export function withShownLabels(decided: DecidedResource, { hidden, hides, decide }: Shown): DecidedResource {
  const { labelled } = decided
  // A requester who is given a record of a program knows of the program.
  if (labelled.codes.size === 0 || labelled.part2) return decided
  const takenOut = hidden(decided)
  const gone = ({ path, paths, origin }: Label): boolean =>
    path !== undefined &&
    (origin === 'lineage'
      ? hides(path, decided)
      : (paths ?? [path]).every(each => isTakenOut(each, takenOut)))
  if (!labelled.labels.some(gone)) return decided
  const [without] = decide([withLabels(labelled, gone)])
  return without === undefined || without.decision.effect === 'deny'
    ? { decision: decided.decision, labelled: withLabels(labelled, gone) }
    : without
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

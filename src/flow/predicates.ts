import type { DecidedResource } from '../model/decision.ts'
import type { Segmenter } from '../model/doors.ts'
import type { SearchInteraction } from '../model/interaction.ts'
import { Refusal } from '../model/refusal.ts'
import { resourceOf } from './lookups.ts'
import { meetsLost } from './predicate-values.ts'
import type { ReferencePaths } from './rooms.ts'

/**
 * What a predicate may touch (invariant 4): nothing that a projection takes out of a resource. A match that was found
 * through such an element counts as none, for what is not found without it must not be found with it either; an order
 * by such an element would tell its value, and is refused before anything is asked.
 */

/** Whether what stands at a path (with indexes) of a released resource goes in one of its projections. */
export function isProjectedAway(
  segmenter: Segmenter,
  { decision, labelled: { facts } }: DecidedResource,
  path: string,
): boolean {
  const { projections = [] } = decision
  if (projections.length === 0) return false
  const removes = (type: string, element: string): boolean =>
    segmenter.removes?.(projections, type, element) ?? true
  const [, index, inner] = CONTAINED.exec(path) ?? []
  if (index === undefined || inner === undefined) return removes(facts.type, path)
  // A contained resource stays with what names it, as its own type is shown.
  const contained = resourceOf(facts)?.['contained']
  const one: unknown = Array.isArray(contained) ? contained[Number(index)] : undefined
  const type =
    typeof one === 'object' && one !== null && 'resourceType' in one ? String(one.resourceType) : ''
  return removes(facts.type, 'contained') && removes(type, inner)
}

const CONTAINED = /^contained\[(\d+)\]\.(.*)$/

/** Tells of a decided match whether a parameter or sort key of the search reads what it loses. */
export function readsProjected(
  segmenter: Segmenter,
  references: ReferencePaths,
  { resourceType, parameters, sort }: SearchInteraction,
  recipient: string,
): (decided: DecidedResource) => boolean {
  const pathsOf = (name: string) => references.searchParameterPaths(resourceType, name)
  const read = [
    ...parameters.map(parameter => ({ parameter, elements: pathsOf(parameter.name) })),
    ...sortKeys(sort).map(name => ({ parameter: undefined, elements: pathsOf(name) })),
  ]
  const meetsLostValue = (decided: DecidedResource): boolean => {
    const both = segmenter.projected?.(decided, recipient)
    if (both === 'unchanged') return false
    return both === undefined || read.some(({ elements, parameter }) => meetsLost(both, elements, parameter))
  }
  return decided => {
    const { projections = [], redact } = decided.decision
    if (projections.length + redact.length === 0 || read.length === 0) return false
    const lost = (element: string): boolean =>
      redact.some(path => /^\w+/.exec(path)?.[0] === element) ||
      (projections.length > 0 && (segmenter.removes?.(projections, resourceType, element) ?? true))
    // Of a parameter that reads nobody knows what, everything is lost that is lost at all.
    if (read.some(({ elements }) => (elements.length === 0 ? lost('*') : elements.some(lost)))) return true
    return projections.length > 0 && meetsLostValue(decided)
  }
}

/** Types whose identifiers are decided one by one: an order by them would tell of those that are withheld. */
const PERSONS: ReadonlySet<string> = new Set(['Patient', 'Person', 'RelatedPerson'])

/**
 * Throws Refusal `bad-parameter` where an order would tell what this requester does not see, whoever the patient is.
 * @param ahead projections that releases to the requester may come to pass
 */
export function checkSort(
  segmenter: Segmenter,
  references: ReferencePaths,
  { resourceType, sort }: SearchInteraction,
  ahead: readonly string[],
): void {
  const told = sortKeys(sort).find(name => {
    const elements = references.searchParameterPaths(resourceType, name)
    return (
      (PERSONS.has(resourceType) && elements.includes('identifier')) ||
      (ahead.length > 0 &&
        (elements.length === 0 ? ['*'] : elements).some(
          element => segmenter.removes?.(ahead, resourceType, element) ?? true,
        ))
    )
  })
  if (told !== undefined)
    throw new Refusal('bad-parameter', {
      diagnostics: `_sort: this purpose of use does not see what "${told}" of ${resourceType} reads`,
    })
}

function sortKeys(sort: string | undefined): readonly string[] {
  return sort === undefined ? [] : sort.split(',').map(key => key.replace(/^-/, ''))
}

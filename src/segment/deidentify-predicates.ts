import type {
  DeidentificationAction,
  DeidentificationRules,
  DeidentificationStandard,
  ElementShape,
  TypeShape,
} from '../model/deidentification.ts'
import { actionFor } from './deidentify-walk.ts'

/** Actions that leave a value as it is, or take it out where it is no valid one. */
const UNCHANGED: ReadonlySet<DeidentificationAction> = new Set([
  'keep',
  'code',
  'coding',
  'label',
  'date',
  'keep-time',
  'place',
  'state',
  'country',
  'zip',
  'currency',
])

/**
 * `Projection.removes` of a standard: whether anything below an element is taken out, made coarser or replaced. Of a
 * concept the codings count: its text goes always and is no predicate of a token search.
 */
export function passesUnchanged(
  standard: DeidentificationStandard,
  { shapeOf }: DeidentificationRules,
): (resourceType: string, elementPath: string) => boolean {
  const known = new Map<string, boolean>()
  const changesType = (type: string, seen: ReadonlySet<string>): boolean => {
    if (type === 'CodeableConcept' || seen.has(type)) return false
    const shape = shapeOf(type)
    if (shape === undefined) return true
    const within = new Set([...seen, type])
    return [...shape.elements].some(
      ([name, element]) =>
        !HOUSEKEEPING.has(name) && changesElement(`${shape.path}.${name}`, element, within),
    )
  }
  const changesElement = (path: string, element: ElementShape, seen: ReadonlySet<string>): boolean => {
    const action = actionFor(standard, path, element)
    if (UNCHANGED.has(action)) return false
    if (action === 'quantity' || action === 'range')
      return standard.deidentified && (element.type === 'Age' || action === 'range')
    return action === 'walk' ? changesType(element.type, seen) : true
  }
  const removes = (shape: TypeShape | undefined, steps: readonly string[]): boolean => {
    const [step = '', ...rest] = steps
    if (shape === undefined) return true
    const found = named(shape, step)
    if (found.length === 0) return true
    return found.some(([name, element]) => {
      const at = `${shape.path}.${name}`
      return rest.length > 0 && actionFor(standard, at, element) === 'walk'
        ? removes(shapeOf(element.type), rest)
        : changesElement(at, element, new Set())
    })
  }
  return (resourceType, elementPath) => {
    const path = `${resourceType}.${elementPath.replace(new RegExp(`^${resourceType}\\.`), '')}`
    const before = known.get(path)
    if (before !== undefined) return before
    const steps = path
      .replaceAll(/\[[^\]]*\]/g, '')
      .split('.')
      .slice(1)
    const found = removes(shapeOf(resourceType), steps)
    known.set(path, found)
    return found
  }
}

/** Parts that every object may have and that no predicate reads. */
const HOUSEKEEPING: ReadonlySet<string> = new Set(['id', 'extension', 'modifierExtension'])

/** The element of that name, or every form of the choice of types of that name. */
function named({ elements }: TypeShape, step: string): readonly (readonly [string, ElementShape])[] {
  const own = elements.get(step)
  if (own !== undefined) return [[step, own]]
  return [...elements].filter(
    ([name]) => name.startsWith(step) && /^[A-Z]/.test(name.slice(step.length)) && step !== '',
  )
}

import type {
  DeidentificationAction,
  DeidentificationRules,
  DeidentificationStandard,
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
    if (type === 'CodeableConcept') return false
    const shape = seen.has(type) ? undefined : shapeOf(type)
    if (shape === undefined) return !seen.has(type)
    const within = new Set([...seen, type])
    return [...shape.elements.keys()].some(
      name => !HOUSEKEEPING.has(name) && changesElement(shape, name, within),
    )
  }
  const changesElement = (shape: TypeShape, name: string, seen: ReadonlySet<string>): boolean => {
    const element = shape.elements.get(name)
    if (element === undefined) return true
    const action = actionFor(standard, `${shape.path}.${name}`, element)
    if (UNCHANGED.has(action)) return false
    if (action === 'quantity' || action === 'range')
      return standard.deidentified && (element.type === 'Age' || action === 'range')
    return action === 'walk' ? changesType(element.type, seen) : true
  }
  const removes = (shape: TypeShape | undefined, steps: readonly string[]): boolean => {
    const [step = '', ...rest] = steps
    const names = shape === undefined ? [] : named(shape, step)
    if (shape === undefined || names.length === 0) return true
    return names.some(name => {
      const element = shape.elements.get(name)
      const walked = element !== undefined && actionFor(standard, `${shape.path}.${name}`, element) === 'walk'
      return rest.length > 0 && walked
        ? removes(shapeOf(element.type), rest)
        : changesElement(shape, name, new Set())
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
function named(shape: TypeShape, step: string): readonly string[] {
  if (shape.elements.has(step)) return [step]
  return [...shape.elements.keys()].filter(
    name => name.startsWith(step) && /^[A-Z]/.test(name.slice(step.length)) && step !== '',
  )
}

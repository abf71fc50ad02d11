/** Removal of references and elements from a parsed resource (numbers kept as their source text). */

/** A mutable JSON tree, as parseLossless gives it. */
export interface MutableObject {
  [key: string]: unknown
}

/** Required references and backbones by resource type: profiles/fhir/required-references.json. */
export interface RequiredElements {
  readonly references: Readonly<Record<string, readonly string[]>>
  readonly backbones: Readonly<Record<string, readonly string[]>>
}

/** R4 data-absent-reason `masked`: what stands where a required element was removed (DESIGN §5). */
const MASKED = [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'masked' }]

type Step = string | number

/** `diagnosis[1].condition` → `['diagnosis', 1, 'condition']`. */
export function pathSteps(path: string): Step[] {
  const steps: Step[] = []
  for (const part of path.split('.')) {
    const bracket = part.indexOf('[')
    steps.push(bracket < 0 ? part : part.slice(0, bracket))
    if (bracket < 0) continue
    for (const index of part.slice(bracket).matchAll(/\[(\d+)\]/g)) steps.push(Number(index[1]))
  }
  return steps
}

/**
 * Removes the values at `paths` from `resource`, in place. A reference that R4 requires takes its backbone entry along,
 * or, where the backbone itself must stay, becomes data-absent-reason `masked`. Arrays left empty disappear, as does the
 * narrative, which may repeat what was removed.
 */
export function removePaths(
  resource: MutableObject,
  paths: readonly string[],
  required: RequiredElements,
): void {
  if (paths.length === 0) return
  const type = String(resource['resourceType'])
  // Every path is followed before anything moves; removal then goes by identity, so order does not matter.
  const found = paths.map(path => {
    const steps = pathSteps(path)
    return { steps, chain: walk(resource, steps) }
  })
  for (const { steps, chain } of found) if (chain !== undefined) removeOne(chain, steps, type, required)
  delete resource['text']
}

function removeOne(
  chain: readonly unknown[],
  steps: readonly Step[],
  type: string,
  required: RequiredElements,
): void {
  const element = steps.filter(step => typeof step === 'string').join('.')
  if (!required.references[type]?.includes(element) || arrayHasOthers(chain, steps)) {
    drop(chain, steps, steps.length)
    return
  }
  const backboneEnd = lastIndexStep(steps, element)
  if (backboneEnd === undefined) {
    mask(chain, steps)
    return
  }
  const backbone = steps
    .slice(0, backboneEnd)
    .filter(step => typeof step === 'string')
    .join('.')
  const isRequired = required.backbones[type]?.includes(backbone) ?? false
  const siblings = chain[backboneEnd - 1]
  if (isRequired && Array.isArray(siblings) && siblings.length === 1) mask(chain, steps)
  else drop(chain, steps, backboneEnd)
}

/** Every container on the way; undefined when the path leads nowhere (already gone with a larger part). */
function walk(root: MutableObject, steps: readonly Step[]): unknown[] | undefined {
  const chain: unknown[] = [root]
  for (const step of steps) {
    const holder = chain.at(-1)
    if (typeof holder !== 'object' || holder === null) return undefined
    const value = (holder as Record<Step, unknown>)[step]
    if (value === undefined) return undefined
    chain.push(value)
  }
  return chain
}

function arrayHasOthers(chain: readonly unknown[], steps: readonly Step[]): boolean {
  const holder = chain[steps.length - 1]
  return typeof steps.at(-1) === 'number' && Array.isArray(holder) && holder.length > 1
}

/** Position after the index of the nearest enclosing backbone entry, e.g. 2 for `diagnosis[1].condition`. */
function lastIndexStep(steps: readonly Step[], element: string): number | undefined {
  if (!element.includes('.')) return undefined
  for (let i = steps.length - 2; i > 0; i--) if (typeof steps[i] === 'number') return i + 1
  return undefined
}

function drop(chain: readonly unknown[], steps: readonly Step[], end: number): void {
  const holder = chain[end - 1]
  const step = steps[end - 1]
  if (Array.isArray(holder) && typeof step === 'number') {
    const child = chain[end]
    const index = typeof child === 'object' ? holder.indexOf(child) : step
    if (index < 0) return
    holder.splice(index, 1)
    if (holder.length === 0 && end > 1) drop(chain, steps, end - 1)
    return
  }
  const object = holder as MutableObject
  delete object[String(step)]
  delete object[`_${String(step)}`]
  if (Object.keys(object).length === 0 && end > 1) drop(chain, steps, end - 1)
}

function mask(chain: readonly unknown[], steps: readonly Step[]): void {
  const holder = chain[steps.length - 1]
  const masked = { extension: MASKED }
  if (Array.isArray(holder)) holder.splice(holder.indexOf(chain.at(-1)), 1, masked)
  else (holder as MutableObject)[String(steps.at(-1))] = masked
}

import { isRawNumber } from '../model/lossless-json.ts'

/** Removal of references and elements from a parsed resource (numbers kept as their source text). */

/** A mutable JSON tree, as parseLossless gives it. */
export interface MutableObject {
  [key: string]: unknown
}

type ElementLists = Readonly<Record<string, readonly string[]>>
type ByType<T> = Readonly<Record<string, Readonly<Record<string, T>>>>

/** What R4 requires, by resource type: profiles/fhir/required-references.json. */
export interface RequiredElements {
  readonly references: ElementLists
  readonly backbones: ElementLists
  /** Backbones that stand again inside others: `{ Consent: { 'provision.provision': 'provision' } }`. */
  readonly recursions?: ByType<string>
  /** Backbones that narrow what the resource says: one of them is masked and never dropped, for that would widen it. */
  readonly criteria?: ElementLists
  /** Backbones that are valid only with one of these children. */
  readonly oneOf?: ByType<readonly string[]>
}

/** R4 data-absent-reason `masked`: what stands where a required element was removed. */
const MASKED = [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'masked' }]

type Step = string | number

/** A value in the innermost resource around it: `chain[0]` is that resource, `chain[i]` what `steps[i - 1]` leads to. */
interface Place {
  readonly steps: readonly Step[]
  readonly chain: readonly unknown[]
}

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
 * or, where that must stay, becomes data-absent-reason `masked`. What is left empty disappears, as do the narratives
 * around it, which may repeat what was removed.
 * Throws where a path leads nowhere: then what should go may stand elsewhere (invariant 2).
 */
export function removePaths(
  resource: MutableObject,
  paths: readonly string[],
  required: RequiredElements,
): void {
  // Every path is followed before anything moves, and later places go first: no index is ever out of date.
  const places = paths
    .map(pathSteps)
    .sort(laterFirst)
    .map(steps => placeAt(resource, steps))
  for (const { chain } of places) for (const holder of chain.slice(0, -1)) dropNarrative(holder)
  for (const place of places) remove(place, required)
  if (places.length > 0) dropNarrative(resource)
}

function laterFirst(a: readonly Step[], b: readonly Step[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const [x, y] = [a[i] as Step, b[i] as Step]
    if (x !== y) return x < y ? 1 : -1
  }
  return b.length - a.length
}

function placeAt(resource: MutableObject, steps: readonly Step[]): Place {
  const chain: unknown[] = [resource]
  let root = 0
  for (const [index, step] of steps.entries()) {
    const holder = chain[index]
    if (!isTree(holder) || !Object.hasOwn(holder, step)) throw new Error('a path to remove leads nowhere')
    if (typeof holder['resourceType'] === 'string') root = index
    chain.push(holder[step as string])
  }
  return { steps: steps.slice(root), chain: chain.slice(root) }
}

function isTree(value: unknown): value is MutableObject {
  return typeof value === 'object' && value !== null && !isRawNumber(value)
}

/** R4 Narrative of a resource or a section. */
function dropNarrative(holder: unknown): void {
  if (isTree(holder) && isTree(holder['text']) && 'div' in holder['text']) delete holder['text']
}

function remove(place: Place, required: RequiredElements): void {
  const { chain, steps } = place
  const end = steps.length
  const parent = typeof steps[end - 1] === 'number' ? end - 2 : end - 1
  // A modifier extension that lost its value would no longer say that it modifies.
  if (steps.slice(0, parent).includes('modifierExtension')) mask(place)
  else if (!isListed(place, end, required, 'references') || hasOthers(place, end)) drop(place, end, required)
  else if (chain[parent] === chain[0] || isListed(place, parent, required, 'criteria')) mask(place)
  else if (isLastRequired(place, parent, required)) mask(place)
  else drop(place, parent, required)
}

function isListed(
  place: Place,
  end: number,
  required: RequiredElements,
  list: 'references' | 'backbones' | 'criteria',
): boolean {
  return required[list]?.[typeOf(place)]?.includes(elementAt(place, end, required)) ?? false
}

function typeOf({ chain }: Place): string {
  return String((chain[0] as MutableObject)['resourceType'])
}

/** Element path of `chain[end]`, in the spelling of the tables. */
function elementAt(place: Place, end: number, { recursions }: RequiredElements): string {
  const same = recursions?.[typeOf(place)]
  let element = ''
  for (const step of place.steps.slice(0, end)) {
    if (typeof step === 'number') continue
    element = element === '' ? step : `${element}.${step}`
    element = same?.[element] ?? element
  }
  return element
}

function isLastRequired(place: Place, end: number, required: RequiredElements): boolean {
  return isListed(place, end, required, 'backbones') && !hasOthers(place, end)
}

function hasOthers({ chain, steps }: Place, end: number): boolean {
  const holder = chain[end - 1]
  return typeof steps[end - 1] === 'number' && Array.isArray(holder) && holder.length > 1
}

/** Takes `chain[end]` out of its holder, and the holder too where nothing is left of it. */
function drop(place: Place, end: number, required: RequiredElements): void {
  const { chain, steps } = place
  const holder = chain[end - 1] as MutableObject | unknown[]
  const step = steps[end - 1] as Step
  if (Array.isArray(holder)) {
    if (dropItem(place, end, holder, step as number)) drop(place, end - 1, required)
    return
  }
  delete holder[step]
  if (!String(step).startsWith('_')) delete holder[`_${step}`]
  if (end <= 1 || !isHollow(place, end - 1, required)) return
  if (isLastRequired(place, end - 1, required))
    holder[step] = Array.isArray(chain[end]) ? [masked()] : masked()
  else drop(place, end - 1, required)
}

/** Takes one item out of a list and tells whether the list is to go; primitives and their `_` siblings stay aligned. */
function dropItem({ chain, steps }: Place, end: number, list: unknown[], step: number): boolean {
  const child = chain[end]
  const index = isTree(child) ? list.indexOf(child) : step
  if (index < 0) return false
  const name = String(steps[end - 2])
  const isSibling = name.startsWith('_')
  const object = chain[end - 2] as MutableObject
  const otherName = isSibling ? name.slice(1) : `_${name}`
  const other = object[otherName]
  const beside = Array.isArray(other) ? other : []
  if (isSibling && (beside[index] ?? null) !== null) list[index] = null
  else {
    list.splice(index, 1)
    beside.splice(index, 1)
    if (beside.every(isNull)) delete object[otherName]
  }
  return isSibling ? list.every(isNull) : list.length === 0
}

const isNull = (item: unknown): boolean => item === null

/** Nothing left that R4 lets stand alone: ele-1, ext-1 and the invariants of `oneOf`. */
function isHollow(place: Place, end: number, required: RequiredElements): boolean {
  const keys = Object.keys(place.chain[end] as MutableObject)
  const oneOf = required.oneOf?.[typeOf(place)]?.[elementAt(place, end, required)]
  if (oneOf !== undefined) return !oneOf.some(key => keys.includes(key))
  const name = place.steps.slice(0, end).findLast(step => typeof step === 'string')
  const shell = name === 'extension' || name === 'modifierExtension' ? ['id', 'url'] : ['id']
  return keys.every(key => shell.includes(key))
}

function mask({ chain, steps }: Place): void {
  const value = chain.at(-1)
  const holder = chain[steps.length - 1] as MutableObject | unknown[]
  const step = steps.at(-1) as Step
  if (Array.isArray(holder)) holder.splice(holder.indexOf(value), 1, masked())
  else if (isTree(value)) holder[step] = masked()
  else {
    delete holder[step]
    holder[`_${step}`] = masked()
  }
}

function masked(): MutableObject {
  return { extension: MASKED }
}

import { DS4P } from '../model/ds4p.ts'
import { SYSTEM } from '../model/fhir.ts'
import type { Label, LabelledResource } from '../model/label.ts'
import { isRawNumber } from '../model/lossless-json.ts'
import { type MutableObject, pathSteps } from './redact.ts'

/**
 * Labels on elements (DS4P 1.0.0, "Inline Security Labels"): where all that tells a sensitivity stands in parts of a
 * resource, each of these parts carries the label too, so that a recipient can take it out and keep the rest.
 */

/** Elements that are a part of a resource and not what it is about, by the reason why they are. */
const PARTS_BY_REASON: Readonly<Record<string, string>> = {
  'one of several names': 'identifier',
  'one of several findings, lines or entries':
    'component item addItem diagnosis procedure supportingInfo section activity entry reaction evidence stage finding ' +
    'investigation referenceRange classHistory statusHistory hospitalization prediction action input output',
  'why it was done, not what':
    'reasonCode reasonReference supportingInformation complication complicationDetail',
  'a remark beside it': 'note comment patientInstruction dosageInstruction',
  'who took part': 'participant performer careTeam contact generalPractitioner communication',
  'one rendition of several': 'presentedForm content payload',
  'an addition to the standard': 'extension modifierExtension',
}
const PARTS = new Set(Object.values(PARTS_BY_REASON).flatMap(names => names.split(' ')))

/** Parts of one type only; elsewhere the element of this name is what the resource is about. */
const PARTS_OF_TYPE: Readonly<Record<string, readonly string[]>> = {
  FamilyMemberHistory: ['condition'],
  Goal: ['target'],
}

/** Parts of parts: the innermost carries the label. */
const INNER = new Set(['item', 'answer', 'section', 'entry', 'detail', 'subDetail', 'component', 'progress'])

/** As many paths are kept of a label; where they are all used, a further find may stand anywhere. */
const MAX_PATHS = 20

/** An element that can carry extensions: an object, or the `_sibling` of a primitive. */
type Target =
  | { readonly kind: 'object'; readonly object: MutableObject }
  | { readonly kind: 'primitive'; readonly holder: MutableObject; readonly key: string }

/** One place where a label was found, followed to the objects before anything is removed. */
interface Find {
  /** What holds the find; it leaves with it. */
  readonly holder: object
  /** Name in `holder` of a find that is a primitive. */
  readonly key?: string
  /** Undefined where the find speaks of the resource as a whole. */
  readonly part?: Target
  /** The narrative repeats what stands elsewhere. */
  readonly narrative: boolean
}

/** A label and everywhere it was found. */
export interface LocatedLabel {
  readonly label: Label
  readonly finds: readonly Find[]
}

/**
 * Where these labels were found in a resource, as objects of the tree, so that places are known after other parts
 * were taken out. Labels that came from outside the content (source, lineage, age, upstream) are left out, as is
 * everything of a Bundle, whose parts are resources.
 */
export function located(
  resource: MutableObject,
  { facts }: LabelledResource,
  labels: readonly Label[],
): readonly LocatedLabel[] {
  if (facts.type === 'Bundle') return []
  return labels.flatMap(label => {
    const same = facts.labels.filter(
      ({ system, code, rule }) => rule !== 'upstream' && system === label.system && code === label.code,
    )
    const paths = same.flatMap(({ path, paths }) => paths ?? [path ?? ''])
    if (paths.length === 0 || same.some(each => (each.paths?.length ?? 0) >= MAX_PATHS)) return []
    return [{ label, finds: paths.map(path => findAt(resource, path)) }]
  })
}

function findAt(resource: MutableObject, path: string): Find {
  const steps = path === '' ? [] : pathSteps(path)
  const chain: unknown[] = [resource]
  for (const step of steps) {
    const holder = chain.at(-1)
    if (!isTree(holder) || !Object.hasOwn(holder, step)) return { holder: resource, narrative: false }
    chain.push(holder[step as string])
  }
  const deepest = chain.findLastIndex(isTree)
  const key = deepest < steps.length ? steps[deepest] : undefined
  const part = partOf(String(resource['resourceType']), steps, chain)
  return {
    holder: chain[deepest] as object,
    ...(typeof key === 'string' ? { key } : {}),
    ...(part === undefined ? {} : { part }),
    narrative: steps[0] === 'text',
  }
}

function partOf(
  type: string,
  steps: readonly (string | number)[],
  chain: readonly unknown[],
): Target | undefined {
  const [first] = steps
  if (typeof first !== 'string') return undefined
  if (first === 'text') return targetAt(1, steps, chain)
  if (!PARTS.has(first) && PARTS_OF_TYPE[type]?.includes(first) !== true) return undefined
  const end = first === 'extension' || first === 'modifierExtension' ? extensionEnd(steps) : innerEnd(steps)
  return targetAt(end, steps, chain)
}

/** Number of steps that lead to the innermost part: `item[0].answer[1].valueString` → `item[0].answer[1]`. */
function innerEnd(steps: readonly (string | number)[]): number {
  let end = 1
  for (let i = 1; i < steps.length; i++) {
    const step = steps[i] as string | number
    if (typeof step === 'string' && !INNER.has(step)) break
    end = i + 1
  }
  return end
}

/** An extension has either a value or extensions (ext-1): its value carries the label. */
function extensionEnd(steps: readonly (string | number)[]): number {
  const value = steps.findIndex(step => typeof step === 'string' && step.startsWith('value'))
  return value < 0 ? steps.length : value + 1
}

function targetAt(
  end: number,
  steps: readonly (string | number)[],
  chain: readonly unknown[],
): Target | undefined {
  const value = chain[end]
  if (isObject(value)) return { kind: 'object', object: value }
  const holder = chain[end - 1]
  const key = steps[end - 1]
  const isPrimitive = isObject(holder) && typeof key === 'string' && !Array.isArray(value)
  return isPrimitive ? { kind: 'primitive', holder, key } : undefined
}

/**
 * Writes each label on the parts it was found in, if nothing that is left of the resource tells it otherwise. Every
 * such part gets the confidentiality of the resource beside it: a label has exactly one.
 * @returns whether anything was written; then `meta.security` must say so
 */
export function writeInline(
  resource: MutableObject,
  labels: readonly LocatedLabel[],
  codingOf: (label: Label) => MutableObject,
  confidentiality: MutableObject,
): boolean {
  if (labels.length === 0) return false
  const left = reachable(resource)
  const written = new Set<MutableObject>()
  for (const { label, finds } of labels) {
    const told = finds.filter(
      ({ holder, key }) => left.has(holder) && (key === undefined || Object.hasOwn(holder, key)),
    )
    if (told.every(({ narrative }) => narrative)) continue
    const parts = told.flatMap(({ part }) => part ?? [])
    if (parts.length < told.length) continue
    for (const element of parts.map(carrier)) {
      if (!written.has(element)) add(element, confidentiality)
      written.add(element)
      add(element, codingOf(label))
    }
  }
  return written.size > 0
}

/** Every object and list of the tree. */
function reachable(root: unknown): ReadonlySet<unknown> {
  const seen = new Set<unknown>()
  const open: unknown[] = [root]
  while (open.length > 0) {
    const value = open.pop()
    if (!isTree(value)) continue
    seen.add(value)
    open.push(...Object.values(value))
  }
  return seen
}

/** The object that holds the extensions of an element. */
function carrier(target: Target): MutableObject {
  if (target.kind === 'object') return target.object
  const sibling = `_${target.key}`
  const known = target.holder[sibling]
  if (isObject(known)) return known
  const made: MutableObject = {}
  target.holder[sibling] = made
  return made
}

/** Adds the label, unless one of the same code (or another confidentiality) stands there already. */
function add(element: MutableObject, coding: MutableObject): void {
  const extension = Array.isArray(element['extension']) ? element['extension'] : []
  const isThere = extension.some(each => {
    const { system, code } = isObject(each) && each['url'] === DS4P.inline ? labelOf(each) : NOTHING
    if (system !== coding['system']) return false
    return code === coding['code'] || system === SYSTEM.confidentiality
  })
  if (!isThere) element['extension'] = [...extension, { url: DS4P.inline, valueCoding: coding }]
}

const NOTHING: MutableObject = {}

function labelOf({ valueCoding }: MutableObject): MutableObject {
  return isObject(valueCoding) ? valueCoding : {}
}

function isTree(value: unknown): value is MutableObject {
  return typeof value === 'object' && value !== null && !isRawNumber(value)
}

function isObject(value: unknown): value is MutableObject {
  return isTree(value) && !Array.isArray(value)
}

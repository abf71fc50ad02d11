import { DS4P } from '../model/ds4p.ts'
import { DIRECTORY_TYPES, SYSTEM } from '../model/fhir.ts'
import { isRawNumber } from '../model/lossless-json.ts'
import { type Projection, type ResourceTree, viewProjection } from '../model/projection.ts'
import type { View } from '../model/view.ts'
import { childOf, type Keep, keepOf, keepsWhole } from './view-keep.ts'

/** R4 elements with min >= 1 by type, with their form: profiles/fhir/required-elements.json. */
export type RequiredForms = Readonly<Record<string, Readonly<Record<string, string>>>>

const DATA_ABSENT = 'http://hl7.org/fhir/StructureDefinition/data-absent-reason'
/** Extensions that say of what stands there how it is to be taken: what is absent, what is sensitive. */
const ALWAYS_KEPT: readonly string[] = [DATA_ABSENT, DS4P.inline]
/** Members of a resource that every view keeps. Its narrative, its profiles and tags go: they speak of the whole. */
const ENVELOPE = ['resourceType', 'id', 'implicitRules', 'language']
const META = ['versionId', 'lastUpdated', 'security']
const SUBSETTED = { system: SYSTEM.observationValue, code: 'SUBSETTED', display: 'subsetted' } as const

/**
 * A view as a projection: of each type only what its keep-list names. The outcome depends on nothing that is not kept:
 * what R4 requires beside it is masked whether it was there or not, and every resource of a type with a keep-list
 * bears `SUBSETTED` and loses its narrative, so that nobody can tell what it held (invariant 3). Types that are shown
 * whole, and resources that speak of no patient, are left as they are.
 */
export function createView(view: View, required: RequiredForms): Projection {
  const keeps = new Map<string, Keep | 'all' | undefined>()
  const keepFor = (type: string): Keep | 'all' | undefined => {
    if (!keeps.has(type)) keeps.set(type, keepOf(view, type))
    return keeps.get(type) ?? (DIRECTORY_TYPES.has(type) ? 'all' : undefined)
  }
  const cutter = { allowed: new Set([...ALWAYS_KEPT, ...(view.extensions ?? [])]), required, keepFor }
  return {
    id: viewProjection(view.id),
    // The files of a view are part of the revision, and caches end with it.
    key: view.id,
    touches: type => keepFor(type) !== 'all',
    removes: (type, path) => {
      const keep = keepFor(type)
      if (keep === 'all') return false
      const steps = path.split('.').map(step => step.replace(/^_/, '').replace(/\[.*$/, ''))
      if (steps[0] === 'id' || steps[0] === 'meta') return false
      return keep === undefined || !keepsWhole(keep, steps)
    },
    apply: resource => {
      const keep = keepFor(String(resource['resourceType']))
      if (keep === undefined) throw new Error('the view does not show this type')
      if (keep === 'all') return { tags: [], security: [] }
      replace(resource, cut(resource, keep, cutter))
      return { tags: [SUBSETTED], security: [] }
    },
  }
}

interface Cutter {
  readonly allowed: ReadonlySet<string>
  readonly required: RequiredForms
  readonly keepFor: (type: string) => Keep | 'all' | undefined
}

function cut(resource: ResourceTree, keep: Keep, cutter: Cutter): ResourceTree {
  const type = String(resource['resourceType'])
  const envelope: ResourceTree = {}
  for (const name of ENVELOPE) if (name in resource) envelope[name] = resource[name]
  const { meta } = resource
  if (isTree(meta)) {
    const left: ResourceTree = {}
    for (const name of META) if (name in meta) left[name] = meta[name]
    if (Object.keys(left).length > 0) envelope['meta'] = left
  }
  const content = narrowed(resource, keep, { type, path: '' }, cutter)
  return withContained({ ...envelope, ...content }, resource, cutter)
}

interface Place {
  readonly type: string
  /** Element path without type: '' for the resource. */
  readonly path: string
}

/** The kept members of an object, and masks where R4 requires one that is not kept. */
function narrowed(source: ResourceTree, keep: Keep, place: Place, cutter: Cutter): ResourceTree {
  const out: ResourceTree = {}
  for (const [key, value] of Object.entries(source)) {
    if (place.path === '' && (ENVELOPE.includes(key) || key === 'meta')) continue
    const left =
      key === 'modifierExtension' ? modifiers(value, cutter) : member(key, value, keep, place, cutter)
    if (left !== undefined) out[key] = left
  }
  masks(out, source, keep, place, cutter)
  return out
}

function member(key: string, value: unknown, keep: Keep, place: Place, cutter: Cutter): unknown {
  if (key === 'extension') return extensions(value, cutter)
  const child = childOf(keep, key.startsWith('_') ? key.slice(1) : key)
  if (child === undefined) return undefined
  const at = { type: place.type, path: below(place, key) }
  const one = (item: unknown): unknown => {
    if (child.whole) return cleanedValue(item, cutter)
    if (!isTree(item)) return undefined
    const left = narrowed(item, child, at, cutter)
    return Object.keys(left).length > 0 ? left : undefined
  }
  if (!Array.isArray(value)) return one(value)
  const { only } = child
  const chosen =
    only === undefined ? value : value.filter(item => isTree(item) && item[only.key] === only.value)
  if (chosen.some(item => !isTree(item))) return aligned(chosen, one)
  const left = chosen.map(one).filter(item => item !== undefined)
  return left.length > 0 ? left : undefined
}

/** Primitives and their `_` siblings stay aligned: what goes leaves null. */
function aligned(items: readonly unknown[], one: (item: unknown) => unknown): unknown[] | undefined {
  const left = items.map(item => (item === null ? null : (one(item) ?? null)))
  return left.every(item => item === null) ? undefined : left
}

function below({ path }: Place, key: string): string {
  return path === '' ? key : `${path}.${key}`
}

/** A value that is kept whole, but for extensions that the view does not name. */
function cleanedValue(value: unknown, cutter: Cutter): unknown {
  if (!isTree(value)) return value
  const out = cleaned(value, cutter)
  const left = Object.keys(out)
  return left.length === 0 || (left.length === 1 && left[0] === 'id') ? undefined : out
}

function cleaned(source: ResourceTree, cutter: Cutter): ResourceTree {
  const out: ResourceTree = {}
  for (const [key, value] of Object.entries(source)) {
    const left =
      key === 'extension'
        ? extensions(value, cutter)
        : key === 'modifierExtension'
          ? modifiers(value, cutter)
          : inside(value, cutter)
    if (left !== undefined) out[key] = left
  }
  return out
}

/** The extensions that may stay; what stands there and is no list of extensions goes. */
function extensions(value: unknown, { allowed }: Cutter): readonly unknown[] | undefined {
  if (!Array.isArray(value)) return undefined
  return nonEmpty(value.filter(each => isTree(each) && allowed.has(String(each['url']))))
}

function inside(value: unknown, cutter: Cutter): unknown {
  if (!Array.isArray(value)) return cleanedValue(value, cutter)
  if (value.some(item => !isTree(item))) return aligned(value, item => cleanedValue(item, cutter))
  return nonEmpty(value.map(item => cleanedValue(item, cutter)).filter(item => item !== undefined))
}

function nonEmpty(list: readonly unknown[]): readonly unknown[] | undefined {
  return list.length > 0 ? list : undefined
}

/** What modifies stays known to modify; what it says is masked, unless the view names it. */
function modifiers(value: unknown, { allowed }: Cutter): unknown {
  if (!Array.isArray(value)) return undefined
  return nonEmpty(
    value
      .filter(isTree)
      .map(one => (allowed.has(String(one['url'])) ? one : { url: one['url'], ...absent() })),
  )
}

/** Puts a mask where R4 requires an element that is not kept, or of which nothing was left. */
function masks(out: ResourceTree, source: ResourceTree, keep: Keep, place: Place, cutter: Cutter): void {
  const forms = cutter.required[place.type] ?? {}
  for (const [path, form] of Object.entries(forms)) {
    const name = childName(path, place.path)
    if (name === undefined) continue
    const base = name.replace('[x]', '')
    const present = (held: ResourceTree): boolean =>
      Object.keys(held).some(
        key => key.replace(/^_/, '') === base || (name !== base && new RegExp(`^_?${base}[A-Z]`).test(key)),
      )
    if (present(out)) continue
    // What the view keeps and the source lacks is the source's own defect.
    if (childOf(keep, base) !== undefined && !present(source)) continue
    mask(out, base, form, { type: place.type, path }, cutter)
  }
}

/** `coverage` for `insurance.coverage` under `insurance`. */
function childName(path: string, parent: string): string | undefined {
  if (parent !== '' && !path.startsWith(`${parent}.`)) return undefined
  const name = parent === '' ? path : path.slice(parent.length + 1)
  return name.includes('.') ? undefined : name
}

/** @param form `primitive`, `complex` or `backbone`, a star for a list, and of a choice the type it takes */
function mask(out: ResourceTree, base: string, form: string, place: Place, cutter: Cutter): void {
  const [kind = '', type = ''] = form.split(' ')
  const list = kind.endsWith('*')
  const wrap = (value: unknown): unknown => (list ? [value] : value)
  if (kind.startsWith('primitive')) {
    out[`_${base}${type}`] = wrap(absent())
    return
  }
  const inner: ResourceTree = {}
  if (kind.startsWith('backbone')) masks(inner, {}, NOTHING, place, cutter)
  out[`${base}${type}`] = wrap(Object.keys(inner).length > 0 ? inner : absent())
}

const NOTHING: Keep = { whole: false, children: new Map(), choices: [] }

function absent(): ResourceTree {
  return { extension: [{ url: DATA_ABSENT, valueCode: 'masked' }] }
}

/** Contained resources that what is kept refers to, each by the keep-list of its type; others go with what names them. */
function withContained(out: ResourceTree, { contained }: ResourceTree, cutter: Cutter): ResourceTree {
  if (!Array.isArray(contained)) return out
  const byId = new Map(contained.filter(isTree).map(one => [String(one['id']), one]))
  const kept = new Map<string, ResourceTree>()
  const follow = (holder: unknown): void => {
    for (const id of localReferences(holder)) {
      const one = byId.get(id)
      const keep = one === undefined ? undefined : cutter.keepFor(String(one['resourceType']))
      if (one === undefined || keep === undefined || kept.has(id)) continue
      const left = keep === 'all' ? cleaned(one, cutter) : cut(one, keep, cutter)
      delete left['meta']
      delete left['text']
      kept.set(id, left)
      follow(left)
    }
  }
  follow(out)
  for (const one of [out, ...kept.values()]) maskLost(one, kept)
  if (kept.size > 0) out['contained'] = [...kept.values()]
  return out
}

function localReferences(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(localReferences)
  if (!isTree(value)) return []
  const { reference } = value
  const own = typeof reference === 'string' && reference.startsWith('#') ? [reference.slice(1)] : []
  return [...own, ...Object.values(value).flatMap(localReferences)]
}

/** References to contained resources that went are masked with all they say. */
function maskLost(value: unknown, kept: ReadonlyMap<string, ResourceTree>): void {
  if (Array.isArray(value)) for (const item of value) maskLost(item, kept)
  if (!isTree(value)) return
  const { reference } = value
  if (typeof reference !== 'string' || !reference.startsWith('#') || kept.has(reference.slice(1))) {
    for (const item of Object.values(value)) maskLost(item, kept)
    return
  }
  replace(value, absent())
}

function replace(target: ResourceTree, by: ResourceTree): void {
  for (const key of Object.keys(target)) delete target[key]
  Object.assign(target, by)
}

function isTree(value: unknown): value is ResourceTree {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawNumber(value)
}

import type {
  DeidentificationAction,
  DeidentificationRules,
  DeidentificationStandard,
  ElementShape,
  TypeShape,
} from '../model/deidentification.ts'
import { type Codes, isTree, numberOf } from './deidentify-codes.ts'
import {
  type Aging,
  birthYearOf,
  dateOf,
  placeOf,
  quantityOf,
  rangeOf,
  timeOf,
  yearOf,
  zip3Of,
  zipOf,
} from './deidentify-values.ts'
import type { Pseudonyms } from './pseudonym.ts'
import type { MutableObject } from './redact.ts'

/** What a resource is walked with. */
export interface Tools {
  readonly standard: DeidentificationStandard
  readonly rules: DeidentificationRules
  readonly codes: Codes
  readonly pseudonyms: Pseudonyms
  readonly withheldTypes: ReadonlySet<string>
  readonly aging: Aging
}

/** A walk of one resource: ids of contained resources are replaced by their numbers. */
interface Walk extends Tools {
  readonly contained: ReadonlyMap<string, string>
  /** Objects in which nothing is left but what may stay. */
  readonly walked: WeakSet<MutableObject>
}

const DATA_ABSENT = 'http://hl7.org/fhir/StructureDefinition/data-absent-reason'
const absence = (): MutableObject => ({ url: DATA_ABSENT, valueCode: 'masked' })
const masked = (): MutableObject => ({ extension: [absence()] })

/** The action for an element: its own, else that of its datatype; parts of a resource are walked, all else goes. */
export function actionFor(
  standard: DeidentificationStandard,
  path: string,
  { type }: ElementShape,
): DeidentificationAction {
  const own = standard.elements[path]
  if (own !== undefined) return own
  if (type === 'Resource' || type.includes('_')) return 'walk'
  const ofType = Object.hasOwn(standard.datatypes, type) ? standard.datatypes[type] : undefined
  return ofType ?? 'remove'
}

/**
 * De-identifies a resource in place. Throws where its type may not leave or is none of R4.
 */
export function walkResource(resource: MutableObject, tools: Tools): void {
  const type = String(resource['resourceType'])
  const stay = fitAmong(resource['contained'], tools)
  const contained = new Map(stay.map((each, index) => [`#${String(each['id'])}`, `#c${index + 1}`]))
  const walk: Walk = { ...tools, contained, walked: new WeakSet() }
  if ('contained' in resource) resource['contained'] = stay
  const { id } = resource
  one(resource, walk)
  if (typeof id === 'string') place(resource, 'id', tools.pseudonyms.id(type, id))
  stay.forEach((each, index) => {
    place(each, 'id', `c${index + 1}`)
  })
  if (tools.standard.elements[`${type}.identifier`] === 'own-pseudonym' && typeof id === 'string')
    resource['identifier'] = [
      { system: 'urn:ietf:rfc:3986', value: `urn:uuid:${tools.pseudonyms.text(`${type}.identifier`, id)}` },
    ]
}

/** `resourceType` and `id` stand first. */
function place(resource: MutableObject, key: string, value: unknown): void {
  const { resourceType, ...rest } = resource
  for (const name of Object.keys(resource)) delete resource[name]
  Object.assign(resource, { resourceType, [key]: value }, rest)
}

function isFit(type: string, { rules, withheldTypes }: Tools): boolean {
  return rules.shapeOf(type) !== undefined && !type.includes('_') && !withheldTypes.has(type)
}

/** Contained resources that can be made fit to leave; the others go, as what refers to them does. */
function fitAmong(value: unknown, tools: Tools): MutableObject[] {
  return (Array.isArray(value) ? value : [])
    .filter(isTree)
    .filter(({ resourceType }) => isFit(String(resourceType), tools))
}

function one(resource: MutableObject, walk: Walk): void {
  const type = String(resource['resourceType'])
  const shape = walk.rules.shapeOf(type)
  if (shape === undefined || !isFit(type, walk))
    throw new Error('a resource of this type cannot be de-identified')
  walkObject(resource, shape, walk)
  resource['resourceType'] = type
}

/** Leaves in an object what may stay; tells whether anything but masks did. */
function walkObject(object: MutableObject, shape: TypeShape, walk: Walk): boolean {
  const before = Object.entries(object)
  let left = false
  for (const [key] of before) delete object[key]
  for (const [key, value] of before) {
    if (key === 'modifierExtension' && Array.isArray(value)) {
      object[key] = value.map(each => extensionOf(each, walk) ?? absence())
      left = true
      continue
    }
    const element = shape.elements.get(key)
    if (element === undefined) continue
    const kept = elementOf(`${shape.path}.${key}`, element, value, walk)
    if (kept === undefined) continue
    object[key] = kept
    left = true
  }
  keepSiblings(object, before, shape, walk)
  const { needs } = walk.standard
  for (const key of Object.keys(object))
    if (needs[`${shape.path}.${key}`]?.some(other => other in object) === false) delete object[key]
  maskRequired(object, before, shape, walk)
  walk.walked.add(object)
  return left && Object.keys(object).length > 0
}

/** `_name` beside a primitive: its extensions that may stay. */
function keepSiblings(
  object: MutableObject,
  before: readonly (readonly [string, unknown])[],
  shape: TypeShape,
  walk: Walk,
): void {
  for (const [key, value] of before) {
    const name = key.slice(1)
    if (!key.startsWith('_') || !shape.elements.has(name) || !isTree(value)) continue
    if (
      actionFor(walk.standard, `${shape.path}.${name}`, shape.elements.get(name) as ElementShape) === 'remove'
    )
      continue
    const extension = extensionsOf(value['extension'], walk)
    if (extension !== undefined) object[key] = { extension }
  }
}

/** What R4 requires and is gone says that it is masked; so does what would modify the meaning of the whole. */
function maskRequired(
  object: MutableObject,
  before: readonly (readonly [string, unknown])[],
  shape: TypeShape,
  { standard, walked }: Walk,
): void {
  const oneOf = standard.oneOf[shape.path] ?? []
  const lost = oneOf.some(name => name in object)
    ? undefined
    : oneOf.find(name => before.some(([key]) => key === name))
  for (const [name, value] of before) {
    const key = name.startsWith('_') ? name.slice(1) : name
    const element = shape.elements.get(key)
    if (element === undefined || key in object || `_${key}` in object) continue
    const path = `${shape.path}.${key}`
    const asked =
      shape.required.has(key) || key === lost || key === 'implicitRules' || standard.elements[path] === 'mask'
    if (!asked || key === 'url') continue
    // A part that lost everything is put back with its masks, for R4 requires these too.
    const parts = Array.isArray(value) ? value : [value]
    const part = element.type.includes('_') ? parts.find(each => isTree(each) && walked.has(each)) : undefined
    const shell = part === undefined || Object.keys(part).length === 0 ? masked() : part
    const mask = element.list ? [shell] : shell
    if (/^[a-z]/.test(element.type)) object[`_${key}`] = mask
    else object[key] = mask
  }
}

/** What stays of the value, or of the list of values, of an element. */
function elementOf(path: string, element: ElementShape, value: unknown, walk: Walk): unknown {
  const action = actionFor(walk.standard, path, element)
  if (action === 'remove' || action === 'mask' || action === 'own-pseudonym') return undefined
  if (element.type === 'Resource') return containedOf(value, walk)
  if (element.type === 'Extension') return extensionsOf(value, walk)
  if (element.list !== Array.isArray(value)) return undefined
  if (!Array.isArray(value)) return keptOf(action, element, value, walk)
  const kept = value.map(item => keptOf(action, element, item, walk)).filter(item => item !== undefined)
  return kept.length === 0 ? undefined : kept
}

function containedOf(value: unknown, walk: Walk): unknown {
  const stay = fitAmong(value, walk)
  for (const each of stay) one(each, walk)
  return stay.length === 0 ? undefined : stay
}

type Act = (value: unknown, element: ElementShape, walk: Walk) => unknown

/** One value, by action; undefined where it goes. */
const ACTS: Readonly<Partial<Record<DeidentificationAction, Act>>> = {
  keep: (value, { type }, walk) => {
    if (type === 'boolean') return typeof value === 'boolean' ? value : undefined
    const count = numberOf(value)
    return count === undefined || (isOldAge(count, walk) && type !== 'positiveInt') ? undefined : value
  },
  // A code without a known value set: of a language, or in the small letters that codes of R4 have.
  code: (value, { codes: known }, { codes }) =>
    (known === undefined ? codes.shaped('language', value) : undefined) ?? codes.code(value, known),
  coding: (value, _, { codes }) => codes.coding(value),
  label: (value, _, { codes }) => codes.coding(value),
  quantity: (value, { type }, { codes, aging, standard, rules }) =>
    quantityOf(value, type === 'Age', aging, standard, { codes, oldest: rules.vocabulary.oldestAge }),
  range: (value, _, { codes, standard, rules }) =>
    rangeOf(value, standard, { codes, vocabulary: rules.vocabulary }),
  reference: (value, _, walk) => referenceOf(value, walk),
  pseudonym: (value, _, { pseudonyms }) =>
    typeof value === 'string' ? pseudonyms.text('uid', value) : undefined,
  year: value => yearOf(value),
  'birth-year': (value, _, { aging, rules }) => birthYearOf(value, aging, rules.vocabulary.oldestAge),
  date: value => dateOf(value),
  'keep-time': value => timeOf(value),
  state: (value, _, { codes }) => codes.state(value),
  country: (value, _, { codes }) => codes.shaped('country', value),
  place: value => placeOf(value),
  zip: value => zipOf(value),
  zip3: (value, _, { rules }) => zip3Of(value, rules.zipPrefixes),
  currency: (value, _, { codes }) => codes.shaped('currency', value),
}

/** A bare number in a resource that observes an age. */
function isOldAge(count: number, { aging, standard, rules }: Walk): boolean {
  return standard.deidentified && aging.saysAge && count > rules.vocabulary.oldestAge
}

function keptOf(action: DeidentificationAction, element: ElementShape, value: unknown, walk: Walk): unknown {
  const act = ACTS[action]
  if (act !== undefined) return act(value, element, walk)
  const shape = action === 'walk' ? walk.rules.shapeOf(element.type) : undefined
  if (shape === undefined || !isTree(value)) return undefined
  return walkObject(value, shape, walk) ? value : undefined
}

/** A reference with its pseudonym; what it names otherwise goes. One to a contained resource that went goes too. */
function referenceOf(value: unknown, { pseudonyms, contained, codes }: Walk): MutableObject | undefined {
  if (!isTree(value) || typeof value['reference'] !== 'string' || value['reference'] === '') return undefined
  const { reference, type } = value
  const mapped = reference.startsWith('#')
    ? reference === '#'
      ? '#'
      : contained.get(reference)
    : pseudonyms.reference(reference)
  if (mapped === undefined) return undefined
  const named = codes.shaped('resourceType', type)
  return { reference: mapped, ...(named === undefined ? {} : { type: named }) }
}

function extensionsOf(value: unknown, walk: Walk): MutableObject[] | undefined {
  if (!Array.isArray(value)) return undefined
  const kept = value.map(each => extensionOf(each, walk)).filter(each => each !== undefined)
  return kept.length === 0 ? undefined : kept
}

/** An extension that is known to say nothing of who somebody is, with the parts of it that are known so. */
function extensionOf(value: unknown, walk: Walk): MutableObject | undefined {
  const { extensions } = walk.rules.vocabulary
  if (!isTree(value)) return undefined
  const known = extensions.find(({ url }) => url === value['url'])
  if (known === undefined) return undefined
  const own = extensionValue(value, walk)
  if (own !== undefined) return { url: known.url, ...own }
  const { parts = [] } = known
  const nested = Array.isArray(value['extension']) ? value['extension'].filter(isTree) : []
  const kept = nested.flatMap(each => {
    const url = parts.find(part => part === each['url'])
    const content = url === undefined ? undefined : extensionValue(each, walk)
    return content === undefined ? [] : [{ url, ...content }]
  })
  return kept.length === 0 ? undefined : { url: known.url, extension: kept }
}

function extensionValue(extension: MutableObject, walk: Walk): MutableObject | undefined {
  const shape = walk.rules.shapeOf('Extension')
  const key = Object.keys(extension).find(name => name.startsWith('value'))
  const element = key === undefined ? undefined : shape?.elements.get(key)
  if (key === undefined || element === undefined) return undefined
  const kept =
    element.type === 'code'
      ? walk.codes.extensionCode(extension[key])
      : elementOf(`Extension.${key}`, element, extension[key], walk)
  return kept === undefined ? undefined : { [key]: kept }
}

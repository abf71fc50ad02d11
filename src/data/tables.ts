import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import type { ConsentExtension } from '../model/consent.ts'
import type { RecipientClass } from '../model/recipient.ts'
import { compiledSchema } from './compiled-schemas.ts'

/** Small tables under profiles/ that come with the release and are not a site's to change. */

type Lists = Readonly<Record<string, readonly string[]>>
type ByType<T> = Readonly<Record<string, Readonly<Record<string, T>>>>

/** Required references and backbones of R4 by resource type. */
export interface RequiredReferences {
  readonly references: Lists
  readonly backbones: Lists
  /** Backbones that stand again inside others (contentReference). */
  readonly recursions: ByType<string>
  /** Backbones that narrow what a resource says, so that leaving one out would widen it. */
  readonly criteria: Lists
  /** Backbones that R4 allows only with at least one of these children: invariants app-1, cmp-1, pat-1. */
  readonly oneOf: ByType<readonly string[]>
}

const lists = { type: 'object', additionalProperties: { type: 'array', items: { type: 'string' } } }

const REQUIRED_SCHEMA = {
  type: 'object',
  required: ['citation', 'references', 'backbones', 'recursions', 'criteria', 'oneOf'],
  properties: {
    citation: { type: 'string' },
    references: lists,
    backbones: lists,
    recursions: {
      type: 'object',
      additionalProperties: { type: 'object', additionalProperties: { type: 'string' } },
    },
    criteria: lists,
    oneOf: { type: 'object', additionalProperties: lists },
  },
  additionalProperties: false,
}

const strings = { type: 'array', items: { type: 'string' }, minItems: 1 }

const CLASSES_SCHEMA = {
  type: 'object',
  required: ['citation', 'classes'],
  properties: {
    citation: { type: 'string' },
    classes: {
      type: 'array',
      items: {
        type: 'object',
        required: ['code', 'roles'],
        properties: { code: { type: 'string' }, roles: strings, relationships: strings },
        additionalProperties: false,
      },
    },
  },
  additionalProperties: false,
}

const EXTENSIONS_SCHEMA = {
  type: 'object',
  required: ['citation', 'extensions'],
  properties: {
    citation: { type: 'string' },
    extensions: {
      type: 'array',
      items: {
        type: 'object',
        required: ['url'],
        properties: {
          url: { type: 'string' },
          element: { enum: ['type', 'securityLabel', 'purpose', 'class', 'code'] },
          values: { type: 'object', additionalProperties: { enum: ['permit', 'deny'] } },
        },
        additionalProperties: false,
      },
    },
  },
  additionalProperties: false,
}

/** Gives the text of a file by its path from the root of the project. */
export type ReadTable = (path: string) => string

const readTable: ReadTable = path => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

/** profiles/fhir/required-references.json. Throws Error that names the file and the place. */
export function loadRequiredReferences(read: ReadTable = readTable): RequiredReferences {
  return load('profiles/fhir/required-references.json', REQUIRED_SCHEMA, read) as RequiredReferences
}

/** profiles/purpose/recipient-classes.json. Throws Error that names the file and the place. */
export function loadRecipientClasses(read: ReadTable = readTable): readonly RecipientClass[] {
  const file = load('profiles/purpose/recipient-classes.json', CLASSES_SCHEMA, read)
  return (file as { classes: readonly RecipientClass[] }).classes
}

/** profiles/purpose/consent-extensions.json. Throws Error that names the file and the place. */
export function loadConsentExtensions(read: ReadTable = readTable): readonly ConsentExtension[] {
  const file = load('profiles/purpose/consent-extensions.json', EXTENSIONS_SCHEMA, read)
  return (file as { extensions: readonly ConsentExtension[] }).extensions
}

function load(path: string, schema: object, read: ReadTable): unknown {
  const value = parse(path, read(path))
  const validate = compiledSchema(JSON.stringify(schema), {})
  if (validate(value)) return value
  throw new Error(new Ajv().errorsText(validate.errors, { dataVar: path }))
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Error(`${path}: expected JSON (${error instanceof Error ? error.message : 'unreadable'})`)
  }
}

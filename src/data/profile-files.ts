import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ValidateFunction } from 'ajv'
import { compiledSchema } from './compiled-schemas.ts'

/** The folder of profiles that comes with the program. */
export const BUILT_IN_FOLDER = fileURLToPath(new URL('../../profiles/', import.meta.url))

/** Profiles that cannot be used. The message names the file, the place and what was expected. */
export class ProfilesError extends Error {
  constructor(file: string, place: string, expected: string) {
    super(`${file}${place === '' ? '' : `, ${place}`}: ${expected}`)
    this.name = 'ProfilesError'
  }
}

/** One JSON file as read. `name` is its place under its profiles folder, e.g. `law/us-ny.json`. */
export interface ProfileFile {
  readonly path: string
  readonly name: string
  readonly text: string
}

const isData = (name: string) => name.endsWith('.json') && !name.endsWith('schema.json')

/** The JSON files of one folder of profiles, by name; a folder that is not there has none. Schemas are left out. */
export function filesIn(root: string, folder: string): readonly ProfileFile[] {
  const at = join(root, folder)
  if (!existsSync(at)) return []
  return readdirSync(at)
    .filter(isData)
    .sort()
    .map(name => readProfile(root, join(folder, name)))
}

/** One named file, or nothing where it is absent. */
export function fileAt(root: string, name: string): readonly ProfileFile[] {
  return existsSync(join(root, name)) ? [readProfile(root, name)] : []
}

function readProfile(root: string, name: string): ProfileFile {
  const path = join(root, name)
  return { path, name: name.replaceAll('\\', '/'), text: readFileSync(path, 'utf8') }
}

/** Compiles a JSON Schema (draft-07) file. */
export function schemaAt(path: string): ValidateFunction {
  return compiledSchema(readFileSync(path, 'utf8'), { allErrors: false, strictTypes: false })
}

/**
 * Parses and checks one file. `list` is its array; a fault in it is told by the id of the entry where it has one.
 * @throws ProfilesError
 */
export function checked<T>(file: ProfileFile, validate: ValidateFunction, list: string): readonly T[] {
  const value = parse(file)
  if (validate(value)) return (value as Record<string, readonly T[]>)[list] ?? []
  const error = validate.errors?.find(({ keyword }) => keyword !== 'if') ?? validate.errors?.[0]
  const place = error?.instancePath ?? ''
  const extra = Object.values(error?.params ?? {}).filter(
    each => typeof each === 'string' || Array.isArray(each),
  )
  throw new ProfilesError(
    file.path,
    [idAt(value, list, place), place].filter(Boolean).join(' '),
    [error?.message ?? 'does not fit its schema', ...extra.map(each => `(${each})`)].join(' '),
  )
}

function parse(file: ProfileFile): unknown {
  try {
    return JSON.parse(file.text)
  } catch (error) {
    throw new ProfilesError(
      file.path,
      '',
      `expected JSON; ${error instanceof Error ? error.message : 'unreadable'}`,
    )
  }
}

/** `"p2-2.31-consent"` for `/rows/0/effect`. */
function idAt(value: unknown, list: string, place: string): string {
  const [, name, index] = place.split('/')
  if (name !== list || typeof value !== 'object' || value === null) return ''
  const entries = (value as Readonly<Record<string, unknown>>)[list]
  const entry: unknown = Array.isArray(entries) ? entries[Number(index)] : undefined
  const id = typeof entry === 'object' && entry !== null && 'id' in entry ? entry.id : undefined
  return typeof id === 'string' ? `"${id}"` : ''
}

/** SHA-256 over the files by name, hex, first 16: the same profiles elsewhere are the same profiles. */
export function revisionOf(files: readonly ProfileFile[], extra: string): string {
  const hash = createHash('sha256')
  const sorted = files.toSorted((left, right) => (left.name + left.text < right.name + right.text ? -1 : 1))
  for (const { name, text } of sorted) hash.update(`${name}\n${text.length}\n${text}\n`)
  return hash.update(extra).digest('hex').slice(0, 16)
}

import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import type { LabelCategory, LabelRules } from '../model/rules.ts'

/** The folder of label rules that comes with the program. */
export const BUILT_IN_LABELS = fileURLToPath(new URL('../../labels/', import.meta.url))

/** How the loader reaches files; a test or another store may bring its own. */
export interface LabelReaders {
  /** Names of the folders in a folder. */
  readonly folders: (folder: string) => readonly string[]
  /** Text of a file; undefined where there is none. */
  readonly read: (file: string) => string | undefined
}

const DISK: LabelReaders = {
  folders: folder =>
    readdirSync(folder, { withFileTypes: true })
      .filter(entry => entry.isDirectory())
      .map(({ name }) => name),
  read: file => (existsSync(file) ? readFileSync(file, 'utf8') : undefined),
}

/** Label rules that cannot be used. The message names file, place and what was expected. */
class LabelRulesError extends Error {
  constructor(file: string, place: string, expected: string) {
    super(`${file}${place === '' ? '' : `, ${place}`}: ${expected}`)
    this.name = 'LabelRulesError'
  }
}

/**
 * Reads, checks and hashes the built-in label rules and those of the site.
 * @param siteFolders folders laid out like `labels/`: one folder a category with a `rules.json`
 * @throws LabelRulesError naming file, place and expectation
 */
export function loadLabels(siteFolders: readonly string[] = [], readers: LabelReaders = DISK): LabelRules {
  const validate = compileSchema(readers)
  const files = [BUILT_IN_LABELS, ...siteFolders].flatMap(folder => rulesFiles(folder, readers))
  const categories = files.filter(isCategory).map(file => readCategory(file, files, validate))
  for (const [i, { id }] of categories.entries()) {
    const twin = categories.findIndex(other => other.id === id)
    if (twin !== i)
      throw new LabelRulesError(nameOf(files[i]), '/id', `a category of its own, "${id}" is taken`)
  }
  return deepFreeze({ revision: revisionOf(files), categories })
}

/** Further rules of a category beside `rules.json`: value sets and words. */
const MORE_RULES = ['codes.json', 'words.json']

interface RulesFile {
  /** Path on disk, for messages. */
  readonly file: string
  /** `category/rules.json`, for the revision: the same rules elsewhere are the same rules. */
  readonly name: string
  readonly text: string
}

const isCategory = ({ name }: RulesFile): boolean => name.endsWith('/rules.json')

function nameOf(file: RulesFile | undefined): string {
  return file?.file ?? ''
}

function rulesFiles(folder: string, readers: LabelReaders): RulesFile[] {
  let names: readonly string[]
  try {
    names = readers.folders(folder)
  } catch {
    throw new LabelRulesError(folder, '', 'a readable folder of label categories was expected')
  }
  return [...names].sort().flatMap(name => {
    const file = join(folder, name, 'rules.json')
    const text = readers.read(file)
    if (text === undefined)
      throw new LabelRulesError(file, '', 'a rules.json was expected in each category folder')
    const more = MORE_RULES.flatMap(part => {
      const beside = join(folder, name, part)
      const found = readers.read(beside)
      return found === undefined ? [] : [{ file: beside, name: `${name}/${part}`, text: found }]
    })
    return [{ file, name: `${name}/rules.json`, text }, ...more]
  })
}

function compileSchema(readers: LabelReaders): ValidateFunction<LabelCategory> {
  const file = join(BUILT_IN_LABELS, 'schema.json')
  const text = readers.read(file)
  if (text === undefined) throw new LabelRulesError(file, '', 'the schema of label categories was expected')
  const ajv = new Ajv({ allErrors: false, discriminator: true, strict: true, strictRequired: false })
  return ajv.compile<LabelCategory>(JSON.parse(text))
}

function parse({ file, text }: RulesFile): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new LabelRulesError(file, '', 'JSON was expected')
  }
}

/** A category with the rules of the files beside it. Each file is checked by itself, so that a message names it. */
function readCategory(
  main: RulesFile,
  all: readonly RulesFile[],
  validate: ValidateFunction<LabelCategory>,
): LabelCategory {
  const check = (file: string, value: unknown): LabelCategory => {
    if (validate(value)) return value
    const error = validate.errors?.[0]
    throw new LabelRulesError(file, error?.instancePath ?? '', expectation(error))
  }
  const { file } = main
  const category = check(file, parse(main))
  const folder = file.slice(0, -'rules.json'.length)
  const more = MORE_RULES.flatMap(name => {
    const beside = all.find(each => each.file === `${folder}${name}`)
    if (beside === undefined) return []
    const value = parse(beside)
    const rules = typeof value === 'object' && value !== null && 'rules' in value ? value.rules : undefined
    if (!Array.isArray(rules))
      throw new LabelRulesError(beside.file, '', 'an object with "rules" was expected')
    return check(beside.file, { ...category, rules }).rules
  })
  const parsed = { ...category, rules: [...category.rules, ...more] }
  const ids = parsed.rules.map(({ id }) => id)
  const twin = ids.findIndex((id, i) => ids.indexOf(id) !== i)
  if (twin >= 0)
    throw new LabelRulesError(file, `/rules/${twin}/id`, `a rule id of its own, "${ids[twin]}" is taken`)
  return parsed
}

function expectation(error: ErrorObject | undefined): string {
  const { message = 'another shape', params = {} } = error ?? {}
  const details: readonly unknown[] = Object.values(params)
  return `${message}${details.length > 0 ? ` (${JSON.stringify(params)})` : ''}`
}

/** SHA-256 over the sorted names and texts, hex, first 16 digits. */
function revisionOf(files: readonly RulesFile[]): string {
  const hash = createHash('sha256')
  const sorted = [...files].sort((a, b) => (`${a.name}\n${a.text}` < `${b.name}\n${b.text}` ? -1 : 1))
  for (const { name, text } of sorted) hash.update(`${name}\n${text.length}\n${text}\n`)
  return hash.digest('hex').slice(0, 16)
}

function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) deepFreeze(part)
  return Object.freeze(value)
}

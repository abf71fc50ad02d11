import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ErrorObject, ValidateFunction } from 'ajv'
import type { LabelCategory, LabelRule, LabelRules, LocalCode } from '../model/rules.ts'
import { compiledSchema } from './compiled-schemas.ts'
import { readConceptMap } from './concept-maps.ts'
import { checkRules, type RulesOfFile } from './label-checks.ts'
import { LabelRulesError } from './label-rules-error.ts'
import { readValueSet } from './value-sets.ts'

/** The folder of label rules that comes with the program. */
export const BUILT_IN_LABELS = fileURLToPath(new URL('../../labels/', import.meta.url))

/** How the loader reaches files; a test or another store may bring its own. */
export interface LabelReaders {
  /** Names of the folders in a folder. */
  readonly folders: (folder: string) => readonly string[]
  /** Names of the files in a folder. */
  readonly files: (folder: string) => readonly string[]
  /** Text of a file; undefined where there is none. */
  readonly read: (file: string) => string | undefined
}

const DISK: LabelReaders = {
  folders: folder =>
    readdirSync(folder, { withFileTypes: true })
      .filter(entry => entry.isDirectory())
      .map(({ name }) => name),
  files: folder =>
    readdirSync(folder, { withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(({ name }) => name),
  read: file => (existsSync(file) ? readFileSync(file, 'utf8') : undefined),
}

/** What a site adds to the built-in rules. */
export interface SiteLabels {
  /** Folders laid out like `labels/`: one folder a category with a `rules.json`; `ConceptMap*.json` beside them. */
  readonly folders?: readonly string[]
  /** Further FHIR R4 ConceptMap files, by path. */
  readonly conceptMaps?: readonly string[]
}

/**
 * Reads, checks and hashes the built-in label rules and those of the site.
 * @throws LabelRulesError naming file, place and expectation
 */
export function loadLabels(
  { folders = [], conceptMaps = [] }: SiteLabels = {},
  readers: LabelReaders = DISK,
): LabelRules {
  const validate = compileSchema(readers)
  const files = [BUILT_IN_LABELS, ...folders].flatMap(folder => rulesFiles(folder, readers))
  const main = files.filter(isCategory)
  const read = main.map(file => readCategory(file, files, validate))
  const ids = read.map(([{ category }]) => category.id)
  const twin = ids.findIndex((id, i) => ids.indexOf(id) !== i)
  if (twin >= 0)
    throw new LabelRulesError(nameOf(main[twin]), '/id', `a category of its own, "${ids[twin]}" is taken`)
  checkRules(read.flat())
  const categories = read.map(parts => wholeCategory(parts, files, readers))
  const maps = mapFiles(folders, conceptMaps, readers)
  const localCodes: LocalCode[] = maps.flatMap(({ file, text }) => readConceptMap(file, text))
  const revision = revisionOf([...files, ...maps])
  return deepFreeze({ revision, categories, ...(localCodes.length === 0 ? {} : { localCodes }) })
}

const CONCEPT_MAP = /^ConceptMap.*\.json$/

/** The ConceptMaps of a site: those lying in its folders, by name, then those it names. */
function mapFiles(
  folders: readonly string[],
  named: readonly string[],
  readers: LabelReaders,
): readonly RulesFile[] {
  const lying = folders.flatMap(folder =>
    [...readers.files(folder)]
      .filter(name => CONCEPT_MAP.test(name))
      .sort()
      .map(name => join(folder, name)),
  )
  return [...lying, ...named].map(file => {
    const text = readers.read(file)
    if (text === undefined) throw new LabelRulesError(file, '', 'a readable ConceptMap was expected')
    return { file, name: basename(file), text }
  })
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
  const options = { allErrors: false, discriminator: true, strict: true, strictRequired: false }
  return compiledSchema(text, options) as ValidateFunction<LabelCategory>
}

function parse({ file, text }: RulesFile): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new LabelRulesError(file, '', 'JSON was expected')
  }
}

/** A category, then the rules of each file beside it. Each file is checked by itself, so that a message names it. */
function readCategory(
  main: RulesFile,
  all: readonly RulesFile[],
  validate: ValidateFunction<LabelCategory>,
): readonly [RulesOfFile, ...RulesOfFile[]] {
  const check = (file: string, value: unknown): LabelCategory => {
    if (validate(value)) return value
    const error = validate.errors?.[0]
    throw new LabelRulesError(file, error?.instancePath ?? '', expectation(error))
  }
  const { file } = main
  const category = check(file, parse(main))
  const more = MORE_RULES.flatMap((name): RulesOfFile[] => {
    const beside = all.find(each => each.file === join(dirname(file), name))
    if (beside === undefined) return []
    const value = parse(beside)
    const rules = typeof value === 'object' && value !== null && 'rules' in value ? value.rules : undefined
    if (!Array.isArray(rules))
      throw new LabelRulesError(beside.file, '', 'an object with "rules" was expected')
    return [{ file: beside.file, category, rules: check(beside.file, { ...category, rules }).rules }]
  })
  return [{ file, category, rules: category.rules }, ...more]
}

/** One category of its files, with the codes that rules take from value sets. */
function wholeCategory(
  parts: readonly [RulesOfFile, ...RulesOfFile[]],
  files: RulesFile[],
  readers: LabelReaders,
): LabelCategory {
  const ids = parts.flatMap(({ rules }) => rules.map(({ id }) => id))
  const [{ file, category }] = parts
  const twin = ids.findIndex((id, i) => ids.indexOf(id) !== i)
  if (twin >= 0)
    throw new LabelRulesError(file, `/rules/${twin}/id`, `a rule id of its own, "${ids[twin]}" is taken`)
  const rules = parts.flatMap(part =>
    part.rules.flatMap((rule, i) => withListedCodes(rule, `/rules/${i}`, part, files, readers)),
  )
  return { ...category, rules }
}

/** A rule that names a value set becomes one rule for each code system in it. */
function withListedCodes(
  rule: LabelRule & { readonly valueSet?: string },
  place: string,
  { file, category }: RulesOfFile,
  files: RulesFile[],
  readers: LabelReaders,
): readonly LabelRule[] {
  const { valueSet: name, ...rest } = rule
  if (name === undefined || (rest.kind !== 'code' && rest.kind !== 'document')) return [rule]
  const beside = join(dirname(file), name)
  const text = readers.read(beside)
  if (text === undefined)
    throw new LabelRulesError(file, `${place}/valueSet`, `a file ${name} beside it was expected`)
  files.push({ file: beside, name: `${category.id}/${name}`, text })
  return readValueSet(beside, text).map(({ system, codes }) => ({ ...rest, system, codes }))
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

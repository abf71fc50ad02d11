import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type {
  DeidentificationRules,
  DeidentificationStandard,
  DeidentificationVocabulary,
  PseudonymKey,
} from '../model/deidentification.ts'
import { readShapes } from './fhir-shapes.ts'
import { checked, fileAt, type ProfileFile, ProfilesError, revisionOf, schemaAt } from './profile-files.ts'
import { BUILT_IN_PROFILES } from './profiles.ts'

const FOLDER = 'deidentification'
const STANDARDS = ['limited-data-set.json', 'safe-harbor.json']

interface ZipPrefixes {
  readonly threshold: number
  readonly counted: number
  readonly small: Readonly<Record<string, number>>
  readonly uncounted: readonly string[]
}

/**
 * Reads and checks profiles/deidentification/. It comes with the release and is not a site's to change: a site that
 * could keep more would still call it safe harbor.
 * @param folder for tests: another folder of profiles
 * @throws ProfilesError naming file, place and what was expected
 */
export function loadDeidentification(folder = BUILT_IN_PROFILES): DeidentificationRules {
  const files: ProfileFile[] = []
  const load = <T>(name: string, schema: string): T => {
    const file = theFile(folder, name)
    files.push(file)
    checked(file, schemaAt(join(BUILT_IN_PROFILES, FOLDER, schema)), '')
    return JSON.parse(file.text) as T
  }
  const standards = STANDARDS.map(name => load<DeidentificationStandard>(name, 'schema.json'))
  const vocabulary = load<DeidentificationVocabulary>('vocabulary.json', 'vocabulary.schema.json')
  const zip = load<ZipPrefixes>('zip-prefixes.json', 'zip-prefixes.schema.json')
  const required = theFile(folder, 'required-elements.json')
  files.push(required)
  return {
    revision: revisionOf(files, ''),
    standards,
    vocabulary,
    zipPrefixes: prefixesOf(zip, join(folder, FOLDER, 'zip-prefixes.json')),
    shapeOf: readShapes(
      (JSON.parse(required.text) as { elements: Readonly<Record<string, readonly string[]>> }).elements,
    ),
  }
}

function theFile(folder: string, name: string): ProfileFile {
  const [file] = fileAt(folder, join(FOLDER, name))
  if (file === undefined) throw new ProfilesError(join(folder, FOLDER, name), '', 'expected this file')
  return file
}

/** Every prefix of the count with more people than the threshold. */
function prefixesOf(
  { threshold, counted, small, uncounted }: ZipPrefixes,
  path: string,
): ReadonlySet<string> {
  const known = new Set(Array.from({ length: 1000 }, (_, n) => String(n).padStart(3, '0')))
  for (const range of uncounted) {
    const [from = '', to = from] = range.split('-')
    for (let n = Number(from); n <= Number(to); n++) known.delete(String(n).padStart(3, '0'))
  }
  if (known.size !== counted)
    throw new ProfilesError(path, '/uncounted', `expected to leave ${counted} prefixes, not ${known.size}`)
  for (const [prefix, people] of Object.entries(small)) {
    if (people > threshold || !known.delete(prefix))
      throw new ProfilesError(
        path,
        `/small/${prefix}`,
        `expected a counted prefix of at most ${threshold} people`,
      )
  }
  return known
}

/**
 * The key of a key file, with an id that changes with the secret: 32 bytes or more, as 64 or more hexadecimal digits or as base64 (43 characters or more);
 * white space around it does not count.
 * @throws Error naming the file and what was expected, never what stands in it
 */
export function readPseudonymKey(path: string): PseudonymKey {
  let text: string
  try {
    text = readFileSync(path, 'utf8').trim()
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error'
    throw new Error(`key file ${path}: cannot be read (${code})`)
  }
  const bytes = /^([0-9a-f]{2})+$/i.test(text)
    ? Buffer.from(text, 'hex')
    : /^[A-Za-z0-9+/_-]+={0,2}$/.test(text)
      ? Buffer.from(text, 'base64')
      : Buffer.alloc(0)
  if (bytes.length < 32)
    throw new Error(
      `key file ${path}: expected at least 32 bytes in hexadecimal or base64 (openssl rand -hex 32)`,
    )
  return {
    id: createHash('sha256').update('key id\n').update(bytes).digest('hex').slice(0, 16),
    secret: bytes,
  }
}

import { join } from 'node:path'
import type { DefaultPolicy, LawRow, Notice, ObligationRule, Profiles } from '../model/law.ts'
import type { EvidenceKind } from '../model/office.ts'
import {
  BUILT_IN_FOLDER,
  checked,
  fileAt,
  filesIn,
  type ProfileFile,
  ProfilesError,
  revisionOf,
  schemaAt,
} from './profile-files.ts'
import { loadViews } from './views.ts'

/** The folder of profiles that comes with the program. */
export const BUILT_IN_PROFILES = BUILT_IN_FOLDER

/** Purposes of use as their own loader hands them out. */
export type Purposes = Pick<Profiles, 'purposeMap' | 'purposeParents'>

/**
 * Reads, checks, freezes and hashes law packs, notices, obligations, default policies, kinds of evidence and purpose
 * views: the built-in ones and those of the site. Schemas are always the built-in ones.
 * @param siteFolders folders laid out like `profiles/`: `law/*.json`, `notices/*.json`, `purpose/views/*.json`, `deployment/…`
 * @throws ProfilesError naming file, row and what was expected
 */
export function loadProfiles(siteFolders: readonly string[], purposes: Purposes): Profiles {
  const roots = [BUILT_IN_PROFILES, ...siteFolders]
  const law = gather<LawRow>(roots, root => filesIn(root, 'law'), 'law/schema.json', 'rows')
  const notices = gather<Notice>(roots, root => filesIn(root, 'notices'), 'notices/schema.json', 'notices')
  const obligations = gather<ObligationRule>(
    roots,
    root => fileAt(root, 'deployment/obligations.json'),
    'deployment/obligations.schema.json',
    'obligations',
  )
  const policies = gather<DefaultPolicy>(
    roots,
    root => fileAt(root, 'deployment/default-policies.json'),
    'deployment/default-policies.schema.json',
    'policies',
  )
  const evidence = gather<EvidenceKind>(
    roots,
    root => fileAt(root, 'deployment/evidence.json'),
    'deployment/evidence.schema.json',
    'kinds',
  )
  const known = { notices: byId(notices), obligations: byId(obligations) }
  byId(law)
  for (const { file, entries } of law) checkRows(file, entries, known)
  const { views, files: viewFiles } = loadViews(roots, {
    obligations: known.obligations,
    purposeParents: purposes.purposeParents,
  })
  const files = [
    ...[law, notices, obligations, policies, evidence].flatMap(kind => kind.map(({ file }) => file)),
    ...viewFiles,
  ]
  return deepFreeze({
    revision: revisionOf(files, JSON.stringify(purposes)),
    lawRows: law.flatMap(({ entries }) => entries),
    notices: known.notices,
    obligations: known.obligations,
    defaultPolicies: byId(policies),
    views,
    evidenceKinds: Object.values(byId(evidence)),
    purposeMap: purposes.purposeMap,
    purposeParents: purposes.purposeParents,
  })
}

interface Gathered<T> {
  readonly file: ProfileFile
  readonly entries: readonly T[]
}

function gather<T>(
  roots: readonly string[],
  files: (root: string) => readonly ProfileFile[],
  schema: string,
  list: string,
): readonly Gathered<T>[] {
  const validate = schemaAt(join(BUILT_IN_PROFILES, schema))
  return roots.flatMap(files).map(file => ({ file, entries: checked<T>(file, validate, list) }))
}

function byId<T extends { readonly id: string }>(
  gathered: readonly Gathered<T>[],
): Readonly<Record<string, T>> {
  const found: Record<string, T> = {}
  for (const { file, entries } of gathered)
    for (const entry of entries) {
      if (Object.hasOwn(found, entry.id))
        throw new ProfilesError(file.path, `"${entry.id}"`, 'expected an id of its own; it is taken')
      found[entry.id] = entry
    }
  return found
}

interface Known {
  readonly notices: Readonly<Record<string, Notice>>
  readonly obligations: Readonly<Record<string, ObligationRule>>
}

const CLOSING: ReadonlySet<LawRow['effect']> = new Set(['deny', 'require-consent'])

/** What a schema cannot say: names lead somewhere, and an exception lifts closing rows of its own file only. */
function checkRows(file: ProfileFile, rows: readonly LawRow[], known: Known): void {
  const closing = new Set(rows.filter(({ effect }) => CLOSING.has(effect)).map(({ id }) => id))
  for (const row of rows) {
    const fault = noticeFault(row, known) ?? obligationFault(row, known) ?? datesFault(row)
    if (fault !== undefined) throw new ProfilesError(file.path, `row "${row.id}"`, fault)
    const lost = row.lifts?.find(id => !closing.has(id))
    if (lost !== undefined)
      throw new ProfilesError(
        file.path,
        `row "${row.id}" /lifts`,
        `expected a deny or require-consent row of this file, not "${lost}"`,
      )
  }
}

function noticeFault({ notice, obligations = [] }: LawRow, { notices }: Known): string | undefined {
  const asked = obligations
    .filter(each => each.startsWith('STATE_NOTICE:'))
    .map(each => each.slice('STATE_NOTICE:'.length))
  const lost = [...asked, ...(notice === undefined ? [] : [notice])].find(id => !Object.hasOwn(notices, id))
  return lost === undefined ? undefined : `expected a notice of profiles/notices, not "${lost}"`
}

function obligationFault(
  { obligations = [], onRefusal = [], onOverride = [] }: LawRow,
  known: Known,
): string | undefined {
  const lost = [...obligations, ...onRefusal, ...onOverride].find(
    each =>
      !Object.hasOwn(known.obligations, each) && !Object.hasOwn(known.obligations, `${each.split(':')[0]}:*`),
  )
  return lost === undefined
    ? undefined
    : `expected an obligation of deployment/obligations.json, not "${lost}"`
}

function datesFault({ effectiveFrom, effectiveTo }: LawRow): string | undefined {
  const reversed = effectiveFrom !== undefined && effectiveTo !== undefined && effectiveFrom > effectiveTo
  return reversed ? 'expected effectiveFrom on or before effectiveTo' : undefined
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const each of Object.values(value)) deepFreeze(each)
  }
  return value
}

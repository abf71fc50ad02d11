import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AccountingRules, ExcludedKind } from '../model/accounting.ts'
import type { LawRow } from '../model/law.ts'
import { checked, fileAt, ProfilesError, schemaAt } from './profile-files.ts'
import { BUILT_IN_PROFILES } from './profiles.ts'

const FILE = 'deployment/accounting.json'

/**
 * What accountings of disclosures leave out: the built-in table, with the kinds and rows that sites add.
 * Throws ProfilesError naming file and place, also where a kind names a row that is not there.
 */
export function loadAccounting(
  siteFolders: readonly string[],
  lawRows: readonly Pick<LawRow, 'id'>[],
): AccountingRules & { readonly revision: string } {
  const validate = schemaAt(join(BUILT_IN_PROFILES, 'deployment/accounting.schema.json'))
  const files = [BUILT_IN_PROFILES, ...siteFolders].flatMap(root => fileAt(root, FILE))
  const ids = new Set(lawRows.map(({ id }) => id))
  const kinds = new Map<string, ExcludedKind>()
  for (const file of files)
    for (const kind of checked<ExcludedKind>(file, validate, 'kinds')) {
      const lost = kind.rows.find(row => !ids.has(row))
      if (lost !== undefined)
        throw new ProfilesError(file.path, `"${kind.id}"`, `expected a row of profiles/law, not "${lost}"`)
      const known = kinds.get(kind.id)
      kinds.set(kind.id, known === undefined ? kind : { ...known, rows: [...known.rows, ...kind.rows] })
    }
  const table = JSON.parse(readFileSync(join(BUILT_IN_PROFILES, FILE), 'utf8')) as AccountingRules
  const { years, part2Years, always, part2, intermediary, suspension } = table
  const revision = hash('sha256', files.map(({ text }) => text).join('\n')).slice(0, 16)
  return { years, part2Years, always, kinds: [...kinds.values()], part2, intermediary, suspension, revision }
}

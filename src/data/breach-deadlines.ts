import { join } from 'node:path'
import type { BreachDeadline } from '../model/law.ts'
import { checked, fileAt, schemaAt } from './profile-files.ts'
import { BUILT_IN_PROFILES } from './profiles.ts'

/**
 * How soon a breach must be told, by jurisdiction: `law/breach/deadlines.json`. It decides no release, so no revision
 * names it.
 * @throws ProfilesError naming file and place
 */
export function loadBreachDeadlines(): readonly BreachDeadline[] {
  const validate = schemaAt(join(BUILT_IN_PROFILES, 'law/breach/schema.json'))
  return fileAt(BUILT_IN_PROFILES, 'law/breach/deadlines.json').flatMap(file =>
    checked<BreachDeadline>(file, validate, 'deadlines'),
  )
}

import { join } from 'node:path'
import type { HoldRule, HoldsTable } from '../model/holds.ts'
import { checked, fileAt, ProfilesError, revisionOf, schemaAt } from './profile-files.ts'
import { BUILT_IN_PROFILES } from './profiles.ts'

const FILE = 'deployment/holds.json'

interface HoldsFile extends Omit<HoldsTable, 'onlyWhereNamed' | 'revision'> {
  readonly onlyWhereNamed: readonly { readonly purpose: string }[]
}

/**
 * profiles/deployment/holds.json: what the rules of `policy.holds` rest on. It comes with the release and is not a site's
 * to change. Throws ProfilesError naming file and place.
 * @param folder for tests: another folder of profiles
 */
export function loadHolds(folder = BUILT_IN_PROFILES): HoldsTable {
  const [file] = fileAt(folder, FILE)
  if (file === undefined) throw new ProfilesError(join(folder, FILE), '', 'expected this file')
  checked(file, schemaAt(join(BUILT_IN_PROFILES, 'deployment/holds.schema.json')), 'examples')
  const { onlyWhereNamed, narrowing, datesThatDoNot, wideTypes, patientParameters } = JSON.parse(
    file.text,
  ) as HoldsFile
  return {
    onlyWhereNamed: onlyWhereNamed.map(({ purpose }) => purpose),
    narrowing,
    datesThatDoNot,
    wideTypes,
    patientParameters,
    revision: revisionOf([file], ''),
  }
}

/** What one member of a rule says of another; the schema cannot know it. */
export function checkHolds(
  rules: readonly HoldRule[],
  fail: (path: string, expected: string) => unknown,
): void {
  const ids = rules.map(({ id }) => id)
  rules.forEach((rule, index) => {
    const path = `policy.holds[${index}]`
    const { kind, open, patients } = rule
    if (ids.indexOf(rule.id) < index) fail(`${path}.id`, 'expected each id once')
    if (kind === 'breadth' && patients === undefined)
      fail(`${path}.patients`, 'expected how many different patients are held beyond, as kind is breadth')
    if (kind === 'after-hours' && open === undefined)
      fail(`${path}.open`, 'expected weekdays, from and to, as kind is after-hours')
    if (open !== undefined && open.from >= open.to) fail(`${path}.open.to`, 'expected a time after from')
    for (const [member, belongs] of MEMBERS)
      if (rule[member] !== undefined && kind !== belongs)
        fail(`${path}.${member}`, `expected only where kind is ${belongs}`)
  })
}

const MEMBERS = [
  ['open', 'after-hours'],
  ['patients', 'breadth'],
  ['records', 'breadth'],
] as const

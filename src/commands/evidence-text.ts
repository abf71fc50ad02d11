import type { JsonObject, JsonValue } from '../model/fhir.ts'
import type { LawRow } from '../model/law.ts'
import type { EvidenceField, EvidenceKind, EvidenceOnFile } from '../model/office.ts'
import { words } from '../office/desk.ts'
import type { EvidenceState } from '../office/evidence.ts'
import { linesText } from './lines.ts'

/** One line in columns that `cut` and `sort` can take apart. */
export function evidenceLine(one: EvidenceOnFile, state: EvidenceState): string {
  const { id, kind, patients, period } = one
  const whom = patients === 'any' ? 'all patients' : patients.join(',')
  const columns = [id, words(state).padEnd(20), kind, partyText(one), whom, `until ${period.end}`]
  return linesText([columns.join('  ')])
}

function partyText({ for: { client, organization, user } }: EvidenceOnFile): string {
  return [user, client, organization].filter(each => each !== undefined).join(' of ')
}

/** One evidence in words. */
export function evidenceText(
  one: EvidenceOnFile,
  state: EvidenceState,
  kind: EvidenceKind | undefined,
): string {
  const { id, patients, purposes, period, facts, note } = one
  const { enteredBy, enteredAt, approvedBy, approvedAt, endedBy, endedAt, endedWhy } = one
  const lines = [
    `evidence  ${id}`,
    `kind      ${one.kind}${kind === undefined ? '' : `: ${kind.title} (${kind.citation})`}`,
    `state     ${words(state)}`,
    `for       ${partyText(one)}`,
    `patients  ${patients === 'any' ? 'all' : patients.join(', ')}`,
    ...(purposes === undefined ? [] : [`purposes  ${purposes.join(', ')}`]),
    `period    ${period.start} to ${period.end}`,
    ...Object.entries(facts).map(([name, value]) => `  ${name}: ${factText(value)}`),
    ...(note === undefined ? [] : [`note      ${note}`]),
    `entered   by ${enteredBy.startsWith('[') ? partyText(one) : enteredBy} at ${enteredAt}`,
    ...(approvedAt === undefined ? [] : [`approved  by ${approvedBy} at ${approvedAt}`]),
    ...(endedAt === undefined
      ? []
      : [`ended     by ${endedBy} at ${endedAt}: ${endedWhy ?? 'no reason given'}`]),
  ]
  return linesText(lines)
}

function factText(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** A template of an entry with the facts it needs, and what its facts mean. */
export function kindText(kind: EvidenceKind): { readonly template: string; readonly meanings: string } {
  const { id, title, citation, twoPersons, longest, patients, userRequired, fields } = kind
  const template = {
    kind: id,
    for: { client: '', ...(userRequired ? { user: '' } : {}) },
    patients: ['Patient/'],
    period: { start: '', end: '' },
    facts: Object.fromEntries(
      fields.filter(({ required }) => required).map(field => [field.name, blankOf(field)]),
    ),
  }
  const { days, hours } = longest
  const about = [
    `${title} (${citation})`,
    `${twoPersons ? 'a second person approves it' : 'one person suffices'}; for at most ` +
      `${days === undefined ? `${hours} hours` : `${days} days`}; ` +
      (patients === 'any' ? 'patients may be "any"' : 'each patient is named'),
    ...fields.map(
      ({ name, required, meaning, citation: source }) =>
        `  ${name}${required ? '' : ' (may be left out)'}: ${meaning}${source === undefined ? '' : ` (${source})`}`,
    ),
  ]
  return { template: `${JSON.stringify(template, undefined, 2)}\n`, meanings: `${about.join('\n')}\n` }
}

function blankOf({ type, values }: EvidenceField): JsonValue {
  switch (type) {
    case 'attested':
    case 'yes-no':
      return false
    case 'texts':
      return []
    case 'scope':
      return { resourceTypes: [] } satisfies JsonObject
    case 'one-of':
      return values?.[0] ?? ''
    default:
      return ''
  }
}

/** A word to the operator where no law row in force reads what this kind states: then it opens nothing. */
export function unread(
  { id, claim, agreement, determination, standing }: EvidenceKind,
  rows: readonly LawRow[],
): string | undefined {
  const isRead =
    agreement !== undefined ||
    determination !== undefined ||
    standing !== undefined ||
    rows.some(({ when: { claims = [], allClaims = [], scope } }) =>
      [...claims, ...allClaims, scope ?? ''].some(path => path.split(/[.=]/)[0]?.replace('!', '') === claim),
    )
  return isRead
    ? undefined
    : `${id}: no law row in force at this site reads it; it is on file and opens nothing`
}

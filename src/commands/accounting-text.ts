import { loadPurposeNames } from '../data/purpose.ts'
import type { Disclosure } from '../record/accounting.ts'
import { plainText } from './lines.ts'

/** One disclosure with what the site knows of its recipient. */
export interface Line extends Disclosure {
  /** In the zone of the site. */
  readonly day: string
  /** Of the recipient, where it is known (45 CFR 164.528(b)(2)(ii)). */
  readonly address?: string
}

const HEAD = ['date', 'recipient', 'address', 'what', 'purpose', 'basis', 'standing'] as const

/** The list for people. */
export function tableText(
  lines: readonly Line[],
  { title, none }: { readonly title: string; readonly none: string },
): string {
  if (lines.length === 0) return `${title}\n${none}\n`
  const told = lines.map(
    line =>
      `${line.day}  ${recipientText(line)}\n` +
      `            address   ${line.address ?? 'not known'}\n` +
      `            what      ${whatText(line)}\n` +
      `            purpose   ${purposeText(line)}\n` +
      `            basis     ${basisText(line)}\n` +
      `            standing  ${standingText(line)}; exchange ${line.exchange}\n`,
  )
  return `${title}\n${told.join('')}${lines.length} ${lines.length === 1 ? 'disclosure' : 'disclosures'}\n`
}

/** RFC 4180, with a head. Cells that a spreadsheet would take for a formula begin with an apostrophe. */
export function csvText(lines: readonly Line[]): string {
  const rows = lines.map(line => [
    line.day,
    recipientText(line),
    line.address ?? '',
    whatText(line),
    purposeText(line),
    basisText(line),
    standingText(line),
    line.exchange,
  ])
  return [[...HEAD, 'exchange'], ...rows].map(row => `${row.map(cell).join(',')}\r\n`).join('')
}

function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

function recipientText({ recipient: { client, name, organization, user, userName } }: Line): string {
  const who = name === undefined ? client : `${name} (${client})`
  const person = userName === undefined || userName === name ? user : userName
  return plainText([who, organization, person].filter(part => part !== undefined).join(', '))
}

/** Types of the records with how many there were: a brief description (45 CFR 164.528(b)(2)(iii)). */
function whatText({ records }: Line): string {
  if (records === undefined) return 'records of the patient, not told apart in a row of older make'
  const counts = Map.groupBy(records, record => record.split('/')[0] ?? '')
  return [...counts].map(([type, of]) => `${type} (${of.length})`).join(', ')
}

/** Read when the first list is printed. */
let names: Readonly<Record<string, string>> | undefined

function purposeText({ purposes }: Line): string {
  names ??= loadPurposeNames()
  const known = names
  return purposes.map(code => `${known[code] ?? code} (${code})`).join(', ')
}

function basisText({ basis, consents }: Line): string {
  const citations = [...new Set(basis.map(({ citation, rule }) => citation ?? rule))]
  const papers = consents.map(
    ({ reference, version }) => `${reference}${version === undefined ? '' : ` version ${version}`}`,
  )
  return [...citations, ...papers].join('; ')
}

/** Why it stands here, or would be left out. */
function standingText({ accountable, excluded = [], part2, intermediary }: Line): string {
  return [
    accountable ? 'accountable (45 CFR 164.528)' : `left out of 45 CFR 164.528: ${excluded.join(', ')}`,
    ...(part2 === undefined ? [] : [`42 CFR 2.25${part2 === 'tolled' ? ' (tolled)' : ''}`]),
    ...(intermediary === true ? ['42 CFR 2.24'] : []),
  ].join(', ')
}

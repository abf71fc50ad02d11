import type { MatrixRow } from '../decide/law-matrix.ts'
import type { BreachDeadline } from '../model/law.ts'

/** The matrix of law as Markdown: the same rows as the command prints. Deterministic: the same data give the same text. */
export function lawPage(rows: readonly MatrixRow[], deadlines: readonly BreachDeadline[]): string {
  const jurisdictions = [...new Set(rows.map(({ jurisdiction }) => jurisdiction))]
  const on = rows.filter(({ enabled }) => enabled === 'yes').length
  return [
    '# The rows of law the gateway decides by',
    '',
    'Written by `consentry law --format markdown` from the data of this folder; change the data, not this page.',
    'Engineering data with citations, to be reviewed by counsel; not legal advice.',
    '',
    `${rows.length} rows, ${on} switched on. A row marked **off** decides nothing until \`policy.enabledRows\` names it.`,
    '',
    ...jurisdictions.flatMap(jurisdiction =>
      sectionOf(
        jurisdiction,
        rows.filter(row => row.jurisdiction === jurisdiction),
      ),
    ),
    ...deadlineSection(deadlines),
  ].join('\n')
}

function sectionOf(jurisdiction: string, rows: readonly MatrixRow[]): readonly string[] {
  return [
    `## ${jurisdiction}`,
    '',
    '| row | says | when | terms | citation | confidence | in force |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...rows.map(row =>
      line([
        `\`${row.id}\`${row.enabled === 'yes' ? '' : ' **off**'}`,
        `${row.effect}: ${row.title} (${row.category})`,
        row.when,
        row.terms,
        row.citation,
        row.confidence,
        row.inForce,
      ]),
    ),
    '',
  ]
}

function deadlineSection(deadlines: readonly BreachDeadline[]): readonly string[] {
  if (deadlines.length === 0) return []
  return [
    '## Breach deadlines',
    '',
    'Counted from discovery. The shortest that applies counts.',
    '',
    '| jurisdiction | to be told | within | citation | confidence | note |',
    '| --- | --- | --- | --- | --- | --- |',
    ...deadlines.map(deadline =>
      line([
        deadline.jurisdiction,
        deadline.notify,
        withinText(deadline),
        deadline.citation,
        deadline.confidence,
        noteText(deadline),
      ]),
    ),
    '',
  ]
}

export function deadlineText(deadline: BreachDeadline): string {
  const { jurisdiction, notify, citation, confidence } = deadline
  const note = noteText(deadline)
  return (
    `breach [${jurisdiction}]: ${notify} within ${withinText(deadline)}\n` +
    `${note === '' ? '' : `  ${note}\n`}  ${citation}; confidence ${confidence}\n`
  )
}

const withinText = ({ within: { days, unit } }: BreachDeadline): string =>
  `${days} ${unit === 'business' ? 'business ' : ''}days`

function noteText({ hipaaSuffices, note }: BreachDeadline): string {
  const suffices = hipaaSuffices === true && note === undefined ? 'Notice as HIPAA asks is enough.' : ''
  return note ?? suffices
}

const line = (cells: readonly string[]): string =>
  `| ${cells.map(cell => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`

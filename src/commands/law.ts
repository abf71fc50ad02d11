import { loadBreachDeadlines } from '../data/breach-deadlines.ts'
import { lawMatrix, type MatrixRow } from '../decide/law-matrix.ts'
import { openEngine } from '../engine.ts'
import type { BreachDeadline, LawRow } from '../model/law.ts'
import { deadlineText, lawPage } from './law-page.ts'
import { type CommandSpec, type Terminal, textOption, UsageError } from './table.ts'

const FORMATS = ['text', 'markdown']

/** Prints the rows of law that the gateway decides by. */
export const lawCommand: CommandSpec = {
  name: 'law',
  summary: 'print the rows of law the gateway decides by',
  description:
    'Prints each row of profiles/law: what it says, when, with which duties, its citation, and whether it is switched on. ' +
    'Engineering data with citations, not legal advice.\n\n' +
    'permit: allowed without a consent. require-consent: only with a consent of the form that "consent" names. ' +
    'limit: only in the reduced form that its obligations name. deny: never. except: lifts the rows that "lifts" names. ' +
    'duty: decides nothing, adds obligations, notices or caveats. ' +
    '"when" says where a row speaks, "overrides" what it outweighs, "confidence" how sure its reading of the text is. ' +
    '(off) rows are switched on by policy.enabledRows, others off by policy.disabledRows, of the configuration.',
  operands: [],
  options: [
    { flags: '--state <code>', description: 'federal rows and those of one state, e.g. NY' },
    { flags: '--category <name>', description: 'rows of one category, e.g. hiv' },
    { flags: '--enabled', description: 'only rows that are switched on' },
    {
      flags: '--breach',
      description: 'instead of rows, how soon a breach must be told; with --state, there and federally',
    },
    {
      flags: '--format <format>',
      description: 'text or markdown (profiles/law/MATRIX.md)',
      defaultValue: 'text',
    },
    { flags: '--json', description: 'one JSON object a line' },
  ],
  examples: [
    'consentry law --state NY',
    'consentry law --breach --state CA',
    'consentry law --json | jq -r \'select(.enabled == "no") | .id\'',
    'consentry law --format markdown > profiles/law/MATRIX.md',
  ],
  run: async (_operands, options, terminal) => {
    const state = textOption(options, 'state')
    const category = textOption(options, 'category')
    const format = textOption(options, 'format') ?? 'text'
    if (!FORMATS.includes(format)) throw new UsageError(`--format: expected one of ${FORMATS.join(', ')}`)
    const { lawRows } = openEngine().profiles
    if (state !== undefined)
      expectKnown('--state: expected one that has rows or breach deadlines', state.toUpperCase(), [
        ...statesOf(lawRows),
        ...loadBreachDeadlines().flatMap(({ jurisdiction }) => jurisdiction.split('-')[1] ?? []),
      ])
    if (category !== undefined)
      expectKnown('--category: expected one of the categories', category, lawRows.map(categoryOf))
    const json = options['json'] === true
    const deadlines = deadlinesFor(state)
    if (options['breach'] === true) {
      for (const deadline of deadlines)
        terminal.out(json ? `${JSON.stringify(deadline)}\n` : deadlineText(deadline))
      return 0
    }
    const rows = lawMatrix(lawRows, {
      ...(state === undefined ? {} : { state }),
      ...(category === undefined ? {} : { category }),
      enabledOnly: options['enabled'] === true,
    })
    if (!json && format === 'markdown') terminal.out(lawPage(rows, category === undefined ? deadlines : []))
    else for (const row of rows) printRow(row, json, terminal)
    return rows.length === 0 ? 1 : 0
  },
}

function printRow(row: MatrixRow, json: boolean, terminal: Terminal): void {
  if (json) terminal.out(`${JSON.stringify(row)}\n`)
  else
    terminal.out(
      `${row.id} [${row.jurisdiction}, ${row.category}]${row.enabled === 'yes' ? '' : ' (off)'}\n  ${row.effect}: ${row.title}\n` +
        `  when ${row.when}\n${row.terms === '' ? '' : `  ${row.terms}\n`}  ${row.citation}; confidence ${row.confidence}\n`,
    )
}

/** Federal ones, and those of one state or of all. */
function deadlinesFor(state: string | undefined): readonly BreachDeadline[] {
  const wanted = state === undefined ? undefined : ['US', `US-${state.toUpperCase()}`]
  return loadBreachDeadlines().filter(
    ({ jurisdiction }) => wanted === undefined || wanted.includes(jurisdiction),
  )
}

const categoryOf = ({ category }: LawRow): string => category ?? 'general'
const statesOf = (rows: readonly LawRow[]) => rows.flatMap(({ when }) => when.custodianStates ?? [])

function expectKnown(expected: string, value: string, known: readonly string[]): void {
  if (known.includes(value)) return
  throw new UsageError(`${expected}: ${[...new Set(known)].toSorted().join(', ')}`)
}

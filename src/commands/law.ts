import { lawMatrix } from '../decide/law-matrix.ts'
import { openEngine } from '../engine.ts'
import type { LawRow } from '../model/law.ts'
import { type CommandSpec, textOption, UsageError } from './table.ts'

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
    { flags: '--json', description: 'one JSON object a line' },
  ],
  examples: ['consentry law --state NY', 'consentry law --json | jq -r \'select(.enabled == "no") | .id\''],
  run: async (_operands, options, terminal) => {
    const state = textOption(options, 'state')
    const category = textOption(options, 'category')
    const { lawRows } = openEngine().profiles
    if (state !== undefined)
      expectKnown('--state: expected one that has rows', state.toUpperCase(), statesOf(lawRows))
    if (category !== undefined)
      expectKnown('--category: expected one of the categories', category, lawRows.map(categoryOf))
    const rows = lawMatrix(lawRows, {
      ...(state === undefined ? {} : { state }),
      ...(category === undefined ? {} : { category }),
      enabledOnly: options['enabled'] === true,
    })
    for (const row of rows) {
      if (options['json'] === true) terminal.out(`${JSON.stringify(row)}\n`)
      else
        terminal.out(
          `${row.id} [${row.jurisdiction}, ${row.category}]${row.enabled === 'yes' ? '' : ' (off)'}\n  ${row.effect}: ${row.title}\n` +
            `  when ${row.when}\n${row.terms === '' ? '' : `  ${row.terms}\n`}  ${row.citation}; confidence ${row.confidence}\n`,
        )
    }
    return rows.length === 0 ? 1 : 0
  },
}

const categoryOf = ({ category }: LawRow): string => category ?? 'general'
const statesOf = (rows: readonly LawRow[]) => rows.flatMap(({ when }) => when.custodianStates ?? [])

function expectKnown(expected: string, value: string, known: readonly string[]): void {
  if (known.includes(value)) return
  throw new UsageError(`${expected}: ${[...new Set(known)].toSorted().join(', ')}`)
}

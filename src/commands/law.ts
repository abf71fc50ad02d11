import { lawMatrix } from '../decide/law-matrix.ts'
import { openEngine } from '../engine.ts'
import { type CommandSpec, textOption } from './table.ts'

/** Prints the rows of law that the gateway decides by. */
export const lawCommand: CommandSpec = {
  name: 'law',
  summary: 'print the rows of law the gateway decides by',
  description:
    'Prints each row of profiles/law: what it says, when, with which duties, its citation, and whether it is switched on. ' +
    'Engineering data with citations, not legal advice.',
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
    const rows = lawMatrix(openEngine().profiles.lawRows, {
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

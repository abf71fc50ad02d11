import { readExchange } from '../record/verify.ts'
import { type CommandSpec, textOption, UsageError } from './table.ts'

/** Prints everything the ledger holds of one exchange. */
export const explainCommand: CommandSpec = {
  name: 'explain',
  summary: 'what was released and withheld in one exchange, and why',
  description:
    'Prints the record of one exchange: who asked, for what purpose, what was released and withheld, by which rule, ' +
    'Consent and provision. The exchange id stands in the X-Request-Id header of every answer.',
  operands: [{ form: '<exchange>', description: 'exchange id (X-Request-Id of the answer)' }],
  options: [
    { flags: '-l, --ledger <file>', description: 'ledger file', defaultValue: 'var/ledger.sqlite' },
    { flags: '--json', description: 'print the stored rows as NDJSON' },
  ],
  examples: [
    'consentry explain 019adf10-7c1b-7d3e-9f6a-2f4f0c6c2b11',
    'consentry explain 019adf10-7c1b-7d3e-9f6a-2f4f0c6c2b11 --json | jq .kind',
  ],
  run: async ([id], options, terminal) => {
    if (id === undefined || !/^[0-9a-f-]{36}$/.test(id)) throw new UsageError(`exchange: expected a UUID`)
    const rows = readExchange(textOption(options, 'ledger') ?? '', id)
    if (rows.length === 0) {
      terminal.error(`no exchange ${id} in this ledger\n`)
      return 1
    }
    for (const row of rows) {
      const body: unknown = JSON.parse(row.body)
      if (options['json'] === true) terminal.out(`${JSON.stringify({ ...row, body })}\n`)
      else
        terminal.out(`${row.sequence} ${row.recordedAt} ${row.kind}\n${JSON.stringify(body, undefined, 2)}\n`)
    }
    return 0
  },
}

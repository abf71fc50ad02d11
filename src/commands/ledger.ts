import { exportLedger, verifyLedger } from '../record/verify.ts'
import { type CommandSpec, type OptionSpec, textOption } from './table.ts'

const LEDGER: OptionSpec = {
  flags: '-l, --ledger <file>',
  description: 'ledger file',
  defaultValue: 'var/ledger.sqlite',
}

/** Checks the whole hash chain; exit code 1 names the first row that does not hold. */
export const ledgerVerifyCommand: CommandSpec = {
  name: 'ledger verify',
  summary: 'check the hash chain of the ledger from the first row to the last',
  description:
    'Reads every row and recomputes the chain. A changed byte, a dropped, inserted or reordered row is found and named. ' +
    'Works while a gateway is writing.',
  operands: [],
  options: [LEDGER, { flags: '--json', description: 'print the report as JSON' }],
  examples: [
    'consentry ledger verify',
    'consentry ledger verify --ledger /var/lib/consentry/ledger.sqlite --json',
  ],
  run: async (_operands, options, terminal) => {
    const report = verifyLedger(textOption(options, 'ledger') ?? '')
    if (options['json'] === true) terminal.out(`${JSON.stringify(report)}\n`)
    else if (report.ok) terminal.out(`ok: ${report.rows} rows, last hash ${report.lastHash}\n`)
    else
      terminal.out(
        `BROKEN at row ${report.firstBad?.sequence ?? '?'}: ${report.firstBad?.problem ?? 'unknown'}\n`,
      )
    return report.ok ? 0 : 1
  },
}

/** Writes every row as NDJSON. */
export const ledgerExportCommand: CommandSpec = {
  name: 'ledger export',
  summary: 'print every row of the ledger as NDJSON',
  description:
    'Prints the rows in order, one JSON object a line, with sequence, kind, exchange, body and chain hash.',
  operands: [],
  options: [LEDGER],
  examples: ['consentry ledger export | jq \'select(.kind == "AuditEvent")\''],
  run: async (_operands, options, terminal) => {
    await exportLedger(textOption(options, 'ledger') ?? '', terminal.out)
    return 0
  },
}

import { exportLedger, verifyLedger } from '../record/verify.ts'
import { type CommandSpec, type OptionSpec, textOption, UsageError } from './table.ts'

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
    'Rows cut off the end are found missing where they were shipped, or where --noted gives the last hash of an earlier run. ' +
    'Works while a gateway is writing.',
  operands: [],
  options: [
    LEDGER,
    {
      flags: '--noted <hash>',
      description: 'last hash of an earlier run, kept elsewhere; must still be there',
    },
    { flags: '--json', description: 'print the report as JSON' },
  ],
  examples: [
    'consentry ledger verify',
    'consentry ledger verify --ledger /var/lib/consentry/ledger.sqlite --json',
    'consentry ledger verify --noted "$(cat last-hash)"',
  ],
  run: async (_operands, options, terminal) => {
    const notedHash = textOption(options, 'noted')
    if (notedHash !== undefined && !/^[0-9a-f]{64}$/.test(notedHash))
      throw new UsageError('--noted: expected 64 hexadecimal digits, as ledger verify prints them')
    const report = verifyLedger(
      textOption(options, 'ledger') ?? '',
      notedHash === undefined ? {} : { notedHash },
    )
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

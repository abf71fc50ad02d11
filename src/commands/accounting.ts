import { DISCLOSURE_OPTIONS, openForDisclosures, tell } from './accounting-look.ts'
import { patientOperand } from './operator-site.ts'
import { type CommandSpec, UsageError } from './table.ts'

/** The accounting of disclosures of one patient. */
export const accountingCommand: CommandSpec = {
  name: 'accounting',
  summary: 'accounting of disclosures of a patient (45 CFR 164.528; 42 CFR 2.25 with --part2)',
  description:
    'Prints what was disclosed of a patient in the last six years: date, recipient and address where it is known, what, ' +
    'purpose and basis. Left out is what 45 CFR 164.528(a)(1) leaves out: treatment, payment and operations, to the ' +
    'individual, by authorization, to persons involved in care, limited data sets; what nobody classified is told. ' +
    '--part2 prints what was disclosed with a Part 2 consent in the last three years (42 CFR 2.25, tolled). --all prints ' +
    'every disclosure with how it stands. Disclosures whose accounting a health oversight agency or law enforcement ' +
    'official had suspended (evidence accounting-suspension) are left out, and their number is told on standard error. ' +
    'Reads the ledger also while a gateway writes it. The look is recorded.',
  operands: [{ form: '<patient>', description: 'Patient/x or its id' }],
  options: [
    ...DISCLOSURE_OPTIONS,
    { flags: '--part2', description: 'the accounting of 42 CFR 2.25 instead' },
    { flags: '--all', description: 'every disclosure, with how it stands' },
  ],
  examples: [
    'consentry accounting elena-marsh',
    'consentry accounting Patient/elena-marsh --config my.json --csv > accounting.csv',
    'consentry accounting elena-marsh --ledger a.sqlite,b.sqlite --since 2026-01-01 --json',
  ],
  run: async ([operand], options, terminal) => {
    const patient = patientOperand(operand)
    const isPart2 = options['part2'] === true
    const isAll = options['all'] === true
    if (isPart2 && isAll) throw new UsageError('--part2: expected without --all')
    const site = openForDisclosures(options)
    const { years, part2Years } = site.engine.accounting
    await tell(
      site,
      {
        command: 'accounting',
        patient,
        years: isPart2 ? part2Years : years,
        chosen: one => isAll || (isPart2 ? one.part2 !== undefined : one.accountable),
        title: isPart2
          ? 'disclosures with consent, 42 CFR 2.25 (tolled)'
          : isAll
            ? 'all disclosures'
            : 'accounting of disclosures, 45 CFR 164.528',
        none: isAll ? 'nothing was disclosed' : 'no disclosure that is to be accounted for',
      },
      options,
      terminal,
    )
    return 0
  },
}

import { DISCLOSURE_OPTIONS, openForDisclosures, tell } from './accounting-look.ts'
import { patientOperand } from './operator-site.ts'
import type { CommandSpec } from './table.ts'

/** The list an intermediary owes a patient. */
export const part2DisclosuresCommand: CommandSpec = {
  name: 'part2-disclosures',
  summary: 'to whom an intermediary disclosed Part 2 records under a general designation (42 CFR 2.24)',
  description:
    'Prints to which entities an intermediary disclosed Part 2 records of a patient under a consent in the last three ' +
    'years: name, date and what, as 42 CFR 2.24 asks on the written request of the patient. Empty where the holder is no ' +
    'intermediary (custodian.kind). Reads the ledger also while a gateway writes it. The look is recorded.',
  operands: [{ form: '<patient>', description: 'Patient/x or its id' }],
  options: DISCLOSURE_OPTIONS,
  examples: ['consentry part2-disclosures elena-marsh --config my.json'],
  run: async ([operand], options, terminal) => {
    const patient = patientOperand(operand)
    const site = openForDisclosures(options)
    const { configuration, engine } = site
    if (configuration.custodian.kind !== 'hie')
      terminal.error('the holder is no intermediary (custodian.kind: expected hie): it owes no such list\n')
    await tell(
      site,
      {
        command: 'part2-disclosures',
        patient,
        years: engine.accounting.part2Years,
        chosen: one => one.intermediary === true,
        title: 'disclosures by an intermediary, 42 CFR 2.24',
        none: 'no such disclosure',
      },
      options,
      terminal,
    )
    return 0
  },
}

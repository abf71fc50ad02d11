import { openEngine } from '../engine.ts'
import { loadSite } from './site.ts'
import { CONFIG_OPTION, type CommandSpec, textOption } from './table.ts'

/** Checks configuration, labels and profiles without starting anything. */
export const checkCommand: CommandSpec = {
  name: 'check',
  summary: 'check configuration, labels and profiles; start nothing',
  description:
    'Reads the configuration and all of labels/ and profiles/ as serve would, and prints what is in force or every ' +
    'problem with file, place and what was expected. Exit code 1 when something does not fit.',
  operands: [],
  options: [CONFIG_OPTION],
  examples: ['consentry check', 'consentry check --config my.json'],
  run: async (_operands, options, terminal) => {
    const file = textOption(options, 'config')
    const configuration = loadSite(file)
    const engine = openEngine(configuration.policy)
    const rows = engine.profiles.lawRows
    terminal.out(
      `configuration: ${file ?? 'the demo site'}: ok, ${configuration.clients.length} clients, ${configuration.issuers.length} issuers\n` +
        `labels: ${engine.labels.categories.length} categories, revision ${engine.labels.revision}\n` +
        `profiles: ${rows.length} rows of law (${rows.filter(({ enabled }) => enabled).length} on), ` +
        `${Object.keys(engine.profiles.notices).length} notices, revision ${engine.profiles.revision}\n` +
        `default policy where no Consent is on file: ${configuration.policy.defaultPolicy}\n` +
        `revision ${engine.revision}\n`,
    )
    return 0
  },
}

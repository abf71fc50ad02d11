import { openEngine } from '../engine.ts'
import type { Configuration } from '../model/configuration.ts'
import { siteFindings, siteRevision } from '../site-rules.ts'
import { loadSite } from './site.ts'
import { CONFIG_OPTION, type CommandSpec, textOption } from './table.ts'

/** Checks configuration, labels and profiles without starting anything. */
export const checkCommand: CommandSpec = {
  name: 'check',
  summary: 'check configuration, labels and profiles; start nothing',
  description:
    'Reads the configuration and all of labels/ and profiles/ as serve would, and prints what is in force or every ' +
    'problem with file, place and what was expected; also whether the files it names can be read. It does not reach the ' +
    'issuers or the upstream. Exit code 1 when something does not fit.',
  operands: [],
  options: [CONFIG_OPTION],
  examples: ['consentry check', 'consentry check --config my.json'],
  run: async (_operands, options, terminal) => {
    const file = textOption(options, 'config')
    const configuration = loadSite(file)
    const engine = openEngine(configuration.policy)
    const rows = engine.profiles.lawRows
    const { problems, warnings } = siteFindings(configuration, engine)
    const name = file ?? 'the demo site'
    for (const problem of problems) terminal.error(`${name}: ${problem}\n`)
    for (const warning of warnings) terminal.error(`warning: ${name}: ${warning}\n`)
    if (problems.length > 0) return 1
    terminal.out(
      `configuration: ${name}: ok, clients: ${configuration.clients.length}, issuers: ${configuration.issuers.length}\n` +
        `labels: ${engine.labels.categories.length} categories, ${engine.labels.localCodes?.length ?? 0} local codes, ` +
        `revision ${engine.labels.revision}\n` +
        `profiles: ${rows.length} rows of law (${rows.filter(({ enabled }) => enabled).length} on), ` +
        `${Object.keys(engine.profiles.notices).length} notices, revision ${engine.profiles.revision}\n` +
        `default policy where no Consent is on file: ${configuration.policy.defaultPolicy}\n` +
        `purpose views: ${Object.keys(engine.profiles.views ?? {}).length}\n` +
        `de-identification: ${configuration.deidentification === undefined ? 'no key (deidentification.keyFile); what must be de-identified is withheld' : 'on'}\n` +
        `held for the privacy office: ${heldText(configuration)}\n` +
        `revision ${siteRevision(configuration, engine)}\n`,
    )
    return 0
  },
}

function heldText({ policy: { holds = [] } }: Configuration): string {
  return holds.length === 0 ? 'nothing' : holds.map(({ id, kind }) => `${id} (${kind})`).join(', ')
}

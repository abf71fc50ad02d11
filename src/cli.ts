#!/usr/bin/env node
import { Command, CommanderError } from 'commander'
import { accountingCommand } from './commands/accounting.ts'
import { checkCommand } from './commands/check.ts'
import { consentNewCommand } from './commands/consent-new.ts'
import { consentsCommand } from './commands/consents.ts'
import { decideCommand } from './commands/decide.ts'
import {
  evidenceAddCommand,
  evidenceApproveCommand,
  evidenceEndCommand,
  evidenceKindsCommand,
  evidenceListCommand,
  evidenceShowCommand,
} from './commands/evidence.ts'
import { explainCommand } from './commands/explain.ts'
import {
  holdsApproveCommand,
  holdsDenyCommand,
  holdsListCommand,
  holdsShowCommand,
} from './commands/holds.ts'
import { labelCommand } from './commands/label.ts'
import { labelsCommand } from './commands/labels.ts'
import { lawCommand } from './commands/law.ts'
import { ledgerExportCommand, ledgerVerifyCommand } from './commands/ledger.ts'
import { part2DisclosuresCommand } from './commands/part2-disclosures.ts'
import { previewCommand } from './commands/preview.ts'
import { reviewsCloseCommand, reviewsListCommand, reviewsShowCommand } from './commands/reviews.ts'
import { segmentCommand } from './commands/segment.ts'
import { serveCommand } from './commands/serve.ts'
import { type CommandSpec, type Options, type Terminal, UsageError } from './commands/table.ts'
import { tokenCommand } from './commands/token.ts'
import { version } from './version.ts'

/** Every command, in the order help lists them. `ledger verify` is a command `verify` of the group `ledger`. */
export const COMMANDS: readonly CommandSpec[] = [
  serveCommand,
  checkCommand,
  decideCommand,
  segmentCommand,
  labelCommand,
  labelsCommand,
  lawCommand,
  previewCommand,
  consentsCommand,
  consentNewCommand,
  evidenceAddCommand,
  evidenceListCommand,
  evidenceShowCommand,
  evidenceApproveCommand,
  evidenceEndCommand,
  evidenceKindsCommand,
  explainCommand,
  accountingCommand,
  part2DisclosuresCommand,
  ledgerVerifyCommand,
  ledgerExportCommand,
  reviewsListCommand,
  reviewsShowCommand,
  reviewsCloseCommand,
  holdsListCommand,
  holdsShowCommand,
  holdsApproveCommand,
  holdsDenyCommand,
  tokenCommand,
]

/** Runs one command line (without `node cli.ts`) and gives the exit code. Prints no stack trace, ever. */
export async function runCommandLine(words: readonly string[], terminal: Terminal): Promise<number> {
  const outcome: { code: number } = { code: 0 }
  const program = buildProgram(terminal, outcome)
  try {
    await program.parseAsync([...words], { from: 'user' })
    return outcome.code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    terminal.error(`consentry: ${error instanceof Error ? error.message : 'failed'}\n`)
    return error instanceof UsageError ? 2 : 1
  }
}

function buildProgram(terminal: Terminal, outcome: { code: number }): Command {
  const program = new Command('consentry')
    .description('FHIR-native data segmentation gateway')
    .version(version)
    .exitOverride()
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.error })
    .showHelpAfterError('(consentry --help lists the commands)')
  const groups = new Map<string, Command>()
  for (const spec of COMMANDS) {
    const words = spec.name.split(' ')
    const parent = words.length === 1 ? program : group(program, groups, words[0] ?? '')
    addCommand(parent, spec, words.at(-1) ?? '', terminal, outcome)
  }
  return program
}

/** What the commands of a group are about, by its first word. */
const GROUPS: Readonly<Record<string, string>> = {
  consent: 'write a Consent',
  evidence: 'court orders, research approvals, agreements, guardians … that the privacy office puts on file',
  ledger: 'check the hash chain, print all rows',
  reviews: 'review cases of declared emergencies',
  holds: 'disclosures that wait for the privacy office',
}

function group(program: Command, groups: Map<string, Command>, name: string): Command {
  const known = groups.get(name)
  if (known !== undefined) return known
  const made = program.command(name).description(GROUPS[name] ?? `commands on the ${name}`)
  groups.set(name, made)
  return made
}

function addCommand(
  parent: Command,
  spec: CommandSpec,
  name: string,
  terminal: Terminal,
  outcome: { code: number },
): void {
  const command = parent.command(name).summary(spec.summary).description(spec.description)
  for (const { form, description } of spec.operands) command.argument(form, description)
  for (const { flags, description, defaultValue } of spec.options)
    command.option(flags, description, defaultValue)
  command.addHelpText('after', `\nExamples:\n${spec.examples.map(example => `  ${example}`).join('\n')}\n`)
  command.action(async (...given: unknown[]) => {
    const options = given.at(-2) as Options
    const operands = given
      .slice(0, -2)
      .flat()
      .filter(word => typeof word === 'string')
    outcome.code = await spec.run(operands, options, terminal)
  })
}

if (import.meta.main) {
  const terminal: Terminal = {
    input: process.stdin,
    out: text => void process.stdout.write(text),
    error: text => void process.stderr.write(text),
    isTerminal: process.stderr.isTTY === true,
  }
  process.stdout.on('error', () => process.exit(0))
  process.exitCode = await runCommandLine(process.argv.slice(2), terminal)
}

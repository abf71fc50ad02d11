import { existsSync } from 'node:fs'
import { DeskError } from '../office/desk.ts'
import { type HoldCase, holdState } from '../office/holds.ts'
import { createHoldDesk, type HoldDesk } from '../office/holds-desk.ts'
import { openOfficeStore } from '../office/store.ts'
import { actorOf, BY_OPTION } from './actor.ts'
import { holdLine, holdText } from './holds-text.ts'
import { loadSite } from './site.ts'
import {
  CONFIG_OPTION,
  type CommandSpec,
  type ExitCode,
  type Options,
  type Terminal,
  textOption,
  UsageError,
} from './table.ts'

const JSON_OPTION = { flags: '--json', description: 'print JSON, one object a line' } as const
const CASE = { form: '<case>', description: 'id that `holds list` prints and the client was told' } as const

/** Lists held disclosures. */
export const holdsListCommand: CommandSpec = {
  name: 'holds list',
  summary: 'disclosures that wait for the privacy office',
  description:
    'Prints each request that a rule of policy.holds holds: who asks, for what purpose, under which rule, what an approval ' +
    'would cover, until when the case waits. --all prints approved, denied and lapsed ones too. Exit code 1 where none is ' +
    'printed.',
  operands: [],
  options: [CONFIG_OPTION, { flags: '--all', description: 'decided and lapsed cases too' }, JSON_OPTION],
  examples: ['consentry holds list', 'consentry holds list --config my.json --all --json | jq .rule'],
  run: (_operands, options, terminal) =>
    withDesk(options, ({ desk }) => {
      const at = new Date()
      const shown = desk.all().filter(one => options['all'] === true || holdState(one, at) === 'open')
      if (shown.length === 0) terminal.error('no held disclosure\n')
      for (const one of shown) {
        const state = holdState(one, at)
        terminal.out(options['json'] === true ? jsonLine(one, at) : holdLine(one, state))
      }
      return shown.length === 0 ? 1 : 0
    }),
}

/** Shows one held disclosure. */
export const holdsShowCommand: CommandSpec = {
  name: 'holds show',
  summary: 'one held disclosure: who asked for what, under which rule, who decided',
  description: 'Prints what was asked, what an approval covers and for how long, and the last word on it.',
  operands: [CASE],
  options: [CONFIG_OPTION, JSON_OPTION],
  examples: ['consentry holds show 019adf10-7c1b-7d3e-9f6a-2f4f0c6c2b11 --config my.json'],
  run: ([id], options, terminal) =>
    withDesk(options, ({ desk }) => told(desk.find(id ?? ''), options, terminal)),
}

/** Lets a held disclosure through. */
export const holdsApproveCommand: CommandSpec = {
  name: 'holds approve',
  summary: 'let a held disclosure through for some hours',
  description:
    'Approves one case: from the next request on, what the case covers passes this rule for that client, user and purposes, ' +
    'until the hours are over. Law, Consents and policy decide what is in the answer as always. A first contact stays ' +
    'approved until `holds deny` takes it back. The account that runs the command is kept; who asked cannot approve.',
  operands: [CASE],
  options: [
    CONFIG_OPTION,
    {
      flags: '--hours <hours>',
      description: 'how long it counts; at most, and by default, what the rule allows',
    },
    { flags: '--why <text>', description: 'the justification; required' },
    BY_OPTION,
    JSON_OPTION,
  ],
  examples: [
    'consentry holds approve 019adf10-7c1b-7d3e-9f6a-2f4f0c6c2b11 --hours 4 --why "audit of claim 1182, letter of 12 May"',
  ],
  run: ([id], options, terminal) => {
    const hours = hoursOf(textOption(options, 'hours'))
    const why = whyOf(options)
    const more = { ...(hours === undefined ? {} : { hours }), why }
    return withDesk(options, ({ desk, configuration }) =>
      told(desk.approve(id ?? '', actorOf(options, configuration), more), options, terminal),
    )
  },
}

/** Refuses a held disclosure, or takes an approval back. */
export const holdsDenyCommand: CommandSpec = {
  name: 'holds deny',
  summary: 'deny a held disclosure, or take its approval back',
  description:
    'Denies one case: the same request is refused from now on, for as long as the rule says (caseHours); then it opens a ' +
    'new case. An approval ends at once. A denied case can still be approved.',
  operands: [CASE],
  options: [
    CONFIG_OPTION,
    { flags: '--why <text>', description: 'why it is denied; required' },
    BY_OPTION,
    JSON_OPTION,
  ],
  examples: ['consentry holds deny 019adf10-7c1b-7d3e-9f6a-2f4f0c6c2b11 --why "no claim is open"'],
  run: ([id], options, terminal) => {
    const why = whyOf(options)
    return withDesk(options, ({ desk, configuration }) =>
      told(desk.deny(id ?? '', why, actorOf(options, configuration)), options, terminal),
    )
  },
}

interface AtDesk {
  readonly desk: HoldDesk
  readonly configuration: ReturnType<typeof loadSite>
}

/** Opens the office of the site for one use. Throws UsageError where there is none yet. */
async function withDesk(options: Options, use: (at: AtDesk) => ExitCode): Promise<ExitCode> {
  const configuration = loadSite(textOption(options, 'config'))
  const { file } = configuration.office
  if (!existsSync(file))
    throw new UsageError(`office ${file}: no such file; a gateway makes it when it starts`)
  const store = openOfficeStore(file)
  try {
    return use({ desk: createHoldDesk(store, () => new Date()), configuration })
  } catch (error) {
    if (error instanceof DeskError) throw new UsageError(error.message)
    throw error
  } finally {
    store.close()
  }
}

function whyOf(options: Options): string {
  const why = textOption(options, 'why')?.trim() ?? ''
  if (why === '') throw new UsageError('--why: expected the reason, in a few words')
  return why
}

function hoursOf(given: string | undefined): number | undefined {
  if (given === undefined) return undefined
  const hours = Number(given)
  if (given.trim() === '' || !(hours > 0)) throw new UsageError('--hours: expected a number above 0')
  return hours
}

function told(one: HoldCase, options: Options, terminal: Terminal): ExitCode {
  const at = new Date()
  terminal.out(options['json'] === true ? jsonLine(one, at) : holdText(one, holdState(one, at)))
  return 0
}

function jsonLine(one: HoldCase, at: Date): string {
  return `${JSON.stringify({ ...one, state: holdState(one, at) })}\n`
}

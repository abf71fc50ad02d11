import { randomUUIDv7 } from 'node:crypto'
import { BUILT_IN_PROFILES, loadProfiles } from '../data/profiles.ts'
import { loadPurposes } from '../data/purpose.ts'
import type { Configuration } from '../model/configuration.ts'
import type { LawRow, Profiles } from '../model/law.ts'
import type { EvidenceKind, EvidenceOnFile } from '../model/office.ts'
import { createEvidenceDesk, DeskError, type EvidenceDesk } from '../office/desk.ts'
import { checkEntry } from '../office/entry.ts'
import { openOfficeStore } from '../office/store.ts'
import { actorOf, BY_OPTION } from './actor.ts'
import { evidenceLine, evidenceText, kindText, unread } from './evidence-text.ts'
import { readRecords } from './input.ts'
import { patientOperand } from './operator-site.ts'
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
const EVIDENCE = { form: '<evidence>', description: 'id that `evidence list` prints' } as const

/** Puts evidence on file. */
export const evidenceAddCommand: CommandSpec = {
  name: 'evidence add',
  summary: 'put a court order, research approval, agreement, guardian … on file',
  description:
    'Reads one JSON object from a file or standard input: kind, for (client, issuer, organization, user), patients (a ' +
    'list, or "any" where the kind allows it), purposes, period (start, end), facts, note. `evidence kinds <kind>` ' +
    'prints a template. It counts for what law rows ask of it, for these requesters, for records all of whose patients ' +
    'it names, from start until end; where its kind asks two persons, once somebody else has approved it. A gateway ' +
    'that is running sees it at its next request. Prints the id.',
  operands: [{ form: '<file>', description: 'JSON; - for standard input' }],
  options: [CONFIG_OPTION, BY_OPTION, JSON_OPTION],
  examples: [
    'consentry evidence kinds court-order-part2 > order.json',
    'consentry evidence add order.json --config my.json',
  ],
  run: ([file], options, terminal) =>
    withDesk(options, async ({ desk, site }) => {
      const actor = actorOf(options, site.configuration)
      const { place, value } = await onlyRecord(file ?? '-', terminal)
      const checked = checkEntry(value, {
        kinds: site.kinds,
        clients: site.configuration.clients,
        isPurpose: code => Object.hasOwn(site.profiles.purposeParents, code),
        now: new Date(),
      })
      if ('problems' in checked)
        throw new UsageError(
          checked.problems
            .map(({ path, expected }) => [place, path, expected].filter(Boolean).join(': '))
            .join('\n'),
        )
      const entered = desk.enter(checked.entry, actor)
      const note = unread(checked.kind, rowsInForce(site))
      if (note !== undefined) terminal.error(`${note}\n`)
      return told(desk, entered, options, terminal)
    }),
}

/** Lists evidence. */
export const evidenceListCommand: CommandSpec = {
  name: 'evidence list',
  summary: 'evidence on file and how it stands',
  description:
    'Prints evidence that waits for approval, will count, or counts: id, state, kind, for whom, which patients, until ' +
    'when. --all prints expired and ended ones too. Exit code 1 where there is none.',
  operands: [],
  options: [
    CONFIG_OPTION,
    { flags: '--all', description: 'expired and ended evidence too' },
    { flags: '--patient <patient>', description: 'only what names this patient, or all patients' },
    JSON_OPTION,
  ],
  examples: ['consentry evidence list', 'consentry evidence list --all --patient elena-marsh --json'],
  run: (_operands, options, terminal) =>
    withDesk(options, async ({ desk }) => {
      const at = new Date()
      const named = textOption(options, 'patient')
      const patient = named === undefined ? undefined : patientOperand(named)
      const shown = desk
        .all()
        .filter(({ patients }) => patient === undefined || patients === 'any' || patients.includes(patient))
        .filter(one => options['all'] === true || !['expired', 'ended'].includes(desk.stateOf(one, at)))
      if (shown.length === 0) terminal.error('no evidence\n')
      for (const one of shown) {
        const state = desk.stateOf(one, at)
        terminal.out(options['json'] === true ? jsonLine({ ...one, state }) : evidenceLine(one, state))
      }
      return shown.length === 0 ? 1 : 0
    }),
}

/** Shows one evidence. */
export const evidenceShowCommand: CommandSpec = {
  name: 'evidence show',
  summary: 'one evidence: what it says, who entered, approved and ended it',
  description: 'Prints one evidence with its facts, its citation, its state and who said what of it when.',
  operands: [EVIDENCE],
  options: [CONFIG_OPTION, JSON_OPTION],
  examples: ['consentry evidence show 019adf10-7c1b-7d3e-9f6a-2f4f0c6c2b11'],
  run: ([id], options, terminal) =>
    withDesk(options, async ({ desk }) => told(desk, desk.find(id ?? ''), options, terminal)),
}

/** Approves evidence that somebody else entered. */
export const evidenceApproveCommand: CommandSpec = {
  name: 'evidence approve',
  summary: 'approve evidence that somebody else entered',
  description:
    'Lets evidence count whose kind asks two persons. Whoever entered it cannot approve it: another account of the ' +
    'operating system is needed, or another name where the site shares one (office.accounts: shared).',
  operands: [EVIDENCE],
  options: [CONFIG_OPTION, BY_OPTION, JSON_OPTION],
  examples: ['consentry evidence approve 019adf10-7c1b-7d3e-9f6a-2f4f0c6c2b11 --config my.json'],
  run: ([id], options, terminal) =>
    withDesk(options, async ({ desk, site }) =>
      told(desk, desk.approve(id ?? '', actorOf(options, site.configuration)), options, terminal),
    ),
}

/** Ends evidence before its time. */
export const evidenceEndCommand: CommandSpec = {
  name: 'evidence end',
  summary: 'end evidence, or an emergency grant, at once',
  description:
    'Ends one evidence for good: from the next request on it counts no more. An order that was vacated, a consent that ' +
    'can now be asked for, a mistake. What is on file stays readable.',
  operands: [EVIDENCE],
  options: [CONFIG_OPTION, { flags: '--why <text>', description: 'why it ends' }, BY_OPTION, JSON_OPTION],
  examples: ['consentry evidence end 019adf10-7c1b-7d3e-9f6a-2f4f0c6c2b11 --why "order vacated on appeal"'],
  run: ([id], options, terminal) =>
    withDesk(options, async ({ desk, site }) => {
      const why = textOption(options, 'why')?.trim() ?? ''
      if (why === '') throw new UsageError('--why: expected the reason, in a few words')
      return told(desk, desk.end(id ?? '', why, actorOf(options, site.configuration)), options, terminal)
    }),
}

/** Tells the kinds of evidence. */
export const evidenceKindsCommand: CommandSpec = {
  name: 'evidence kinds',
  summary: 'kinds of evidence, or the template of one',
  description:
    'Prints the kinds of evidence with citation and what they need. With a kind: a template for `evidence add` on ' +
    'standard output, and what each fact means on standard error.',
  operands: [{ form: '[kind]', description: 'id of a kind' }],
  options: [CONFIG_OPTION, JSON_OPTION],
  examples: ['consentry evidence kinds', 'consentry evidence kinds research-waiver > waiver.json'],
  run: async ([id], options, terminal) => {
    const kinds = siteOf(options).kinds.filter(({ madeBy }) => madeBy === 'office')
    if (id === undefined) {
      for (const kind of kinds)
        terminal.out(
          options['json'] === true
            ? jsonLine(kind)
            : `${kind.id.padEnd(24)} ${kind.title} (${kind.citation})\n`,
        )
      return 0
    }
    const kind = kinds.find(one => one.id === id)
    if (kind === undefined)
      throw new UsageError(`kind: expected one of ${kinds.map(one => one.id).join(', ')}`)
    if (options['json'] === true) terminal.out(jsonLine(kind))
    else {
      const { template, meanings } = kindText(kind)
      terminal.error(meanings)
      terminal.out(template)
    }
    return 0
  },
}

interface AtDesk {
  readonly desk: EvidenceDesk
  readonly site: EvidenceSite
}

/** What the desk needs of a site: no labels, no upstream. */
interface EvidenceSite {
  readonly configuration: Configuration
  readonly profiles: Profiles
  readonly kinds: readonly EvidenceKind[]
}

/** Throws Error where configuration or profiles cannot be used. */
function siteOf(options: Options): EvidenceSite {
  const configuration = loadSite(textOption(options, 'config'))
  const { profileFolders } = configuration.policy
  const profiles = loadProfiles(profileFolders, loadPurposes(`${BUILT_IN_PROFILES}purpose`))
  return { configuration, profiles, kinds: profiles.evidenceKinds ?? [] }
}

/** Rows that speak at this site. */
function rowsInForce({ configuration, profiles }: EvidenceSite): readonly LawRow[] {
  const { disabledRows, enabledRows } = configuration.policy
  return profiles.lawRows.filter(
    ({ id, enabled }) => enabledRows.includes(id) || (enabled && !disabledRows.includes(id)),
  )
}

async function withDesk(options: Options, use: (at: AtDesk) => Promise<ExitCode>): Promise<ExitCode> {
  const site = siteOf(options)
  const store = openOfficeStore(site.configuration.office.file)
  try {
    const desk = createEvidenceDesk(store, site.kinds, {
      newId: randomUUIDv7,
      now: () => new Date(),
      accounts: site.configuration.office.accounts,
    })
    return await use({ desk, site })
  } catch (error) {
    if (error instanceof DeskError) throw new UsageError(error.message)
    throw error
  } finally {
    store.close()
  }
}

async function onlyRecord(file: string, terminal: Terminal): Promise<{ place: string; value: unknown }> {
  const records = await Array.fromAsync(readRecords([file], terminal))
  const [first, second] = records
  if (first === undefined) throw new UsageError(`${file}: expected one JSON object, found nothing`)
  if (first.problem !== undefined) throw new UsageError(first.problem)
  if (second !== undefined) throw new UsageError(`${second.place}: expected one JSON object, found a second`)
  return { place: first.place, value: first.value }
}

function told(desk: EvidenceDesk, one: EvidenceOnFile, options: Options, terminal: Terminal): ExitCode {
  const state = desk.stateOf(one, new Date())
  terminal.out(
    options['json'] === true ? jsonLine({ ...one, state }) : evidenceText(one, state, desk.kindOf(one)),
  )
  return 0
}

function jsonLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`
}

import { existsSync } from 'node:fs'
import { createCalendar } from '../identity/agreements.ts'
import type { EvidenceKind } from '../model/office.ts'
import { stateOf } from '../office/evidence.ts'
import { createOffice } from '../office/office.ts'
import { openOfficeStore } from '../office/store.ts'
import { type Disclosure, type Recipient, readDisclosures } from '../record/accounting.ts'
import { csvText, type Line, tableText } from './accounting-text.ts'
import { list } from './consent-new-input.ts'
import { type OfflineSite, openForLook, openOffline, RECORD_OPTION, show } from './operator-site.ts'
import {
  CONFIG_OPTION,
  type OptionSpec,
  type Options,
  type Terminal,
  textOption,
  UsageError,
} from './table.ts'

/** Options of the commands that list disclosures. */
export const DISCLOSURE_OPTIONS: readonly OptionSpec[] = [
  CONFIG_OPTION,
  {
    flags: '-l, --ledger <files>',
    description: 'ledgers to read, comma separated (one a gateway), instead of the configured one',
  },
  RECORD_OPTION,
  { flags: '--since <date>', description: 'first day, YYYY-MM-DD; default: as far back as the rule goes' },
  { flags: '--until <date>', description: 'last day, YYYY-MM-DD; default: today' },
  { flags: '--json', description: 'print one JSON object a line' },
  { flags: '--csv', description: 'print CSV (RFC 4180)' },
]

/** What a command asks of the ledger. */
export interface Asked {
  readonly command: 'accounting' | 'part2-disclosures'
  readonly patient: string
  readonly years: number
  readonly chosen: (disclosure: Disclosure) => boolean
  /** What the list is, for the head of the table. */
  readonly title: string
  /** Told where the list is empty. */
  readonly none: string
}

/** Disclosures of a patient in a time, as the office of the site may tell them now. */
export function disclosuresFor(
  site: OfflineSite,
  { patient, years, chosen }: Asked,
  options: Options,
  at: Date,
): { readonly told: readonly Disclosure[]; readonly suspended: number; readonly since: string } {
  const { configuration, engine } = site
  const dayOf = createCalendar(configuration.policy.zone)
  const until = dayOption(options, 'until') ?? dayOf(at)
  const since = dayOption(options, 'since') ?? yearsBefore(until, years)
  if (since > until) throw new UsageError('--since: expected a day before --until')
  const found = ledgersOf(options, site).flatMap(file =>
    readDisclosures(file, {
      patient,
      // Days are those of the site's zone: a day more on either side is read, then compared.
      from: dayAway(since, -1),
      until: dayAway(until, 2),
      rules: engine.accounting,
      organization: configuration.custodian.organization,
    }),
  )
  const isWithin = ({ at: instant }: Disclosure): boolean => {
    const day = dayOf(new Date(instant))
    return day >= since && day <= until
  }
  const asked = found.filter(one => isWithin(one) && chosen(one)).sort((a, b) => (a.at < b.at ? -1 : 1))
  const isSuspended = suspensions(site, patient, at)
  const told = asked.filter(one => !isSuspended(one))
  return { told, suspended: asked.length - told.length, since }
}

/** The site, and no two ways of printing at once. Throws UsageError. */
export function openForDisclosures(options: Options): OfflineSite {
  if (options['json'] === true && options['csv'] === true)
    throw new UsageError('--csv: expected without --json')
  return openOffline(options)
}

/** Prints the list once the look is recorded. */
export async function tell(
  site: OfflineSite,
  asked: Asked,
  options: Options,
  terminal: Terminal,
): Promise<void> {
  const at = new Date()
  const { told, suspended, since } = disclosuresFor(site, asked, options, at)
  const lines = told.map(one => lineOf(one, site))
  const text =
    options['json'] === true
      ? lines.map(line => `${JSON.stringify(line)}\n`).join('')
      : options['csv'] === true
        ? csvText(lines)
        : tableText(lines, { title: `${asked.title}: ${asked.patient}, since ${since}`, none: asked.none })
  await recorded(site, { asked, options, text, since }, terminal)
  if (suspended > 0)
    terminal.error(
      `${suspended} of them ${suspended === 1 ? 'is' : 'are'} left out: evidence of the privacy office suspends the ` +
        `accounting (${site.engine.accounting.suspension.citation}); do not tell the patient\n`,
    )
}

function lineOf(disclosure: Disclosure, { configuration }: OfflineSite): Line {
  const { client, issuer } = disclosure.recipient
  const registered = configuration.clients.find(
    one => one.clientId === client && (issuer === undefined || one.issuer === issuer),
  )
  return {
    ...disclosure,
    day: createCalendar(configuration.policy.zone)(new Date(disclosure.at)),
    ...(registered?.address === undefined ? {} : { address: registered.address }),
  }
}

/** Whether evidence in force keeps a disclosure out of the accounting: to whom it names, on the bases it may suspend. */
function suspensions(
  { configuration, engine }: OfflineSite,
  patient: string,
  at: Date,
): (disclosure: Disclosure) => boolean {
  const { file } = configuration.office
  if (!existsSync(file)) return () => false
  const { suspension } = engine.accounting
  const kinds: readonly EvidenceKind[] = engine.profiles.evidenceKinds ?? []
  const store = openOfficeStore(file)
  try {
    const { evidence } = createOffice(store, kinds, configuration.office.accounts).look()
    const inForce = [...evidence.values()].filter(
      one =>
        suspension.evidence.includes(one.kind) &&
        stateOf(
          one,
          kinds.find(({ id }) => id === one.kind),
          at,
        ) === 'in-force' &&
        (one.patients === 'any' || one.patients.includes(patient)),
    )
    return ({ recipient, basis }) =>
      basis.some(({ citation = '' }) => suspension.bases.some(each => citation.includes(each))) &&
      inForce.some(one => isTo(one.for, recipient))
  } finally {
    store.close()
  }
}

function isTo(
  whom: { readonly client?: string; readonly organization?: string; readonly user?: string },
  { client, organization, user }: Recipient,
): boolean {
  return (
    (whom.client === undefined || whom.client === client) &&
    (whom.organization === undefined || whom.organization === organization) &&
    (whom.user === undefined || whom.user === user)
  )
}

function ledgersOf(options: Options, { configuration }: OfflineSite): readonly string[] {
  const named = list(textOption(options, 'ledger'))
  return named.length === 0 ? [configuration.ledger.file] : named
}

async function recorded(
  site: OfflineSite,
  { asked, options, text, since }: { asked: Asked; options: Options; text: string; since: string },
  terminal: Terminal,
): Promise<void> {
  const { command, patient } = asked
  const ledger = await openForLook(site.configuration, options, 'record')
  try {
    await show(
      site,
      ledger,
      { command, patient, asked: `${patient} since ${since}`, consents: [] },
      text,
      terminal,
    )
  } finally {
    await ledger.close()
  }
}

function dayOption(options: Options, name: string): string | undefined {
  const text = textOption(options, name)
  if (text === undefined) return undefined
  // Date.parse takes 31 February for 3 March.
  const at = /^\d{4}-\d{2}-\d{2}$/.test(text) ? new Date(text) : undefined
  const isDay = at !== undefined && !Number.isNaN(at.valueOf()) && at.toISOString().startsWith(text)
  if (!isDay) throw new UsageError(`--${name}: expected a day, YYYY-MM-DD`)
  return text
}

function yearsBefore(day: string, years: number): string {
  const date = new Date(`${day}T00:00:00Z`)
  date.setUTCFullYear(date.getUTCFullYear() - years)
  return date.toISOString().slice(0, 10)
}

function dayAway(day: string, days: number): string {
  const date = new Date(`${day}T00:00:00Z`)
  date.setUTCDate(date.getUTCDate() + days)
  return date.toISOString()
}

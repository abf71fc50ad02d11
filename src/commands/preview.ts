import { type Preview, preview, previewQuestion } from '../flow/preview.ts'
import { gatherChart, type PreviewChart } from '../flow/preview-chart.ts'
import { createCalendar } from '../identity/agreements.ts'
import type { Resource } from '../model/fhir.ts'
import { Refusal } from '../model/refusal.ts'
import type { LookedClass } from '../record/operator.ts'
import { list } from './consent-new-input.ts'
import {
  LEDGER_OPTION,
  type Look,
  type OfflineSite,
  openOffline,
  patientOperand,
  withOperatorSite,
} from './operator-site.ts'
import { chartOf, resourcesOfFile, withWhatIf } from './preview-input.ts'
import { type PreviewReport, previewJson, previewText, reasonText } from './preview-report.ts'
import { type PreviewedFor, previewedFor } from './preview-requester.ts'
import { type PreviewRooms, previewRooms } from './preview-rooms.ts'
import {
  CONFIG_OPTION,
  type CommandSpec,
  type ExitCode,
  type Options,
  type Terminal,
  textOption,
  UsageError,
} from './table.ts'

/** What a registered requester would see of a patient, and why, before anybody signs or asks. */
export const previewCommand: CommandSpec = {
  name: 'preview',
  summary: 'what a registered requester would see of a patient, and why',
  description:
    'Reads the chart of one patient as the gateway does, labels, decides and segments it for one client of the ' +
    'configuration, and prints which resources would be released, redacted or withheld, with rule, citation, Consent and ' +
    'provision. Nothing is disclosed to that requester. --consents adds Consents that are not signed yet (taken as signed ' +
    'today) and --without takes some out. The look is recorded before anything is shown, also beside a running gateway. With --no-upstream ' +
    'the chart is your own file and needs no record. Exit code 1 where the requester would be refused before any data is ' +
    'looked at, where there is no such patient, and where the upstream did not answer every search.',
  operands: [{ form: '<patient>', description: 'Patient/x or its id' }],
  options: [
    { flags: '--as <client>', description: 'client id of the configuration' },
    { flags: '--issuer <url>', description: 'its issuer, where several register that id' },
    { flags: '--user <reference>', description: 'who is at the keyboard: Practitioner/x, Patient/x …' },
    {
      flags: '--purpose <codes>',
      description: "v3-ActReason codes, comma separated; default: the client's own",
    },
    { flags: '--consents <file>', description: 'Consents to add: what if they were on file' },
    { flags: '--without <references>', description: 'Consents to leave out, comma separated: Consent/x' },
    CONFIG_OPTION,
    { flags: '--no-upstream', description: 'ask no upstream: the chart is in --file' },
    {
      flags: '--file <file>',
      description: 'chart (JSON, NDJSON or Bundle) for --no-upstream; - for standard input',
    },
    LEDGER_OPTION,
    { flags: '--json', description: 'print one JSON object' },
  ],
  examples: [
    'consentry preview elena-marsh --as health-plan',
    'consentry preview elena-marsh --as treating-hospital --user PractitionerRole/priya-lindqvist-role --without Consent/x',
    'consentry preview noor-halvorsen --as treating-hospital --user Practitioner/priya-lindqvist --consents consent.json --json',
    'consentry preview elena-marsh --as health-plan --no-upstream --file chart.json --config my.json',
  ],
  run: async ([operand], options, terminal): Promise<ExitCode> => {
    const patient = patientOperand(operand)
    const offline = options['upstream'] === false
    const file = textOption(options, 'file')
    if (file !== undefined && !offline) throw new UsageError('--file: expected --no-upstream with it')
    const added = await addedConsents(options, terminal)
    const asked: Asked = { patient, options, added, at: new Date() }
    try {
      if (!offline) return await online(asked, terminal)
      return await ofFile(asked, file ?? '-', terminal)
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      terminal.error(`${error.message}\n`)
      return 1
    }
  },
}

interface Asked {
  readonly patient: string
  readonly options: Options
  readonly added: readonly Resource[]
  readonly at: Date
}

/** The requester would be turned away whatever the chart holds. */
class Refused extends Error {}

async function addedConsents(options: Options, terminal: Terminal): Promise<readonly Resource[]> {
  const file = textOption(options, 'consents')
  return file === undefined ? [] : resourcesOfFile(file, terminal)
}

async function ofFile(asked: Asked, file: string, terminal: Terminal): Promise<ExitCode> {
  const site = openOffline(asked.options)
  const as = requesterFor(asked, site)
  const resources = await resourcesOfFile(file, terminal)
  const rooms = previewRooms(site)
  try {
    const chart = chartOf(resources, asked.patient, rooms.labeller, file === '-' ? 'standard input' : file)
    const report = await reportOf(asked, site, as, rooms, chart)
    terminal.out(textOf(asked, report))
    return 0
  } finally {
    await rooms.labeller.close()
  }
}

function online(asked: Asked, terminal: Terminal): Promise<ExitCode> {
  // Who would be refused anyway is refused before the ledger is opened and anything is read.
  requesterFor(asked, openOffline(asked.options))
  return withOperatorSite(asked.options, terminal, async site => {
    const as = requesterFor(asked, site)
    const rooms = previewRooms(site)
    try {
      const { registry, limits, custodian, server, upstream } = site.configuration
      const from = {
        upstream: site.upstream,
        labeller: rooms.labeller,
        site: { registry, limits, custodian, bases: [server.baseUrl, upstream.url] },
      }
      const chart = await gatherChart(from, asked.patient, as.requester, asked.at)
      if (chart === undefined) {
        terminal.error(`${asked.patient}: not at ${site.configuration.upstream.url}\n`)
        return 1
      }
      const report = await reportOf(asked, site, as, rooms, chart)
      await site.show(lookOf(asked, report), textOf(asked, report), terminal)
      return report.notRead.length === 0 ? 0 : 1
    } finally {
      await rooms.labeller.close()
    }
  })
}

function requesterFor({ options, patient, at }: Asked, { configuration, engine }: OfflineSite): PreviewedFor {
  try {
    return previewedFor(options, configuration, engine, { patient, at })
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const hint = error.code === 'user-required' ? ' (--user names one)' : ''
    throw new Refused(
      `${textOption(options, 'as') ?? ''} would be refused before anything is looked at: ${error.code}` +
        `${error.diagnostics === undefined ? '' : `: ${error.diagnostics}`}${hint}`,
    )
  }
}

async function reportOf(
  { patient, options, added, at }: Asked,
  { configuration, revision }: OfflineSite,
  as: PreviewedFor,
  { rooms, segmenter, categories }: PreviewRooms,
  onFile: PreviewChart,
): Promise<PreviewReport> {
  const without = list(textOption(options, 'without')).map(one =>
    one.includes('/') ? one : `Consent/${one}`,
  )
  // A day has begun where the site is, or a form signed that day would not hold yet.
  const today = createCalendar(configuration.policy.zone)(at)
  const { chart, whatIf } = withWhatIf(onFile, patient, { added, without, today })
  const question = previewQuestion(configuration, as.requester, as.purposeOfUse.effective, chart, at)
  const answered = await preview(rooms, segmenter, question, categories)
  const { unreadable, notRead } = chart
  return { patient, at, revision, as, whatIf, preview: answered, unreadable, notRead }
}

function textOf({ options }: Asked, report: PreviewReport): string {
  return options['json'] === true ? previewJson(report) : previewText(report)
}

function lookOf({ patient }: Asked, { as, preview: shown, whatIf }: PreviewReport): Look {
  const { registration, requester, purposeOfUse } = as
  const user = requester.user === undefined ? '' : `, ${requester.user}`
  const changes =
    whatIf.added.length + whatIf.without.length === 0 ? '' : ', with other Consents than on file'
  return {
    command: 'preview',
    patient,
    asked: `${patient} as ${registration.clientId}${user} for ${purposeOfUse.effective.join(', ')}${changes}`,
    consents: shown.directives.map(({ ref }) => ref),
    preview: {
      client: registration.clientId,
      purposes: purposeOfUse.effective,
      decision: shown.decision,
      classes: classesOf(shown),
    },
  }
}

function classesOf({ resources }: Preview): readonly LookedClass[] {
  const groups = Map.groupBy(resources, one =>
    [one.outcome === 'withheld', ...one.because.map(reasonText)].join('\n'),
  )
  return [...groups.values()].map(group => {
    const isWithheld = group[0]?.outcome === 'withheld'
    const references = group.map(({ reference }) => reference)
    return {
      decision: { effect: isWithheld ? 'deny' : 'permit', because: group[0]?.because ?? [] },
      released: isWithheld ? [] : references,
      withheld: isWithheld ? references : [],
    }
  })
}

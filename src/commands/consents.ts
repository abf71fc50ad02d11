import { createConsentReader } from '../consent/reader.ts'
import { directoryFor } from '../flow/directory.ts'
import { loadForms } from '../forms/template.ts'
import { createLabeller } from '../label/labeller.ts'
import type { ConsentOnFile, ConsentRef, Directory } from '../model/consent.ts'
import type { Labeller } from '../model/doors.ts'
import type { Resource } from '../model/fhir.ts'
import { type Conflicts, findConflicts } from './consents-conflicts.ts'
import { type ConsentReport, reportOf } from './consents-report.ts'
import { formQuestion } from './form-check.ts'
import { readRecords, resourcesIn } from './input.ts'
import {
  LEDGER_OPTION,
  type OfflineSite,
  openOffline,
  patientOperand,
  withOperatorSite,
} from './operator-site.ts'
import {
  CONFIG_OPTION,
  type CommandSpec,
  type ExitCode,
  type Terminal,
  textOption,
  UsageError,
} from './table.ts'

/** Tells each Consent on file for a patient: what state it is in, what it says, what its form lacks. */
export const consentsCommand: CommandSpec = {
  name: 'consents',
  summary: 'every Consent on file for a patient: in force or not and why, and what it says in plain words',
  description:
    'Prints each Consent on file for one patient as decisions read it: reference, version and server; whether it is ' +
    'enforceable, inactive, expired, not-yet, superseded, unreadable or not-privacy, and why; scope, category, period, ' +
    'base decision; each provision with what it inherits, in words; what the form lacks for the law it names (42 CFR ' +
    '2.31, 45 CFR 164.508), ages not considered; and where one Consent permits what another refuses (then the refusal ' +
    'holds). Nothing else of the chart is printed. The look is recorded, also beside a running gateway; Consents of --file are your own ' +
    'and need no record. Exit code 1 where none is on file.',
  operands: [{ form: '<patient>', description: 'Patient/x or its id' }],
  options: [
    CONFIG_OPTION,
    {
      flags: '--file <file>',
      description: 'Consents (JSON, NDJSON or Bundle) instead of the upstream; - for standard input',
    },
    LEDGER_OPTION,
    { flags: '--json', description: 'print one JSON object' },
  ],
  examples: [
    'consentry consents elena-marsh',
    'consentry consents Patient/elena-marsh --config my.json --json',
    'consentry consents elena-marsh --file consent.json',
  ],
  run: async ([operand], options, terminal): Promise<ExitCode> => {
    const patient = patientOperand(operand)
    const json = options['json'] === true
    const file = textOption(options, 'file')
    if (file !== undefined) {
      const site = openOffline(options)
      const onFile = await consentsIn(file, patient, terminal)
      const told = await tell(site, {
        patient,
        onFile,
        directory: { resolve: () => undefined },
        server: file,
      })
      terminal.out(printed(told, json))
      return onFile.length === 0 ? 1 : 0
    }
    return withOperatorSite(options, terminal, async site => {
      const { upstream, configuration } = site
      const onFile = (await upstream.consents([patient])).get(patient)
      if (onFile === undefined)
        throw new UsageError(
          `${patient}: a Consent server could not be asked about this patient (no identifier it knows); expected one`,
        )
      const directory = await directoryFor(upstream, new Map([[patient, onFile]]), NOBODY, {
        bases: [configuration.server.baseUrl, configuration.upstream.url],
        also: [configuration.custodian.organization],
      })
      const told = await tell(site, { patient, onFile, directory, server: configuration.upstream.url })
      const look = {
        command: 'consents' as const,
        asked: patient,
        patient,
        consents: onFile.map(({ ref }) => ref),
      }
      await site.show(look, printed(told, json), terminal)
      return onFile.length === 0 ? 1 : 0
    })
  },
}

/** Nobody in particular asks: the directory is looked up for those the Consents name. */
const NOBODY = {
  key: '',
  client: '',
  hipaa: 'none',
  part2: 'none',
  userRoles: [],
  actors: [],
  scopes: [],
  claims: {},
  residual: [],
} as const

/** Consents of a file that are about this patient, or may be. Throws UsageError for what is no Consent. */
export async function consentsIn(
  file: string,
  patient: string,
  terminal: Terminal,
): Promise<readonly ConsentOnFile[]> {
  const onFile: ConsentOnFile[] = []
  for await (const { place, value, problem } of readRecords([file], terminal)) {
    const resources = problem === undefined ? resourcesIn(value) : undefined
    if (resources === undefined)
      throw new UsageError(problem ?? `${place}: expected a Consent or a Bundle of them`)
    for (const resource of resources as unknown as readonly Resource[]) {
      if (resource.resourceType !== 'Consent' || !mayConcern(resource, patient)) continue
      onFile.push({ ref: refOf(resource, onFile.length + 1, file), resource })
    }
  }
  return onFile
}

/** A Consent that names its patient otherwise than by a local reference may be anybody's: doubt, which is shown. */
function mayConcern(consent: Resource, patient: string): boolean {
  const reference = (consent['patient'] as { reference?: unknown } | undefined)?.reference
  if (typeof reference !== 'string') return true
  const named = /(?:^|\/)(Patient\/[A-Za-z0-9\-.]{1,64})(?:\/_history\/.*)?$/.exec(reference)?.[1]
  return named === undefined || named === patient
}

function refOf(consent: Resource, number: number, source: string): ConsentRef {
  const version = (consent['meta'] as { versionId?: unknown } | undefined)?.versionId
  return {
    reference: `Consent/${consent.id ?? `new-${number}`}`,
    ...(typeof version === 'string' ? { version } : {}),
    source,
  }
}

interface Asked {
  readonly patient: string
  readonly onFile: readonly ConsentOnFile[]
  readonly directory: Directory
  readonly server: string
}

interface Told {
  readonly patient: string
  readonly at: string
  readonly consents: readonly ConsentReport[]
  readonly conflicts: Conflicts
}

async function tell(site: OfflineSite, { patient, onFile, directory, server }: Asked): Promise<Told> {
  const { configuration, engine } = site
  const { zone } = configuration.policy
  const at = new Date()
  const readerOptions = {
    ...engine.purposes,
    bases: [configuration.server.baseUrl, configuration.upstream.url],
  }
  const reader = createConsentReader(readerOptions)
  const directives = reader.read(onFile, at, zone)
  const { registry } = configuration
  const question = formQuestion(engine, { at, patient, minor: false, registry, directory })
  const rooms = { reader, readerOptions, templates: loadForms(), question, zone, server }
  const labeller = labellerOf(site)
  try {
    const conflicts = findConflicts(directives, patient, {
      reader,
      readerOptions,
      labeller,
      directory,
      zone,
      at,
    })
    const consents = directives.map(directive => reportOf(directive, rooms))
    return { patient, at: at.toISOString(), consents, conflicts }
  } finally {
    await labeller.close()
  }
}

const CACHE_BYTES = 4 << 20

function labellerOf({ configuration, engine }: OfflineSite): Labeller {
  const { registry, custodian, policy, limits } = configuration
  return createLabeller(
    engine.labels,
    { registry, custodian, unknownSource: policy.unknownSource, minimumConfidence: policy.minimumConfidence },
    { cacheBytes: CACHE_BYTES, jsonDepth: limits.jsonDepth },
  )
}

function printed(told: Told, json: boolean): string {
  const { patient, at, consents, conflicts } = told
  if (json) {
    const { conflicts: found, all } = conflicts
    const body = { patient, at, consents, conflicts: found, allCombinationsAsked: all }
    return `${JSON.stringify(body, openEnds)}\n`
  }
  if (consents.length === 0) return `${patient}: no Consent on file\n`
  const many = consents.length === 1 ? '1 Consent' : `${consents.length} Consents`
  return [`${patient}: ${many} on file, as of ${at}`, ...consents.map(consentText), conflictText(conflicts)]
    .filter(part => part !== '')
    .join('\n\n')
    .concat('\n')
}

/** An open end is no number in JSON. */
function openEnds(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? null : value
}

function consentText(report: ConsentReport): string {
  const { reference, version, server, state, why, status, scope, category, signedOn, period, policies } =
    report
  const { base, provisions, unreadable, form } = report
  return [
    `${reference}${version === undefined ? '' : ` version ${version}`} at ${server}`,
    `  state      ${state}: ${why}`,
    ...(status === undefined ? [] : [`  status     ${status}`]),
    ...(scope.length + category.length === 0
      ? []
      : [`  about      ${[scope.join(', '), category.join(', ')].filter(Boolean).join('; category ')}`]),
    ...(signedOn === undefined ? [] : [`  dated      ${signedOn}`]),
    ...(period === undefined ? [] : [`  period     ${period.start ?? 'open'} to ${period.end ?? 'open'}`]),
    ...(policies.length === 0 ? [] : [`  policy     ${policies.join(', ')}`]),
    ...(base === undefined ? [] : [`  base       ${base}`]),
    ...provisions.map(({ path, words, depth }) => `  ${'  '.repeat(depth)}${path}: ${words}`),
    ...(unreadable === undefined ? [] : [`  provisions cannot be read: ${unreadable}`]),
    ...(form === undefined ? [] : [`  form       ${formText(form)}`]),
  ].join('\n')
}

function formText({ kind, citation, lacks }: NonNullable<ConsentReport['form']>): string {
  return lacks.length === 0
    ? `complete as ${kind} (${citation})`
    : `as ${kind} (${citation}) lacks ${lacks.join(', ')}`
}

function conflictText({ conflicts, all }: Conflicts): string {
  const lines = conflicts.map(
    ({ permits, permitPath, refuses, refusePath, who, purpose, what }) =>
      `  ${refuses.reference} (${refusePath}) refuses what ${permits.reference} (${permitPath}) permits, for example to ${who} for ${purpose}, ${what}`,
  )
  const cut = all ? [] : ['  not every combination that these Consents name was compared']
  return lines.length + cut.length === 0
    ? ''
    : ['conflicts (the refusal holds):', ...lines, ...cut].join('\n')
}

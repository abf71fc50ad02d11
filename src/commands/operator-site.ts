import { hash, randomUUIDv7 } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { hostname, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { demoResources } from '../demo/resources.ts'
import { startDemoUpstream } from '../demo/upstream.ts'
import { type Engine, openEngine } from '../engine.ts'
import type { Configuration } from '../model/configuration.ts'
import type { Upstream } from '../model/doors.ts'
import type { JsonObject } from '../model/fhir.ts'
import type { Ledger } from '../model/record.ts'
import { Refusal } from '../model/refusal.ts'
import { openLedger } from '../record/ledger.ts'
import { LedgerError } from '../record/ledger-error.ts'
import { createOperatorRecorder, type OperatorLook } from '../record/operator.ts'
import { siteFindings, siteRevision } from '../site-rules.ts'
import { createUpstream } from '../upstream/upstream.ts'
import { loadSite } from './site.ts'
import { type OptionSpec, type Options, type Terminal, textOption, UsageError } from './table.ts'

const RECORD = 'ledger that records this look; default: operator.sqlite beside the configured one'

/** Where the look is recorded, for commands that read no ledger. */
export const LEDGER_OPTION: OptionSpec = { flags: '--ledger <file>', description: RECORD }

/** The same, for commands whose --ledger names what they read. */
export const RECORD_OPTION: OptionSpec = { flags: '--record <file>', description: RECORD }

/** The facts of a look that the command itself tells. */
export type Look = Pick<OperatorLook, 'command' | 'asked' | 'patient' | 'preview' | 'consents'>

/** The site a command asks about, without its data. */
export interface OfflineSite {
  readonly configuration: Configuration
  readonly engine: Engine
  readonly revision: string
}

/** The site with its upstream and a ledger that is held. */
export interface OperatorSite extends OfflineSite {
  readonly upstream: Upstream
  /** Records the look, then shows the text: no record, nothing shown. */
  readonly show: (look: Look, text: string, terminal: Terminal) => Promise<void>
  readonly close: () => Promise<void>
}

/** Configuration and rules alone. Throws UsageError or Error where they cannot be used. */
export function openOffline(options: Options, overrides: JsonObject = {}): OfflineSite {
  const file = textOption(options, 'config')
  const configuration = loadSite(file, overrides)
  const engine = openEngine(configuration.policy)
  const { problems } = siteFindings(configuration, engine)
  if (problems.length > 0) throw new UsageError(problems.join('\n'))
  return { configuration, engine, revision: siteRevision(configuration, engine) }
}

/**
 * The site of `--config`, or the demo: the running one where there is one, else its example patients. The ledger of looks
 * is opened before anything of a patient is read. Throws Error where the look cannot be recorded.
 */
export async function openOperatorSite(options: Options, terminal: Terminal): Promise<OperatorSite> {
  const closers: (() => Promise<void>)[] = []
  const close = async (): Promise<void> => {
    for (const one of closers.splice(0).reverse()) await one()
  }
  try {
    const isDemo = textOption(options, 'config') === undefined
    const site = openOffline(options, isDemo ? await demoUpstream(terminal, closers) : {})
    const { configuration } = site
    const ledger = await openForLook(configuration, options, 'ledger')
    closers.push(ledger.close)
    const upstream = createUpstream(
      { ...configuration.upstream, consentServers: configuration.consentServers ?? [] },
      configuration.limits,
      {
        now: () => Date.now(),
        readFile: path => readFileSync(path, 'utf8'),
      },
    )
    closers.push(upstream.close)
    return { ...site, upstream, close, show: (look, text, to) => show(site, ledger, look, text, to) }
  } catch (error) {
    await close()
    throw error
  }
}

/** Runs with the site and closes it. A refusal of the upstream is told in words. */
export async function withOperatorSite<T>(
  options: Options,
  terminal: Terminal,
  use: (site: OperatorSite) => Promise<T>,
): Promise<T> {
  const site = await openOperatorSite(options, terminal)
  try {
    return await use(site)
  } catch (error) {
    if (error instanceof Refusal) throw new Error(refusalText(error, site))
    throw error
  } finally {
    await site.close()
  }
}

function refusalText({ code, diagnostics, detail }: Refusal, { configuration }: OfflineSite): string {
  return [`${configuration.upstream.url}: ${code}`, diagnostics, detail].filter(Boolean).join(': ')
}

const DEMO_WAIT_MS = 1500

/** Where the demo's FHIR server is: running, or started for this one command. */
async function demoUpstream(terminal: Terminal, closers: (() => Promise<void>)[]): Promise<JsonObject> {
  const { url } = loadSite(undefined).upstream
  const answer = await fetch(`${url}/metadata`, { signal: AbortSignal.timeout(DEMO_WAIT_MS) }).catch(
    () => undefined,
  )
  if (answer?.ok === true) return {}
  terminal.error('no demo is running: asking its example patients\n')
  const upstream = await startDemoUpstream({ resources: demoResources() })
  closers.push(upstream.close)
  return { upstream: { url: upstream.url } }
}

/**
 * The ledger that records looks of operators: what the option names, else operator.sqlite beside the configured ledger, which
 * a running gateway holds. Throws Error, and says what to do, where it cannot be opened.
 */
export async function openForLook(
  { ledger: configured }: Configuration,
  options: Options,
  option: 'ledger' | 'record',
): Promise<Ledger> {
  const file = textOption(options, option) ?? join(dirname(configured.file), 'operator.sqlite')
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  return openLedger({ ...configured, file }).catch((error: unknown) => {
    if (!(error instanceof LedgerError)) throw error
    const hint = error.code === 'locked' ? `; name another one with --${option}` : ''
    throw new Error(`this look must be recorded and cannot be: ${error.message}${hint}`)
  })
}

/** Records the look, then shows the text: no record, nothing shown. */
export async function show(
  { configuration, revision }: OfflineSite,
  ledger: Ledger,
  look: Look,
  text: string,
  terminal: Terminal,
): Promise<void> {
  const record = createOperatorRecorder({
    baseUrl: configuration.server.baseUrl,
    device: 'Device/consentry',
    deviceName: 'Consentry',
    organization: configuration.custodian.organization,
    newId: randomUUIDv7,
    now: () => new Date(),
  })
  await ledger.append(
    record({
      ...look,
      exchange: randomUUIDv7(),
      at: new Date(),
      account: userInfo().username,
      host: hostname(),
      revision,
      shown: { sha256: hash('sha256', text), bytes: Buffer.byteLength(text) },
    }),
  )
  terminal.out(text)
}

/** `Patient/x` of what was given. Throws UsageError. */
export function patientOperand(given: string | undefined): string {
  const id = given?.startsWith('Patient/') === true ? given.slice('Patient/'.length) : (given ?? '')
  if (!/^[A-Za-z0-9\-.]{1,64}$/.test(id)) throw new UsageError('patient: expected Patient/x or an id')
  return `Patient/${id}`
}

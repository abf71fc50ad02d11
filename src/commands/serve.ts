import { demoWalkthrough } from '../demo/walkthrough.ts'
import { type DemoSite, openDemoSite } from '../demo-site.ts'
import { type House, openHouse } from '../house.ts'
import type { Configuration } from '../model/configuration.ts'
import type { ReloadOutcome } from '../reload.ts'
import { listen } from '../server/listen.ts'
import { DEMO_PORTS, loadSite } from './site.ts'
import { type CommandSpec, type Options, type Terminal, textOption, UsageError } from './table.ts'

/** Runs the gateway until it is told to stop: on a configuration, or on the embedded demo. */
export const serveCommand: CommandSpec = {
  name: 'serve',
  summary: 'run the gateway (without --config: the demo on embedded servers)',
  description:
    'Runs the gateway. Without a configuration it starts an embedded FHIR server with example patients and an embedded ' +
    'token issuer, both on loopback, and prints commands to try. With one, nothing of the demo exists. A changed file of ' +
    'labels/ or profiles/, built in or of the site, comes into force while it runs; one that does not fit changes nothing ' +
    'and is named on standard error. SIGHUP looks at once, and is needed to take files out. The configuration itself is ' +
    'read at the start only.',
  operands: [],
  options: [
    {
      flags: '-c, --config <file>',
      description: 'configuration file (JSON, see profiles/deployment/configuration.schema.json)',
    },
    { flags: '-p, --port <port>', description: 'port to listen on, instead of the configured one' },
    { flags: '--ledger <file>', description: 'ledger file, instead of the configured one' },
  ],
  examples: [
    'npm start',
    'npm start -- --config my.json',
    'consentry serve --port 9000 --ledger /tmp/try.sqlite',
  ],
  run: async (_operands, options, terminal) => {
    const file = textOption(options, 'config')
    if (file === undefined) await serveDemo(options, terminal)
    else await serveSite(loadSite(file, overridesOf(options)), terminal)
    return 0
  },
}

function portOption(options: Options): number | undefined {
  const text = textOption(options, 'port')
  if (text === undefined) return undefined
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535)
    throw new UsageError('--port: expected a number from 0 to 65535')
  return Number(text)
}

function overridesOf(options: Options) {
  const port = portOption(options)
  const file = textOption(options, 'ledger')
  return {
    ...(port === undefined ? {} : { server: { port } }),
    ...(file === undefined ? {} : { ledger: { file } }),
  }
}

async function serveSite(configuration: Configuration, terminal: Terminal): Promise<void> {
  const { host, baseUrl } = configuration.server
  await runGateway(configuration, async ({ revision }, port) => {
    terminal.out(`consentry serves ${baseUrl} on ${host}:${port}, policy revision ${revision}\n`)
  })
}

async function serveDemo(options: Options, terminal: Terminal): Promise<void> {
  const gatewayPort = portOption(options) ?? DEMO_PORTS.gateway
  const site = await openDemoSite({
    gatewayPort,
    issuerPort: gatewayPort === 0 ? 0 : gatewayPort + 1,
    upstreamPort: gatewayPort === 0 ? 0 : gatewayPort + 2,
    ledgerFile: textOption(options, 'ledger') ?? 'var/ledger.sqlite',
  })
  try {
    await runGateway(site.configuration, ({ revision }) => introduceDemo(site, revision, terminal))
  } finally {
    await site.close()
  }
}

async function introduceDemo(site: DemoSite, revision: string, terminal: Terminal): Promise<void> {
  const { issuer, upstream, configuration } = site
  const { baseUrl } = configuration.server
  terminal.out(`consentry demo serves ${baseUrl} (policy revision ${revision})\n`)
  terminal.out(`embedded FHIR server ${upstream.url}, embedded issuer ${issuer.issuer}; Ctrl-C stops\n\n`)
  for (const step of demoWalkthrough()) {
    const token =
      step.token === undefined ? '' : await issuer.issueToken({ ...step.token, lifetimeSeconds: 3600 })
    terminal.out(`# ${step.title}\n${step.curl({ baseUrl, upstreamUrl: upstream.url, token })}\n\n`)
  }
}

/** Opens the house and its port, says so, and runs until told to stop. Closes what it opened, however it ends. */
async function runGateway(
  configuration: Configuration,
  announce: (house: House, port: number) => Promise<void>,
): Promise<void> {
  const { host, port } = configuration.server
  const stop = stopped()
  const house = await openHouse(configuration)
  try {
    const listening = await listen(house.app, {
      host,
      port,
      headerBytes: configuration.limits.headerBytes,
      exchange: house.exchange,
    })
    const reload = (): void => void house.reload('operator').then(sayReload)
    try {
      house.subscribe()
      house.watchRules(sayReload)
      process.on('SIGHUP', reload)
      await announce(house, listening.port)
      await stop
      setTimeout(() => process.exit(0), STOP_MAX_MS).unref()
    } finally {
      process.off('SIGHUP', reload)
      await listening.close()
    }
  } finally {
    await house.close()
  }
}

/** One line for the operator; that a change came into force stands in the ledger too. */
function sayReload(outcome: ReloadOutcome): void {
  process.stderr.write(`consentry: ${reloadText(outcome)}\n`)
}

/** What became of a change of the rules, in words: what serves now, and where nothing changed, why. */
export function reloadText(outcome: ReloadOutcome): string {
  if (outcome.kind === 'unchanged')
    return `the rules say what they said; policy revision ${outcome.revision} serves`
  if (outcome.kind === 'kept')
    return `warning: the rules were not changed, policy revision ${outcome.revision} serves: ${outcome.why}`
  const { from, to, files } = outcome
  const more = files.length > 1 ? ` and ${files.length - 1} more` : ''
  return `the rules changed (${files[0] ?? ''}${more}): policy revision ${to} serves, exchanges under way end under ${from}`
}

/** An upstream that never answers must not keep a stopped gateway alive; what was acknowledged is on disk by then. */
const STOP_MAX_MS = 5000

/** Resolves on the first SIGINT or SIGTERM from now on, also while the house is still being opened; the next one kills. */
function stopped(): Promise<void> {
  return new Promise(resolve => {
    const signals = ['SIGINT', 'SIGTERM'] as const
    const heard = (): void => {
      for (const signal of signals) process.off(signal, heard)
      resolve()
    }
    for (const signal of signals) process.on(signal, heard)
  })
}

import { DEMO_PORTS, loadSite } from './site.ts'
import { type CommandSpec, textOption, UsageError } from './table.ts'

const OPTION_NAMES = ['user', 'patient', 'purpose', 'scope', 'lifetime'] as const

/** Asks the running demo issuer for a token. */
export const tokenCommand: CommandSpec = {
  name: 'token',
  summary: 'get an access token from the running demo issuer (demo only)',
  description:
    'Asks the embedded issuer of a running demo (npm start) for an access token of one of its registered clients and ' +
    'prints it. A real deployment has its own issuer; this command knows only the demo. ' +
    'examples/README.md lists its clients, and a user of each to try.',
  operands: [{ form: '<client>', description: 'client id of the demo registry, e.g. treating-hospital' }],
  options: [
    { flags: '--user <reference>', description: 'Practitioner/x, Patient/x …; without it a system' },
    { flags: '--patient <id>', description: 'launch context: the one patient' },
    { flags: '--purpose <codes>', description: 'v3-ActReason codes, comma separated' },
    { flags: '--scope <scopes>', description: 'SMART scopes' },
    {
      flags: '--lifetime <seconds>',
      description: 'seconds until it expires (default 300; the gateway allows 60 s of clock skew)',
    },
    {
      flags: '--issuer <url>',
      description: 'base URL of the demo issuer',
      defaultValue: `http://127.0.0.1:${DEMO_PORTS.issuer}`,
    },
  ],
  examples: [
    'consentry token treating-hospital --user PractitionerRole/priya-lindqvist-role',
    'consentry token patient-app --user Patient/noor-halvorsen --patient noor-halvorsen',
  ],
  run: async ([client], options, terminal) => {
    const issuer = textOption(options, 'issuer') ?? ''
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: client ?? '',
      client_secret: 'demo',
    })
    for (const name of OPTION_NAMES) {
      const value = textOption(options, name)
      if (value !== undefined) form.set(name, value)
    }
    const answer = await fetch(`${issuer}/token`, { method: 'POST', body: form }).catch(() => undefined)
    if (answer === undefined)
      throw new UsageError(`--issuer: no demo issuer answers at ${issuer}; is npm start running?`)
    const body = (await answer.json()) as { access_token?: string; error?: string }
    if (body.access_token === undefined)
      throw new UsageError(`the demo issuer refused: ${reasonOf(body.error ?? String(answer.status))}`)
    terminal.out(`${body.access_token}\n`)
    return 0
  },
}

/** Ids of the demo registry, as a list to read. */
function clientIds(): string {
  return loadSite(undefined)
    .clients.map(({ clientId }) => clientId)
    .join(', ')
}

/** The mistake behind an error code of RFC 6749 5.2. */
function reasonOf(error: string): string {
  if (error === 'invalid_client') return `<client>: expected one of ${clientIds()}`
  if (error === 'invalid_request') return '--lifetime: expected a whole number of seconds'
  return `${error}; is this the issuer of the demo?`
}

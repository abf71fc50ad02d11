import type { Configuration, IssuerConfiguration } from '../model/configuration.ts'
import type { JsonObject } from '../model/fhir.ts'
import type { ClientRegistration } from '../model/requester.ts'
import { checkHolds } from './holds.ts'

export interface ConfigurationProblem {
  /** JSON path inside the file, e.g. `clients[2].role`; empty for the file as a whole. */
  readonly path: string
  readonly expected: string
}

/** The file's shape after schema check and defaults, before the cross checks. */
export interface ConfigurationFile {
  readonly server: { readonly host: string; readonly port: number; readonly baseUrl?: string }
  readonly upstream: Configuration['upstream']
  readonly consentServers: NonNullable<Configuration['consentServers']>
  readonly notifications?: Configuration['notifications']
  readonly issuers: readonly IssuerConfiguration[]
  readonly audience: readonly string[]
  readonly clients: readonly (Omit<ClientRegistration, 'issuer' | 'name'> & {
    issuer?: string
    name?: string
  })[]
  readonly custodian: Configuration['custodian']
  readonly registry: JsonObject
  readonly policy: Configuration['policy']
  readonly ledger: Configuration['ledger']
  readonly office: Partial<Configuration['office']> & Pick<Configuration['office'], 'accounts'>
  readonly emergency: Configuration['emergency']
  readonly deidentification?: Configuration['deidentification']
  readonly limits: Configuration['limits']
}

/** What one value says of another; a schema cannot know it. */
export function crossCheck(file: ConfigurationFile, configuration: Configuration): ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = []
  const fail = (path: string, expected: string): unknown => problems.push({ path, expected })
  for (const [index, name] of standingTwice(file.issuers.map(issuer => issuer.issuer))) {
    fail(`issuers[${index}].issuer`, `expected each issuer once, ${name} stands twice`)
  }
  for (const [index] of standingTwice(
    configuration.clients.map(client => `${client.issuer} ${client.clientId}`),
  )) {
    fail(`clients[${index}].clientId`, 'expected each client of an issuer once')
  }
  configuration.clients.forEach((client, index) => {
    checkClient(file, client, `clients[${index}]`, fail)
  })
  if (file.limits.pageSizeDefault > file.limits.pageSizeMax) {
    fail('limits.pageSizeDefault', 'expected at most limits.pageSizeMax')
  }
  if (!isZone(file.policy.zone)) fail('policy.zone', 'expected an IANA time zone')
  checkHolds(file.policy.holds ?? [], fail)
  checkCredential(file.upstream.credential, 'upstream.credential', fail)
  checkConsentServers(file, fail)
  if (typeof file.ledger.repository === 'object') {
    checkCredential(file.ledger.repository.credential, 'ledger.repository.credential', fail)
  }
  return problems
}

type Fail = (path: string, expected: string) => unknown

function checkClient(file: ConfigurationFile, client: ClientRegistration, path: string, fail: Fail): void {
  if (client.issuer === '') fail(`${path}.issuer`, 'expected an issuer, as more than one is configured')
  else if (!file.issuers.some(({ issuer }) => issuer === client.issuer)) {
    fail(`${path}.issuer`, 'expected one of issuers[].issuer')
  }
  if (client.defaultPurpose !== undefined && !client.purposes.includes(client.defaultPurpose)) {
    fail(`${path}.defaultPurpose`, 'expected one of the purposes of this client')
  }
  client.agreements.forEach(({ start, end }, index) => {
    if (start !== undefined && end !== undefined && end < start) {
      fail(`${path}.agreements[${index}].end`, 'expected a date not before start')
    }
  })
}

function checkConsentServers(
  { consentServers, upstream, notifications }: ConfigurationFile,
  fail: Fail,
): void {
  consentServers.forEach(({ name, url, credential }, index) => {
    const path = `consentServers[${index}]`
    if (name === 'upstream') fail(`${path}.name`, 'expected another name: the upstream has it')
    if (url === upstream.url) fail(`${path}.url`, 'expected another server than the upstream')
    checkCredential(credential, `${path}.credential`, fail)
  })
  for (const member of ['name', 'url'] as const)
    for (const [index] of standingTwice(consentServers.map(server => server[member])))
      fail(`consentServers[${index}].${member}`, 'expected each consent server once')
  if (notifications?.subscribe === true && notifications.endpoint === undefined)
    fail('notifications.endpoint', 'expected a URL, as notifications.subscribe is on')
}

function checkCredential(
  credential: Configuration['upstream']['credential'],
  path: string,
  fail: Fail,
): void {
  if (credential.kind !== 'client-credentials') return
  const files = [credential.secretFile, credential.privateKeyFile].filter(file => file !== undefined)
  if (files.length !== 1) fail(path, 'expected one of secretFile and privateKeyFile')
}

/** Index and value of each value that stood before. */
const standingTwice = (values: readonly string[]): [number, string][] =>
  [...values.entries()].filter(([index, value]) => values.indexOf(value) < index)

function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return true
  } catch {
    return false
  }
}

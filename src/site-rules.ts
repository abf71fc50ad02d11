import { hash } from 'node:crypto'
import { accessSync, constants } from 'node:fs'
import { readPseudonymKey } from './data/deidentification.ts'
import { loadHolds } from './data/holds.ts'
import type { Engine } from './engine.ts'
import type { Configuration, UpstreamCredential } from './model/configuration.ts'
import { holdProblems, holdWarnings } from './site-holds.ts'

/** What a configuration says of the data in force: mistakes that would switch a protection off without a word. */
export interface SiteFindings {
  /** The gateway does not start with these. */
  readonly problems: readonly string[]
  /** Legal, but hardly meant. */
  readonly warnings: readonly string[]
}

/**
 * Names everything that decides at this site: data, policy, custodian, registry, clients and issuers. Stored with every
 * decision; page links do not outlive it. 16 hex digits.
 */
export function siteRevision(configuration: Configuration, engine: Engine): string {
  const { policy, custodian, registry, clients, issuers, audience, upstream } = configuration
  const { referrers } = upstream
  const servers = configuration.consentServers?.length ? [configuration.consentServers] : []
  const holds = policy.holds?.length ? [loadHolds().revision] : []
  const parts = [
    engine.revision,
    policy,
    custodian,
    registry,
    clients,
    issuers,
    audience,
    referrers,
    ...servers,
    ...holds,
  ]
  return hash('sha256', JSON.stringify(parts)).slice(0, 16)
}

/** Checks the codes of a configuration against labels/ and profiles/. */
export function siteFindings(configuration: Configuration, engine: Engine): SiteFindings {
  return {
    problems: [
      ...organizationProblems(configuration, engine),
      ...clientProblems(configuration, engine),
      ...holdProblems(configuration, code => isPurpose(engine, code)),
      ...policyProblems(configuration, engine),
      ...stateProblems(configuration),
      ...fileProblems(configuration),
      ...passThroughProblems(configuration),
      ...keyProblems(configuration),
    ],
    warnings: [
      ...clientWarnings(configuration),
      ...issuerWarnings(configuration),
      ...notificationWarnings(configuration),
      ...emergencyWarnings(configuration),
      ...holdWarnings(configuration),
    ],
  }
}

function isPurpose(engine: Engine, code: string): boolean {
  return Object.hasOwn(engine.profiles.purposeParents, code)
}

function organizationProblems({ policy }: Configuration, engine: Engine): string[] {
  const labels = new Set([
    ...Object.keys(engine.purposes.labelParents),
    ...engine.labels.categories.flatMap(category => category.labels.map(({ code }) => code)),
    '42CFRPart2',
  ])
  return policy.organization.flatMap((rule, index) => [
    ...unknown(
      rule.labels,
      code => labels.has(code),
      `policy.organization[${index}].labels`,
      'a label of labels/',
    ),
    ...unknown(
      rule.purposes,
      code => isPurpose(engine, code),
      `policy.organization[${index}].purposes`,
      PURPOSE,
    ),
  ])
}

const PURPOSE = 'a purpose of use of profiles/purpose, e.g. TREAT'

function clientProblems({ clients }: Configuration, engine: Engine): string[] {
  return clients.flatMap(({ purposes, consultFor = [], issuer, views }, index) => [
    ...unknown(purposes, code => isPurpose(engine, code), `clients[${index}].purposes`, PURPOSE),
    ...unknown(
      consultFor,
      id => clients.some(other => other.clientId === id && other.issuer === issuer),
      `clients[${index}].consultFor`,
      'a client of the same issuer',
    ),
    ...unknown(
      views,
      id => Object.hasOwn(engine.profiles.views ?? {}, id),
      `clients[${index}].views`,
      'a view of profiles/purpose/views/',
    ),
  ])
}

function policyProblems({ policy }: Configuration, engine: Engine): string[] {
  const known = ['law', 'deny', ...Object.keys(engine.profiles.defaultPolicies ?? {})]
  const named = [
    { place: 'policy.defaultPolicy', id: policy.defaultPolicy },
    ...Object.entries(policy.defaultPolicies ?? {}).map(([organization, id]) => ({
      place: `policy.defaultPolicies[${organization}]`,
      id,
    })),
  ]
  return named
    .filter(({ id }) => !known.includes(id))
    .map(({ place, id }) => `${place}: ${id}: expected one of ${known.join(', ')}`)
}

/** United States Postal Service codes of states, the District and territories. */
const STATES = new Set(
  (
    'AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR ' +
    'PA RI SC SD TN TX UT VT VA WA WV WI WY AS GU MP PR VI'
  ).split(' '),
)

function stateProblems({ custodian, clients }: Configuration): string[] {
  const named = [
    { place: 'custodian.state', state: custodian.state },
    ...clients.map(({ state }, index) => ({ place: `clients[${index}].state`, state })),
  ]
  return named
    .filter(({ state }) => state !== undefined && !STATES.has(state))
    .map(({ place, state }) => `${place}: ${state}: expected the postal code of a state`)
}

function unknown(
  codes: readonly string[],
  isKnown: (code: string) => boolean,
  place: string,
  expected: string,
): string[] {
  return codes.flatMap((code, index) =>
    isKnown(code) ? [] : [`${place}[${index}]: ${code}: expected ${expected}`],
  )
}

/**
 * A path passed through undecided must not reach the FHIR API: neither the gateway's own paths (which Express would hand
 * over, whatever their letter case) nor the server behind it.
 */
function passThroughProblems({ server, upstream, consentServers = [] }: Configuration): string[] {
  const servers = new Set([upstream, ...consentServers].map(one => new URL(one.url).origin))
  const own = [
    new URL(server.baseUrl).pathname,
    '/health',
    '/cds-services',
    '/notify',
    '/emergency-access',
  ].map(withSlash)
  return (server.passThrough ?? []).flatMap(({ path, url }, index) => {
    const asked = withSlash(path)
    const place = `server.passThrough[${index}]`
    const clashes = own.some(mine => asked.startsWith(mine) || mine.startsWith(asked))
    return [
      ...(clashes ? [`${place}.path: ${path}: expected a path beside the gateway's own`] : []),
      ...(servers.has(new URL(url).origin)
        ? [
            `${place}.url: expected another origin than upstream.url and consentServers: nothing may lead past the gateway to a FHIR server`,
          ]
        : []),
    ]
  })
}

/** In lower case and with one slash at the end, so that whole segments are compared. */
function withSlash(path: string): string {
  return `${path.toLowerCase().replace(/\/+$/, '')}/`
}

/** A key that is too short is found before the first pseudonym is made with it. */
function keyProblems({ deidentification }: Configuration): string[] {
  if (deidentification === undefined) return []
  try {
    readPseudonymKey(deidentification.keyFile)
    return []
  } catch (error) {
    return [`deidentification.keyFile: ${error instanceof Error ? error.message : 'cannot be read'}`]
  }
}

/** Every file the configuration names must be readable now, not when it is first needed. */
function fileProblems(configuration: Configuration): string[] {
  const { upstream, ledger, issuers, consentServers = [], notifications, emergency } = configuration
  const files = [
    ...consentServers.flatMap(({ credential, caFile }, index) => [
      ...credentialFiles(`consentServers[${index}].credential`, credential),
      { place: `consentServers[${index}].caFile`, file: caFile },
    ]),
    { place: 'notifications.secretFile', file: notifications?.secretFile },
    { place: 'emergency.alerts.secretFile', file: emergency.alerts?.secretFile },
    ...(notifications?.peers ?? []).map(({ secretFile }, index) => ({
      place: `notifications.peers[${index}].secretFile`,
      file: secretFile,
    })),
    ...credentialFiles('upstream.credential', upstream.credential),
    { place: 'upstream.caFile', file: upstream.caFile },
    ...issuers.map(({ introspection }, index) => ({
      place: `issuers[${index}].introspection.secretFile`,
      file: introspection?.secretFile,
    })),
    ...(typeof ledger.repository === 'object'
      ? credentialFiles('ledger.repository.credential', ledger.repository.credential)
      : []),
  ]
  return files.flatMap(({ place, file }) => {
    if (file === undefined) return []
    try {
      accessSync(file, constants.R_OK)
      return []
    } catch (error) {
      return [
        `${place}: ${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`,
      ]
    }
  })
}

function credentialFiles(
  place: string,
  credential: UpstreamCredential,
): { place: string; file: string | undefined }[] {
  return Object.entries(credential)
    .filter(([name]) => name === 'file' || name.endsWith('File'))
    .map(([name, file]) => ({ place: `${place}.${name}`, file: String(file) }))
}

function clientWarnings({ clients }: Configuration): string[] {
  if (clients.length === 0) return ['clients: none is registered; nobody will be let in']
  return clients.flatMap(({ clientId, requiredAgreements, agreements }) => [
    ...requiredAgreements
      .filter(kind => !agreements.some(agreement => agreement.kind === kind))
      .map(kind => `client ${clientId}: requires a ${kind} and none is on file; it will be refused`),
  ])
}

function issuerWarnings({ issuers }: Configuration): string[] {
  return issuers
    .filter(({ issuer }) => issuer.startsWith('http:') && !/^http:\/\/(127\.|localhost|\[::1\])/.test(issuer))
    .map(({ issuer }) => `issuer ${issuer}: plain http; keys fetched from it can be replaced on the way`)
}

/** The secret of the door goes along with every notification. */
function notificationWarnings({ notifications }: Configuration): string[] {
  if (notifications === undefined) return []
  const urls = [notifications.endpoint ?? [], notifications.peers.map(({ url }) => url)].flat()
  return urls
    .filter(url => url.startsWith('http:') && !/^http:\/\/(127\.|localhost|\[::1\])/.test(url))
    .map(url => `notifications: ${url}: plain http; its secret can be read on the way`)
}

/** Clients that may break the glass, and what is missing for it. */
function emergencyWarnings({ clients, emergency }: Configuration): string[] {
  const able = clients.filter(({ breakGlass, enabled }) => breakGlass && enabled)
  const url = emergency.alerts?.url
  return [
    ...able.flatMap(({ clientId, role, purposes, mfaRequired }) => [
      ...(['provider', 'medical-personnel'].includes(role)
        ? []
        : [`client ${clientId}: breakGlass in the role ${role}; it can declare nothing`]),
      ...(['ETREAT', 'BTG'].some(code => purposes.includes(code))
        ? []
        : [`client ${clientId}: breakGlass without the purpose ETREAT or BTG; it can declare nothing`]),
      ...(mfaRequired ? [] : [`client ${clientId}: breakGlass without mfaRequired`]),
    ]),
    ...(able.length > 0 && url === undefined
      ? [
          'emergency.alerts: none; declared emergencies are opened, and their alerts wait and stand in `reviews list` until a receiver is named',
        ]
      : []),
    ...(url?.startsWith('http:') && !/^http:\/\/(127\.|localhost|\[::1\])/.test(url)
      ? [
          `emergency.alerts.url: ${url}: plain http; who declared an emergency for whom can be read on the way`,
        ]
      : []),
  ]
}

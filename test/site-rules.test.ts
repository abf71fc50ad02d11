import { describe, expect, test } from 'vitest'
import { loadSite } from '../src/commands/site.ts'
import { openEngine } from '../src/engine.ts'
import type { Configuration } from '../src/model/configuration.ts'
import { siteFindings, siteRevision } from '../src/site-rules.ts'

const site = loadSite(undefined)
const engine = openEngine(site.policy)
const withPolicy = (policy: Partial<Configuration['policy']>): Configuration => ({
  ...site,
  policy: { ...site.policy, ...policy },
})
const through = (path: string, url = 'https://login.example'): Configuration => ({
  ...site,
  server: { ...site.server, passThrough: [{ path, url }] },
})
const rule = { id: 'x', labels: ['HIV'], purposes: ['HPAYMT'], effect: 'deny' } as const

describe('a code that nothing knows would switch a protection off, so it is refused with its place', () => {
  test.each<[string, Configuration, string]>([
    [
      'a label',
      withPolicy({ organization: [{ ...rule, labels: ['XYZ'] }] }),
      'policy.organization[0].labels[0]: XYZ: expected a label',
    ],
    [
      'a purpose',
      withPolicy({ organization: [{ ...rule, purposes: ['HPAYMNT'] }] }),
      'policy.organization[0].purposes[0]: HPAYMNT: expected a purpose',
    ],
    [
      'a default policy',
      withPolicy({ defaultPolicy: 'https://example.org/none' }),
      'policy.defaultPolicy: https://example.org/none: expected one of law, deny',
    ],
    [
      'a state',
      { ...site, custodian: { ...site.custodian, state: 'ZZ' } },
      'custodian.state: ZZ: expected the postal code',
    ],
    [
      'a purpose of a client',
      { ...site, clients: site.clients.map(client => ({ ...client, purposes: ['TREET'] })) },
      'clients[0].purposes[0]: TREET',
    ],
    [
      'a file that is not there',
      { ...site, upstream: { ...site.upstream, caFile: '/nowhere/ca.pem' } },
      'upstream.caFile: /nowhere/ca.pem cannot be read (ENOENT)',
    ],
    [
      'a secret that is not there',
      {
        ...site,
        upstream: {
          ...site.upstream,
          credential: { kind: 'static-header', name: 'X-Key', file: '/nowhere/key' },
        },
      },
      'upstream.credential.file: /nowhere/key cannot be read',
    ],
    [
      'a path passed through that is the API',
      through('/fhir'),
      'server.passThrough[0].path: /fhir: expected a path beside',
    ],
    [
      'one above it',
      {
        ...through('/gate'),
        server: {
          ...site.server,
          baseUrl: 'https://x.example/gate/fhir',
          passThrough: [{ path: '/gate', url: 'https://login.example' }],
        },
      },
      'server.passThrough[0].path: /gate',
    ],
    ['one below it, in other letters', through('/FHIR/Patient'), 'server.passThrough[0].path: /FHIR/Patient'],
    [
      'one that leads to the FHIR server',
      through('/auth', `${new URL(site.upstream.url).origin}/oauth2`),
      'server.passThrough[0].url: expected another origin',
    ],
  ])('%s', (_what, configuration, expected) => {
    expect(siteFindings(configuration, engine).problems.join('\n')).toContain(expected)
  })

  test('a path of an authorization server beside the API passes', () => {
    expect(siteFindings(through('/auth'), engine).problems).toEqual([])
    expect(siteFindings(through('/fhirauth'), engine).problems).toEqual([])
  })

  test('what is known passes', () => {
    expect(
      siteFindings(withPolicy({ organization: [rule], defaultPolicy: 'deny' }), engine).problems,
    ).toEqual([])
  })
})

test('what is legal but hardly meant is a warning', () => {
  const [client] = site.clients
  if (client === undefined) throw new Error('the demo has clients')
  const warn = (configuration: Configuration): string =>
    siteFindings(configuration, engine).warnings.join('\n')
  expect(warn({ ...site, clients: [] })).toContain('nobody will be let in')
  expect(warn({ ...site, clients: [{ ...client, requiredAgreements: ['DUA'], agreements: [] }] })).toContain(
    'requires a DUA',
  )
  expect(
    warn({
      ...site,
      issuers: [{ issuer: 'http://login.example', algorithms: ['ES384'], maxLifetimeSeconds: 300 }],
    }),
  ).toContain('plain http')
  expect(warn({ ...site, clients: [{ ...client, breakGlass: false }] })).toBe('')
})

test('the revision names the rules of the site, not only those of the release', () => {
  const revision = siteRevision(site, engine)
  expect(siteRevision(loadSite(undefined), engine)).toBe(revision)
  expect(siteRevision(withPolicy({ organization: [rule] }), engine)).not.toBe(revision)
  expect(siteRevision(withPolicy({ defaultPolicy: 'deny' }), engine)).not.toBe(revision)
  expect(siteRevision({ ...site, clients: site.clients.slice(1) }, engine)).not.toBe(revision)
})

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ConfigurationError, loadConfiguration } from '../../src/data/configuration.ts'
import { DEMO_PATIENTS, demoResources } from '../../src/demo/resources.ts'
import { demoWalkthrough } from '../../src/demo/walkthrough.ts'
import type { JsonObject, Resource } from '../../src/model/fhir.ts'

const demoText = readFileSync(new URL('../../profiles/deployment/demo.json', import.meta.url), 'utf8')
const urls = {
  server: { port: 9090, baseUrl: 'http://localhost:9090/fhir' },
  upstream: { url: 'http://127.0.0.1:9092/fhir' },
  issuers: [{ issuer: 'http://127.0.0.1:9091' }],
}
const minimal: JsonObject = {
  upstream: { url: 'https://fhir.example/r4' },
  issuers: [{ issuer: 'https://issuer.example' }],
  custodian: { organization: 'Organization/x', state: 'CA', hipaa: 'covered-entity', part2: 'none' },
}
const client = (more: JsonObject = {}): JsonObject => ({ clientId: 'c', role: 'provider', ...more })
const load = (more: JsonObject) => loadConfiguration(JSON.stringify({ ...minimal, ...more }), 'my.json')
const problems = (more: JsonObject): string[] => {
  try {
    load(more)
    return []
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError)
    return (error as Error).message.split('\n')
  }
}

describe('defaults', () => {
  const configuration = load({ clients: [client()] })

  it('are on the closed side', () => {
    expect(configuration.policy).toMatchObject({
      defaultPolicy: 'deny',
      unknownSource: 'assume',
      withheldNotice: false,
    })
    expect(configuration.clients[0]).toEqual({
      issuer: 'https://issuer.example',
      clientId: 'c',
      name: 'c',
      identifiers: [],
      hipaa: 'none',
      part2: 'none',
      role: 'provider',
      purposes: [],
      consultFor: [],
      agreements: [],
      requiredAgreements: [],
      userRequired: false,
      mfaRequired: false,
      breakGlass: false,
      purposeHeader: false,
      views: [],
      enabled: true,
    })
    expect(configuration.server.host).toBe('127.0.0.1')
    expect(load({}).clients).toEqual([])
  })

  it('fill every limit, and the base URL is an accepted audience', () => {
    for (const [name, value] of Object.entries(configuration.limits))
      expect([name, value > 0]).toEqual([name, true])
    expect(Object.keys(configuration.limits)).toHaveLength(19)
    expect(configuration.audience).toEqual([configuration.server.baseUrl])
  })

  it('take only asymmetric signatures', () => {
    for (const algorithm of configuration.issuers[0]?.algorithms ?? [])
      expect(algorithm).not.toMatch(/^HS|none/)
    expect(problems({ issuers: [{ issuer: 'https://i.example', algorithms: ['HS256'] }] })[0]).toMatch(
      /^my\.json: issuers\[0\]\.algorithms\[0\]: expected one of RS256/,
    )
  })
})

describe('a file that does not fit', () => {
  it.each<[string, JsonObject, string]>([
    ['a missing upstream URL', { upstream: {} }, 'my.json: upstream.url: expected a value, found none'],
    ['no issuer', { issuers: [] }, 'my.json: issuers: expected: must NOT have fewer than 1 items'],
    ['a misspelt field', { limit: {} }, 'my.json: limit: unknown property'],
    [
      'a role that does not exist',
      { clients: [client({ role: 'doctor' })] },
      'my.json: clients[0].role: expected one of provider, ',
    ],
    ['a wrong type', { server: { port: '80' } }, 'my.json: server.port: expected integer'],
    [
      'a limit out of range',
      { limits: { clockSkewSeconds: 3600 } },
      'my.json: limits.clockSkewSeconds: expected: must be <= 300',
    ],
    [
      'a state in full',
      { custodian: { ...(minimal['custodian'] as JsonObject), state: 'California' } },
      'my.json: custodian.state: expected a two-letter state',
    ],
    [
      'a URL that is not http',
      { upstream: { url: 'ftp://x.example' } },
      'my.json: upstream.url: expected an http or https URL',
    ],
    [
      'an edge that nobody follows',
      { upstream: { url: 'https://x.example', referrers: ['Provenance.target', 'Provenance.agent'] } },
      'my.json: upstream.referrers[1]: expected one of CarePlan.activity.reference, CarePlan.goal,',
    ],
    [
      'a secret in the file',
      {
        upstream: {
          url: 'https://x.example',
          credential: { kind: 'static-header', name: 'Authorization', file: 'f', value: 'x' },
        },
      },
      'my.json: upstream.credential.value: expected the name of a file that holds the secret',
    ],
    [
      'a credential of no kind',
      { upstream: { url: 'https://x.example', credential: { kind: 'basic' } } },
      'my.json: upstream.credential.kind: expected one of none',
    ],
    [
      'two client credentials',
      {
        upstream: {
          url: 'https://x.example',
          credential: { kind: 'client-credentials', tokenUrl: 'https://t.example/token', clientId: 'g' },
        },
      },
      'my.json: upstream.credential: expected one of secretFile and privateKeyFile',
    ],
    [
      'an issuer twice',
      { issuers: [{ issuer: 'a' }, { issuer: 'a' }] },
      'my.json: issuers[1].issuer: expected each issuer once',
    ],
    [
      'a client of an unknown issuer',
      { clients: [client({ issuer: 'https://other.example' })] },
      'my.json: clients[0].issuer: expected one of issuers[].issuer',
    ],
    [
      'a client twice',
      { clients: [client(), client()] },
      'my.json: clients[1].clientId: expected each client',
    ],
    [
      'a default purpose that is not registered',
      { clients: [client({ purposes: ['TREAT'], defaultPurpose: 'HPAYMT' })] },
      'my.json: clients[0].defaultPurpose: expected one of the purposes',
    ],
    [
      'a consent server with the name of the upstream',
      { consentServers: [{ name: 'upstream', url: 'https://c.example/fhir' }] },
      'my.json: consentServers[0].name: expected another name',
    ],
    [
      'the upstream as a consent server',
      {
        upstream: { url: 'https://x.example/fhir' },
        consentServers: [{ name: 'same', url: 'https://x.example/fhir' }],
      },
      'my.json: consentServers[0].url: expected another server than the upstream',
    ],
    [
      'a consent server twice',
      {
        consentServers: [
          { name: 'one', url: 'https://c.example/fhir' },
          { name: 'one', url: 'https://d.example/fhir' },
        ],
      },
      'my.json: consentServers[1].name: expected each consent server once',
    ],
    [
      'Subscriptions that lead nowhere',
      { notifications: { secretFile: 'secret', subscribe: true } },
      'my.json: notifications.endpoint: expected a URL',
    ],
    [
      'a default policy of what is no Organization',
      { policy: { defaultPolicies: { 'Patient/1': 'deny' } } },
      'my.json: policy.defaultPolicies: expected',
    ],
    [
      'an agreement that ends before it starts',
      { clients: [client({ agreements: [{ kind: 'BAA', start: '2026-02-01', end: '2026-01-01' }] })] },
      'my.json: clients[0].agreements[0].end: expected a date not before start',
    ],
    [
      'a zone that does not exist',
      { policy: { zone: 'Mars/Olympus' } },
      'my.json: policy.zone: expected an IANA time zone',
    ],
    [
      'a page that is larger than the largest',
      { limits: { pageSizeDefault: 300 } },
      'my.json: limits.pageSizeDefault: expected at most',
    ],
  ])('names the place of %s', (_what, more, expected) => {
    expect(problems(more).some(line => line.startsWith(expected))).toBe(true)
  })

  it('has all its problems named at once', () => {
    expect(problems({ upstream: {}, limit: {}, server: { port: '80' } })).toHaveLength(3)
  })

  it('has the line named where it is not JSON, and nothing of its text quoted', () => {
    const broken = '{\n  "upstream": { "url": hunter2 }\n}'
    expect(() => loadConfiguration(broken, 'my.json')).toThrow('my.json: line 2, column 24: expected JSON')
    expect(() => loadConfiguration('{"a": "hunter2', 'my.json')).not.toThrow('hunter2')
    expect(() => loadConfiguration('[]', 'my.json')).toThrow('my.json: expected a JSON object')
  })

  it('is not accepted with a member given twice', () => {
    const twice = JSON.stringify(minimal).replace(
      '{',
      '{"policy":{"defaultPolicy":"deny"},"policy":{"defaultPolicy":"law"},',
    )
    expect(() => loadConfiguration(twice, 'my.json')).toThrow('my.json: policy: expected once')
  })
})

describe('overrides', () => {
  it('merge into the file and leave the rest of it', () => {
    const over = loadConfiguration(demoText, 'demo.json', { ...urls, policy: { withheldNotice: true } })
    expect(over.policy).toMatchObject({ withheldNotice: true, defaultPolicy: 'law' })
    expect(over.upstream.url).toBe('http://127.0.0.1:9092/fhir')
  })
})

describe('the demo configuration', () => {
  const demo = loadConfiguration(demoText, 'demo.json', urls)
  const known = new Set(
    demoResources()
      .map(text => JSON.parse(text) as Resource)
      .map(({ resourceType, id }) => `${resourceType}/${id}`),
  )

  it('registers seven clients of the only issuer, each with a default purpose', () => {
    expect(demo.clients.map(({ clientId }) => clientId)).toEqual([
      'treating-hospital',
      'opioid-treatment-program',
      'emergency-department',
      'health-plan',
      'patient-app',
      'public-health',
      'researcher',
    ])
    for (const registered of demo.clients) {
      expect(registered.issuer).toBe('http://127.0.0.1:9091')
      expect(registered.purposes).toContain(registered.defaultPurpose)
    }
  })

  it('names only organizations and sites that its directory holds', () => {
    const named = [
      demo.custodian.organization,
      ...demo.registry.part2Programs,
      ...demo.registry.sudOnlyFacilities,
      ...Object.values(demo.registry.sources),
      ...demo.clients.flatMap(({ organization }) => organization ?? []),
    ]
    const npis = new Set(demo.clients.map(({ npi }) => `http://hl7.org/fhir/sid/us-npi|${npi}`))
    expect(named.filter(name => !known.has(name) && !npis.has(name))).toEqual([])
  })

  it('keeps what only some laws ask about as given', () => {
    expect(Object.keys(demo.registry.other)).toEqual(['separateNotes'])
  })

  it('fits the walkthrough: three clients, one search, and the record of the third', () => {
    const steps = demoWalkthrough()
    const ids = new Set(demo.clients.map(({ clientId }) => clientId))
    const place = { baseUrl: demo.server.baseUrl, upstreamUrl: demo.upstream.url, token: 'T' }
    for (const step of steps) {
      expect(ids.has(step.client)).toBe(true)
      if (step.token?.user !== undefined) expect(known.has(step.token.user)).toBe(true)
    }
    const commands = steps.map(step => step.curl(place))
    expect(
      commands.slice(0, 3).every(c => c.includes(`${demo.server.baseUrl}/Condition?patient=elena-marsh`)),
    ).toBe(true)
    expect(new Set(steps.slice(0, 3).map(step => step.client)).size).toBe(3)
    expect(commands[3]).toContain(`${demo.upstream.url}/AuditEvent?patient=elena-marsh`)
    expect(commands[4]).toContain('explain')
    expect(DEMO_PATIENTS.some(({ id }) => id === 'elena-marsh')).toBe(true)
  })
})

describe('the example configurations', () => {
  it.each(['my.json', 'compose.json'])('of %s fits the schema as it stands', name => {
    const text = readFileSync(new URL(`../../examples/${name}`, import.meta.url), 'utf8')
    expect(loadConfiguration(text, name).clients.length).toBeGreaterThan(0)
  })
})

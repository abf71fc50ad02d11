import { describe, expect, it } from 'vitest'
import type { Segmented } from '../../src/model/exchange.ts'
import type { AuditSet } from '../../src/model/record.ts'
import type { RefusalCode } from '../../src/model/refusal.ts'
import { createRecorder } from '../../src/record/events.ts'
import { checkAuditEvent, claimedProfiles } from './balp.ts'
import {
  AT,
  clinician,
  DENY_BY_CONSENT,
  decided,
  decision,
  directive,
  EXCHANGE,
  facts,
  PERMIT,
  PERMIT_BY_CONSENT,
  patientParameter,
  purposeOfUse,
  read,
  received,
  recorderOptions,
  refused,
  search,
  segmented,
  systemClient,
  TOKEN,
  TPO,
} from './exchanges.ts'

// biome-ignore lint/suspicious/noExplicitAny: events are looked into by path.
type Event = any

function built(set: AuditSet): { audit: Event[]; provenance: Event[]; row: Event } {
  const of = (kind: string) =>
    set.events.filter(event => event.kind === kind).map(event => JSON.parse(event.body))
  return { audit: of('AuditEvent'), provenance: of('Provenance'), row: of('decision')[0] }
}

function record(exchange: Segmented): ReturnType<typeof built> & { set: AuditSet } {
  const set = createRecorder(recorderOptions()).disclosure(exchange)
  return { set, ...built(set) }
}

const OBSERVATION = facts('Observation', 'o1', ['Patient/p1'])
const SECRET = facts('Condition', 'hidden-condition', ['Patient/p1'])

function profilesOf(events: readonly Event[]): string[][] {
  return events.map(claimedProfiles)
}

describe('the record of a disclosure', () => {
  it('is a PatientRead with the token, for a read of one patient', () => {
    const { audit } = record(
      segmented({ interaction: read('Observation', 'o1'), released: [decided(OBSERVATION, PERMIT)] }),
    )
    expect(profilesOf(audit)).toEqual([['PatientRead', 'OAUTHaccessTokenUse.Minimal']])
    expect(checkAuditEvent(audit[0])).toEqual([])
    const [client, server, user] = audit[0].agent
    expect(client.type.coding[0].code).toBe('110152')
    expect(client.network.address).toBe('192.0.2.7')
    expect(server.type.coding[0].code).toBe('110153')
    expect(server.who.reference).toBe('Device/consentry')
    expect(user.policy).toEqual(['urn:ietf:params:oauth:jti:token-1'])
    expect(user.who.identifier).toEqual({ system: 'https://issuer.example', value: 'dr-a' })
    expect(user.purposeOfUse[0].coding[0].code).toBe('TREAT')
    expect(audit[0].entity[0].what.reference).toBe('Patient/p1')
  })

  it('turns the roles round for a query and keeps the raw request without credentials', () => {
    const { audit } = record(
      segmented({
        interaction: search('Observation', [patientParameter]),
        released: [decided(OBSERVATION, PERMIT)],
      }),
    )
    expect(profilesOf(audit)).toEqual([['PatientQuery', 'OAUTHaccessTokenUse.Minimal']])
    expect(checkAuditEvent(audit[0])).toEqual([])
    expect(audit[0].agent.map((agent: Event) => agent.type.coding[0].code)).toEqual([
      '110153',
      '110152',
      'IRCP',
    ])
    const query = audit[0].entity.find((entity: Event) => entity.query)
    const raw = Buffer.from(query.query, 'base64').toString()
    expect(raw).toBe(
      'GET /fhir/Observation?patient=p1 HTTP/1.1\nAccept: application/fhir+json\nX-Request-Id: client-1\n',
    )
  })

  it('holds the form of a POST search with its secrets hidden', () => {
    const { audit } = record(
      segmented({
        interaction: search('Observation', [patientParameter], 'POST'),
        request: received(
          'POST',
          '/fhir/Observation/_search',
          `patient=p1&access%5Ftoken=${TOKEN}&code=1234-5`,
        ),
      }),
    )
    const query = audit[0].entity.find((entity: Event) => entity.query)
    const raw = Buffer.from(query.query, 'base64').toString()
    expect(raw).toContain('POST /fhir/Observation/_search HTTP/1.1')
    expect(raw).toContain('patient=p1&access%5Ftoken=[hidden]&code=1234-5')
  })

  it('has one event for each patient of the page and for the one the request names', () => {
    const { audit, provenance, set } = record(
      segmented({
        interaction: search('Observation', [{ name: 'subject', value: 'Patient/p9', type: 'reference' }]),
        released: [
          decided(OBSERVATION, PERMIT),
          decided(facts('Observation', 'o2', ['Patient/p2']), PERMIT),
          decided(facts('Practitioner', 'x', []), PERMIT),
        ],
      }),
    )
    expect(audit.map(event => event.entity[0].what.reference)).toEqual([
      'Patient/p1',
      'Patient/p2',
      'Patient/p9',
    ])
    expect(audit.flatMap(checkAuditEvent)).toEqual([])
    expect(provenance.map(one => one.entity.at(-1).what.reference)).toEqual([
      'Observation/o1/_history/2',
      'Observation/o2/_history/2',
    ])
    const columns = set.events.map(({ kind, patient }) => `${kind} ${patient}`)
    expect(columns).toEqual([
      'AuditEvent Patient/p1',
      'AuditEvent Patient/p2',
      'AuditEvent Patient/p9',
      'Provenance Patient/p1',
      'Provenance Patient/p2',
      'decision undefined',
    ])
  })

  it('is a plain Query without patient, and no Provenance, when nothing was found', () => {
    const { audit, provenance, row } = record(segmented({ interaction: search('Observation') }))
    expect(profilesOf(audit)).toEqual([['Query', 'OAUTHaccessTokenUse.Minimal']])
    expect(checkAuditEvent(audit[0])).toEqual([])
    expect(provenance).toEqual([])
    expect(row.classes).toEqual([])
  })

  it('is a plain Read for a resource that is about no patient', () => {
    const { audit } = record(
      segmented({
        interaction: read('Organization', 'x'),
        released: [decided(facts('Organization', 'x', []), PERMIT)],
      }),
    )
    expect(profilesOf(audit)).toEqual([['Read', 'OAUTHaccessTokenUse.Minimal']])
    expect(checkAuditEvent(audit[0])).toEqual([])
  })

  it('claims the opaque token pattern, and names the client as user, for a system with an opaque token', () => {
    const { audit } = record(
      segmented({
        interaction: read('Observation', 'o1'),
        released: [decided(OBSERVATION, PERMIT)],
        requester: systemClient,
      }),
    )
    expect(profilesOf(audit)).toEqual([['PatientRead', 'OAUTHaccessTokenUse.Opaque']])
    expect(checkAuditEvent(audit[0])).toEqual([])
    expect(audit[0].agent[2].who).toMatchObject({ identifier: { value: 'ed-client' } })
  })

  it('adds an AuthZconsent, with the token and the Consent version, where a Consent permitted', () => {
    const { audit, provenance } = record(
      segmented({
        interaction: read('Observation', 'o1'),
        released: [decided(OBSERVATION, PERMIT_BY_CONSENT)],
        directives: [directive(TPO, 'Patient/p1')],
      }),
    )
    expect(profilesOf(audit)).toEqual([['PatientRead', 'OAUTHaccessTokenUse.Minimal'], ['AuthZconsent']])
    expect(audit.flatMap(checkAuditEvent)).toEqual([])
    const [, authz] = audit
    expect(authz.outcome).toBe('0')
    expect(authz.entity.map((entity: Event) => entity.type.code)).toEqual(['1', 'Consent', 'UserOauthAgent'])
    expect(authz.entity[1].what.reference).toBe('Consent/tpo/_history/3')
    expect(provenance[0].policy).toEqual([
      'https://gateway.example/fhir/policy/rev-1',
      'https://www.ecfr.gov/current/title-42/part-2',
    ])
    expect(provenance[0].entity.map((entity: Event) => entity.role)).toEqual(['source', 'derivation'])
  })

  it('gives each patient of a shared resource only the own Consents', () => {
    const shared = facts('Group', 'g', ['Patient/p1', 'Patient/p2'])
    const { audit } = record(
      segmented({
        interaction: read('Group', 'g'),
        released: [decided(shared, PERMIT_BY_CONSENT)],
        directives: [directive(TPO, 'Patient/p1')],
      }),
    )
    const authz = audit.filter(event => event.type.code === '110113')
    expect(authz.map(event => event.entity[0].what.reference)).toEqual(['Patient/p1'])
  })

  it('records a Consent that denied as AuthZconsent with outcome 8, and the read as a failure of no profile', () => {
    const { audit, provenance } = record(
      segmented({
        interaction: read('Condition', 'hidden-condition'),
        withheld: [decided(SECRET, DENY_BY_CONSENT)],
      }),
    )
    expect(profilesOf(audit)).toEqual([[], ['AuthZconsent']])
    expect(audit.flatMap(checkAuditEvent)).toEqual([])
    expect(audit.map(event => event.outcome)).toEqual(['4', '8'])
    expect(provenance).toEqual([])
  })

  it('leaves the same event for a withheld read as for one of a resource that does not exist', () => {
    const interaction = read('Condition', 'hidden-condition')
    const [withheld] = record(segmented({ interaction, withheld: [decided(SECRET, decision('deny'))] })).audit
    const set = createRecorder(recorderOptions()).refusal(
      refused('not-found', { requester: clinician, purposeOfUse, interaction }),
    )
    expect(built(set).audit[0]).toEqual(withheld)
  })

  it('names what was withheld in the decision row and nowhere else', () => {
    const { set, row } = record(
      segmented({
        interaction: search('Condition', [patientParameter]),
        released: [decided(OBSERVATION, PERMIT)],
        withheld: [decided(SECRET, DENY_BY_CONSENT)],
      }),
    )
    const naming = set.events.filter(event => event.body.includes('hidden-condition'))
    expect(naming.map(event => event.kind)).toEqual(['decision'])
    expect(row.classes).toEqual([
      { decision: PERMIT, released: ['Observation/o1/_history/2'], withheld: [] },
      { decision: DENY_BY_CONSENT, released: [], withheld: ['Condition/hidden-condition/_history/2'] },
    ])
  })

  it('keeps in the decision row who asked, why, under which policy, and the digest of what left', () => {
    const exchange = segmented({
      interaction: read('Observation', 'o1'),
      released: [decided(OBSERVATION, PERMIT)],
    })
    const { row } = record(exchange)
    expect(row).toMatchObject({
      exchange: EXCHANGE,
      at: AT.toISOString(),
      requester: { key: clinician.key, client: 'ed-client', jti: 'token-1', user: 'Practitioner/dr-a' },
      purposeOfUse: { effective: ['TREAT'], asserted: ['TREAT'], registered: ['TREAT', 'HPAYMT'] },
      interaction: { code: 'read', resourceType: 'Observation', id: 'o1' },
      revision: 'rev-1',
      release: { status: 200, sha256: exchange.release.digest, bytes: exchange.release.body.length },
    })
  })

  it('makes one class of equal decisions in different objects, and says what could not be assessed', () => {
    const unread = facts('Observation', 'o3', ['Patient/p1'], { notAssessable: 'depth' })
    const { row } = record(
      segmented({
        interaction: search('Observation'),
        withheld: [decided(OBSERVATION, decision('deny')), decided(unread, decision('deny'))],
      }),
    )
    expect(row.classes).toHaveLength(1)
    expect(row.classes[0].withheld).toEqual(['Observation/o1/_history/2', 'Observation/o3/_history/2'])
    expect(row.classes[0].notAssessable).toEqual({ 'Observation/o3/_history/2': 'depth' })
  })

  it('puts one digest in place of too many derivations', () => {
    const released = Array.from({ length: 17 }, (_, i) =>
      decided(facts('Observation', `o${i}`, ['Patient/p1']), PERMIT),
    )
    const { provenance, row } = record(segmented({ interaction: search('Observation'), released }))
    expect(provenance[0].entity).toHaveLength(1)
    expect(provenance[0].entity[0].what.identifier.value).toMatch(/^ni:\/\/\/sha-256;[\w-]{43}$/)
    expect(row.classes[0].released).toHaveLength(17)
  })

  it('gives a Provenance that acts on behalf of the custodian and discloses for a purpose', () => {
    const [provenance] = record(
      segmented({ interaction: read('Observation', 'o1'), released: [decided(OBSERVATION, PERMIT)] }),
    ).provenance
    expect(provenance.activity.coding[0].code).toBe('disclose')
    expect(provenance.agent.map((agent: Event) => agent.type.coding[0].code)).toEqual([
      'assembler',
      'custodian',
      'transmitter',
    ])
    expect(provenance.agent[0].onBehalfOf.reference).toBe('Organization/county')
    expect(provenance.reason[0].coding[0].code).toBe('TREAT')
    expect(provenance.target[0].identifier.value).toBe(EXCHANGE)
  })

  it('builds the same bytes from the same ids and time', () => {
    const exchange = segmented({
      interaction: search('Observation'),
      released: [decided(OBSERVATION, PERMIT)],
    })
    const build = () => createRecorder(recorderOptions()).disclosure(exchange)
    expect(build()).toEqual(build())
  })

  it('never holds the token or a cookie, whatever the exchange', () => {
    const exchange = segmented({ interaction: search('Observation', [patientParameter]) })
    const refusal = createRecorder(recorderOptions()).refusal(refused('unknown-parameter'))
    for (const event of [...record(exchange).set.events, ...refusal.events]) {
      expect(event.body).not.toContain(TOKEN)
      expect(event.body).not.toContain('session=')
      expect(event.body).not.toMatch(/authorization/i)
    }
  })
})

describe('the record of a refusal', () => {
  const codes: [RefusalCode, string, string][] = [
    ['token-invalid', '110113', '4'],
    ['scope-insufficient', '110113', '4'],
    ['unknown-parameter', 'rest', '4'],
    ['upstream-unavailable', 'rest', '8'],
    ['internal', 'rest', '8'],
  ]
  it.each(codes)(
    'of %s is an event of type %s with outcome %s that claims no profile',
    (code, type, outcome) => {
      const { audit, row } = built(createRecorder(recorderOptions()).refusal(refused(code)))
      expect(audit[0]).toMatchObject({ type: { code: type }, outcome, outcomeDesc: code })
      expect(claimedProfiles(audit[0])).toEqual([])
      expect(checkAuditEvent(audit[0])).toEqual([])
      expect(row.refusal).toEqual({ code, diagnostics: 'what was expected', detail: 'for the record only' })
      expect(row.request.target).toBe('/fhir/Observation?patient=p1&access_token=[hidden]')
    },
  )

  it('names the requester and the interaction as far as they were known', () => {
    const interaction = search('Observation', [patientParameter])
    const { audit, row } = built(
      createRecorder(recorderOptions()).refusal(refused('too-costly', { requester: clinician, interaction })),
    )
    expect(checkAuditEvent(audit[0])).toEqual([])
    expect(audit[0].subtype[0].code).toBe('search-type')
    expect(audit[0].agent[2].who.identifier.value).toBe('dr-a')
    expect(row.requester.client).toBe('ed-client')
    expect(row.interaction.code).toBe('search-type')
  })

  it('holds a hostile request line without breaking', () => {
    const hostile = received('GET"\n', `/fhir/%E0%A4%A?${'"'.repeat(9000)}&eyJhbGciOiJIUzI1NiJ9.x`)
    const { row, audit } = built(createRecorder(recorderOptions()).refusal(refused('bad-request', hostile)))
    expect(row.request.target.length).toBeLessThanOrEqual(8192)
    expect(checkAuditEvent(audit[0])).toEqual([])
  })
})

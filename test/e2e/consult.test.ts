import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadSite } from '../../src/commands/site.ts'
import type { TokenRequest } from '../../src/demo/issuer.ts'
import { demoResources } from '../../src/demo/resources.ts'
import type { JsonObject, Resource } from '../../src/model/fhir.ts'
import { readExchange, verifyLedger } from '../../src/record/verify.ts'
import { checkAuditEvent, claimedProfiles } from '../record/balp.ts'
import { type Card, flatReleases, type Heard, label, question, type Send, send } from '../support/consult.ts'
import { faultyLedger } from '../support/faulty-ledger.ts'
import { expectRefusal } from '../support/refusals.ts'
import { decisionOf, nameOf } from '../support/scenario.ts'
import { openTestSite, type TestSite } from '../support/site.ts'
import { run } from '../support/terminal.ts'

const HOSPITAL: TokenRequest = { client: 'treating-hospital', user: 'PractitionerRole/priya-lindqvist-role' }
const PLAN: TokenRequest = { client: 'health-plan' }
const SERVICE: TokenRequest = { client: 'consent-service', purpose: 'TREAT' }
const MRN = 'https://bayview.example/mrn'
const TYPES = 'http://hl7.org/fhir/resource-types'
const THO = 'http://terminology.hl7.org/CodeSystem'

/** Patients made for this test beside the example ones. */
const ADDED: readonly Resource[] = [
  { resourceType: 'Organization', id: 'exchange', name: 'Exchange' },
  patient('wanda-opt-in', 'W1'),
  consent('wanda-opt-in', {
    type: 'permit',
    actor: [recipient('Organization/redwood-hospital')],
    provision: [
      { type: 'deny', securityLabel: [label('SUD'), label('HIV')] },
      { type: 'deny', class: [{ system: TYPES, code: 'MedicationRequest' }], securityLabel: [label('MH')] },
    ],
  }),
  patient('otto-opt-out', 'O1'),
  consent('otto-opt-out', { type: 'deny', actor: [recipient('Organization/redwood-hospital')] }),
  patient('una-unreadable', 'U1'),
  consent('una-unreadable', { actor: [recipient('Organization/redwood-hospital')] }),
  patient('twin-one', 'T'),
  patient('twin-two', 'T'),
] as unknown as readonly Resource[]

function patient(id: string, number: string): JsonObject {
  return {
    resourceType: 'Patient',
    id,
    birthDate: '1960-04-04',
    name: [{ family: 'Secretname' }],
    identifier: [{ system: MRN, value: number }],
  }
}

function recipient(reference: string): JsonObject {
  return {
    role: { coding: [{ system: `${THO}/v3-ParticipationType`, code: 'IRCP' }] },
    reference: { reference },
  }
}

function consent(id: string, provision: object): JsonObject {
  return {
    resourceType: 'Consent',
    id: `consent-${id}`,
    status: 'active',
    scope: { coding: [{ system: `${THO}/consentscope`, code: 'patient-privacy' }] },
    category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
    patient: { reference: `Patient/${id}` },
    dateTime: '2026-03-01',
    provision,
  } as JsonObject
}

const clients = [
  ...loadSite(undefined).clients.map(({ issuer: _, ...client }) => client),
  {
    clientId: 'consent-service',
    name: 'Exchange Consent Service',
    organization: 'Organization/exchange',
    role: 'business-associate',
    purposes: ['TREAT', 'HPAYMT'],
    consultFor: ['treating-hospital'],
  },
] as unknown as JsonObject[]

const ledger = faultyLedger()
let site: TestSite
let origin: string
let failing: TestSite
let failingOrigin: string

beforeAll(async () => {
  const resources = [...demoResources(), ...ADDED]
  site = await openTestSite({ resources, overrides: { clients } })
  origin = new URL(await site.serve()).origin
  failing = await openTestSite({
    resources: ADDED,
    seams: { ledger },
    overrides: { ledger: { appendTimeoutMs: 50, repository: 'none' } },
  })
  failingOrigin = new URL(await failing.serve()).origin
})
afterAll(async () => {
  await site.close()
  await failing.close()
})

const ask = (as: TokenRequest | undefined, context: object, more: Send = {}): Promise<Heard> =>
  send(origin, site, as, { body: question(context), ...more })

const codesOf = ({ extension }: Card): string[] =>
  extension.obligations.flatMap(({ parameters }) => parameters.codes.map(({ code }) => code))

const rowsOf = ({ id }: Heard) => readExchange(site.ledgerFile, id)

/** The reply as the shared checks of refusals take it. */
async function expectRefused(heard: Promise<Heard>, status: number, code: string): Promise<void> {
  const { text, id, type, status: given } = await heard
  const headers = { 'X-Request-Id': id, 'Content-Type': type, 'Cache-Control': 'no-store' }
  expectRefusal(site, { status: given, headers, text }, status, code)
}

describe('discovery', () => {
  test('is public and holds what CDS Hooks requires', async () => {
    const { status, type, text } = await send(origin, site, undefined, {
      method: 'GET',
      path: '/cds-services',
    })
    expect({ status, type }).toEqual({ status: 200, type: 'application/json; charset=utf-8' })
    expect(JSON.parse(text)).toMatchObject({
      services: [{ hook: 'patient-consent-consult', id: 'patient-consent-consult' }],
    })
  })

  test('is under no other name without a token', async () => {
    for (const path of ['/cds-services/', '/cds-services?a=b', '/cds-services/patient-consent-consult'])
      expect((await send(origin, site, undefined, { method: 'GET', path })).status).toBe(401)
    expect((await send(origin, site, undefined, { method: 'GET', path: '/cds-servicesx' })).status).toBe(404)
  })
})

describe('what is answered', () => {
  test('a patient who permits all but two labels: a permit with these to be withheld', async () => {
    const { status, type, card, exact, id } = await ask(HOSPITAL, { patientId: 'wanda-opt-in' })
    expect({ status, type }).toEqual({ status: 200, type: 'application/json; charset=utf-8' })
    expect(card).toMatchObject({ uuid: id, summary: 'CONSENT_PERMIT', indicator: 'info' })
    expect(card.source.label).toBe('Bayview Health')
    expect(card.extension.basedOn).toBe(`${site.baseUrl}/Consent/consent-wanda-opt-in`)
    expect(codesOf(card)).toEqual(expect.arrayContaining(['SUD', 'HIV', 'ETHUD', '42CFRPart2']))
    expect(codesOf(card)).not.toContain('SEX')
    expect(exact.basedOn).toEqual(
      expect.arrayContaining([
        {
          consent: 'Consent/consent-wanda-opt-in',
          version: '1',
          source: 'upstream',
          path: 'provision',
          effect: 'permit',
        },
        {
          consent: 'Consent/consent-wanda-opt-in',
          version: '1',
          source: 'upstream',
          path: 'provision.provision[0]',
          effect: 'deny',
        },
      ]),
    )
  })

  test('a class with a label is one clause, and the list of codes withholds more and says so', async () => {
    const { card, exact } = await ask(HOSPITAL, { patientId: 'wanda-opt-in' })
    const clause = [{ system: TYPES, code: 'MedicationRequest' }, label('MH')]
    const index = exact.obligations.findIndex(({ all }) => all.length === 2 && all[1]?.code === 'MH')
    expect(exact.obligations[index]?.all).toEqual(clause)
    expect(exact.widened).toContainEqual({ clause: index, why: 'class' })
    expect(codesOf(card)).toContain('MH')
    expect(flatReleases(card.extension, { type: 'Observation', labels: [label('SEX')] })).toBe(true)
  })

  test('a patient who refuses: a denial', async () => {
    const { card, exact } = await ask(HOSPITAL, { patientId: 'otto-opt-out' })
    expect(card).toMatchObject({ summary: 'CONSENT_DENY', indicator: 'critical' })
    expect(card.extension.obligations).toEqual([])
    expect(exact).toMatchObject({ decision: 'deny', basedOn: [{ effect: 'deny', path: 'provision' }] })
    expect(exact.indeterminate).toBeUndefined()
  })

  test('a Consent that cannot be read: a denial in doubt', async () => {
    const { card, exact } = await ask(HOSPITAL, { patientId: 'una-unreadable' })
    expect(card.summary).toBe('CONSENT_DENY')
    expect(exact).toMatchObject({
      decision: 'deny',
      indeterminate: true,
      basedOn: [{ effect: 'indeterminate' }],
    })
  })

  test('a Consent about single records: a denial until the data is asked for', async () => {
    const { card, exact, text } = await ask(PLAN, { patientId: 'andre-villanueva' })
    expect(card.summary).toBe('CONSENT_DENY')
    expect(exact).toMatchObject({ decision: 'deny', indeterminate: true, needsData: true })
    expect(text).not.toMatch(/Encounter\/|Condition\/|Observation\//)
  })

  test('a Part 2 patient: substance-use records only from where her Consent lets them come', async () => {
    const { card, exact } = await ask(HOSPITAL, { patientId: 'elena-marsh' })
    expect(card.summary).toBe('CONSENT_PERMIT')
    expect(codesOf(card)).toEqual(expect.arrayContaining(['SUD', '42CFRPart2', 'OPIOIDUD']))
    expect(exact.obligations).toContainEqual({
      all: [label('42CFRPart2')],
      except: [{ source: 'Organization/bayview-otp' }],
    })
    expect(exact.duties).toEqual(expect.arrayContaining(['P2_NOTICE', 'P2_CONSENT_COPY']))
    expect(exact.widened).toContainEqual({ clause: 0, why: 'source' })
  })

  test('a Part 2 patient whose Consent is revoked: no consent, and the program is not named', async () => {
    const { card, exact, text } = await ask(HOSPITAL, { patientId: 'marcus-dell' })
    expect(card).toMatchObject({ summary: 'NO_CONSENT', indicator: 'warning' })
    expect(exact).toMatchObject({ decision: 'no-consent', withoutConsent: 'permit', basedOn: [] })
    expect(codesOf(card)).toContain('42CFRPart2')
    expect(text).not.toContain('bayview-otp')
  })

  test('one label asked about is answered alone, and no other is told', async () => {
    const asked = { patientId: 'wanda-opt-in', category: [label('SEX')] }
    const { card, exact } = await ask(HOSPITAL, asked)
    expect(card.summary).toBe('CONSENT_PERMIT')
    expect(exact).toMatchObject({ labels: [label('SEX')], obligations: [] })
    const [{ parameters } = { parameters: { codes: [] as { code: string }[], exceptAnyOfCodes: [] } }] =
      card.extension.obligations
    expect(parameters.exceptAnyOfCodes).toEqual([label('SEX')])
    expect(parameters.codes.map(({ code }) => code)).toEqual(
      expect.arrayContaining(['HIV', 'GDIS', 'R', 'V']),
    )
    const denied = await ask(HOSPITAL, { patientId: 'wanda-opt-in', category: [label('HIV')] })
    expect(denied.card.summary).toBe('CONSENT_DENY')
  })

  test('a class asked about is answered for that class', async () => {
    const of = (code: string) =>
      ask(HOSPITAL, {
        patientId: 'wanda-opt-in',
        class: [{ system: TYPES, value: code }],
        category: [label('MH')],
      })
    expect((await of('MedicationRequest')).card.summary).toBe('CONSENT_DENY')
    expect((await of('Observation')).card.summary).toBe('CONSENT_PERMIT')
  })

  test.each([
    ['a document code', { system: 'http://loinc.org', code: '11488-4' }],
    [
      'a profile',
      { code: 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-condition-problems-health-concerns' },
    ],
  ])('%s may be asked about too', async (_, coding) => {
    const { card, exact } = await ask(HOSPITAL, { patientId: 'wanda-opt-in', class: [coding] })
    expect(card.summary).toBe('CONSENT_PERMIT')
    expect(exact.obligations).toContainEqual({ all: [label('HIV')] })
    const refused = await ask(HOSPITAL, { patientId: 'otto-opt-out', class: [coding] })
    expect(refused.card.summary).toBe('CONSENT_DENY')
  })

  test('what the residual rules of the token forbid is withheld, and another patient is out of reach', async () => {
    const residual = [{ type: 'forbid', securityLabel: [label('SEX')] }]
    const extensions = {
      ihe_iua: { purpose_of_use: [{ system: `${THO}/v3-ActReason`, code: 'TREAT' }] },
      ihe_pcf: { patient_id: 'wanda-opt-in', doc_id: ['urn:uuid:1'], residual },
    }
    const limited = { ...HOSPITAL, claims: { extensions } }
    const { card } = await ask(limited, { patientId: 'wanda-opt-in' })
    expect(card.summary).toBe('CONSENT_PERMIT')
    expect(codesOf(card)).toContain('SEX')
    expect((await ask(limited, { patientId: 'otto-opt-out' })).card.summary).toBe('NO_CONSENT')
  })

  test('content that comes along is not looked at and not sent back', async () => {
    const content = {
      resourceType: 'Bundle',
      entry: [{ resource: { resourceType: 'Observation', id: 'mine' } }],
    }
    const { exact, text } = await ask(HOSPITAL, { patientId: 'wanda-opt-in', content })
    expect(exact.content).toBe(false)
    expect(text).not.toContain('mine')
  })
})

describe('how the patient is found', () => {
  test('by identifier as by reference', async () => {
    const byReference = await ask(HOSPITAL, { patientId: [{ value: 'Patient/otto-opt-out' }] })
    const byIdentifier = await ask(HOSPITAL, {
      patientId: [
        { system: MRN, value: 'O1' },
        { system: 'urn:other', value: '9' },
      ],
    })
    expect(byIdentifier.card.extension).toEqual(byReference.card.extension)
    expect(byIdentifier.card.summary).toBe('CONSENT_DENY')
  })

  /** Everything but the id of the exchange. */
  const told = ({ status, type, text, id }: Heard) => ({ status, type, text: text.replaceAll(id, '') })

  test('who does not exist, has no Consent, cannot be told apart or is out of reach gets the same bytes', async () => {
    const known = await ask(HOSPITAL, { patientId: 'walter-finch' })
    expect(known.card.summary).toBe('NO_CONSENT')
    const others: [object, TokenRequest?][] = [
      [{ patientId: 'nobody-at-all' }],
      [{ patientId: [{ system: MRN, value: 'absent' }] }],
      [{ patientId: [{ system: MRN, value: 'T' }] }],
      [
        {
          patientId: [
            { system: MRN, value: 'O1' },
            { system: MRN, value: 'W1' },
          ],
        },
      ],
      [{ patientId: 'marcus-dell' }],
      [{ patientId: 'otto-opt-out' }, { ...HOSPITAL, patient: 'walter-finch' }],
    ]
    for (const [context, as] of others) expect(told(await ask(as ?? HOSPITAL, context))).toEqual(told(known))
  })

  test('the record knows which of these it was', async () => {
    const resolution = async (context: object, as = HOSPITAL) => {
      const row = decisionOf(rowsOf(await ask(as, context))) as unknown as Record<string, unknown>
      return [row['resolution'], row['decision'], row['patient']]
    }
    expect(await resolution({ patientId: 'walter-finch' })).toEqual([
      'found',
      'no-consent',
      'Patient/walter-finch',
    ])
    expect(await resolution({ patientId: 'nobody-at-all' })).toEqual(['absent', 'no-consent', undefined])
    expect(await resolution({ patientId: [{ system: MRN, value: 'T' }] })).toEqual([
      'ambiguous',
      'indeterminate',
      undefined,
    ])
    const launch = { ...HOSPITAL, patient: 'walter-finch' }
    expect(await resolution({ patientId: 'otto-opt-out' }, launch)).toEqual([
      'out-of-reach',
      'no-consent',
      undefined,
    ])
  })

  test('no answer says who the patient is', async () => {
    for (const patientId of ['wanda-opt-in', 'otto-opt-out', 'elena-marsh'])
      expect((await ask(HOSPITAL, { patientId })).text.replaceAll(/Consent\/[\w-]+/g, '')).not.toMatch(
        /Secretname|Marsh|1960-04-04|Patient\/|W1|O1/,
      )
  })
})

describe('who may ask, for whom and why', () => {
  test('the scope must be named', () =>
    expectRefused(ask({ ...HOSPITAL, scope: 'user/*.cruds' }, { patientId: 'x' }), 403, 'scope-insufficient'))
  test('without a token nobody', () =>
    expectRefused(ask(undefined, { patientId: 'x' }), 401, 'login-required'))
  test('with a token that was changed nobody', () =>
    expectRefused(
      ask(undefined, { patientId: 'x' }, { headers: { Authorization: 'Bearer eyJhbGciOiJub25lIn0.e30.' } }),
      401,
      'token-invalid',
    ))
  test('an expired token is refused', () =>
    expectRefused(ask({ ...HOSPITAL, lifetimeSeconds: -600 }, { patientId: 'x' }), 401, 'token-expired'))

  test('the scope of consults opens nothing of the FHIR API', async () => {
    const reply = await site.get('Patient/wanda-opt-in', { ...HOSPITAL, scope: 'consent-consult' })
    expect(reply.status).toBe(403)
  })

  test('actors are the requester itself, in whole or in part', async () => {
    const actor = [{ value: 'Organization/redwood-hospital' }]
    expect((await ask(HOSPITAL, { patientId: 'wanda-opt-in', actor })).card.summary).toBe('CONSENT_PERMIT')
  })

  test('other actors are refused, before any look at the patient', async () => {
    const before = site.upstream.requests()
    const actor = [{ value: 'Organization/bayview-otp' }]
    await expectRefused(ask(HOSPITAL, { patientId: 'wanda-opt-in', actor }), 403, 'actor-not-allowed')
    expect(
      site.upstream
        .calls()
        .slice(before)
        .filter(call => /Patient|Consent/.test(call)),
    ).toEqual([])
  })

  test('a client registered for another asks for that one and for nobody else', async () => {
    const actor = [{ system: 'http://hl7.org/fhir/sid/us-npi', value: '1417056178' }]
    const heard = await ask(SERVICE, { patientId: 'wanda-opt-in', actor })
    expect(heard.card.summary).toBe('CONSENT_PERMIT')
    expect(decisionOf(rowsOf(heard))).toMatchObject({
      onBehalfOf: 'treating-hospital',
      requester: { client: 'consent-service' },
    })
    const own = await ask(SERVICE, { patientId: 'wanda-opt-in' })
    expect(own.card.summary).toBe('NO_CONSENT')
    await expectRefused(
      ask(SERVICE, { patientId: 'wanda-opt-in', actor: [{ value: 'Organization/golden-plan' }] }),
      403,
      'actor-not-allowed',
    )
  })

  test('the purpose is that of the token, and the question cannot widen it', async () => {
    const wanted = { patientId: 'wanda-opt-in', purposeOfUse: 'TREAT' }
    expect((await ask(HOSPITAL, wanted)).exact.purposeOfUse).toEqual(['TREAT'])
    await expectRefused(
      ask(HOSPITAL, { ...wanted, purposeOfUse: ['TREAT', 'HPAYMT'] }),
      403,
      'purpose-not-allowed',
    )
  })
})

describe('what is malformed', () => {
  test('another hook', () =>
    expectRefused(
      ask(HOSPITAL, {}, { body: question({ patientId: 'x' }, { hook: 'order-sign' }) }),
      400,
      'bad-request',
    ))
  test('no JSON', () => expectRefused(ask(HOSPITAL, {}, { body: '{' }), 400, 'bad-request'))
  test('another media type', () =>
    expectRefused(
      ask(HOSPITAL, { patientId: 'x' }, { headers: { 'Content-Type': 'text/plain' } }),
      415,
      'unsupported-media-type',
    ))
  test('another method', () =>
    expectRefused(ask(HOSPITAL, { patientId: 'x' }, { method: 'PUT' }), 501, 'not-supported'))
  test('another service', () =>
    expectRefused(ask(HOSPITAL, { patientId: 'x' }, { path: '/cds-services/other' }), 404, 'not-found'))

  test('a body over the limit is refused, and one under it is read', async () => {
    const limit = loadSite(undefined).limits.requestBodyBytes
    const body = (bytes: number) => question({ patientId: 'otto-opt-out', content: 'x'.repeat(bytes) })
    await expectRefused(ask(HOSPITAL, {}, { body: body(limit) }), 413, 'too-large')
    expect((await ask(HOSPITAL, {}, { body: body(limit - 400) })).status).toBe(200)
  })
})

describe('the record', () => {
  test('stands before the answer, conforms, and names the patient and the Consents', async () => {
    const heard = await ask(HOSPITAL, { patientId: 'wanda-opt-in' })
    const rows = rowsOf(heard)
    expect(rows.map(nameOf)).toEqual([
      'Minimal Patient/wanda-opt-in',
      'AuthZconsent Patient/wanda-opt-in',
      'decision Patient/wanda-opt-in',
    ])
    const [query, authz] = rows.map(({ body }) => JSON.parse(body) as Record<string, unknown>)
    expect(checkAuditEvent(query)).toEqual([])
    expect(checkAuditEvent(authz)).toEqual([])
    expect(query).toMatchObject({ action: 'E', outcome: '0', subtype: [{ code: 'operation' }] })
    expect(claimedProfiles(authz)).toEqual(['AuthZconsent'])
    expect(authz).toMatchObject({ outcome: '0' })
    expect(JSON.stringify(authz)).toContain('Consent/consent-wanda-opt-in/_history/1')
    expect(decisionOf(rows)).toMatchObject({
      decision: 'permit',
      release: { status: 200 },
      resolution: 'found',
    })
    expect(verifyLedger(site.ledgerFile).ok).toBe(true)
  })

  test('of a denial says so', async () => {
    const [, authz] = rowsOf(await ask(HOSPITAL, { patientId: 'otto-opt-out' }))
    expect(JSON.parse(authz?.body ?? '{}')).toMatchObject({ outcome: '8' })
  })

  test('holds no token and nothing of the credentials that came in the body', async () => {
    const fhirAuthorization = { access_token: 'SECRET-EHR-TOKEN', token_type: 'Bearer' }
    const heard = await ask(
      HOSPITAL,
      {},
      { body: question({ patientId: 'otto-opt-out' }, { fhirAuthorization }) },
    )
    for (const { body } of rowsOf(heard)) {
      expect(body).not.toMatch(/SECRET-EHR-TOKEN|eyJ[\w-]{10}/)
      const { entity = [] } = JSON.parse(body) as { entity?: { query?: string }[] }
      for (const { query = '' } of entity)
        expect(Buffer.from(query, 'base64').toString()).not.toMatch(/SECRET|eyJ|otto/)
    }
  })

  test('is told by explain', async () => {
    const heard = await ask(HOSPITAL, { patientId: 'wanda-opt-in' })
    const { code, out } = await run(['explain', heard.id, '--ledger', site.ledgerFile])
    expect(code).toBe(0)
    expect(out).toMatch(/who +Redwood Regional Hospital/)
    expect(out).toMatch(/answered +permit/)
    expect(out).toMatch(/permitted +\d+: .*any type, unlabelled/)
    expect(out).toMatch(/refused +\d+: .*any type, HIV/)
    expect(out).toContain('Consent/consent-wanda-opt-in version 1 at provision.provision[0]')
    expect(out).not.toContain('released')
  })
})

describe('a ledger that fails', () => {
  const at = (context: object) => send(failingOrigin, failing, HOSPITAL, { body: question(context) })

  test.each(['rejects', 'never acknowledges', 'acknowledges another exchange', 'throws'] as const)(
    '%s: the constant 503, whatever the answer would have been',
    async fault => {
      ledger.behave('ok')
      expect((await at({ patientId: 'otto-opt-out' })).status).toBe(200)
      ledger.behave(fault)
      const replies = [
        await at({ patientId: 'otto-opt-out' }),
        await at({ patientId: 'wanda-opt-in' }),
        await at({ patientId: randomUUID() }),
        await at({}),
      ]
      for (const { status, id, text } of replies) {
        expect({ status, id }).toEqual({ status: 503, id: '' })
        expect(text).toBe(replies[0]?.text)
        expect(text).not.toMatch(/CONSENT/)
      }
      ledger.behave('ok')
    },
  )
})

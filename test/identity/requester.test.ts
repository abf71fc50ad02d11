import { existsSync, readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import type { IdentityOptions } from '../../src/identity/identity.ts'
import { SYSTEM } from '../../src/model/fhir.ts'
import type { Agreement, ClientRegistration } from '../../src/model/requester.ts'
import {
  asUser,
  bearer,
  claims,
  client,
  codeOf,
  createClock,
  createNetwork,
  createSigner,
  ISSUER,
  issuer,
  json,
  open,
  PURPOSES,
  type Signer,
} from './kit.ts'

let signer: Signer
beforeAll(async () => {
  signer = await createSigner('k1')
})

function gateway(registration: Partial<ClientRegistration> = {}, options: Partial<IdentityOptions> = {}) {
  const clock = createClock()
  const network = createNetwork({ [`${ISSUER}/jwks`]: () => json({ keys: [signer.jwk] }) })
  return { clock, identity: open({ clients: [client(registration)], ...options }, network.fetch, clock) }
}

async function identify(
  over: Record<string, unknown> = {},
  registration: Partial<ClientRegistration> = {},
  options: Partial<IdentityOptions> = {},
) {
  const { clock, identity } = gateway(registration, options)
  return (await identity.identify(bearer(await signer.sign(claims(clock, over))))).requester
}

describe('the client registry', () => {
  it('says what law asks, whatever the token says', async () => {
    const requester = await identify({ organization: 'Organization/evil', role: 'patient', state: 'CA' })
    expect(requester).toMatchObject({
      client: 'hospital',
      name: 'Hospital',
      organization: 'Organization/hospital',
      state: 'NE',
      hipaa: 'covered-entity',
      part2: 'none',
      role: 'provider',
      relationship: 'treating',
      claims: {},
      residual: [],
    })
  })

  it('knows clients by issuer and id', async () => {
    expect(await codeOf(identify({ client_id: 'stranger', sub: 'stranger' }))).toBe('client-unknown')
    expect(await codeOf(identify({ client_id: 'toString', sub: 'x' }))).toBe('client-unknown')
    expect(await codeOf(identify({}, { issuer: 'https://other.example' }))).toBe('client-unknown')
  })

  it('refuses a disabled client', async () => {
    expect(await codeOf(identify({}, { enabled: false }))).toBe('client-disabled')
    expect((await identify({}, { enabled: true })).client).toBe('hospital')
  })

  it('refuses two entries for one client at start', () => {
    expect(() => gateway({}, { clients: [client(), client()] })).toThrow(/clients\[hospital\]/)
  })
})

describe('a required agreement', () => {
  const baa = (over: Partial<Agreement>): Agreement => ({ kind: 'BAA', ...over })
  const current: readonly [string, Partial<Agreement>][] = [
    ['without dates', {}],
    ['that is active', { status: 'active' }],
    ['that starts today', { start: '2026-06-15' }],
    ['that ends today', { end: '2026-06-15' }],
    ['that ends this month', { end: '2026-06' }],
    ['that ends this year', { start: '2026', end: '2026' }],
    ['that ends in an hour', { end: '2026-06-15T13:00:00Z' }],
  ]
  it.each(current)('%s lets the client in', async (_, over) => {
    const requester = await identify({}, { requiredAgreements: ['BAA'], agreements: [baa(over)] })
    expect(requester.client).toBe('hospital')
  })

  const missing: readonly [string, Agreement[]][] = [
    ['that is not on file', []],
    ['of another kind', [{ kind: 'QSOA' }]],
    ['that was ended', [baa({ status: 'ended' })]],
    ['that starts tomorrow', [baa({ start: '2026-06-16' })]],
    ['that ended yesterday', [baa({ end: '2026-06-14' })]],
    ['that ended last month', [baa({ end: '2026-05' })]],
    ['that ended an hour ago', [baa({ end: '2026-06-15T11:00:00Z' })]],
    ['with an end nobody can read', [baa({ end: 'never' })]],
    ['with a start nobody can read', [baa({ start: 'soon' })]],
  ]
  it.each(missing)('%s keeps it out', async (_, agreements) => {
    expect(await codeOf(identify({}, { requiredAgreements: ['BAA'], agreements }))).toBe('agreement-required')
  })

  it('is asked for every kind', async () => {
    const agreements: Agreement[] = [{ kind: 'BAA' }]
    expect(await codeOf(identify({}, { requiredAgreements: ['BAA', 'QSOA'], agreements }))).toBe(
      'agreement-required',
    )
  })

  it('that ends while the token is known ends the access, by the day of the zone', async () => {
    const registration = { requiredAgreements: ['BAA'], agreements: [baa({ end: '2026-06-15' })] } as const
    for (const [zone, hours] of [
      ['UTC', 12],
      ['America/Chicago', 17],
    ] as const) {
      const { clock, identity } = gateway(registration, {
        zone,
        issuers: [issuer({ maxLifetimeSeconds: 1e6 })],
      })
      const token = bearer(await signer.sign(claims(clock, { exp: clock.seconds() + 200_000 })))
      await identity.identify(token)
      clock.advance(hours * 3_600_000 - 1_000)
      expect((await identity.identify(token)).requester.client).toBe('hospital')
      clock.advance(1_000)
      expect(await codeOf(identity.identify(token))).toBe('agreement-required')
    }
  })
})

describe('a user', () => {
  it('is required where the registration says so', async () => {
    const must = { userRequired: true }
    expect(await codeOf(identify({}, must))).toBe('user-required')
    expect(await codeOf(identify({ sub: 'service-account' }, must))).toBe('user-required')
    expect((await identify(asUser, must)).user).toBe('Practitioner/p1')
    const spoken = { extensions: { 'hl7-b2b': { subject_id: 'urn:oid:2.16.840.1.113883.4.6#1112223334' } } }
    expect((await identify(spoken, must)).client).toBe('hospital')
    const named = { extensions: { 'hl7-b2b': { subject_name: 'Dr. Jane Roe' } } }
    expect(await codeOf(identify(named, must))).toBe('user-required')
  })

  const strong: Record<string, unknown>[] = [
    { amr: ['mfa'] },
    { amr: 'mfa' },
    { amr: ['pwd', 'otp'] },
    { amr: ['pin', 'hwk'] },
    { acr: 'https://refeds.org/profile/mfa' },
  ]
  it.each(strong)('shows more than one factor by %j', async over => {
    expect((await identify({ ...asUser, ...over }, { mfaRequired: true })).user).toBe('Practitioner/p1')
  })
  const weak: Record<string, unknown>[] = [
    {},
    { amr: [] },
    { amr: ['pwd'] },
    { amr: ['pwd', 'pin'] },
    { amr: ['otp', 'sms'] },
    { amr: ['pwd', 'constructor'] },
    { acr: '1' },
    { acr: 'not-mfa' },
  ]
  it.each(weak)('is refused with %j where more than one factor is asked', async over => {
    expect(await codeOf(identify({ ...asUser, ...over }, { mfaRequired: true }))).toBe('mfa-required')
    expect((await identify({ ...asUser, ...over })).user).toBe('Practitioner/p1')
  })

  it('of this server is a reference, of another a URL', async () => {
    const at = (fhirUser: string) => identify({ ...asUser, fhirUser }, {}, { fhirBases: ['http://up/fhir/'] })
    expect((await at('https://gw.example/fhir/Practitioner/p1')).user).toBe('Practitioner/p1')
    expect((await at('http://up/fhir/Practitioner/p1')).user).toBe('Practitioner/p1')
    const foreign = await at('https://other.example/fhir/Practitioner/p1')
    expect(foreign.user).toBe('https://other.example/fhir/Practitioner/p1')
    expect(foreign.actors.map(actor => actor.reference)).not.toContain('Practitioner/p1')
  })

  it('with the id of a client is another principal', async () => {
    const asClient = await identify()
    const namesake = await identify({ ...asUser, sub: 'hospital', client_id: 'app' }, { clientId: 'app' })
    expect(namesake.key).not.toBe(asClient.key)
    expect((await identify()).key).toBe(asClient.key)
    expect((await identify({ jti: 'other' })).key).toBe(asClient.key)
  })

  it('whom a client speaks for is told from another whom it speaks for', async () => {
    const of = (id: string) => identify({ extensions: { 'hl7-b2b': { subject_id: `urn:oid:1.2#${id}` } } })
    expect((await of('1')).key).not.toBe((await of('2')).key)
    expect((await of('1')).key).toBe((await of('1')).key)
  })
})

describe('scopes', () => {
  const contexts = async (over: Record<string, unknown>) =>
    (await identify({ scope: 'patient/*.rs user/*.rs system/*.rs', ...over })).scopes.map(
      scope => scope.context,
    )
  it('of the kind of the principal count', async () => {
    expect(await contexts({})).toEqual(['system'])
    expect(await contexts({ ...asUser, scope: 'patient/*.rs user/*.rs system/*.rs' })).toEqual([
      'patient',
      'user',
    ])
  })
  it('of a service account are those of a client', async () => {
    expect(await contexts({ sub: 'uuid', scope: 'system/*.rs' })).toEqual(['system'])
  })
})

describe('the patient of a launch', () => {
  const app = {
    role: 'patient',
    relationship: 'self',
    purposes: ['PATRQT'],
    defaultPurpose: 'PATRQT',
  } as const
  const launch = { sub: 'u1', scope: 'patient/*.rs', patient: 'a', fhirUser: 'Patient/a' }

  it('is a reference', async () => {
    expect((await identify({ ...asUser, patient: 'a' })).patient).toBe('Patient/a')
    expect((await identify({ ...asUser, patient: 'Patient/a' })).patient).toBe('Patient/a')
    expect((await identify({ ...asUser, patient: 'https://gw.example/fhir/Patient/a' })).patient).toBe(
      'Patient/a',
    )
  })

  it('is self only where the user is that patient', async () => {
    expect(await identify(launch, app)).toMatchObject({ role: 'patient', relationship: 'self' })
    const { fhirUser: _, ...unnamed } = launch
    expect(await identify(unnamed, app)).toMatchObject({ role: 'patient', relationship: 'self' })
    for (const fhirUser of [
      'RelatedPerson/r',
      'Patient/b',
      'Practitioner/p',
      'https://o.example/Patient/b',
    ]) {
      expect(await identify({ ...launch, fhirUser }, app)).toMatchObject({
        role: 'family',
        relationship: 'none',
      })
    }
  })

  it('may come from IHE PCF, which binds every scope to it', async () => {
    const pcf = (patient_id: unknown) => ({ extensions: { ihe_pcf: { patient_id } } })
    expect(await identify(pcf('Patient/a'))).toMatchObject({ patient: 'Patient/a', onlyPatient: 'Patient/a' })
    expect(await codeOf(identify({ ...pcf('Patient/b'), patient: 'a' }))).toBe('token-invalid')
    expect(await codeOf(identify(pcf('123^^^&1.2.3&ISO')))).toBe('token-invalid')
    expect(await identify()).not.toHaveProperty('onlyPatient')
  })
})

describe('the organization that a token names', () => {
  const iua = (id: unknown) => ({ extensions: { ihe_iua: { subject_organization_id: id } } })
  const b2b = (id: unknown) => ({ extensions: { 'hl7-b2b': { organization_id: id } } })
  const good: Record<string, unknown>[] = [
    iua('urn:oid:1.2.3.4'),
    iua('urn:ietf:rfc:3986|urn:oid:1.2.3.4'),
    b2b('https://gw.example/fhir/Organization/hospital'),
    b2b('Organization/hospital'),
    b2b('urn:oid:2.16.840.1.113883.4.6#1234567893'),
    { extensions: { ihe_iua: { subject_organization: 'Any Name' } } },
  ]
  it.each(good)('is the registered one in %j', async over => {
    expect((await identify(over)).organization).toBe('Organization/hospital')
  })
  const bad: Record<string, unknown>[] = [
    iua('urn:oid:1.2.3.5'),
    iua(['urn:oid:1.2.3.4']),
    b2b('https://other.example/fhir/Organization/hospital'),
    b2b('Organization/other'),
    { extensions: { ...iua('urn:oid:1.2.3.4').extensions, ...b2b('urn:oid:9').extensions } },
  ]
  it.each(bad)('must not contradict it as %j does', async over => {
    expect(await codeOf(identify(over))).toBe('token-invalid')
  })
  it('counts for nothing where none is registered', async () => {
    const { organization: _, npi: __, ...bare } = client({ identifiers: [] })
    expect(await identify(iua('urn:oid:9.9'), {}, { clients: [bare] })).not.toHaveProperty('organization')
  })
})

describe('the actors of a requester', () => {
  it('are the registered organization and the verified user', async () => {
    const over = {
      ...asUser,
      extensions: {
        ihe_iua: {
          subject_name: 'Dr. Jane Roe',
          national_provider_identifier: '1112223334',
          person_id: 'urn:uuid:77',
          subject_role: { system: 'urn:roles', code: 'HCP' },
        },
      },
    }
    const { actors, userName, userRoles } = await identify(over)
    expect(userName).toBe('Dr. Jane Roe')
    expect(userRoles).toEqual([{ system: 'urn:roles', code: 'HCP' }])
    expect(actors.every(actor => actor.role === 'recipient')).toBe(true)
    expect(actors.flatMap(actor => actor.reference ?? [])).toEqual([
      'Organization/hospital',
      'Practitioner/p1',
    ])
    const identifiers = actors.flatMap(({ identifier }) => identifier ?? [])
    expect(identifiers).toContainEqual({ system: 'urn:ietf:rfc:3986', value: 'urn:oid:1.2.3.4' })
    expect(identifiers).toContainEqual({ system: 'http://hl7.org/fhir/sid/us-npi', value: '1234567893' })
    expect(identifiers).toContainEqual({ system: 'http://hl7.org/fhir/sid/us-npi', value: '1112223334' })
    expect(identifiers).toContainEqual({ system: ISSUER, value: 'u1' })
    expect(identifiers.map(({ value }) => value)).not.toContain('urn:uuid:77')
  })
})

describe('a token of the client itself', () => {
  const iua = { subject_name: 'Hospital', national_provider_identifier: '1234567893' }
  it('names no user, though IHE IUA claims describe its subject', async () => {
    const requester = await identify({ extensions: { ihe_iua: iua } })
    expect(requester).not.toHaveProperty('userName')
    expect(requester.scopes.map(scope => scope.context)).toEqual(['system'])
    expect(await codeOf(identify({ extensions: { ihe_iua: iua } }, { userRequired: true }))).toBe(
      'user-required',
    )
  })
  it('adds no provider number to those registered', async () => {
    const other = { ...iua, national_provider_identifier: '1999999999' }
    const { actors } = await identify({ extensions: { ihe_iua: other } })
    expect(actors.map(actor => actor.identifier?.value)).not.toContain('1999999999')
  })
})

describe('residual rules', () => {
  const pcf = (residual: unknown) => ({ extensions: { ihe_pcf: { residual } } })
  const period = { start: '2022-01-01', end: '2022-12-31' }
  const data = [{ meaning: 'instance', reference: { reference: 'Encounter/1' } }]
  it('are kept as they stand', async () => {
    const rules = [
      { type: 'forbid' },
      {
        type: 'permit',
        dataPeriod: period,
        data,
        securityLabel: [{ system: SYSTEM.confidentiality, code: 'N' }],
      },
    ]
    expect((await identify(pcf(rules))).residual).toEqual([
      { type: 'forbid', raw: rules[0] },
      { type: 'permit', raw: rules[1] },
    ])
    expect((await identify(pcf({ type: 'deny', data }))).residual[0]?.type).toBe('forbid')
  })
  const bad: unknown[] = [
    'forbid',
    null,
    [null],
    [{}],
    [{ type: 'allow' }],
    [{ type: 'forbid', dataperiod: period }],
    [{ type: 'forbid', dataPeriod: {} }],
    [{ type: 'forbid', dataPeriod: { start: 'yesterday' } }],
    [{ type: 'forbid', dataPeriod: { from: '2022' } }],
    [{ type: 'forbid', securityLabel: [] }],
    [{ type: 'forbid', securityLabel: { code: 'N' } }],
    [{ type: 'forbid', securityLabel: [{ system: 'x' }] }],
    [{ type: 'forbid', data: [{ meaning: 'instance' }] }],
    [{ type: 'forbid', data: [{ reference: { reference: 'Encounter/1' } }] }],
    [{ type: 'forbid' }, { type: 'permit', constructor: 1 }],
  ]
  it.each(bad)('that are not understood refuse the token: %j', async residual => {
    expect(await codeOf(identify(pcf(residual)))).toBe('token-invalid')
  })
})

const TOKENS = new URL('../../../shared/data/tokens/', import.meta.url)
const present = existsSync(TOKENS)
if (!present) console.log('skipped: the shared token examples are not here')

describe.skipIf(!present)('published token examples', () => {
  const example = (name: string): Record<string, unknown> =>
    JSON.parse(readFileSync(new URL(`${name}.json`, TOKENS), 'utf8')).claims

  /** The example's claims, but for issuer, times, audience and client, which are those of the test. */
  async function identifyExample(name: string, over = {}, registration: Partial<ClientRegistration> = {}) {
    const { iss: _, aud: __, exp: ___, nbf: ____, iat: _____, ...rest } = example(name)
    const purposeMap = { ...PURPOSES, 'urn:uuid:2.16.756.5.30.1.127.3.10.5|NORM': 'TREAT' }
    const { clock, identity } = gateway(registration, { purposeMap })
    const token = await signer.sign(claims(clock, { ...rest, client_id: 'hospital', ...over }))
    return await identity.identify(bearer(token))
  }

  it('of IHE IUA: the organization, the role, and BTG only where it is allowed', async () => {
    const { requester, purposeOfUse } = await identifyExample('iua-jwt-access-token')
    expect(requester.userRoles[0]?.code).toBe('pharmacist')
    expect(purposeOfUse).toMatchObject({ asserted: ['TREAT', 'BTG'], effective: ['TREAT'] })
    const other = identifyExample('iua-jwt-access-token', {}, { identifiers: [] })
    expect(await codeOf(other)).toBe('token-invalid')
  })

  it('of the Swiss EPR: single objects', async () => {
    const { requester, purposeOfUse } = await identifyExample('ch-epr-extended-access-token')
    expect(requester.userRoles[0]?.code).toBe('HCP')
    expect(purposeOfUse.effective).toEqual(['TREAT'])
    expect(await codeOf(identify(example('ch-epr-extended-access-token')))).toBe('token-invalid')
  })

  it('of IHE PCF: residual rules for one patient', async () => {
    const { requester, purposeOfUse } = await identifyExample('pcf-residual-timeframe')
    expect(requester.residual.map(rule => rule.type)).toEqual(['forbid', 'permit'])
    expect(requester.onlyPatient).toBe('Patient/ex-patient')
    expect(purposeOfUse.effective).toEqual(['TREAT', 'HPAYMT', 'HOPERAT'])
  })

  it('of HL7 FAST, echoed: the person that a client speaks for', async () => {
    const registration = {
      identifiers: [{ system: 'urn:ietf:rfc:3986', value: 'https://example-clinic.org/fhir/Organization/1' }],
      userRequired: true,
    }
    const over = { sub: 'hospital' }
    const { requester } = await identifyExample('udap-hl7-b2b-client-assertion.COMPOSED', over, registration)
    expect(requester.userRoles[0]).toMatchObject({ system: 'http://nucc.org/provider-taxonomy' })
    expect(requester.userName).toBeDefined()
  })

  it('of TEFCA: a purpose that is not mapped is refused', async () => {
    const registration = {
      identifiers: [{ system: 'urn:ietf:rfc:3986', value: 'https://rce-directory.example/Organization/1' }],
    }
    const found = identifyExample('tefca-ias-client-assertion.COMPOSED', {}, registration)
    expect(await codeOf(found)).toBe('purpose-not-allowed')
  })

  it('of SMART introspection: an opaque token with a launch context', async () => {
    const clock = createClock()
    const url = `${ISSUER}/introspect`
    const answer = { ...example('smart-introspection-response'), exp: clock.seconds() + 300 }
    const network = createNetwork({ [url]: () => json(answer) })
    const introspection = { url, clientId: 'gateway', secretFile: '/run/secret' }
    const options = {
      issuers: [issuer({ introspection })],
      clients: [client({ clientId: String(answer['client_id' as keyof typeof answer]) })],
    }
    const { requester } = await open(options, network.fetch, clock).identify(bearer('opaque'))
    expect(requester.patient).toBe('Patient/456')
    expect(requester.scopes).toHaveLength(1)
    expect(requester.user).toBe('https://ehr.example.org/fhir/Patient/123')
  })
})

import { beforeAll, describe, expect, it } from 'vitest'
import { createConsultIdentity } from '../../src/identity/consult.ts'
import type { Identified } from '../../src/model/exchange.ts'
import type { ActorName, ConsultInteraction } from '../../src/model/interaction.ts'
import type { ClientRegistration } from '../../src/model/requester.ts'
import {
  asUser,
  bearer,
  claims,
  client,
  createClock,
  createNetwork,
  createSigner,
  ISSUER,
  json,
  open,
  PURPOSES,
  refusalOf,
  type Signer,
} from './kit.ts'

let signer: Signer
beforeAll(async () => {
  signer = await createSigner('k1')
})

const CLINIC = client({
  clientId: 'clinic',
  name: 'Clinic',
  organization: 'Organization/clinic',
  identifiers: [{ system: 'urn:ietf:rfc:3986', value: 'urn:oid:2.16.840.1.113883.20.5' }],
  npi: '1234567893',
  purposes: ['TREAT', 'HPAYMT'],
  role: 'provider',
  state: 'CA',
})

async function site(
  registration: Partial<ClientRegistration> = {},
  over: Record<string, unknown> = {},
  others: readonly ClientRegistration[] = [CLINIC],
) {
  const clock = createClock()
  const clients = [client({ purposes: ['TREAT', 'HPAYMT'], ...registration }), ...others]
  const network = createNetwork({ [`${ISSUER}/jwks`]: () => json({ keys: [signer.jwk] }) })
  const identity = open({ clients }, network.fetch, clock)
  const token = await signer.sign(claims(clock, { scope: 'consent-consult', ...over }))
  const identified: Identified = await identity.identify(bearer(token))
  return { identified, desk: createConsultIdentity({ clients, purposeMap: PURPOSES }, clock.now) }
}

function asking(actors: readonly ActorName[], purposes: readonly string[] = []): ConsultInteraction {
  return {
    code: 'operation',
    operation: 'patient-consent-consult',
    hookInstance: '1',
    patients: [{ reference: 'Patient/1' }],
    actors,
    purposes,
    labels: [],
    classes: [],
    content: false,
  }
}

const codeOf = async (attempt: () => unknown) => (await refusalOf((async () => attempt())())).code

describe('the scope of consults', () => {
  it('is named in the token', async () => {
    const { identified, desk } = await site()
    expect(() => desk.admit(identified.requester)).not.toThrow()
  })

  it.each(['system/*.*', 'system/*.cruds', 'user/*.rs', 'consent-consult-x', 'Consent-Consult', ''])(
    'is no other scope: %s',
    async scope => {
      const { identified, desk } = await site({}, { scope })
      expect(await codeOf(() => desk.admit(identified.requester))).toBe('scope-insufficient')
    },
  )

  it('opens nothing of the FHIR API', async () => {
    const { identified } = await site()
    expect(identified.requester.scopes).toEqual([])
  })
})

describe('whom a client may ask for', () => {
  it('is itself where the question names nobody', async () => {
    const { identified, desk } = await site()
    expect(desk.consultFor(identified, asking([])).requesters).toEqual([identified.requester])
  })

  it('is itself by any of its own names, and naming some of them asks for both', async () => {
    const { identified, desk } = await site({ npi: '1999999992' })
    const { requesters } = desk.consultFor(identified, asking([{ reference: 'Organization/hospital' }]))
    expect(requesters.map(({ actors }) => actors)).toEqual([
      identified.requester.actors,
      [{ role: 'recipient', reference: 'Organization/hospital' }],
    ])
    const npi = asking([{ identifier: { system: 'urn:oid:2.16.840.1.113883.4.6', value: '1999999992' } }])
    expect(desk.consultFor(identified, npi).requesters.at(-1)?.actors).toHaveLength(2)
  })

  it.each<[string, ActorName]>([
    ['another organization', { reference: 'Organization/clinic' }],
    ['its identifier', { identifier: { system: 'urn:ietf:rfc:3986', value: '2.16.840.1.113883.20.5' } }],
    ['nobody at all', { identifier: { value: 'x' } }],
    ['no name', {}],
  ])('is not %s, unless it is registered so', async (_, actor) => {
    const { identified, desk } = await site()
    expect(await codeOf(() => desk.consultFor(identified, asking([actor])))).toBe('actor-not-allowed')
    const own: ActorName = { reference: 'Organization/hospital' }
    expect(await codeOf(() => desk.consultFor(identified, asking([own, actor])))).toBe('actor-not-allowed')
  })

  it('is whoever the registration names, with what is registered of that one and nothing of the token', async () => {
    const { identified, desk } = await site(
      { consultFor: ['clinic'] },
      { ...asUser, scope: 'consent-consult' },
    )
    const named = { system: 'urn:ietf:rfc:3986', value: '2.16.840.1.113883.20.5' }
    const found = desk.consultFor(identified, asking([{ identifier: named }]))
    expect(found.onBehalfOf).toBe('clinic')
    expect(found.requesters[0]).toMatchObject({
      client: 'clinic',
      organization: 'Organization/clinic',
      state: 'CA',
    })
    expect(found.requesters[0].user).toBeUndefined()
    expect(found.requesters).toHaveLength(2)
    expect(found.requesters[1]?.actors).toEqual([
      {
        role: 'recipient',
        identifier: { system: 'urn:ietf:rfc:3986', value: 'urn:oid:2.16.840.1.113883.20.5' },
      },
    ])
  })

  it('is not a registered client that is disabled, lacks an agreement or is of another issuer', async () => {
    const consultFor = ['clinic']
    const asked = asking([{ reference: 'Organization/clinic' }])
    const disabled = await site({ consultFor }, {}, [{ ...CLINIC, enabled: false }])
    expect(await codeOf(() => disabled.desk.consultFor(disabled.identified, asked))).toBe('actor-not-allowed')
    const bare = await site({ consultFor }, {}, [{ ...CLINIC, requiredAgreements: ['BAA'] }])
    expect(await codeOf(() => bare.desk.consultFor(bare.identified, asked))).toBe('agreement-required')
    const foreign = await site({ consultFor }, {}, [{ ...CLINIC, issuer: 'https://other.example' }])
    expect(await codeOf(() => foreign.desk.consultFor(foreign.identified, asked))).toBe('actor-not-allowed')
  })

  it('does not mix two organizations in one question', async () => {
    const { identified, desk } = await site({ consultFor: ['clinic'] })
    const both = asking([{ reference: 'Organization/hospital' }, { reference: 'Organization/clinic' }])
    expect(await codeOf(() => desk.consultFor(identified, both))).toBe('actor-not-allowed')
  })
})

describe('the purpose of a consult', () => {
  const TWO = { extensions: { ihe_iua: { purpose_of_use: [{ code: 'TREAT' }, { code: 'HPAYMT' }] } } }

  it('is that of the token, and the question may narrow it', async () => {
    const { identified, desk } = await site({}, TWO)
    expect(desk.consultFor(identified, asking([])).purposeOfUse.effective).toEqual(['TREAT', 'HPAYMT'])
    expect(desk.consultFor(identified, asking([], ['HPAYMT'])).purposeOfUse.effective).toEqual(['HPAYMT'])
  })

  it.each([['HRESCH'], ['TREAT', 'HRESCH'], ['FooBar'], ['treat']].map(codes => [codes] as const))(
    'is never widened nor answered in part: %s',
    async codes => {
      const { identified, desk } = await site({}, TWO)
      expect(await codeOf(() => desk.consultFor(identified, asking([], codes)))).toBe('purpose-not-allowed')
    },
  )

  it('must be one of whoever is asked for', async () => {
    const actor = asking([{ reference: 'Organization/clinic' }])
    const one = await site({ consultFor: ['clinic'] }, TWO, [{ ...CLINIC, purposes: ['HPAYMT'] }])
    expect(one.desk.consultFor(one.identified, actor).purposeOfUse.effective).toEqual(['HPAYMT'])
    const none = await site({ consultFor: ['clinic'] }, TWO, [{ ...CLINIC, purposes: ['HRESCH'] }])
    expect(await codeOf(() => none.desk.consultFor(none.identified, actor))).toBe('purpose-not-allowed')
  })
})

describe('the patients a token reaches', () => {
  it('are all without a context, and the one of the context with it', async () => {
    const { desk, identified } = await site()
    const { requester } = identified
    expect(desk.reaches(requester, 'Patient/1')).toBe(true)
    expect(desk.reaches({ ...requester, patient: 'Patient/1' }, 'Patient/1')).toBe(true)
    expect(desk.reaches({ ...requester, patient: 'Patient/1' }, 'Patient/2')).toBe(false)
    expect(desk.reaches({ ...requester, onlyPatient: 'Patient/1' }, 'Patient/2')).toBe(false)
  })

  it('are no others than themselves for patients', async () => {
    const { desk, identified } = await site()
    const { requester } = identified
    expect(desk.reaches({ ...requester, user: 'Patient/1' }, 'Patient/1')).toBe(true)
    expect(desk.reaches({ ...requester, user: 'Patient/1' }, 'Patient/2')).toBe(false)
    expect(desk.reaches({ ...requester, user: 'Practitioner/1' }, 'Patient/2')).toBe(true)
  })
})

import { beforeAll, describe, expect, test } from 'vitest'
import { createEmergencyIdentity } from '../../src/identity/emergency.ts'
import type { Identified } from '../../src/model/exchange.ts'
import { Refusal, type RefusalCode } from '../../src/model/refusal.ts'
import type { ClientRegistration } from '../../src/model/requester.ts'
import {
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
  type Signer,
} from './kit.ts'

let signer: Signer
beforeAll(async () => {
  signer = await createSigner('k1')
})

const SYSTEM = 'http://terminology.hl7.org/CodeSystem/v3-ActReason'
const MAP = { ...PURPOSES, ETREAT: 'ETREAT', [`${SYSTEM}|ETREAT`]: 'ETREAT' }
const door = createEmergencyIdentity()
const DECLARING = {
  scope: 'emergency-access user/*.rs',
  fhirUser: 'Practitioner/ada',
  sub: 'ada',
  purpose_of_use: 'ETREAT',
}

async function identified(
  registration: Partial<ClientRegistration> = {},
  over: Record<string, unknown> = {},
): Promise<Identified> {
  const clock = createClock()
  const able = client({
    role: 'provider',
    breakGlass: true,
    purposes: ['TREAT', 'ETREAT', 'BTG'],
    ...registration,
  })
  const network = createNetwork({ [`${ISSUER}/jwks`]: () => json({ keys: [signer.jwk] }) })
  const identity = open({ clients: [able], purposeMap: MAP }, network.fetch, clock)
  const { purpose_of_use: purpose, ...rest } = { ...DECLARING, ...over }
  const asked = {
    ...rest,
    extensions: {
      ihe_iua: {
        purpose_of_use: [purpose].flat().map(code => ({
          system: SYSTEM,
          code,
        })),
      },
    },
  }
  return identity.identify(bearer(await signer.sign(claims(clock, asked))))
}

function outcome(asked: Identified): RefusalCode | 'admitted' {
  try {
    door.admit(asked)
    return 'admitted'
  } catch (error) {
    if (error instanceof Refusal) return error.code
    throw error
  }
}

describe('who may break the glass', () => {
  test.each<[string, Partial<ClientRegistration>, Record<string, unknown>]>([
    ['a practitioner of a provider', {}, {}],
    [
      'a role of a practitioner, of medical personnel',
      { role: 'medical-personnel' },
      { fhirUser: 'PractitionerRole/a' },
    ],
    ['for ETREAT and BTG', {}, { purpose_of_use: ['ETREAT', 'BTG'] }],
  ])('%s', async (_, registration, over) => {
    expect(outcome(await identified(registration, over))).toBe('admitted')
  })

  test.each<[string, RefusalCode, Partial<ClientRegistration>, Record<string, unknown>]>([
    ['every SMART scope', 'scope-insufficient', {}, { scope: 'user/*.cruds system/*.*' }],
    ['the scope of another door', 'scope-insufficient', {}, { scope: 'consent-consult' }],
    ['a client that is not registered for it', 'actor-not-allowed', { breakGlass: false }, {}],
    ['a payer', 'actor-not-allowed', { role: 'payer' }, {}],
    ['a researcher', 'actor-not-allowed', { role: 'researcher' }, {}],
    ['a patient', 'user-required', {}, { fhirUser: 'Patient/ada' }],
    ['a relative', 'user-required', {}, { fhirUser: 'RelatedPerson/ada' }],
    ['a system without a user', 'user-required', {}, { fhirUser: undefined }],
    ['treatment', 'purpose-not-allowed', {}, { purpose_of_use: 'TREAT' }],
    ['treatment beside emergency', 'purpose-not-allowed', {}, { purpose_of_use: ['TREAT', 'ETREAT'] }],
  ])('not %s', async (_, code, registration, over) => {
    expect(outcome(await identified(registration, over))).toBe(code)
  })

  test('not without a second factor where the site asks for one', async () => {
    await expect(identified({ mfaRequired: true })).rejects.toMatchObject({ code: 'mfa-required' })
    expect(outcome(await identified({ mfaRequired: true }, { amr: ['pwd', 'otp'] }))).toBe('admitted')
  })

  test('not for another patient than that of the token', async () => {
    const { requester } = await identified({}, { patient: 'ada' })
    expect(() => door.reaches(requester, 'Patient/ben')).toThrow('scope-insufficient')
    expect(() => door.reaches(requester, 'Patient/ada')).not.toThrow()
  })
})

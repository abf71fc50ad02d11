import { createHmac } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  asUser,
  BASE,
  bearer,
  claims,
  codeOf,
  createClock,
  createNetwork,
  createSigner,
  ISSUER,
  issuer,
  json,
  open,
  refusalOf,
  type Signer,
} from './kit.ts'

let signer: Signer
let stranger: Signer
const clock = createClock()

beforeAll(async () => {
  signer = await createSigner('k1')
  stranger = await createSigner('k1')
})

function gateway(over = {}) {
  const network = createNetwork({ [`${ISSUER}/jwks`]: () => json({ keys: [signer.jwk] }) })
  return { identity: open(over, network.fetch, clock), network }
}

const encode = (part: unknown): string => Buffer.from(JSON.stringify(part)).toString('base64url')

describe('a signed access token', () => {
  it('of a configured issuer names a client', async () => {
    const { identity } = gateway()
    const { requester, purposeOfUse } = await identity.identify(bearer(await signer.sign(claims(clock))))
    expect(requester.client).toBe('hospital')
    expect(requester.token).toMatchObject({ issuer: ISSUER, subject: 'hospital', jti: 'j1' })
    expect(requester.token).not.toHaveProperty('opaqueTail')
    expect(requester.user).toBeUndefined()
    expect(purposeOfUse.effective).toEqual(['TREAT'])
  })

  it('is verified once and then known', async () => {
    const { identity, network } = gateway()
    const token = await signer.sign(claims(clock))
    const first = await identity.identify(bearer(token))
    const second = await identity.identify(bearer(token))
    expect(second.requester).toBe(first.requester)
    expect(second.purposeOfUse).toBe(first.purposeOfUse)
    expect(network.calls).toHaveLength(1)
  })

  const good: readonly [string, Record<string, unknown>, Record<string, unknown>?][] = [
    ['with the audience in a list', { aud: ['https://other.example', BASE] }],
    ['with the trailing slash of the base', { aud: `${BASE}/` }],
    ['that expired within the clock skew', { iat: clock.seconds() - 300, exp: clock.seconds() - 30 }],
    ['that begins within the clock skew', { nbf: clock.seconds() + 30, iat: clock.seconds() + 30 }],
    ['of type JWT', {}, { typ: 'JWT' }],
    ['of type application/at+jwt', {}, { typ: 'application/at+jwt' }],
    ['without a type', {}, { typ: undefined }],
    ['with azp for client_id', { client_id: undefined, azp: 'hospital' }],
    ['with the scope in a list', { scope: ['system/*.rs'] }],
    ['of a user', asUser],
  ]
  it.each(good)('%s is accepted', async (_, over, header) => {
    const token = await signer.sign(claims(clock, over), header)
    expect((await gateway().identity.identify(bearer(token))).requester.client).toBe('hospital')
  })

  const bad: readonly [string, Record<string, unknown>, Record<string, unknown>?][] = [
    ['of another issuer', { iss: 'https://evil.example' }],
    ['whose issuer has one more slash', { iss: `${ISSUER}/` }],
    ['without issuer', { iss: undefined }],
    ['for another audience', { aud: 'https://other.example' }],
    ['for a longer audience', { aud: `${BASE}/Patient` }],
    ['without audience', { aud: undefined }],
    ['without exp', { exp: undefined }],
    ['with exp as text', { exp: '9999999999' }],
    ['without iat', { iat: undefined }],
    ['issued in the future', { iat: clock.seconds() + 120 }],
    ['not yet valid', { nbf: clock.seconds() + 120 }],
    ['that lives too long', { exp: clock.seconds() + 7200 }],
    ['that lives for ever', { exp: 1e300 }],
    ['without sub', { sub: undefined }],
    ['without client', { client_id: undefined }],
    ['with two clients', { azp: 'other' }],
    ['bound to a DPoP key', { cnf: { jkt: 'x' } }],
    ['bound to a certificate', { cnf: { 'x5t#S256': 'x' } }],
    ['that is a logout token', {}, { typ: 'logout+jwt' }],
    ['that is a DPoP proof', {}, { typ: 'dpop+jwt' }],
    ['with an unknown key id', {}, { kid: '../../k1' }],
    ['with fhirUser where the client speaks for itself', { fhirUser: 'Practitioner/p1' }],
    ['whose fhirUser is a Condition', { ...asUser, fhirUser: 'Condition/1' }],
    ['whose fhirUser is no reference', { ...asUser, fhirUser: 'Practitioner/../Patient/1' }],
    ['whose patient is a path', { ...asUser, patient: '../1' }],
    ['whose patient is an Observation', { ...asUser, patient: 'Observation/1' }],
    ['whose patient is of another server', { ...asUser, patient: 'https://other.example/fhir/Patient/1' }],
    ['whose patient is a list', { ...asUser, patient: ['1', '2'] }],
    ['whose scope is an object', { scope: { system: '*' } }],
    ['whose extensions are text', { extensions: 'ihe_iua' }],
    ['whose ihe_iua is text', { extensions: { ihe_iua: 'TREAT' } }],
    ['whose subject_role is a number', { extensions: { ihe_iua: { subject_role: 7 } } }],
  ]
  it.each(bad)('%s is refused', async (_, over, header) => {
    const token = await signer.sign(claims(clock, over), header)
    expect(await codeOf(gateway().identity.identify(bearer(token)))).toBe('token-invalid')
  })

  it('that expired is said to be expired', async () => {
    const token = await signer.sign(claims(clock, { iat: clock.seconds() - 600, exp: clock.seconds() - 61 }))
    expect(await codeOf(gateway().identity.identify(bearer(token)))).toBe('token-expired')
  })

  it('that is known expires all the same', async () => {
    const moving = createClock()
    const network = createNetwork({ [`${ISSUER}/jwks`]: () => json({ keys: [signer.jwk] }) })
    const identity = open({}, network.fetch, moving)
    const token = await signer.sign(claims(moving))
    await identity.identify(bearer(token))
    moving.advance(359_000)
    await identity.identify(bearer(token))
    moving.advance(1_000)
    expect(await codeOf(identity.identify(bearer(token)))).toBe('token-expired')
  })

  it('signed by another key of the same id is refused', async () => {
    const { identity } = gateway()
    expect(await codeOf(identity.identify(bearer(await stranger.sign(claims(clock)))))).toBe('token-invalid')
  })

  it('with a changed payload is refused', async () => {
    const [header, , signature] = (await signer.sign(claims(clock))).split('.')
    const token = `${header}.${encode(claims(clock, { client_id: 'other' }))}.${signature}`
    expect(await codeOf(gateway().identity.identify(bearer(token)))).toBe('token-invalid')
  })

  it('with a key or the address of keys in its header is judged by the issuer keys alone', async () => {
    const { identity, network } = gateway()
    const header = {
      kid: 'mine',
      jwk: stranger.jwk,
      jku: 'https://evil.example/jwks',
      x5u: 'https://evil.example/x',
    }
    expect(await codeOf(identity.identify(bearer(await stranger.sign(claims(clock), header))))).toBe(
      'token-invalid',
    )
    const honest = { jku: 'https://evil.example/jwks', jwk: stranger.jwk }
    const { requester } = await identity.identify(bearer(await signer.sign(claims(clock), honest)))
    expect(requester.client).toBe('hospital')
    expect(network.calls.some(url => url.includes('evil'))).toBe(false)
  })

  it('with alg none, in any spelling, is refused', async () => {
    for (const alg of ['none', 'None', 'NONE', '']) {
      const token = `${encode({ alg, typ: 'at+jwt' })}.${encode(claims(clock))}.`
      expect(await codeOf(gateway().identity.identify(bearer(token)))).toBe('token-invalid')
    }
  })

  it('signed with the public key as a shared secret is refused', async () => {
    const input = `${encode({ alg: 'HS256', kid: 'k1', typ: 'at+jwt' })}.${encode(claims(clock))}`
    const mac = createHmac('sha256', JSON.stringify(signer.jwk)).update(input).digest('base64url')
    expect(await codeOf(gateway().identity.identify(bearer(`${input}.${mac}`)))).toBe('token-invalid')
  })

  it('with a critical header is refused, even one that is understood', async () => {
    const token = await signer.sign(claims(clock), { crit: ['b64'], b64: true })
    const refusal = await refusalOf(gateway().identity.identify(bearer(token)))
    expect(refusal).toMatchObject({ code: 'token-invalid', diagnostics: 'token header crit: expected none' })
  })

  it('by an algorithm that its issuer does not use is refused', async () => {
    const narrow = { issuers: [issuer({ algorithms: ['RS256'] })] }
    const { identity, network } = gateway(narrow)
    expect(await codeOf(identity.identify(bearer(await signer.sign(claims(clock)))))).toBe('token-invalid')
    expect(network.calls).toEqual([])
  })

  it('is never quoted in what is said of it', async () => {
    const secret = 'SECRET-VALUE'
    const overs = [
      { aud: secret },
      { client_id: secret },
      { ...asUser, patient: `${secret}/${secret}/1` },
      { ...asUser, fhirUser: secret },
      { extensions: { ihe_iua: { purpose_of_use: [{ code: secret }] } } },
      { extensions: { ihe_iua: { subject_organization_id: secret } } },
    ]
    for (const over of overs) {
      const token = await signer.sign(claims(clock, over))
      const refusal = await refusalOf(gateway().identity.identify(bearer(token)))
      const said = `${refusal.message} ${refusal.diagnostics} ${refusal.detail} ${refusal.cause}`
      expect(said).not.toContain(secret)
      expect(said).not.toContain(token.slice(-10))
      expect(refusal.diagnostics).toMatch(/expected/)
    }
  })
})

describe('the configuration of issuers', () => {
  const bad: readonly [string, ReturnType<typeof issuer>[]][] = [
    ['HS256', [issuer({ algorithms: ['ES256', 'HS256'] })]],
    ['none', [issuer({ algorithms: ['none'] })]],
    ['no algorithm', [issuer({ algorithms: [] })]],
    ['one issuer twice', [issuer(), issuer()]],
    ['no way to keys', [{ issuer: 'urn:sts', algorithms: ['ES256'], maxLifetimeSeconds: 60 }]],
  ]
  it.each(bad)('is refused with %s', (_, issuers) => {
    expect(() => gateway({ issuers })).toThrow(/^issuers\[/)
  })
})

import { beforeAll, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/model/fhir.ts'
import type { ClientRegistration } from '../../src/model/requester.ts'
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
  type Signer,
} from './kit.ts'

let signer: Signer
const clock = createClock()
beforeAll(async () => {
  signer = await createSigner('k1')
})

const coding = (code: string, system: string = SYSTEM.actReason) => ({ system, code })
const iua = (purpose_of_use: unknown) => ({ extensions: { ihe_iua: { purpose_of_use } } })
const b2b = (purpose_of_use: unknown) => ({ extensions: { 'hl7-b2b': { purpose_of_use } } })

async function identify(
  over: Record<string, unknown>,
  registration: Partial<ClientRegistration> = {},
  headers: readonly (readonly [string, string])[] = [],
) {
  const network = createNetwork({ [`${ISSUER}/jwks`]: () => json({ keys: [signer.jwk] }) })
  const options = { issuers: [issuer({ purposeClaim: 'pou' })], clients: [client(registration)] }
  const identity = open(options, network.fetch, clock)
  const token = await signer.sign(claims(clock, over))
  return await identity.identify(bearer(token, ...headers))
}

const effective = async (...given: Parameters<typeof identify>) =>
  (await identify(...given)).purposeOfUse.effective

describe('the purpose of use of a token', () => {
  const good: readonly [string, Record<string, unknown>, string[]][] = [
    ['an array of Codings', iua([coding('TREAT')]), ['TREAT']],
    ['a single Coding', iua(coding('HPAYMT')), ['HPAYMT']],
    ['several Codings', iua([coding('TREAT'), coding('HPAYMT')]), ['TREAT', 'HPAYMT']],
    ['a Coding by OID', iua(coding('TREAT', 'urn:oid:2.16.840.1.113883.5.8')), ['TREAT']],
    ['a Coding by bare OID', iua(coding('TREAT', '2.16.840.1.113883.5.8')), ['TREAT']],
    ['a Coding without system', iua([{ code: 'HOPERAT' }]), ['HOPERAT']],
    ['UDAP strings', b2b(['urn:oid:2.16.840.1.113883.5.8#HPAYMT']), ['HPAYMT']],
    ['a UDAP string', b2b('urn:oid:2.16.840.1.113883.5.8#HPAYMT'), ['HPAYMT']],
    ['a plain claim', { pou: 'HPAYMT' }, ['HPAYMT']],
    ['a plain claim of several', { pou: 'HPAYMT TREAT' }, ['HPAYMT', 'TREAT']],
    ['a plain claim in a list', { pou: ['HPAYMT'] }, ['HPAYMT']],
    ['two places that agree', { ...iua([coding('TREAT'), coding('HPAYMT')]), pou: 'HPAYMT' }, ['HPAYMT']],
    ['none: the registered default', {}, ['TREAT']],
    ['an empty list: the registered default', iua([]), ['TREAT']],
    ['one registered of two', iua([coding('HRESCH'), coding('HPAYMT')]), ['HPAYMT']],
  ]
  it.each(good)('is read from %s', async (_, over, expected) => {
    expect(await effective(over)).toEqual(expected)
  })

  const bad: readonly [string, Record<string, unknown>, string][] = [
    ['unknown', iua([coding('FooBar', 'http://example.org/policies/purposeOfUse')]), 'purpose-not-allowed'],
    ['unknown beside a known one', iua([coding('TREAT'), coding('FooBar')]), 'purpose-not-allowed'],
    ['known only under another system', iua([coding('TREAT', 'urn:other')]), 'purpose-not-allowed'],
    ['in lower case', iua([coding('treat')]), 'purpose-not-allowed'],
    ['not registered', iua([coding('HRESCH')]), 'purpose-not-allowed'],
    ['contradictory', { ...iua([coding('TREAT')]), pou: 'HPAYMT' }, 'purpose-not-allowed'],
    ['a name of the language', { pou: 'constructor' }, 'purpose-not-allowed'],
    ['a number', iua(7), 'token-invalid'],
    ['null', iua(null), 'token-invalid'],
    ['an empty code', iua(['']), 'token-invalid'],
    ['a Coding without code', iua([{ system: SYSTEM.actReason }]), 'token-invalid'],
    ['a list in a list', iua([[coding('TREAT')]]), 'token-invalid'],
  ]
  it.each(bad)('is refused when it is %s', async (_, over, code) => {
    expect(await codeOf(identify(over))).toBe(code)
  })

  it('is missing where the client has no default, and never TREAT by itself', async () => {
    const { defaultPurpose: _, ...without } = client()
    const network = createNetwork({ [`${ISSUER}/jwks`]: () => json({ keys: [signer.jwk] }) })
    const identity = open({ clients: [without] }, network.fetch, clock)
    expect(await codeOf(identity.identify(bearer(await signer.sign(claims(clock)))))).toBe('purpose-missing')
  })

  it('by default must be registered too', async () => {
    expect(await codeOf(identify({}, { purposes: ['HPAYMT'] }))).toBe('purpose-not-allowed')
  })

  it('keeps what was asserted and registered for the record', async () => {
    const { purposeOfUse } = await identify(iua([coding('TREAT'), coding('HRESCH')]))
    expect(purposeOfUse.asserted).toEqual(['TREAT', 'HRESCH'])
    expect(purposeOfUse.registered).toEqual(['TREAT', 'HPAYMT', 'HOPERAT'])
  })
})

describe('break the glass', () => {
  const both = { ...iua([coding('TREAT'), coding('BTG')]), ...asUser }
  const open = { purposes: ['TREAT', 'BTG'], breakGlass: true }

  it('stays where it is allowed, registered and a user is named', async () => {
    expect(await effective(both, open)).toEqual(['TREAT', 'BTG'])
  })
  it('falls away where the client may not, has not registered it or names no user', async () => {
    expect(await effective(both, { ...open, breakGlass: false })).toEqual(['TREAT'])
    expect(await effective(both, { ...open, purposes: ['TREAT'] })).toEqual(['TREAT'])
    expect(await effective(iua([coding('TREAT'), coding('BTG')]), open)).toEqual(['TREAT'])
  })
  it('alone is refused there', async () => {
    const alone = { ...iua([coding('BTG')]), ...asUser }
    expect(await effective(alone, open)).toEqual(['BTG'])
    expect(await codeOf(identify(alone, { ...open, breakGlass: false }))).toBe('purpose-not-allowed')
    expect(await codeOf(identify(alone, { breakGlass: true }))).toBe('purpose-not-allowed')
  })
})

describe('the header X-Purpose-Of-Use', () => {
  const two = iua([coding('TREAT'), coding('HPAYMT')])
  const header = (value: string) => [['X-Purpose-Of-Use', value]] as const
  const may = { purposeHeader: true }

  it('narrows where the registration allows it', async () => {
    expect(await effective(two, may, header('HPAYMT'))).toEqual(['HPAYMT'])
    expect(await effective(two, may, header(`${SYSTEM.actReason}|TREAT`))).toEqual(['TREAT'])
    expect(await effective(two, may, header('HPAYMT, TREAT, HOPERAT'))).toEqual(['TREAT', 'HPAYMT'])
    expect(await effective(two, may)).toEqual(['TREAT', 'HPAYMT'])
  })
  it('never widens', async () => {
    expect(await codeOf(identify(two, may, header('HOPERAT')))).toBe('purpose-not-allowed')
    expect(await codeOf(identify({}, may, header('HPAYMT')))).toBe('purpose-not-allowed')
  })
  it('is ignored elsewhere', async () => {
    expect(await effective(two, {}, header('HPAYMT'))).toEqual(['TREAT', 'HPAYMT'])
    expect(await effective(two, {}, header('nonsense'))).toEqual(['TREAT', 'HPAYMT'])
  })
  const bad = [
    ['unknown', header('FooBar')],
    ['empty', header('')],
    ['named twice', header('TREAT,TREAT')],
    ['sent twice', [...header('TREAT'), ...header('TREAT')]],
  ] as const
  it.each(bad)('is refused when it is %s', async (_, headers) => {
    expect(await codeOf(identify(two, may, headers))).toBe('bad-header')
  })
  it('of one request does not stay for the next', async () => {
    const network = createNetwork({ [`${ISSUER}/jwks`]: () => json({ keys: [signer.jwk] }) })
    const identity = openWith(network.fetch)
    const token = await signer.sign(claims(clock, two))
    const narrowed = await identity.identify(bearer(token, ['x-purpose-of-use', 'HPAYMT']))
    expect(narrowed.purposeOfUse.effective).toEqual(['HPAYMT'])
    expect((await identity.identify(bearer(token))).purposeOfUse.effective).toEqual(['TREAT', 'HPAYMT'])
  })
  const openWith = (fetch: Parameters<typeof open>[1]) => open({ clients: [client(may)] }, fetch, clock)
})

import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { FetchInit } from '../../src/identity/remote.ts'
import {
  BASE,
  bearer,
  client,
  codeOf,
  createClock,
  createNetwork,
  ISSUER,
  issuer,
  json,
  open,
} from './kit.ts'

const URL_A = `${ISSUER}/introspect`
const URL_B = 'https://b.example/introspect'
const TOKEN = 'opaque-token-of-some-length-0123456789-0123456789-0123456789'

const introspecting = (url: string, name = ISSUER) =>
  issuer({ issuer: name, introspection: { url, clientId: 'gate way', secretFile: '/run/secret' } })

const clock = createClock()
const active = (over: Record<string, unknown> = {}) => ({
  active: true,
  client_id: 'hospital',
  sub: 'hospital',
  scope: 'system/*.rs',
  exp: clock.seconds() + 300,
  ...over,
})

function gateway(answer: (init: FetchInit) => Response | Promise<Response>, over = {}, at = clock) {
  const network = createNetwork({ [URL_A]: answer })
  return { network, identity: open({ issuers: [introspecting(URL_A)], ...over }, network.fetch, at) }
}

describe('an opaque token', () => {
  it('is asked about at its issuer, with the credential of the gateway', async () => {
    let seen: FetchInit | undefined
    const { identity } = gateway(init => {
      seen = init
      return json(active())
    })
    const { requester } = await identity.identify(bearer(TOKEN))
    expect(requester.token?.opaqueTail).toBe(TOKEN.slice(-30))
    expect(requester.token?.issuer).toBe(ISSUER)
    expect(seen?.method).toBe('POST')
    expect(seen?.redirect).toBe('manual')
    expect(new URLSearchParams(seen?.body).get('token')).toBe(TOKEN)
    const expected = Buffer.from('gate+way:s3cret').toString('base64')
    expect(seen?.headers['authorization']).toBe(`Basic ${expected}`)
  })

  const good: readonly [string, Record<string, unknown>][] = [
    ['with the audience of the gateway', { aud: [BASE] }],
    ['with the name of the issuer', { iss: ISSUER }],
    ['of type bearer', { token_type: 'bearer' }],
    ['of a user in a launch', { sub: 'u1', scope: 'patient/*.rs', patient: '1', fhirUser: 'Patient/1' }],
    ['of a user who is not named', { sub: undefined, scope: 'patient/*.rs', patient: '1' }],
  ]
  it.each(good)('%s is accepted', async (_, over) => {
    const { identity } = gateway(() => json(active(over)))
    expect((await identity.identify(bearer(TOKEN))).requester.client).toBe('hospital')
  })

  const bad: readonly [string, Record<string, unknown>][] = [
    ['that is inactive', { active: false }],
    ['that is active as text', { active: 'true' }],
    ['for another audience', { aud: 'https://other.example' }],
    ['of another issuer', { iss: 'https://other.example' }],
    ['without exp', { exp: undefined }],
    ['that lives too long', { exp: clock.seconds() + 7200 }],
    ['without client', { client_id: undefined }],
    ['bound to a key', { cnf: { jkt: 'x' } }],
    ['of type DPoP', { token_type: 'DPoP' }],
    ['not yet valid', { nbf: clock.seconds() + 600 }],
  ]
  it.each(bad)('%s is refused', async (_, over) => {
    const { identity } = gateway(() => json(active(over)))
    expect(await codeOf(identity.identify(bearer(TOKEN)))).toBe('token-invalid')
  })

  it('that expired is said to be expired', async () => {
    const { identity } = gateway(() => json(active({ exp: clock.seconds() - 61 })))
    expect(await codeOf(identity.identify(bearer(TOKEN)))).toBe('token-expired')
  })

  it('without any issuer that introspects is refused', async () => {
    const { identity } = gateway(() => json(active()), { issuers: [issuer()] })
    expect(await codeOf(identity.identify(bearer(TOKEN)))).toBe('token-invalid')
  })

  it('is asked about again after a minute, so that a revocation is seen', async () => {
    const at = createClock()
    const { identity, network } = gateway(() => json(active()), {}, at)
    await Promise.all([1, 2, 3].map(() => identity.identify(bearer(TOKEN))))
    at.advance(59_000)
    await identity.identify(bearer(TOKEN))
    expect(network.calls).toHaveLength(1)
    network.routes[URL_A] = () => json({ active: false })
    at.advance(1_000)
    expect(await codeOf(identity.identify(bearer(TOKEN)))).toBe('token-invalid')
    expect(await codeOf(identity.identify(bearer(TOKEN)))).toBe('token-invalid')
    expect(network.calls).toHaveLength(2)
    network.routes[URL_A] = () => json(active())
    at.advance(10_000)
    expect((await identity.identify(bearer(TOKEN))).requester.client).toBe('hospital')
  })

  const outages: readonly [string, () => Response | Promise<Response>][] = [
    ['refuses the connection', () => Promise.reject(new TypeError('fetch failed'))],
    ['answers 401', () => json({ active: true }, 401)],
    ['answers HTML', () => new Response('<html>')],
    ['redirects', () => new Response(null, { status: 307, headers: { location: URL_B } })],
  ]
  it.each(outages)('of an issuer that %s is a 503, never anonymous', async (_, answer) => {
    const { identity, network } = gateway(answer)
    expect(await codeOf(identity.identify(bearer(TOKEN)))).toBe('identity-unavailable')
    expect(await codeOf(identity.identify(bearer(TOKEN)))).toBe('identity-unavailable')
    expect(network.calls).toHaveLength(1)
  })

  it('is asked about at each issuer in order until one knows it', async () => {
    const network = createNetwork({
      [URL_A]: () => json({ active: false }),
      [URL_B]: () => json(active()),
    })
    const issuers = [introspecting(URL_A), introspecting(URL_B, 'https://b.example')]
    const clients = [client({ issuer: 'https://b.example' })]
    const identity = open({ issuers, clients }, network.fetch, clock)
    const { requester } = await identity.identify(bearer(TOKEN))
    expect(requester.token?.issuer).toBe('https://b.example')
    expect(network.calls).toEqual([URL_A, URL_B])
    network.routes[URL_A] = () => json(active())
    const other = open({ issuers, clients }, network.fetch, clock)
    expect(await codeOf(other.identify(bearer(TOKEN)))).toBe('client-unknown')
  })

  it('that no issuer knows while one is out of reach is a 503', async () => {
    const network = createNetwork({ [URL_B]: () => json({ active: false }) })
    const issuers = [introspecting(URL_A), introspecting(URL_B, 'https://b.example')]
    const identity = open({ issuers }, network.fetch, clock)
    expect(await codeOf(identity.identify(bearer(TOKEN)))).toBe('identity-unavailable')
  })

  it('that is short is never kept whole', async () => {
    const { identity } = gateway(() => json(active()))
    expect((await identity.identify(bearer('abcdefgh'))).requester.token?.opaqueTail).toBe('efgh')
  })
})

describe('a token signed with a shared secret', () => {
  const encode = (part: unknown): string => Buffer.from(JSON.stringify(part)).toString('base64url')
  const input = `${encode({ alg: 'HS256', typ: 'IUA-JWT' })}.${encode({ iss: ISSUER })}`
  const token = `${input}.${createHmac('sha256', 'x').update(input).digest('base64url')}`

  it('is judged by its issuer', async () => {
    const { identity } = gateway(() => json(active()))
    expect((await identity.identify(bearer(token))).requester.client).toBe('hospital')
  })

  it('is refused where its issuer does not introspect', async () => {
    const { identity, network } = gateway(() => json(active()), { issuers: [issuer()] })
    expect(await codeOf(identity.identify(bearer(token)))).toBe('token-invalid')
    expect(network.calls).toEqual([])
  })
})

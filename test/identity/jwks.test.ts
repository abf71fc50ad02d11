import { beforeAll, describe, expect, it } from 'vitest'
import type { Fetch } from '../../src/identity/remote.ts'
import {
  bearer,
  type Clock,
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

const KEYS = `${ISSUER}/jwks`
const MINUTE = 60_000

let one: Signer
let two: Signer
beforeAll(async () => {
  one = await createSigner('k1')
  two = await createSigner('k2')
})

const refused = (): never => {
  throw new TypeError('fetch failed')
}

function gateway(clock: Clock, route: () => Response | Promise<Response>, timeoutMs?: number) {
  const network = createNetwork({ [KEYS]: route })
  return { network, identity: open({}, network.fetch, clock, timeoutMs === undefined ? {} : { timeoutMs }) }
}

let serial = 0
/** A token never seen before, so that keys are needed. */
async function fresh(signer: Signer, clock: Clock, header = {}) {
  serial += 1
  return bearer(await signer.sign(claims(clock, { jti: `t${serial}` }), header))
}
const settle = () => new Promise(resolve => setTimeout(resolve, 5))

describe('the keys of an issuer', () => {
  it('are fetched once for many tokens', async () => {
    const clock = createClock()
    const { identity, network } = gateway(clock, () => json({ keys: [one.jwk] }))
    const tokens = await Promise.all(Array.from({ length: 5 }, () => fresh(one, clock)))
    await Promise.all(tokens.map(token => identity.identify(token)))
    expect(network.calls).toEqual([KEYS])
  })

  it('are refreshed in the background at half their age', async () => {
    const clock = createClock()
    const { identity, network } = gateway(clock, () => json({ keys: [one.jwk] }))
    await identity.identify(await fresh(one, clock))
    clock.advance(4 * MINUTE)
    await identity.identify(await fresh(one, clock))
    expect(network.calls).toHaveLength(1)
    let release: (response: Response) => void = () => {}
    network.routes[KEYS] = () => new Promise(resolve => (release = resolve))
    clock.advance(MINUTE)
    await identity.identify(await fresh(one, clock))
    expect(network.calls).toHaveLength(2)
    release(json({ keys: [one.jwk, two.jwk] }))
    await settle()
    await identity.identify(await fresh(two, clock))
    expect(network.calls).toHaveLength(2)
  })

  it('serve for an hour while the issuer is out of reach, and no longer', async () => {
    const clock = createClock()
    const { identity, network } = gateway(clock, () => json({ keys: [one.jwk] }))
    await identity.identify(await fresh(one, clock))
    network.routes[KEYS] = refused
    clock.advance(59 * MINUTE)
    expect((await identity.identify(await fresh(one, clock))).requester.client).toBe('hospital')
    clock.advance(2 * MINUTE)
    const refusal = await refusalOf(identity.identify(await fresh(one, clock)))
    expect(refusal.code).toBe('identity-unavailable')
    expect(refusal.retryAfterSeconds).toBeGreaterThan(0)
    network.routes[KEYS] = () => json({ keys: [one.jwk] })
    clock.advance(MINUTE)
    expect((await identity.identify(await fresh(one, clock))).requester.client).toBe('hospital')
  })

  it('that were withdrawn stop serving once they are past their age', async () => {
    const clock = createClock()
    const { identity, network } = gateway(clock, () => json({ keys: [one.jwk] }))
    await identity.identify(await fresh(one, clock))
    network.routes[KEYS] = () => json({ keys: [two.jwk] })
    clock.advance(11 * MINUTE)
    expect(await codeOf(identity.identify(await fresh(one, clock)))).toBe('token-invalid')
    expect((await identity.identify(await fresh(two, clock))).requester.client).toBe('hospital')
  })

  it('that were withdrawn end a token known already within ten minutes of their end', async () => {
    const clock = createClock()
    const { identity, network } = gateway(clock, () => json({ keys: [one.jwk] }))
    const token = bearer(await one.sign(claims(clock, { exp: clock.seconds() + 3600 })))
    await identity.identify(token)
    network.routes[KEYS] = () => json({ keys: [two.jwk] })
    clock.advance(11 * MINUTE)
    expect(await codeOf(identity.identify(token))).toBe('token-invalid')
  })

  it('are fetched again when a new key id comes', async () => {
    const clock = createClock()
    const { identity, network } = gateway(clock, () => json({ keys: [one.jwk] }))
    await identity.identify(await fresh(one, clock))
    network.routes[KEYS] = () => json({ keys: [one.jwk, two.jwk] })
    clock.advance(1_000)
    expect((await identity.identify(await fresh(two, clock))).requester.client).toBe('hospital')
    expect(network.calls).toHaveLength(2)
  })

  it('are not fetched for each key id that somebody invents', async () => {
    const clock = createClock()
    const { identity, network } = gateway(clock, () => json({ keys: [one.jwk] }))
    await identity.identify(await fresh(one, clock))
    clock.advance(20_000)
    for (let i = 0; i < 50; i += 1) {
      const token = await fresh(two, clock, { kid: `invented-${i}` })
      expect(await codeOf(identity.identify(token))).toBe('token-invalid')
    }
    expect(network.calls).toHaveLength(2)
    clock.advance(15_000)
    expect(await codeOf(identity.identify(await fresh(two, clock, { kid: 'invented-0' })))).toBe(
      'token-invalid',
    )
    expect(network.calls).toHaveLength(2)
  })

  it('out of reach from the start are a 503, and the issuer is left alone for a while', async () => {
    const clock = createClock()
    const { identity, network } = gateway(clock, refused)
    for (let i = 0; i < 20; i += 1) {
      expect(await codeOf(identity.identify(await fresh(one, clock)))).toBe('identity-unavailable')
    }
    expect(network.calls).toHaveLength(1)
    clock.advance(1_000)
    await codeOf(identity.identify(await fresh(one, clock)))
    clock.advance(1_500)
    await codeOf(identity.identify(await fresh(one, clock)))
    expect(network.calls).toHaveLength(2)
    network.routes[KEYS] = () => json({ keys: [one.jwk] })
    clock.advance(1_000)
    expect((await identity.identify(await fresh(one, clock))).requester.client).toBe('hospital')
  })

  it('out of reach make an unknown key id a 503, not a refusal of the token', async () => {
    const clock = createClock()
    const { identity, network } = gateway(clock, () => json({ keys: [one.jwk] }))
    await identity.identify(await fresh(one, clock))
    network.routes[KEYS] = refused
    clock.advance(60_000)
    expect(await codeOf(identity.identify(await fresh(two, clock)))).toBe('identity-unavailable')
    expect((await identity.identify(await fresh(one, clock))).requester.client).toBe('hospital')
  })

  const broken: readonly [string, () => Response | Promise<Response>][] = [
    ['a redirect', () => new Response(null, { status: 302, headers: { location: 'https://evil.example' } })],
    ['an error', () => json({ keys: [one.jwk] }, 500)],
    ['HTML', () => new Response('<html>')],
    ['truncated JSON', () => new Response('{"keys":[')],
    ['a list', () => json([one.jwk])],
    ['no keys', () => json({})],
    ['a huge body', () => new Response(`{"keys":[],"x":"${'x'.repeat(600_000)}"}`)],
    ['a body that is no text', () => new Response(new Uint8Array([0x7b, 0xff, 0x7d]))],
    ['silence', () => new Promise<Response>(() => {})],
  ]
  it.each(broken)('answered with %s are out of reach', async (_, route) => {
    const clock = createClock()
    const { identity } = gateway(clock, route, 50)
    expect(await codeOf(identity.identify(await fresh(one, clock)))).toBe('identity-unavailable')
  })

  it('are public ones: a shared secret or a private key in the set proves nothing', async () => {
    const clock = createClock()
    const secret = { kty: 'oct', kid: 'k1', k: 'c2VjcmV0' }
    const { identity } = gateway(clock, () => json({ keys: [secret, { ...two.jwk, d: 'AAAA' }] }))
    expect(await codeOf(identity.identify(await fresh(one, clock)))).toBe('token-invalid')
    expect(await codeOf(identity.identify(await fresh(two, clock)))).toBe('token-invalid')
  })
})

describe('the metadata of an issuer', () => {
  const metadata = { issuer: ISSUER, jwks_uri: `${ISSUER}/keys` }
  const { jwksUri: _, ...discovering } = issuer()
  const smart = `${ISSUER}/tenant/.well-known/smart-configuration`

  async function attempt(routes: Record<string, () => Response>, name = ISSUER) {
    const clock = createClock()
    const network = createNetwork({ [`${ISSUER}/keys`]: () => json({ keys: [one.jwk] }), ...routes })
    const identity = open({ issuers: [{ ...discovering, issuer: name }] }, network.fetch, clock)
    return await identity.identify(bearer(await one.sign(claims(clock, { iss: name }))))
  }

  it('gives the address of the keys by OpenID Connect Discovery', async () => {
    const routes = { [`${ISSUER}/.well-known/openid-configuration`]: () => json(metadata) }
    expect((await attempt(routes)).requester.client).toBe('hospital')
  })

  it('gives it by RFC 8414, with the well-known part before the path', async () => {
    const name = `${ISSUER}/tenant`
    const url = `${ISSUER}/.well-known/oauth-authorization-server/tenant`
    const found = attempt({ [url]: () => json({ ...metadata, issuer: name }) }, name)
    // The client is registered for another issuer: verified, and then unknown.
    expect(await codeOf(found)).toBe('client-unknown')
  })

  it('gives it by SMART configuration, which may leave the issuer out', async () => {
    const found = attempt({ [smart]: () => json({ jwks_uri: `${ISSUER}/keys` }) }, `${ISSUER}/tenant`)
    expect(await codeOf(found)).toBe('client-unknown')
  })

  const bad: readonly [string, unknown][] = [
    ['another issuer', { ...metadata, issuer: 'https://evil.example' }],
    ['no issuer', { jwks_uri: metadata.jwks_uri }],
    ['no keys', { issuer: ISSUER }],
    ['an unencrypted address', { ...metadata, jwks_uri: 'http://as.example/keys' }],
    ['a file', { ...metadata, jwks_uri: 'file:///etc/passwd' }],
  ]
  it.each(bad)('that names %s is not believed', async (_, document) => {
    const routes = { [`${ISSUER}/.well-known/openid-configuration`]: () => json(document) }
    expect(await codeOf(attempt(routes))).toBe('identity-unavailable')
  })
})

describe('the network of the gateway', () => {
  it('may be the global fetch or that of undici', async () => {
    const { fetch: undiciFetch } = await import('undici')
    const fits: readonly Fetch[] = [globalThis.fetch, undiciFetch]
    expect(fits).toHaveLength(2)
  })

  it('is let go when the room closes', async () => {
    const clock = createClock()
    const { identity } = gateway(clock, () => new Promise<Response>(() => {}))
    const waiting = codeOf(identity.identify(await fresh(one, clock)))
    await settle()
    identity.close()
    expect(await waiting).toBe('identity-unavailable')
  })
})

import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DemoIssuer, startDemoIssuer } from '../../src/demo/issuer.ts'

const audience = 'http://localhost:8080/fhir'
const clients = [
  { clientId: 'hospital', name: 'A hospital', purposes: ['TREAT', 'ETREAT'], defaultPurpose: 'TREAT' },
  { clientId: 'app', name: 'An app', purposes: ['PATRQT'] },
]
let issuer: DemoIssuer
beforeAll(async () => {
  issuer = await startDemoIssuer({ demo: true, clients, audience })
})
afterAll(() => issuer.close())

const verify = async (token: string) => {
  const keys = createRemoteJWKSet(new URL(issuer.jwksUri))
  return (await jwtVerify(token, keys, { issuer: issuer.issuer, audience, algorithms: ['ES384'] })).payload
}
const post = async (url: string, form: Record<string, string>) => {
  const response = await fetch(url, { method: 'POST', body: new URLSearchParams(form) })
  return { status: response.status, json: (await response.json()) as Record<string, unknown> }
}

describe('the demo issuer', () => {
  it('signs tokens that its published keys verify, with the purpose of use where IUA puts it', async () => {
    const payload = await verify(await issuer.issueToken({ client: 'hospital', user: 'Practitioner/x' }))
    expect(payload).toMatchObject({
      client_id: 'hospital',
      sub: 'Practitioner/x',
      fhirUser: 'Practitioner/x',
      scope: 'user/*.rs',
      extensions: { ihe_iua: { purpose_of_use: [{ code: 'TREAT' }] } },
    })
    expect(payload.exp).toBe(Number(payload.iat) + 300)
    expect(payload.jti).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('signs with RS256 where asked', async () => {
    const other = await startDemoIssuer({ demo: true, clients, audience, algorithm: 'RS256' })
    expect(decodeProtectedHeader(await other.issueToken({ client: 'app' })).alg).toBe('RS256')
    await other.close()
  })

  it('puts the launch patient into the token and narrows the scope to that context', async () => {
    const payload = await verify(await issuer.issueToken({ client: 'app', user: 'Patient/p', patient: 'p' }))
    expect(payload).toMatchObject({ patient: 'p', scope: 'patient/*.rs' })
  })

  it('makes expired tokens when a test asks for one', async () => {
    const token = await issuer.issueToken({ client: 'app', lifetimeSeconds: -600 })
    await expect(verify(token)).rejects.toThrow(/exp/)
  })

  it('gives a token for client credentials, and none for a wrong secret or an unknown client', async () => {
    const form = {
      grant_type: 'client_credentials',
      client_id: 'hospital',
      client_secret: 'demo',
      purpose: 'ETREAT',
    }
    const granted = await post(issuer.tokenUrl, form)
    const payload = await verify(String(granted.json['access_token']))
    expect(payload['extensions']).toMatchObject({ ihe_iua: { purpose_of_use: [{ code: 'ETREAT' }] } })
    expect((await post(issuer.tokenUrl, { ...form, client_secret: 'x' })).status).toBe(401)
    expect((await post(issuer.tokenUrl, { ...form, client_id: 'nobody' })).status).toBe(401)
    await expect(issuer.issueToken({ client: 'nobody' })).rejects.toThrow('client of the registry')
  })

  it('answers introspection of opaque and signed tokens, and of neither when they are unknown or expired', async () => {
    const ask = async (token: string) =>
      (await post(issuer.introspectionUrl, { token, client_id: 'app', client_secret: 'demo' })).json
    expect(await ask(await issuer.issueToken({ client: 'hospital', opaque: true }))).toMatchObject({
      active: true,
      client_id: 'hospital',
    })
    expect(await ask(await issuer.issueToken({ client: 'hospital' }))).toMatchObject({ active: true })
    expect(await ask('unknown')).toEqual({ active: false })
    expect(
      await ask(await issuer.issueToken({ client: 'app', opaque: true, lifetimeSeconds: -600 })),
    ).toEqual({
      active: false,
    })
    expect((await post(issuer.introspectionUrl, { token: 'x' })).status).toBe(401)
  })

  it('publishes its metadata under its own name', async () => {
    for (const name of ['openid-configuration', 'smart-configuration', 'oauth-authorization-server']) {
      const response = await fetch(`${issuer.issuer}/.well-known/${name}`)
      expect(await response.json()).toMatchObject({ issuer: issuer.issuer, jwks_uri: issuer.jwksUri })
    }
  })

  it('does not start unless it is told that this is a demo, nor outside loopback', async () => {
    const options = { demo: false, clients, audience } as unknown as Parameters<typeof startDemoIssuer>[0]
    await expect(startDemoIssuer(options)).rejects.toThrow('beside a real configuration')
    await expect(startDemoIssuer({ demo: true, clients, audience, host: '0.0.0.0' })).rejects.toThrow(
      'loopback',
    )
  })
})

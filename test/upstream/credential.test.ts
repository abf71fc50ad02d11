import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { createLocalJWKSet, exportJWK, jwtVerify } from 'jose'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { UpstreamCredential } from '../../src/model/configuration.ts'
import { createUpstream } from '../../src/upstream/upstream.ts'
import { type Fake, fake, LIMITS, refusalOf, send } from './fake.ts'

const PATIENT = { resourceType: 'Patient', id: 'p1' }

/** A token endpoint that counts its answers. */
interface TokenServer {
  readonly url: string
  readonly seen: { readonly authorization: string | undefined; readonly form: URLSearchParams }[]
  answer: (nth: number) => readonly [status: number, body: string]
  readonly close: () => void
}

async function tokenServer(): Promise<TokenServer> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const { authorization } = request.headers
    made.seen.push({ authorization, form: new URLSearchParams(Buffer.concat(chunks).toString()) })
    const [status, body] = made.answer(made.seen.length)
    response
      .writeHead(status, { 'content-type': 'application/json', location: 'http://127.0.0.1:1/' })
      .end(body)
  })
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const made: TokenServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    seen: [],
    answer: nth => [
      200,
      JSON.stringify({ access_token: `token-${nth}`, token_type: 'Bearer', expires_in: 300 }),
    ],
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
  return made
}

let tokens: TokenServer
let server: Fake | undefined
beforeEach(async () => {
  tokens = await tokenServer()
})
afterEach(async () => {
  await server?.close()
  server = undefined
  tokens.close()
})

async function withCredential(credential: UpstreamCredential, files: Record<string, string>) {
  const readFile = (path: string) => {
    const text = files[path]
    if (text === undefined) throw new Error(`ENOENT ${path}`)
    return text
  }
  server = await fake((_, response) => send(response, PATIENT), { credential, readFile })
  return server
}
const authorizations = () => server?.requests.map((request: IncomingMessage) => request.headers.authorization)
const secret = (): UpstreamCredential => ({
  kind: 'client-credentials',
  tokenUrl: tokens.url,
  clientId: 'gate way',
  secretFile: 's',
  scope: 'system/*.rs',
})

describe('a static header', () => {
  it('is sent with every request and read again after a 401', async () => {
    const files = { h: 'Bearer one\n' }
    const { upstream } = await withCredential(
      { kind: 'static-header', name: 'Authorization', file: 'h' },
      files,
    )
    await upstream.read('Patient', 'p1')
    files.h = 'Bearer two'
    await upstream.read('Patient', 'p1')
    server!.handle = (_, response) => send(response, '', 401)
    expect(await refusalOf(upstream.read('Patient', 'p1'))).toBe(
      'upstream-unavailable: upstream answered 401',
    )
    server!.handle = (_, response) => send(response, PATIENT)
    await upstream.read('Patient', 'p1')
    expect(authorizations()).toEqual(['Bearer one', 'Bearer one', 'Bearer one', 'Bearer two'])
  })

  it.each([
    [{ kind: 'static-header', name: 'x', file: 'none' }, 'upstream.credential.file: the file cannot be read'],
    [{ kind: 'static-header', name: 'a b', file: 'h' }, 'upstream.credential.name: expected a header name'],
    [
      { kind: 'static-header', name: 'x', file: 'lines' },
      'upstream.credential.file: expected one line of visible ASCII',
    ],
    [
      { kind: 'client-credentials', tokenUrl: 'http://x', clientId: 'c' },
      'upstream.credential: expected secretFile or privateKeyFile',
    ],
    [
      { kind: 'client-credentials', tokenUrl: 'http://x', clientId: 'c', privateKeyFile: 'h' },
      'upstream.credential.privateKeyFile: expected a private key, RSA or EC, as PKCS#8 PEM or JWK',
    ],
    [{ kind: 'mtls', certFile: 'h', keyFile: 'h' }, 'upstream.url: expected https with mtls credentials'],
  ] as [UpstreamCredential, string][])('that cannot be used stops the start: %j', (credential, message) => {
    const files: Record<string, string> = { h: 'secret', lines: 'a\nb' }
    const readFile = (path: string) => files[path] ?? raise()
    const make = () =>
      createUpstream({ url: 'http://127.0.0.1:1/fhir', credential }, LIMITS, { now: Date.now, readFile })
    expect(make).toThrow(message)
  })

  it.each(['ftp://x/fhir', 'x', 'http://u:p@x/fhir', 'http://x/fhir?a=b'])(
    'the URL %s stops the start',
    url => {
      const make = () =>
        createUpstream({ url, credential: { kind: 'none' } }, LIMITS, { now: Date.now, readFile: raise })
      expect(make).toThrow(/^upstream\.url: expected/)
    },
  )
})

function raise(): never {
  throw new Error('ENOENT')
}

describe('client credentials', () => {
  it('fetch one token for all, with the secret in the Authorization header, and use it until shortly before it ends', async () => {
    const { upstream, clock } = await withCredential(secret(), { s: 'p:ä\n' })
    await Promise.all([1, 2, 3].map(() => upstream.read('Patient', 'p1')))
    expect(tokens.seen).toHaveLength(1)
    const [name, password] = Buffer.from(tokens.seen[0]?.authorization?.slice(6) ?? '', 'base64')
      .toString()
      .split(':')
    expect([name, password].map(part => decodeURIComponent(part ?? ''))).toEqual(['gate way', 'p:ä'])
    expect(Object.fromEntries(tokens.seen[0]?.form ?? [])).toEqual({
      grant_type: 'client_credentials',
      scope: 'system/*.rs',
    })
    clock.now += 269_999
    await upstream.read('Patient', 'p1')
    expect(tokens.seen).toHaveLength(1)
    clock.now += 1
    await upstream.read('Patient', 'p1')
    expect(authorizations()).toEqual([...Array(4).fill('Bearer token-1'), 'Bearer token-2'])
  })

  it('drop a token the upstream no longer takes', async () => {
    const { upstream } = await withCredential(secret(), { s: 'x' })
    server!.handle = (_, response) => send(response, '', 401)
    await refusalOf(upstream.read('Patient', 'p1'))
    server!.handle = (_, response) => send(response, PATIENT)
    await upstream.read('Patient', 'p1')
    expect(authorizations()).toEqual(['Bearer token-1', 'Bearer token-2'])
  })

  it.each([
    [400, '{"error":"invalid_client","secret":"x"}', 'token endpoint answered 400'],
    [302, '', 'token endpoint answered 302'],
    [200, 'not json token', 'token endpoint answered no JSON object'],
    [200, '{"access_token":"a b","token_type":"Bearer"}', 'token endpoint gave no bearer token'],
    [200, '{"access_token":"ab","token_type":"mac"}', 'token endpoint gave no bearer token'],
    [
      200,
      `{"access_token":"${'a'.repeat(70_000)}","token_type":"Bearer"}`,
      'token endpoint answered too much',
    ],
  ])('that get %d %s make the upstream unavailable, until a token comes', async (status, body, detail) => {
    const { upstream } = await withCredential(secret(), { s: 'x' })
    const good = tokens.answer
    tokens.answer = () => [status, body]
    expect(await refusalOf(upstream.read('Patient', 'p1'))).toBe(`upstream-unavailable: ${detail}`)
    expect(server?.requests).toHaveLength(0)
    tokens.answer = good
    expect(await upstream.read('Patient', 'p1')).not.toBe('absent')
  })

  it.each([
    ['rsa as PEM', 'RS384', 'pem'],
    ['ec as PEM', 'ES384', 'pem'],
    ['ec as JWK', 'ES384', 'jwk'],
  ])('may be a signed assertion: %s', async (_, alg, form) => {
    const { privateKey, publicKey } =
      alg === 'RS384'
        ? generateKeyPairSync('rsa', { modulusLength: 2048 })
        : generateKeyPairSync('ec', { namedCurve: 'P-384' })
    const text =
      form === 'pem'
        ? String(privateKey.export({ type: 'pkcs8', format: 'pem' }))
        : JSON.stringify({ ...(await exportJWK(privateKey)), kid: 'k1' })
    const { upstream, clock } = await withCredential(
      {
        kind: 'client-credentials',
        tokenUrl: tokens.url,
        clientId: 'gw',
        privateKeyFile: 'k',
        ...(form === 'pem' ? { keyId: 'k1' } : {}),
      },
      { k: text },
    )
    await upstream.read('Patient', 'p1')
    const { form: sent, authorization } = tokens.seen[0]!
    expect(authorization).toBeUndefined()
    expect(sent.get('client_assertion_type')).toBe('urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
    const keys = createLocalJWKSet({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg }] })
    const { payload, protectedHeader } = await jwtVerify(sent.get('client_assertion') ?? '', keys, {
      algorithms: [alg],
      issuer: 'gw',
      subject: 'gw',
      audience: tokens.url,
      currentDate: new Date(clock.now),
      requiredClaims: ['jti', 'exp'],
    })
    expect(protectedHeader.kid).toBe('k1')
    expect((payload.exp ?? 0) - clock.now / 1000).toBeLessThanOrEqual(300)
  })
})

describe('mutual TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'upstream-tls-'))
  const file = (name: string) => join(folder, name)
  const made = selfSigned(file)
  if (!made) console.log('skipped: no openssl to make certificates')

  it.skipIf(!made)(
    'shows the client certificate to a server whose authority is configured, and to no other',
    async () => {
      const certificates: (string | undefined)[] = []
      const options = {
        cert: readFileSync(file('cert')),
        key: readFileSync(file('key')),
        ca: readFileSync(file('cert')),
      }
      const tls = createTlsServer({ ...options, requestCert: true }, (request, response) => {
        const { subject } = (request.socket as TLSSocket).getPeerCertificate()
        certificates.push(subject?.CN === undefined ? undefined : String(subject.CN))
        send(response, PATIENT)
      })
      await new Promise<void>(resolve => {
        tls.listen(0, 'localhost', resolve)
      })
      const url = `https://localhost:${(tls.address() as AddressInfo).port}/fhir`
      const deps = { now: Date.now, readFile: (path: string) => readFileSync(path, 'utf8') }
      const credential = { kind: 'mtls', certFile: file('cert'), keyFile: file('key') } as const
      const trusting = createUpstream({ url, credential, caFile: file('cert') }, LIMITS, deps)
      const doubting = createUpstream({ url, credential }, LIMITS, deps)
      expect(await trusting.read('Patient', 'p1')).not.toBe('absent')
      expect(certificates).toEqual(['localhost'])
      expect(await refusalOf(doubting.read('Patient', 'p1'))).toMatch(
        /^upstream-unavailable: connection failed/,
      )
      expect(certificates).toHaveLength(1)
      await Promise.all([trusting.close(), doubting.close()])
      tls.closeAllConnections()
      tls.close()
    },
  )
})

function selfSigned(file: (name: string) => string): boolean {
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', file('key')]
  try {
    execFileSync('openssl', ['req', '-x509', ...key, '-out', file('cert'), '-days', '2', ...subject], {
      stdio: 'ignore',
    })
    return true
  } catch {
    return false
  }
}

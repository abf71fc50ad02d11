import { createPrivateKey, type JsonWebKey, type KeyObject, randomUUID } from 'node:crypto'
import { SignJWT } from 'jose'
import { type Dispatcher, request } from 'undici'
import type { UpstreamCredential } from '../model/configuration.ts'
import { Refusal } from '../model/refusal.ts'
import { unavailable } from './refusals.ts'

/** The gateway's own right at the upstream, as request headers (flat name, value list). */
export interface Credential {
  readonly headers: () => readonly string[] | Promise<readonly string[]>
  /** The upstream said 401: what is cached is not used again. */
  readonly rejected: () => void
}

export interface CredentialDependencies {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly readFile: (path: string) => string
  /** Carries the calls to the token endpoint. */
  readonly dispatcher: Dispatcher
  readonly timeoutMs: number
}

type ClientCredentials = Extract<UpstreamCredential, { kind: 'client-credentials' }>

const NO_HEADERS: Credential = { headers: () => [], rejected: () => {} }
/** A token is replaced this long before it ends, so that none ends on its way. */
const EARLY_MS = 30_000
/** Lifetime where the token endpoint names none (`expires_in` is optional, RFC 6749 5.1). */
const UNSTATED_LIFETIME_S = 60
const TOKEN_BODY_BYTES = 65_536
/** SMART Backend Services: the assertion lives at most five minutes. */
const ASSERTION_LIFETIME_S = 240

/** @throws Error naming the configuration member whose file cannot be used */
export function createCredential(credential: UpstreamCredential, deps: CredentialDependencies): Credential {
  switch (credential.kind) {
    case 'none':
    case 'mtls':
      return NO_HEADERS
    case 'static-header':
      return staticHeader(credential.name, credential.file, deps.readFile)
    case 'client-credentials':
      return clientCredentials(credential, deps)
  }
}

/** Reads a file named by the configuration. */
export function readConfigured(path: string, member: string, readFile: (path: string) => string): string {
  try {
    return readFile(path)
  } catch {
    throw new Error(`${member}: the file cannot be read`)
  }
}

function staticHeader(name: string, file: string, readFile: (path: string) => string): Credential {
  const read = (): readonly string[] => {
    const value = readConfigured(file, 'upstream.credential.file', readFile).trim()
    if (!/^[!-~]+$/.test(name)) throw new Error('upstream.credential.name: expected a header name')
    if (!/^[ -~]+$/.test(value))
      throw new Error('upstream.credential.file: expected one line of visible ASCII')
    return [name.toLowerCase(), value]
  }
  let current: readonly string[] | undefined = read()
  return {
    headers: () => {
      current ??= readAgain(read)
      return current
    },
    // Rotated secrets are picked up: the file is read again for the next request.
    rejected: () => {
      current = undefined
    },
  }
}

function readAgain(read: () => readonly string[]): readonly string[] {
  try {
    return read()
  } catch {
    throw unavailable('upstream.credential.file cannot be used')
  }
}

interface Token {
  readonly headers: readonly string[]
  readonly usableUntil: number
}

/** RFC 6749 4.4; one fetch at a time, the token kept until shortly before it ends. */
function clientCredentials(credential: ClientCredentials, deps: CredentialDependencies): Credential {
  const authenticate = clientAuthentication(credential, deps)
  let token: Token | undefined
  let pending: Promise<readonly string[]> | undefined
  const refresh = async (): Promise<readonly string[]> => {
    try {
      const startedAt = deps.now()
      token = await fetchToken(credential, await authenticate(), startedAt, deps)
      return token.headers
    } finally {
      pending = undefined
    }
  }
  return {
    headers: () => {
      if (token !== undefined && deps.now() < token.usableUntil) return token.headers
      pending ??= refresh()
      return pending
    },
    rejected: () => {
      token = undefined
    },
  }
}

interface ClientAuthentication {
  readonly headers: Readonly<Record<string, string>>
  readonly form: Readonly<Record<string, string>>
}

/** Secret in the Authorization header (RFC 6749 2.3.1) or a signed assertion (RFC 7523, OpenID private_key_jwt). */
function clientAuthentication(
  credential: ClientCredentials,
  deps: CredentialDependencies,
): () => Promise<ClientAuthentication> {
  const { clientId, secretFile, privateKeyFile } = credential
  if (privateKeyFile !== undefined) {
    const member = 'upstream.credential.privateKeyFile'
    const key = signingKey(readConfigured(privateKeyFile, member, deps.readFile), member)
    return async () => ({ headers: {}, form: await assertion(credential, key, deps.now()) })
  }
  if (secretFile === undefined) {
    throw new Error('upstream.credential: expected secretFile or privateKeyFile')
  }
  const secret = readConfigured(secretFile, 'upstream.credential.secretFile', deps.readFile).trim()
  const pair = `${encodeURIComponent(clientId)}:${encodeURIComponent(secret)}`
  const headers = { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
  return async () => ({ headers, form: {} })
}

interface SigningKey {
  readonly key: KeyObject
  readonly alg: string
  readonly kid?: string
}

/** @throws Error naming the member where the file holds no usable private key */
function signingKey(text: string, member: string): SigningKey {
  try {
    const jwk = text.trimStart().startsWith('{')
      ? (JSON.parse(text) as JsonWebKey & { kid?: string; alg?: string })
      : undefined
    const key = createPrivateKey(jwk === undefined ? text : { key: jwk, format: 'jwk' })
    return { key, alg: jwk?.alg ?? algorithmOf(key), ...(jwk?.kid === undefined ? {} : { kid: jwk.kid }) }
  } catch {
    throw new Error(`${member}: expected a private key, RSA or EC, as PKCS#8 PEM or JWK`)
  }
}

/** RS384 and ES384 are what every SMART Backend Services server takes; other curves fix their own algorithm. */
function algorithmOf(key: KeyObject): string {
  if (key.asymmetricKeyType === 'rsa') return 'RS384'
  if (key.asymmetricKeyType === 'ed25519') return 'EdDSA'
  const byCurve: Readonly<Record<string, string>> = {
    prime256v1: 'ES256',
    secp384r1: 'ES384',
    secp521r1: 'ES512',
  }
  const alg = byCurve[key.asymmetricKeyDetails?.namedCurve ?? '']
  if (alg === undefined) throw new Error('unknown key type')
  return alg
}

async function assertion(
  credential: ClientCredentials,
  signing: SigningKey,
  nowMs: number,
): Promise<Readonly<Record<string, string>>> {
  const now = Math.floor(nowMs / 1000)
  const kid = credential.keyId ?? signing.kid
  const signed = await new SignJWT()
    .setProtectedHeader({ alg: signing.alg, typ: 'JWT', ...(kid === undefined ? {} : { kid }) })
    .setIssuer(credential.clientId)
    .setSubject(credential.clientId)
    .setAudience(credential.tokenUrl)
    .setJti(randomUUID())
    .setIssuedAt(now)
    .setExpirationTime(now + ASSERTION_LIFETIME_S)
    .sign(signing.key)
  return {
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: signed,
  }
}

async function fetchToken(
  credential: ClientCredentials,
  client: ClientAuthentication,
  startedAt: number,
  deps: CredentialDependencies,
): Promise<Token> {
  const form = new URLSearchParams({ grant_type: 'client_credentials', ...client.form })
  if (credential.scope !== undefined) form.set('scope', credential.scope)
  const answer = await postForm(credential.tokenUrl, form.toString(), client.headers, deps)
  const { access_token: value, token_type: type, expires_in: seconds } = answer
  if (typeof value !== 'string' || !/^[!-~]+$/.test(value) || String(type).toLowerCase() !== 'bearer') {
    throw unavailable('token endpoint gave no bearer token')
  }
  const lifetime = Number.isFinite(Number(seconds ?? Number.NaN)) ? Number(seconds) : UNSTATED_LIFETIME_S
  return {
    headers: ['authorization', `Bearer ${value}`],
    usableUntil: startedAt + lifetime * 1000 - EARLY_MS,
  }
}

/** Redirects are not followed: the secret goes to the configured endpoint or nowhere. */
async function postForm(
  url: string,
  body: string,
  own: Readonly<Record<string, string>>,
  deps: CredentialDependencies,
): Promise<Readonly<Record<string, unknown>>> {
  const headers = { ...own, accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' }
  const signal = AbortSignal.timeout(deps.timeoutMs)
  try {
    const answer = await request(url, { method: 'POST', headers, body, signal, dispatcher: deps.dispatcher })
    if (answer.statusCode !== 200) {
      await answer.body.dump()
      throw unavailable(`token endpoint answered ${answer.statusCode}`)
    }
    return tokenAnswer(await limitedText(answer.body))
  } catch (error) {
    throw error instanceof Refusal ? error : unavailable('token endpoint did not answer')
  }
}

async function limitedText(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of body) {
    length += chunk.length
    if (length > TOKEN_BODY_BYTES) throw unavailable('token endpoint answered too much')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function tokenAnswer(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, unknown>>
  } catch {
    // The parser's message would quote the token.
  }
  throw unavailable('token endpoint answered no JSON object')
}

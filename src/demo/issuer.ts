import { randomUUID } from 'node:crypto'
import type { CryptoKey, JWK, JWTPayload } from 'jose'
import { exportJWK, generateKeyPair, jwtVerify, SignJWT } from 'jose'
import type { ClientRegistration } from '../model/requester.ts'
import { type DemoRequest, type DemoResponse, listen } from './listener.ts'

/** What the issuer needs to know of a client; entries of the client registry fit. */
type DemoClient = Pick<ClientRegistration, 'clientId' | 'name' | 'purposes'> &
  Partial<Pick<ClientRegistration, 'organization' | 'npi' | 'defaultPurpose' | 'role'>>

export interface DemoIssuerOptions {
  /** Must be given: the issuer gives a token to anybody who asks. It never runs beside a real configuration. */
  readonly demo: true
  readonly clients: readonly DemoClient[]
  /** `aud` of every token: the gateway's base URL. */
  readonly audience: string
  /** Loopback only; default `127.0.0.1`. */
  readonly host?: string
  /** Default 0: a free port. */
  readonly port?: number
  /** Signature of the tokens; default ES384. */
  readonly algorithm?: 'ES384' | 'RS256'
  readonly now?: () => Date
}

export interface TokenRequest {
  readonly client: string
  /** `Practitioner/x`, `PractitionerRole/x`, `Patient/x`, `RelatedPerson/x`; absent: a system. */
  readonly user?: string
  readonly userName?: string
  /** Launch context: id of the one patient the token is for. */
  readonly patient?: string
  /** v3-ActReason codes; default the client's registered default purpose, else its first purpose, else none. */
  readonly purpose?: string | readonly string[]
  /** SMART scopes; default read and search on everything, in the context of patient, user or system. */
  readonly scope?: string
  /** Default 300; a negative one gives a token that has expired. */
  readonly lifetimeSeconds?: number
  /** Further claims, which win over the issuer's own (for tests). */
  readonly claims?: JWTPayload
  /** An opaque reference token, to be asked about by introspection (RFC 7662). */
  readonly opaque?: boolean
}

export interface DemoIssuer {
  /** `iss` of the tokens and base of the metadata, no trailing slash. */
  readonly issuer: string
  readonly jwksUri: string
  readonly tokenUrl: string
  readonly introspectionUrl: string
  /** The secret every demo client has. */
  readonly clientSecret: string
  /** Throws Error for a client that is not in the registry. */
  readonly issueToken: (request: TokenRequest) => Promise<string>
  readonly close: () => Promise<void>
}

const ACT_REASON = 'http://terminology.hl7.org/CodeSystem/v3-ActReason'
const LIFETIME_SECONDS = 300
/** Not a secret: the issuer is loopback only and hands out tokens for synthetic patients. */
const CLIENT_SECRET = 'demo'

interface State {
  readonly options: DemoIssuerOptions
  readonly clients: ReadonlyMap<string, DemoClient>
  readonly privateKey: CryptoKey
  readonly publicKey: CryptoKey
  readonly publicJwk: JWK
  readonly algorithm: string
  /** Opaque token → the claims it stands for. */
  readonly opaque: Map<string, JWTPayload>
}

/**
 * Starts an OAuth 2.0 authorization server for the demo: a key made at start, metadata, JWKS, a token endpoint for
 * client credentials (secret `demo`), introspection. Throws Error unless `demo` is set and the host is loopback.
 */
export async function startDemoIssuer(options: DemoIssuerOptions): Promise<DemoIssuer> {
  if (options.demo !== true) throw new Error('the demo issuer does not run beside a real configuration')
  const algorithm = options.algorithm ?? 'ES384'
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { modulusLength: 2048 })
  const publicJwk: JWK = { ...(await exportJWK(publicKey)), kid: randomUUID(), alg: algorithm, use: 'sig' }
  const clients = new Map(options.clients.map(client => [client.clientId, client]))
  const state: State = { options, clients, privateKey, publicKey, publicJwk, algorithm, opaque: new Map() }
  let issuer = ''
  const listener = await listen(options, request => serve(state, issuer, request))
  issuer = listener.origin
  return {
    issuer,
    jwksUri: `${issuer}/jwks`,
    tokenUrl: `${issuer}/token`,
    introspectionUrl: `${issuer}/introspect`,
    clientSecret: CLIENT_SECRET,
    issueToken: request => issue(state, issuer, request),
    close: listener.close,
  }
}

async function issue(state: State, issuer: string, request: TokenRequest): Promise<string> {
  const claims = claimsFor(state, issuer, request)
  if (request.opaque === true) {
    const token = randomUUID() + randomUUID()
    state.opaque.set(token, claims)
    return token
  }
  return new SignJWT(claims)
    .setProtectedHeader({ alg: state.algorithm, typ: 'at+jwt', ...kidOf(state) })
    .sign(state.privateKey)
}

const kidOf = (state: State): { kid?: string } =>
  state.publicJwk.kid === undefined ? {} : { kid: state.publicJwk.kid }

/** Claims of RFC 9068, SMART launch context and IHE IUA (ITI-71 3.71.4.2.2.1.1). */
function claimsFor(state: State, issuer: string, request: TokenRequest): JWTPayload {
  const client = state.clients.get(request.client)
  if (client === undefined) throw new Error('demo issuer: expected a client of the registry')
  const now = Math.floor((state.options.now?.() ?? new Date()).getTime() / 1000)
  const lifetime = request.lifetimeSeconds ?? LIFETIME_SECONDS
  const context = request.patient !== undefined ? 'patient' : request.user !== undefined ? 'user' : 'system'
  return {
    iss: issuer,
    sub: request.user ?? client.clientId,
    aud: state.options.audience,
    client_id: client.clientId,
    jti: randomUUID(),
    iat: lifetime < 0 ? now + 2 * lifetime : now,
    nbf: lifetime < 0 ? now + 2 * lifetime : now,
    exp: now + lifetime,
    scope: request.scope ?? `${context}/*.rs`,
    ...(request.patient === undefined ? {} : { patient: request.patient }),
    ...(request.user === undefined ? {} : { fhirUser: request.user }),
    extensions: { ihe_iua: iua(state, client, request) },
    ...request.claims,
  }
}

function iua(state: State, client: DemoClient, request: TokenRequest): Record<string, unknown> {
  const registered = client.defaultPurpose ?? client.purposes[0]
  const asked = request.purpose ?? registered ?? []
  const purposes = typeof asked === 'string' ? asked.split(',') : asked
  return {
    subject_name: request.userName ?? client.name,
    subject_organization: client.name,
    ...(client.organization === undefined
      ? {}
      : { subject_organization_id: `${[state.options.audience].flat()[0]}/${client.organization}` }),
    ...(client.npi === undefined ? {} : { national_provider_identifier: client.npi }),
    ...(purposes.length === 0
      ? {}
      : { purpose_of_use: purposes.map(code => ({ system: ACT_REASON, code: code.trim() })) }),
  }
}

async function serve(state: State, issuer: string, request: DemoRequest): Promise<DemoResponse> {
  const path = request.url.pathname
  if (request.method === 'GET') {
    if (path === '/jwks') return json(200, { keys: [state.publicJwk] })
    if (path === '/.well-known/openid-configuration') return json(200, metadata(state, issuer))
    if (path === '/.well-known/oauth-authorization-server') return json(200, metadata(state, issuer))
    if (path === '/.well-known/smart-configuration') return json(200, metadata(state, issuer))
  }
  if (request.method === 'POST' && path === '/token') return token(state, issuer, request)
  if (request.method === 'POST' && path === '/introspect') return introspect(state, issuer, request)
  return json(404, { error: 'not_found' })
}

const metadata = (state: State, issuer: string): Record<string, unknown> => ({
  issuer,
  jwks_uri: `${issuer}/jwks`,
  token_endpoint: `${issuer}/token`,
  introspection_endpoint: `${issuer}/introspect`,
  grant_types_supported: ['client_credentials'],
  response_types_supported: ['none'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: [state.algorithm],
  token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
  introspection_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
  scopes_supported: ['patient/*.rs', 'user/*.rs', 'system/*.rs'],
  capabilities: ['permission-v2', 'client-confidential-symmetric'],
})

/** RFC 6749 4.4; the parameters `user`, `patient`, `purpose` and `lifetime` are the demo's own. */
async function token(state: State, issuer: string, request: DemoRequest): Promise<DemoResponse> {
  const form = new URLSearchParams(request.body)
  const client = authenticated(state, request, form)
  if (client === undefined) return json(401, { error: 'invalid_client' })
  if (form.get('grant_type') !== 'client_credentials') return json(400, { error: 'unsupported_grant_type' })
  const lifetimeSeconds = Number(form.get('lifetime') ?? LIFETIME_SECONDS)
  if (!Number.isInteger(lifetimeSeconds)) return json(400, { error: 'invalid_request' })
  const given = (name: string): string | undefined => form.get(name) ?? undefined
  const [user, patient, purpose, scope] = ['user', 'patient', 'purpose', 'scope'].map(given)
  const accessToken = await issue(state, issuer, {
    client,
    lifetimeSeconds,
    ...(user === undefined ? {} : { user }),
    ...(patient === undefined ? {} : { patient }),
    ...(purpose === undefined ? {} : { purpose }),
    ...(scope === undefined ? {} : { scope }),
  })
  return json(200, { access_token: accessToken, token_type: 'Bearer', expires_in: lifetimeSeconds })
}

/** RFC 7662: the claims of a token that is still good, or `active: false` and nothing else. */
async function introspect(state: State, issuer: string, request: DemoRequest): Promise<DemoResponse> {
  const form = new URLSearchParams(request.body)
  if (authenticated(state, request, form) === undefined) return json(401, { error: 'invalid_client' })
  const asked = form.get('token') ?? ''
  const claims = state.opaque.get(asked) ?? (await verified(state, issuer, asked))
  const now = (state.options.now?.() ?? new Date()).getTime() / 1000
  if (claims?.exp === undefined || claims.exp <= now) return json(200, { active: false })
  return json(200, { active: true, token_type: 'Bearer', ...claims })
}

async function verified(state: State, issuer: string, jwt: string): Promise<JWTPayload | undefined> {
  try {
    const options = {
      issuer,
      algorithms: [state.algorithm],
      currentDate: state.options.now?.() ?? new Date(),
    }
    return (await jwtVerify(jwt, state.publicKey, options)).payload
  } catch {
    return undefined
  }
}

function authenticated(state: State, request: DemoRequest, form: URLSearchParams): string | undefined {
  const basic = /^Basic (.+)$/i.exec(String(request.headers['authorization'] ?? ''))?.[1]
  const [id, secret] =
    basic === undefined
      ? [form.get('client_id') ?? '', form.get('client_secret')]
      : Buffer.from(basic, 'base64').toString('utf8').split(':', 2).map(decodeURIComponent)
  return secret === CLIENT_SECRET && id !== undefined && state.clients.has(id) ? id : undefined
}

const json = (status: number, body: unknown): DemoResponse => ({
  status,
  headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
  body: JSON.stringify(body),
})

import type { PurposeOfUse, Requester } from '../model/requester.ts'
import type { RecorderOptions } from './fragments.ts'
import { CODING, codingJson, concept, literal, PROFILE, purposeJson, q } from './fragments.ts'

/**
 * The constant parts of the events of one requester. Requesters are logical references (identifier and display, never
 * `reference`): what another organization calls Practitioner/1 is nobody, or somebody else, in the audit repository.
 */
export interface RequesterFragments {
  readonly purposes: string
  /** Profiles of the token pattern, each with a leading comma. */
  readonly tokenProfile: string
  /** agent[user] of the REST profiles, with the OAuth coding where there is a token. */
  readonly user: string
  /** `who` of the client. */
  readonly client: string
  /** Token id of the client as `policy`, with a leading comma; for AuthZconsent. */
  readonly clientPolicy: string
  /** agent[user] and agent[userorg] of AuthZconsent. */
  readonly authzUser: string
  readonly organization: string
  /** `what` of entity[token] of AuthZconsent, where the token has an id. */
  readonly token?: string
  /** The requester in the decision row. */
  readonly row: string
}

function identifier(system: string | undefined, value: string): string {
  return `{${system === undefined ? '' : `"system":${q(system)},`}"value":${q(value)}}`
}

/** `{identifier, display}` of who is not a resource of ours. */
function logical(system: string | undefined, value: string, display: string | undefined): string {
  const name = display === undefined ? '' : `,"display":${q(display)}`
  return `{"identifier":${identifier(system, value)}${name}}`
}

/** BALP: `urn:ietf:params:oauth:jti:` + jti (Minimal), or the last 32 characters of an opaque token (Opaque). */
function policyOf({ token }: Requester): string | undefined {
  return token?.jti === undefined ? token?.opaqueTail : `urn:ietf:params:oauth:jti:${token.jti}`
}

function tokenProfileOf({ token }: Requester): string {
  if (token?.jti !== undefined) return `,${PROFILE.oauthMinimal}`
  return token?.opaqueTail === undefined ? '' : `,${PROFILE.oauthOpaque}`
}

function nameOf(requester: Requester): string | undefined {
  return requester.userName ?? requester.name ?? requester.registration?.name
}

function userAgent(requester: Requester, types: string, purposes: string, extra: string): string {
  const { token, userRoles } = requester
  const who = logical(token?.issuer, token?.subject ?? requester.client, nameOf(requester))
  const policy = policyOf(requester)
  const roles = userRoles.map(role => concept(codingJson(role)))
  return (
    `{"type":{"coding":[${types}]},"who":${who}${extra},"requestor":true` +
    (roles.length === 0 ? '' : `,"role":[${roles.join(',')}]`) +
    (policy === undefined ? '' : `,"policy":[${q(policy)}]`) +
    `${purposes === '[]' ? '' : `,"purposeOfUse":${purposes}`}}`
  )
}

/** The requester's organization: its registered identifier, or what the site calls it, or the client itself. */
function organizationWho(requester: Requester): string {
  const { registration, organization, client } = requester
  const known = registration?.identifiers[0]
  if (known) return logical(known.system, known.value, registration.name)
  return organization === undefined
    ? logical(requester.token?.issuer, client, registration?.name ?? requester.name)
    : `{"identifier":${identifier(undefined, organization)},"type":"Organization"}`
}

function rowOf(requester: Requester, purposeOfUse: PurposeOfUse | undefined): string {
  const { key, client, token, user, userName, organization, state, hipaa, part2, role } = requester
  const who = {
    key,
    client,
    name: requester.registration?.name ?? requester.name,
    user,
    userName,
    organization,
  }
  const standing = { state, hipaa, part2, role, relationship: requester.relationship }
  const proof = { issuer: token?.issuer, subject: token?.subject, jti: token?.jti }
  const row = JSON.stringify({ ...who, ...standing, ...proof })
  return `"requester":${row}${purposeOfUse ? `,"purposeOfUse":${JSON.stringify(purposeOfUse)}` : ''}`
}

function build(requester: Requester, purposeOfUse: PurposeOfUse | undefined): RequesterFragments {
  const { token, user } = requester
  const purposes = `[${(purposeOfUse?.effective ?? []).map(purposeJson).join(',')}]`
  const policy = policyOf(requester)
  const altId = user === undefined ? '' : `,"altId":${q(user)}`
  const hasToken = policy !== undefined
  const types = hasToken ? `${CODING.recipient},${CODING.oauthAgent}` : CODING.recipient
  return {
    purposes,
    tokenProfile: tokenProfileOf(requester),
    user: userAgent(requester, types, purposes, altId),
    client: logical(token?.issuer, requester.client, requester.registration?.name ?? requester.name),
    clientPolicy: policy === undefined ? '' : `,"policy":[${q(policy)}]`,
    authzUser: userAgent(requester, CODING.recipient, purposes, ''),
    organization: `{"type":${concept(CODING.provider)},"who":${organizationWho(requester)},"requestor":false}`,
    ...(token?.jti === undefined
      ? {}
      : { token: `{"identifier":{"value":${q(`urn:ietf:params:oauth:jti:${token.jti}`)}}}` }),
    row: rowOf(requester, purposeOfUse),
  }
}

/** Fragments by requester and effective purposes; a verified token keeps its Requester object while it is cached. */
export function fragmentCache(): (
  requester: Requester,
  purpose: PurposeOfUse | undefined,
) => RequesterFragments {
  const cache = new WeakMap<Requester, { purpose: PurposeOfUse | undefined; fragments: RequesterFragments }>()
  return (requester, purpose) => {
    const known = cache.get(requester)
    if (known && known.purpose === purpose) return known.fragments
    const fragments = build(requester, purpose)
    cache.set(requester, { purpose, fragments })
    return fragments
  }
}

function network(address: string): string {
  return address === '' ? '{"address":"unknown","type":"1"}' : `{"address":${q(address)},"type":"2"}`
}

/** The requesting application in the role (a DCM coding) that the interaction gives it. */
export function clientAgent(role: string, who: string, address: string, more = ''): string {
  return `{"type":${concept(role)},"who":${who},"requestor":false${more},"network":${network(address)}}`
}

/** The gateway in the role that the interaction gives it. */
export function serverAgent(role: string, options: RecorderOptions): string {
  const who = literal(options.device, options.deviceName)
  return `{"type":${concept(role)},"who":${who},"requestor":false,"network":{"address":${q(options.baseUrl)},"type":"5"}}`
}

import { LRUCache } from 'lru-cache'
import type { IssuerConfiguration } from '../model/configuration.ts'
import type { JsonObject } from '../model/fhir.ts'
import { createBreaker, fetchJson, type Remote, unavailable } from './remote.ts'

/** The longest an active answer is believed. */
const ACTIVE_MS = 60_000
const INACTIVE_MS = 10_000
const ANSWERS_MAX = 5_000

export type ReadSecret = (file: string) => string | Promise<string>

interface Introspected {
  /** The answer of an active token, undefined for any other. */
  readonly claims: JsonObject | undefined
  /** Until when the answer may be used, ms since the epoch. */
  readonly until: number
}

/** RFC 7662 at one issuer. Rejects with Refusal `identity-unavailable` when there is no answer. */
export type Introspect = (token: string, hash: string) => Promise<Introspected>

/** RFC 6749 2.3.1: both parts form-encoded before they are joined. */
function basic(clientId: string, secret: string): string {
  const encode = (part: string): string => new URLSearchParams([['', part]]).toString().slice(1)
  return `Basic ${Buffer.from(`${encode(clientId)}:${encode(secret)}`).toString('base64')}`
}

function judge(answer: JsonObject, at: number): Introspected {
  if (answer['active'] !== true) return { claims: undefined, until: at + INACTIVE_MS }
  const exp = answer['exp']
  const until = typeof exp === 'number' ? Math.min(exp * 1000, at + ACTIVE_MS) : at
  return { claims: answer, until }
}

/**
 * Introspection at `configuration.url`, authenticated as the resource server. Answers are kept by token hash: active ones
 * until `exp` but a minute at most, others 10 s. Simultaneous questions about one token are one request.
 */
export function createIntrospection(
  configuration: NonNullable<IssuerConfiguration['introspection']>,
  remote: Remote,
  readSecret: ReadSecret,
): Introspect {
  const active = new LRUCache<string, Introspected>({ max: ANSWERS_MAX })
  // Apart, so that invented tokens cannot push out answers about real ones.
  const inactive = new LRUCache<string, Introspected>({ max: ANSWERS_MAX })
  const running = new Map<string, Promise<Introspected>>()
  const breaker = createBreaker(remote.now)

  const post = async (token: string): Promise<JsonObject> => {
    const secret = (await readSecret(configuration.secretFile)).trim()
    return await fetchJson(remote, configuration.url, {
      method: 'POST',
      headers: {
        accept: 'application/json',
        authorization: basic(configuration.clientId, secret),
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams({ token, token_type_hint: 'access_token' }).toString(),
    })
  }
  const remember = (hash: string, answer: Introspected): void => {
    if (answer.claims !== undefined) {
      active.set(hash, answer)
      return
    }
    active.delete(hash)
    inactive.set(hash, answer)
  }
  const ask = async (token: string, hash: string): Promise<Introspected> => {
    try {
      const answer = judge(await post(token), remote.now().getTime())
      breaker.succeeded()
      remember(hash, answer)
      return answer
    } catch {
      breaker.failed()
      throw unavailable('introspection out of reach')
    } finally {
      running.delete(hash)
    }
  }
  return (token, hash) => {
    const known = active.get(hash) ?? inactive.get(hash)
    if (known !== undefined && known.until > remote.now().getTime()) return Promise.resolve(known)
    if (breaker.isOpen()) return Promise.reject(unavailable('introspection out of reach'))
    const pending = running.get(hash) ?? ask(token, hash)
    running.set(hash, pending)
    return pending
  }
}

import {
  type CompactJWSHeaderParameters,
  type CryptoKey,
  createLocalJWKSet,
  type FlattenedJWSInput,
  type JWK,
  type LocalJWKSet,
} from 'jose'
import { JWKSNoMatchingKey } from 'jose/errors'
import { LRUCache } from 'lru-cache'
import type { JsonObject } from '../model/fhir.ts'
import { Refusal } from '../model/refusal.ts'
import { discoverKeysUrl } from './discovery.ts'
import { createBreaker, fetchJson, isObject, type Remote, unavailable } from './remote.ts'

/** From this age on keys are refreshed in the background. */
const REFRESH_MS = 5 * 60_000
/** Past this age a refresh is waited for; keys already known still serve while the issuer cannot be reached … */
const MAX_AGE_MS = 10 * 60_000
/** … but not past this one. */
const STALE_MS = 60 * 60_000
/** An unknown `kid` makes the set be fetched again, at most this often, whoever invents them. */
const UNKNOWN_COOLDOWN_MS = 10_000
const UNKNOWN_MS = 30_000
const KEYS_MAX = 100

type Header = CompactJWSHeaderParameters

/** Keys of one issuer. Chosen by `kid` and `alg` in that issuer's set and nowhere else. */
export interface KeySource {
  /** Rejects with Refusal `token-invalid` (no such key) or `identity-unavailable`. */
  readonly keyFor: (header: Header, jws: FlattenedJWSInput) => Promise<CryptoKey>
}

interface KeySet {
  readonly find: LocalJWKSet
  readonly fetchedAt: number
}

/** Asymmetric public keys only: a private or symmetric key in a public set is nobody's proof. */
function isPublicKey(key: unknown): key is JWK & JsonObject {
  if (!isObject(key)) return false
  const kty = key['kty']
  return (kty === 'RSA' || kty === 'EC' || kty === 'OKP') && key['d'] === undefined
}

function toKeySet(document: JsonObject, fetchedAt: number): KeySet {
  const keys = document['keys']
  if (!Array.isArray(keys)) throw new Error('expected a JSON Web Key Set')
  return { find: createLocalJWKSet({ keys: keys.filter(isPublicKey).slice(0, KEYS_MAX) }), fetchedAt }
}

function unknownKey(): Refusal {
  return new Refusal('token-invalid', { diagnostics: 'token header kid: expected a key of the issuer' })
}

/** Fetches a set; the address found in metadata is kept until fetching from it fails. */
function createFetcher(issuer: string, jwksUri: string | undefined, remote: Remote): () => Promise<KeySet> {
  let found: string | undefined
  return async () => {
    const url = jwksUri ?? found ?? (await discoverKeysUrl(remote, issuer))
    found = undefined
    const headers = { accept: 'application/jwk-set+json, application/json' }
    const set = toKeySet(await fetchJson(remote, url, { method: 'GET', headers }), remote.now().getTime())
    found = url
    return set
  }
}

/** One refresh at a time; a server that fails is left alone for a while. Resolves to undefined when it did not work. */
function createRefresher(fetchKeys: () => Promise<KeySet>, now: () => Date) {
  const breaker = createBreaker(now)
  let running: Promise<KeySet | undefined> | undefined
  const run = async (): Promise<KeySet | undefined> => {
    try {
      const set = await fetchKeys()
      breaker.succeeded()
      return set
    } catch {
      breaker.failed()
      return undefined
    } finally {
      running = undefined
    }
  }
  return (): Promise<KeySet | undefined> => {
    if (running !== undefined) return running
    if (breaker.isOpen()) return Promise.resolve(undefined)
    running = run()
    return running
  }
}

async function lookup(set: KeySet, header: Header, jws: FlattenedJWSInput): Promise<CryptoKey | undefined> {
  try {
    return await set.find(header, jws)
  } catch (error) {
    if (error instanceof JWKSNoMatchingKey) return undefined
    throw unknownKey()
  }
}

/**
 * Keys of `issuer` from `jwksUri` or its metadata: cached 10 minutes, refreshed in the background from half that age,
 * used up to an hour where the issuer is out of reach, unknown key ids remembered, a failing server left alone.
 */
export function createKeySource(issuer: string, jwksUri: string | undefined, remote: Remote): KeySource {
  const refresh = createRefresher(createFetcher(issuer, jwksUri, remote), remote.now)
  const unknown = new LRUCache<string, number>({ max: 1_000 })
  let current: KeySet | undefined
  let askedForUnknown = 0
  const renew = async (): Promise<KeySet | undefined> => {
    const set = await refresh()
    if (set !== undefined) current = set
    return set
  }
  /** `at` when the set was fetched within this very call: fetching it again would tell nothing new. */
  const justFetched = (at: number): number => (current !== undefined && current.fetchedAt >= at ? at : 0)
  const usable = async (at: number): Promise<KeySet> => {
    const age = current === undefined ? Infinity : at - current.fetchedAt
    if (age >= MAX_AGE_MS) await renew()
    else if (age >= REFRESH_MS) void renew()
    if (current === undefined || remote.now().getTime() - current.fetchedAt > STALE_MS) {
      throw unavailable('key set out of reach')
    }
    return current
  }
  const seekUnknown = async (header: Header, jws: FlattenedJWSInput, at: number): Promise<CryptoKey> => {
    const id = `${header.alg} ${header.kid ?? ''}`
    const asked = Math.max(askedForUnknown, justFetched(at))
    if ((unknown.get(id) ?? 0) > at || at - asked < UNKNOWN_COOLDOWN_MS) throw unknownKey()
    const set = await renew()
    if (set === undefined) throw unavailable('unknown key id and key set out of reach')
    askedForUnknown = at
    const key = await lookup(set, header, jws)
    if (key !== undefined) return key
    unknown.set(id, at + UNKNOWN_MS)
    throw unknownKey()
  }
  return {
    keyFor: async (header, jws) => {
      const at = remote.now().getTime()
      return (await lookup(await usable(at), header, jws)) ?? (await seekUnknown(header, jws, at))
    },
  }
}

import { Buffer } from 'node:buffer'
import type { JsonObject, JsonValue } from './fhir.ts'
import { isRawNumber } from './lossless-json.ts'

/** JSON escapes that spell a character of a host name or port: text with one may hide any host. */
const ESCAPED_HOST = /\\u00(?:2[de]|3[0-9a]|4[1-9a-f]|5[0-9abd]|6[1-9a-f]|7[0-9a])/i

/**
 * Whether JSON text may name a host, in any letter case, with a percent-encoded port colon or in JSON escapes. Says yes
 * in doubt: `rewriteLinks` on the parsed tree is exact.
 * @param needle `host[:port]` as `URL.host` gives it
 */
export function containsOrigin(bytes: Uint8Array, needle: Buffer): boolean {
  const buffer = Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (buffer.includes(needle)) return true
  const host = needle.toString('latin1').toLowerCase()
  const port = /:(\d+)$/.exec(host)?.[1]
  const escapes = buffer.includes('\\u00', 0, 'latin1')
  // Digits have no case: without the port in it there is no `host:port`, however spelled.
  if (!escapes && port !== undefined && !buffer.includes(port, 0, 'latin1')) return false
  const text = buffer.toString('latin1')
  const lower = text.toLowerCase()
  if (lower.includes(host) || (port !== undefined && lower.includes(host.replaceAll(':', '%3a')))) return true
  return escapes && ESCAPED_HOST.test(text)
}

/**
 * The tree with every mention of the upstream turned into the gateway: its base URL becomes the gateway's base URL,
 * its origin elsewhere the gateway's origin, its bare `host[:port]` the gateway's. A single-label host without port
 * (`fhir`) counts only where an authority stands (after `//`), for it is an ordinary word.
 * @param upstreamBase, gatewayBase absolute, no trailing slash
 * @returns a new tree, sharing the parts that did not change; raw numbers are kept
 */
export function rewriteLinks(value: JsonValue, upstreamBase: string, gatewayBase: string): JsonValue {
  return rewriteTree(value, rewriter(upstreamBase, gatewayBase))
}

type Rewrite = (text: string) => string
let last: { readonly key: string; readonly rewrite: Rewrite } | undefined

function rewriter(upstreamBase: string, gatewayBase: string): Rewrite {
  const key = `${upstreamBase} ${gatewayBase}`
  if (last?.key !== key) last = { key, rewrite: compile(upstreamBase, gatewayBase) }
  return last.rewrite
}

function compile(upstreamBase: string, gatewayBase: string): Rewrite {
  const upstream = new URL(upstreamBase)
  const gateway = new URL(gatewayBase)
  const slashes = '(?:\\\\?/){2}'
  const authority = authorityPattern(upstream)
  const path = upstream.pathname.replace(/\/+$/, '').split('/').map(escapePattern).join('\\\\?/')
  const distinct = /[.:]/.test(upstream.host)
  const pattern = new RegExp(
    `(?<base>${escapePattern(upstream.protocol)}${slashes}${authority}${path}(?![\\w~%-]|\\.\\w))|` +
      `(?<origin>(?:https?|wss?):${slashes}${authority})|(?<host>${distinct ? '' : `(?<=(?:/|%2f){2})`}${authority})`,
    'gi',
  )
  const base = gatewayBase.replace(/\/+$/, '')
  return text =>
    text.replace(pattern, (...found) => {
      const groups = found.at(-1) as { base?: string; origin?: string }
      if (groups.base !== undefined) return base
      return groups.origin === undefined ? gateway.host : gateway.origin
    })
}

/** `host[:port]`, the default port optional, the colon perhaps percent-encoded, not part of a longer port or name. */
function authorityPattern(url: URL): string {
  const host = escapePattern(url.hostname)
  const colon = '(?::|%3A)'
  if (url.port !== '') return `${host}${colon}${url.port}(?!\\d)`
  return `${host}(?:${colon}${url.protocol === 'https:' ? '443' : '80'}(?!\\d))?(?![\\w-]|\\.\\w)`
}

function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}

function rewriteTree(value: JsonValue, rewrite: Rewrite): JsonValue {
  if (typeof value === 'string') return rewrite(value)
  if (value === null || typeof value !== 'object' || isRawNumber(value)) return value
  if (Array.isArray(value)) return rewriteArray(value, rewrite)
  return rewriteObject(value as JsonObject, rewrite)
}

function rewriteArray(value: readonly JsonValue[], rewrite: Rewrite): JsonValue {
  const items = value.map(item => rewriteTree(item, rewrite))
  return items.some((item, index) => item !== value[index]) ? items : value
}

function rewriteObject(value: JsonObject, rewrite: Rewrite): JsonValue {
  let copy: Record<string, JsonValue | undefined> | undefined
  for (const key of Object.keys(value)) {
    const before = value[key]
    if (before === undefined) continue
    const after = rewriteTree(before, rewrite)
    if (after === before) continue
    copy ??= { ...value }
    copy[key] = after
  }
  return copy ?? value
}

import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hash,
  hkdfSync,
  type KeyObject,
} from 'node:crypto'
import type { Identified } from '../model/exchange.ts'

/** What a page link carries; everything else of the next page follows from it. */
export interface PagePosition {
  readonly resourceType: string
  readonly canonical: string
  readonly method: 'GET' | 'POST'
  readonly offset: number
}

export interface PageTokens {
  /** Seals a position for this requester and these purposes. A function of its arguments and the expiry minute. */
  readonly seal: (identified: Identified, position: PagePosition) => string
  /** The position, or undefined for a token that is forged, expired or somebody else's: all alike. */
  readonly open: (identified: Identified, token: string) => PagePosition | undefined
}

export interface PageTokenOptions {
  /** 32 random bytes, kept by the gateway, the same for all gateways of a fleet. */
  readonly pageKey: Uint8Array
  /** Policy in force; a token does not outlive it. */
  readonly revision: string
  readonly lifetimeSeconds: number
  readonly now: () => Date
}

const FORMAT = 1
const NONCE_BYTES = 12
const TAG_BYTES = 16
const BINDING_AT = 10
const TYPE_AT = BINDING_AT + 32
/** format, expiry minute, offset, method, binding, length of the type. */
const HEAD_BYTES = TYPE_AT + 1
const MAX_OFFSET = 0xffffffff
const TOKEN = /^[A-Za-z0-9_-]+$/

/** Characters of a token over that type and canonical query, whatever the offset. */
export function tokenLength(resourceType: string, canonical: string): number {
  const bytes = NONCE_BYTES + HEAD_BYTES + resourceType.length + canonical.length + TAG_BYTES
  return Math.ceil((bytes * 4) / 3)
}

/**
 * Page tokens: AES-256-GCM with a nonce derived from the plaintext (synthetic, as in RFC 8452), so that equal input
 * gives equal bytes and nothing of what was withheld can show. Fixed-width fields keep the length independent of the
 * offset. Requester, purposes and policy revision are bound in by hash (README, promise 10).
 */
export function createPageTokens(options: PageTokenOptions): PageTokens {
  const encryption = deriveKey(options.pageKey, 'encryption')
  const synthesis = deriveKey(options.pageKey, 'nonce')
  return {
    seal: (identified, position) => {
      const binding = bind(identified, options.revision)
      const expiry = expiryMinute(identified.receivedAt, options.lifetimeSeconds)
      return encrypt(encryption, synthesis, write(position, binding, expiry))
    },
    open: (identified, token) => {
      const plain = decrypt(encryption, token)
      if (plain === undefined || plain[0] !== FORMAT) return undefined
      const isOwn = plain.subarray(BINDING_AT, TYPE_AT).equals(bind(identified, options.revision))
      const isFresh = plain.readUInt32BE(1) * 60_000 > options.now().getTime()
      return isOwn && isFresh ? parse(plain) : undefined
    },
  }
}

function deriveKey(pageKey: Uint8Array, use: string): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', pageKey, '', `consentry page token ${use}`, 32)))
}

/** Rounded up: two requests of one minute get the same token, so the time of day says nothing. */
function expiryMinute(from: Date, lifetimeSeconds: number): number {
  return Math.ceil((from.getTime() / 1000 + lifetimeSeconds) / 60)
}

function bind({ requester, purposeOfUse }: Identified, revision: string): Buffer {
  const owner = [requester.key, requester.client, [...purposeOfUse.effective].sort(), revision]
  return hash('sha256', JSON.stringify(owner), 'buffer')
}

function write(position: PagePosition, binding: Buffer, expiry: number): Buffer {
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeUInt8(FORMAT, 0)
  head.writeUInt32BE(expiry, 1)
  head.writeUInt32BE(Math.min(position.offset, MAX_OFFSET), 5)
  head.writeUInt8(position.method === 'POST' ? 1 : 0, 9)
  binding.copy(head, BINDING_AT)
  head.writeUInt8(position.resourceType.length, TYPE_AT)
  return Buffer.concat([head, Buffer.from(position.resourceType + position.canonical, 'latin1')])
}

function parse(plain: Buffer): PagePosition {
  const text = plain.toString('latin1', HEAD_BYTES)
  const typeLength = plain.readUInt8(TYPE_AT)
  return {
    resourceType: text.slice(0, typeLength),
    canonical: text.slice(typeLength),
    method: plain[9] === 1 ? 'POST' : 'GET',
    offset: plain.readUInt32BE(5),
  }
}

function encrypt(key: KeyObject, synthesis: KeyObject, plain: Buffer): string {
  const nonce = createHmac('sha256', synthesis).update(plain).digest().subarray(0, NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]).toString(
    'base64url',
  )
}

/** Undefined unless exactly these characters were sealed: base64url has several spellings of the same bytes. */
function decrypt(key: KeyObject, token: string): Buffer | undefined {
  const sealed = Buffer.from(TOKEN.test(token) ? token : '', 'base64url')
  if (sealed.length < NONCE_BYTES + HEAD_BYTES + TAG_BYTES || sealed.toString('base64url') !== token)
    return undefined
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  })
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES))
  const plain = decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES))
  return isAuthentic(() => decipher.final()) ? plain : undefined
}

function isAuthentic(finish: () => Buffer): boolean {
  try {
    finish()
    return true
  } catch {
    return false
  }
}

import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { RawResource } from '../model/exchange.ts'
import { type Head, headOf } from './scan.ts'

/** A resource known by its bytes, with what was found out about them so far. */
export interface Content {
  readonly raw: RawResource
  /** undefined: not looked at yet; `none`: no single type and id. */
  head: Head | 'none' | undefined
  /** True once these bytes passed the strict parse, and what `meta.versionId` says then. */
  strict: boolean
  versionId: string | undefined
}

/** The same bytes give the same object while they are cached, so that later rooms may memoise on it. */
export interface Contents {
  /** @param bytes may be a view of a larger buffer; it is copied when new */
  readonly of: (bytes: Buffer, slab?: Slab) => Content
  /** The content whose `raw` this is, also where the cache has dropped it. */
  readonly about: (raw: RawResource) => Content
}

/** Bytes each kept resource costs beside its own: objects, hash, map entry. */
export const OVERHEAD_BYTES = 300

/** @param maxBytes bound of everything kept */
export function createContents(maxBytes: number): Contents {
  const byHash = new LRUCache<string, Content>({
    maxSize: Math.max(maxBytes, 1),
    sizeCalculation: content => content.raw.bytes.length + OVERHEAD_BYTES,
  })
  const remember = (raw: RawResource): Content => {
    const content: Content = { raw, head: undefined, strict: false, versionId: undefined }
    byHash.set(raw.hash, content)
    return content
  }
  return {
    of: (bytes, slab) => {
      const digest = sha256(bytes)
      return byHash.get(digest) ?? remember({ bytes: slab?.copy(bytes) ?? ownCopy(bytes), hash: digest })
    },
    about: raw => byHash.get(raw.hash) ?? remember(raw),
  }
}

/** SHA-256, base64url. */
export function sha256(bytes: Buffer): string {
  return hash('sha256', bytes, 'base64url')
}

/** Type and id of a content, read once. */
export function headOfContent(content: Content): Head | undefined {
  if (content.head === undefined) content.head = readHead(content) ?? 'none'
  return content.head === 'none' ? undefined : content.head
}

function readHead(content: Content): Head | undefined {
  const { bytes } = content.raw
  try {
    return headOf(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  } catch {
    return undefined
  }
}

function ownCopy(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  bytes.copy(copy)
  return copy
}

const SLAB_BYTES = 16_384

/**
 * Copies the small resources of one page side by side: one allocation for about a dozen, yet a resource that outlives
 * its page keeps no more than a slab alive.
 */
export class Slab {
  #buffer: Buffer | undefined
  #used = 0

  copy(bytes: Buffer): Buffer {
    const { length } = bytes
    if (length > SLAB_BYTES / 4) return ownCopy(bytes)
    if (this.#buffer === undefined || this.#used + length > SLAB_BYTES) {
      this.#buffer = Buffer.allocUnsafeSlow(SLAB_BYTES)
      this.#used = 0
    }
    const start = this.#used
    this.#used = start + length
    bytes.copy(this.#buffer, start)
    return this.#buffer.subarray(start, this.#used)
  }
}

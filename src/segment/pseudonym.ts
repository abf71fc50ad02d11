import { createHmac } from 'node:crypto'
import type { PseudonymKey } from '../model/deidentification.ts'

/** Pseudonyms of one recipient under one key. */
export interface Pseudonyms {
  /** Id of a resource, as a UUID. */
  readonly id: (resourceType: string, id: string) => string
  /** A literal reference, of the same shape where it leads to a resource of ours, else a `urn:uuid:`. */
  readonly reference: (reference: string) => string
  /** Any other unique text of a kind, as a UUID. */
  readonly text: (kind: string, text: string) => string
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const LITERAL = /^([A-Z][A-Za-z]+)\/([A-Za-z0-9.-]{1,64})(?:\/_history\/[A-Za-z0-9.-]{1,64})?(?:#.*)?$/

/**
 * HMAC-SHA-256 over recipient, kind and text, cut to the 122 bits of a UUID of version 8 (RFC 9562). The same text gives
 * the same pseudonym for the same recipient under the same key, and nothing that joins otherwise.
 * @param bases addresses of the FHIR API, no trailing slash: a reference below one is a reference of ours
 */
export function createPseudonyms(
  { id: keyId, secret }: PseudonymKey,
  recipient: string,
  bases: readonly string[],
): Pseudonyms {
  const text = (kind: string, value: string): string =>
    uuid(
      createHmac('sha256', secret)
        .update(JSON.stringify([keyId, recipient, kind, value]))
        .digest(),
    )
  // A UUID is one thing whatever points at it: `urn:uuid:` references of Bundles join with the ids they stand for.
  const id = (resourceType: string, value: string): string =>
    UUID.test(value) ? text('uuid', value.toLowerCase()) : text(resourceType, value)
  const reference = (value: string): string => {
    const base = bases.find(each => value.startsWith(`${each}/`))
    const [, type, found] = LITERAL.exec(base === undefined ? value : value.slice(base.length + 1)) ?? []
    if (type !== undefined && found !== undefined) return `${type}/${id(type, found)}`
    const urn = value.replace(/^urn:uuid:/i, '')
    return `urn:uuid:${urn !== value && UUID.test(urn) ? text('uuid', urn.toLowerCase()) : text('url', value)}`
  }
  return { id, reference, text }
}

function uuid(digest: Buffer): string {
  const bytes = Buffer.from(digest.subarray(0, 16))
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

import { hash } from 'node:crypto'

/** Everything of a row that the chain protects. */
export interface ChainedRow {
  readonly sequence: number
  readonly id: string
  readonly exchange: string
  readonly kind: string
  readonly patient: string | null
  readonly recordedAt: string
  readonly body: string
}

/** What the first row is chained to. */
export const GENESIS: Buffer = hash('sha256', 'consentry ledger 1', 'buffer')

const HASH_BYTES = 32
const PREFIX_BYTES = 1 + HASH_BYTES + 8
const links = Buffer.alloc(2 * HASH_BYTES)
let scratch = Buffer.alloc(4096)

/**
 * Leaf hash of a row: SHA-256(0x00 ‖ SHA-256(body) ‖ sequence as 64 bits ‖ the other columns as a JSON array).
 * The 0x00 is the leaf prefix of RFC 6962 2.1; the body is hashed apart, so that it can be expunged after retention
 * without breaking the chain; the JSON array keeps neighbouring columns from flowing into each other.
 */
export function leafHash(row: ChainedRow): Buffer {
  const columns = JSON.stringify([row.id, row.exchange, row.kind, row.patient, row.recordedAt])
  const most = PREFIX_BYTES + columns.length * 3
  if (scratch.length < most) scratch = Buffer.alloc(most)
  scratch[0] = 0
  hash('sha256', row.body, 'buffer').copy(scratch, 1)
  scratch.writeBigUInt64BE(BigInt(row.sequence), 1 + HASH_BYTES)
  const end = PREFIX_BYTES + scratch.write(columns, PREFIX_BYTES)
  return hash('sha256', scratch.subarray(0, end), 'buffer')
}

/** Chain hash of a row: SHA-256(chain hash of the previous row ‖ leaf hash). */
export function chainHash(previous: Uint8Array, leaf: Uint8Array): Buffer {
  links.set(previous, 0)
  links.set(leaf, HASH_BYTES)
  return hash('sha256', links, 'buffer')
}

import { randomFillSync } from 'node:crypto'

const random = new Uint8Array(16)

/** UUID version 7 (RFC 9562 5.7): time-ordered, so ledger and logs sort by it. */
export function uuidv7(atMs: number): string {
  randomFillSync(random)
  const bytes = new Uint8Array(random)
  let time = Math.floor(atMs)
  for (let i = 5; i >= 0; i--) {
    bytes[i] = time % 256
    time = Math.floor(time / 256)
  }
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

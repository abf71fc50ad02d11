import type { Limits } from '../model/configuration.ts'
import type { JsonValue } from '../model/fhir.ts'
import { closingQuote, strictParse } from '../model/strict-json.ts'

/** What a page is made of: where each entry's resource lies, and everything around the resources, strictly parsed. */
export interface SplitBundle {
  /** `[start, end)` of each `entry[i].resource` in order. */
  readonly slices: readonly (readonly [start: number, end: number])[]
  /** The Bundle with the resource of entry i replaced by the number i. */
  readonly skeleton: JsonValue
}

/** The bytes are not the JSON that was expected at this place; says what and where, never content. */
export class ScanError extends Error {
  constructor(expected: string, offset: number) {
    super(`${expected} expected at byte ${offset}`)
    this.name = 'ScanError'
  }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
/** String bytes walked one by one before the engine's search takes over: it has a price per call. */
const NEAR = 96

/**
 * Splits a Bundle into the byte slices of its resources without parsing them. Everything outside the slices is parsed
 * strictly; the slices themselves are only balanced, whoever reads one first parses it strictly.
 * @throws ScanError, StrictJsonError
 */
export function splitBundle(bytes: Buffer, limits: Pick<Limits, 'jsonDepth'>): SplitBundle {
  const cursor = new Cursor(bytes)
  const slices: [number, number][] = []
  const entry = (): void =>
    cursor.members((start, end) => {
      if (cursor.isName(start, end, 'resource')) slices.push(cursor.objectSlice())
      else cursor.skipValue()
    })
  cursor.members((start, end) => {
    if (cursor.isName(start, end, 'entry')) cursor.elements(entry)
    else cursor.skipValue()
  })
  cursor.end()
  return { slices, skeleton: strictParse(skeletonOf(bytes, slices), limits) }
}

function skeletonOf(bytes: Buffer, slices: readonly (readonly [number, number])[]): Buffer {
  const inSlices = slices.reduce((sum, [start, end]) => sum + end - start, 0)
  // Eight digits for each index: no body within the limits has a hundred million entries.
  const skeleton = Buffer.allocUnsafe(bytes.length - inSlices + 8 * slices.length)
  let from = 0
  let at = 0
  slices.forEach(([start, end], index) => {
    at += bytes.copy(skeleton, at, from, start)
    at += skeleton.write(String(index), at, 'latin1')
    from = end
  })
  at += bytes.copy(skeleton, at, from)
  return skeleton.subarray(0, at)
}

/** Type and id of a resource from its own members, without parsing the rest. */
export interface Head {
  readonly resourceType: string
  /** Absent on outcomes. */
  readonly id: string | undefined
}

/**
 * Reads `resourceType` and `id` of a resource.
 * @returns undefined where the type is missing, or either is given twice or is no string
 * @throws ScanError where the bytes are no JSON object
 */
export function headOf(bytes: Buffer): Head | undefined {
  const cursor = new Cursor(bytes)
  const types: (string | undefined)[] = []
  const ids: (string | undefined)[] = []
  cursor.members((start, end) => {
    if (cursor.isName(start, end, 'resourceType')) types.push(cursor.stringValue())
    else if (cursor.isName(start, end, 'id')) ids.push(cursor.stringValue())
    else cursor.skipValue()
  })
  const [resourceType] = types
  if (types.length !== 1 || resourceType === undefined) return undefined
  if (ids.length > 1 || (ids.length === 1 && ids[0] === undefined)) return undefined
  return { resourceType, id: ids[0] }
}

/** A position in JSON text that knows strings and brackets. */
class Cursor {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** Walks an object; `visit` gets the bounds of each name (inside the quotes) and must consume the value. */
  members(visit: (start: number, end: number) => void): void {
    this.#expect(0x7b, 'object')
    if (this.#peek() === 0x7d) {
      this.#at++
      return
    }
    for (;;) {
      this.#expect(QUOTE, 'member name')
      const start = this.#at
      const end = this.#skipString()
      this.#expect(0x3a, 'colon')
      visit(start, end)
      if (this.#peek() !== 0x2c) break
      this.#at++
    }
    this.#expect(0x7d, 'comma or end of object')
  }

  /** Walks an array; `visit` must consume each element. */
  elements(visit: () => void): void {
    this.#expect(0x5b, 'array')
    if (this.#peek() === 0x5d) {
      this.#at++
      return
    }
    for (;;) {
      visit()
      if (this.#peek() !== 0x2c) break
      this.#at++
    }
    this.#expect(0x5d, 'comma or end of array')
  }

  objectSlice(): [number, number] {
    if (this.#peek() !== 0x7b) throw new ScanError('resource object', this.#at)
    const start = this.#at
    this.skipValue()
    return [start, this.#at]
  }

  /** The string here, decoded; undefined where the value is no string. */
  stringValue(): string | undefined {
    if (this.#peek() !== QUOTE) {
      this.skipValue()
      return undefined
    }
    const start = this.#at++
    this.#skipString()
    return decoded(this.#bytes, start, this.#at)
  }

  skipValue(): void {
    const first = this.#peek()
    if (first === 0x7b || first === 0x5b) this.#skipContainer()
    else if (first === QUOTE) {
      this.#at++
      this.#skipString()
    } else this.#skipLiteral()
  }

  end(): void {
    if (this.#peek() !== undefined) throw new ScanError('end of text', this.#at)
  }

  /** A name spelled with escapes is not recognised; the strict parse refuses it. */
  isName(start: number, end: number, name: string): boolean {
    if (end - start !== name.length) return false
    let i = 0
    while (i < name.length && this.#bytes[start + i] === name.charCodeAt(i)) i++
    return i === name.length
  }

  /** Moves to the next byte that is no white space and gives it. */
  #peek(): number | undefined {
    const b = this.#bytes
    let c = b[this.#at]
    while (c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09) c = b[++this.#at]
    return c
  }

  #expect(byte: number, what: string): void {
    if (this.#peek() !== byte) throw new ScanError(what, this.#at)
    this.#at++
  }

  /** From just inside a string to just behind it; gives the index of the closing quote. */
  #skipString(): number {
    const quote = stringEnd(this.#bytes, this.#at, this.#bytes.length)
    if (quote >= this.#bytes.length) throw new ScanError('end of string', this.#bytes.length)
    this.#at = quote + 1
    return quote
  }

  #skipContainer(): void {
    const end = containerEnd(this.#bytes, this.#at)
    if (end === -1) throw new ScanError('closing bracket', this.#bytes.length)
    this.#at = end
  }

  #skipLiteral(): void {
    const b = this.#bytes
    const start = this.#at
    let c = b[start]
    while (c !== undefined && c > 0x20 && c !== 0x2c && c !== 0x5d && c !== 0x7d) c = b[++this.#at]
    if (this.#at === start) throw new ScanError('value', start)
  }
}

function stringEnd(b: Buffer, from: number, n: number): number {
  const near = Math.min(from + NEAR, n)
  let i = from
  while (i < near && b[i] !== QUOTE && b[i] !== BACKSLASH) i++
  return b[i] === QUOTE ? i : closingQuote(b, i, n)
}

/** Index behind the bracket that closes the container at `from`, or -1. The one loop every byte of a page goes through. */
function containerEnd(b: Buffer, from: number): number {
  const n = b.length
  let depth = 0
  let i = from
  while (i < n) {
    const c = b[i++] as number
    if (c === QUOTE) {
      const near = Math.min(i + NEAR, n)
      while (i < near && b[i] !== QUOTE && b[i] !== BACKSLASH) i++
      i = (b[i] === QUOTE ? i : closingQuote(b, i, n)) + 1
    } else if (c > 0x5a) {
      // With bit 0x20 set, both brackets of a kind read alike: `{` 0x7b or `}` 0x7d.
      const bracket = c | 0x20
      if (bracket === 0x7b) depth++
      else if (bracket === 0x7d && --depth === 0) return i
    }
  }
  return -1
}

function decoded(b: Buffer, start: number, end: number): string | undefined {
  try {
    return JSON.parse(b.toString('utf8', start, end))
  } catch {
    return undefined
  }
}

import { isAscii, isUtf8 } from 'node:buffer'
import type { JsonValue } from './fhir.ts'

/**
 * Strict JSON: RFC 8259 grammar in UTF-8 without byte order mark, no duplicate member names (RFC 7493 section 2.3),
 * no member names that reach a JavaScript prototype or are spelled with escapes (no FHIR element name needs one, and
 * readers differ on them, this engine's JSON.parse included), bounded nesting. What can be read in two ways is refused.
 */
export type StrictJsonProblem =
  | 'not-utf8'
  | 'not-json'
  | 'duplicate-key'
  | 'forbidden-key'
  | 'escaped-key'
  | 'too-deep'

/** Names the problem and the byte where it shows, never content. */
export class StrictJsonError extends Error {
  readonly problem: StrictJsonProblem
  readonly offset: number

  constructor(problem: StrictJsonProblem, offset: number) {
    super(`${problem} at byte ${offset}`)
    this.name = 'StrictJsonError'
    this.problem = problem
    this.offset = offset
  }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
/** Names of one object up to here are compared pair by pair, above in a Set: pairs would be quadratic. */
const PAIRWISE = 24
/** String bytes walked one by one before the engine's search takes over: it has a price per call. */
const NEAR = 96
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype'])

/**
 * Parses exactly one JSON value.
 * @param bytes UTF-8 text
 * @param limits `jsonDepth`: deepest allowed nesting of objects and arrays
 * @throws StrictJsonError naming problem and byte offset (0 where JSON.parse gives none)
 */
export function strictParse(bytes: Uint8Array, limits: { readonly jsonDepth: number }): JsonValue {
  const buffer = asBuffer(bytes)
  const text = decode(buffer)
  checkNames(buffer, limits.jsonDepth)
  try {
    return JSON.parse(text)
  } catch {
    // The engine's message quotes the text, so it is not passed on.
    throw new StrictJsonError('not-json', 0)
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** A byte order mark stays in the text, where JSON.parse refuses it. */
function decode(buffer: Buffer): string {
  if (isAscii(buffer)) return buffer.toString('latin1')
  if (!isUtf8(buffer)) throw new StrictJsonError('not-utf8', 0)
  return buffer.toString('utf8')
}

/** Offsets of the member names seen so far, innermost object last; kept between calls, for parsing is synchronous. */
let starts = new Int32Array(256)
let ends = new Int32Array(256)

/**
 * One pass over the bytes: depth and member names. It needs no valid JSON (it always ends inside the buffer) and for
 * valid JSON it is exact: inside an object the string after `{` or `,` is a name.
 */
function checkNames(b: Buffer, maxDepth: number): void {
  const n = b.length
  const isObject = new Uint8Array(maxDepth + 2)
  const bases = new Int32Array(maxDepth + 2)
  const sets: (Set<string> | undefined)[] = []
  let depth = 0
  let top = 0
  let nameNext = false
  let i = 0
  while (i < n) {
    const c = b[i++] as number
    if (c === QUOTE) {
      const start = i
      if (nameNext) {
        nameNext = false
        while (i < n && b[i] !== QUOTE && b[i] !== BACKSLASH) i++
        if (b[i] === BACKSLASH) throw new StrictJsonError('escaped-key', start)
        top = addName(b, start, i++, bases, top, sets, depth)
      } else {
        const near = Math.min(i + NEAR, n)
        while (i < near && b[i] !== QUOTE && b[i] !== BACKSLASH) i++
        i = (b[i] === QUOTE ? i : closingQuote(b, i, n)) + 1
      }
    } else if (c === COMMA) {
      nameNext = isObject[depth] === 1
    } else if (c > 0x5a) {
      // With bit 0x20 set, both brackets of a kind read alike: `{` 0x7b or `}` 0x7d.
      const bracket = c | 0x20
      if (bracket === 0x7b) {
        if (++depth > maxDepth) throw new StrictJsonError('too-deep', i - 1)
        bases[depth] = top
        nameNext = c === 0x7b
        isObject[depth] = nameNext ? 1 : 0
      } else if (bracket === 0x7d) {
        if (depth === 0) throw new StrictJsonError('not-json', i - 1)
        top = bases[depth] as number
        if (sets.length > depth) sets[depth] = undefined
        depth--
        nameNext = false
      }
    }
  }
}

/**
 * Index of the quote that closes a string, or the length of the buffer where none does. A quote counts unless an odd
 * number of backslashes stands before it.
 * @param from inside the string, not after an odd number of backslashes
 */
export function closingQuote(b: Buffer, from: number, n: number): number {
  let quote = b.indexOf(QUOTE, from)
  while (quote !== -1) {
    let back = quote
    while (back > from && b[back - 1] === BACKSLASH) back--
    if (((quote - back) & 1) === 0) return quote
    quote = b.indexOf(QUOTE, quote + 1)
  }
  return n
}

function addName(
  b: Buffer,
  start: number,
  end: number,
  bases: Int32Array,
  top: number,
  sets: (Set<string> | undefined)[],
  depth: number,
): number {
  const base = bases[depth] as number
  const known = sets[depth]
  if (known !== undefined || top - base >= PAIRWISE) {
    sets[depth] = withName(known ?? namesBetween(b, base, top), b, start, end)
    return top
  }
  const length = end - start
  if (mayReachPrototype(b[start], length) && FORBIDDEN.has(b.toString('latin1', start, end))) {
    throw new StrictJsonError('forbidden-key', start)
  }
  for (let j = base; j < top; j++) {
    const other = starts[j] as number
    if (b[other] === b[start] && (ends[j] as number) - other === length && same(b, other, start, length)) {
      throw new StrictJsonError('duplicate-key', start)
    }
  }
  if (top === starts.length) grow()
  starts[top] = start
  ends[top] = end
  return top + 1
}

/** Cheap first look at `__proto__`, `prototype`, `constructor` by first byte and length. */
function mayReachPrototype(first: number | undefined, length: number): boolean {
  return length === 9 ? first === 0x5f || first === 0x70 : length === 11 && first === 0x63
}

function same(b: Buffer, left: number, right: number, length: number): boolean {
  for (let i = 1; i < length; i++) if (b[left + i] !== b[right + i]) return false
  return true
}

function namesBetween(b: Buffer, base: number, top: number): Set<string> {
  const names = new Set<string>()
  for (let j = base; j < top; j++) withName(names, b, starts[j] as number, ends[j] as number)
  return names
}

function withName(names: Set<string>, b: Buffer, start: number, end: number): Set<string> {
  const name = b.toString('utf8', start, end)
  if (FORBIDDEN.has(name)) throw new StrictJsonError('forbidden-key', start)
  if (names.has(name)) throw new StrictJsonError('duplicate-key', start)
  return names.add(name)
}

function grow(): void {
  const moreStarts = new Int32Array(starts.length * 2)
  const moreEnds = new Int32Array(ends.length * 2)
  moreStarts.set(starts)
  moreEnds.set(ends)
  starts = moreStarts
  ends = moreEnds
}

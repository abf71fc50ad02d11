import { foldPoint } from './fold.ts'
import { BELOW_STEM, NOTHING, SEPARATOR, type Vocabulary, WORD } from './vocabulary.ts'

/** The word begins a line; a clause. */
export const LINE_START = 1
export const CLAUSE_START = 2
/** A colon, the end of the line follows the word. */
export const COLON_AFTER = 4
export const LINE_END_AFTER = 8

/** What stands between two words. */
const GAP = { none: 0, dot: 1, hyphen: 2, apostrophe: 3, wrap: 4, other: 5 } as const

const NEWLINE = 10
const HYPHEN = 45
const DOT = 46
const COLON = 58
const APOSTROPHE = 39
const SOFT_HYPHEN = 0xad
const FIRST_SIZE = 1_024
/** Larger arrays are given back after use. */
const LARGEST_KEPT = 1 << 20

/**
 * Reads a text into words of a vocabulary, clauses and phrases. A word is the node of the vocabulary where it ends; `~n`
 * where only its beginning, up to node n, is known. The arrays are used again by the next text.
 */
export class Tokeniser {
  count = 0
  words = new Int32Array(FIRST_SIZE)
  /** Number of the clause, and of the part between commas, colons and brackets, in which each word stands. */
  clauses = new Int32Array(FIRST_SIZE)
  phrases = new Int32Array(FIRST_SIZE)
  flags = new Uint8Array(FIRST_SIZE)
  /** Words written apart: number of the first, of how many, and the word they make together. */
  joins: number[] = []
  readonly #vocabulary: Vocabulary
  readonly #not: number
  readonly #possessive: number
  readonly #negation: number

  #node = 0
  #known = true
  #length = 0
  #lastSymbol = -1
  #gap: number = GAP.other
  #soft = false
  #clause = 0
  #phrase = 0
  #start = LINE_START | CLAUSE_START
  /** A word being joined from parts. */
  #chained = false
  #chainNode = 0
  #chainKnown = true
  #chainAt = 0
  #chainLetters = false

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary
    this.#not = vocabulary.node('not')
    this.#possessive = vocabulary.symbol(115)
    this.#negation = vocabulary.symbol(116)
  }

  /** Time is linear in the text. */
  read(text: string): void {
    this.#reset()
    const { ascii } = this.#vocabulary
    const end = text.length
    let at = 0
    while (at < end) {
      const code = text.charCodeAt(at)
      if (code >= 128) at = this.#other(text, at)
      else if ((ascii[code] ?? SEPARATOR) >= 0) at = this.#letters(text, at)
      else {
        if (ascii[code] === SEPARATOR) this.#separator(code, text, at)
        at++
      }
    }
    if (this.#length > 0) this.#end()
  }

  #reset(): void {
    if (this.words.length > LARGEST_KEPT) this.#resize(FIRST_SIZE)
    this.count = 0
    this.joins = []
    this.#length = 0
    this.#gap = GAP.other
    this.#soft = false
    this.#clause = 0
    this.#phrase = 0
    this.#start = LINE_START | CLAUSE_START
    this.#chained = false
  }

  /** Letters and digits of ASCII as far as they go. */
  #letters(text: string, from: number): number {
    if (this.#length === 0) this.#begin()
    const { ascii, next, width } = this.#vocabulary
    let at = from
    let node = this.#node
    let known = this.#known
    let symbol = -1
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at)
      const here = code < 128 ? (ascii[code] ?? SEPARATOR) : SEPARATOR
      if (here < 0) break
      symbol = here
      if (this.#chained) this.#chain(symbol)
      if (!known) continue
      const below = next[node * width + symbol] ?? 0
      if (below === 0) known = false
      else node = below
    }
    this.#node = node
    this.#known = known
    this.#length += at - from
    this.#lastSymbol = symbol
    return at
  }

  #chain(symbol: number): void {
    if (!this.#chainKnown) return
    const { next, width } = this.#vocabulary
    const below = symbol < width ? (next[this.#chainNode * width + symbol] ?? 0) : 0
    if (below === 0) this.#chainKnown = false
    else this.#chainNode = below
  }

  /** A character beyond ASCII, as it is read. */
  #other(text: string, at: number): number {
    const point = text.codePointAt(at) ?? 32
    const folded = foldPoint(point)
    if (point === SOFT_HYPHEN) this.#soft = this.#length > 0
    for (let i = 0; i < folded.length; i++) {
      const code = folded.charCodeAt(i)
      const symbol = this.#vocabulary.symbol(code)
      if (symbol === SEPARATOR) this.#separator(code, text, at)
      else if (symbol !== NOTHING) this.#letter(symbol)
    }
    return at + (point > 0xffff ? 2 : 1)
  }

  #letter(symbol: number): void {
    if (this.#length === 0) this.#begin()
    const { next, width } = this.#vocabulary
    if (this.#chained) this.#chain(symbol)
    const below = this.#known && symbol < width ? (next[this.#node * width + symbol] ?? 0) : 0
    if (below === 0) this.#known = false
    else this.#node = below
    this.#length++
    this.#lastSymbol = symbol
  }

  #begin(): void {
    const gap = this.#gap
    const joins = gap === GAP.hyphen || gap === GAP.wrap || (gap === GAP.dot && this.#chainLetters)
    if (!joins || this.count === 0) this.#chained = false
    else if (!this.#chained) {
      const before = this.words[this.count - 1] ?? 0
      this.#chained = true
      this.#chainNode = before < 0 ? ~before : before
      this.#chainKnown = before >= 0
      this.#chainAt = this.count - 1
    }
    this.#node = 0
    this.#known = true
    this.#soft = false
  }

  #end(): void {
    const isOne = this.#length === 1
    const apostrophe = this.#gap === GAP.apostrophe && isOne && this.count > 0
    const isPossessive = apostrophe && this.#lastSymbol === this.#possessive
    const isNot = apostrophe && this.#lastSymbol === this.#negation
    this.#length = 0
    this.#chainLetters = isOne
    if (this.#gap === GAP.dot && !isOne) this.#chained = false
    // "doesn't" is does not.
    this.#push(isNot ? this.#not : this.#known ? this.#node : ~this.#node)
    if (isPossessive) this.#possess()
    if (this.#chained) this.#join()
    if (!this.#chainKnown) this.#chained = false
    this.#gap = GAP.none
  }

  /** "Crohn's" is Crohn as well. */
  #possess(): void {
    const owner = this.count - 2
    this.joins.push(owner, 2, this.words[owner] ?? 0)
    this.#chained = false
  }

  #join(): void {
    if (((this.#vocabulary.tells[this.#chainNode] ?? 0) & (this.#chainKnown ? WORD : BELOW_STEM)) === 0)
      return
    const span = this.count - this.#chainAt
    this.joins.push(this.#chainAt, span, this.#chainKnown ? this.#chainNode : ~this.#chainNode)
  }

  #push(word: number): void {
    if (this.count === this.words.length) this.#resize(this.words.length * 2)
    this.words[this.count] = word
    this.clauses[this.count] = this.#clause
    this.phrases[this.count] = this.#phrase
    this.flags[this.count] = this.#start
    this.count++
    this.#start = 0
  }

  #resize(size: number): void {
    const kept = Math.min(this.count, size)
    const copy = <T extends Int32Array | Uint8Array>(from: T, to: T): T => {
      to.set(from.subarray(0, kept))
      return to
    }
    this.words = copy(this.words, new Int32Array(size))
    this.clauses = copy(this.clauses, new Int32Array(size))
    this.phrases = copy(this.phrases, new Int32Array(size))
    this.flags = copy(this.flags, new Uint8Array(size))
  }

  #separator(code: number, text: string, at: number): void {
    if (this.#length > 0) this.#end()
    this.#gap = this.#gapAfter(code)
    if (code === NEWLINE) this.#newline(text, at)
    else if (code === DOT) {
      if (this.#dotEnds(text, at)) this.#endClause()
    } else if (code === 59 || code === 33 || code === 63) this.#endClause()
    else if (
      code === 44 ||
      code === COLON ||
      code === 40 ||
      code === 41 ||
      code === 124 ||
      this.#isDash(code, text, at)
    ) {
      this.#phrase++
      if (code === COLON) this.#after(COLON_AFTER)
    }
  }

  #gapAfter(code: number): number {
    const gap = this.#gap
    if (gap === GAP.none) {
      if (code === DOT) return GAP.dot
      if (code === HYPHEN) return GAP.hyphen
      if (code === APOSTROPHE) return GAP.apostrophe
      return this.#soft && isBlank(code) ? GAP.wrap : GAP.other
    }
    if (gap === GAP.hyphen && (code === NEWLINE || code === 13)) return GAP.wrap
    return gap === GAP.wrap && isBlank(code) ? GAP.wrap : GAP.other
  }

  /** A hyphen with a blank beside it is a dash. */
  #isDash(code: number, text: string, at: number): boolean {
    return code === HYPHEN && this.#gap === GAP.other && isBlank(text.charCodeAt(at + 1))
  }

  /** A line break ends a clause unless a small letter goes on, or the word itself does. */
  #newline(text: string, at: number): void {
    this.#after(LINE_END_AFTER)
    if (this.#gap === GAP.wrap) return
    let next = at + 1
    while (text.charCodeAt(next) === 32 || text.charCodeAt(next) === 9) next++
    const code = text.charCodeAt(next)
    this.#start |= LINE_START
    if (!(code >= 97 && code <= 122)) this.#endClause()
  }

  /** A full stop before white space; not that of an abbreviation in single letters before a small one. */
  #dotEnds(text: string, at: number): boolean {
    if (!isBlank(text.charCodeAt(at + 1)) && at + 1 < text.length) return false
    if (!this.#chained || !this.#chainLetters) return true
    const next = text.charCodeAt(at + 2)
    return !(next >= 97 && next <= 122)
  }

  #endClause(): void {
    this.#clause++
    this.#phrase++
    this.#start |= CLAUSE_START
  }

  #after(flag: number): void {
    if (this.count > 0) this.flags[this.count - 1] = (this.flags[this.count - 1] ?? 0) | flag
  }
}

function isBlank(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13) || code === 0xa0
}

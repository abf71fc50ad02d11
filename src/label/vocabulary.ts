/** What a character is to a tokeniser: 0 and above a letter or digit, else one of these. */
export const SEPARATOR = -1
export const NOTHING = -2

/** A word ends here; it begins with a stem. */
export const WORD = 1
export const BELOW_STEM = 2

const DIGITS = 26
const LATIN = 36

/**
 * Every word that any phrase is made of, as a tree of characters: a text is walked along it once, character by
 * character, and no part of the text is ever copied. Nodes are numbered in depth-first order, so that everything below a
 * node lies in one run of numbers.
 */
export class Vocabulary {
  /** Symbol of each ASCII character. */
  readonly ascii: Int8Array
  /** Symbols of other letters that some word has, by character code. */
  readonly others: ReadonlyMap<number, number>
  readonly width: number
  readonly next: Int32Array
  readonly #last: Int32Array
  readonly size: number

  /** Nodes where a word ends, and all nodes below a stem: what a text must reach to say anything. */
  readonly tells: Uint8Array

  /**
   * @param words folded: small Latin letters, digits and letters that no Latin one looks like; with a `*` at its end
   * what is the beginning of words
   */
  constructor(words: Iterable<string>) {
    const all = [...new Set(words)]
    const sorted = [...new Set(all.map(word => word.replace(/\*$/, '')))].sort()
    this.others = otherLetters(sorted)
    this.width = LATIN + this.others.size
    this.ascii = asciiSymbols()
    const nodes = 1 + sorted.reduce((sum, word) => sum + word.length, 0)
    const next = new Int32Array(nodes * this.width)
    const last = new Int32Array(nodes)
    let size = 1
    for (const word of sorted) {
      const path = [0]
      let node = 0
      for (let i = 0; i < word.length; i++) {
        const at = node * this.width + this.symbol(word.charCodeAt(i))
        // Sorted words make new nodes in depth-first order.
        if (next[at] === 0) next[at] = size++
        node = next[at] ?? 0
        path.push(node)
      }
      for (const each of path) last[each] = size - 1
    }
    this.size = size
    this.next = next.slice(0, size * this.width)
    this.#last = last.slice(0, size)
    this.tells = new Uint8Array(size)
    for (const word of all) {
      const node = this.node(word.replace(/\*$/, ''))
      if (word.endsWith('*')) this.tells.fill(BELOW_STEM | WORD, node, this.lastBelow(node) + 1)
      else this.tells[node] = (this.tells[node] ?? 0) | WORD
    }
  }

  /** Symbol of a character of a folded text; SEPARATOR, NOTHING, or `width` for a letter that no word has. */
  symbol(code: number): number {
    return code < 128 ? (this.ascii[code] ?? SEPARATOR) : (this.others.get(code) ?? this.width)
  }

  /** Node of a word that was given to the constructor. */
  node(word: string): number {
    let node = 0
    for (let i = 0; i < word.length; i++)
      node = this.next[node * this.width + this.symbol(word.charCodeAt(i))] ?? 0
    return node
  }

  /** Whether what ends at `node` begins with what ends at `stem`. */
  isBelow(stem: number, node: number): boolean {
    return node >= stem && node <= (this.#last[stem] ?? 0)
  }

  /** The node above which everything begins so, and the last below it. */
  lastBelow(stem: number): number {
    return this.#last[stem] ?? stem
  }
}

function otherLetters(words: readonly string[]): ReadonlyMap<number, number> {
  const codes = new Set<number>()
  for (const word of words) {
    for (let i = 0; i < word.length; i++) if (word.charCodeAt(i) > 127) codes.add(word.charCodeAt(i))
  }
  return new Map([...codes].map((code, n) => [code, LATIN + n] as const))
}

function asciiSymbols(): Int8Array {
  const symbols = new Int8Array(128).fill(SEPARATOR)
  for (let n = 0; n < 26; n++) symbols[97 + n] = symbols[65 + n] = n
  for (let n = 0; n < 10; n++) symbols[48 + n] = DIGITS + n
  // Control characters are seen by nobody; tab, line feed, form feed and carriage return separate.
  for (let code = 0; code < 32; code++) if (code < 9 || code > 13) symbols[code] = NOTHING
  symbols[127] = NOTHING
  return symbols
}

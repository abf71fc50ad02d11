import { Grammar, grammarWords } from './grammar.ts'
import { type Compiled, Phrases, type Term, type WordRule } from './phrases.ts'
import { PhrasesFound } from './phrases-found.ts'
import { Recent } from './recent.ts'
import { Tokeniser } from './tokens.ts'
import { Vocabulary } from './vocabulary.ts'

const NEAR_WORDS = 10
/** How near an exception across a comma must stand: `Opioid, abuse deterrent tablet`. */
const BESIDE_WORDS = 3
/** Words of the longest phrase, with room to spare. */
const LONGEST_PHRASE = 8
const REACH = NEAR_WORDS + LONGEST_PHRASE
const CACHED_TEXT_CHARACTERS = 300
/** A rule that fails so often in one text speaks: nobody denies a thing ten thousand times. */
const MOST_FAILURES = 10_000
const NONE: readonly never[] = []

/**
 * Finds phrases of all rules in one pass over a text. Time is linear in the text; no regular expression is built, no part
 * of the text is copied.
 */
export class WordMatcher<Hit> {
  readonly #rules: readonly Compiled<Hit>[]
  readonly #terms: readonly Term[]
  readonly #vocabulary: Vocabulary
  readonly #grammar: Grammar
  readonly #tokens: Tokeniser
  /** Terms by the node of their first word; by every node below their first stem. */
  readonly #exact: (readonly Term[] | undefined)[]
  readonly #stems: (readonly Term[] | undefined)[]
  #joinsAt: Int32Array | undefined
  readonly #cache = new Recent<string, readonly Hit[]>(20_000)

  constructor(rules: readonly WordRule<Hit>[]) {
    const phrases = new Phrases()
    this.#rules = rules.map((rule, index) => phrases.compile(rule, index))
    this.#vocabulary = new Vocabulary([...phrases.words(), ...grammarWords()])
    this.#grammar = new Grammar(this.#vocabulary)
    this.#tokens = new Tokeniser(this.#vocabulary)
    this.#terms = phrases.terms(this.#vocabulary)
    this.#exact = new Array(this.#vocabulary.size)
    this.#stems = new Array(this.#vocabulary.size)
    for (const term of this.#terms) this.#index(term)
  }

  /** Hits of all rules that speak, in rule order; the same array for the same short text. */
  match(text: string): readonly Hit[] {
    if (text.length > CACHED_TEXT_CHARACTERS) return this.#hits(text)
    const known = this.#cache.get(text)
    if (known !== undefined) return known
    const hits = this.#hits(text)
    this.#cache.set(text, hits)
    return hits
  }

  #index(term: Term): void {
    const first = term.words[0] ?? 0
    if (term.wild[0] !== true) {
      this.#exact[first] = [...(this.#exact[first] ?? []), term]
      return
    }
    for (let node = first; node <= this.#vocabulary.lastBelow(first); node++)
      this.#stems[node] = [...(this.#stems[node] ?? []), term]
  }

  #hits(text: string): readonly Hit[] {
    const tokens = this.#tokens
    tokens.read(text)
    const found = this.#occurrences()
    if (found.count === 0) return NONE
    this.#grammar.survey(tokens)
    const spoken = this.#spoken(found)
    return spoken.size === 0
      ? NONE
      : this.#rules.flatMap(({ hit }, index) => (spoken.has(index) ? [hit] : []))
  }

  #occurrences(): PhrasesFound {
    const { count, words, joins } = this.#tokens
    const found = new PhrasesFound()
    this.#joinsAt = joins.length === 0 ? undefined : joinsByWord(joins, count)
    for (let at = 0; at < count; at++) {
      this.#collect(words[at] ?? 0, at, at, found)
      for (let join = this.#joinsAt?.[at] ?? -1; join >= 0 && joins[join] === at; join += 3)
        this.#collect(joins[join + 2] ?? 0, at, at + (joins[join + 1] ?? 1) - 1, found)
    }
    return found
  }

  #collect(word: number, start: number, end: number, found: PhrasesFound): void {
    const stems = this.#stems[word < 0 ? ~word : word]
    const exact = word < 0 ? undefined : this.#exact[word]
    if (exact !== undefined) this.#add(exact, start, end, found)
    if (stems !== undefined) this.#add(stems, start, end, found)
  }

  #add(terms: readonly Term[], start: number, end: number, found: PhrasesFound): void {
    for (const term of terms) {
      const last = this.#follow(term, end)
      if (last >= 0) found.add(term.id, start, last)
    }
  }

  /** The last word of the phrase whose first one ends at `end`; -1 where the others do not follow. */
  #follow(term: Term, end: number): number {
    let last = end
    for (let n = 1; n < term.words.length && last >= 0; n++) last = this.#next(term, n, last + 1)
    return last
  }

  #next(term: Term, n: number, at: number): number {
    const { count, words, joins } = this.#tokens
    if (at >= count) return -1
    if (this.#matches(term, n, words[at] ?? 0)) return at
    for (let join = this.#joinsAt?.[at] ?? -1; join >= 0 && joins[join] === at; join += 3)
      if (this.#matches(term, n, joins[join + 2] ?? 0)) return at + (joins[join + 1] ?? 1) - 1
    return -1
  }

  #matches({ words, wild }: Term, n: number, word: number): boolean {
    const wanted = words[n] ?? 0
    return wild[n] === true ? this.#vocabulary.isBelow(wanted, word < 0 ? ~word : word) : word === wanted
  }

  /** Indexes of the rules that speak. */
  #spoken(found: PhrasesFound): ReadonlySet<number> {
    const there = new Set<number>()
    for (let at = 0; at < found.count; at++) there.add(found.terms[at] ?? 0)
    const spoken = new Set<number>()
    const failures = new Map<number, number>()
    const mute = new Map<number, boolean>()
    const isMute = (index: number, { near, all }: Compiled<Hit>): boolean => {
      const known = mute.get(index) ?? !(all.every(term => there.has(term)) && meets(there, near))
      mute.set(index, known)
      return known
    }
    for (let at = 0; at < found.count; at++) {
      for (const index of this.#terms[found.terms[at] ?? 0]?.rules ?? NONE) {
        const rule = this.#rules[index]
        if (rule === undefined || spoken.has(index) || isMute(index, rule)) continue
        if (this.#speaks(rule, at, found)) spoken.add(index)
        else if (found.count > MOST_FAILURES) {
          const failed = (failures.get(index) ?? 0) + 1
          failures.set(index, failed)
          if (failed > MOST_FAILURES) spoken.add(index)
        }
      }
    }
    return spoken
  }

  #speaks(rule: Compiled<Hit>, at: number, found: PhrasesFound): boolean {
    if (rule.near !== undefined && !this.#isClose(rule.near, at, found)) return false
    if (rule.except.size > 0 && this.#isExcepted(rule.except, at, found)) return false
    const start = found.starts[at] ?? 0
    return !(rule.negatable && this.#grammar.isTakenBack(this.#tokens, start, found.ends[at] ?? start))
  }

  /** Whether one of these terms stands near the hit. Looks at its neighbours only: finds are in order of their start. */
  #isClose(terms: ReadonlySet<number>, at: number, found: PhrasesFound): boolean {
    const start = found.starts[at] ?? 0
    for (let i = at; i >= 0 && start - (found.starts[i] ?? 0) <= REACH; i--)
      if (terms.has(found.terms[i] ?? 0) && this.#isNear(at, i, found)) return true
    for (let i = at + 1; i < found.count && (found.starts[i] ?? 0) - start <= REACH; i++)
      if (terms.has(found.terms[i] ?? 0) && this.#isNear(at, i, found)) return true
    return false
  }

  /**
   * Whether one of these terms takes the hit away: it stands in the same part of the sentence, between the same commas, or
   * beside it. What is said of one thing in a list says nothing of the next ("HIV, eGFR 45").
   */
  #isExcepted(terms: ReadonlySet<number>, at: number, found: PhrasesFound): boolean {
    const start = found.starts[at] ?? 0
    for (let i = at; i >= 0 && start - (found.starts[i] ?? 0) <= REACH; i--)
      if (terms.has(found.terms[i] ?? 0) && this.#isNear(at, i, found) && this.#isTogether(at, i, found))
        return true
    for (let i = at + 1; i < found.count && (found.starts[i] ?? 0) - start <= REACH; i++)
      if (terms.has(found.terms[i] ?? 0) && this.#isNear(at, i, found) && this.#isTogether(at, i, found))
        return true
    return false
  }

  #isTogether(a: number, b: number, { starts, ends }: PhrasesFound): boolean {
    const { phrases } = this.#tokens
    const [startA = 0, startB = 0, endA = 0, endB = 0] = [starts[a], starts[b], ends[a], ends[b]]
    if (phrases[startA] === phrases[startB]) return true
    return startB - endA <= BESIDE_WORDS && startA - endB <= BESIDE_WORDS
  }

  #isNear(a: number, b: number, { starts, ends }: PhrasesFound): boolean {
    const { clauses } = this.#tokens
    const startA = starts[a] ?? 0
    const startB = starts[b] ?? 0
    if (clauses[startA] !== clauses[startB]) return false
    return startB - (ends[a] ?? 0) <= NEAR_WORDS && startA - (ends[b] ?? 0) <= NEAR_WORDS
  }
}

/** Index of the first join that begins at each word; -1 where none does. */
function joinsByWord(joins: readonly number[], count: number): Int32Array {
  const first = new Int32Array(count).fill(-1)
  for (let join = joins.length - 3; join >= 0; join -= 3) first[joins[join] ?? 0] = join
  return first
}

function meets(some: ReadonlySet<number>, others: ReadonlySet<number> | undefined): boolean {
  if (others === undefined) return true
  for (const one of some) if (others.has(one)) return true
  return false
}

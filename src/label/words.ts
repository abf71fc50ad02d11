import { LRUCache } from 'lru-cache'
import { type Tokens, tokenise } from './tokens.ts'

/** A words rule as the matcher takes it: phrases of lower-case words, `stem*` for every word that begins so. */
export interface WordRule<Hit> {
  readonly hit: Hit
  readonly any: readonly string[]
  readonly near?: readonly string[] | undefined
  readonly all?: readonly string[] | undefined
  readonly except?: readonly string[] | undefined
  readonly negatable: boolean
}

interface Term {
  readonly words: readonly string[]
  readonly wild: readonly boolean[]
  /** Rules of which this phrase is a hit. */
  readonly rules: Set<number>
}

interface Occurrence {
  readonly term: Term
  readonly start: number
  readonly end: number
}

interface Compiled<Hit> {
  readonly hit: Hit
  readonly near: ReadonlySet<Term> | undefined
  readonly all: readonly Term[]
  readonly except: ReadonlySet<Term>
  readonly negatable: boolean
}

const NEAR_WORDS = 10
const NEGATION_WORDS = 7
/** Words of the longest phrase, with room to spare. */
const LONGEST_PHRASE = 8
const CACHED_TEXT_CHARACTERS = 300
const PIECE_CHARACTERS = 200_000
const OVERLAP_CHARACTERS = 400
const NONE: ReadonlySet<number> = new Set()

const NEGATES_AFTERWARDS = new Set([
  'no',
  'not',
  'denies',
  'denied',
  'denying',
  'without',
  'never',
  'negative',
  'excluded',
])
const NEGATES_NEXT = new Set(['non', 'anti'])
const NEGATES_BEFORE = new Set(['denies', 'denied', 'negative', 'never', 'none', 'excluded'])
const ENDS_NEGATION = new Set(['but', 'however', 'except', 'although', 'though', 'now'])
const RELATIVES = new Set([
  'mother',
  'father',
  'brother',
  'sister',
  'uncle',
  'aunt',
  'grandmother',
  'grandfather',
  'family',
])

/** Finds phrases of all rules in one pass over a text. Time is linear in the text; no regular expression is built. */
export class WordMatcher<Hit> {
  readonly #rules: Compiled<Hit>[] = []
  readonly #terms = new Map<string, Term>()
  readonly #first = new Map<string, Term[]>()
  readonly #stems = new Map<string, Term[]>()
  readonly #stemLengths: number[]
  readonly #cache = new LRUCache<string, readonly Hit[]>({ max: 20_000 })

  constructor(rules: readonly WordRule<Hit>[]) {
    for (const [index, rule] of rules.entries()) this.#add(rule, index)
    for (const term of this.#terms.values()) this.#index(term)
    this.#stemLengths = [...new Set([...this.#stems.keys()].map(stem => stem.length))].sort((a, b) => a - b)
  }

  /** Hits of all rules that speak, in rule order; the same array for the same short text. */
  match(text: string): readonly Hit[] {
    if (text.length > PIECE_CHARACTERS) return this.#inPieces(text)
    if (text.length > CACHED_TEXT_CHARACTERS) return this.#hits(this.#spoken(text))
    const known = this.#cache.get(text)
    if (known !== undefined) return known
    const hits = this.#hits(this.#spoken(text))
    this.#cache.set(text, hits)
    return hits
  }

  /** Long texts are read in pieces that overlap, so that memory stays bounded. */
  #inPieces(text: string): readonly Hit[] {
    const spoken = new Set<number>()
    for (let at = 0; at < text.length; at += PIECE_CHARACTERS - OVERLAP_CHARACTERS) {
      for (const index of this.#spoken(text.slice(at, at + PIECE_CHARACTERS))) spoken.add(index)
    }
    return this.#hits(spoken)
  }

  #hits(spoken: ReadonlySet<number>): readonly Hit[] {
    return [...spoken].sort((a, b) => a - b).flatMap(index => this.#rules[index]?.hit ?? [])
  }

  #add(rule: WordRule<Hit>, index: number): void {
    const terms = (phrases: readonly string[] | undefined): Term[] =>
      (phrases ?? []).map(phrase => this.#term(phrase))
    for (const term of terms(rule.any)) term.rules.add(index)
    this.#rules.push({
      hit: rule.hit,
      near: rule.near === undefined ? undefined : new Set(terms(rule.near)),
      all: terms(rule.all),
      except: new Set(terms(rule.except)),
      negatable: rule.negatable,
    })
  }

  #term(phrase: string): Term {
    const known = this.#terms.get(phrase)
    if (known !== undefined) return known
    const parts = phrase.toLowerCase().split(/\s+/)
    const term: Term = {
      words: parts.map(part => (part.endsWith('*') ? part.slice(0, -1) : part)),
      wild: parts.map(part => part.endsWith('*')),
      rules: new Set(),
    }
    this.#terms.set(phrase, term)
    return term
  }

  #index(term: Term): void {
    const word = term.words[0] ?? ''
    const map = term.wild[0] === true ? this.#stems : this.#first
    const list = map.get(word)
    if (list === undefined) map.set(word, [term])
    else list.push(term)
  }

  /** Indexes of the rules that speak. */
  #spoken(text: string): ReadonlySet<number> {
    const tokens = tokenise(text)
    const found = this.#occurrences(tokens.words)
    if (found.length === 0) return NONE
    const terms = new Set(found.map(({ term }) => term))
    const spoken = new Set<number>()
    for (const [at, { term }] of found.entries()) {
      for (const index of term.rules) {
        const rule = this.#rules[index]
        if (rule === undefined || spoken.has(index) || !rule.all.every(other => terms.has(other))) continue
        if (speaks(rule, at, found, tokens)) spoken.add(index)
      }
    }
    return spoken
  }

  #occurrences(words: readonly string[]): Occurrence[] {
    const found: Occurrence[] = []
    for (let at = 0; at < words.length; at++) {
      const word = words[at] ?? ''
      const exact = this.#first.get(word)
      if (exact !== undefined) collect(exact, words, at, found)
      for (const length of this.#stemLengths) {
        if (length > word.length) break
        const stem = this.#stems.get(word.slice(0, length))
        if (stem !== undefined) collect(stem, words, at, found)
      }
    }
    return found
  }
}

function speaks<Hit>(rule: Compiled<Hit>, at: number, found: readonly Occurrence[], tokens: Tokens): boolean {
  const hit = found[at]
  if (hit === undefined) return false
  if (rule.near !== undefined && !isClose(rule.near, at, found, tokens.clauses)) return false
  if (rule.except.size > 0 && isClose(rule.except, at, found, tokens.clauses)) return false
  return !(rule.negatable && (isNegated(hit, tokens) || isOfRelative(hit, tokens)))
}

/** Whether one of these terms stands near the hit. Looks at its neighbours only: occurrences are in order of start. */
function isClose(
  terms: ReadonlySet<Term>,
  at: number,
  found: readonly Occurrence[],
  clauses: readonly number[],
): boolean {
  const hit = found[at]
  if (hit === undefined) return false
  const reach = NEAR_WORDS + LONGEST_PHRASE
  const far = (other: Occurrence): boolean => Math.abs(other.start - hit.start) > reach
  for (const step of [-1, 1]) {
    for (let i = step < 0 ? at : at + 1; ; i += step) {
      const other = found[i]
      if (other === undefined || far(other)) break
      if (terms.has(other.term) && isNear(hit, other, clauses)) return true
    }
  }
  return false
}

function collect(terms: readonly Term[], words: readonly string[], at: number, found: Occurrence[]): void {
  for (const term of terms) {
    if (standsAt(term, words, at)) found.push({ term, start: at, end: at + term.words.length - 1 })
  }
}

function standsAt(term: Term, words: readonly string[], at: number): boolean {
  for (let i = 1; i < term.words.length; i++) {
    const word = words[at + i]
    const wanted = term.words[i] ?? ''
    if (word === undefined) return false
    if (term.wild[i] === true ? !word.startsWith(wanted) : word !== wanted) return false
  }
  return true
}

function isNear(a: Occurrence, b: Occurrence, clauses: readonly number[]): boolean {
  if (clauses[a.start] !== clauses[b.start]) return false
  return b.start - a.end <= NEAR_WORDS && a.start - b.end <= NEAR_WORDS
}

function isNegated(hit: Occurrence, { words, clauses }: Tokens): boolean {
  const clause = clauses[hit.start]
  for (let i = hit.start - 1; i >= 0 && i >= hit.start - NEGATION_WORDS && clauses[i] === clause; i--) {
    const word = words[i] ?? ''
    if (ENDS_NEGATION.has(word)) break
    if (NEGATES_AFTERWARDS.has(word) || (i === hit.start - 1 && NEGATES_NEXT.has(word))) return true
  }
  for (let i = hit.end + 1; i <= hit.end + 3 && clauses[i] === clause; i++) {
    const word = words[i] ?? ''
    if (ENDS_NEGATION.has(word)) break
    if (NEGATES_BEFORE.has(word)) return true
  }
  return false
}

/** "Mother is an alcoholic", "family history of …"; but "… in mother complicating childbirth" is the patient. */
function isOfRelative(hit: Occurrence, { words, clauses }: Tokens): boolean {
  const clause = clauses[hit.start]
  for (let i = hit.start - 1; i >= 0 && i >= hit.start - NEGATION_WORDS && clauses[i] === clause; i--) {
    const word = words[i] ?? ''
    if (!RELATIVES.has(word) || words[i - 1] === 'in') continue
    if (word !== 'family' || words[i + 1] === 'history') return true
  }
  return false
}

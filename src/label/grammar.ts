import { CLAUSE_START, COLON_AFTER, LINE_END_AFTER, LINE_START, type Tokeniser } from './tokens.ts'
import type { Vocabulary } from './vocabulary.ts'

/**
 * Whether a phrase is denied, or said of a relative: the English around it, not what it means. Only nearness and order
 * are looked at; where they leave doubt, the phrase counts as said of the patient.
 */

const NEGATION_WORDS = 7
const AFTER_WORDS = 3
/** How far back the subject of a clause is sought. */
const SUBJECT_WORDS = 20
const HEADING_WORDS = 6
/** A section on relatives is not believed to be longer. */
const SECTION_WORDS = 200

const list = (words: string): readonly string[] => words.trim().split(/\s+/)

/** Words by what they do. */
const KINDS = {
  negates: list('no not denies denied denying deny without never negative excluded nor neither absence nil'),
  negatesNext: list('non anti'),
  /** "No longer", "not in treatment": what follows is or was there. */
  pseudo:
    list(`longer change changes further improvement improved improving relief increase decrease only necessarily just
    always able stop stopped stopping quit quitting control controlled sober abstinent compliant adherent taking taken
    resolved resolve respond responding refill refills doubt question treatment treated treating therapy medication
    medications meds help follow followup appointment insurance interested ready willing because until sleep eat
    concentrate function cope relax focus`),
  /** After the phrase, at the end of its part: "Opioid abuse: denied", "HIV negative". */
  negatesBefore: list('denies denied negative never none excluded no nil'),
  seen: list('present detected found seen identified reported noted endorsed evident'),
  goesOn: list('by at currently today this as on per ever'),
  ends: list(`but however except although though now yet nevertheless due because since secondary after despite until
    unless than admits admitted endorses endorsed acknowledges acknowledged`),
  /** As first word after a comma they begin a statement of their own. */
  opens:
    list(`has have had having reports reported reporting uses used using is was were be takes taking took drinks
    smokes positive history hx continues continued presents presented presenting diagnosed suffers suffering she he they
    patient pt i on prescribed started admits`),
  joins: list('and also then'),
  relative:
    list(`mother father brother brothers sister sisters sibling siblings uncle aunt grandmother grandfather
    grandparent grandparents grandma grandpa parent parents cousin cousins nephew niece mom dad son daughter`),
  mother: ['mother'],
  side: list('maternal paternal'),
  family: list('family fam'),
  history: list('history hx medical psychiatric'),
  familyHistory: list('fh fhx famhx'),
  /** "… by her father", "lives with mother": not who has it. */
  links: list('in by with from to per'),
  patient: list('patient pt client he she him himself herself self me myself i'),
  possessive: list('his her their my patient the'),
  reports:
    list(`reports reported reporting states stated says said notes noted believes thinks concerned worried
    describes confirms found calls called brought accompanied present visits helps supportive noncontributory unremarkable
    reviewed unknown`),
  in: ['in'],
  not: ['not'],
  no: ['no'],
} as const

type Kind = keyof typeof KINDS

const BITS = new Map((Object.keys(KINDS) as Kind[]).map((kind, n) => [kind, 1 << n] as const))
const bit = (kind: Kind): number => BITS.get(kind) ?? 0
const B = Object.fromEntries(BITS) as Record<Kind, number>

/** Headings of sections on relatives. */
const FAMILY_HEADINGS =
  `family history|family hx|fam hx|family medical history|family psychiatric history|fh|fhx|famhx|
  family mental health history|family history of mental illness|family history of substance abuse`
    .split('|')
    .map(list)

/** Headings that are known without a colon, on a line of their own. */
const HEADINGS =
  `social history|social hx|sh|allergies|review of systems|ros|past medical history|pmh|pmhx|medications|
  current medications|home medications|past surgical history|surgical history|assessment|plan|assessment and plan|impression|
  physical exam|physical examination|history of present illness|hpi|chief complaint|vital signs|vitals|labs|laboratory|
  results|problem list|problems|active problems|diagnosis|diagnoses|hospital course|mental status|mental status exam|
  substance use|substance use history|substance abuse history|psychiatric history|past psychiatric history|subjective|
  objective|immunizations|procedures|encounters|goals|functional status|plan of care|plan of treatment|obstetric history|
  gynecologic history|sexual history|medical history|recommendations|discharge diagnosis|reason for visit|notes|history`
    .split('|')
    .map(list)

/** All words the grammar knows. */
export function grammarWords(): readonly string[] {
  return [...Object.values(KINDS), ...FAMILY_HEADINGS, ...HEADINGS].flat()
}

interface Heading {
  readonly nodes: readonly number[]
  readonly family: boolean
}

/** The grammar over one vocabulary. */
export class Grammar {
  readonly #kinds: Int32Array
  readonly #headings = new Map<number, Heading[]>()
  /** Marks the words of sections on relatives; empty where there are none. */
  #family = new Uint8Array(0)

  constructor(vocabulary: Vocabulary) {
    this.#kinds = new Int32Array(vocabulary.size)
    for (const [kind, words] of Object.entries(KINDS))
      for (const word of words) {
        const node = vocabulary.node(word)
        this.#kinds[node] = (this.#kinds[node] ?? 0) | bit(kind as Kind)
      }
    const add = (headings: readonly (readonly string[])[], family: boolean): void => {
      for (const words of headings) {
        const nodes = words.map(word => vocabulary.node(word))
        const first = nodes[0] ?? 0
        this.#headings.set(first, [...(this.#headings.get(first) ?? []), { nodes, family }])
      }
    }
    add(FAMILY_HEADINGS, true)
    add(HEADINGS, false)
  }

  /** Finds the sections of a text; call it before asking about the text. */
  survey(tokens: Tokeniser): void {
    this.#family = new Uint8Array(0)
    let left = 0
    for (let at = 0; at < tokens.count; at++) {
      const starts = ((tokens.flags[at] ?? 0) & (LINE_START | CLAUSE_START)) !== 0
      if (starts && left > 0 && this.#endsSection(tokens, at)) left = 0
      const heading = starts ? this.#heading(tokens, at) : undefined
      if (heading?.family === true) {
        left = SECTION_WORDS
        if (this.#family.length === 0) this.#family = new Uint8Array(tokens.count)
        at += heading.nodes.length - 1
      } else if (left > 0) {
        this.#family[at] = 1
        left--
      }
    }
  }

  /** Whether words `start` to `end` are denied or said of a relative. */
  isTakenBack(tokens: Tokeniser, start: number, end: number): boolean {
    return (
      this.#isNegated(tokens, start) ||
      this.#isNegatedAfter(tokens, end) ||
      this.#isOfRelative(tokens, start, end) ||
      this.#isOfRelativeAfter(tokens, end)
    )
  }

  #is(tokens: Tokeniser, at: number, bits: number): boolean {
    const word = tokens.words[at] ?? -1
    return at >= 0 && at < tokens.count && word >= 0 && ((this.#kinds[word] ?? 0) & bits) !== 0
  }

  #isNegated(tokens: Tokeniser, start: number): boolean {
    const { clauses, phrases } = tokens
    const clause = clauses[start]
    for (let at = start - 1; at >= 0 && at >= start - NEGATION_WORDS && clauses[at] === clause; at--) {
      if (this.#is(tokens, at, B.ends)) return this.#is(tokens, at - 1, B.not)
      if (phrases[at] !== phrases[at + 1] && this.#opens(tokens, at + 1)) return false
      if (at === start - 1 && this.#is(tokens, at, B.negatesNext)) return true
      if (this.#is(tokens, at, B.negates)) return !this.#is(tokens, at + 1, B.pseudo)
    }
    return false
  }

  #opens(tokens: Tokeniser, at: number): boolean {
    return this.#is(tokens, this.#is(tokens, at, B.joins) ? at + 1 : at, B.opens)
  }

  #isNegatedAfter(tokens: Tokeniser, end: number): boolean {
    const { clauses } = tokens
    const clause = clauses[end]
    for (let at = end + 1; at <= end + AFTER_WORDS && at < tokens.count && clauses[at] === clause; at++) {
      if (this.#is(tokens, at, B.ends)) return false
      if (this.#is(tokens, at, B.not) && this.#is(tokens, at + 1, B.seen)) return true
      if (this.#is(tokens, at, B.negatesBefore) && this.#closes(tokens, at)) return true
    }
    return false
  }

  /** Whether nothing follows in the part that the word could speak of instead. */
  #closes(tokens: Tokeniser, at: number): boolean {
    return (
      at + 1 >= tokens.count ||
      tokens.phrases[at + 1] !== tokens.phrases[at] ||
      this.#is(tokens, at + 1, B.goesOn)
    )
  }

  /** "Mother is an alcoholic", "family history of …", a section on relatives. */
  #isOfRelative(tokens: Tokeniser, start: number, end: number): boolean {
    const { clauses } = tokens
    const clause = clauses[start]
    // "Her father beat her": the patient is who it was done to.
    for (let at = end + 1; at <= end + 2 && clauses[at] === clause && at < tokens.count; at++)
      if (this.#is(tokens, at, B.patient | B.possessive) && !this.#is(tokens, at + 1, B.relative))
        return false
    for (let at = start - 1; at >= start - SUBJECT_WORDS && at >= 0 && clauses[at] === clause; at--) {
      if (this.#is(tokens, at, B.patient | B.reports)) return false
      if (start - at > NEGATION_WORDS) continue
      if (this.#isFamilyHistory(tokens, at)) return true
      if (this.#is(tokens, at, B.relative)) return !this.#isLinked(tokens, at)
    }
    return this.#family[start] === 1
  }

  #isFamilyHistory(tokens: Tokeniser, at: number): boolean {
    if (this.#is(tokens, at, B.familyHistory)) return true
    return this.#is(tokens, at, B.family) && this.#is(tokens, at + 1, B.history)
  }

  #isLinked(tokens: Tokeniser, at: number): boolean {
    const before = this.#is(tokens, at - 1, B.possessive) ? at - 2 : at - 1
    return tokens.clauses[before] === tokens.clauses[at] && this.#is(tokens, before, B.links)
  }

  /** "Alcoholism (father)", "in sister"; "in mother, complicating childbirth" is the patient. */
  #isOfRelativeAfter(tokens: Tokeniser, end: number): boolean {
    let at = end + 1
    if (this.#is(tokens, at, B.in)) at++
    if (this.#is(tokens, at, B.possessive)) at++
    if (tokens.clauses[at] !== tokens.clauses[end] || !this.#is(tokens, at, B.relative)) return false
    // "Lactating mother", "… in mother": the patient; "(mother)" is not.
    if (this.#is(tokens, at, B.mother) && tokens.phrases[at] === tokens.phrases[end]) return false
    return this.#closes(tokens, at)
  }

  #heading(tokens: Tokeniser, at: number): Heading | undefined {
    const word = tokens.words[at] ?? -1
    const found = word < 0 ? undefined : this.#headings.get(word)
    return found?.find(({ nodes, family }) => {
      if (!nodes.every((node, n) => tokens.words[at + n] === node)) return false
      const after = tokens.flags[at + nodes.length - 1] ?? 0
      return (after & (family ? COLON_AFTER | LINE_END_AFTER : LINE_END_AFTER)) !== 0
    })
  }

  /** A known heading, or a few words before a colon that name no relative. */
  #endsSection(tokens: Tokeniser, at: number): boolean {
    if (this.#heading(tokens, at) !== undefined) return true
    for (let n = 0; n < HEADING_WORDS && at + n < tokens.count; n++) {
      if (this.#is(tokens, at + n, B.relative | B.side)) return false
      if (n > 0 && tokens.clauses[at + n] !== tokens.clauses[at]) return false
      if (((tokens.flags[at + n] ?? 0) & COLON_AFTER) !== 0) return true
    }
    return false
  }
}

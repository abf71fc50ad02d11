import { foldText } from './fold.ts'
import type { Vocabulary } from './vocabulary.ts'

/** A words rule as the matcher takes it: phrases of lower-case words, `stem*` for every word that begins so. */
export interface WordRule<Hit> {
  readonly hit: Hit
  readonly any: readonly string[]
  readonly near?: readonly string[] | undefined
  readonly all?: readonly string[] | undefined
  readonly except?: readonly string[] | undefined
  readonly negatable: boolean
}

export interface Term {
  readonly id: number
  /** Nodes of the vocabulary. */
  readonly words: readonly number[]
  readonly wild: readonly boolean[]
  /** Rules of which this phrase is a hit. */
  readonly rules: readonly number[]
}

export interface Compiled<Hit> {
  readonly hit: Hit
  readonly near: ReadonlySet<number> | undefined
  readonly all: readonly number[]
  readonly except: ReadonlySet<number>
  readonly negatable: boolean
}

/** The phrases of all rules, each once. */
export class Phrases {
  readonly #ids = new Map<string, number>()
  readonly #rules: number[][] = []

  compile<Hit>(rule: WordRule<Hit>, index: number): Compiled<Hit> {
    for (const id of this.#idsOf(rule.any)) this.#rules[id]?.push(index)
    return {
      hit: rule.hit,
      near: rule.near === undefined ? undefined : new Set(this.#idsOf(rule.near)),
      // One spelling of each is asked for, as it is written.
      all: (rule.all ?? []).map(phrase => this.#id(phrase)),
      except: new Set(this.#idsOf(rule.except ?? [])),
      negatable: rule.negatable,
    }
  }

  words(): string[] {
    return [...this.#ids.keys()].flatMap(phrase => phrase.split(' '))
  }

  terms(vocabulary: Vocabulary): readonly Term[] {
    return [...this.#ids].map(([phrase, id]) => {
      const parts = phrase.split(' ')
      return {
        id,
        words: parts.map(part => vocabulary.node(part.replace(/\*$/, ''))),
        wild: parts.map(part => part.endsWith('*')),
        rules: this.#rules[id] ?? [],
      }
    })
  }

  #idsOf(phrases: readonly string[]): number[] {
    return phrases.flatMap(spellings).map(phrase => this.#id(phrase))
  }

  #id(written: string): number {
    const phrase = plain(written)
    const known = this.#ids.get(phrase)
    if (known !== undefined) return known
    const id = this.#ids.size
    this.#ids.set(phrase, id)
    this.#rules.push([])
    return id
  }
}

function plain(phrase: string): string {
  return foldText(phrase).trim().split(/\s+/).join(' ')
}

/** `phq 9` is also written `phq9`. */
function spellings(phrase: string): string[] {
  const folded = plain(phrase)
  const joined = folded.replace(/(?<=(^| )[a-z]+) (?=\d+\*?( |$))/g, '')
  return joined === folded ? [folded] : [folded, joined]
}

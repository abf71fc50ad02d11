import { isLoinc } from './codes.ts'
import { Recent } from './recent.ts'

/** What a URL or an id of an item says by the way it is made: `…/Questionnaire/phq-9`, `loinc.org/q/44249-1`. */
export interface Spelled {
  /** Words, one spelling after the other; empty where there are none. */
  readonly words: string
  /** LOINC codes, checked by their check digit. */
  readonly loinc: readonly string[]
}

const LONGEST = 500
const SEEN = new Recent<string, Spelled>(5_000)
const LOINC_PARTS = /(?:^|[/#=|:._])(\d{3,7}-\d)(?=$|[/#?&|:._])/g

/**
 * Reads the last part of a URL, or all of an id, without its version. A longer one than 500 characters is read as it
 * stands.
 */
export function spelledOut(text: string): Spelled {
  const known = SEEN.get(text)
  if (known !== undefined) return known
  if (text.length > LONGEST) return { words: text, loinc: [] }
  const spelled = { words: wordsOf(text), loinc: loincIn(text) }
  SEEN.set(text, spelled)
  return spelled
}

function loincIn(text: string): readonly string[] {
  return [...text.matchAll(LOINC_PARTS)].flatMap(([, code = '']) => (isLoinc(code) ? [code] : []))
}

function wordsOf(text: string): string {
  const path = unescaped(text.replace(/\|.*$/s, ''))
    .replace(/^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i, '')
    .replace(/^urn:[a-z\d-]+:/i, '')
  const plain = path
    .replace(/^.*\/(?=[^/])/s, '')
    .replace(/[^\p{L}\p{N}\p{M}\p{Cf}]+/gu, ' ')
    .trim()
  // `alcoholUse` is two words, `HIV` is one.
  const apart = plain.replace(/(?<=\p{Ll})(?=\p{Lu})/gu, ' ')
  return apart === plain ? plain : `${plain}\n\n${apart}`
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const T = 116
const Z = 122

/** Whether there is more than digits and signs and the letters of a time (`2026-01-01T00:00:00Z`). */
export function hasWords(text: string): boolean {
  let letters = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i) | 32
    if (code > 127) return true
    if (code >= 97 && code <= 122 && ((code !== T && code !== Z) || ++letters === 3)) return true
  }
  return false
}

/** Whether a string is a URL or the like: no blank, some part of a path. */
export function isLink(text: string): boolean {
  return (text.includes('/') || text.startsWith('urn:')) && !/\s/.test(text.slice(0, LONGEST))
}

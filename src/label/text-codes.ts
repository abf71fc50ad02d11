import type { CompiledRules, RuleHit } from './compile.ts'
import { ICD10 } from './systems.ts'

/**
 * Codes of ICD-10-CM that stand by themselves in a text ("Assessment: F11.20", `DG1|1||F11.20^…`): a letter, two
 * characters, a dot and one to four more. No other system has codes that nothing else looks like.
 */
const CODE = /[A-TV-Z]\d[0-9AB]\.[0-9ABCX][0-9A-Z]{0,3}(?=$|[\s|^~&)\]},;:"'<*/+!?–-]|\.(?:\s|$))/gm
/** What may stand before one. */
const BEFORE = /[\s|^~&([{,;:"'>*•–=+]/

/** What is numbered likewise, and temperatures. */
const NUMBERED =
  /(?:\b(?:room|rm|bed|ward|suite|unit|bay|floor|locker|box|shelf|gate|building|bldg|version|ver|v|release|rev|revision|lot|model|serial|part|item|ref|section|sec|chapter|appendix|table|figure|fig|page|form|ext|temp|temperature|tmax|t|f)|#)[ \t]*[.:#=]?[ \t]*(?:no\.?[ \t]*)?$/i
const LONGEST_WORD = 24
const MEASURED = /^ ?(?:(?:mg|mcg|ug|g|kg|ml|l|mm|cm|m|mmol|iu|u|units?|c|f)\b|°|%)/i

/** The surest that a code without its system is. */
const SUREST = 0.8
/** Different codes of one text that are looked up. */
const MOST_CODES = 5_000

/** The matcher of words, which also reads codes in texts that are no display of a coding. */
export function withCodesInText(
  words: CompiledRules['words'],
  codes: CompiledRules['codes'],
): CompiledRules['words'] {
  const lowered = new WeakMap<RuleHit, RuleHit>()
  return (text, system) => {
    const hits = words(text, system)
    if (system !== undefined) return hits
    const found = codesIn(text)
    if (found.size === 0) return hits
    const told = new Set<RuleHit>()
    for (const code of found)
      for (const hit of codes(ICD10, code).content) if (hit.labels.length > 0) told.add(hit)
    return told.size === 0 ? hits : [...hits, ...[...told].map(hit => lessSure(hit, lowered))]
  }
}

/** ICD-10-CM codes that stand alone in the text, each once. */
export function codesIn(text: string): ReadonlySet<string> {
  const found = new Set<string>()
  if (!text.includes('.')) return found
  for (const { 0: code, index } of text.matchAll(CODE)) {
    if (found.size >= MOST_CODES) break
    // "T40.2" is a fever; a poisoning has six characters or more.
    if (code.startsWith('T') && code.length < 7) continue
    if (index > 0 && !BEFORE.test(text[index - 1] ?? '')) continue
    const end = index + code.length
    if (NUMBERED.test(text.slice(Math.max(index - LONGEST_WORD, 0), index))) continue
    if (MEASURED.test(text.slice(end, end + LONGEST_WORD))) continue
    found.add(code)
  }
  return found
}

function lessSure(hit: RuleHit, known: WeakMap<RuleHit, RuleHit>): RuleHit {
  const before = known.get(hit)
  if (before !== undefined) return before
  const labels = hit.labels.map(label => ({ ...label, confidence: Math.min(label.confidence, SUREST) }))
  const lower = { ...hit, labels }
  known.set(hit, lower)
  return lower
}

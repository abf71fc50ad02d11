import type { Compiled } from './compile.ts'

/** Cues as the matcher of words and the tables of codes take them: hits that put no label. */

/** Phrases that count anywhere, and those that count where an element tells why something is done. */
export function cueWords({ rule, hit }: Compiled<'cue'>): Compiled<'words'>[] {
  const { id, any, near, except, reasons } = rule
  const rest = { id, kind: 'words', confidence: 1, ...(except === undefined ? {} : { except }) } as const
  const anywhere = { rule: { ...rest, any, ...(near === undefined ? {} : { near }) }, hit }
  if (reasons === undefined) return [anywhere]
  return [
    anywhere,
    { rule: { ...rest, any: reasons }, hit: { rule: hit.rule, labels: [], reasonCue: hit.rule } },
  ]
}

export function cuePrefixes({ rule, hit }: Compiled<'cue'>): Compiled<'prefix'>[] {
  return Object.entries(rule.prefixes ?? {}).map(([system, prefixes]) => ({
    rule: { id: rule.id, kind: 'prefix', system, prefixes, confidence: 1 },
    hit,
  }))
}

/** What was done for what: R4 `reasonCode`, `reasonReference`, dosage, the diagnosis of a claim. */
const REASON = /^(?:reason|dosage|diagnosis|indication)/
/** Types that are themselves what others name as their reason. */
const REASONS = new Set(['Condition'])

/**
 * Whether an element tells why something is done.
 * @param type of the innermost resource
 * @param element path in it, without indexes
 */
export function tellsReason(type: string, element: string): boolean {
  return REASON.test(element) || (REASONS.has(type) && /^code\b/.test(element))
}

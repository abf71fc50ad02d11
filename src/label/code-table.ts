import { canonicalCode, type Field, type Reading, readings, tableCode } from './codes.ts'
import type { CodeHits, CompiledRules, RuleHit, RuleOf } from './compile.ts'
import { RecentPairs } from './recent.ts'
import { canonicalSystem, NDC } from './systems.ts'

interface Prefix {
  readonly hit: RuleHit
  readonly except: readonly string[]
}

/** The highest confidence of a hit whose system is a guess among others. */
const GUESSED = 0.6

/** Longer codes are looked up and not kept. */
const LONGEST_KEPT = 300

/**
 * Hashed tables of listed codes and of prefixes, memoised by system and code as they are written. A code is looked up in
 * every table that it may belong to (`readings`); where its system is a guess among others, no label is surer than 0.6.
 */
export function codeTable(
  codes: readonly { rule: RuleOf<'code'>; hit: RuleHit }[],
  documents: readonly { rule: RuleOf<'document'>; hit: RuleHit }[],
  prefixes: readonly { rule: RuleOf<'prefix'>; hit: RuleHit }[],
): CompiledRules['codes'] {
  const keyed = (list: readonly { rule: RuleOf<'code'> | RuleOf<'document'>; hit: RuleHit }[]) =>
    groupBy(
      list.flatMap(({ rule, hit }) => {
        const system = canonicalSystem(rule.system)
        return rule.codes.map(code => [`${system}|${tableCode(system, code)}`, hit] as const)
      }),
    )
  const exact = keyed(codes)
  const document = keyed(documents)
  const tables = prefixTables(prefixes)
  const lowered = new Map<RuleHit, RuleHit>()
  const contentOf = ({ system, code, certain }: Reading): readonly RuleHit[] => {
    const hits = [...(exact.get(`${system}|${code}`) ?? []), ...byPrefix(tables.get(system), code)]
    return certain ? hits : hits.map(hit => guessed(hit, lowered))
  }
  const find = (system: string | undefined, code: string, field: Field | undefined): CodeHits => {
    const all = readings(system, code, field)
    const content = unique(all.flatMap(contentOf))
    const kinds = unique(all.flatMap(each => document.get(`${each.system}|${each.code}`) ?? []))
    return { content, document: kinds }
  }
  // By system as it is written, with the kind of element where that matters.
  const cache = new RecentPairs<string, string, CodeHits>(50_000)
  return (system = '', code, field) => {
    const group = field === undefined ? system : `${field} ${system}`
    const known = cache.get(group, code)
    if (known !== undefined) return known
    const hits = find(system, code, field)
    if (code.length <= LONGEST_KEPT && group.length <= LONGEST_KEPT) cache.set(group, code, hits)
    return hits
  }
}

function guessed(hit: RuleHit, known: Map<RuleHit, RuleHit>): RuleHit {
  const found = known.get(hit)
  if (found !== undefined) return found
  const labels = hit.labels.map(label => ({ ...label, confidence: Math.min(label.confidence, GUESSED) }))
  const lower = { ...hit, labels }
  known.set(hit, lower)
  return lower
}

function unique(hits: readonly RuleHit[]): readonly RuleHit[] {
  return hits.length < 2 ? hits : [...new Set(hits)]
}

function prefixTables(
  prefixes: readonly { rule: RuleOf<'prefix'>; hit: RuleHit }[],
): ReadonlyMap<string, ReadonlyMap<string, readonly Prefix[]>> {
  const tables = new Map<string, Map<string, Prefix[]>>()
  for (const { rule, hit } of prefixes) {
    const system = canonicalSystem(rule.system)
    const table = tables.get(system) ?? new Map<string, Prefix[]>()
    tables.set(system, table)
    const expand = (text: string): string[] =>
      expandRange(text).map(prefix => (system === NDC ? tableCode(NDC, prefix) : prefix))
    const except = (rule.except ?? []).flatMap(expand)
    for (const prefix of rule.prefixes.flatMap(expand)) {
      const list = table.get(prefix)
      if (list === undefined) table.set(prefix, [{ hit, except }])
      else list.push({ hit, except })
    }
  }
  return tables
}

/** No table has longer prefixes. */
const LONGEST_PREFIX = 20

function byPrefix(table: ReadonlyMap<string, readonly Prefix[]> | undefined, code: string): RuleHit[] {
  if (table === undefined) return []
  const hits: RuleHit[] = []
  for (let length = 1; length <= Math.min(code.length, LONGEST_PREFIX); length++) {
    for (const { hit, except } of table.get(code.slice(0, length)) ?? []) {
      if (!except.some(prefix => code.startsWith(prefix))) hits.push(hit)
    }
  }
  return hits
}

/** `F10-F16` → F10, F11 … F16; `G2067-G2080` likewise; anything else is a prefix by itself. */
function expandRange(text: string): string[] {
  const plain = canonicalCode(text)
  const range = /^([A-Z]*)(\d+)-\1(\d+)$/.exec(plain)
  if (range === null) return [plain]
  const [, letters = '', first = '', last = ''] = range
  const numbers = Array.from({ length: Number(last) - Number(first) + 1 }, (_, i) => Number(first) + i)
  return numbers.map(number => letters + String(number).padStart(first.length, '0'))
}

/** Hits by key, in order. */
export function groupBy(
  pairs: readonly (readonly [string, RuleHit])[],
): ReadonlyMap<string, readonly RuleHit[]> {
  const map = new Map<string, RuleHit[]>()
  for (const [key, hit] of pairs) {
    const list = map.get(key)
    if (list === undefined) map.set(key, [hit])
    else list.push(hit)
  }
  return map
}

import { LRUCache } from 'lru-cache'
import type { CodeHits, CompiledRules, RuleHit, RuleOf } from './compile.ts'
import { canonicalCode, canonicalSystem, systemByShape } from './systems.ts'

interface Prefix {
  readonly hit: RuleHit
  readonly except: readonly string[]
}

const NONE: CodeHits = { content: [], document: [] }

/** Hashed tables of listed codes and of prefixes, memoised by system and code as they are written. */
export function codeTable(
  codes: readonly { rule: RuleOf<'code'>; hit: RuleHit }[],
  documents: readonly { rule: RuleOf<'document'>; hit: RuleHit }[],
  prefixes: readonly { rule: RuleOf<'prefix'>; hit: RuleHit }[],
): CompiledRules['codes'] {
  const keyed = (list: readonly { rule: RuleOf<'code'> | RuleOf<'document'>; hit: RuleHit }[]) =>
    groupBy(
      list.flatMap(({ rule, hit }) => {
        const system = canonicalSystem(rule.system)
        return rule.codes.map(code => [`${system}|${canonicalCode(code)}`, hit] as const)
      }),
    )
  const exact = keyed(codes)
  const document = keyed(documents)
  const tables = prefixTables(prefixes)
  const cache = new LRUCache<string, CodeHits>({ max: 50_000 })
  return (system, code) => {
    const written = `${system ?? ''}|${code}`
    const known = cache.get(written)
    if (known !== undefined) return known
    const normal = canonicalCode(code)
    const canonical = canonicalSystem(system) || systemByShape(code)
    const key = `${canonical}|${normal}`
    const content = [...(exact.get(key) ?? []), ...byPrefix(tables.get(canonical), normal)]
    const hits =
      content.length > 0 || document.has(key) ? { content, document: document.get(key) ?? [] } : NONE
    cache.set(written, hits)
    return hits
  }
}

function prefixTables(
  prefixes: readonly { rule: RuleOf<'prefix'>; hit: RuleHit }[],
): ReadonlyMap<string, ReadonlyMap<string, readonly Prefix[]>> {
  const tables = new Map<string, Map<string, Prefix[]>>()
  for (const { rule, hit } of prefixes) {
    const system = canonicalSystem(rule.system)
    const table = tables.get(system) ?? new Map<string, Prefix[]>()
    tables.set(system, table)
    const except = (rule.except ?? []).flatMap(expandRange)
    for (const prefix of rule.prefixes.flatMap(expandRange)) {
      const list = table.get(prefix)
      if (list === undefined) table.set(prefix, [{ hit, except }])
      else list.push({ hit, except })
    }
  }
  return tables
}

function byPrefix(table: ReadonlyMap<string, readonly Prefix[]> | undefined, code: string): RuleHit[] {
  if (table === undefined) return []
  const hits: RuleHit[] = []
  for (let length = 1; length <= code.length; length++) {
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

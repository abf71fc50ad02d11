import type { Coding } from '../model/fhir.ts'
import type { LocalCode } from '../model/rules.ts'
import { canonicalCode } from './codes.ts'
import type { CodeHits, CompiledRules, RuleHit } from './compile.ts'
import { canonicalSystem } from './systems.ts'

/**
 * The look-up of codes, with the site's own codes read as what its ConceptMaps say they stand for: a local code gets
 * every label that any of its targets gets, by code or by display, beside its own. Targets are not translated again.
 */
export function withLocalCodes(
  codes: CompiledRules['codes'],
  words: CompiledRules['words'],
  localCodes: readonly LocalCode[],
): CompiledRules['codes'] {
  if (localCodes.length === 0) return codes
  const local = new Map<string, CodeHits>()
  for (const { system, code, map, targets } of localCodes) {
    const key = keyOf(system, code)
    const found = targets.map(target => translated(codes, words, target, map))
    const hits = [local.get(key), ...found].filter(each => each !== undefined)
    local.set(key, joined(hits))
  }
  return (system, code, field) => {
    const own = codes(system, code, field)
    const mapped = system === undefined ? undefined : local.get(keyOf(system, code))
    return mapped === undefined ? own : joined([own, mapped])
  }
}

function keyOf(system: string, code: string): string {
  return `${canonicalSystem(system)}|${canonicalCode(code)}`
}

function translated(
  codes: CompiledRules['codes'],
  words: CompiledRules['words'],
  { system, code, display }: Coding,
  map: string,
): CodeHits {
  const { content, document } = codes(system, code)
  const spoken =
    display === undefined ? [] : words(display, system === undefined ? undefined : canonicalSystem(system))
  const via = `${map}: ${system ?? ''}|${code}`
  const named = (hit: RuleHit): RuleHit => ({ ...hit, labels: hit.labels.map(label => ({ ...label, via })) })
  return { content: [...content, ...spoken].map(named), document: document.map(named) }
}

function joined(all: readonly CodeHits[]): CodeHits {
  return {
    content: all.flatMap(({ content }) => content),
    document: all.flatMap(({ document }) => document),
  }
}

import type { SiteRegistry } from '../model/decision.ts'
import type { Coding } from '../model/fhir.ts'
import type { Label } from '../model/label.ts'
import { canonicalCode } from './codes.ts'
import type { CompiledRules } from './compile.ts'
import { labelsOf } from './lineage.ts'
import { RecentPairs } from './recent.ts'
import { canonicalSystem } from './systems.ts'

/**
 * Reads the site's `registry.separateNotes`: which document category or type means notes kept separate from
 * the record (45 CFR 164.501, 42 CFR 2.11). An entry of another shape is passed over: the configuration check names it.
 */
export function separateNotes(
  registry: SiteRegistry,
  rules: CompiledRules,
): (codings: readonly Coding[]) => Label[] {
  const kinds = new Map(entries(registry.other['separateNotes']))
  if (kinds.size === 0) return () => []
  const kindOf = new RecentPairs<string, string, { readonly kind: string | undefined }>(10_000)
  const find = (coding: Coding): { readonly kind: string | undefined } => {
    const known = kindOf.get(coding.system ?? '', coding.code)
    if (known !== undefined) return known
    const found = { kind: kinds.get(keyOf(coding)) }
    kindOf.set(coding.system ?? '', coding.code, found)
    return found
  }
  return codings =>
    codings.flatMap(coding => {
      const { kind } = find(coding)
      return kind === undefined
        ? []
        : labelsOf(
            rules.separateNotes.get(kind) ?? [],
            'document',
            `coding ${coding.system ?? ''}|${coding.code}`,
          )
    })
}

function entries(value: unknown): (readonly [string, string])[] {
  if (!Array.isArray(value)) return []
  return value.flatMap((entry: { coding?: { system?: unknown; code?: unknown }; kind?: unknown } | null) => {
    const { coding, kind } = entry ?? {}
    if (typeof coding?.code !== 'string' || typeof kind !== 'string') return []
    const system = typeof coding.system === 'string' ? { system: coding.system } : {}
    return [[keyOf({ code: coding.code, ...system }), kind] as const]
  })
}

function keyOf({ system, code }: Coding): string {
  return `${canonicalSystem(system)}|${canonicalCode(code)}`
}

import type { JsonObject, JsonValue } from '../model/fhir.ts'
import { LabelRulesError } from './label-rules-error.ts'

/** Codes of one system that a value set lists. */
export interface ListedCodes {
  readonly system: string
  readonly codes: readonly string[]
}

/**
 * The codes of an R4 ValueSet that lists them: `compose.include.concept` without those of `compose.exclude`, or, where it
 * has no compose, its expansion. One that only says how to find them (a filter, another value set, a whole code system)
 * would need a terminology server. https://hl7.org/fhir/R4/valueset.html
 * @throws LabelRulesError naming file, place and what was expected
 */
export function readValueSet(file: string, text: string): readonly ListedCodes[] {
  const fail = (place: string, expected: string): never => {
    throw new LabelRulesError(file, place, `${expected} was expected`)
  }
  const set = parsed(text) ?? fail('', 'JSON')
  if (set['resourceType'] !== 'ValueSet') return fail('/resourceType', 'a FHIR R4 ValueSet')
  const compose = isObject(set['compose']) ? set['compose'] : undefined
  const expansion = isObject(set['expansion']) ? set['expansion'] : undefined
  const listed =
    compose === undefined
      ? contained(expansion?.['contains'])
      : difference(
          parts(compose['include'], '/compose/include', fail),
          parts(compose['exclude'] ?? [], '/compose/exclude', fail),
        )
  return listed.size === 0
    ? fail(compose === undefined ? '/compose' : '/compose/include', 'at least one listed concept')
    : [...listed].map(([system, codes]) => ({ system, codes: [...codes] }))
}

type Codes = Map<string, Set<string>>
type Fail = (place: string, expected: string) => never

function parsed(text: string): JsonObject | undefined {
  try {
    const value = JSON.parse(text) as JsonValue
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function parts(value: JsonValue | undefined, place: string, fail: Fail): Codes {
  const codes: Codes = new Map()
  if (!Array.isArray(value)) return fail(place, 'a list')
  for (const [i, part] of (value as readonly JsonValue[]).entries()) {
    const at = `${place}/${i}`
    if (!isObject(part)) return fail(at, 'an object')
    const { system, concept } = part
    if (typeof system !== 'string' || system === '') return fail(`${at}/system`, 'a code system')
    if (!Array.isArray(concept) || part['filter'] !== undefined || part['valueSet'] !== undefined)
      return fail(`${at}/concept`, 'a list of concepts (no filter, no other value set)')
    for (const [n, each] of (concept as readonly JsonValue[]).entries()) {
      const code = isObject(each) ? each['code'] : undefined
      if (typeof code !== 'string' || code === '') return fail(`${at}/concept/${n}/code`, 'a code')
      put(codes, system, code)
    }
  }
  return codes
}

/** Codes of an expansion, those inside others too; grouping entries have none. */
function contained(value: JsonValue | undefined): Codes {
  const codes: Codes = new Map()
  const open: (JsonValue | undefined)[] = [value]
  while (open.length > 0) {
    const list = open.pop()
    if (!Array.isArray(list)) continue
    for (const each of list as readonly JsonValue[]) {
      if (!isObject(each)) continue
      const { system, code, abstract } = each
      if (typeof system === 'string' && typeof code === 'string' && abstract !== true)
        put(codes, system, code)
      open.push(each['contains'])
    }
  }
  return codes
}

function put(codes: Codes, system: string, code: string): void {
  const known = codes.get(system)
  if (known === undefined) codes.set(system, new Set([code]))
  else known.add(code)
}

function difference(from: Codes, without: Codes): Codes {
  for (const [system, codes] of without) {
    const left = from.get(system)
    if (left === undefined) continue
    for (const code of codes) left.delete(code)
    if (left.size === 0) from.delete(system)
  }
  return from
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

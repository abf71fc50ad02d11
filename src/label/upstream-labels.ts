import { DS4P } from '../model/ds4p.ts'
import { type JsonObject, SYSTEM } from '../model/fhir.ts'
import { CONFIDENTIALITY_ORDER, type Label } from '../model/label.ts'
import type { CompiledRules } from './compile.ts'
import { isOwnIdentifier } from './identifiers.ts'
import { canonicalSystem } from './systems.ts'
import { isObject, type Place } from './walk.ts'

const SPELLED: ReadonlyMap<string, string> = new Map(
  Object.values(SYSTEM).map(system => [canonicalSystem(system), system] as const),
)

/**
 * A security label as the upstream gave it, in the house's spelling, whether on the resource or on one of its elements
 * (DS4P 1.0.0, "Inline Security Labels": the highest of both protects). Undefined where it has no code, where the house
 * put it and the site withdraws such labels, and on one identifier of a person: it speaks of that identifier only.
 */
export function upstreamLabel(coding: JsonObject, place: Place, rules: CompiledRules): Label | undefined {
  const { code, display } = coding
  if (typeof code !== 'string' || code.trim() === '' || rules.withdraws(coding)) return undefined
  if (isOwnIdentifier(place.type(), place.element())) return undefined
  const spelling = rules.spelling(code) ?? code.trim()
  const basis = basisOf(coding)
  const system = systemOf(coding, spelling, rules)
  // Up to which confidentiality a Consent speaks says nothing of what is on file; which category it names does.
  if (place.type() === 'Consent' && system === SYSTEM.confidentiality && place.localElement() !== 'security')
    return undefined
  return {
    system,
    code: spelling,
    ...(typeof display === 'string' ? { display } : {}),
    ...(basis === undefined ? {} : { basis }),
    origin: 'upstream',
    rule: 'upstream',
    path: place.path(),
    confidence: 1,
  }
}

function systemOf(coding: JsonObject, code: string, rules: CompiledRules): string {
  const written = coding['system']
  if (typeof written === 'string' && written !== '') return SPELLED.get(canonicalSystem(written)) ?? written
  if ((CONFIDENTIALITY_ORDER as readonly string[]).includes(code)) return SYSTEM.confidentiality
  return rules.spelling(code) === undefined ? '' : SYSTEM.actCode
}

function basisOf(coding: JsonObject): Label['basis'] {
  const extensions = coding['extension']
  if (!Array.isArray(extensions)) return undefined
  const found = extensions.find(extension => isObject(extension) && extension['url'] === DS4P.basis)
  const value = isObject(found) ? found['valueCoding'] : undefined
  if (!isObject(value) || typeof value['code'] !== 'string') return undefined
  const { system } = value
  return { ...(typeof system === 'string' ? { system } : {}), code: value['code'] }
}

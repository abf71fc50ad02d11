import { type JsonObject, SYSTEM } from '../model/fhir.ts'
import { CONFIDENTIALITY_ORDER, type Label } from '../model/label.ts'
import type { CompiledRules } from './compile.ts'
import { canonicalSystem } from './systems.ts'
import { isObject, type Place } from './walk.ts'

const SPELLED: ReadonlyMap<string, string> = new Map(
  Object.values(SYSTEM).map(system => [canonicalSystem(system), system] as const),
)

const BASIS = 'http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-sec-label-basis'

/** A security label as the upstream gave it, in the house's spelling; undefined where it has no code. */
export function upstreamLabel(coding: JsonObject, place: Place, rules: CompiledRules): Label | undefined {
  const { code, display } = coding
  if (typeof code !== 'string' || code.trim() === '') return undefined
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
  const found = extensions.find(extension => isObject(extension) && extension['url'] === BASIS)
  const value = isObject(found) ? found['valueCoding'] : undefined
  if (!isObject(value) || typeof value['code'] !== 'string') return undefined
  const { system } = value
  return { ...(typeof system === 'string' ? { system } : {}), code: value['code'] }
}

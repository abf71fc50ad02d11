import type { Coding, JsonObject, JsonValue, Resource } from '../model/fhir.ts'
import { SYSTEM } from '../model/fhir.ts'
import { isObject, objectsIn, textIn } from './json.ts'

/** What a Consent is about; `research` is one that speaks of disclosure for research alone. */
export type Topic = 'privacy' | 'research' | 'other' | 'unknown'

/** consentscope codes of Consents that say nothing about disclosure. */
const OTHER_SCOPES = new Set(['treatment', 'adr'])
/** Categories of privacy Consents: LOINC, consentcategorycodes, v3-ActCode. */
const PRIVACY = new Set(['59284-0', '57016-8', '57017-6', 'npp', 'IDSCL', 'INFA', 'INFAO', 'INFASO', 'icol'])
/** consentcategorycodes and v3-ActCode: access to information for research, de-identified or not. */
const RESEARCH = new Set(['RESEARCH', 'research', 'RSDID', 'rsdid', 'RSREID', 'rsreid'])
const OTHER_CATEGORIES = new Set(['acd', 'dnr', 'hcd', 'polst'])

function codesIn(concepts: readonly JsonObject[]): readonly string[] {
  return concepts.flatMap(({ coding }) => objectsIn(coding).flatMap(({ code }) => textIn(code) ?? []))
}

/**
 * Scope decides; where it is absent or not known, category does. R4 consentscope: `research` is consent to take part in
 * a protocol and to the sharing of information that it requires. https://hl7.org/fhir/R4/codesystem-consent-scope.html
 */
export function topicOf(consent: Resource): Topic {
  const scope = isObject(consent['scope']) ? codesIn([consent['scope']]) : []
  if (scope.includes('patient-privacy')) return 'privacy'
  if (scope.includes('research')) return 'research'
  if (scope.some(code => OTHER_SCOPES.has(code))) return 'other'
  const categories = codesIn(objectsIn(consent['category']))
  if (categories.some(code => PRIVACY.has(code))) return 'privacy'
  if (categories.some(code => RESEARCH.has(code))) return 'research'
  if (categories.length > 0 && categories.every(code => OTHER_CATEGORIES.has(code))) return 'other'
  return scope.length === 0 && consent['scope'] === undefined ? 'privacy' : 'unknown'
}

/** What a Consent about research is for where its provisions state no purpose; permits of it never reach beyond. */
export const RESEARCH_PURPOSES: readonly Coding[] = [{ system: SYSTEM.actReason, code: 'HRESCH' }]

/** Every purpose some provision states, whatever else it says; one without a code has the code ''. */
function statedIn(value: JsonValue | undefined): readonly Coding[] {
  if (Array.isArray(value)) return value.flatMap(statedIn)
  if (!isObject(value)) return []
  const { purpose, provision } = value
  const stated = purpose === undefined ? [] : Array.isArray(purpose) ? purpose : [purpose]
  const codings = stated.map(one => {
    const system = isObject(one) ? textIn(one['system']) : undefined
    const code = (isObject(one) ? textIn(one['code']) : undefined) ?? ''
    return system === undefined ? { code } : { system, code }
  })
  return [...codings, ...statedIn(provision)]
}

/**
 * The purposes beyond which nothing in a Consent speaks, whether it can be read or not: research, and what its
 * provisions state; undefined where it may speak of any.
 */
export function purposesSpokenOf(consent: Resource): readonly Coding[] | undefined {
  if (topicOf(consent) !== 'research') return undefined
  return [...RESEARCH_PURPOSES, ...statedIn(consent['provision'])]
}

import type { JsonObject, JsonValue } from './fhir.ts'
import { SYSTEM } from './fhir.ts'
import { CONFIDENTIALITY_ORDER } from './label.ts'
import type { LabelRules } from './rules.ts'

/** HL7 "FHIR Data Segmentation for Privacy" 1.0.0: the extensions of a security label, and how the house signs its own. */

const BASE = 'http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/'

export const DS4P = {
  basis: `${BASE}extension-sec-label-basis`,
  classifier: `${BASE}extension-sec-label-classifier`,
  relatedArtifact: `${BASE}extension-sec-label-related-artifact`,
  inline: `${BASE}extension-inline-sec-label`,
  display: `${BASE}extension-display`,
} as const

/** "Process inline security label": stands in `meta.security` wherever an element carries a label of its own. */
export const PROCESS_INLINE = 'PROCESSINLINELABEL'

/** How the house signs a label it put: a logical reference, for the product has no address that all can follow. */
export const CLASSIFIER = {
  identifier: { system: 'https://consentry.example/fhir/NamingSystem/product', value: 'consentry' },
  display: 'Consentry',
} as const

/** `system|code` of every label that some rule of `labels/` may put. */
export function codesPut({ categories }: LabelRules): ReadonlySet<string> {
  const codings = categories.flatMap(({ labels, beside = [], rules }) => [
    ...labels,
    ...beside,
    ...rules.flatMap(rule => (rule.kind === 'cue' ? [] : (rule.labels ?? []))),
  ])
  return new Set(codings.map(({ system, code }) => `${system ?? ''}|${code}`))
}

/**
 * Whether a Coding of a security label is one the house put: it bears the house's signature and a code that the house
 * puts (a confidentiality, the mark of inline labels, a local code, one of a rule in force). The signature is text that
 * any writer can copy: only who knows where the data comes from may act on it.
 */
export function isOwnLabel(coding: JsonObject, put: ReadonlySet<string>): boolean {
  const { system, code } = coding
  if (typeof system !== 'string' || typeof code !== 'string' || !isSigned(coding)) return false
  if (system === SYSTEM.confidentiality) return (CONFIDENTIALITY_ORDER as readonly string[]).includes(code)
  if (system === SYSTEM.local || (system === SYSTEM.actCode && code === PROCESS_INLINE)) return true
  return put.has(`${system}|${code}`)
}

function isSigned({ extension }: JsonObject): boolean {
  if (!Array.isArray(extension)) return false
  return extension.some(each => {
    const { url, valueReference } = objectOf(each)
    const { system, value } = objectOf(objectOf(valueReference)['identifier'])
    const { identifier } = CLASSIFIER
    return url === DS4P.classifier && system === identifier.system && value === identifier.value
  })
}

/** The label an `extension-inline-sec-label` holds; undefined for every other object. */
export function inlineLabel({ url, valueCoding }: JsonObject): JsonObject | undefined {
  return url === DS4P.inline && isObject(valueCoding) ? valueCoding : undefined
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function objectOf(value: JsonValue | undefined): JsonObject {
  return isObject(value) ? value : {}
}

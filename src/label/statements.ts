import type { JsonObject, JsonValue, Resource } from '../model/fhir.ts'
import type { Statement } from '../model/rules.ts'
import { isPatientData } from './compartment.ts'
import { canonicalSystem, ICD10, LOINC, SNOMED } from './systems.ts'
import { isObject } from './walk.ts'

/** What a record says of its own content that may take it back; what becomes of its labels then is a rule of `labels/`. */

/** Types whose `cancelled` or `declined` means that it never came to be. */
const NEVER_DONE: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['Observation', new Set(['cancelled'])],
  ['DiagnosticReport', new Set(['cancelled'])],
  ['MedicationRequest', new Set(['cancelled'])],
  ['MedicationDispense', new Set(['cancelled', 'declined'])],
  ['MedicationStatement', new Set(['not-taken'])],
])
/** In every type that has it (Procedure, Immunization, MedicationAdministration, Communication): event did not occur. */
const NOT_DONE = 'not-done'

const VERIFICATION: ReadonlyMap<string, Statement> = new Map([
  ['refuted', 'refuted'],
  ['entered-in-error', 'entered-in-error'],
])

/** Codes that say that a record is of relatives: sections and findings "family history of …". */
const FAMILY_HISTORY: ReadonlySet<string> = new Set([
  `${LOINC}|10157-6`,
  `${SNOMED}|416471007`,
  `${SNOMED}|57177007`,
])
/** ICD-10-CM Z80 to Z84: family history. */
const FAMILY_CHAPTER = /^Z8[0-4]/i
const FAMILY_WORDS = /^\s*(family\s+(medical\s+)?(history|hx)|fh|fhx)\b|\(family history\)\s*$/i

/** Negative, not detected, non-reactive, absent: SNOMED CT, LOINC answers and HL7 interpretations. */
const NEGATIVE: ReadonlySet<string> = new Set([
  ...['260385009', '260415000', '131194007', '2667000', '272519000'].map(code => `${SNOMED}|${code}`),
  ...['LA6577-6', 'LA11883-8', 'LA15256-3', 'LA9634-2'].map(code => `${LOINC}|${code}`),
  ...['NEG', 'ND', 'NR'].map(
    code => `http://terminology.hl7.org/codesystem/v3-observationinterpretation|${code}`,
  ),
])
const NEGATIVE_WORDS =
  /^\W*(neg|negative|(none|not)\s+detected|undetected|non[\s-]?reactive|not\s+reactive|absent|not\s+present)\W*$/i

/**
 * What the whole record says of its content. Nothing where any part says more: a modifier that is not understood, a
 * contained record of a patient that says otherwise, a second code or value, a note on a negative result.
 */
export function statementsOf(resource: Resource): readonly Statement[] {
  const own = saidBy(resource)
  if (own.length === 0 || isModified(resource)) return []
  const { contained } = resource
  if (contained === undefined) return own
  const inner = Array.isArray(contained) ? contained : [contained]
  return own.filter(statement => inner.every(each => isObject(each) && saysToo(each, statement)))
}

function saidBy(resource: JsonObject): readonly Statement[] {
  const found: Statement[] = []
  const status = voided(resource)
  if (status !== undefined) found.push(status)
  if (isFamilyHistory(resource)) found.push('family-history')
  if (isNegativeResult(resource)) found.push('negative-result')
  return found
}

/** A contained Practitioner or Medication is no record of its own. */
function saysToo(inner: JsonObject, statement: Statement): boolean {
  const { resourceType } = inner
  if (typeof resourceType !== 'string') return false
  return !isPatientData(resourceType) || (saidBy(inner).includes(statement) && !isModified(inner))
}

/** R4 modifier extensions and implicit rules change the meaning of what they stand on; none is understood here. */
function isModified(value: JsonValue | undefined): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(value)) return value.some(isModified)
  const object = value as JsonObject
  if (object['modifierExtension'] !== undefined || object['implicitRules'] !== undefined) return true
  return Object.values(object).some(isModified)
}

function voided(resource: JsonObject): Statement | undefined {
  const { resourceType, status, verificationStatus, doNotPerform } = resource
  const verified = codesOf(verificationStatus).map(({ code }) => code)
  const [first] = verified
  if (first !== undefined && verified.every(code => code === first)) {
    const said = VERIFICATION.get(first)
    if (said !== undefined) return said
  }
  if (status === 'entered-in-error') return 'entered-in-error'
  if (status === NOT_DONE || doNotPerform === true) return 'not-done'
  const never = typeof resourceType === 'string' ? NEVER_DONE.get(resourceType) : undefined
  return typeof status === 'string' && never?.has(status) === true ? 'not-done' : undefined
}

/** https://hl7.org/fhir/R4/familymemberhistory.html, or an Observation or Condition that is one by its code or section. */
function isFamilyHistory({ resourceType, code, category }: JsonObject): boolean {
  if (resourceType === 'FamilyMemberHistory') return true
  if (resourceType !== 'Observation' && resourceType !== 'Condition') return false
  const concepts = [code, ...(Array.isArray(category) ? category : [category])]
  return concepts.some(saysFamily)
}

function saysFamily(concept: JsonValue | undefined): boolean {
  if (!isObject(concept)) return false
  const { text } = concept
  if (typeof text === 'string' && FAMILY_WORDS.test(text)) return true
  return codesOf(concept).some(
    ({ system, code, display }) =>
      FAMILY_HISTORY.has(`${system}|${code}`) ||
      (system === ICD10 && FAMILY_CHAPTER.test(code)) ||
      FAMILY_WORDS.test(display),
  )
}

function isNegativeResult(resource: JsonObject): boolean {
  if (resource['resourceType'] !== 'Observation' || resource['note'] !== undefined) return false
  const { component } = resource
  const parts = component === undefined ? [] : Array.isArray(component) ? component : [component]
  const values = [resource, ...parts].flatMap(each => (isObject(each) ? valuesOf(each) : [undefined]))
  if (values.length > 0) return values.every(isNegative)
  const { interpretation } = resource
  return Array.isArray(interpretation) && interpretation.length > 0 && interpretation.every(isNegative)
}

function valuesOf(object: JsonObject): readonly (JsonValue | undefined)[] {
  return Object.keys(object).flatMap(key => (/^_?value[A-Z]/.test(key) ? [object[key]] : []))
}

function isNegative(value: JsonValue | undefined): boolean {
  if (typeof value === 'string') return NEGATIVE_WORDS.test(value)
  if (!isObject(value)) return false
  const { text } = value
  const codes = codesOf(value)
  if (typeof text === 'string' && text.trim() !== '' && !NEGATIVE_WORDS.test(text)) return false
  if (codes.length === 0) return typeof text === 'string' && text.trim() !== ''
  return codes.every(
    ({ system, code, display }) => NEGATIVE.has(`${system}|${code}`) || NEGATIVE_WORDS.test(display),
  )
}

interface Code {
  readonly system: string
  readonly code: string
  readonly display: string
}

/** Codings of a CodeableConcept, or a Coding itself; what has neither code nor display counts as one that says nothing. */
function codesOf(concept: JsonValue | undefined): readonly Code[] {
  if (!isObject(concept)) return []
  const { coding } = concept
  if (coding === undefined) return typeof concept['code'] === 'string' ? [codeOf(concept)] : []
  return Array.isArray(coding) ? coding.map(codeOf) : [codeOf(coding)]
}

function codeOf(coding: JsonValue): Code {
  const { system, code, display } = isObject(coding) ? coding : {}
  return {
    system: typeof system === 'string' ? canonicalSystem(system) : '',
    code: typeof code === 'string' ? code.trim() : '',
    display: typeof display === 'string' ? display : '',
  }
}

import type { JsonObject } from '../model/fhir.ts'

/** What R4 elements are by the key they stand under and the members they have. */

/**
 * Strings that are deliberately not read, wherever they stand: ids and addresses of machines, which are decided by what
 * they lead to; formats; codes that HL7 fixes (a required binding leaves no room for a clinical word); encoded bytes,
 * which are read as attachments where they are any.
 */
const NOT_WORDS = new Set(
  `resourceType id system version versionId
  language lang contentType hash data carrierAIDC
  status use gender comparator intent mode kind criticality lifecycleStatus currency`.split(/\s+/),
)

/** HumanName and Address: what people and streets are called says nothing of a patient's health. */
const NAME_PARTS = new Set(
  'text family given prefix suffix line city district state postalCode country'.split(' '),
)
const NAMES = new Set(['name', 'valueHumanName', 'address', 'valueAddress'])
const CONTACTS = new Set(['telecom', 'valueContactPoint'])
const IDENTIFIER = /identifier$/i

/** Elements of R4 that are an Attachment. https://hl7.org/fhir/R4/datatypes.html#Attachment (a test holds it against the definitions) */
const ATTACHMENTS = new Set(
  `attachment content form contentAttachment presentedForm photo image document valueAttachment legallyBindingAttachment
  scannedDocument sourceAttachment sequenceAttachment structure defaultValueAttachment fixedAttachment patternAttachment`.split(
    /\s+/,
  ),
)

/** Whether a string under this key may hold words; of references only those to another server do. */
export function mayHoldWords(key: string, value: string): boolean {
  return key === 'reference' ? value.startsWith('http') : !NOT_WORDS.has(key)
}

/** What an object names, so that some of its strings are no words. */
export type Naming = 'person' | 'number' | undefined

/**
 * @param key under which the object stands
 * @param hasValue whether it has a member of that name
 * @param type of the innermost resource
 */
export function namingOf(key: string, object: JsonObject, hasValue: boolean, type: string): Naming {
  // What a product or a substance is called is an object as well, and says much.
  if (NAMES.has(key)) return /^(Substance|MedicinalProduct)/.test(type) ? undefined : 'person'
  if (!hasValue) return undefined
  const { value, system } = object
  if (typeof value !== 'string') return undefined
  // Identifier and ContactPoint; what the number is of is read, the number is not.
  return typeof system === 'string' || IDENTIFIER.test(key) || CONTACTS.has(key) ? 'number' : undefined
}

/** Whether the naming makes the string under this key no word. */
export function isPartOfName(naming: Naming, key: string): boolean {
  if (naming === undefined) return false
  return naming === 'person' ? NAME_PARTS.has(key) : key === 'value'
}

/** R4 Coding, or what has its members: a code beside no quantity. */
export function isCoding({ code, value, unit }: JsonObject): boolean {
  return typeof code === 'string' && (value === undefined || typeof value === 'string') && unit === undefined
}

/** R4 Reference with an identifier only. https://hl7.org/fhir/R4/references.html#logical */
export function isLogicalReference(object: JsonObject): boolean {
  const { identifier } = object
  return (
    typeof identifier === 'object' &&
    identifier !== null &&
    'value' in identifier &&
    typeof identifier['value'] === 'string' &&
    object['resourceType'] === undefined &&
    object['code'] === undefined &&
    Object.keys(object).length <= 4
  )
}

/** R4 Attachment, or Binary with the same two elements. */
export function isAttachment(key: string, object: JsonObject): boolean {
  const { data, url, contentType, resourceType } = object
  if (resourceType === 'Binary') return true
  if (typeof data === 'string') return !isSampledData(object) && !isSignature(object)
  return typeof url === 'string' && (typeof contentType === 'string' || ATTACHMENTS.has(key))
}

function isSampledData({ dimensions, period }: JsonObject): boolean {
  return typeof dimensions === 'number' && typeof period === 'number'
}

function isSignature({ when, who }: JsonObject): boolean {
  return typeof when === 'string' && typeof who === 'object'
}

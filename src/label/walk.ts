import { inlineLabel } from '../model/ds4p.ts'
import type { Coding, JsonObject, JsonValue } from '../model/fhir.ts'

/** What the walk tells as it goes; `place` is where it stands, good only during the call. */
export interface Visitor {
  readonly coding: (coding: Coding, place: Place) => void
  readonly reference: (reference: JsonObject, place: Place) => void
  /** Any text a person reads. `system`: the display of a coding of that system, as written. */
  readonly text: (text: string, place: Place, system?: string) => void
  readonly narrative: (div: string, place: Place) => void
  readonly attachment: (attachment: JsonObject, place: Place) => void
  readonly security: (coding: JsonObject, place: Place) => void
}

/** Position in the tree. Paths are built only when somebody asks. */
export interface Place {
  /** Type of the innermost resource: contained, entry.resource, or the resource itself. */
  readonly type: () => string
  /** Path with indexes from the outer resource: `contained[0].code.coding[1]`. */
  readonly path: () => string
  /** Path without indexes from the outer resource. */
  readonly element: () => string
  /** Path without indexes from the innermost resource. */
  readonly localElement: () => string
}

/** Thrown when the tree is deeper than allowed; the caller makes it "not assessable". */
export class TooDeep extends Error {}

/** Keys whose strings are names, numbers or addresses of machines and people, never clinical words. */
const NO_WORDS = new Set(
  `id reference url uri system version code value status use family given prefix suffix line city district state
  postalCode country resourceType lastUpdated versionId source profile contentType language data hash unit gender
  birthDate lang comparator currency intent mode start end date authoredOn issued recorded created recordedDate timestamp
  valueDateTime valueUri valueUrl valueCanonical valueOid valueUuid valueId instantiatesCanonical instantiatesUri
  questionnaire implicitRules criticality lifecycleStatus kind linkId phone fax email`.split(/\s+/),
)

/** Objects that name people and places, not conditions. */
const NO_WORDS_BELOW = new Set(['name', 'address', 'telecom', 'identifier', 'contact', 'photo', 'meta'])

/** Types that name labels of the data they speak of; who may not know of such data may not read that they do. */
const LABELLED_WITHIN = new Set(['Consent', 'DocumentReference'])

/** One pass over a parsed resource, every element of it: contained, extensions, primitive siblings. */
export class Walk implements Place {
  readonly #visitor: Visitor
  readonly #depth: number
  readonly #steps: (string | number)[] = []
  #types: string[] = []
  #roots: number[] = []

  constructor(visitor: Visitor, depth: number) {
    this.#visitor = visitor
    this.#depth = depth
  }

  /** Throws TooDeep. */
  resource(resource: JsonObject): void {
    this.#object(resource, true)
  }

  type(): string {
    return this.#types.at(-1) ?? ''
  }

  path(): string {
    return this.#steps.reduce<string>(
      (path, step) =>
        typeof step === 'number' ? `${path}[${step}]` : path === '' ? step : `${path}.${step}`,
      '',
    )
  }

  element(): string {
    return this.#named(0)
  }

  localElement(): string {
    return this.#named(this.#roots.at(-1) ?? 0)
  }

  #named(from: number): string {
    let element = ''
    for (let i = from; i < this.#steps.length; i++) {
      const step = this.#steps[i]
      if (typeof step === 'string') element = element === '' ? step : `${element}.${step}`
    }
    return element
  }

  #object(object: JsonObject, words: boolean): void {
    if (this.#steps.length > this.#depth) throw new TooDeep()
    const label = inlineLabel(object)
    if (label !== undefined) {
      // What a label is called is said of the content, not by it.
      this.#visitor.security(label, this)
      return
    }
    const type = object['resourceType']
    const isResource = typeof type === 'string'
    if (isResource) {
      this.#types.push(type)
      this.#roots.push(this.#steps.length)
    }
    this.#recognise(object)
    const isCoding = typeof object['code'] === 'string' && typeof object['system'] === 'string'
    for (const key in object) this.#member(object, key, words, isCoding ? object : undefined)
    if (isResource) {
      this.#types.pop()
      this.#roots.pop()
    }
  }

  #member(object: JsonObject, key: string, words: boolean, coding: JsonObject | undefined): void {
    const value = object[key]
    if (value === null || value === undefined || typeof value === 'number' || typeof value === 'boolean')
      return
    this.#steps.push(key)
    this.#value(key, value, words, coding)
    this.#steps.pop()
  }

  #value(key: string, value: JsonValue, words: boolean, coding: JsonObject | undefined): void {
    if (typeof value === 'string') this.#string(key, value, words, coding)
    else if (Array.isArray(value)) this.#array(key, value, words)
    else if (key === 'meta') this.#meta(value as JsonObject)
    else this.#object(value as JsonObject, words && !NO_WORDS_BELOW.has(key))
  }

  #array(key: string, list: readonly JsonValue[], words: boolean): void {
    for (let i = 0; i < list.length; i++) {
      const item = list[i]
      if (item === null || item === undefined || typeof item === 'number' || typeof item === 'boolean')
        continue
      this.#steps.push(i)
      this.#value(key, item, words, undefined)
      this.#steps.pop()
    }
  }

  #string(key: string, value: string, words: boolean, coding: JsonObject | undefined): void {
    if (!words || value.length < 3 || NO_WORDS.has(key)) return
    if (key === 'valueCode') this.#visitor.coding({ code: value }, this)
    if (key === 'div') this.#visitor.narrative(value, this)
    else if (key === 'display' && coding !== undefined)
      this.#visitor.text(value, this, coding['system'] as string)
    else this.#visitor.text(value, this)
  }

  /** Tags and extensions speak like any other element; security labels are told as such. */
  #meta(meta: JsonObject): void {
    for (const key in meta) if (key !== 'security') this.#member(meta, key, true, undefined)
    const security = meta['security']
    if (!Array.isArray(security)) return
    this.#steps.push('security')
    for (const [i, coding] of security.entries()) {
      if (!isObject(coding)) continue
      this.#steps.push(i)
      this.#visitor.security(coding, this)
      this.#steps.pop()
    }
    this.#steps.pop()
  }

  #recognise(object: JsonObject): void {
    const code = object['code']
    if (typeof code === 'string' && object['value'] === undefined && object['unit'] === undefined) {
      const { system, display } = object
      if (typeof system === 'string' || typeof display === 'string' || this.#standsInCoding())
        this.#coding(object, code)
    }
    if (typeof object['reference'] === 'string' || isLogicalReference(object) || this.#isNameOnly(object))
      this.#visitor.reference(object, this)
    if (isAttachment(object)) this.#visitor.attachment(object, this)
  }

  #standsInCoding(): boolean {
    return this.#steps.at(-2) === 'coding' || this.#steps.at(-1) === 'valueCoding'
  }

  /** R4 Reference with a display only: a name in words. */
  #isNameOnly({ display, code, system, reference, coding, resourceType }: JsonObject): boolean {
    if (typeof display !== 'string' || typeof code === 'string' || typeof system === 'string') return false
    const plain = reference === undefined && coding === undefined && resourceType === undefined
    return plain && !this.#standsInCoding()
  }

  #coding(object: JsonObject, code: string): void {
    const { system, display } = object
    if (LABELLED_WITHIN.has(this.type()) && this.#steps.includes('securityLabel'))
      this.#visitor.security(object, this)
    this.#visitor.coding(
      {
        ...(typeof system === 'string' ? { system } : {}),
        code,
        ...(typeof display === 'string' ? { display } : {}),
      },
      this,
    )
  }
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** R4 Reference with an identifier only. https://hl7.org/fhir/R4/references.html#logical */
function isLogicalReference(object: JsonObject): boolean {
  return (
    isObject(object['identifier']) &&
    object['resourceType'] === undefined &&
    Object.keys(object).length <= 4 &&
    typeof object['identifier']['value'] === 'string' &&
    object['code'] === undefined
  )
}

/** R4 Attachment, or Binary with the same two elements. */
function isAttachment(object: JsonObject): boolean {
  if (typeof object['contentType'] !== 'string') return false
  return (
    typeof object['data'] === 'string' ||
    typeof object['url'] === 'string' ||
    object['resourceType'] === 'Binary'
  )
}

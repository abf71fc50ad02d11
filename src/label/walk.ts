import { inlineLabel } from '../model/ds4p.ts'
import type { Coding, JsonObject, JsonValue } from '../model/fhir.ts'
import { elementOf } from './element-paths.ts'
import {
  isAttachment,
  isCoding,
  isLogicalReference,
  isPartOfName,
  mayHoldWords,
  type Naming,
  namingOf,
} from './elements.ts'
import { hasWords, isLink, spelledOut } from './links.ts'
import { canonicalSystem, isClosed, LOINC } from './systems.ts'

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
  /** Path with indexes from the outer resource: `contained[0].code.coding[1]`. Throws TooMuch for a name no path can hold. */
  readonly path: () => string
  /** Path without indexes from the outer resource. */
  readonly element: () => string
  /** Path without indexes from the innermost resource. */
  readonly localElement: () => string
}

/** Thrown when there is more than is read; the message says what. The caller makes it "not assessable". */
export class TooMuch extends Error {}

/** Most values of one resource: half a million lines, members or items are no record of a patient. */
const MOST_VALUES = 500_000

/** Most members of one object: no R4 type has a hundred. */
const MOST_MEMBERS = 10_000

/** Member names that a path can hold; R4 has no others. */
const NAME = /^[\w-]+$/

/** Types that name labels of the data they speak of; who may not know of such data may not read that they do. */
const LABELLED_WITHIN = new Set(['Consent', 'DocumentReference'])

/** One pass over a parsed resource, every element of it: contained, extensions, primitive siblings. */
export class Walk implements Place {
  readonly #visitor: Visitor
  readonly #depth: number
  readonly #steps: (string | number)[] = []
  readonly #types: string[] = []
  readonly #roots: number[] = []
  #values = 0

  constructor(visitor: Visitor, depth: number) {
    this.#visitor = visitor
    this.#depth = depth
  }

  /** Throws TooMuch. */
  resource(resource: JsonObject): void {
    this.#object('', resource)
  }

  type(): string {
    return this.#types.at(-1) ?? ''
  }

  path(): string {
    let path = ''
    for (const step of this.#steps) {
      if (typeof step === 'number') path += `[${step}]`
      else if (!NAME.test(step)) throw new TooMuch('a member name that FHIR does not have')
      else path = path === '' ? step : `${path}.${step}`
    }
    return path
  }

  element(): string {
    return elementOf(this.#steps, 0)
  }

  localElement(): string {
    return elementOf(this.#steps, this.#roots.at(-1) ?? 0)
  }

  #object(key: string, object: JsonObject): void {
    if (this.#steps.length > this.#depth) throw new TooMuch('too deep')
    const members = membersOf(object)
    const label = (members & TELLS.url) === 0 ? undefined : inlineLabel(object)
    if (label !== undefined) {
      // What a label is called is said of the content, not by it.
      this.#visitor.security(label, this)
      return
    }
    const type = (members & TELLS.resourceType) === 0 ? undefined : object['resourceType']
    if (typeof type === 'string') {
      this.#types.push(type)
      this.#roots.push(this.#steps.length)
    }
    if (members !== 0) this.#recognise(key, object, members)
    const naming = namingOf(key, object, (members & TELLS.value) !== 0, this.type())
    for (const member in object) this.#member(object, member, naming)
    if (typeof type === 'string') {
      this.#types.pop()
      this.#roots.pop()
    }
  }

  #member(object: JsonObject, key: string, naming: Naming): void {
    const value = object[key]
    if (value === null || value === undefined || typeof value === 'number' || typeof value === 'boolean')
      return
    if (typeof value === 'string') {
      if (isSilent(key, value, naming)) return
      this.#steps.push(key)
      this.#string(key, value, object)
    } else {
      this.#steps.push(key)
      this.#value(key, value, naming)
    }
    this.#steps.pop()
  }

  #value(key: string, value: JsonValue, naming: Naming): void {
    if (++this.#values > MOST_VALUES) throw new TooMuch('too many values')
    if (Array.isArray(value)) this.#array(key, value, naming)
    else if (key === 'meta' || key === 'valueMeta') this.#meta(value as JsonObject)
    else this.#object(key, value as JsonObject)
  }

  #array(key: string, list: readonly JsonValue[], naming: Naming): void {
    if (this.#steps.length > this.#depth) throw new TooMuch('too deep')
    this.#values += list.length
    if (this.#values > MOST_VALUES) throw new TooMuch('too many values')
    for (let i = 0; i < list.length; i++) {
      const item = list[i]
      if (item === null || item === undefined || typeof item === 'number' || typeof item === 'boolean')
        continue
      this.#steps.push(i)
      if (typeof item !== 'string') this.#value(key, item, undefined)
      else if (!isSilent(key, item, naming)) this.#string(key, item, undefined)
      this.#steps.pop()
    }
  }

  /** @param owner the object it is a member of; undefined in a list */
  #string(key: string, value: string, owner: JsonObject | undefined): void {
    if (++this.#values > MOST_VALUES) throw new TooMuch('too many values')
    if (key === 'div') this.#visitor.narrative(value, this)
    else if (key === 'valueBase64Binary') this.#visitor.attachment({ data: value }, this)
    else if (key === 'query' && this.type() === 'AuditEvent')
      this.#visitor.attachment({ contentType: 'text/plain', data: value }, this)
    else if (key === 'display' && typeof owner?.['code'] === 'string' && typeof owner['system'] === 'string')
      this.#visitor.text(value, this, owner['system'])
    else if (key === 'code') this.#codeWords(value, owner?.['system'])
    else {
      // `buprenorphine/naloxone` is no link, though it looks like the path of one.
      const isSpelled = key === 'linkId' || isLink(value)
      if (isSpelled) this.#spelled(value)
      if (isSpelled && (key === 'linkId' || SCHEME.test(value))) return
      if (key.endsWith('Code')) this.#visitor.coding({ code: value }, this)
      this.#visitor.text(value, this)
    }
  }

  /** A code of a site may be a word (`opioid-use`); one of HL7's own says what HL7 means by it. */
  #codeWords(code: string, system: JsonValue | undefined): void {
    const name = typeof system === 'string' ? system : undefined
    if (!WORDY.test(code) || isClosed(canonicalSystem(name))) return
    const { words } = spelledOut(code)
    if (words !== '') this.#visitor.text(words, this, name)
  }

  #spelled(link: string): void {
    const { words, loinc } = spelledOut(link)
    for (const code of loinc) this.#visitor.coding({ system: LOINC, code }, this)
    if (words !== '') this.#visitor.text(words, this)
  }

  /** Tags, profiles and extensions speak like any other element; security labels are told as such. */
  #meta(meta: JsonObject): void {
    for (const key in meta) if (key !== 'security') this.#member(meta, key, undefined)
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

  #recognise(key: string, object: JsonObject, members: number): void {
    if ((members & TELLS.code) !== 0 && isCoding(object)) this.#coding(object, object['code'] as string)
    if (this.#isReference(object, members)) this.#visitor.reference(object, this)
    if ((members & (TELLS.data | TELLS.url | TELLS.resourceType)) !== 0 && isAttachment(key, object))
      this.#visitor.attachment(object, this)
  }

  #isReference(object: JsonObject, members: number): boolean {
    if ((members & TELLS.reference) !== 0 && typeof object['reference'] === 'string') return true
    if ((members & TELLS.identifier) !== 0 && isLogicalReference(object)) return true
    return (members & TELLS.display) !== 0 && this.#isNameOnly(object)
  }

  /** R4 Reference with a display only: a name in words. */
  #isNameOnly({ display, code, system, reference, coding, resourceType }: JsonObject): boolean {
    if (typeof display !== 'string' || typeof code === 'string' || typeof system === 'string') return false
    const plain = reference === undefined && coding === undefined && resourceType === undefined
    return plain && this.#steps.at(-2) !== 'coding' && this.#steps.at(-1) !== 'valueCoding'
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

/** Members that make an object more than its parts. */
const TELLS = {
  code: 1,
  display: 2,
  reference: 4,
  identifier: 8,
  url: 16,
  data: 32,
  resourceType: 64,
  value: 128,
} as const
const BITS: ReadonlyMap<string, number> = new Map(Object.entries(TELLS))

/** Which of these an object has; most have none. */
function membersOf(object: JsonObject): number {
  let members = 0
  let count = 0
  for (const key in object) {
    members |= BITS.get(key) ?? 0
    if (++count > MOST_MEMBERS) throw new TooMuch('too many members')
  }
  return members
}

/** https://www.rfc-editor.org/rfc/rfc3986#section-3.1 */
const SCHEME = /^(?:[a-z][a-z\d+.-]*:\/\/|urn:)/i

/** Keys whose strings say something without letters: `/44249-1/44250-9`. */
const TERSE = /^linkId$|Code$|Base64Binary$/
/** A code that may be made of words. */
const WORDY = /\p{L}{3}/u

function isSilent(key: string, value: string, naming: Naming): boolean {
  if (!mayHoldWords(key, value) || isPartOfName(naming, key)) return true
  return !hasWords(value) && !TERSE.test(key)
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

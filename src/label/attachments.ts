import type { Coding, JsonObject, JsonValue } from '../model/fhir.ts'
import { type ClinicalDocument, readClinicalDocument } from './cda.ts'
import type { CompiledRules } from './compile.ts'
import { type Reading, readAttachment, readBytes } from './document-reading.ts'
import { isObject, type Place, type Visitor, Walk } from './walk.ts'
import { carriesData, joinedText, xmlCodings, xmlTexts } from './xml-words.ts'

/** What becomes of what an attachment says. */
export interface AttachmentVisitor extends Visitor {
  readonly unreadable: (place: Place) => void
  readonly pending: (contentType: string, data: string, place: Place) => void
  readonly document: (document: ClinicalDocument, place: Place) => void
}

export interface AttachmentOptions {
  readonly rules: CompiledRules
  /** Type of the outer resource. */
  readonly type: string
  /** Deepest allowed nesting of JSON. */
  readonly jsonDepth: number
}

/** FHIR in an attachment may hold attachments that hold FHIR. */
const MOST_NESTED = 3

/** Reads the content of an attachment (or of a Binary) and tells what it says, by code and by word. */
export function readContent(
  { contentType, data }: JsonObject,
  place: Place,
  visitor: AttachmentVisitor,
  options: AttachmentOptions,
  nested = 0,
): void {
  const type = typeof contentType === 'string' ? contentType : undefined
  if (typeof data !== 'string' || nested > MOST_NESTED) {
    visitor.unreadable(place)
    return
  }
  const reading = readAttachment(type, data, options)
  if (reading.kind === 'pdf') visitor.pending(type ?? 'application/pdf', data, place)
  else tell(reading, place, visitor, { ...options, nested })
}

interface Telling extends AttachmentOptions {
  readonly nested: number
}

function tell(reading: Reading, place: Place, visitor: AttachmentVisitor, options: Telling): void {
  if (reading.kind === 'text') for (const text of reading.texts) visitor.text(text, place)
  else if (reading.kind === 'xml') {
    for (const coding of xmlCodings(reading.document.root)) tellCoding(coding, place, visitor)
    const { document } = reading
    for (const text of [reading.text, joinedText(document), ...xmlTexts(document)]) visitor.text(text, place)
    if (carriesData(document.root)) visitor.unreadable(place)
  } else if (reading.kind === 'json') tellJson(reading.value, reading.text, place, visitor, options)
  else if (reading.kind === 'clinical-document') tellDocument(reading, place, visitor, options)
  else visitor.unreadable(place)
}

function tellCoding(coding: Coding, place: Place, visitor: AttachmentVisitor): void {
  visitor.coding(coding, place)
  if (coding.display !== undefined) visitor.text(coding.display, place, coding.system)
}

/** FHIR is walked like what is not attached; what else is JSON has its text beside that. */
function tellJson(
  value: JsonValue,
  text: string,
  place: Place,
  visitor: AttachmentVisitor,
  options: Telling,
): void {
  const items = Array.isArray(value) ? value.flat(Number.POSITIVE_INFINITY) : [value]
  const objects = items.filter(isObject)
  for (const item of items) if (typeof item === 'string') visitor.text(item, place)
  if (!objects.some(({ resourceType }) => typeof resourceType === 'string')) visitor.text(text, place)
  const within = (inner: Place): Place => new Within(place, inner)
  const inside: Visitor = {
    coding: (coding, inner) => visitor.coding(coding, within(inner)),
    text: (words, inner, system) => visitor.text(words, within(inner), system),
    narrative: (div, inner) => visitor.narrative(div, within(inner)),
    security: (coding, inner) => visitor.security(coding, within(inner)),
    reference: () => undefined,
    attachment: (attachment, inner) =>
      readContent(attachment, within(inner), visitor, options, options.nested + 1),
  }
  for (const object of objects) new Walk(inside, options.jsonDepth).resource(object)
}

/** A place in what is attached: paths lead to the attachment, which is all that the outer resource knows. */
class Within implements Place {
  readonly #outer: Place
  readonly #inner: Place

  constructor(outer: Place, inner: Place) {
    this.#outer = outer
    this.#inner = inner
  }

  type(): string {
    return this.#inner.type()
  }

  path(): string {
    return this.#outer.path()
  }

  element(): string {
    return `${this.#outer.element()}.${this.#inner.element()}`
  }

  localElement(): string {
    return this.#inner.localElement()
  }
}

/** Where the base64 of an attachment, of a Binary, or of an element that is nothing else stands. */
function dataPath(path: string): string {
  if (/(?:^|\.)(?:\w*Base64Binary|query)$/.test(path)) return path
  return path === '' ? 'data' : `${path}.data`
}

function tellDocument(
  { document, source }: Extract<Reading, { kind: 'clinical-document' }>,
  place: Place,
  visitor: AttachmentVisitor,
  options: Telling,
): void {
  const { rules, type } = options
  const path = dataPath(place.path())
  // A document within FHIR that is attached itself has no place in the outer resource that could be cut.
  const found = readClinicalDocument(document, options.nested === 0 ? source : undefined, path, {
    rules,
    type,
    embedded: (mediaType, base64) => textsOf(mediaType, base64, options),
  })
  visitor.document(found, place)
  if (found.isElsewhere) visitor.unreadable(place)
  if (found.body !== undefined) tellBody(found.body, place, visitor, options)
}

/** CDA R2, NonXMLBody: text as it stands, or a document of another kind in base64. */
function tellBody(
  { mediaType, data, isBase64 }: NonNullable<ClinicalDocument['body']>,
  place: Place,
  visitor: AttachmentVisitor,
  options: Telling,
): void {
  if (isBase64)
    readContent(
      { contentType: mediaType ?? 'application/octet-stream', data },
      place,
      visitor,
      options,
      options.nested + 1,
    )
  else {
    const inner = { ...options, nested: options.nested + 1 }
    tell(readBytes(mediaType ?? 'text/plain', Buffer.from(data), options), place, visitor, inner)
  }
}

/** Words of something that stands in a document; undefined where it cannot be read at once. */
function textsOf(
  mediaType: string | undefined,
  base64: string,
  options: AttachmentOptions,
): readonly string[] | undefined {
  const reading = readAttachment(mediaType, base64, options)
  if (reading.kind === 'text') return reading.texts
  if (reading.kind === 'json') return [reading.text]
  return reading.kind === 'xml' || reading.kind === 'clinical-document'
    ? [...xmlTexts(reading.document)]
    : undefined
}

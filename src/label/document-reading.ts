import type { JsonValue } from '../model/fhir.ts'
import { strictParse } from '../model/strict-json.ts'
import { charsetOf, decoded, hidesEncoded, isPlain, readingsOf, wideEncoding } from './document-text.ts'
import { embedsDocuments, isOfEmbeddedPictures, showsPictures, spokenInTags, stripTags } from './markup.ts'
import { rtfText } from './rtf.ts'
import { declaredEncoding, parseXml, type XmlDocument, XmlError } from './xml.ts'
import { showsEmbedded } from './xml-words.ts'

/** What an attachment turned out to be. What cannot be read is said to be unreadable, never taken for empty. */
export type Reading =
  | { readonly kind: 'text'; readonly texts: readonly string[] }
  | { readonly kind: 'xml'; readonly document: XmlDocument; readonly text: string }
  /** `source`: the text the places of `document` are in; absent where they are no places in its UTF-8 bytes. */
  | { readonly kind: 'clinical-document'; readonly document: XmlDocument; readonly source?: string }
  | { readonly kind: 'json'; readonly value: JsonValue; readonly text: string }
  /** Takes time: for the reader of documents. */
  | { readonly kind: 'pdf' }
  | { readonly kind: 'unreadable' }

const UNREADABLE: Reading = { kind: 'unreadable' }

/** Types whose bytes are read as text, in an old encoding where they must. */
const TEXTUAL = /^\s*(?:text\/|application\/(?:[\w.-]+\+)?(?:xml|json)\b|message\/)/i
const DECLARED_XML = /^\s*(?:text\/xml|application\/(?:[\w.-]+\+)?xml)\b/i
/** Declared so, a few characters that happen to be text are no text. */
const NEVER_PLAIN = /^\s*(?:image|audio|video|font|model)\/|^\s*application\/pdf\b/i
/** Elements a fragment of HTML may begin with. */
const HTML = new Set('html body div p span table ul ol h1 h2 h3 pre section article'.split(' '))
const DECLARED_HTML = /html/i

/** Neighbouring parts share no character, so that a mismatch is seen in linear time. */
const BASE64 = /^[A-Za-z0-9+/\s]*(?:=\s*){0,2}$/

/** Largest attachment that is read at once, and that a reader of documents is given, in base64 characters. */
const MAX_CHARACTERS = 4_000_000
export const MAX_DOCUMENT_CHARACTERS = 24_000_000

/**
 * Reads an attachment by what its bytes are; what is declared counts where they could be several things.
 * @param data base64 as R4 has it (RFC 4648 section 4, white space allowed)
 */
export function readAttachment(
  contentType: string | undefined,
  data: string,
  options: { readonly jsonDepth: number },
): Reading {
  if (data.length > MAX_DOCUMENT_CHARACTERS || !BASE64.test(data)) return UNREADABLE
  // White space counts for nothing in base64.
  const head = /^(?:\s*[A-Za-z0-9+/]){0,1400}/.exec(data)?.[0] ?? ''
  const isPdf = begins(Buffer.from(head, 'base64'), '%PDF')
  if (isPdf) return { kind: 'pdf' }
  return data.length > MAX_CHARACTERS
    ? UNREADABLE
    : readBytes(contentType, Buffer.from(data, 'base64'), options)
}

/** A mark that stands within the first kilobyte; viewers look no nearer for that of a PDF. */
function begins(bytes: Buffer, mark: string): boolean {
  const at = bytes.indexOf(mark)
  return at >= 0 && at < 1_024
}

const MAGIC = [
  'PK\x03\x04',
  'PK\x05\x06',
  '\x1f\x8b',
  'BZh',
  '\xfd7zXZ',
  '7z\xbc\xaf',
  'Rar!',
  '%!PS',
  '\xd0\xcf\x11\xe0',
]

/** Reads bytes that are no PDF. */
export function readBytes(
  contentType: string | undefined,
  bytes: Buffer,
  options: { readonly jsonDepth: number },
): Reading {
  const head = bytes.toString('latin1', 0, 512)
  if (MAGIC.some(mark => head.startsWith(mark))) return UNREADABLE
  if (/^(?:\xef\xbb\xbf)?\s*\{\\rtf/.test(head)) return textual(rtfText(bytes))
  const isDeclared = contentType !== undefined && TEXTUAL.test(contentType)
  const texts = textsOf(bytes, contentType, isDeclared)
  const [text] = texts
  if (text === undefined || !(isDeclared || texts.every(isPlain))) return UNREADABLE
  const start = text.replace(/^\ufeff/, '').trimStart()
  if (start.startsWith('<')) return markup(texts, start, contentType, bytes)
  if (contentType !== undefined && DECLARED_XML.test(contentType)) return UNREADABLE
  if (start.startsWith('{') || start.startsWith('[')) {
    const reading = json(start, contentType, options)
    if (reading !== undefined) return reading
  }
  if (contentType !== undefined && NEVER_PLAIN.test(contentType)) return UNREADABLE
  return texts.some(hidesEncoded) ? UNREADABLE : { kind: 'text', texts }
}

function textual(text: string | undefined): Reading {
  return text === undefined || hidesEncoded(text) ? UNREADABLE : { kind: 'text', texts: [text] }
}

function textsOf(bytes: Buffer, contentType: string | undefined, guess: boolean): string[] {
  const head = bytes.toString('latin1', 0, 300)
  const named =
    charsetOf(contentType) === undefined ? declaredEncoding(head.replace(/^\xef\xbb\xbf/, '')) : undefined
  const said = named === undefined ? contentType : `text/xml; charset=${named}`
  return readingsOf(bytes, said, guess)
}

function markup(
  texts: readonly string[],
  start: string,
  contentType: string | undefined,
  bytes: Buffer,
): Reading {
  const document = asXml(texts)
  const root = document?.root.name.toLowerCase()
  const isHtml = root === undefined ? !mustBeXml(start, contentType) : HTML.has(root)
  if (isHtml) return html(texts)
  if (document === undefined) return UNREADABLE
  if (document.root.name !== 'ClinicalDocument')
    return showsEmbedded(document) ? UNREADABLE : { kind: 'xml', document, text: stripTags(start) }
  const source = texts[0] === undefined || !isUtf8(bytes, texts[0]) ? undefined : texts[0]
  return { kind: 'clinical-document', document, ...(source === undefined ? {} : { source }) }
}

/** Undefined where it is not well-formed, or no markup at all in another encoding that it may be in. */
function asXml(texts: readonly string[]): XmlDocument | undefined {
  const [text] = texts
  try {
    return text === undefined || !texts.every(isMarkup) ? undefined : parseXml(text)
  } catch (error) {
    if (error instanceof XmlError) return undefined
    throw error
  }
}

const isMarkup = (text: string): boolean =>
  text
    .replace(/^\ufeff/, '')
    .trimStart()
    .startsWith('<')

/** Tags of XML may carry all they say in attributes: what is not well-formed is read as HTML only where it may be that. */
function mustBeXml(start: string, contentType: string | undefined): boolean {
  if (/^<(?:!doctype\s+html|html)\b/i.test(start)) return false
  if (contentType !== undefined && DECLARED_HTML.test(contentType)) return false
  return (
    start.startsWith('<?xml') ||
    DECLARED_XML.test(contentType ?? '') ||
    /^<[\w.-]*:?ClinicalDocument\b/.test(start)
  )
}

function html(texts: readonly string[]): Reading {
  const found = texts.flatMap(text => [stripTags(text), ...spokenInTags(text)])
  const says = found.some(text => /[\p{L}\p{N}]/u.test(text))
  const isPicture = !says && texts.some(showsPictures)
  if (texts.some(text => embedsDocuments(text) || isOfEmbeddedPictures(text))) return UNREADABLE
  return isPicture || found.some(hidesEncoded) ? UNREADABLE : { kind: 'text', texts: found }
}

function isUtf8(bytes: Buffer, text: string): boolean {
  return wideEncoding(bytes) === undefined && decoded(bytes, 'utf-8') === text
}

/** FHIR as JSON must be read as such, for it may hold attachments of its own; other JSON may be a note in braces. */
function json(
  start: string,
  contentType: string | undefined,
  options: { jsonDepth: number },
): Reading | undefined {
  try {
    return { kind: 'json', value: strictParse(Buffer.from(start), options), text: start }
  } catch {
    return /json/i.test(contentType ?? '') || start.includes('"resourceType"') ? UNREADABLE : undefined
  }
}

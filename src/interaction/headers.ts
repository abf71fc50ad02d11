import { Refusal } from '../model/refusal.ts'
import { refuse } from './refuse.ts'

export type Headers = readonly (readonly [name: string, value: string])[]

/** Real servers honour these, so a request that carries one means something else to the server behind us. */
const REFUSED: ReadonlySet<string> = new Set([
  'x-http-method-override',
  'x-http-method',
  'x-method-override',
  'upgrade',
  'range',
  'if-range',
])
/** Two of these could be read one way here and another way elsewhere. */
const SINGLE: ReadonlySet<string> = new Set([
  'accept',
  'authorization',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'transfer-encoding',
])
const JSON_TYPES: ReadonlySet<string> = new Set([
  '*/*',
  'application/*',
  'application/fhir+json',
  'application/json',
  'application/json+fhir',
  'text/json',
])
/** `_format` codes and media types for JSON; a `+` that a client forgot to encode arrives as a space. */
const JSON_FORMATS: ReadonlySet<string> = new Set([
  'json',
  'application/json',
  'application/fhir+json',
  'application/fhir json',
  'application/json+fhir',
  'text/json',
])

/** The headers the parse looks at, by lower-case name; everything else was let by unread and is never forwarded. */
export type KnownHeaders = ReadonlyMap<string, string>

/**
 * Collects the headers that matter, or says what is wrong with them: method override, protocol switch, ranges,
 * duplicates, conflicting body length (RFC 9112 6.3), more than `maxBytes`.
 */
export function inspectHeaders(headers: Headers, maxBytes: number): KnownHeaders | Refusal {
  const known = new Map<string, string>()
  let bytes = 0
  for (const [name, value] of headers) {
    bytes += name.length + value.length + 4
    const lower = name.toLowerCase()
    if (REFUSED.has(lower)) return fault(`header ${lower} is not accepted`)
    if (!SINGLE.has(lower)) continue
    if (known.has(lower)) return fault(`header ${lower} may stand only once`)
    known.set(lower, value)
  }
  if (bytes > maxBytes) return fault(`headers are limited to ${maxBytes} bytes`)
  return conflict(known) ?? known
}

/** {@link inspectHeaders}, throwing what it finds. @throws Refusal `bad-header`. */
export function checkHeaders(headers: Headers, maxBytes: number): KnownHeaders {
  const result = inspectHeaders(headers, maxBytes)
  if (result instanceof Refusal) throw result
  return result
}

/**
 * Whether the client can take JSON. Browsers and curl send a catch-all range, which is fine.
 * @throws Refusal `not-acceptable` where only other formats are listed.
 */
export function checkAccept(accept: string | undefined): void {
  if (accept === undefined || accept.trim() === '') return
  if (!accept.split(',').some(acceptsJson)) {
    refuse('not-acceptable', 'Accept: application/fhir+json is the only format served')
  }
}

/** @throws Refusal `not-acceptable` unless `_format` names JSON. */
export function checkFormat(format: string): void {
  const mediaType = (format.split(';', 1)[0] ?? '').trim().toLowerCase()
  if (!JSON_FORMATS.has(mediaType)) refuse('not-acceptable', '_format: json is the only format served')
}

/**
 * The body of a POST search must be a plain UTF-8 form. @throws Refusal `unsupported-media-type`.
 */
export function checkFormHeaders(headers: KnownHeaders): void {
  checkBodyHeaders(headers, 'application/x-www-form-urlencoded', 'a search by POST')
}

/** The body of `what` must be plain UTF-8 JSON. @throws Refusal `unsupported-media-type`. */
export function checkJsonHeaders(headers: KnownHeaders, what = 'a CDS Hooks request'): void {
  checkBodyHeaders(headers, 'application/json', what)
}

function checkBodyHeaders(headers: KnownHeaders, expected: string, what: string): void {
  const encoding = headers.get('content-encoding')
  if (encoding !== undefined && encoding.trim().toLowerCase() !== 'identity') {
    refuse('unsupported-media-type', 'Content-Encoding: request bodies are accepted uncompressed only')
  }
  const [mediaType, ...parameters] = (headers.get('content-type') ?? '')
    .split(';')
    .map(part => part.trim().toLowerCase())
  if (mediaType !== expected) {
    refuse('unsupported-media-type', `Content-Type: ${what} is ${expected}`)
  }
  if (!parameters.every(isUtf8)) refuse('unsupported-media-type', 'Content-Type: the only charset is utf-8')
}

function isUtf8(parameter: string): boolean {
  return /^charset="?utf-?8"?$/.test(parameter)
}

function conflict(known: KnownHeaders): Refusal | undefined {
  const transfer = known.get('transfer-encoding')
  if (transfer !== undefined && known.has('content-length')) {
    return fault('headers transfer-encoding and content-length exclude each other')
  }
  if (transfer !== undefined && transfer.trim().toLowerCase() !== 'chunked') {
    return fault('header transfer-encoding may only be chunked')
  }
  const expect = known.get('expect')
  if (expect !== undefined && expect.trim().toLowerCase() !== '100-continue') {
    return fault('header expect may only be 100-continue')
  }
  return undefined
}

function fault(diagnostics: string): Refusal {
  return new Refusal('bad-header', { diagnostics })
}

function acceptsJson(range: string): boolean {
  const [mediaType = '', ...parameters] = range.split(';').map(part => part.trim().toLowerCase())
  return JSON_TYPES.has(mediaType) && parameters.every(isServed)
}

/** `q=0` means "not this one"; `fhirVersion` names another release of FHIR than the one served. */
function isServed(parameter: string): boolean {
  if (/^q=0(\.0{0,3})?$/.test(parameter)) return false
  return !parameter.startsWith('fhirversion=') || /^fhirversion="?4\.0(\.\d)?"?$/.test(parameter)
}

/** Text of narrative and attachments. What cannot be read as text is said to be unreadable, never taken for empty. */

const READABLE =
  /^(text\/(plain|html|xml|markdown|csv)|application\/(xml|json|xhtml\+xml|hl7-cda\+xml|fhir\+json|fhir\+xml))\b/i
const MARKED_UP = /(html|xml)/i
/** Neighbouring parts share no character, so that a mismatch is seen in linear time. */
const BASE64 = /^[A-Za-z0-9+/\s]*(?:=\s*){0,2}$/
const CHARSET = /;\s*charset\s*=\s*["']?([\w.:+-]{1,40})/i

/** Largest attachment that is read, in base64 characters. */
const MAX_CHARACTERS = 2_800_000

/**
 * Text of a base64 attachment, tags stripped where it is marked up. `undefined` when it cannot be read: unknown or
 * binary content type, broken base64, too large.
 */
export function attachmentText(contentType: string | undefined, data: string): string | undefined {
  if (data.length > MAX_CHARACTERS) return undefined
  if (contentType !== undefined && !READABLE.test(contentType)) return undefined
  if (!BASE64.test(data)) return undefined
  const text = decode(Buffer.from(data, 'base64'), contentType)
  return text !== undefined && (MARKED_UP.test(contentType ?? '') || text.startsWith('<'))
    ? stripTags(text)
    : text
}

/**
 * The bytes as every text a reader may take them for: by byte-order mark, by the declared charset, as UTF-8. Undefined
 * for a charset that is not known and for bytes that are no text in the encoding they seem to have.
 */
function decode(bytes: Uint8Array, contentType: string | undefined): string | undefined {
  const wide = wideEncoding(bytes)
  if (wide !== undefined) return decoded(bytes, wide)
  const utf8 = decoded(bytes, 'utf-8')
  const charset = CHARSET.exec(contentType ?? '')?.[1]
  // Old systems write windows-1252 and say nothing; without a declared text type it may as well be a picture.
  if (charset === undefined)
    return utf8 ?? (contentType === undefined ? undefined : decoded(bytes, 'windows-1252'))
  if (!isKnown(charset)) return undefined
  const readings = new Set([decoded(bytes, charset), utf8].filter(text => text !== undefined))
  return readings.size === 0 ? undefined : [...readings].join('\n')
}

/** UTF-16 by its byte-order mark, or by the NUL that stands beside every ASCII letter. */
function wideEncoding(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  const [first, second] = bytes
  if (first === 0xff && second === 0xfe) return 'utf-16le'
  if (first === 0xfe && second === 0xff) return 'utf-16be'
  const nul = bytes.indexOf(0)
  if (nul < 0) return undefined
  return nul % 2 === 0 ? 'utf-16be' : 'utf-16le'
}

function isKnown(charset: string): boolean {
  try {
    return new TextDecoder(charset).encoding !== ''
  } catch {
    return false
  }
}

function decoded(bytes: Uint8Array, encoding: string): string | undefined {
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes)
    return text.includes('\0') ? undefined : text
  } catch {
    return undefined
  }
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
}

/** Text without tags: block tags become line breaks, inline tags nothing, basic entities are decoded. Linear in time. */
export function stripTags(markup: string): string {
  const parts: string[] = []
  let at = 0
  let open = markup.indexOf('<')
  while (open >= 0) {
    if (opensTag(markup.charCodeAt(open + 1))) {
      const close = markup.indexOf('>', open)
      if (close < 0) break
      parts.push(markup.slice(at, open), isInline(markup, open + 1) ? '' : '\n\n')
      at = close + 1
      open = markup.indexOf('<', at)
    } else {
      open = markup.indexOf('<', open + 1)
    }
  }
  parts.push(markup.slice(at))
  const text = parts.join('')
  return text.includes('&') ? decodeEntities(text) : text
}

/** A letter, `/`, `!` or `?`; "CD4 < 200" opens none. */
function opensTag(code: number): boolean {
  return (
    (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 47 || code === 33 || code === 63
  )
}

const INLINE = new Set([
  'b',
  'i',
  'em',
  'strong',
  'span',
  'a',
  'u',
  'font',
  'sub',
  'sup',
  'small',
  'mark',
  'code',
])

function isInline(markup: string, nameAt: number): boolean {
  let start = nameAt
  if (markup[start] === '/') start++
  let end = start
  while (end < start + 8 && /[A-Za-z]/.test(markup[end] ?? '')) end++
  return INLINE.has(markup.slice(start, end).toLowerCase())
}

function decodeEntities(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,6}));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return ENTITIES[String(name).toLowerCase()] ?? whole
    const point = decimal === undefined ? Number.parseInt(String(hex), 16) : Number(decimal)
    return point <= 0x10ffff ? String.fromCodePoint(point) : ' '
  })
}

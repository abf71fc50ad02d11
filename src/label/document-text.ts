/** From bytes to text: by byte-order mark, by what is declared, as UTF-8, as the old encoding of Windows. */

const CHARSET = /;\s*charset\s*=\s*["']?([\w.:+-]{1,40})/i

/**
 * Every text a reader may take these bytes for, the likeliest first. Empty where the charset is not known or the bytes
 * are no text. Old systems write windows-1252 and say nothing: `guess` allows for that.
 */
export function readingsOf(bytes: Uint8Array, contentType: string | undefined, guess: boolean): string[] {
  const wide = wideEncoding(bytes)
  if (wide !== undefined) return known(decoded(bytes, wide))
  const utf8 = decoded(bytes, 'utf-8')
  const charset = charsetOf(contentType)
  if (charset === undefined) {
    const old = utf8 === undefined && guess ? decoded(bytes, 'windows-1252') : undefined
    return known(utf8 ?? (old !== undefined && isPlain(old) ? old : undefined))
  }
  if (!isKnown(charset)) return []
  return [...new Set([...known(utf8), ...known(decoded(bytes, charset))])]
}

/** The charset parameter of a content type. */
export function charsetOf(contentType: string | undefined): string | undefined {
  return CHARSET.exec(contentType ?? '')?.[1]
}

function known(text: string | undefined): string[] {
  return text === undefined ? [] : [text]
}

/** UTF-16 by its byte-order mark, or by the NUL that stands beside every ASCII letter. */
export function wideEncoding(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
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

/** The text with its byte-order mark, so that places in it are places in the bytes; undefined where it is none. */
export function decoded(bytes: Uint8Array, encoding: string): string | undefined {
  try {
    const text = new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes)
    return text.includes('\0') ? undefined : text
  } catch {
    return undefined
  }
}

/** No control characters. */
export function isPlain(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return !/[\x01-\x08\x0b\x0e-\x1f\x7f]/.test(text)
}

/** Longest run of letters, digits, `+` and `/` that still is a word, a number or an address. */
const ENCODED_RUN = 400
const TRANSFER = /content-transfer-encoding:[ \t]*(?:base64|quoted-printable|uuencode)/i

/** Whether the text carries something encoded that nobody read: a picture in base64, the parts of a mail. */
export function hidesEncoded(text: string): boolean {
  return hasLongRun(text) || TRANSFER.test(text) || /\bBEGIN-BASE64\b|\^BASE64\^/i.test(text)
}

function hasLongRun(text: string): boolean {
  let run = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    run = isBase64(code) ? run + 1 : 0
    if (run === ENCODED_RUN) return true
  }
  return false
}

function isBase64(code: number): boolean {
  const isLetter = (code >= 97 && code <= 122) || (code >= 65 && code <= 90)
  return isLetter || (code >= 48 && code <= 57) || code === 43 || code === 47
}

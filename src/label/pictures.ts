/** Pictures within documents: whether one is what the document is about. */

/** Below this many letters beside a picture, the picture is what the page is about: a scan with a stamp on it. */
export const LETTERS_BESIDE_PICTURE = 200
/** Bytes below which a picture shows no more than a sign or a line. */
const SIGN = 750
/** Bytes from which a picture may be a page by itself. */
const PAGE = 15_000

/**
 * Whether pictures are what a document says, not what stands beside it.
 * @param sizes of the pictures it shows, in bytes
 * @param text that a person sees beside them
 */
export function isOfPictures(sizes: readonly number[], text: string): boolean {
  if (!sizes.some(size => size >= SIGN)) return false
  const pages = sizes.filter(size => size >= PAGE).length
  return letters(text) < LETTERS_BESIDE_PICTURE * Math.max(pages, 1)
}

export function letters(text: string): number {
  return text.match(/[\p{L}\p{N}]/gu)?.length ?? 0
}

/** RFC 2397, with or without base64; white space within counts for nothing, and for little here. */
const DATA_URL = /data:\s*image\/[^,"']{0,200},([^"')]*)/gi

/** Bytes of the pictures that stand in an attribute as `data:` URLs. */
export function picturesIn(attribute: string): number[] {
  return [...attribute.matchAll(DATA_URL)].map(([, data = '']) => bytesOf(data))
}

/** Bytes that so much base64 stands for. */
export function bytesOf(base64: string): number {
  return Math.floor((base64.length * 3) / 4)
}

const BASE64 = /^[A-Za-z0-9+/\s]*(?:=\s*){0,2}$/
const WORD = /\s/

/** Bytes of a text that is nothing but base64, in one run or in lines as long as no word is; 0 where it is a text. */
export function embeddedBytes(text: string): number {
  if (text.length * 3 < SIGN * 4 || !BASE64.test(text)) return 0
  const lines = text
    .trim()
    .split(WORD)
    .filter(line => line !== '')
  const long = lines.filter(line => line.length >= 40).length
  return long * 2 >= lines.length ? bytesOf(text) : 0
}

import { isOfPictures, picturesIn } from './pictures.ts'

/** HTML and whatever else has tags: the text a person reads. Never throws; linear in time. */

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
  // What is not seen, and parts no word.
  shy: '',
  zwj: '',
  zwnj: '',
}

/** Text without tags: block tags become line breaks, inline tags nothing, basic entities are decoded. */
export function stripTags(markup: string): string {
  const parts: string[] = []
  eachTag(markup, (before, tag) => parts.push(before, tag === '' || isInline(tag) ? '' : '\n\n'))
  return decodeEntities(parts.join(''))
}

/** Attributes that a person sees or hears. */
const SPOKEN =
  /\s(?:alt|title|value|content|label|placeholder|summary|aria-label)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/gi

/** What stands in tags and is text all the same: what a picture is said to show, a comment of the writer. */
export function spokenInTags(markup: string): string[] {
  const spoken: string[] = []
  eachTag(markup, (_, tag) => {
    if (tag.startsWith('!--')) spoken.push(tag.slice(3))
    if (!tag.includes('=')) return
    for (const [, double, single, bare] of tag.matchAll(SPOKEN))
      spoken.push(decodeEntities(double ?? single ?? bare ?? ''))
  })
  return spoken
}

/** Whether the markup shows pictures or embeds other documents. */
export function showsPictures(markup: string): boolean {
  return /<(?:img|object|embed|iframe|svg|canvas|video|audio)\b/i.test(markup)
}

/** Elements whose content nobody sees. */
const UNSEEN = /^\/?(style|script|title)\b/i
const MAY_EMBED = /data:|&#|<svg\b/i

/** Whether pictures that are embedded in the markup are what it says: a scanned page with a caption. */
export function isOfEmbeddedPictures(markup: string): boolean {
  if (!MAY_EMBED.test(markup)) return false
  const sizes: number[] = []
  const seen: string[] = []
  let unseen = false
  let drawing = 0
  eachTag(markup, (before, tag) => {
    if (!unseen) seen.push(before)
    if (UNSEEN.test(tag)) unseen = !tag.startsWith('/')
    if (tag.includes('=')) sizes.push(...picturesIn(decodeEntities(tag)))
    if (/^svg\b/i.test(tag) || drawing > 0) drawing += tag.length
    if (/^\/svg\b/i.test(tag)) {
      sizes.push(drawing)
      drawing = 0
    }
  })
  return isOfPictures([...sizes, drawing], decodeEntities(seen.join(' ')))
}

/** Whether the markup carries another document within itself, which is shown where it stands. */
export function embedsDocuments(markup: string): boolean {
  return /\ssrcdoc\s*=|["'=(]\s*data:(?!image\/|font\/|application\/(?:x-)?font)[\w.+-]+\/[\w.+-]+[;,]/i.test(
    markup,
  )
}

/** Calls with the text before each tag and what stands between its `<` and `>`; at last with the rest and an empty tag. */
function eachTag(markup: string, seen: (before: string, tag: string) => void): void {
  let at = 0
  let open = markup.indexOf('<')
  while (open >= 0) {
    if (opensTag(markup.charCodeAt(open + 1))) {
      const close = markup.indexOf('>', open)
      if (close < 0) break
      seen(markup.slice(at, open), markup.slice(open + 1, close))
      at = close + 1
      open = markup.indexOf('<', at)
    } else {
      open = markup.indexOf('<', open + 1)
    }
  }
  seen(markup.slice(at), '')
}

/** A letter, `/`, `!` or `?`; "CD4 < 200" opens none. */
function opensTag(code: number): boolean {
  return (
    (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 47 || code === 33 || code === 63
  )
}

const INLINE = new Set(
  `b i em strong span a u font sub sup small mark code ins del s strike tt big wbr abbr acronym bdi bdo cite dfn kbd nobr
  q samp var`.split(/\s+/),
)

function isInline(tag: string): boolean {
  if (tag.startsWith('!--')) return true
  const start = tag.startsWith('/') ? 1 : 0
  let end = start
  while (end < start + 8 && /[A-Za-z]/.test(tag[end] ?? '')) end++
  return INLINE.has(tag.slice(start, end).toLowerCase())
}

export function decodeEntities(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,6}));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return ENTITIES[String(name).toLowerCase()] ?? whole
    const point = decimal === undefined ? Number.parseInt(String(hex), 16) : Number(decimal)
    return point <= 0x10ffff ? String.fromCodePoint(point) : ' '
  })
}

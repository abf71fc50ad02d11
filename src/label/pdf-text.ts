import { getDocument, type PDFDocumentProxy, type PDFPageProxy } from 'unpdf/pdfjs'
import { LETTERS_BESIDE_PICTURE, letters } from './pictures.ts'

/** Most of a PDF that is read; a longer one is not read at all. */
export interface PdfLimits {
  readonly pages: number
  readonly characters: number
}

/** Pictures of more dots than this show more than a logo. */
const LOGO_DOTS = 90_000

/** What pdf.js says where it went on without a part of the document (pdf.js `warn`). */
const LOST = /ignoring|unable to|failed|not available|cmap|invalid|missing|error|recover/i
/** Losses of colours, shapes and pictures, which hold no text. */
const HARMLESS =
  /color ?space|shading|pattern|halftone|blend|smask|soft mask|\bimage\b|standardFontDataUrl|TT:/i
const PICTURE = /Image exceeded maximum allowed size/

/**
 * The text layer of a PDF: text of all pages, form fields and notes on them, outline and title. Undefined where the
 * document needs a password, embeds others, is broken, longer than the limits, or shows what is no text (a scan).
 * To be run where it may be stopped: a small file may take any time and memory. Writes over `console.warn` and `log`.
 */
export async function pdfText(bytes: Uint8Array, limits: PdfLimits): Promise<string | undefined> {
  const warnings = new Warnings()
  const loading = getDocument({
    data: bytes,
    stopAtErrors: false,
    maxImageSize: LOGO_DOTS,
    useSystemFonts: false,
    disableFontFace: true,
    useWorkerFetch: false,
    isOffscreenCanvasSupported: false,
    isImageDecoderSupported: false,
    enableXfa: false,
    verbosity: 1,
  })
  try {
    const document = await loading.promise
    if (document.numPages > limits.pages || (await holdsMore(document))) return undefined
    const texts = [await titles(document)]
    let length = 0
    for (let number = 1; number <= document.numPages; number++) {
      const text = await pageText(await document.getPage(number), warnings)
      length += text?.length ?? 0
      if (text === undefined || warnings.lost || length > limits.characters) return undefined
      texts.push(text)
    }
    const text = texts.join('\n\n')
    return isLanguage(texts.slice(1).join(' ')) ? text : undefined
  } catch {
    return undefined
  } finally {
    await loading.destroy().catch(() => undefined)
  }
}

/** Other documents, pages made by a program in the document, a form that only Acrobat can draw. */
async function holdsMore(document: PDFDocumentProxy): Promise<boolean> {
  const [attachments, { info }] = await Promise.all([document.getAttachments(), document.getMetadata()])
  const { IsXFAPresent, IsAcroFormPresent, IsCollectionPresent } = info as Record<string, unknown>
  // A Map in one version of pdf.js, an object in another; either is null where nothing is embedded.
  if (attachments !== null) return true
  return IsCollectionPresent === true || (IsXFAPresent === true && IsAcroFormPresent !== true)
}

interface Heading {
  readonly title: string
  readonly items: readonly Heading[]
}

async function titles(document: PDFDocumentProxy): Promise<string> {
  const { info } = await document.getMetadata()
  const { Title, Subject, Keywords, Author } = info as Record<string, unknown>
  const said = [Title, Subject, Keywords, Author].filter(each => typeof each === 'string')
  const headings: string[] = []
  const open = [...((await document.getOutline()) ?? [])] as Heading[]
  while (open.length > 0 && headings.length < 10_000) {
    const heading = open.pop()
    if (heading === undefined) break
    headings.push(heading.title)
    open.push(...heading.items)
  }
  return [...said, ...headings].join('\n\n')
}

/** Undefined for a page that says too little for what it shows. */
async function pageText(page: PDFPageProxy, warnings: Warnings): Promise<string | undefined> {
  const { items } = await page.getTextContent()
  const shown = items.map(item => ('str' in item ? `${item.str}${item.hasEOL ? '\n' : ''}` : '')).join('')
  const { texts, isUnread } = await notes(page)
  if (isUnread) return undefined
  const text = [shown, ...texts].join('\n\n')
  if (letters(text) >= LETTERS_BESIDE_PICTURE) return text
  warnings.pictures = 0
  const { fnArray } = await page.getOperatorList()
  const isBlank = fnArray.length === 0 && texts.length === 0
  if (warnings.pictures > 0) return undefined
  // Letters drawn as shapes, or scanned in strips.
  return isBlank || letters(text) > 0 ? text : undefined
}

/** What stands in form fields and on notes; a file that hangs on the page, or a stamp, is not read. */
async function notes(page: PDFPageProxy): Promise<{ texts: string[]; isUnread: boolean }> {
  const texts: string[] = []
  let isUnread = false
  for (const note of (await page.getAnnotations()) as Record<string, unknown>[]) {
    const { subtype, fieldValue, contentsObj, titleObj, alternativeText, file } = note
    const said = [fieldValue, strOf(contentsObj), strOf(titleObj), alternativeText]
      .flat()
      .filter(each => typeof each === 'string' && each !== '')
    texts.push(...(said as string[]))
    if (file !== undefined || subtype === 'FileAttachment' || (subtype === 'Stamp' && said.length === 0))
      isUnread = true
  }
  return { texts, isUnread }
}

function strOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'str' in value ? value.str : undefined
}

/** Fewest letters that can be told from a code. */
const TELLING_LETTERS = 200

/**
 * Whether the text is one: a font without a table of characters gives signs for private use, or letters shifted against
 * each other, which have not the vowels of any language that is written with Latin letters.
 */
function isLanguage(text: string): boolean {
  if (letters(text) === 0) return false
  const odd = text.match(/\p{Co}|\uFFFD|(?!\s)\p{Cc}/gu)?.length ?? 0
  if (odd > text.length / 50) return false
  const latin = text.match(/[a-z]/gi)?.length ?? 0
  if (latin < TELLING_LETTERS) return true
  const vowels = text.match(/[aeiouy]/gi)?.length ?? 0
  return vowels > latin * 0.2 && vowels < latin * 0.6
}

/** pdf.js reports what it passes over on the console only. */
class Warnings {
  lost = false
  pictures = 0

  constructor() {
    const hear = (...said: unknown[]): void => this.#hear(said.join(' '))
    console.warn = hear
    console.log = hear
  }

  #hear(said: string): void {
    if (PICTURE.test(said)) this.pictures++
    else if (LOST.test(said) && !HARMLESS.test(said)) this.lost = true
  }
}

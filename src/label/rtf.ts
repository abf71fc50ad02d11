import { isOfPictures } from './pictures.ts'

/** Text of an RTF document (Rich Text Format 1.9.1). Bounded: one pass, no recursion. */

/** Groups that hold tables, fonts and pictures; everything else is read, known or not, for it may be text. */
const NO_TEXT = new Set(
  `fonttbl colortbl stylesheet listtable listoverridetable rsidtbl themedata colorschememapping datastore latentstyles
  generator xmlnstbl mmathPr pgdsctbl blipuid panose filetbl revtbl pict listpicture fchars lchars wgrffmtfilter nextfile
  template passwordhash password private1 background`.split(/\s+/),
)

/** Groups that embed what this reader does not open. */
const EMBEDS = new Set(['objdata', 'datafield'])

/** Groups that stand beside the text. */
const ASIDE = new Set(
  `title subject keywords comment doccomm author header headerl headerr headerf footer footerl footerr footerf footnote
  annotation shptxt info`.split(/\s+/),
)

const BREAKS: Readonly<Record<string, string>> = {
  par: '\n\n',
  line: '\n',
  sect: '\n\n',
  page: '\n\n',
  row: '\n\n',
  cell: '\n\n',
  nestcell: '\n\n',
  nestrow: '\n\n',
  tab: ' ',
  emdash: ' - ',
  endash: '-',
  lquote: "'",
  rquote: "'",
  ldblquote: '"',
  rdblquote: '"',
  bullet: ' ',
  emspace: ' ',
  enspace: ' ',
}

const MAX_GROUPS = 500
const ENCODINGS: Readonly<Record<string, string>> = {
  ansi: 'windows-1252',
  mac: 'macintosh',
  pc: 'windows-1252',
  pca: 'windows-1252',
}

interface Group {
  readonly silent: boolean
  /** `\ucN`: characters that stand in for one of Unicode. */
  readonly skips: number
  /** Number of the picture whose data stand here, as hexadecimal digits or after `\bin`. */
  readonly picture?: number
  /** A copy of a picture for old readers. */
  readonly copy?: true
}

/**
 * The text a reader sees, and hears of: notes, headers, form fields. Undefined where the document embeds another, nests
 * too deep, or has nothing to read (a scanned page).
 */
export function rtfText(bytes: Uint8Array): string | undefined {
  return new RtfReader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')).read()
}

class RtfReader {
  readonly #source: string
  readonly #parts: string[] = []
  readonly #groups: Group[] = []
  #group: Group = { silent: false, skips: 1 }
  #at = 0
  #encoding = 'windows-1252'
  #bytes: number[] = []
  /** Characters left to skip behind `\u`. */
  #skip = 0
  #unread = false
  /** Bytes of each picture that is shown; copies for old readers apart. */
  readonly #pictures: { bytes: number; readonly copy: boolean }[] = []

  constructor(source: string) {
    this.#source = source
  }

  read(): string | undefined {
    while (this.#at < this.#source.length && !this.#unread) this.#step()
    this.#flush()
    if (this.#unread) return undefined
    const text = this.#parts.join('')
    return /[\p{L}\p{N}]/u.test(text) && !this.#isOfPictures(text) ? text : undefined
  }

  #isOfPictures(text: string): boolean {
    const sizes = (copy: boolean) => this.#pictures.filter(each => each.copy === copy).map(each => each.bytes)
    return isOfPictures(sizes(false), text) || isOfPictures(sizes(true), text)
  }

  #step(): void {
    const character = this.#source[this.#at++] ?? ''
    if (character === '{') this.#enter()
    else if (character === '}') this.#leave()
    else if (character === '\\') this.#control()
    else if (character !== '\r' && character !== '\n') this.#byte(character.charCodeAt(0))
  }

  #enter(): void {
    if (this.#groups.length === MAX_GROUPS) this.#unread = true
    this.#groups.push(this.#group)
    this.#skip = 0
  }

  #leave(): void {
    this.#flush()
    this.#group = this.#groups.pop() ?? this.#group
    this.#skip = 0
  }

  #control(): void {
    const character = this.#source[this.#at] ?? ''
    if (!/[A-Za-z]/.test(character)) this.#at++
    if (/[A-Za-z]/.test(character)) this.#word()
    else if (character === "'") {
      const code = Number.parseInt(this.#source.slice(this.#at, this.#at + 2), 16)
      this.#at += 2
      if (!Number.isNaN(code)) this.#byte(code)
    } else if (character === '\\' || character === '{' || character === '}') {
      this.#byte(character.charCodeAt(0))
    } else if (character === '*') this.#say('\n\n')
    else if (character === '~') this.#say(' ')
    else if (character === '_') this.#say('-')
    else if (character === '\r' || character === '\n') this.#say('\n\n')
  }

  #word(): void {
    const start = this.#at
    while (isLetter(this.#source.charCodeAt(this.#at)) && this.#at - start < 32) this.#at++
    const word = this.#source.slice(start, this.#at)
    const parameter = this.#parameter()
    if (this.#source[this.#at] === ' ') this.#at++
    this.#obey(word, parameter)
  }

  #parameter(): number | undefined {
    const start = this.#at
    if (this.#source[this.#at] === '-') this.#at++
    while (isDigit(this.#source.charCodeAt(this.#at)) && this.#at - start < 11) this.#at++
    const number = Number.parseInt(this.#source.slice(start, this.#at), 10)
    return Number.isNaN(number) ? undefined : number
  }

  #obey(word: string, parameter: number | undefined): void {
    if (word === 'u') this.#unicode(parameter ?? 0)
    else if (word === 'uc') this.#group = { ...this.#group, skips: Math.min(Math.max(parameter ?? 1, 0), 16) }
    else if (word === 'bin') this.#binary(Math.max(parameter ?? 0, 0))
    else if (word === 'ansicpg') this.#encoding = codePage(parameter)
    else if (ENCODINGS[word] !== undefined) this.#encoding = ENCODINGS[word]
    else if (EMBEDS.has(word)) this.#unread = true
    else if (NO_TEXT.has(word)) {
      this.#flush()
      if (word === 'pict' && !this.#group.silent) this.#picture()
      this.#group = { ...this.#group, silent: true }
    } else if (word === 'nonshppict') this.#group = { ...this.#group, copy: true }
    else if (ASIDE.has(word)) this.#say('\n\n')
    else if (BREAKS[word] !== undefined) this.#say(BREAKS[word])
  }

  #picture(): void {
    this.#group = { ...this.#group, picture: this.#pictures.length }
    this.#pictures.push({ bytes: 0, copy: this.#group.copy === true })
  }

  #binary(length: number): void {
    this.#at += length
    this.#draw(length)
  }

  #draw(bytes: number): void {
    const picture = this.#pictures[this.#group.picture ?? -1]
    if (picture !== undefined) picture.bytes += bytes
  }

  /** `\uN` is a 16-bit number, negative above 32767; `\ucN` characters behind it say the same to old readers. */
  #unicode(code: number): void {
    this.#say(String.fromCharCode(code & 0xffff))
    this.#skip = this.#group.skips
  }

  #byte(code: number): void {
    if (this.#skip > 0) this.#skip--
    else if (!this.#group.silent) this.#bytes.push(code)
    else this.#draw(0.5)
  }

  #say(text: string): void {
    this.#flush()
    if (!this.#group.silent) this.#parts.push(text)
  }

  #flush(): void {
    if (this.#bytes.length === 0) return
    this.#parts.push(new TextDecoder(this.#encoding).decode(Uint8Array.from(this.#bytes)))
    this.#bytes = []
  }
}

function isLetter(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90)
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

const CODE_PAGES: Readonly<Record<number, string>> = {
  874: 'windows-874',
  932: 'shift_jis',
  936: 'gbk',
  949: 'euc-kr',
  950: 'big5',
  1361: 'euc-kr',
  10000: 'macintosh',
  65001: 'utf-8',
}

/** Latin where the page is not known: letters of clinical words are the same in all of them. */
function codePage(page: number | undefined): string {
  if (page !== undefined && page >= 1250 && page <= 1258) return `windows-${page}`
  return CODE_PAGES[page ?? 1252] ?? 'windows-1252'
}

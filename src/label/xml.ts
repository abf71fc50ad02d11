import { SaxesParser } from 'saxes'

/** An element with its place in the text: offsets in UTF-16 units, `end` behind the closing tag. */
export interface XmlElement {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: readonly XmlNode[]
  readonly start: number
  readonly end: number
  /** From behind the opening tag to before the closing one; empty for `<a/>`. */
  readonly inner: readonly [start: number, end: number]
}

/** Character data with entities and CDATA resolved, or what a comment or a processing instruction holds. */
export interface XmlText {
  readonly kind: 'text' | 'comment' | 'instruction'
  readonly text: string
  readonly start: number
  readonly end: number
}

export type XmlNode = XmlElement | XmlText

export interface XmlDocument {
  readonly root: XmlElement
  /** Comments and processing instructions around the root. */
  readonly around: readonly XmlText[]
}

/** The text is no XML that can be read safely: not well-formed, with a DTD, too deep or of too many elements. */
export class XmlError extends Error {}

const MAX_DEPTH = 256
const MAX_NODES = 400_000

export function isElement(node: XmlNode): node is XmlElement {
  return 'name' in node
}

/** Name without its prefix. */
function localName(name: string): string {
  const colon = name.indexOf(':')
  return colon < 0 ? name : name.slice(colon + 1)
}

/** Where an attribute stands with and without a prefix, the plain one counts. */
function unprefixed(written: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const attributes: Record<string, string> = Object.create(null)
  for (const key in written) {
    const name = localName(key)
    if (name === key || written[name] === undefined) attributes[name] = written[key] ?? ''
  }
  return attributes
}

interface Open {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: XmlNode[]
  readonly start: number
  readonly contentStart: number
}

/**
 * XML as a tree with positions, prefixes stripped from names. A document type is refused, for its entities can mean
 * anything: the five of XML are all there are. Throws XmlError. Time and memory are linear in the text.
 */
export function parseXml(text: string): XmlDocument {
  return new TreeBuilder(text).build()
}

class TreeBuilder {
  readonly #text: string
  readonly #parser = new SaxesParser({ xmlns: false, position: false })
  readonly #open: Open[] = []
  readonly #around: XmlText[] = []
  #root: XmlElement | undefined
  /** End of the last markup: the next markup begins at the first `<` behind it. */
  #last = 0
  #nodes = 0

  constructor(text: string) {
    this.#text = text
  }

  build(): XmlDocument {
    const parser = this.#parser
    parser.on('error', error => {
      throw new XmlError(error.message)
    })
    parser.on('doctype', () => {
      throw new XmlError('a document type')
    })
    parser.on('opentag', ({ name, attributes }) => this.#enter(name, attributes))
    parser.on('closetag', ({ isSelfClosing }) => this.#leave(isSelfClosing))
    parser.on('text', text => this.#characters(text))
    parser.on('cdata', text => {
      const start = this.#markup(']]>')
      this.#add({ kind: 'text', text, start, end: this.#last })
    })
    parser.on('comment', text => {
      const start = this.#markup('-->', '<!--'.length)
      this.#add({ kind: 'comment', text, start, end: this.#last })
    })
    parser.on('processinginstruction', ({ target, body }) => {
      const start = this.#markup('?>')
      this.#add({ kind: 'instruction', text: `${target} ${body}`, start, end: this.#last })
    })
    parser.on('xmldecl', () => this.#markup('?>'))
    parser.write(this.#text).close()
    if (this.#root === undefined) throw new XmlError('no element')
    return { root: this.#root, around: this.#around }
  }

  /** @param opening length of what begins it: `<!-->` does not end a comment. */
  #markup(terminator: string, opening = 0): number {
    const start = this.#text.indexOf('<', this.#last)
    this.#last = this.#text.indexOf(terminator, start + opening) + terminator.length
    return start
  }

  #enter(name: string, written: Readonly<Record<string, string>>): void {
    if (this.#open.length === MAX_DEPTH) throw new XmlError('too deep')
    const start = this.#text.indexOf('<', this.#last)
    this.#last = this.#parser.position
    this.#open.push({
      name: localName(name),
      attributes: unprefixed(written),
      children: [],
      start,
      contentStart: this.#last,
    })
  }

  #leave(isSelfClosing: boolean): void {
    const open = this.#open.pop()
    if (open === undefined) throw new XmlError('an end without a start')
    const { contentStart, ...rest } = open
    const closing = isSelfClosing ? contentStart : this.#text.indexOf('<', this.#last)
    this.#last = this.#parser.position
    this.#add({ ...rest, end: this.#last, inner: [contentStart, closing] })
  }

  #characters(text: string): void {
    if (this.#open.length === 0) return
    const end = this.#text.indexOf('<', this.#last)
    this.#add({ kind: 'text', text, start: this.#last, end })
  }

  #add(node: XmlNode): void {
    if (++this.#nodes > MAX_NODES) throw new XmlError('too many elements')
    const parent = this.#open.at(-1)
    if (parent !== undefined) parent.children.push(node)
    else if (isElement(node)) this.#root = node
    else this.#around.push(node)
  }
}

const DECLARED = /^\ufeff?<\?xml\s[^>]{0,200}?encoding\s*=\s*["']([A-Za-z][\w.-]{0,40})["']/

/** The encoding an XML declaration names, lower case. https://www.w3.org/TR/xml/#NT-EncodingDecl */
export function declaredEncoding(text: string): string | undefined {
  return DECLARED.exec(text)?.[1]?.toLowerCase()
}

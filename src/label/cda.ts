import type { TellingElement } from '../model/label.ts'
import type { Statement } from '../model/rules.ts'
import { type Reader, readCoded } from './cda-entries.ts'
import { readNarrative } from './cda-narrative.ts'
import { byteOffsets, partsOf } from './cda-parts.ts'
import { settleLabels, tiesOf } from './cda-ties.ts'
import { Findings, type Section, type Target, Unit, unitsOf } from './cda-units.ts'
import { canonicalSystem } from './systems.ts'
import { isElement, type XmlDocument, type XmlElement, type XmlText } from './xml.ts'

/** What a clinical document says as a whole, and part by part. */
export interface ClinicalDocument {
  readonly whole: Findings
  readonly parts: readonly TellingElement[]
  /** A document of another kind in its body (CDA R2, NonXMLBody). */
  readonly body?: {
    readonly mediaType: string | undefined
    readonly data: string
    readonly isBase64: boolean
  }
  /** The body lies elsewhere. */
  readonly isElsewhere: boolean
}

/**
 * Reads a CDA R2 document with a header and, where its body is structured, sections of entries and narrative. Header and
 * what stands in no section speak for the whole document; without `source` (no UTF-8) everything does.
 * @param path of the base64 in the resource
 */
export function readClinicalDocument(
  { root, around }: XmlDocument,
  source: string | undefined,
  path: string,
  reader: Reader,
): ClinicalDocument {
  const reading = new DocumentReading(reader)
  reading.read(root, around)
  const { whole, body, isElsewhere } = reading
  const parts = reading.parts(source, path)
  if (source === undefined) reading.asWhole()
  return { whole, parts, isElsewhere, ...(body === undefined ? {} : { body }) }
}

/** LOINC 10157-6, History of family member diseases: who is ill there is not the patient. */
const FAMILY_HISTORY = '10157-6'
const LOINC = canonicalSystem('http://loinc.org')

class DocumentReading {
  readonly whole = new Findings()
  readonly #reader: Reader
  readonly #sections: Section[] = []
  readonly #ids = new Map<string, Target[]>()
  body: ClinicalDocument['body']
  isElsewhere = false

  constructor(reader: Reader) {
    this.#reader = reader
  }

  read(root: XmlElement, around: readonly XmlText[]): void {
    const { rules, type } = this.#reader
    for (const { text } of around) this.whole.add(rules.words(text), type, [])
    for (const child of root.children) {
      if (!isElement(child)) this.whole.add(rules.words(child.text), type, [])
      else if (child.name === 'component') this.#bodies(child)
      else this.#header(child)
    }
  }

  #header(element: XmlElement): void {
    const { rules, type } = this.#reader
    readCoded(element, { findings: this.whole }, this.#reader)
    const { code, codeSystem } = element.attributes
    if (element.name === 'code' && code !== undefined)
      this.whole.add(rules.codes(codeSystem, code).document, type, [])
  }

  #bodies(component: XmlElement): void {
    for (const child of component.children) {
      if (!isElement(child)) this.#remark(child, undefined)
      else if (child.name === 'structuredBody') this.#structured(child)
      else if (child.name === 'nonXMLBody') this.#foreign(child)
      else readCoded(child, { findings: this.whole }, this.#reader)
    }
  }

  #structured(body: XmlElement): void {
    for (const child of body.children) {
      if (!isElement(child)) this.#remark(child, undefined)
      else if (child.name === 'component') this.#sectionsIn(child, undefined)
      else readCoded(child, { findings: this.whole }, this.#reader)
    }
  }

  #sectionsIn(component: XmlElement, parent: Unit | undefined): void {
    for (const child of component.children) {
      if (!isElement(child)) this.#remark(child, undefined)
      else if (child.name === 'section') this.#section(component, child, parent)
      else readCoded(child, { findings: this.whole }, this.#reader)
    }
  }

  #section(component: XmlElement, section: XmlElement, parent: Unit | undefined): void {
    const { rules, type } = this.#reader
    const unit = new Unit('section', [component.start, component.end], parent)
    const statements: Statement[] = isFamilyHistory(section) ? ['family-history'] : []
    const made: Section = { unit, parts: [], entries: [], statements }
    this.#sections.push(made)
    for (const child of section.children) {
      if (!isElement(child)) this.#remark(child, made)
      else if (child.name === 'text' && made.text === undefined)
        readNarrative(child, made, this.#ids, this.#reader)
      else if (child.name === 'entry') this.#entry(child, made)
      else if (child.name === 'component') this.#sectionsIn(child, unit)
      else {
        readCoded(child, { findings: unit.findings }, this.#reader, statements)
        const { code, codeSystem } = child.attributes
        if (child.name === 'code' && code !== undefined)
          unit.findings.add(rules.codes(codeSystem, code).document, type, statements)
      }
    }
  }

  #entry(element: XmlElement, section: Section): void {
    const entry = new Unit('entry', [element.start, element.end], section.unit)
    section.entries.push(entry)
    const into = (unit: Unit) => ({ findings: unit.findings, points: unit.points, phrases: unit.phrases })
    readCoded(
      element,
      {
        ...into(entry),
        component: (component, statements) => {
          const unit = new Unit('component', [component.start, component.end], entry)
          section.entries.push(unit)
          readCoded(component, into(unit), this.#reader, statements)
        },
      },
      this.#reader,
      section.statements,
    )
  }

  /** A comment between parts is one itself. Characters there are a mistake, and read all the same. */
  #remark(node: XmlText, section: Section | undefined): void {
    const { rules, type } = this.#reader
    const hits = node.text.trim() === '' ? [] : rules.words(node.text)
    if (hits.length === 0) return
    if (section === undefined) this.whole.add(hits, type, [])
    else {
      const unit = new Unit('remark', [node.start, node.end], section.unit)
      unit.findings.add(hits, type, section.statements)
      section.parts.push(unit)
    }
  }

  #foreign(body: XmlElement): void {
    for (const child of body.children) {
      if (!isElement(child)) this.#remark(child, undefined)
      else if (child.name !== 'text') readCoded(child, { findings: this.whole }, this.#reader)
      if (!isElement(child) || child.name !== 'text') continue
      // One of several is told; what the others say is not known.
      if (this.body !== undefined) this.isElsewhere = true
      if (child.children.some(node => isElement(node))) this.isElsewhere = true
      const data = child.children.map(node => (isElement(node) ? '' : node.text)).join('')
      const { mediaType, representation } = child.attributes
      this.body = { mediaType, data, isBase64: representation?.toUpperCase() === 'B64' }
    }
  }

  parts(source: string | undefined, path: string): TellingElement[] {
    const ties = tiesOf(this.#sections, this.#ids)
    settleLabels(this.#sections, ties, this.#reader.rules)
    if (source === undefined) return []
    const parts = partsOf(this.#sections, ties, source)
    const offsets = parts.flatMap(({ ranges }) => ranges.flat()).sort((a, b) => a - b)
    const bytes = byteOffsets(source, offsets)
    return parts.map(({ labels, ranges, codings, mentions }) => ({
      path,
      labels: labels.map(label => ({ ...label, path })),
      ranges: ranges.map(([start, end]) => [bytes.get(start) ?? 0, bytes.get(end) ?? 0] as const),
      ...(codings.length === 0 ? {} : { codings }),
      ...(mentions.length === 0 ? {} : { sourceMentions: mentions }),
    }))
  }

  /** Everything speaks for the whole. */
  asWhole(): void {
    for (const unit of this.#sections.flatMap(unitsOf)) {
      for (const label of unit.labels) this.whole.put(label)
      this.whole.mentions.push(...unit.findings.mentions)
      if (unit.findings.unreadable) this.whole.unreadable = true
    }
  }
}

function isFamilyHistory({ children }: XmlElement): boolean {
  return children.some(
    child =>
      isElement(child) &&
      child.name === 'code' &&
      child.attributes['code'] === FAMILY_HISTORY &&
      canonicalSystem(child.attributes['codeSystem']) === LOINC,
  )
}

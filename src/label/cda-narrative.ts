import { type Section, type Target, Unit } from './cda-units.ts'
import type { CompiledRules } from './compile.ts'
import { hidesEncoded } from './document-text.ts'
import { patientSentences } from './of-patient.ts'
import { isOfPictures, picturesIn } from './pictures.ts'
import { isElement, type XmlElement, type XmlNode } from './xml.ts'

/**
 * The narrative of a section in parts (CDA R2, NarrativeBlock): a row of a table, an item of a list, a paragraph, else
 * the text between line breaks. A heading that tells makes the whole table or list the part.
 */
export function readNarrative(
  text: XmlElement,
  section: Section,
  ids: Map<string, Target[]>,
  { rules, type }: { readonly rules: CompiledRules; readonly type: string },
): void {
  const holder = new Unit('text', text.inner, section.unit)
  section.text = holder
  const walker = new NarrativeWalker(section, ids)
  walker.container(text, holder)
  const all = [holder, ...section.parts]
  for (const unit of all) {
    unit.findings.add(rules.words(unit.text()), type, section.statements)
    if (section.statements.length > 0) unit.findings.add(rules.words(patientSentences(unit.text())), type, [])
    if (hidesEncoded(unit.text())) unit.findings.unreadable = true
  }
  // Words that only speak together (`all` of a rule) may stand in different parts.
  const seen = new Set(all.flatMap(({ findings }) => [...findings.finds.keys()]))
  const together = new Unit('run', text.inner)
  together.findings.add(rules.words(joinedText(all)), type, section.statements)
  for (const [key, { label, statements }] of together.findings.finds)
    if (!seen.has(key)) holder.findings.put(label, statements)
}

/** Text between line breaks goes on as lines do; other parts stand apart. */
function joinedText(units: readonly Unit[]): string {
  return units
    .map(
      (unit, n) =>
        `${n > 0 && !(unit.kind === 'run' && units[n - 1]?.kind === 'run') ? '\n' : ''}${unit.text().trim()}`,
    )
    .join('\n')
}

/** Attributes that a reader shows or speaks (CDA R2 NarrativeBlock, StrucDoc.Table and the like). */
const SPOKEN = ['title', 'abbr', 'summary', 'alt']

const BLOCKS = new Set(['table', 'list', 'paragraph'])

class NarrativeWalker {
  readonly #section: Section
  readonly #ids: Map<string, Target[]>
  readonly #flows = new Map<XmlElement, boolean>()

  constructor(section: Section, ids: Map<string, Target[]>) {
    this.#section = section
    this.#ids = ids
  }

  /** An element that holds parts: blocks, and runs of text between them. */
  container(element: XmlElement, holder: Unit): void {
    let run: XmlNode[] = []
    const flush = (): void => {
      this.#run(run, holder)
      run = []
    }
    for (const child of element.children) {
      if (!isElement(child)) run.push(child)
      else if (child.name === 'br') flush()
      else if (BLOCKS.has(child.name)) {
        flush()
        this.#block(child, holder)
      } else if (this.#isFlow(child)) {
        flush()
        this.#holding(child, () => this.container(child, holder))
      } else run.push(child)
    }
    flush()
  }

  /** Inline markup around blocks or line breaks. */
  #isFlow(element: XmlElement): boolean {
    const known = this.#flows.get(element)
    if (known !== undefined) return known
    const found = element.children.some(
      child => isElement(child) && (child.name === 'br' || BLOCKS.has(child.name) || this.#isFlow(child)),
    )
    this.#flows.set(element, found)
    return found
  }

  #run(nodes: readonly XmlNode[], holder: Unit): void {
    const [first] = nodes
    const last = nodes.at(-1)
    if (first === undefined || last === undefined) return
    if (nodes.every(node => !isElement(node) && node.kind === 'text' && node.text.trim() === '')) return
    const unit = this.#part('run', [first.start, last.end], holder)
    for (const node of nodes) this.#inline(node, unit)
  }

  #block(element: XmlElement, holder: Unit): void {
    if (element.name === 'table') this.#table(element, holder)
    else if (element.name === 'list') this.#list(element, holder)
    else {
      const unit = this.#part('block', [element.start, element.end], holder)
      this.#named(element, unit)
      this.#body(element, unit)
    }
  }

  #list(element: XmlElement, holder: Unit): void {
    const list = this.#part('list', [element.start, element.end], holder)
    this.#holding(element, () => {
      for (const child of element.children) {
        if (isElement(child) && child.name === 'item') {
          const item = this.#part('item', [child.start, child.end], list)
          this.#named(child, item)
          this.#body(child, item)
        } else this.#apart(child, list)
      }
    })
  }

  #table(element: XmlElement, holder: Unit): void {
    const table = this.#part('table', [element.start, element.end], holder)
    if (element.attributes['summary'] !== undefined) table.remarks.push(element.attributes['summary'])
    this.#holding(element, () => {
      const rows: XmlElement[] = []
      for (const child of element.children) {
        if (!isElement(child) || !(child.name === 'tbody' || child.name === 'tr')) this.#apart(child, table)
        else if (child.name === 'tr') rows.push(child)
        else this.#holding(child, () => this.#rows(child.children, table))
      }
      this.#rows(rows, table)
    })
  }

  #rows(nodes: readonly XmlNode[], table: Unit): void {
    for (const node of nodes) if (!isElement(node) || node.name !== 'tr') this.#apart(node, table)
    const rows = nodes.filter(isElement).filter(({ name }) => name === 'tr')
    for (let at = 0; at < rows.length; ) {
      const group = spannedTogether(rows, at)
      at += group.length
      const [first] = group
      const last = group.at(-1)
      if (first === undefined || last === undefined) break
      if (group.every(isHeading)) for (const row of group) this.#apart(row, table)
      else {
        const unit = this.#part('row', [first.start, last.end], table)
        for (const row of group) this.#row(row, unit)
      }
    }
  }

  #row(row: XmlElement, unit: Unit): void {
    this.#named(row, unit)
    for (const child of row.children) {
      if (isElement(child)) {
        this.#named(child, unit)
        this.#body(child, unit)
      } else this.#inline(child, unit)
      unit.words.push('\n\n')
    }
  }

  /** What stands in an element belongs to the part, but for tables and lists within it. */
  #body(element: XmlElement, unit: Unit): void {
    for (const child of element.children) {
      if (!isElement(child)) this.#inline(child, unit)
      else if (child.name === 'table' || child.name === 'list') {
        unit.words.push('\n\n')
        this.#block(child, unit)
      } else {
        if (child.name === 'br') unit.words.push('\n')
        const gap = child.name === 'paragraph' || child.name === 'caption' ? '\n\n' : ''
        unit.words.push(gap)
        this.#named(child, unit)
        this.#body(child, unit)
        unit.words.push(gap)
      }
    }
  }

  #inline(node: XmlNode, unit: Unit): void {
    if (isElement(node)) {
      this.#named(node, unit)
      this.#body(node, unit)
    } else if (node.kind === 'text') {
      unit.words.push(node.text)
      unit.phrases.add(node.text)
    } else unit.remarks.push(node.text)
  }

  /** Headings and captions: words of the table or list as a whole. */
  #apart(node: XmlNode, unit: Unit): void {
    unit.words.push('\n\n')
    if (isElement(node)) for (const child of node.children) this.#apart(child, unit)
    else this.#inline(node, unit)
  }

  #part(kind: Unit['kind'], range: readonly [number, number], holder: Unit): Unit {
    const unit = new Unit(kind, range, holder)
    this.#section.parts.push(unit)
    return unit
  }

  #named({ attributes }: XmlElement, unit: Unit): void {
    if (isOfPictures(Object.values(attributes).flatMap(picturesIn), '')) unit.findings.unreadable = true
    for (const name of SPOKEN) if (attributes[name] !== undefined) unit.remarks.push(attributes[name])
    const id = attributes['ID']
    if (id !== undefined) this.#target(id, unit)
  }

  /** The parts that are made meanwhile are what the id of this element stands for. */
  #holding({ attributes }: XmlElement, make: () => void): void {
    const id = attributes['ID']
    const { parts } = this.#section
    const target = { parts, from: parts.length, to: parts.length }
    make()
    target.to = parts.length
    if (id !== undefined) this.#target(id, target)
  }

  #target(id: string, target: Target): void {
    const known = this.#ids.get(id)
    if (known === undefined) this.#ids.set(id, [target])
    else known.push(target)
  }
}

const isHeading = ({ children }: XmlElement): boolean =>
  children.every(child => !isElement(child) || child.name === 'th')

/** Rows from `at` on that a cell spans: cut apart they would be no table any more. */
function spannedTogether(rows: readonly XmlElement[], at: number): readonly XmlElement[] {
  let end = at
  for (let i = at; i <= end && i < rows.length; i++) {
    for (const cell of rows[i]?.children ?? [])
      if (isElement(cell)) end = Math.max(end, i + rowSpan(cell) - 1)
  }
  return rows.slice(at, end + 1)
}

function rowSpan({ attributes }: XmlElement): number {
  const span = Number.parseInt(attributes['rowspan'] ?? '1', 10)
  return Math.max(span, 1)
}

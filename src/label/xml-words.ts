import type { Coding } from '../model/fhir.ts'
import { embeddedBytes, isOfPictures, picturesIn } from './pictures.ts'
import { isElement, type XmlDocument, type XmlElement } from './xml.ts'

/** Attributes that are addresses, formats and names of machines, not text. */
const NO_TEXT = new Set(
  `url href src xmlns schemaLocation root extension id ID class style system codeSystem version lang type`.split(
    ' ',
  ),
)

/** What a person may read in any XML: character data, comments, and the values of attributes (FHIR XML has only these). */
export function* xmlTexts({ root, around }: XmlDocument): Generator<string> {
  for (const { text } of around) yield text
  yield* textsIn(root)
}

/** All character data in a row: word processors break a word wherever somebody edited it. */
export function joinedText({ root }: XmlDocument): string {
  const pieces: string[] = []
  const collect = ({ children }: XmlElement): void => {
    for (const child of children) {
      if (isElement(child)) collect(child)
      else if (child.kind === 'text') pieces.push(child.text)
    }
  }
  collect(root)
  return pieces.join('')
}

/** Whether FHIR in XML carries content in base64 (Attachment, Binary), which is not read there. */
export function carriesData({ name, attributes, children }: XmlElement): boolean {
  const isData = (name === 'data' || name === 'valueBase64Binary') && (attributes['value'] ?? '') !== ''
  return isData || children.some(child => isElement(child) && carriesData(child))
}

/** Whether pictures or other embedded content are what the XML is about, whatever its elements are called. */
export function showsEmbedded({ root }: XmlDocument): boolean {
  const sizes: number[] = []
  const texts: string[] = []
  const collect = ({ name, attributes, children }: XmlElement, drawing: boolean): void => {
    for (const [key, value] of Object.entries(attributes)) {
      const embedded = [...picturesIn(value), embeddedBytes(value), drawing ? value.length : 0]
      sizes.push(...embedded.filter(size => size > 0))
      if (key === 'value' && embedded.every(size => size === 0) && !NO_VALUE.has(name)) texts.push(value)
    }
    for (const child of children) {
      if (isElement(child)) collect(child, drawing || child.name === 'svg')
      else if (child.kind === 'text') {
        const size = embeddedBytes(child.text)
        if (size > 0) sizes.push(size)
        else texts.push(child.text)
      }
    }
  }
  collect(root, root.name === 'svg')
  return isOfPictures(sizes, texts.join(' '))
}

/** FHIR elements whose value is an address, a code or a number (https://hl7.org/fhir/R4/xml.html). */
const NO_VALUE = new Set(
  `system url reference profile source versionId lastUpdated id implicitRules contentType language hash data linkId
  fullUrl instantiatesCanonical instantiatesUri questionnaire`.split(/\s+/),
)

function* textsIn({ name, attributes, children }: XmlElement): Generator<string> {
  for (const key in attributes)
    if (!NO_TEXT.has(key) && !(key === 'value' && NO_VALUE.has(name))) yield attributes[key] ?? ''
  // Inline markup leaves no gap: what a person reads as one word is one.
  let text = ''
  for (const child of children) {
    if (isElement(child)) {
      if (text.trim() !== '') yield text
      text = ''
      yield* textsIn(child)
    } else if (child.kind === 'text') text += child.text
    else yield child.text
  }
  if (text.trim() !== '') yield text
}

/** Codes of FHIR XML (`<code value/>` beside `<system value/>`) and of HL7 v3 (`code` and `codeSystem`). */
export function* xmlCodings(element: XmlElement): Generator<Coding> {
  const { attributes, children } = element
  const { code, codeSystem, displayName } = attributes
  if (code !== undefined) yield coding(codeSystem, code, displayName)
  const elements = children.filter(isElement)
  const value = (name: string): string | undefined =>
    elements.find(child => child.name === name)?.attributes['value']
  const written = value('code')
  if (written !== undefined) yield coding(value('system'), written, value('display'))
  for (const child of elements) yield* xmlCodings(child)
}

function coding(system: string | undefined, code: string, display: string | undefined): Coding {
  return {
    ...(system === undefined ? {} : { system }),
    code,
    ...(display === undefined ? {} : { display }),
  }
}

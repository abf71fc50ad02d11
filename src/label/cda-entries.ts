import { SYSTEM } from '../model/fhir.ts'
import type { Statement } from '../model/rules.ts'
import { type Findings, phraseOf } from './cda-units.ts'
import type { CompiledRules } from './compile.ts'
import { hidesEncoded } from './document-text.ts'
import { patientSentences } from './of-patient.ts'
import { canonicalSystem } from './systems.ts'
import { isElement, type XmlElement } from './xml.ts'

/** What reading a document needs to know. */
export interface Reader {
  readonly rules: CompiledRules
  /** Type of the resource that holds the document. */
  readonly type: string
  /** Words of something embedded in base64; undefined where it cannot be read at once. */
  readonly embedded: (mediaType: string | undefined, base64: string) => readonly string[] | undefined
}

/** What is collected while an element is read. */
export interface Into {
  readonly findings: Findings
  /** Ids of narrative that are pointed at. */
  readonly points?: string[]
  readonly phrases?: Set<string>
  /** Where the parts of an organizer go; the element is passed over then. */
  readonly component?: (component: XmlElement, statements: readonly Statement[]) => void
  /** Organizations named here received or met the patient, and made nothing. */
  readonly noMakers?: boolean
}

/** Elements that hold names, numbers and addresses, never clinical words (HL7 CDA R2, data types). */
const NO_WORDS = new Set(
  `addr telecom id templateId typeId setId versionNumber effectiveTime time birthTime realmCode languageCode
  streetAddressLine city state postalCode`.split(/\s+/),
)

/** Elements whose name is that of a person (CDA R2, R_Person and the like). */
const PERSON = /(?:[pP]erson|^patient|^subject|^informationRecipient)$/

/** Organizations that made or keep what the element around them says. */
const MAKERS = new Set([
  'representedOrganization',
  'representedCustodianOrganization',
  'serviceProviderOrganization',
])
const NO_MAKERS_BELOW = new Set(['informationRecipient', 'recordTarget', 'participant', 'consumable'])

/** Reads an element and all below it: codes, displays, texts, labels of others, who made it. */
export function readCoded(
  element: XmlElement,
  into: Into,
  reader: Reader,
  statements: readonly Statement[] = [],
): void {
  if (NO_WORDS.has(element.name)) {
    readUnsaid(element, into, reader, statements)
    return
  }
  const said = statementsOf(element, statements)
  readCode(element, into, reader, said)
  if (element.name === 'reference') readPointer(element, into)
  if (MAKERS.has(element.name) && into.noMakers !== true) readMaker(element, into.findings)
  if (readEmbedded(element, into, reader, said)) return
  const mixed = mixedText(element)
  if (mixed !== '') readWords(mixed, into, reader, said)
  for (const child of element.children) {
    if (!isElement(child)) {
      readWords(child.text, into, reader, said)
      if (element.name === 'originalText') addPhrase(child.text, into)
    } else if (into.component !== undefined && element.name === 'organizer' && child.name === 'component') {
      into.component(child, said)
    } else if (child.name !== 'name' || !isPersonName(element, child)) {
      readCoded(child, NO_MAKERS_BELOW.has(child.name) ? { ...into, noMakers: true } : into, reader, said)
    }
  }
}

/** Comments on what is a number or an address, and who gave an identifier. */
function readUnsaid(
  { attributes, children }: XmlElement,
  into: Into,
  reader: Reader,
  said: readonly Statement[],
): void {
  readWords(attributes['assigningAuthorityName'] ?? '', into, reader, said)
  for (const child of children)
    if (!isElement(child) && child.kind !== 'text') readWords(child.text, into, reader, said)
}

/** Characters that CDATA, comments or inline markup break into pieces, as they are read; empty where nothing does. */
function mixedText({ children }: XmlElement): string {
  const pieces = children.flatMap(child => {
    if (!isElement(child)) return child.kind === 'text' ? [child.text] : []
    return child.children.flatMap(inner => (isElement(inner) || inner.kind !== 'text' ? [] : [inner.text]))
  })
  const own = children.some(child => !isElement(child) && child.kind === 'text' && child.text.trim() !== '')
  return own && pieces.length > 1 ? pieces.join('') : ''
}

function isPersonName(holder: XmlElement, name: XmlElement): boolean {
  if (PERSON.test(holder.name)) return true
  return name.children.some(child => isElement(child) && (child.name === 'family' || child.name === 'given'))
}

function addPhrase(text: string, { phrases }: Into): void {
  const phrase = phrases === undefined ? '' : phraseOf(text)
  if (phrase !== '') phrases?.add(phrase)
}

function readWords(
  text: string,
  { findings }: Into,
  { rules, type }: Reader,
  said: readonly Statement[],
): void {
  const plain = text.trim()
  if (plain.length >= 3) findings.add(rules.words(plain), type, said)
  if (said.includes('family-history')) {
    const others = said.filter(statement => statement !== 'family-history')
    findings.add(rules.words(patientSentences(plain)), type, others)
  }
  if (hidesEncoded(plain)) findings.unreadable = true
}

/** HL7 v3 data type CD: a code, what it is called, and how whoever sent it labelled the data. */
function readCode(
  { attributes, name }: XmlElement,
  into: Into,
  reader: Reader,
  said: readonly Statement[],
): void {
  const { code, displayName } = attributes
  const { findings } = into
  const { rules, type } = reader
  const system = attributes['codeSystem'] ?? attributes['codeSystemName']
  if (displayName !== undefined) {
    findings.add(rules.words(displayName, canonicalSystem(system)), type, said)
    addPhrase(displayName, into)
  }
  if (code === undefined || name === 'statusCode') return
  findings.add(rules.codes(system, code).content, type, said)
  const canonical = canonicalSystem(system)
  if (!readLabel(canonical, code, into, reader) && !canonical.startsWith('urn:oid:2.16.840.1.113883.5.'))
    findings.codings.set(`${canonical}|${code}`, {
      ...(canonical === '' ? {} : { system: canonical }),
      code,
      ...(displayName === undefined ? {} : { display: displayName }),
    })
}

const ACT_CODE = canonicalSystem(SYSTEM.actCode)
const CONFIDENTIALITY = canonicalSystem(SYSTEM.confidentiality)
const ORDINARY = new Set(['U', 'L', 'M', 'N'])

/** A security label in the document (HL7 DS4P for CDA R2; CDA confidentialityCode): it counts like one in `meta`. */
function readLabel(system: string, code: string, { findings }: Into, { rules, type }: Reader): boolean {
  const isMark = system === CONFIDENTIALITY
  const spelling = isMark ? code.trim().toUpperCase() : rules.spelling(code)
  if (spelling === undefined || (!isMark && system !== ACT_CODE)) return false
  // What is no more than ordinary says nothing, and must not lower anything.
  if (isMark && ORDINARY.has(spelling)) return true
  const label = { system: isMark ? SYSTEM.confidentiality : SYSTEM.actCode, code: spelling }
  findings.put({ ...label, origin: 'upstream', rule: 'upstream', confidence: 1 })
  if (!isMark) findings.add(rules.upstream(spelling), type, [])
  return true
}

function readPointer({ attributes }: XmlElement, { points }: Into): void {
  const value = attributes['value']
  if (value?.startsWith('#')) points?.push(value.slice(1))
}

const NPI = '2.16.840.1.113883.4.6'

/** An organization by its identifiers and names, as a reference in FHIR would name it. */
function readMaker(element: XmlElement, { mentions }: Findings): void {
  const named = element.children.filter(isElement)
  const display = named
    .find(({ name }) => name === 'name')
    ?.children.map(node => (isElement(node) ? '' : node.text))
  const shown = display === undefined ? {} : { display: display.join('').trim() }
  const base = { path: 'data', element: 'author', target: '', kind: 'logical', ...shown } as const
  const ids = named.filter(({ name }) => name === 'id')
  if (ids.length === 0 && display !== undefined) mentions.push(base)
  for (const { attributes } of ids) {
    const { root = '', extension } = attributes
    const identifier =
      extension === undefined
        ? {
            system: 'urn:ietf:rfc:3986',
            value: /^[\d.]+$/.test(root) ? `urn:oid:${root}` : `urn:uuid:${root}`,
          }
        : { system: root === NPI ? 'http://hl7.org/fhir/sid/us-npi' : `urn:oid:${root}`, value: extension }
    mentions.push({ ...base, identifier })
  }
}

/** HL7 v3 data type ED with its content in base64. */
function readEmbedded(element: XmlElement, into: Into, reader: Reader, said: readonly Statement[]): boolean {
  const { representation, mediaType } = element.attributes
  const isPointer = element.children.some(child => isElement(child) && child.name === 'reference')
  if (representation?.toUpperCase() !== 'B64' || isPointer) return false
  const base64 = element.children.map(node => (isElement(node) ? '' : node.text)).join('')
  const texts = reader.embedded(mediaType, base64)
  if (texts === undefined) into.findings.unreadable = true
  for (const text of texts ?? []) readWords(text, into, reader, said)
  return true
}

/** C-CDA 2.1: Family History Organizer, Family History Observation. */
const FAMILY = new Set(['2.16.840.1.113883.10.20.22.4.45', '2.16.840.1.113883.10.20.22.4.46'])

/** What an act says of its own content: `negationInd`, a nullified status, a negative result, a relative. */
function statementsOf(element: XmlElement, said: readonly Statement[]): readonly Statement[] {
  const own: Statement[] = []
  if (element.attributes['negationInd'] === 'true')
    own.push(element.name === 'observation' ? 'refuted' : 'not-done')
  for (const child of element.children) {
    if (!isElement(child)) continue
    const { name, attributes } = child
    if (name === 'statusCode' && attributes['code'] === 'nullified') own.push('entered-in-error')
    if (name === 'templateId' && FAMILY.has(attributes['root'] ?? '')) own.push('family-history')
  }
  if (isNegative(element)) own.push('negative-result')
  const fresh = own.filter(one => !said.includes(one))
  return fresh.length === 0 ? said : [...said, ...fresh]
}

/** Every interpretation is negative, and nothing is said beside it: a comment may tell of the patient. */
function isNegative({ children }: XmlElement): boolean {
  const elements = children.filter(isElement)
  const found = elements.filter(({ name }) => name === 'interpretationCode')
  if (found.length === 0 || elements.some(({ name }) => name === 'entryRelationship')) return false
  return found.every(({ attributes }) => attributes['code'] === 'NEG')
}

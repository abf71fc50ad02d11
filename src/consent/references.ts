import type { Identifier } from '../model/fhir.ts'

/** Where a reference was written: the bases that are ours, and the server the text came from. */
export interface Place {
  /** Base URLs under which our own resources are known, no trailing slash. */
  readonly bases: readonly string[]
  /** Server of origin, where it is not ours. */
  readonly foreign?: string
}

const HISTORY = '/_history/'

function isAbsolute(text: string): boolean {
  return text.startsWith('http://') || text.startsWith('https://')
}

function trimmed(text: string): string {
  const end = text.indexOf(HISTORY)
  const plain = end < 0 ? text : text.slice(0, end)
  return plain.endsWith('/') ? plain.slice(0, -1) : plain
}

/**
 * The one spelling of a reference: `Type/id` for what is ours, the absolute URL for what is not, without version;
 * `urn:` in lower case; `#id` as it stands. https://hl7.org/fhir/R4/references.html#literal
 */
export function normalReference(text: string, place: Place): string {
  if (text.startsWith('#')) return text
  if (text.startsWith('urn:')) return text.toLowerCase()
  const plain = trimmed(text)
  if (!isAbsolute(plain)) {
    const relative = plain.startsWith('/') ? plain.slice(1) : plain
    return place.foreign === undefined ? relative : `${place.foreign}/${relative}`
  }
  const base = place.bases.find(own => plain.startsWith(`${own}/`))
  return base === undefined ? plain : plain.slice(base.length + 1)
}

/** True for `Type/id`, the form in which the directory and the facts of resources speak. */
export function isLocal(reference: string): boolean {
  return !isAbsolute(reference) && !reference.startsWith('urn:') && !reference.startsWith('#')
}

/** `Organization` of `Organization/1` and of `https://x/fhir/Organization/1`; empty where no type is written. */
export function typeOfReference(reference: string): string {
  const parts = reference.split('/')
  return parts.length < 2 ? '' : (parts.at(-2) as string)
}

/** `Type/id` at the end of an absolute URL: what it would be called here if that server were ours under another name. */
export function tailOf(reference: string): string {
  return isAbsolute(reference) ? reference.split('/').slice(-2).join('/') : reference
}

export const NPI = 'http://hl7.org/fhir/sid/us-npi'

/** OIDs of identifier systems that also have a URL. https://terminology.hl7.org/external_terminologies.html */
const IDENTIFIER_SYSTEMS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    '2.16.840.1.113883.4.6': NPI,
    '2.16.840.1.113883.4.1': 'http://hl7.org/fhir/sid/us-ssn',
    '2.16.840.1.113883.4.572': 'http://hl7.org/fhir/sid/us-medicare',
    '2.16.840.1.113883.4.927': 'http://terminology.hl7.org/NamingSystem/MBI',
  }),
)

function identifierSystem(system: string): string {
  const plain = system.endsWith('/') ? system.slice(0, -1) : system
  const oid = plain.startsWith('urn:oid:') ? plain.slice(8) : plain
  return IDENTIFIER_SYSTEMS.get(oid) ?? oid
}

/** An identifier in its normal form; a URI that carries system and value (`urn:oid:…#value`) is taken apart. */
export function normalIdentifier(identifier: Identifier): { readonly system: string; readonly key: string } {
  const value = identifier.value.trim()
  const uri = identifier.system === undefined || identifier.system === 'urn:ietf:rfc:3986'
  const hash = uri && value.startsWith('urn:oid:') ? value.indexOf('#') : -1
  if (hash > 0) return normalIdentifier({ system: value.slice(0, hash), value: value.slice(hash + 1) })
  const system = identifierSystem(identifier.system ?? '')
  return { system, key: `${system}|${value}` }
}

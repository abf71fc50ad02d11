import { type Coding, SYSTEM } from '../model/fhir.ts'

const TERMINOLOGY = 'http://terminology.hl7.org/CodeSystem/'

/** Other names under which the same code systems travel: OIDs, pre-THO URLs, value sets written as systems. */
const ALIASES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    '2.16.840.1.113883.5.4': SYSTEM.actCode,
    '2.16.840.1.113883.5.8': SYSTEM.actReason,
    '2.16.840.1.113883.5.25': SYSTEM.confidentiality,
    '2.16.840.1.113883.5.90': SYSTEM.participationType,
    '2.16.840.1.113883.6.1': 'http://loinc.org',
    '2.16.840.1.113883.6.96': 'http://snomed.info/sct',
    '2.16.840.1.113883.6.88': 'http://www.nlm.nih.gov/research/umls/rxnorm',
    '2.16.840.1.113883.6.90': 'http://hl7.org/fhir/sid/icd-10-cm',
    '2.16.840.1.113883.6.3': 'http://hl7.org/fhir/sid/icd-10',
    '2.16.840.1.113883.6.103': 'http://hl7.org/fhir/sid/icd-9-cm',
    'v3-ActUSPrivacyLaw': SYSTEM.actCode,
    'v3-ActInformationSensitivityPolicy': SYSTEM.actCode,
    'v3-InformationSensitivityPolicy': SYSTEM.actCode,
    'v3-ActPrivacyLaw': SYSTEM.actCode,
    'v3-PurposeOfUse': SYSTEM.actReason,
    'v3-GeneralPurposeOfUse': SYSTEM.actReason,
    'v3-ConfidentialityClassification': SYSTEM.confidentiality,
    'security-labels': '',
    'http://hl7.org/fhir/ValueSet/resource-types': 'http://hl7.org/fhir/resource-types',
  }),
)

const PREFIXES = [
  TERMINOLOGY,
  'http://terminology.hl7.org/ValueSet/',
  'http://hl7.org/fhir/ValueSet/',
  'http://hl7.org/fhir/CodeSystem/',
]
const systems = new Map<string, string>()
/** What clients may make us remember is bounded. */
const SYSTEMS_REMEMBERED = 2000

function canonical(url: string): string {
  const text = url.endsWith('/') ? url.slice(0, -1) : url
  const direct = ALIASES.get(text.startsWith('urn:oid:') ? text.slice(8) : text)
  if (direct !== undefined) return direct
  if (text.startsWith('http://hl7.org/fhir/v3/')) return canonical(`${TERMINOLOGY}v3-${text.slice(23)}`)
  const prefix = PREFIXES.find(known => text.startsWith(known))
  if (prefix === undefined) return text
  const name = text.slice(prefix.length)
  return ALIASES.get(name) ?? (name.startsWith('v3-') ? TERMINOLOGY + name : text)
}

/** The one spelling of a code system's URL; empty where there is none. */
export function systemOf(url: string | undefined): string {
  if (url === undefined) return ''
  const known = systems.get(url)
  if (known !== undefined) return known
  const result = canonical(url)
  if (systems.size < SYSTEMS_REMEMBERED) systems.set(url, result)
  return result
}

/** Systems that HL7 itself defines: their codes are recognised even where the system was left out. */
export function isHl7System(system: string): boolean {
  return system.startsWith('http://terminology.hl7.org/') || system.startsWith('http://hl7.org/fhir/')
}

/** ICD codes are written with and without the point; letter case never distinguishes two codes of one system. */
export function codeOf(system: string, code: string): string {
  const upper = code.trim().toUpperCase()
  return system.startsWith('http://hl7.org/fhir/sid/icd-') ? upper.replace('.', '') : upper
}

/** One code in its normal form. */
export interface CodeTerm {
  readonly system: string
  readonly code: string
}

export function codeTerm(coding: Coding): CodeTerm {
  const system = systemOf(coding.system)
  return { system, code: codeOf(system, coding.code) }
}

/** A code without system counts for HL7 systems on a permit, for every system on a deny. */
function isSame(term: CodeTerm, coding: CodeTerm, strict: boolean): boolean {
  if (term.code !== coding.code) return false
  if (term.system === coding.system) return true
  if (term.system === '') return !strict || isHl7System(coding.system)
  return coding.system === '' && (!strict || isHl7System(term.system))
}

export function hasCode(codings: readonly CodeTerm[], term: CodeTerm, strict: boolean): boolean {
  for (const coding of codings) if (isSame(term, coding, strict)) return true
  return false
}

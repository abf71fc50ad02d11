import { LRUCache } from 'lru-cache'

/** Code systems and codes in one spelling, so that an alias or a look-alike does not pass a rule by. */

const CANONICAL: Readonly<Record<string, readonly string[]>> = {
  'http://hl7.org/fhir/sid/icd-10-cm': [
    'urn:oid:2.16.840.1.113883.6.90',
    'http://hl7.org/fhir/sid/icd-10',
    'http://hl7.org/fhir/sid/icd-10-us',
    'http://hl7.org/fhir/icd-10-cm',
    'http://terminology.hl7.org/codesystem/icd10cm',
    'http://terminology.hl7.org/codesystem/icd-10-cm',
    'urn:oid:2.16.840.1.113883.6.3',
    'icd-10-cm',
    'icd10cm',
    'icd-10',
    'icd10',
  ],
  'http://hl7.org/fhir/sid/icd-9-cm': [
    'urn:oid:2.16.840.1.113883.6.103',
    'urn:oid:2.16.840.1.113883.6.104',
    'urn:oid:2.16.840.1.113883.6.42',
    'http://hl7.org/fhir/sid/icd-9-cm/diagnosis',
    'http://hl7.org/fhir/sid/icd-9',
    'http://terminology.hl7.org/codesystem/icd9cm',
    'icd-9-cm',
    'icd9cm',
    'icd-9',
    'icd9',
  ],
  'http://hl7.org/fhir/sid/icd-9-pcs': [
    'http://hl7.org/fhir/sid/icd-9-cm/procedure',
    'http://www.cms.gov/medicare/coding/icd9',
    'http://terminology.hl7.org/codesystem/icd9pcs',
  ],
  'http://www.cms.gov/medicare/coding/icd10': [
    'urn:oid:2.16.840.1.113883.6.4',
    'http://hl7.org/fhir/sid/icd-10-pcs',
    'http://terminology.hl7.org/codesystem/icd10pcs',
    'icd-10-pcs',
    'icd10pcs',
  ],
  'http://snomed.info/sct': [
    'urn:oid:2.16.840.1.113883.6.96',
    'http://snomed.info/id',
    'http://snomed.info',
    'snomed',
    'snomed-ct',
    'snomedct',
    'sct',
  ],
  'http://www.nlm.nih.gov/research/umls/rxnorm': ['urn:oid:2.16.840.1.113883.6.88', 'rxnorm'],
  'http://loinc.org': ['urn:oid:2.16.840.1.113883.6.1', 'loinc'],
  'http://www.cms.gov/medicare/coding/hcpcsreleasecodesets': [
    'urn:oid:2.16.840.1.113883.6.285',
    'urn:oid:2.16.840.1.113883.6.14',
    'http://terminology.hl7.org/codesystem/hcpcs',
    'http://terminology.hl7.org/codesystem/hcpcs-level-ii',
    'https://bluebutton.cms.gov/resources/codesystem/hcpcs',
    'hcpcs',
  ],
  'http://hl7.org/fhir/sid/cvx': ['urn:oid:2.16.840.1.113883.12.292', 'cvx'],
  'http://hl7.org/fhir/sid/ndc': ['urn:oid:2.16.840.1.113883.6.69', 'ndc'],
  'http://nucc.org/provider-taxonomy': ['urn:oid:2.16.840.1.113883.6.101'],
  'http://www.cms.gov/medicare/medicare-fee-for-service-payment/acuteinpatientpps/ms-drg-classifications-and-software':
    [
      'urn:oid:2.16.840.1.113883.6.301',
      'https://www.cms.gov/icd10m/version37-fullcode-cms/fullcode_cms/p0002.html',
    ],
  'http://terminology.hl7.org/codesystem/v3-actcode': [
    'urn:oid:2.16.840.1.113883.5.4',
    'urn:oid:2.16.840.1.113883.1.11.20429',
    'http://hl7.org/fhir/v3/actcode',
    'http://terminology.hl7.org/codesystem/v3-actusprivacylaw',
    'http://hl7.org/fhir/v3/actusprivacylaw',
    'urn:oid:2.16.840.1.113883.5.1138',
  ],
  'http://terminology.hl7.org/codesystem/v3-confidentiality': [
    'urn:oid:2.16.840.1.113883.5.25',
    'http://hl7.org/fhir/v3/confidentiality',
  ],
}

const ALIASES = new Map(
  Object.entries(CANONICAL).flatMap(([canonical, others]) =>
    [canonical, ...others].map(name => [name, canonical] as const),
  ),
)

/** Cyrillic and Greek letters that look like the Latin ones codes are written with. */
const LOOK_ALIKES: Readonly<Record<string, string>> = {
  '\u0410': 'A', '\u0412': 'B', '\u0421': 'C', '\u0415': 'E', '\u041d': 'H', '\u041a': 'K', '\u041c': 'M',
  '\u041e': 'O', '\u0420': 'P', '\u0422': 'T', '\u0425': 'X', '\u0405': 'S', '\u0406': 'I', '\u0408': 'J',
  '\u0391': 'A', '\u0392': 'B', '\u0395': 'E', '\u0396': 'Z', '\u0397': 'H', '\u0399': 'I', '\u039a': 'K',
  '\u039c': 'M', '\u039d': 'N', '\u039f': 'O', '\u03a1': 'P', '\u03a4': 'T', '\u03a5': 'Y', '\u03a7': 'X',
} // biome-ignore format: a table reads better in columns

/** Systems as they were written before: a server sends the same few all day. */
const SEEN = new LRUCache<string, string>({ max: 2_000 })

const PLAIN = /^[\x20-\x7e]*$/

/**
 * One spelling of a code system: lower case, no version (`|…`, `/version/…`), no trailing slash, `https` as `http`,
 * bare OIDs as `urn:oid:`, known aliases replaced. Empty for a missing system.
 */
export function canonicalSystem(system: string | undefined): string {
  if (system === undefined) return ''
  const known = ALIASES.get(system) ?? SEEN.get(system)
  if (known !== undefined) return known
  const name = normalised(system)
  SEEN.set(system, name)
  return name
}

function normalised(system: string): string {
  let name = system.trim().toLowerCase()
  const bar = name.indexOf('|')
  if (bar >= 0) name = name.slice(0, bar)
  while (name.endsWith('/') || name.endsWith('#')) name = name.slice(0, -1)
  if (/^[0-2](\.\d+){3,}$/.test(name)) name = `urn:oid:${name}`
  if (name.startsWith('https://')) name = `http://${name.slice(8)}`
  if (name.startsWith('http://snomed.info/sct/')) name = 'http://snomed.info/sct'
  name = name
    .replace('http://www.snomed.info', 'http://snomed.info')
    .replace('http://www.loinc.org', 'http://loinc.org')
  return ALIASES.get(name) ?? name
}

/**
 * One spelling of a code: NFKC, look-alike letters as Latin ones, upper case, without dots and blanks. A dash stays
 * (LOINC check digits).
 */
export function canonicalCode(code: string): string {
  let text = code
  if (!PLAIN.test(text)) {
    text = text
      .normalize('NFKC')
      .toUpperCase()
      .replace(/[^\x20-\x7e]/g, character => LOOK_ALIKES[character] ?? '')
  }
  return text.toUpperCase().replace(/[.\s]/g, '')
}

const SHAPES: readonly (readonly [RegExp, string])[] = [
  [/^[A-TV-Z]\d[0-9A-Z]\.[0-9A-Z]{1,4}$/i, 'http://hl7.org/fhir/sid/icd-10-cm'],
  [/^[GHJST]\d{4}$/i, 'http://www.cms.gov/medicare/coding/hcpcsreleasecodesets'],
  [/^\d{1,5}-\d$/, 'http://loinc.org'],
  [/^\d{8,18}$/, 'http://snomed.info/sct'],
]

/** The system a code without one most likely belongs to, by its shape; empty when the shape says nothing. */
export function systemByShape(code: string): string {
  const text = code.trim()
  return SHAPES.find(([shape]) => shape.test(text))?.[1] ?? ''
}

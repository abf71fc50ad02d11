import { foldText } from './fold.ts'
import { Recent } from './recent.ts'

/** Code systems in one spelling, so that an alias does not pass a rule by. */

export const ICD10 = 'http://hl7.org/fhir/sid/icd-10-cm'
export const ICD9 = 'http://hl7.org/fhir/sid/icd-9-cm'
export const ICD9_PROCEDURES = 'http://hl7.org/fhir/sid/icd-9-pcs'
export const ICD10_PROCEDURES = 'http://www.cms.gov/medicare/coding/icd10'
export const SNOMED = 'http://snomed.info/sct'
export const RXNORM = 'http://www.nlm.nih.gov/research/umls/rxnorm'
export const LOINC = 'http://loinc.org'
export const HCPCS = 'http://www.cms.gov/medicare/coding/hcpcsreleasecodesets'
export const CPT = 'http://www.ama-assn.org/go/cpt'
export const CVX = 'http://hl7.org/fhir/sid/cvx'
export const NDC = 'http://hl7.org/fhir/sid/ndc'
export const NUCC = 'http://nucc.org/provider-taxonomy'
export const DRG =
  'http://www.cms.gov/medicare/medicare-fee-for-service-payment/acuteinpatientpps/ms-drg-classifications-and-software'
export const CIEL = 'http://ciel.org'

/**
 * Other names: URLs, OIDs (bare), HL7 table 0396 and what people write. National variants of ICD-10 share its chapters
 * and most of its categories, so they are read as one.
 */
const CANONICAL: Readonly<Record<string, readonly string[]>> = {
  [ICD10]: [
    '2.16.840.1.113883.6.90',
    '2.16.840.1.113883.6.3',
    '2.16.840.1.113883.6.135',
    'i10',
    'i10c',
    'i10g',
  ],
  [ICD9]: ['2.16.840.1.113883.6.103', '2.16.840.1.113883.6.42', 'i9', 'i9c', 'i9cdx'],
  [ICD9_PROCEDURES]: ['2.16.840.1.113883.6.104', 'www.cms.gov/medicare/coding/icd9', 'i9cp'],
  [ICD10_PROCEDURES]: ['2.16.840.1.113883.6.4', 'i10p'],
  [SNOMED]: ['2.16.840.1.113883.6.96', 'snomed.info/id', 'snomed.info', 'sct', 'sct2', 'snm', 'snm3'],
  [RXNORM]: ['2.16.840.1.113883.6.88', 'rxcui'],
  [LOINC]: ['2.16.840.1.113883.6.1', 'ln', 'lnc'],
  [HCPCS]: ['2.16.840.1.113883.6.285', '2.16.840.1.113883.6.14', 'hpc'],
  [CPT]: ['2.16.840.1.113883.6.12', 'terminology.hl7.org/codesystem/cpt', 'cpt', 'cpt4', 'cpt-4', 'c4', 'c5'],
  [CVX]: ['2.16.840.1.113883.12.292', '2.16.840.1.113883.6.59'],
  [NDC]: ['2.16.840.1.113883.6.69'],
  [NUCC]: ['2.16.840.1.113883.6.101'],
  [DRG]: ['2.16.840.1.113883.6.301', 'cms.gov/icd10m/version37-fullcode-cms/fullcode_cms/p0002.html'],
  [CIEL]: [
    'openconceptlab.org/orgs/ciel/sources/ciel',
    'api.openconceptlab.org/orgs/ciel/sources/ciel',
    'ciel',
  ],
  'http://terminology.hl7.org/codesystem/v3-actcode': [
    '2.16.840.1.113883.5.4',
    '2.16.840.1.113883.1.11.20429',
    'hl7.org/fhir/v3/actcode',
    'terminology.hl7.org/codesystem/v3-actusprivacylaw',
    'hl7.org/fhir/v3/actusprivacylaw',
    '2.16.840.1.113883.5.1138',
  ],
  'http://terminology.hl7.org/codesystem/v3-confidentiality': [
    '2.16.840.1.113883.5.25',
    'hl7.org/fhir/v3/confidentiality',
  ],
}

/** What a name that is no alias holds where it means a system after all: a site's own URL of a known system. */
const NAMED: readonly (readonly [RegExp, string])[] = [
  [/icd[-_. ]?10.{0,12}(pcs|proc)/, ICD10_PROCEDURES],
  [/icd[-_. ]?10/, ICD10],
  [/icd[-_. ]?9.{0,12}(pcs|proc)/, ICD9_PROCEDURES],
  [/icd[-_. ]?9/, ICD9],
  [/snomed/, SNOMED],
  [/loinc/, LOINC],
  [/rxnorm/, RXNORM],
  [/hcpcs/, HCPCS],
  [/(^|[^a-z])ndc($|[^a-z])/, NDC],
  [/(^|[^a-z])cvx($|[^a-z])/, CVX],
  [/(^|[^a-z])(ms-?)?drg($|[^a-z])/, DRG],
  [/nucc|provider-?taxonomy/, NUCC],
]

const ALIASES = new Map(
  Object.entries(CANONICAL).flatMap(([canonical, others]) =>
    [canonical, ...others].map(name => [keyOf(name), canonical] as const),
  ),
)

/** Systems as they were written before: a server sends the same few all day. */
const SEEN = new Recent<string, string>(2_000)
/** Longer names are no names of systems and are not kept. */
const LONGEST_NAME = 500

/**
 * One spelling of a code system: lower case, no version (`|…`, `/version/…`), no trailing slash, `https` as `http`,
 * bare OIDs as `urn:oid:`, known aliases replaced. Empty for a missing system.
 */
export function canonicalSystem(system: string | undefined): string {
  if (system === undefined || system === '') return ''
  const known = SEEN.get(system)
  if (known !== undefined) return known
  if (system.length > LONGEST_NAME) return system.slice(0, LONGEST_NAME)
  const name = normalised(system)
  SEEN.set(system, name)
  return name
}

/** Without scheme, `www.`, version and what trails. */
function keyOf(system: string): string {
  return foldText(system)
    .replace(/[|#].*$/s, '')
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/^(urn:oid:|oid:|https?:\/\/)/, '')
    .replace(/^www\./, '')
    .replace(/\/+$/, '')
}

function normalised(system: string): string {
  const key = keyOf(system)
  const alias = ALIASES.get(key) ?? NAMED.find(([name]) => name.test(key))?.[1]
  if (alias !== undefined) return alias
  if (/^[0-2](\.\d+){3,}$/.test(key)) return `urn:oid:${key}`
  return /^[^:/]+\.[^:/]+(\/|$)/.test(key) ? `http://${key}` : key
}

/** Systems with codes of their own kind: what stands there is never read as a code of another system. */
const CLOSED =
  /^(http:\/\/(terminology\.hl7\.org|hl7\.org\/fhir|unitsofmeasure\.org|dicom\.nema\.org|nubc\.org|ada\.org|consentry\.example)\b|urn:(iso|ietf)\b|urn:oid:2\.16\.840\.1\.113883\.(5|12|1\.11|6\.238)\b)/

/** Whether this system (canonical) has codes of a kind of its own. */
export function isClosed(system: string): boolean {
  return CLOSED.test(system)
}

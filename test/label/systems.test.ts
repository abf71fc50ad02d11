import { describe, expect, it } from 'vitest'
import { canonicalCode, type Field, readings } from '../../src/label/codes.ts'
import { compileRules } from '../../src/label/compile.ts'
import { canonicalSystem } from '../../src/label/systems.ts'
import { labeller, RULES, raw } from './house.ts'

const rules = compileRules(RULES)

/** Label codes of one coding with the highest confidence of each. */
function labels(system: string | undefined, code: string, field?: Field): Record<string, number> {
  const found: Record<string, number> = {}
  for (const label of rules.codes(system, code, field).content.flatMap(hit => hit.labels))
    found[label.code] = Math.max(found[label.code] ?? 0, label.confidence)
  return found
}

const ICD10 = 'http://hl7.org/fhir/sid/icd-10-cm'
const ICD9 = 'http://hl7.org/fhir/sid/icd-9-cm'
const SCT = 'http://snomed.info/sct'

describe('code systems', () => {
  it.each([
    ['http://snomed.info/sct/', SCT],
    ['http://snomed.info/sct|20240101', SCT],
    ['http://snomed.info/sct/731000124108/version/20240901', SCT],
    ['https://www.snomed.info/sct', SCT],
    ['2.16.840.1.113883.6.96', SCT],
    ['urn:oid:2.16.840.1.113883.6.96', SCT],
    [' URN:OID:2.16.840.1.113883.6.96 ', SCT],
    ['SCT', SCT],
    ['SNOMED-CT', SCT],
    ['http://snomed.info/\u0455ct', SCT],
    ['http://snomed.info/s\u200bct', SCT],
    ['HTTPS://LOINC.ORG', 'http://loinc.org'],
    ['http://www.loinc.org/ ', 'http://loinc.org'],
    ['LN', 'http://loinc.org'],
    ['http://hl7.org/fhir/sid/icd-10', ICD10],
    ['http://hl7.org/fhir/sid/icd-10-gm', ICD10],
    ['http://fhir.de/CodeSystem/bfarm/icd-10-gm|2024', ICD10],
    ['http://hl7.org/fhir/sid/icd-10-ca', ICD10],
    ['http://hl7.org/fhir/sid/icd-10-am', ICD10],
    ['I10', ICD10],
    ['ICD-10-CM', ICD10],
    ['https://codes.hospital.example/icd10/dx', ICD10],
    ['http://hl7.org/fhir/sid/icd-9-cm/diagnosis', ICD9],
    ['I9', ICD9],
    ['http://hl7.org/fhir/sid/icd-9-cm/procedure', 'http://hl7.org/fhir/sid/icd-9-pcs'],
    ['urn:oid:2.16.840.1.113883.6.104', 'http://hl7.org/fhir/sid/icd-9-pcs'],
    ['http://www.cms.gov/Medicare/Coding/ICD10', 'http://www.cms.gov/medicare/coding/icd10'],
    ['urn:oid:2.16.840.1.113883.6.4', 'http://www.cms.gov/medicare/coding/icd10'],
    ['RXNORM', 'http://www.nlm.nih.gov/research/umls/rxnorm'],
    ['HCPCS', 'http://www.cms.gov/medicare/coding/hcpcsreleasecodesets'],
    ['urn:oid:2.16.840.1.113883.6.59', 'http://hl7.org/fhir/sid/cvx'],
    ['https://hospital.example/codes|2', 'http://hospital.example/codes'],
    ['1.2.3.4.5', 'urn:oid:1.2.3.4.5'],
    ['', ''],
    ['  ', ''],
  ])('%j is %s', (written, canonical) => {
    expect(canonicalSystem(written)).toBe(canonical)
  })
})

describe('codes', () => {
  it.each([
    [' f11.20 ', 'F1120'],
    ['\u0412\uff1220', 'B220'],
    ['F11\u00ad.20', 'F1120'],
    ['44249-1', '44249-1'],
  ])('%j have one spelling', (written, code) => {
    expect(canonicalCode(written)).toBe(code)
  })

  it.each([
    [ICD10, 'F11.20'],
    [ICD10, 'F1120'],
    [ICD10, 'f11.20'],
    [ICD10, ' F11 .20'],
    [ICD10, 'F11-20'],
    [ICD10, 'F11.-'],
    [ICD10, 'F1l.2O'],
    [ICD10, 'F11.2\u200b0'],
    [ICD10, '\uff26\uff11\uff11.\uff12\uff10'],
    [ICD10, 'F11.20*'],
    [ICD10, 'F11.20 Opioid dependence, uncomplicated'],
    [ICD10, 'Z99.9+F11.20'],
    ['urn:oid:2.16.840.1.113883.6.90', 'F11.20'],
    [`${ICD10}|2024`, 'F11.20'],
    ['I10', 'F11.20'],
    ['icd-10-gm', 'F11.2'],
    [ICD9, '304.00'],
    [ICD9, '30400'],
    [ICD9, '304'],
    ['http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets', 'h0020'],
    ['HCPCS', 'H0020-HG'],
    [SCT, '75544000'],
    [SCT, ' 75544000 '],
    [SCT, '275978004 |a thing| : 363713009 |of| = 75544000 |another|'],
    [undefined, 'F11.20'],
    [undefined, 'F1120'],
    ['', 'F11.20'],
    [undefined, '75544000'],
    [SCT, 'F11.20'],
    ['http://loinc.org', 'F11.20'],
    ['http://www.ama-assn.org/go/cpt', 'H0020'],
  ])('%s %s is substance use', (system, code) => {
    // The list of SNOMED CT concepts is data; what is tested here is how the code gets there.
    const known = 'SUD' in labels(SCT, '75544000')
    if (!known && /75544000/.test(code))
      expect(readings(system, code)).toContainEqual(
        expect.objectContaining({ system: SCT, code: '75544000' }),
      )
    else expect(labels(system, code)).toHaveProperty('SUD')
  })

  it.each([
    ['https://hospital.example/codes', 'F11.20'],
    ['https://hospital.example/codes', 'F1120'],
    ['urn:oid:1.2.3.4.5', 'F11.20'],
    [undefined, 'G2067'],
  ])('%s %s is substance use with less confidence', (system, code) => {
    expect(labels(system, code)).toMatchObject({ SUD: 0.6 })
  })

  it.each([
    ['http://terminology.hl7.org/CodeSystem/observation-category', 'F11.20'],
    ['http://unitsofmeasure.org', 'F11.20'],
    ['https://hospital.example/codes', '30400'],
    ['https://hospital.example/codes', 'A1C'],
    [ICD10, 'J45.909'],
    [SCT, '275978004 |a thing| : 363713009 |of| = 195967001'],
    [undefined, '75544001'],
    [undefined, 'x'],
    [undefined, ''],
  ])('%s %s is no substance use', (system, code) => {
    expect(labels(system, code)).toEqual({})
  })

  it('read a bare number only where its kind is expected', () => {
    expect(labels(undefined, '304', 'diagnosis')).toHaveProperty('SUD')
    expect(labels(undefined, '304', 'other')).toEqual({})
    expect(labels(undefined, '897', 'group')).toHaveProperty('SUD')
    expect(labels(undefined, '897', 'drug')).toEqual({})
  })

  it('give ICD-9 its lost zero back, and leave procedures alone', () => {
    expect(labels(ICD9, '042')).toHaveProperty('HIV')
    expect(labels(ICD9, '42', 'diagnosis')).toHaveProperty('HIV')
    expect(labels(ICD9, '42', 'procedure')).not.toHaveProperty('HIV')
    expect(labels(ICD9, '42.3', 'procedure')).not.toHaveProperty('HIV')
  })

  it.each([
    ['http://loinc.org', '442491', 'http://loinc.org', '44249-1'],
    ['http://loinc.org', '044249-1', 'http://loinc.org', '44249-1'],
    ['NDC', '0496-120-1', 'http://hl7.org/fhir/sid/ndc', '00496012001'],
    ['CVX', '08', 'http://hl7.org/fhir/sid/cvx', '8'],
    ['http://loinc.org', `856${'A'.repeat(33)}`, 'http://ciel.org', '856'],
  ])('%s %s is read as %s %s', (system, code, canonical, plain) => {
    expect(readings(system, code)).toContainEqual(expect.objectContaining({ system: canonical, code: plain }))
  })

  it('stand in the kind of element that the walk says', () => {
    const codesOf = (resource: object) =>
      labeller()
        .assess(raw({ id: 'x', ...resource }))
        .labels.map(({ code }) => code)
    const coding = [{ code: '304.00' }]
    expect(codesOf({ resourceType: 'Condition', code: { coding } })).toContain('SUD')
    expect(
      codesOf({ resourceType: 'Claim', diagnosis: [{ diagnosisCodeableConcept: { coding } }] }),
    ).toContain('SUD')
    expect(codesOf({ resourceType: 'Location', type: [{ coding }] })).not.toContain('SUD')
    const packageCode = { coding: [{ code: '897' }] }
    expect(codesOf({ resourceType: 'Claim', diagnosis: [{ packageCode }] })).toContain('SUD')
  })
})

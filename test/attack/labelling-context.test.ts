import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/model/fhir.ts'
import { Chart } from '../label/house.ts'

/** What stands beside a drug may say what it is given for; what merely stands in the same record does not. */

const ADA = { reference: 'Patient/ada' }
const DRUGS: Readonly<Record<string, JsonObject>> = {
  'a word': { medicationCodeableConcept: { text: 'methadone 10 mg tablet' } },
  'a code': {
    medicationCodeableConcept: {
      coding: [{ system: 'http://www.nlm.nih.gov/research/umls/rxnorm', code: '864706' }],
    },
  },
}
const because = { reasonReference: [{ reference: 'Condition/why' }] }

function isLabelled(request: JsonObject, why: string): boolean {
  const order = {
    resourceType: 'MedicationRequest',
    id: 'q',
    status: 'active',
    intent: 'order',
    subject: ADA,
  }
  const reason = { resourceType: 'Condition', id: 'why', subject: ADA, code: { text: why } }
  const chart = new Chart([{ ...order, ...request }, reason])
  return chart.label('MedicationRequest/q').codes.has('SUD')
}

describe.each(Object.entries(DRUGS))('methadone as %s', (_how, drug) => {
  const because = { ...drug, reasonReference: [{ reference: 'Condition/why' }] }

  test.each(['Chronic pain', 'Low back pain', 'Osteoarthritis of the knee'])('is given for %s', why => {
    expect(isLabelled(because, why)).toBe(false)
  })

  test.each(['Hypertension', 'No pain', 'Denies back pain'])('is given for no pain beside %s', why => {
    expect(isLabelled(because, why)).toBe(true)
  })

  test('is given for the reason in words or code, or as needed', () => {
    const M54 = { system: 'http://hl7.org/fhir/sid/icd-10-cm', code: 'M54.50' }
    const reasons: JsonObject[] = [
      { reasonCode: [{ text: 'Sciatica' }] },
      { reasonCode: [{ coding: [M54] }] },
      { dosageInstruction: [{ asNeededCodeableConcept: { text: 'Pain' } }] },
    ]
    for (const reason of reasons) expect(isLabelled({ ...drug, ...reason }, '')).toBe(false)
  })

  test.each([
    'Takes methadone 100mg daily from clinic. Back pain 4/10',
    'Chronic pain. Methadone dose verified with the clinic.',
    'Painful knee',
    'Ibuprofen for pain',
    'Gabapentin for neuropathic pain, methadone as before, take home doses',
  ])('is not given for what a note says: %s', text => {
    expect(isLabelled({ ...drug, note: [{ text }] }, '')).toBe(true)
  })

  test('is of a clinic though the reason is pain', () => {
    const note = [{ text: 'Observed dosing of methadone on weekdays' }]
    expect(isLabelled({ ...because, note }, 'Chronic pain')).toBe(true)
    expect(isLabelled({ ...because, note: [{ text: 'Methadone by mail' }] }, 'Chronic pain')).toBe(false)
  })
})

test('a drug order is given for pain where its own note says that of the drug', () => {
  const note = (text: string) => isLabelled({ ...DRUGS['a word'], ...because, note: [{ text }] }, '')
  expect(note('Methadone for chronic pain')).toBe(false)
  expect(note('Methadone, not for pain')).toBe(true)
})

import { describe, expect, it } from 'vitest'
import { Chart } from './house.ts'

const PATIENT = { reference: 'Patient/p' }
const visit = (more: object = {}) => ({
  resourceType: 'Encounter',
  id: 'v',
  status: 'finished',
  class: { code: 'AMB' },
  subject: PATIENT,
  ...more,
})

describe('the text of a document that is kept as a Binary', () => {
  const letter = (url: string) => ({
    resourceType: 'DocumentReference',
    id: 'n',
    subject: PATIENT,
    content: [{ attachment: { contentType: 'text/plain', url } }],
  })
  const binary = (text: string, contentType = 'text/plain') => ({
    resourceType: 'Binary',
    id: 'b',
    contentType,
    data: Buffer.from(text).toString('base64'),
  })
  const codes = (...chart: { resourceType: string; id: string }[]) => {
    const { codes: found, notAssessable } = new Chart(chart).label('DocumentReference/n')
    expect(notAssessable).toBeUndefined()
    return [...found].sort()
  }

  it('labels what refers to it, by a relative address or that of the upstream', () => {
    const text = binary('Treated for opioid use disorder.')
    for (const url of ['Binary/b', 'http://upstream.test/fhir/Binary/b'])
      expect(codes(letter(url), text)).toContain('SUD')
    expect(codes(letter('Binary/b'), binary('Ankle sprain.'))).toEqual([])
    // It is the document's own content: nothing of it goes where the Binary itself is withheld.
    expect(new Chart([letter('Binary/b'), text]).label('DocumentReference/n').labels).toContainEqual(
      expect.objectContaining({ code: 'SUD', origin: 'document', path: 'content[0].attachment.url' }),
    )
  })

  it('goes on to what is made from the document', () => {
    const later = {
      resourceType: 'DocumentReference',
      id: 'later',
      subject: PATIENT,
      relatesTo: [{ code: 'appends', target: { reference: 'DocumentReference/n' } }],
    }
    const chart = new Chart([later, letter('Binary/b'), binary('Treated for opioid use disorder.')])
    expect(chart.label('DocumentReference/later').labels).toContainEqual(
      expect.objectContaining({ code: 'SUD', origin: 'lineage', path: 'DocumentReference/n' }),
    )
    const unread = new Chart([later, letter('Binary/b')])
    expect([...unread.label('DocumentReference/later').codes]).toEqual([])
  })

  it('is not assessed where it is gone, unreadable or elsewhere: the document stays and says so', () => {
    expect(codes(letter('Binary/b'))).toEqual(['UNASSESSED'])
    expect(codes(letter('Binary/b'), binary('\u0000\u0001', 'image/png'))).toEqual(['UNASSESSED'])
    expect(codes(letter('https://elsewhere.test/Binary/b'), binary('text'))).toEqual(['UNASSESSED'])
  })

  it('carries what the document that refers to it says', () => {
    const chart = new Chart([
      {
        ...letter('Binary/b'),
        description: 'HIV clinic letter',
        context: { encounter: [{ reference: 'Encounter/v' }] },
      },
      visit({ reasonCode: [{ text: 'Opioid use disorder' }] }),
      binary('See you next week.'),
    ])
    expect([...chart.label('Binary/b').codes]).toEqual(expect.arrayContaining(['HIV', 'SUD']))
  })
})

describe('cues', () => {
  const methadone = (more: object) => ({
    resourceType: 'MedicationRequest',
    id: 'm',
    subject: PATIENT,
    medicationCodeableConcept: { text: 'Methadone hydrochloride 10 MG Oral Tablet' },
    ...more,
  })
  const because = (text: string) => ({
    resourceType: 'Condition',
    id: 'why',
    subject: PATIENT,
    code: { text },
  })
  const confidence = (reference: string, ...chart: { resourceType: string; id: string }[]) => {
    const { labels, candidates = [] } = new Chart(chart).label(reference)
    return Math.max(
      0,
      ...[...labels, ...candidates]
        .filter(({ code, path = '' }) => code === 'SUD' && !path.startsWith('Condition/'))
        .map(each => each.confidence),
    )
  }
  const reason = { reasonReference: [{ reference: 'Condition/why' }] }

  it('of the reason lower or raise what needs context', () => {
    const alone = confidence('MedicationRequest/m', methadone({}))
    const pain = confidence('MedicationRequest/m', methadone(reason), because('Chronic pain'))
    const dependence = confidence('MedicationRequest/m', methadone(reason), because('Opioid dependence'))
    expect(pain).toBeLessThan(alone)
    expect(dependence).toBeGreaterThan(pain)
    expect(pain).toBeLessThan(0.5)
    expect(dependence).toBeGreaterThanOrEqual(0.5)
  })

  it('of the order give meaning to what carries it out, and to the drug it names', () => {
    const dispense = {
      resourceType: 'MedicationDispense',
      id: 'd',
      subject: PATIENT,
      medicationCodeableConcept: { text: 'Methadone hydrochloride 10 MG Oral Tablet' },
      authorizingPrescription: [{ reference: 'MedicationRequest/m' }],
    }
    const given = (text: string) =>
      new Chart([dispense, methadone(reason), because(text)]).label('MedicationDispense/d').codes.has('SUD')
    expect(given('Chronic pain')).toBe(false)
    expect(given('Opioid dependence')).toBe(true)
    const drug = {
      resourceType: 'Medication',
      id: 'b',
      code: { text: 'Methadone hydrochloride 10 MG Oral Tablet' },
    }
    const named = methadone({
      ...reason,
      medicationCodeableConcept: undefined,
      medicationReference: { reference: 'Medication/b' },
    })
    const label = (text: string) => new Chart([named, drug, because(text)]).label('MedicationRequest/m').codes
    expect([...label('Chronic pain')]).toEqual([])
    expect(label('Opioid dependence').has('SUD')).toBe(true)
  })
})

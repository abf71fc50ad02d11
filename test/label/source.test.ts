import { describe, expect, it } from 'vitest'
import { createLabeller } from '../../src/label/labeller.ts'
import { AT, Chart, labeller, RULES, raw, site } from './house.ts'

const PATIENT = { reference: 'Patient/p' }
const program = { part2Programs: ['Organization/otp'] }
const organizations = [
  { resourceType: 'Organization', id: 'otp', partOf: { reference: 'Organization/hospital' } },
  { resourceType: 'Organization', id: 'otp-unit', partOf: { reference: 'Organization/otp' } },
  { resourceType: 'Organization', id: 'hospital' },
  { resourceType: 'Location', id: 'room', managingOrganization: { reference: 'Organization/otp-unit' } },
  { resourceType: 'PractitionerRole', id: 'counsellor', organization: { reference: 'Organization/otp' } },
]
const visit = (id: string, serviceProvider: string) => ({
  resourceType: 'Encounter',
  id,
  status: 'finished',
  class: { code: 'AMB' },
  subject: PATIENT,
  serviceProvider: { reference: serviceProvider },
})
const bloodPressure = {
  resourceType: 'Observation',
  id: 'bp',
  status: 'final',
  subject: PATIENT,
  encounter: { reference: 'Encounter/v' },
  code: { text: 'Blood pressure' },
}
const opioid = (more: object = {}) => ({
  resourceType: 'Condition',
  id: 'oud',
  subject: PATIENT,
  code: { coding: [{ system: 'http://hl7.org/fhir/sid/icd-10-cm', code: 'F11.20' }] },
  ...more,
})

describe('Part 2 by source', () => {
  it('makes a record of a visit to a program a Part 2 record whatever its content', () => {
    const chart = new Chart([...organizations, visit('v', 'Organization/otp'), bloodPressure], site(program))
    const { part2, codes, confidentiality, source, labels } = chart.label('Observation/bp')
    expect({ part2, codes: [...codes], confidentiality, source }).toEqual({
      part2: true,
      codes: ['42CFRPart2', 'SUD'],
      confidentiality: 'R',
      source: 'Organization/otp',
    })
    const marks = labels.filter(({ system }) => system.endsWith('/v3-Confidentiality'))
    expect(marks).toMatchObject([{ code: 'R', basis: { code: '42CFRPart2' } }])
  })

  it('reaches the program through location, unit and role', () => {
    const chart = new Chart(
      [
        ...organizations,
        { ...visit('v', 'Organization/hospital'), location: [{ location: { reference: 'Location/room' } }] },
        bloodPressure,
        opioid({ recorder: { reference: 'PractitionerRole/counsellor' } }),
      ],
      site(program),
    )
    expect(chart.label('Observation/bp').part2).toBe(true)
    expect(chart.label('Condition/oud').part2).toBe(true)
  })

  it('does not make the hospital that owns a program a program', () => {
    const chart = new Chart(
      [
        ...organizations,
        visit('v', 'Organization/hospital'),
        bloodPressure,
        opioid({ encounter: { reference: 'Encounter/v' } }),
      ],
      site(program),
    )
    expect(chart.label('Observation/bp')).toMatchObject({
      part2: false,
      confidentiality: 'N',
      source: 'Organization/hospital',
    })
    expect(chart.label('Condition/oud').part2).toBe(false)
    expect([...chart.label('Condition/oud').codes]).toEqual(['BH', 'OPIOIDUD', 'SUD'])
  })

  it('reads the program from meta.source and from an identifier', () => {
    const of = site({
      part2Programs: ['Organization/otp', 'http://hl7.org/fhir/sid/us-npi|123'],
      sources: { 'urn:clinic': 'Organization/otp' },
    })
    const bySource = { ...bloodPressure, encounter: undefined, meta: { source: 'urn:clinic#message-1' } }
    expect(new Chart([bySource], of).label('Observation/bp').part2).toBe(true)
    const byIdentifier = {
      ...bloodPressure,
      encounter: undefined,
      performer: [{ identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value: '123' } }],
    }
    expect(new Chart([byIdentifier], of).label('Observation/bp').part2).toBe(true)
  })

  it('is not made by a provider that treats substance use without federal assistance', () => {
    const of = site({
      part2: 'program',
      part2Programs: ['Organization/otp'],
      notFederallyAssisted: ['Organization/private'],
    })
    const chart = new Chart(
      [
        ...organizations,
        visit('v', 'Organization/private'),
        opioid({ encounter: { reference: 'Encounter/v' } }),
      ],
      { ...of, unknownSource: 'assume' },
    )
    expect(chart.label('Condition/oud').part2).toBe(false)
  })

  it('labels presence at a facility that is known for substance use only', () => {
    const chart = new Chart(
      [visit('v', 'Organization/rehab')],
      site({ sudOnlyFacilities: ['Organization/rehab'] }),
    )
    expect([...chart.label('Encounter/v').codes]).toEqual(['SUD'])
  })
})

describe('substance use of unknown source', () => {
  const assume = { ...site({ part2: 'program' }), unknownSource: 'assume' as const }

  it('is a Part 2 record where the site assumes so and holds such records', () => {
    const { part2, labels } = new Chart([opioid()], assume).label('Condition/oud')
    expect(part2).toBe(true)
    expect(labels.find(({ code }) => code === '42CFRPart2')?.rule).toBe('part2/unknown-source')
  })

  it('is only labelled where the site flags, holds none, or the source is known', () => {
    expect(new Chart([opioid()], { ...assume, unknownSource: 'flag' }).label('Condition/oud').part2).toBe(
      false,
    )
    expect(new Chart([opioid()], { ...site(), unknownSource: 'assume' }).label('Condition/oud').part2).toBe(
      false,
    )
    const known = opioid({ recorder: { reference: 'Organization/hospital' } })
    expect(new Chart([known], assume).label('Condition/oud').part2).toBe(false)
  })

  it('does not touch content that is not about substance use', () => {
    expect(
      new Chart([{ ...bloodPressure, encounter: undefined }], assume).label('Observation/bp').part2,
    ).toBe(false)
  })
})

describe('doubt', () => {
  it('withholds a record whose visit was not looked up, and clears one whose visit is gone', () => {
    const room = labeller(site(program))
    const facts = room.assess(raw(bloodPressure))
    expect(room.lineage(facts)).toEqual(['Encounter/v'])
    expect(room.label(facts, () => undefined, { at: AT }).notAssessable).toBe('a reference was not resolved')
    expect(room.label(facts, () => 'absent', { at: AT }).notAssessable).toBeUndefined()
  })

  it('withholds a record whose visit cannot be followed, where there are programs and nothing else tells the source', () => {
    const at = (reference: string, more: object = {}) => ({
      ...bloodPressure,
      encounter: { reference },
      ...more,
    })
    const why = (resource: object, of = site(program)) =>
      new Chart([...organizations, resource], of).label('Observation/bp').notAssessable
    for (const visit of [
      'urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0',
      'https://other.test/fhir/Encounter/v',
      'Encounter?identifier=v',
    ]) {
      expect([visit, why(at(visit))]).toEqual([visit, 'a reference was not resolved'])
      // Each of these is the same record with one fact less in doubt.
      expect(why(at(visit, { performer: [{ reference: 'Organization/hospital' }] }))).toBeUndefined()
      expect(why(at(visit), site())).toBeUndefined()
    }
    expect(why({ ...bloodPressure, encounter: { display: 'a visit' } })).toBeUndefined()
    expect(
      why({
        ...bloodPressure,
        encounter: undefined,
        performer: [{ reference: 'Practitioner?identifier=npi|1' }],
      }),
    ).toBeUndefined()
  })

  it('names the organization of a registered place, where that is a program too', () => {
    const places = { part2Programs: ['Organization/otp', 'Location/otp-site', 'Location/ward'] }
    const located = (location: string) =>
      new Chart(
        [
          ...organizations,
          {
            resourceType: 'Location',
            id: 'otp-site',
            managingOrganization: { reference: 'Organization/otp' },
          },
          {
            resourceType: 'Location',
            id: 'ward',
            managingOrganization: { reference: 'Organization/hospital' },
          },
          {
            ...visit('v', 'Organization/hospital'),
            serviceProvider: undefined,
            location: [{ location: { reference: location } }],
          },
        ],
        site(places),
      ).label('Encounter/v')
    expect(located('Location/otp-site')).toMatchObject({ part2: true, source: 'Organization/otp' })
    // The hospital around a program is none: its staff are not the program's.
    expect(located('Location/ward').part2).toBe(true)
    expect(located('Location/ward').source).toBeUndefined()
  })

  it('is not made by a mention: whom a patient names as caring, who is in a team that another organization manages', () => {
    const otp = { reference: 'Organization/otp' }
    const team = (more: object = {}) => ({
      resourceType: 'CareTeam',
      id: 't',
      subject: PATIENT,
      participant: [{ member: otp }],
      ...more,
    })
    const isPart2 = (resource: { resourceType: string; id: string }) =>
      new Chart([...organizations, resource], site(program)).label(`${resource.resourceType}/${resource.id}`)
        .part2
    expect(
      isPart2({
        resourceType: 'Patient',
        id: 'p',
        ...{ generalPractitioner: [otp], managingOrganization: otp },
      }),
    ).toBe(false)
    expect(isPart2(team({ managingOrganization: [{ reference: 'Organization/hospital' }] }))).toBe(false)
    expect(isPart2(team())).toBe(true)
    expect(isPart2(team({ managingOrganization: [otp] }))).toBe(true)
  })

  it('asks for organizations only where the registry makes a difference', () => {
    const facts = labeller().assess(raw(visit('v', 'Organization/a')))
    expect(labeller().lineage(facts)).toEqual([])
    expect(labeller(site(program)).lineage(facts)).toEqual(['Organization/a'])
  })
})

describe('notes that the site keeps separate', () => {
  const note = {
    resourceType: 'DocumentReference',
    id: 'n',
    subject: PATIENT,
    category: [{ coding: [{ system: 'urn:kinds', code: 'SEP' }] }],
  }

  it.each([
    ['psychotherapy-notes', 'PSYTHPN'],
    ['sud-counseling-notes', 'SUDCN'],
  ])('%s carry %s', (kind, code) => {
    const of = site({ other: { separateNotes: [{ coding: { system: 'urn:kinds', code: 'SEP' }, kind }] } })
    const { codes, confidentiality } = new Chart([note], of).label('DocumentReference/n')
    expect(codes.has(code)).toBe(true)
    expect(confidentiality).toBe('V')
  })

  it('carry nothing where the registry does not name them', () => {
    expect([...new Chart([note]).label('DocumentReference/n').codes]).toEqual([])
  })
})

describe('minors', () => {
  it('are labelled where the content is sensitive, and only there', () => {
    const chart = new Chart([opioid(), { ...bloodPressure, encounter: undefined }])
    expect(chart.label('Condition/oud', '2010-03-04').codes.has('ADOL')).toBe(true)
    expect(chart.label('Observation/bp', '2010-03-04').codes.has('ADOL')).toBe(false)
  })

  it('come of age on their birthday; a partial date counts as its last day', () => {
    const chart = new Chart([opioid()])
    const adolescent = (birthDate: string) => chart.label('Condition/oud', birthDate).codes.has('ADOL')
    expect(['2008-06-01', '2008-06-02', '2008-06', '2008', '2007'].map(adolescent)).toEqual([
      false,
      true,
      true,
      true,
      false,
    ])
  })
})

describe('the cache', () => {
  it('gives the same facts for the same bytes and the same result for the same look-ups', () => {
    const room = createLabeller(RULES, site(program), { cacheBytes: 1_000_000, jsonDepth: 64 })
    const facts = room.assess(raw(bloodPressure))
    expect(room.assess(raw(bloodPressure))).toBe(facts)
    const otp = room.assess(raw(visit('v', 'Organization/otp')))
    const other = room.assess(raw(visit('v', 'Organization/hospital')))
    const by = (encounter: typeof otp) =>
      room.label(facts, ref => (ref === 'Encounter/v' ? encounter : 'absent'), { at: AT })
    expect(by(otp)).toBe(by(otp))
    expect(by(otp).part2).toBe(true)
    expect(by(other).part2).toBe(false)
  })
})

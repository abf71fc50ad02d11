import { describe, expect, it } from 'vitest'
import { Chart, labeller, raw, site } from './house.ts'

const PATIENT = { reference: 'Patient/p' }
const OTP = { reference: 'Organization/otp' }
const HOSPITAL = { reference: 'Organization/hospital' }
const NPI = 'http://hl7.org/fhir/sid/us-npi'
const program = site({ part2Programs: ['Organization/otp', `${NPI}|1234567893`] })
const PART2 = { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: '42CFRPart2' }

const weight = (more: object = {}) => ({
  resourceType: 'Observation',
  id: 'w',
  status: 'final',
  subject: PATIENT,
  code: { text: 'Body weight' },
  ...more,
})
const provenance = (agent: object, ...targets: string[]) => ({
  resourceType: 'Provenance',
  id: 'made',
  recorded: '2026-01-01T00:00:00Z',
  agent: [agent],
  target: targets.map(reference => ({ reference })),
})
const visit = (more: object = {}) => ({
  resourceType: 'Encounter',
  id: 'v',
  status: 'finished',
  class: { code: 'AMB' },
  subject: PATIENT,
  ...more,
})

describe('who made a record, as its Provenance says', () => {
  it.each([
    ['the agent', { who: OTP }],
    ['on behalf of which the agent acted', { who: { reference: 'Practitioner/d' }, onBehalfOf: OTP }],
    ['the agent, named by an identifier', { who: { identifier: { system: NPI, value: '1234567893' } } }],
  ])('is a program: %s', (_, agent) => {
    const chart = new Chart([weight(), provenance(agent, 'Observation/w')], program)
    expect(chart.label('Observation/w')).toMatchObject({ part2: true, confidentiality: 'R' })
  })

  it('is a program where the Provenance speaks of the visit only', () => {
    const chart = new Chart(
      [weight({ encounter: { reference: 'Encounter/v' } }), visit(), provenance({ who: OTP }, 'Encounter/v')],
      program,
    )
    expect(chart.label('Observation/w').part2).toBe(true)
  })

  it('is no program where another organization made it, or the Provenance speaks of another record', () => {
    const by = (agent: object, target: string) =>
      new Chart([weight(), provenance(agent, target)], program).label('Observation/w').part2
    expect(by({ who: HOSPITAL }, 'Observation/w')).toBe(false)
    expect(by({ who: OTP }, 'Observation/other')).toBe(false)
  })

  it('never clears a record whose source nothing else tells: who sent it is an agent too', () => {
    const assume = {
      ...site({ part2: 'program', part2Programs: ['Organization/otp'] }),
      unknownSource: 'assume' as const,
    }
    const oud = weight({ code: { text: 'Opioid use disorder' } })
    const chart = new Chart([oud, provenance({ who: HOSPITAL }, 'Observation/w')], assume)
    expect(chart.label('Observation/w').part2).toBe(true)
    expect(new Chart([{ ...oud, performer: [HOSPITAL] }], assume).label('Observation/w').part2).toBe(false)
  })

  it('is not told of the other targets of the record that another Provenance speaks of', () => {
    const summary = {
      resourceType: 'Composition',
      id: 'c',
      subject: PATIENT,
      author: [HOSPITAL],
      section: [{ entry: [{ reference: 'Observation/w' }, { reference: 'Observation/otp' }] }],
    }
    const chart = new Chart([weight(), weight({ id: 'otp', performer: [OTP] }), summary], program)
    expect(chart.label('Composition/c').part2).toBe(true)
    expect(chart.label('Observation/w').part2).toBe(false)
    const theirs = new Chart([weight(), { ...summary, author: [OTP] }], program)
    expect(theirs.label('Observation/w').part2).toBe(true)
  })
})

describe('a label of a Part 2 record', () => {
  it('that came with the visit or the claim goes to what was made during the visit and answers the claim', () => {
    const incoming = { meta: { security: [PART2] } }
    const chart = new Chart([weight({ encounter: { reference: 'Encounter/v' } }), visit(incoming)])
    expect(chart.label('Observation/w')).toMatchObject({ part2: true })
    expect(
      new Chart([weight({ encounter: { reference: 'Encounter/v' } }), visit()]).label('Observation/w').part2,
    ).toBe(false)
    const claim = { resourceType: 'Claim', id: 'c', patient: PATIENT, ...incoming }
    const answer = {
      resourceType: 'ClaimResponse',
      id: 'r',
      patient: PATIENT,
      request: { reference: 'Claim/c' },
    }
    expect(new Chart([claim, answer]).label('ClaimResponse/r').part2).toBe(true)
  })

  it('does not come from the reason for care, nor from the strictest label of a document to each of its entries', () => {
    const condition = { resourceType: 'Condition', id: 'c', subject: PATIENT, meta: { security: [PART2] } }
    const care = weight({ resourceType: 'Procedure', reasonReference: [{ reference: 'Condition/c' }] })
    const chart = new Chart([condition, { ...care, resourceType: 'Procedure' }])
    expect(chart.label('Procedure/w').part2).toBe(false)
    expect(chart.label('Procedure/w').codes.has('SUD')).toBe(true)
    const summary = {
      resourceType: 'Composition',
      id: 'd',
      subject: PATIENT,
      meta: { security: [PART2] },
      section: [{ entry: [{ reference: 'Observation/w' }] }],
    }
    expect(new Chart([weight(), summary]).label('Observation/w').part2).toBe(false)
  })

  it('that only such programs bill for makes the bill and its answer theirs', () => {
    const bill = (resourceType: string, id: string, more: object) => ({
      resourceType,
      id,
      patient: PATIENT,
      ...more,
    })
    const weekly = {
      item: [
        { productOrService: { coding: [{ system: 'urn:oid:2.16.840.1.113883.6.285', code: 'G2067' }] } },
      ],
    }
    const chart = new Chart([
      bill('Claim', 'c', {}),
      bill('ExplanationOfBenefit', 'e', { claim: { reference: 'Claim/c' }, ...weekly }),
    ])
    expect(chart.label('ExplanationOfBenefit/e').part2).toBe(true)
    expect(chart.label('Claim/c').part2).toBe(true)
    const other = new Chart([
      bill('Claim', 'c', {}),
      bill('ExplanationOfBenefit', 'e', { claim: { reference: 'Claim/c' } }),
    ])
    expect(other.label('Claim/c').part2).toBe(false)
  })
})

describe('a program described only in a contained resource', () => {
  const inside = (organization: object, more: object = {}) =>
    weight({
      performer: [{ reference: '#org' }],
      contained: [{ resourceType: 'Organization', id: 'org', ...organization }],
      ...more,
    })
  const isPart2 = (resource: ReturnType<typeof inside>) =>
    new Chart([resource], program).label('Observation/w').part2

  it('is told by its identifier, in each form of the system', () => {
    const identifier = (system: string, value: string) => ({
      identifier: [
        { system: 'urn:x', value: '1' },
        { system, value },
      ],
    })
    expect(isPart2(inside(identifier(NPI, '1234567893')))).toBe(true)
    expect(isPart2(inside(identifier('urn:oid:2.16.840.1.113883.4.6', '1234567893')))).toBe(true)
    expect(isPart2(inside(identifier(NPI, '1234567894')))).toBe(false)
  })

  it('is told by what it belongs to, and not where nothing refers to it as the source', () => {
    expect(isPart2(inside({ partOf: OTP }))).toBe(true)
    expect(isPart2(inside({ name: 'Bayview Hospital' }))).toBe(false)
    const mentioned = inside({ identifier: [{ system: NPI, value: '1234567893' }] }, { performer: [] })
    expect(isPart2({ ...mentioned, focus: [{ reference: '#org' }] } as typeof mentioned)).toBe(false)
  })
})

describe('the system that a record came from', () => {
  const of = site({
    part2Programs: ['Organization/otp'],
    sources: {
      'urn:sources|otp-feed': 'Organization/otp',
      'urn:otp': 'Organization/otp',
      '|bare': 'Organization/otp',
    },
  })
  const isPart2 = (meta: object) => new Chart([weight({ meta })], of).label('Observation/w').part2

  it('is told by meta.source, its message left out, or by a tag', () => {
    expect(isPart2({ source: 'urn:otp#message' })).toBe(true)
    expect(
      isPart2({
        tag: [
          { system: 'urn:a', code: 'b' },
          { system: 'urn:sources', code: 'otp-feed' },
        ],
      }),
    ).toBe(true)
    expect(isPart2({ tag: [{ code: 'bare' }] })).toBe(true)
    expect(isPart2({ tag: [{ system: 'urn:sources', code: 'other' }] })).toBe(false)
    expect(isPart2({ source: 'urn:other' })).toBe(false)
  })

  it('costs nothing to read from an address that was made to cost', () => {
    const start = performance.now()
    expect(isPart2({ source: `${'#'.repeat(200_000)}\n` })).toBe(false)
    expect(performance.now() - start).toBeLessThan(2_000)
  })
})

describe('patients of a record that names none itself', () => {
  const of = (id: string, patient: string | undefined, more: object = {}) => ({
    resourceType: 'Condition',
    id,
    ...(patient === undefined ? {} : { subject: { reference: patient } }),
    ...more,
  })
  const patients = (...chart: { resourceType: string; id: string }[]) => {
    const { facts, through, notAssessable } = new Chart(chart).label('Provenance/made')
    return { patients: facts.patients, through, notAssessable }
  }
  const made = (...targets: string[]) => provenance({ who: HOSPITAL }, ...targets)

  it('are those of all its targets', () => {
    expect(
      patients(
        made('Condition/a', 'Condition/b', 'Organization/x', 'Condition/gone'),
        of('a', 'Patient/1'),
        of('b', 'Patient/2'),
        {
          resourceType: 'Organization',
          id: 'x',
        },
      ),
    ).toEqual({
      patients: ['Patient/1', 'Patient/2'],
      through: ['Condition/a', 'Condition/b'],
      notAssessable: undefined,
    })
  })

  it('join those it names, and never take one away', () => {
    expect(patients(made('Patient/9', 'Condition/a'), of('a', 'Patient/1'))).toMatchObject({
      patients: ['Patient/1', 'Patient/9'],
      through: undefined,
    })
  })

  it('stay unknown where a target speaks of nobody, or nothing is there', () => {
    expect(
      patients(made('Condition/a', 'Condition/b'), of('a', 'Patient/1'), of('b', undefined)).patients,
    ).toEqual([])
    expect(patients(made('Condition/gone')).patients).toEqual([])
    expect(patients(made('Organization/x'), { resourceType: 'Organization', id: 'x' }).patients).toEqual([])
  })

  it('are in doubt where a target was not looked up or cannot be read', () => {
    const room = labeller()
    const facts = room.assess(raw(made('Condition/a')))
    expect(room.lineage(facts)).toContain('Condition/a')
    const at = { at: new Date('2026-06-01T12:00:00Z') }
    expect(room.label(facts, () => undefined, at).notAssessable).toBe('a reference was not resolved')
    const unreadable = room.assess(raw('{"resourceType":"Condition","id":"a","id":"a"}'))
    expect(room.label(facts, () => unreadable, at).notAssessable).toBe('a reference was not resolved')
  })
})

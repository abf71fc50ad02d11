import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { admit, createReach } from '../../src/identity/reach.ts'
import { parseScopes } from '../../src/identity/scopes.ts'
import type { LiteralReference } from '../../src/model/fhir.ts'
import { Refusal } from '../../src/model/refusal.ts'
import type { Requester } from '../../src/model/requester.ts'
import { facts, read, search } from './kit.ts'

function requester(scope: string, over: Partial<Requester> = {}): Requester {
  return {
    key: 'k',
    client: 'c',
    hipaa: 'none',
    part2: 'none',
    userRoles: [],
    actors: [],
    scopes: parseScopes(scope),
    claims: {},
    residual: [],
    ...over,
  }
}

const launched = (scope: string, patient: LiteralReference = 'Patient/a') => requester(scope, { patient })
const reaches = createReach()

function admitted(who: Requester, interaction = read('Observation')): string {
  try {
    admit(who, interaction)
    return 'admitted'
  } catch (error) {
    return error instanceof Refusal ? error.code : 'thrown'
  }
}

describe('an interaction', () => {
  it('is admitted by a scope of its type and letter', () => {
    expect(admitted(requester('system/Observation.r'))).toBe('admitted')
    expect(admitted(requester('user/*.s'), search('Observation'))).toBe('admitted')
    const vread = { ...read('Observation'), code: 'vread', versionId: '1' } as const
    expect(admitted(requester('user/Observation.r'), { ...vread, id: '1' })).toBe('admitted')
  })

  it('is refused without one', () => {
    expect(admitted(requester('system/Observation.s'))).toBe('scope-insufficient')
    expect(admitted(requester('system/Observation.r'), search('Observation'))).toBe('scope-insufficient')
    expect(admitted(requester('system/Condition.rs'))).toBe('scope-insufficient')
    expect(admitted(requester('system/Observation.cud'))).toBe('scope-insufficient')
    expect(admitted(requester(''))).toBe('scope-insufficient')
  })

  it('by patient scopes alone needs a launch patient', () => {
    expect(admitted(requester('patient/*.rs'))).toBe('patient-context-missing')
    expect(admitted(launched('patient/*.rs'))).toBe('admitted')
    expect(admitted(requester('patient/*.rs user/Observation.r'))).toBe('admitted')
  })
})

const observation = (patient: string, over: Record<string, unknown> = {}) =>
  facts({ resourceType: 'Observation', id: 'o', subject: { reference: patient }, ...over }, [patient])

describe('a patient scope', () => {
  it('reaches the launch patient and nobody else', () => {
    const who = launched('patient/*.rs')
    expect(reaches(who, observation('Patient/a'), 'read')).toBe(true)
    expect(reaches(who, observation('Patient/b'), 'read')).toBe(false)
    expect(reaches(who, facts({ resourceType: 'Observation', id: 'x' }), 'read')).toBe(false)
    expect(reaches(requester('patient/*.rs'), observation('Patient/a'), 'read')).toBe(false)
  })

  it('reaches the Patient resource of the launch, not one that is linked to it', () => {
    const who = launched('patient/Patient.rs')
    expect(reaches(who, facts({ resourceType: 'Patient', id: 'a' }, ['Patient/a']), 'read')).toBe(true)
    expect(
      reaches(who, facts({ resourceType: 'Patient', id: 'b' }, ['Patient/a', 'Patient/b']), 'read'),
    ).toBe(false)
  })

  it('reaches what is no patient data, by type', () => {
    const organization = facts({ resourceType: 'Organization', id: 'o' })
    expect(reaches(launched('patient/Organization.r'), organization, 'read')).toBe(true)
    expect(reaches(launched('patient/*.rs'), organization, 'search-type')).toBe(true)
    expect(reaches(launched('patient/Practitioner.r'), organization, 'read')).toBe(false)
  })

  it('reaches a resource shared with another patient, but no collection of patients', () => {
    const both = ['Patient/a', 'Patient/b']
    const who = launched('patient/*.rs')
    expect(reaches(who, facts({ resourceType: 'Coverage', id: 'c' }, both), 'read')).toBe(true)
    expect(reaches(who, facts({ resourceType: 'Group', id: 'g' }, both), 'read')).toBe(false)
  })
})

describe('a user or system scope', () => {
  it('reaches every patient by type and letter', () => {
    for (const context of ['user', 'system']) {
      const who = requester(`${context}/Observation.r`)
      expect(reaches(who, observation('Patient/b'), 'read')).toBe(true)
      expect(reaches(who, observation('Patient/b'), 'vread')).toBe(true)
      expect(reaches(who, observation('Patient/b'), 'search-type')).toBe(false)
      expect(reaches(who, facts({ resourceType: 'Condition', id: 'c' }, ['Patient/b']), 'read')).toBe(false)
    }
  })

  it('of a patient reaches the own record only', () => {
    const who = requester('user/*.rs', { user: 'Patient/a' })
    expect(reaches(who, observation('Patient/a'), 'read')).toBe(true)
    expect(reaches(who, observation('Patient/b'), 'read')).toBe(false)
    const doctor = requester('user/*.rs', { user: 'Practitioner/a' })
    expect(reaches(doctor, observation('Patient/b'), 'read')).toBe(true)
  })

  it('of a token for one patient reaches nobody else', () => {
    const who = requester('system/*.rs', { onlyPatient: 'Patient/a', patient: 'Patient/a' })
    expect(reaches(who, observation('Patient/a'), 'read')).toBe(true)
    expect(reaches(who, observation('Patient/b'), 'read')).toBe(false)
  })
})

const LAB = 'http://terminology.hl7.org/CodeSystem/observation-category'
const laboratory = {
  status: 'final',
  category: [{ coding: [{ system: LAB, code: 'laboratory', display: 'vital-signs' }], text: 'survey' }],
  code: { coding: [{ system: 'http://loinc.org', code: '718-7' }] },
  effectiveDateTime: '2024-03-05T10:00:00Z',
  identifier: [{ system: 'urn:x', value: 'v1' }],
  performer: [{ reference: 'Organization/lab/_history/2' }],
  meta: { tag: [{ system: 'urn:t', code: 't1' }], lastUpdated: '2024-03-06T00:00:00Z', profile: ['urn:p'] },
}

describe('a granular scope', () => {
  const met = [
    `category=${LAB}|laboratory`,
    'category=laboratory',
    `category=${LAB}|`,
    'category=social-history,laboratory',
    'code=http://loinc.org|718-7',
    'status=final',
    `category=${LAB}|laboratory&status=final`,
    '_id=o',
    '_tag=urn:t|t1',
    '_profile=urn:p',
    '_lastUpdated=ge2024',
    'date=2024-03',
    'date=2024-03-05',
    'date=ge2024-03-05',
    'date=lt2024-03-06',
    'date=sa2023',
    'identifier=urn:x|v1',
    'subject=Patient/a',
    'patient=a',
    'patient=Patient/a',
    'performer=Organization/lab',
  ]
  it.each(met)('reaches a resource that meets ?%s', query => {
    const who = launched(`patient/Observation.rs?${query}`)
    expect(who.scopes).toHaveLength(1)
    expect(reaches(who, observation('Patient/a', laboratory), 'read')).toBe(true)
  })

  const unmet = [
    'category=vital-signs',
    'category=survey',
    'category=Laboratory',
    'category=lab',
    `category=${LAB}`,
    'category=urn:other|laboratory',
    'category=|laboratory',
    'category=|',
    'category=labor\\,atory,x',
    'code=http://loinc.org|718',
    'status=preliminary',
    'status=final&category=vital-signs',
    '_id=p',
    '_profile=urn:pp',
    '_lastUpdated=lt2024',
    'date=2023',
    'date=gt2024-03-05',
    'date=eb2024-03-05',
    'date=ap2024',
    'date=nonsense',
    'patient=b',
    'patient=Group/a',
    'performer=lab',
    'value-quantity=gt5',
    'code-value-quantity=a$b',
    'unheard-of=1',
  ]
  it.each(unmet)('never reaches a resource that does not meet ?%s', query => {
    const who = launched(`patient/Observation.rs?${query}`)
    expect(who.scopes).toHaveLength(1)
    expect(reaches(who, observation('Patient/a', laboratory), 'read')).toBe(false)
  })

  it('never reaches what cannot be read', () => {
    const who = requester('system/Observation.rs?status=final')
    const broken = { ...observation('Patient/a', laboratory), bytes: new TextEncoder().encode('{"status":') }
    expect(reaches(who, broken, 'read')).toBe(false)
    const other = { ...observation('Patient/a', laboratory), type: 'Observation' }
    const swapped = { ...other, bytes: new TextEncoder().encode('{"resourceType":"X","status":"final"}') }
    expect(reaches(who, swapped, 'read')).toBe(false)
  })

  it('by patient never reaches a group of that name', () => {
    const group = facts({ resourceType: 'Observation', id: 'o', subject: { reference: 'Group/a' } }, [
      'Patient/a',
    ])
    expect(reaches(requester('user/Observation.rs?subject=Group/a'), group, 'read')).toBe(true)
    expect(reaches(requester('user/Observation.rs?patient=Group/a'), group, 'read')).toBe(false)
  })

  it('does not narrow another scope that reaches the resource', () => {
    const who = launched('patient/Observation.rs?status=final patient/Observation.r')
    const preliminary = observation('Patient/a', { status: 'preliminary' })
    expect(reaches(who, preliminary, 'read')).toBe(true)
    expect(reaches(who, preliminary, 'search-type')).toBe(false)
  })

  it('looks at names, addresses and choices of other types', () => {
    const patient = facts(
      {
        resourceType: 'Patient',
        id: 'a',
        gender: 'female',
        name: [{ family: 'Keller', given: ['Ann'] }],
        birthDate: '1990-01-02',
      },
      ['Patient/a'],
    )
    const reached = (query: string) => reaches(launched(`patient/Patient.rs?${query}`), patient, 'read')
    expect(reached('family=kel')).toBe(true)
    expect(reached('name=ann')).toBe(true)
    expect(reached('name=nn')).toBe(false)
    expect(reached('birthdate=1990')).toBe(true)
    expect(reached('gender=male')).toBe(false)
    expect(reached('deceased=false')).toBe(false)
  })
})

describe('a scope never reaches what its grammar does not say', () => {
  const types = ['Observation', 'Condition', 'Patient', 'Organization'] as const
  const one = fc.record({
    context: fc.constantFrom('patient', 'user', 'system'),
    type: fc.constantFrom('*', ...types),
    letters: fc.subarray(['c', 'r', 'u', 'd', 's'], { minLength: 1 }),
    status: fc.option(fc.constantFrom('final', 'amended'), { nil: undefined }),
  })
  const code = fc.constantFrom('read', 'vread', 'search-type')
  const patient = fc.constantFrom('Patient/a', 'Patient/b')

  it('for any scopes, resource and interaction', () => {
    fc.assert(
      fc.property(
        fc.array(one, { maxLength: 4 }),
        fc.constantFrom(...types),
        code,
        patient,
        fc.constantFrom('final', 'amended', 'entered-in-error'),
        (scopes, type, interaction, owner, status) => {
          const text = scopes.map(
            scope =>
              `${scope.context}/${scope.type}.${scope.letters.join('')}${scope.status === undefined ? '' : `?status=${scope.status}`}`,
          )
          const id = type === 'Patient' ? owner.slice('Patient/'.length) : 'x'
          const patients = type === 'Organization' ? [] : [owner]
          const resource = facts({ resourceType: type, id, status }, patients)
          const letter = interaction === 'search-type' ? 's' : 'r'
          const expected = scopes.some(
            scope =>
              (scope.type === '*' || scope.type === type) &&
              scope.letters.includes(letter) &&
              (scope.context !== 'patient' || type === 'Organization' || owner === 'Patient/a') &&
              (scope.status === undefined || (type === 'Observation' && scope.status === status)),
          )
          expect(reaches(launched(text.join(' ')), resource, interaction)).toBe(expected)
        },
      ),
      { numRuns: 1_000 },
    )
  })
})

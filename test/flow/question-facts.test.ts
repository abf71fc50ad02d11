import { describe, expect, test } from 'vitest'
import {
  custodianOf,
  patientsOf,
  purposesOf,
  registryOf,
  requesterOf,
} from '../../src/flow/question-facts.ts'
import { trusted } from '../../src/flow/trusted-labels.ts'
import { SYSTEM } from '../../src/model/fhir.ts'
import type { Question } from '../../src/model/question.ts'
import { Refusal } from '../../src/model/refusal.ts'
import { observation, raw, world } from './world.ts'

const question = (change: object = {}): Question =>
  ({
    at: '2026-01-01T00:00:00Z',
    requester: {},
    patient: { reference: 'Patient/p' },
    consents: [],
    ...change,
  }) as Question

describe('what is not in the question is not true', () => {
  test('of the custodian, the registry and the requester', () => {
    expect(custodianOf(question())).toEqual({
      organization: 'Organization/unknown',
      state: '',
      hipaa: 'none',
      part2: 'none',
    })
    expect(registryOf(question())).toEqual({
      part2Programs: [],
      sudOnlyFacilities: [],
      notFederallyAssisted: [],
      sources: {},
      agreements: [],
      other: {},
    })
    for (const requester of [
      {},
      { role: null, user: null, state: null, hipaa: null, organization: null, client: null },
    ])
      expect(requesterOf(question({ requester }))).toEqual({
        key: '',
        client: '',
        hipaa: 'none',
        part2: 'none',
        userRoles: [],
        actors: [],
        scopes: [],
        claims: {},
        residual: [],
      })
    expect(purposesOf(question(), {})).toEqual([])
  })

  test('and what is in it is', () => {
    const custodian = {
      organization: 'Organization/h',
      state: 'CA',
      hipaa: 'covered-entity',
      part2: 'program',
      kind: 'hie',
    }
    expect(custodianOf(question({ custodian }))).toEqual(custodian)
    const registry = {
      part2Programs: ['Organization/a'],
      sudOnlyFacilities: ['Location/b'],
      notFederallyAssisted: ['Organization/c'],
      agreements: [{ kind: 'BAA' }],
      regimes: { x: 1 },
    }
    expect(registryOf(question({ registry }))).toMatchObject({
      part2Programs: ['Organization/a'],
      sudOnlyFacilities: ['Location/b'],
      notFederallyAssisted: ['Organization/c'],
      agreements: [{ kind: 'BAA' }],
      other: { regimes: { x: 1 } },
    })
    const requester = {
      client: 'c',
      organization: 'Organization/o',
      state: 'NE',
      hipaa: 'business-associate',
      part2: 'qso',
      role: 'payer',
      user: 'Practitioner/d',
      relationship: 'treating',
      claims: { declaredEmergency: true },
    }
    expect(requesterOf(question({ requester }))).toMatchObject({
      ...requester,
      key: 'c',
      actors: [
        { role: 'recipient', reference: 'Organization/o' },
        { role: 'recipient', reference: 'Practitioner/d' },
      ],
    })
  })
})

test.each([[{ 'urn:a': 'Organization/a' }], [[{ uri: 'urn:a', organization: 'Organization/a' }]]])(
  'sources may be a map or a list: %j',
  sources => {
    expect(registryOf(question({ registry: { sources } })).sources).toEqual({ 'urn:a': 'Organization/a' })
  },
)

test('actors may be named by reference, by identifier, or by a whole Reference', () => {
  const identifier = { system: 'urn:npi', value: '1' }
  const actors = [
    { reference: 'Organization/o' },
    { role: 'source', identifier },
    { reference: { reference: 'Practitioner/d', identifier } },
    { reference: { identifier } },
  ]
  expect(requesterOf(question({ requester: { actors, organization: 'Organization/other' } })).actors).toEqual(
    [
      { role: 'recipient', reference: 'Organization/o' },
      { role: 'source', identifier },
      { role: 'recipient', reference: 'Practitioner/d', identifier },
      { role: 'recipient', identifier },
    ],
  )
})

describe('a purpose of use', () => {
  const map = { TREAT: 'TREAT', [`${SYSTEM.actReason}|TREAT`]: 'TREAT', 'urn:oid:1|PAY': 'HPAYMT' }

  test.each([
    ['TREAT', ['TREAT']],
    [{ code: 'TREAT' }, ['TREAT']],
    [{ system: SYSTEM.actReason, code: 'TREAT' }, ['TREAT']],
    [
      [{ code: 'TREAT' }, { system: 'urn:oid:1', code: 'PAY' }],
      ['TREAT', 'HPAYMT'],
    ],
    [[], []],
  ])('%j', (purposeOfUse, codes) => {
    expect(purposesOf(question({ purposeOfUse }), map)).toEqual(codes)
  })

  test.each([
    'treatment',
    'constructor',
    { code: '__proto__' },
    { code: 'PAY' },
    { system: 'urn:other', code: 'TREAT' },
    [{ code: 'TREAT' }, { code: 'X' }],
  ])('%j is in no map and never treatment', purposeOfUse => {
    const attempt = () => purposesOf(question({ purposeOfUse }), map)
    expect(attempt).toThrow(Refusal)
    expect(attempt).toThrow(expect.objectContaining({ code: 'purpose-not-allowed' }))
  })
})

test('patients are named or given whole, each once', () => {
  const whole = { resourceType: 'Patient', id: 'q' }
  const asked = question({
    otherPatients: [whole, { reference: 'Patient/p' }, { resourceType: 'Patient' }, {}],
  })
  expect(patientsOf(asked)).toEqual({
    references: ['Patient/p', 'Patient/q', 'Patient/'],
    whole: [whole, { resourceType: 'Patient' }],
  })
})

describe('labels taken as they stand', () => {
  const { labeller } = world({ resources: [] }).rooms
  const of = (...security: object[]) =>
    trusted(labeller.assess(raw(observation('a', { meta: { security } }))))
  const mark = (code: string) => ({ system: SYSTEM.confidentiality, code })
  const label = (code: string) => ({ system: SYSTEM.actCode, code })

  test('are those of meta.security and no others', () => {
    const sud = observation('a', {
      code: { coding: [{ system: 'http://snomed.info/sct', code: '75544000' }] },
    })
    expect(trusted(labeller.assess(raw(sud)))).toMatchObject({
      labels: [],
      confidentiality: 'N',
      part2: false,
    })
    const one = of(label('SUD'), label('42CFRPart2'), mark('R'))
    expect([...one.codes]).toEqual(['SUD', '42CFRPart2'])
    expect(one).toMatchObject({ confidentiality: 'R', part2: true })
  })

  test.each([
    [['N', 'V', 'R'], 'V'],
    [['L', 'U'], 'L'],
    [[], 'N'],
  ])('of %j the highest confidentiality holds', (codes, expected) => {
    expect(of(...codes.map(mark)).confidentiality).toBe(expected)
  })

  test('of what cannot be read there are none, and the doubt stays', () => {
    const one = trusted(labeller.assess(raw('{"a":1,"a":2}')))
    expect(one.notAssessable).toBeDefined()
    expect(one.labels).toEqual([])
  })
})

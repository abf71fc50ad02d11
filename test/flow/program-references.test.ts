import { describe, expect, it } from 'vitest'
import type { Resource } from '../../src/model/fhir.ts'
import { tpoConsent } from '../support/consents.ts'
import { effects, HOSPITAL, leaves, PATIENT, PROGRAM, SUBJECT } from './question-kit.ts'

const SITE = { reference: 'Location/otp-site', display: 'Harbor Opioid Clinic' }

/** Records of the hospital that mention the program in passing. */
const mentions: readonly Resource[] = [
  {
    ...PATIENT,
    generalPractitioner: [PROGRAM, { reference: 'Practitioner/family-doctor' }],
    managingOrganization: PROGRAM,
    contact: [{ name: { text: 'Reception' }, organization: PROGRAM }],
  },
  {
    resourceType: 'CareTeam',
    id: 'team',
    subject: SUBJECT,
    participant: [{ member: PROGRAM }, { member: HOSPITAL }],
    managingOrganization: [HOSPITAL],
  },
  {
    resourceType: 'Coverage',
    id: 'coverage',
    status: 'active',
    beneficiary: SUBJECT,
    payor: [{ reference: 'Organization/plan' }],
    policyHolder: PROGRAM,
  },
  {
    resourceType: 'Encounter',
    id: 'visit',
    status: 'finished',
    class: { code: 'IMP' },
    subject: SUBJECT,
    serviceProvider: HOSPITAL,
    hospitalization: { origin: SITE, destination: PROGRAM },
  },
  {
    resourceType: 'Communication',
    id: 'letter',
    status: 'completed',
    subject: SUBJECT,
    sender: HOSPITAL,
    recipient: [PROGRAM],
  },
]

/** Records that the program made, holds or is part of. */
const records: readonly Resource[] = [
  {
    resourceType: 'Appointment',
    id: 'booked',
    status: 'booked',
    participant: [
      { actor: SUBJECT, status: 'accepted' },
      { actor: SITE, status: 'accepted' },
    ],
  },
  {
    resourceType: 'Claim',
    id: 'claim',
    status: 'active',
    patient: SUBJECT,
    provider: PROGRAM,
    insurance: [{ sequence: 1, focal: true, coverage: { reference: 'Coverage/coverage' } }],
  },
  { resourceType: 'CareTeam', id: 'program-team', subject: SUBJECT, participant: [{ member: PROGRAM }] },
]

const world = { patient: mentions[0] as Resource, resources: [...mentions, ...records] }
const references = (list: readonly Resource[]) => list.map(({ resourceType, id }) => `${resourceType}/${id}`)
const consented = {
  ...world,
  consents: [
    tpoConsent({
      id: 'tpo',
      patient: 'Patient/p',
      discloser: PROGRAM.reference,
      recipient: 'Organization/other',
    }),
  ],
}

describe('references to a Part 2 program', () => {
  it('are taken out of records that mention it, which leave, and go with records that are its own', () => {
    const decided = effects(world)
    for (const reference of references(mentions))
      expect([reference, decided[reference]]).toEqual([reference, 'permit'])
    for (const reference of references(records))
      expect([reference, decided[reference]]).toEqual([reference, 'deny'])
    const text = leaves(world)
    expect(text).not.toMatch(/otp|Opioid/i)
    expect(text).toContain('Practitioner/family-doctor')
    expect(text).toContain(HOSPITAL.reference)
  })

  it('stay for whom the patient consented to, and for the program itself', () => {
    for (const given of [consented, { ...world, requester: { organization: PROGRAM.reference } }]) {
      const decided = effects(given)
      for (const reference of references([...mentions, ...records]))
        expect([reference, decided[reference]]).toEqual([reference, 'permit'])
      const text = leaves(given)
      for (const element of ['managingOrganization', 'policyHolder', 'destination', 'recipient'])
        expect(text).toMatch(new RegExp(`"${element}":\\[?\\{"reference":"Organization/otp"`))
    }
  })

  it('do not depend on which record is looked at first', () => {
    const other: Resource = {
      resourceType: 'Coverage',
      id: 'a-first',
      status: 'active',
      beneficiary: SUBJECT,
      payor: [HOSPITAL],
      policyHolder: PROGRAM,
      meta: { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'SEX' }] },
    }
    const text = leaves({ ...consented, resources: [other, ...world.resources] })
    expect(text.match(/"policyHolder":\{"reference":"Organization\/otp"/g)).toHaveLength(2)
  })

  it('to its entry in the directory harm nobody: an Organization says nothing of a patient', () => {
    const program: Resource = { resourceType: 'Organization', id: 'otp', name: 'Harbor Opioid Clinic' }
    expect(effects({ resources: [program] })).toEqual({ 'Patient/p': 'permit', 'Organization/otp': 'permit' })
  })
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TokenRequest } from '../../src/demo/issuer.ts'
import type { JsonObject, Resource } from '../../src/model/fhir.ts'
import { matchesOf, type TestSite } from '../support/site.ts'
import { ADA, HOSPITAL, observation, of, openChart, patient } from './chart.ts'

/** 42 CFR 2.13(c): a program must not be told by whatever name it goes. */

const NPI = 'http://hl7.org/fhir/sid/us-npi'
const NPI_OID = 'urn:oid:2.16.840.1.113883.4.6'
const PROGRAM_NPI = '1417056137'
const GATEWAY = 'http://localhost:18080/fhir'
const ELSEWHERE = 'https://elsewhere.example/fhir/Organization/77'
/** A program whose name says nothing, registered by its Organization alone. */
const QUIET: Resource = {
  resourceType: 'Organization',
  id: 'quiet',
  name: 'Harbor House',
  identifier: [{ system: NPI, value: '1999999984' }],
}
const QUIET_ROLE: Resource = {
  resourceType: 'PractitionerRole',
  id: 'quiet-role',
  organization: { reference: 'Organization/quiet' },
  practitioner: { reference: 'Practitioner/quiet-doctor' },
}
const STAFF: TokenRequest = {
  client: 'opioid-treatment-program',
  user: 'PractitionerRole/ines-corvallis-role',
}

const NAMES: readonly (readonly [string, JsonObject])[] = [
  ['npi', { identifier: { system: NPI, value: PROGRAM_NPI } }],
  ['npi-oid', { identifier: { system: NPI_OID, value: PROGRAM_NPI } }],
  ['npi-bare', { identifier: { value: PROGRAM_NPI } }],
  ['gateway', { reference: `${GATEWAY}/Organization/bayview-otp` }],
  ['elsewhere-npi', { reference: ELSEWHERE, identifier: { system: NPI, value: PROGRAM_NPI } }],
  ['quiet-npi', { identifier: { system: NPI_OID, value: '1999999984' } }],
  ['quiet-elsewhere', { reference: ELSEWHERE, display: 'Harbor  house' }],
  ['quiet-words', { display: 'Harbor House' }],
  ['practitioner', { reference: 'Practitioner/ines-corvallis' }],
  ['role-practitioner', { reference: 'Practitioner/quiet-doctor' }],
]

const OTHERS: readonly (readonly [string, JsonObject])[] = [
  ['other-npi', { identifier: { system: NPI, value: '1417056129' } }],
  ['other-gateway', { reference: `${GATEWAY}/Organization/bayview-hospital` }],
  ['other-elsewhere', { reference: ELSEWHERE, display: 'Bayview General Hospital' }],
  ['other-words', { display: 'Bayview General Hospital' }],
  ['other-practitioner', { reference: 'Practitioner/mara-whitfield' }],
]

const mention = (id: string, policyHolder: JsonObject): Resource => ({
  resourceType: 'Coverage',
  id,
  status: 'active',
  beneficiary: ADA,
  payor: [{ reference: 'Organization/golden-plan' }],
  policyHolder,
})

const ALL = [...NAMES, ...OTHERS]

let site: TestSite
beforeAll(async () => {
  site = await openChart(
    [
      QUIET,
      QUIET_ROLE,
      ...ALL.map(([id, performer]) => observation(id, { performer: [performer] })),
      ...ALL.map(([id, holder]) => mention(id, holder)),
      of('Observation', 'hospital-staff', {
        performer: [{ reference: 'Practitioner/quiet-doctor' }],
        encounter: { reference: 'Encounter/plain-visit' },
      }),
    ],
    {
      overrides: {
        registry: {
          part2Programs: [
            'Organization/bayview-otp',
            'PractitionerRole/ines-corvallis-role',
            'Practitioner/ines-corvallis',
            `${NPI}|${PROGRAM_NPI}`,
            'Organization/quiet',
            'PractitionerRole/quiet-role',
          ],
        },
      },
    },
  )
})
afterAll(() => site.close())

describe('a program named otherwise than by Type/id', () => {
  test.each(NAMES)('as performer, %s makes a record of the program', async id => {
    expect((await site.get(`Observation/${id}`, HOSPITAL)).status).toBe(404)
    expect(matchesOf(await site.get('Observation?patient=ada&_count=100', HOSPITAL))).not.toContain(
      `Observation/${id}`,
    )
    if (!id.includes('quiet') && !id.startsWith('role'))
      expect((await site.get(`Observation/${id}`, STAFF)).status).toBe(200)
  })

  test.each(NAMES)('where a record only mentions it, %s goes', async (id, holder) => {
    const reply = await site.get(`Coverage/${id}`, HOSPITAL)
    expect(reply.status).toBe(200)
    expect(reply.text).not.toContain('policyHolder')
    for (const tell of [PROGRAM_NPI, '1999999984', 'arbor', 'bayview-otp', 'ines-', 'quiet-doctor'])
      expect(reply.text).not.toContain(tell)
    if (id.includes('quiet') || id.startsWith('role')) return
    const own = JSON.parse((await site.get(`Coverage/${id}`, STAFF)).text) as JsonObject
    expect(own['policyHolder']).toMatchObject(holder)
  })

  test.each(OTHERS)('%s names another and stays', async (id, holder) => {
    expect((await site.get(`Observation/${id}`, HOSPITAL)).status).toBe(200)
    const reply = JSON.parse((await site.get(`Coverage/${id}`, HOSPITAL)).text) as JsonObject
    expect(reply['policyHolder']).toMatchObject(holder)
  })

  test('who works for a program makes no record of it elsewhere', async () => {
    expect((await site.get('Observation/hospital-staff', HOSPITAL)).status).toBe(200)
  })
})

describe('an identifier of a person', () => {
  const numbered = (value: string, more: JsonObject = {}): JsonObject => ({
    system: `https://${value}.example/numbers`,
    value,
    ...more,
  })
  const identifier = [
    numbered('plain'),
    numbered('by-reference', { assigner: { reference: 'Organization/bayview-otp' } }),
    numbered('by-name', { assigner: { display: 'Bayview Harbor Opioid Treatment Program' } }),
    numbered('by-words', { assigner: { display: 'Valley Methadone Clinic' } }),
    numbered('by-type', { type: { text: 'Opioid treatment program patient number' } }),
    numbered('by-hospital', { assigner: { display: 'Bayview General Hospital' } }),
  ]
  let people: TestSite
  beforeAll(async () => {
    people = await openChart([
      patient('cara', { identifier }),
      {
        resourceType: 'RelatedPerson',
        id: 'sister',
        patient: { reference: 'Patient/cara' },
        identifier: identifier as JsonObject[],
      },
    ])
  })
  afterAll(() => people.close())

  const values = (text: string): unknown[] =>
    (JSON.parse(text) as { identifier: { value: string }[] }).identifier.map(({ value }) => value)

  test.each(['Patient/cara', 'RelatedPerson/sister'])(
    'of a program leaves %s, who stays',
    async reference => {
      const reply = await people.get(reference, HOSPITAL)
      expect(reply.status).toBe(200)
      expect(values(reply.text)).toEqual(['plain', 'by-hospital'])
      expect(reply.text).not.toMatch(/otp|opioid|methadone/i)
    },
  )

  test.each(['Patient/cara', 'RelatedPerson/sister'])(
    'stays on %s for the program itself',
    async reference => {
      expect(values((await people.get(reference, STAFF)).text)).toEqual(
        expect.arrayContaining(['plain', 'by-reference', 'by-name', 'by-hospital']),
      )
    },
  )

  test('finds nobody for whom it is hidden', async () => {
    const found = async (asked: string, as: TokenRequest) =>
      matchesOf(await people.get(`Patient?identifier=${asked}`, as))
    for (const hidden of ['by-reference', 'https://by-type.example/numbers|by-type'])
      expect(await found(hidden, HOSPITAL)).toEqual([])
    expect(await found('by-reference', STAFF)).toEqual(['Patient/cara'])
    expect(await found('https://plain.example/numbers|plain', HOSPITAL)).toEqual(['Patient/cara'])
  })
})

import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TokenRequest } from '../../src/demo/issuer.ts'
import type { JsonObject, Resource } from '../../src/model/fhir.ts'
import { openTestSite, type TestSite } from '../support/site.ts'

/** A relative starts the app for a patient that is not theirs, with a relation that is unknown, over or another's. */

const { clients } = JSON.parse(
  readFileSync(new URL('../../profiles/deployment/demo.json', import.meta.url), 'utf8'),
) as { readonly clients: readonly JsonObject[] }
const FAMILY_APP = {
  clientId: 'family-app',
  name: 'Family app',
  hipaa: 'none',
  role: 'personal-representative',
  relationship: 'representative',
  purposes: ['PATRQT'],
  defaultPurpose: 'PATRQT',
}

const related = (id: string, patient: string, more: object = {}): Resource => ({
  resourceType: 'RelatedPerson',
  id,
  patient: { reference: `Patient/${patient}` },
  ...more,
})
const chartOf = (id: string): Resource[] => [
  { resourceType: 'Patient', id, birthDate: '1940-01-01' },
  {
    resourceType: 'Condition',
    id: `pressure-${id}`,
    subject: { reference: `Patient/${id}` },
    code: { coding: [{ system: 'http://snomed.info/sct', code: '38341003' }] },
  },
]

let site: TestSite
beforeAll(async () => {
  site = await openTestSite({
    resources: [
      ...chartOf('mother'),
      ...chartOf('neighbour'),
      related('daughter', 'mother'),
      related('until-today', 'mother', { active: true, period: { end: '2026-11-21' } }),
      related('former', 'mother', { period: { end: '2026-11-20' } }),
      related('left-at-ten', 'mother', { period: { end: '2026-11-21T10:00:00Z' } }),
      related('removed', 'mother', { active: false }),
    ],
    overrides: { clients: [...clients, FAMILY_APP] },
    seams: { now: () => new Date('2026-11-21T12:00:00Z') },
  })
})
afterAll(() => site.close())

const read = async (user: string | undefined, of: string, client = 'family-app') => {
  const as: TokenRequest = {
    client,
    patient: of,
    ...(user === undefined ? { scope: 'patient/*.rs', claims: { sub: 'somebody' } } : { user }),
  }
  return (await site.get(`Condition/pressure-${of}`, as)).status
}

describe('the record an app was started with is own', () => {
  it('to whom the directory knows to stand for the patient', async () => {
    expect(await read('RelatedPerson/daughter', 'mother')).toBe(200)
    expect(await read('RelatedPerson/until-today', 'mother')).toBe(200)
    expect(await read('Patient/mother', 'mother', 'patient-app')).toBe(200)
  })

  it.each([
    'RelatedPerson/nobody-knows',
    'RelatedPerson/former',
    'RelatedPerson/left-at-ten',
    'RelatedPerson/removed',
    'Practitioner/somebody',
    'https://elsewhere.example/fhir/RelatedPerson/daughter',
    'https://elsewhere.example/fhir/Patient/neighbour',
  ])('not to %s', async user => {
    expect(await read(user, 'mother')).toBe(404)
  })

  it('not to a relative of somebody else', async () => {
    expect(await read('RelatedPerson/daughter', 'neighbour')).toBe(404)
  })

  it('to the patient of the launch where the token names nobody', async () => {
    expect(await read(undefined, 'mother')).toBe(200)
  })
})

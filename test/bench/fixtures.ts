import { Buffer } from 'node:buffer'

/** What the static upstream of the benchmark holds: one patient with many Observations, made here. */

const STAMP = '00000000'

function observation(index: number): object {
  return {
    resourceType: 'Observation',
    id: `b${STAMP}-${index}`,
    meta: {
      versionId: '1',
      lastUpdated: '2026-05-04T09:30:00.000Z',
      profile: ['http://hl7.org/fhir/us/core/StructureDefinition/us-core-vital-signs'],
    },
    status: 'final',
    category: [
      {
        coding: [
          {
            system: 'http://terminology.hl7.org/CodeSystem/observation-category',
            code: 'vital-signs',
            display: 'vital-signs',
          },
        ],
      },
    ],
    code: {
      coding: [{ system: 'http://loinc.org', code: '8302-2', display: 'Body Height' }],
      text: 'Body Height',
    },
    subject: { reference: 'Patient/bench-patient' },
    encounter: { reference: `Encounter/bench-visit-${index % 10}` },
    effectiveDateTime: '2026-05-04T09:30:00-07:00',
    issued: '2026-05-04T09:30:00.000-07:00',
    valueQuantity: {
      value: 170.5 + (index % 30),
      unit: 'cm',
      system: 'http://unitsofmeasure.org',
      code: 'cm',
    },
  }
}

const encounter = (index: number): object => ({
  resourceType: 'Encounter',
  id: `bench-visit-${index}`,
  status: 'finished',
  class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
  type: [
    { coding: [{ system: 'http://snomed.info/sct', code: '185349003', display: 'Encounter for check up' }] },
  ],
  subject: { reference: 'Patient/bench-patient' },
  period: { start: '2026-05-04T09:00:00-07:00', end: '2026-05-04T09:45:00-07:00' },
  serviceProvider: { reference: 'Organization/bayview-health' },
})

const patient = {
  resourceType: 'Patient',
  id: 'bench-patient',
  name: [{ family: 'Ordway', given: ['Pat'] }],
  gender: 'female',
  birthDate: '1978-03-09',
}

const organization = { resourceType: 'Organization', id: 'bayview-health', name: 'Bayview Health' }
const stranger = { resourceType: 'Organization', id: 'somebody-else', name: 'Somebody Else' }
const hospital = { resourceType: 'Organization', id: 'redwood-hospital', name: 'Redwood Regional Hospital' }

/** A Consent that decides something in every exchange: no disclosure to one named organization. */
const consent = {
  resourceType: 'Consent',
  id: 'bench-consent',
  meta: { versionId: '1' },
  status: 'active',
  scope: {
    coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }],
  },
  category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
  patient: { reference: 'Patient/bench-patient' },
  dateTime: '2026-01-02',
  policyRule: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'OPTIN' }] },
  provision: {
    type: 'permit',
    provision: [
      {
        type: 'deny',
        actor: [
          {
            role: {
              coding: [
                { system: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType', code: 'IRCP' },
              ],
            },
            reference: { reference: 'Organization/somebody-else' },
          },
        ],
      },
    ],
  },
}

const role = {
  resourceType: 'PractitionerRole',
  id: 'priya-lindqvist-role',
  practitioner: { reference: 'Practitioner/priya-lindqvist' },
  organization: { reference: 'Organization/redwood-hospital' },
}
const clinician = { resourceType: 'Practitioner', id: 'priya-lindqvist', name: [{ family: 'Lindqvist' }] }

const LOOKED_UP = [
  role,
  clinician,
  patient,
  organization,
  stranger,
  hospital,
  consent,
  ...Array.from({ length: 10 }, (_, index) => encounter(index)),
] as {
  resourceType: string
  id: string
}[]

const searchset = (base: string, resources: readonly object[]): string =>
  JSON.stringify({
    resourceType: 'Bundle',
    type: 'searchset',
    total: resources.length,
    link: [{ relation: 'self', url: `${base}/page` }],
    entry: resources.map(resource => ({
      fullUrl: `${base}/${(resource as { resourceType: string }).resourceType}/${(resource as { id: string }).id}`,
      resource,
      search: { mode: 'match' },
    })),
  })

/** A body whose stamp can be renewed, so that every answer holds resources never seen before. */
export interface Page {
  readonly warm: Buffer
  /** The same page with another stamp in every resource id. */
  readonly cold: () => Buffer
}

let stamp = 0

function page(text: string): Page {
  const warm = Buffer.from(text)
  const places: number[] = []
  for (let at = warm.indexOf(`b${STAMP}`); at >= 0; at = warm.indexOf(`b${STAMP}`, at + 1))
    places.push(at + 1)
  return {
    warm,
    cold: () => {
      const fresh = Buffer.from(warm)
      const digits = String(++stamp).padStart(STAMP.length, '0')
      for (const place of places) fresh.write(digits, place, 'latin1')
      return fresh
    },
  }
}

export function fixtures(base: string) {
  const many = (count: number): object[] => Array.from({ length: count }, (_, index) => observation(index))
  const one = JSON.stringify(observation(1))
  const text = (resource: object): Buffer => Buffer.from(JSON.stringify(resource))
  return {
    pages: { 20: page(searchset(base, many(20))), 100: page(searchset(base, many(100))) },
    /** The same Observation under the id asked for (`b` and eight digits, `-1`). */
    single: (id: string): Buffer => Buffer.from(one.replace(`b${STAMP}-1`, id)),
    /** Answer to a look-up by type and `_id` list (absent: all of the type). */
    lookup: (type: string, ids: readonly string[] | undefined): Buffer =>
      Buffer.from(
        searchset(
          base,
          LOOKED_UP.filter(one => one.resourceType === type && (ids === undefined || ids.includes(one.id))),
        ),
      ),
    metadata: text({ resourceType: 'CapabilityStatement', status: 'active', fhirVersion: '4.0.1' }),
  }
}

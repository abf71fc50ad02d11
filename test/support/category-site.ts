import type { Coding, JsonObject, Resource } from '../../src/model/fhir.ts'
import { isPatientData, referenceOf } from './chart-oracle.ts'
import { TELL_TALES, type TellTale } from './tell-tale.ts'

/**
 * A site on which nothing but a patient's refusal decides: a state without a stricter law, no Part 2 program and no Part
 * 2 records (so that substance-use content of unknown source is no Part 2 record), treating providers as requesters.
 */
export const CUSTODIAN = {
  organization: 'Organization/prairie-health',
  state: 'NE',
  hipaa: 'covered-entity',
  part2: 'none',
} as const

/** Sees everything: no Consent refuses it anything. */
export const PERMITTED = 'sees-all'

/** The requester to whom the category is refused; its name tells nothing of it. */
export const refusedClient = (category: TellTale): string => `clinic-${TELL_TALES.indexOf(category) + 1}`

export const organizationOf = (client: string): string => `Organization/${client}`

function client(clientId: string): JsonObject {
  return {
    clientId,
    name: clientId,
    organization: organizationOf(clientId),
    state: 'NE',
    hipaa: 'covered-entity',
    role: 'provider',
    relationship: 'treating',
    purposes: ['TREAT'],
    defaultPurpose: 'TREAT',
  }
}

/** Configuration laid over the demo's. */
export const CATEGORY_SITE: JsonObject = {
  custodian: { ...CUSTODIAN, name: 'Prairie Health' },
  registry: { part2Programs: [], sudOnlyFacilities: [], sources: {}, separateNotes: [] },
  clients: [PERMITTED, ...TELL_TALES.map(refusedClient)].map(client),
  policy: { defaultPolicy: 'law', unknownSource: 'flag' },
  ledger: { repository: 'none' },
}

const THO = 'http://terminology.hl7.org/CodeSystem'

/** A general permit for one recipient that refuses it the labels, if any. */
export function permitExcept(patient: string, recipient: string, refused: readonly Coding[]): Resource {
  const refusal = {
    type: 'deny',
    securityLabel: refused.map(({ system, code }) => ({ system, code })),
  }
  return {
    resourceType: 'Consent',
    id: `${recipient.split('/')[1]}-${patient.split('/')[1]}`,
    status: 'active',
    scope: { coding: [{ system: `${THO}/consentscope`, code: 'patient-privacy' }] },
    category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
    patient: { reference: patient },
    dateTime: '2026-03-01',
    performer: [{ reference: patient }],
    policyRule: { coding: [{ system: `${THO}/v3-ActCode`, code: 'OPTIN' }] },
    provision: {
      type: 'permit',
      actor: [
        {
          role: { coding: [{ system: `${THO}/v3-ParticipationType`, code: 'IRCP' }] },
          reference: { reference: recipient },
        },
      ],
      ...(refused.length === 0 ? {} : { provision: [refusal] }),
    },
  }
}

/** The patient's Consents: everything to one, everything but one category to each other. */
export function consentsOf(patient: string): Resource[] {
  return [
    permitExcept(patient, organizationOf(PERMITTED), []),
    ...TELL_TALES.map(one => permitExcept(patient, organizationOf(refusedClient(one)), [one.denied])),
  ]
}

export interface CategoryQuestion {
  readonly chart: readonly Resource[]
  readonly requester: string
  readonly consents: readonly Resource[]
}

/** The same exchange as a question of `decide` and `segment` (resources are given apart). */
export function questionOf({ chart, requester, consents }: CategoryQuestion): JsonObject {
  const patient = chart.find(({ resourceType }) => resourceType === 'Patient')
  if (patient === undefined) throw new Error('a chart without a Patient')
  return {
    at: '2026-06-01T12:00:00Z',
    custodian: { ...CUSTODIAN },
    registry: {},
    requester: {
      client: requester,
      organization: organizationOf(requester),
      state: 'NE',
      hipaa: 'covered-entity',
      part2: 'none',
      role: 'provider',
      relationship: 'treating',
      claims: {},
    },
    purposeOfUse: 'TREAT',
    action: 'disclose',
    patient: { reference: referenceOf(patient) },
    directory: chart.filter(one => !isPatientData(one)),
    consents: [...consents],
  }
}

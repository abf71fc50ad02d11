import type { TokenRequest } from '../../src/demo/issuer.ts'
import { directory } from '../../src/demo/patients/directory.ts'
import type { JsonObject, Resource } from '../../src/model/fhir.ts'
import { openTestSite, type TestSite, type TestSiteOptions } from '../support/site.ts'

/** A treating hospital without a Part 2 consent: what it may not see is the aim of the attacks. */
export const HOSPITAL: TokenRequest = {
  client: 'treating-hospital',
  user: 'PractitionerRole/priya-lindqvist-role',
}
export const PLAN: TokenRequest = { client: 'health-plan' }
/** Who may see everything of the chart: its patient. The positive control of every attack. */
export const SELF: TokenRequest = { client: 'patient-app', user: 'Patient/ada', patient: 'ada' }

export const DAY = new Date('2026-11-21T20:00:00Z')
export const THO = 'http://terminology.hl7.org/CodeSystem'
export const ADA = { reference: 'Patient/ada' }
export const BEN = { reference: 'Patient/ben' }

const HEART_RATE = { coding: [{ system: 'http://loinc.org', code: '8867-4', display: 'Heart rate' }] }
/** Opioid dependence. */
export const OPIOID = { coding: [{ system: 'http://snomed.info/sct', code: '75544000' }] }

/** A resource of Ada, harmless but for what is given. */
export function of(resourceType: string, id: string, fields: JsonObject = {}): Resource {
  return { resourceType, id, status: 'final', code: HEART_RATE, subject: ADA, ...fields }
}

export const observation = (id: string, fields: JsonObject = {}): Resource => of('Observation', id, fields)

export function encounter(id: string, organization: string, fields: JsonObject = {}): Resource {
  return {
    resourceType: 'Encounter',
    id,
    status: 'finished',
    class: { system: `${THO}/v3-ActCode`, code: 'AMB' },
    subject: ADA,
    serviceProvider: { reference: `Organization/${organization}` },
    ...fields,
  }
}

export function patient(id: string, fields: JsonObject = {}): Resource {
  return { resourceType: 'Patient', id, birthDate: '1980-01-01', name: [{ family: id }], ...fields }
}

/** A hidden diagnosis, a hidden visit to the opioid program, and a visit anybody who treats may see. */
export const CHART: readonly Resource[] = [
  patient('ada'),
  patient('ben'),
  of('Condition', 'hidden', { code: OPIOID }),
  encounter('hidden-visit', 'bayview-otp'),
  encounter('plain-visit', 'bayview-hospital'),
  observation('plain', { encounter: { reference: 'Encounter/plain-visit' } }),
]

export function openChart(
  more: readonly Resource[],
  given: Partial<TestSiteOptions> = {},
): Promise<TestSite> {
  return openTestSite({
    resources: [...directory(), ...CHART, ...more],
    seams: { now: () => DAY, pageKey: new Uint8Array(32).fill(5) },
    ...given,
  })
}

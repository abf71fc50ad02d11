import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TokenRequest } from '../../src/demo/issuer.ts'
import { DEMO_PATIENTS, demoResources } from '../../src/demo/resources.ts'
import type { Resource } from '../../src/model/fhir.ts'
import { decodedText, entriesOf, openTestSite, type TestSite } from '../support/site.ts'

/**
 * Seven requesters and seven patients: what each is given of each chart, and what not. What a record is, is told here by
 * where it was written and what stands in it, not by the labeller, so that both errors show: what leaks and what lacks.
 */
type Kind = 'program' | 'notes' | 'hiv' | 'paid' | 'abortion' | 'no-claim' | 'everything'

const charts = Map.groupBy(
  demoResources()
    .map(text => JSON.parse(text) as Resource)
    .flatMap(resource => {
      const patient = patientOf(resource)
      return patient === undefined ? [] : [{ patient, resource, text: JSON.stringify(resource) }]
    }),
  ({ patient }) => patient,
)

function patientOf(resource: Resource): string | undefined {
  if (resource.resourceType === 'Patient') return resource.id
  // Provenance names no patient but through its targets.
  if (resource.resourceType === 'Provenance') return undefined
  return /"(?:subject|patient|beneficiary|actor)":\{"reference":"Patient\/([^"]+)"/.exec(
    JSON.stringify(resource),
  )?.[1]
}

type Entry = NonNullable<ReturnType<typeof charts.get>>[number]

const IS: Readonly<Record<Kind, (entry: Entry, chart: readonly Entry[]) => boolean>> = {
  program: ({ text, resource }) =>
    text.includes('https://fhir.bayview-otp.example/r4') ||
    (resource.resourceType === 'Consent' && text.includes('42CFRPart2')),
  notes: ({ text, resource }) =>
    resource.resourceType === 'DocumentReference' && text.includes('PSY-SEPARATE'),
  hiv: (entry, chart) =>
    isHiv(entry) ||
    references(
      entry,
      chart.filter(other => other.resource.resourceType === 'Condition' && isHiv(other)),
    ),
  paid: ({ text, resource }) =>
    ['Encounter', 'Condition', 'Observation'].includes(resource.resourceType) &&
    text.includes('2026-07-14') &&
    text.includes('bayview-hospital'),
  abortion: ({ text, resource }, chart) =>
    /57797005|386639001|"Z33.2"|330381|termination of pregnancy|abortion/i.test(text) ||
    (['Observation', 'DocumentReference'].includes(resource.resourceType) &&
      abortionVisits(chart).some(visit => text.includes(visit))),
  // 45 CFR 164.514(d): no claim rests on these.
  'no-claim': ({ resource }) =>
    ['AllergyIntolerance', 'Appointment', 'CarePlan', 'CareTeam', 'Goal', 'Provenance', 'Consent'].includes(
      resource.resourceType,
    ),
  everything: () => true,
}

const isHiv = ({ text }: Entry): boolean =>
  /HIV|86406008|"B20"|20447-9|24467-3|1147334/.test(
    [
      text,
      ...[...text.matchAll(/"data":"([^"]+)"/g)].map(([, data = '']) =>
        Buffer.from(data, 'base64').toString(),
      ),
    ].join(),
  )

const references = ({ text }: Entry, targets: readonly Entry[]): boolean =>
  targets.some(({ resource }) => text.includes(`"${resource.resourceType}/${resource.id}"`))

const abortionVisits = (chart: readonly Entry[]): string[] =>
  chart
    .filter(({ resource, text }) => resource.resourceType === 'Encounter' && text.includes('57797005'))
    .map(({ resource }) => `Encounter/${resource.id}`)

interface Row {
  readonly title: string
  readonly as: (patient: string) => TokenRequest
  /** What is withheld of each chart; a chart that is not named is given whole. */
  readonly withheld: Readonly<Record<string, readonly Kind[]>>
}

const TABLE: readonly Row[] = [
  {
    title: 'the treating hospital, by its consented clinician',
    as: () => ({ client: 'treating-hospital', user: 'PractitionerRole/priya-lindqvist-role' }),
    withheld: { 'marcus-dell': ['program'] },
  },
  {
    title: 'the opioid treatment program',
    as: () => ({ client: 'opioid-treatment-program', user: 'PractitionerRole/ines-corvallis-role' }),
    withheld: { 'noor-halvorsen': ['notes'] },
  },
  {
    title: 'an emergency department in another state, without the facts of an emergency',
    as: () => ({
      client: 'emergency-department',
      user: 'PractitionerRole/tomas-okonjo-role',
      purpose: 'ETREAT',
    }),
    withheld: { 'marcus-dell': ['program'], 'noor-halvorsen': ['notes'], 'june-castellan': ['abortion'] },
  },
  {
    title: 'the health plan, for payment',
    as: () => ({ client: 'health-plan' }),
    withheld: {
      ...Object.fromEntries(DEMO_PATIENTS.map(({ id }): [string, Kind[]] => [id, ['no-claim']])),
      'elena-marsh': ['program', 'no-claim'],
      'marcus-dell': ['program', 'no-claim'],
      'noor-halvorsen': ['notes', 'no-claim'],
      'andre-villanueva': ['hiv', 'paid', 'no-claim'],
    },
  },
  {
    title: 'the patient',
    as: patient => ({ client: 'patient-app', user: `Patient/${patient}`, patient }),
    withheld: { 'noor-halvorsen': ['notes'] },
  },
  {
    title: 'public health',
    as: () => ({ client: 'public-health' }),
    withheld: { 'elena-marsh': ['program'], 'marcus-dell': ['program'], 'noor-halvorsen': ['notes'] },
  },
  {
    title: 'a researcher without an approved basis',
    as: () => ({ client: 'researcher' }),
    withheld: Object.fromEntries(DEMO_PATIENTS.map(({ id }) => [id, ['everything']])),
  },
]

const CELLS = TABLE.flatMap(row => DEMO_PATIENTS.map(({ id }) => ({ ...row, patient: id })))

describe('what each demo requester is given of each demo chart', { timeout: 60_000 }, () => {
  let site: TestSite
  beforeAll(async () => {
    site = await openTestSite({
      resources: demoResources(),
      seams: { now: () => new Date('2026-11-21T12:00:00Z') },
    })
  })
  afterAll(() => site.close())

  const read = async (patient: string, as: TokenRequest) => {
    const given: string[] = []
    let text = ''
    for (const { resource } of charts.get(patient) ?? []) {
      const reply = await site.get(`${resource.resourceType}/${resource.id}`, as)
      expect([200, 404]).toContain(reply.status)
      if (reply.status !== 200) continue
      given.push(`${resource.resourceType}/${resource.id}`)
      text += decodedText(reply)
    }
    return { given, text }
  }

  it.each(CELLS)('$title reads the chart of $patient', async ({ patient, as, withheld }) => {
    const chart = charts.get(patient) ?? []
    const kinds = withheld[patient] ?? []
    for (const kind of kinds) expect(chart.some(entry => IS[kind](entry, chart))).toBe(true)
    const expected = chart
      .filter(entry => !kinds.some(kind => IS[kind](entry, chart)))
      .map(({ resource }) => `${resource.resourceType}/${resource.id}`)
    expect((await read(patient, as(patient))).given.toSorted()).toEqual(expected.toSorted())
  })

  it('nothing that is given tells of the program, where it may not be known', async () => {
    for (const client of ['health-plan', 'public-health'])
      for (const patient of ['elena-marsh', 'marcus-dell']) {
        const { text } = await read(patient, { client })
        const telling = /.{0,40}(?:bayview-otp|opioid|methadone|buprenorphine|corvallis|42CFRPart2).{0,40}/i
        expect(telling.exec(text)?.[0]).toBeUndefined()
        expect(text.includes('Essential hypertension')).toBe(true)
      }
  })

  it('what a consent releases carries its notice, its label and a copy; references to the program stay', async () => {
    const as = { client: 'treating-hospital', user: 'PractitionerRole/priya-lindqvist-role' }
    const reply = await site.get('Condition?patient=elena-marsh', as)
    expect(reply.text).toContain('42CFRPart2')
    expect(reply.text).toContain('prohibit')
    expect(entriesOf(reply).filter(({ resource }) => resource['resourceType'] === 'Consent')).toHaveLength(1)
    const teams = await site.get('CareTeam?patient=elena-marsh', as)
    expect(teams.text.match(/"reference":"Organization\/bayview-otp"/g)?.length).toBeGreaterThan(1)
    const plan = await site.get('Procedure?patient=elena-marsh', 'health-plan')
    expect(entriesOf(plan).length).toBeGreaterThan(1)
    expect(plan.text).not.toContain('otp')
  })

  it('the notes open for the clinician whom the patient named, as a person or in her role, and for no colleague', async () => {
    const notes = (charts.get('noor-halvorsen') ?? []).filter(entry => IS.notes(entry, []))
    expect(notes).toHaveLength(6)
    const statuses = async (as: TokenRequest) =>
      new Set(
        await Promise.all(
          notes.map(async ({ resource }) => (await site.get(`DocumentReference/${resource.id}`, as)).status),
        ),
      )
    const client = 'treating-hospital'
    expect(await statuses({ client, user: 'Practitioner/priya-lindqvist' })).toEqual(new Set([200]))
    expect(await statuses({ client, user: 'PractitionerRole/priya-lindqvist-role' })).toEqual(new Set([200]))
    expect(await statuses({ client, user: 'Practitioner/somebody-else' })).toEqual(new Set([404]))
    expect(await statuses({ client: 'emergency-department', user: 'Practitioner/tomas-okonjo' })).toEqual(
      new Set([404]),
    )
  })

  it('a pregnancy that no record ties to an abortion reaches the emergency department', async () => {
    const as = { client: 'emergency-department', user: 'PractitionerRole/tomas-okonjo-role' }
    const { text } = await read('june-castellan', as)
    expect(text.includes('Normal pregnancy')).toBe(true)
    expect(/.{0,40}(?:terminat|abortion|mifepristone).{0,40}/i.exec(text)?.[0]).toBeUndefined()
  })
})

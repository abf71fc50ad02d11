import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TokenRequest } from '../../src/demo/issuer.ts'
import { DEMO_PATIENTS, demoResources } from '../../src/demo/resources.ts'
import type { Resource } from '../../src/model/fhir.ts'
import { allPages, matchesOf, openTestSite, type Reply, type TestSite } from '../support/site.ts'

const AT = new Date('2026-11-21T12:00:00Z')

const REQUESTERS: readonly TokenRequest[] = [
  { client: 'treating-hospital', user: 'PractitionerRole/priya-lindqvist-role' },
  { client: 'health-plan' },
]

const resources = demoResources()
const parsed = resources.map(text => JSON.parse(text) as Resource)
const typesOfCharts = [
  ...new Set(parsed.filter(one => patientOf(one) !== undefined).map(one => one.resourceType)),
].sort()

function patientOf(resource: Resource): string | undefined {
  const text = JSON.stringify(resource)
  return /"(?:subject|patient|beneficiary|for)":\{"reference":"Patient\/([^"]+)"/.exec(text)?.[1]
}

/** Searches over every type and patient, in the shapes clients send. Each is a list because pages are followed. */
function searches(patient: string): string[] {
  return typesOfCharts.flatMap(type => {
    const own =
      type === 'Provenance' || type === 'List' || type === 'Group' ? [] : [`${type}?patient=${patient}`]
    return own.flatMap(query => [query, `${query}&_count=3`, `${query}&_sort=-_lastUpdated&_count=7`])
  })
}

const SPECIAL = [
  (patient: string) => `Condition?patient=${patient}&_include=Condition:encounter&_count=5`,
  (patient: string) => `Observation?patient=${patient}&_include=Observation:encounter&_count=4`,
  (patient: string) =>
    `MedicationRequest?patient=${patient}&_include=MedicationRequest:encounter&_include=MedicationRequest:requester`,
  (patient: string) => `Encounter?patient=${patient}&_revinclude=Condition:encounter`,
  (patient: string) => `Patient?_id=${patient}&_revinclude=Condition:patient`,
  (patient: string) => `DiagnosticReport?patient=${patient}&_include=DiagnosticReport:result`,
  (patient: string) => `Condition?patient=${patient}&code=http://snomed.info/sct|75544000`,
  (patient: string) => `Condition?patient=${patient}&clinical-status=active`,
  (patient: string) => `Observation?patient=${patient}&date=ge2026-01-01&date=le2026-12-31&_count=2`,
  (patient: string) => `Encounter?patient=${patient}&status=finished&_sort=date`,
  (patient: string) => `Consent?patient=${patient}`,
]

/** What a client can see of an answer, less what is new each time. */
function visible(reply: Reply): object {
  const { 'X-Request-Id': _id, ...headers } = reply.headers
  return { status: reply.status, headers, text: reply.text }
}

/** Resources of the charts this requester is never given. */
async function withheldFrom(site: TestSite, as: TokenRequest): Promise<string[]> {
  const given = new Set<string>()
  for (const { id } of DEMO_PATIENTS)
    for (const type of typesOfCharts)
      for (const reply of await allPages(site, `${type}?patient=${id}&_count=100`, as))
        if (reply.status === 200) for (const reference of matchesOf(reply)) given.add(reference)
  for (const { id } of DEMO_PATIENTS) given.add(`Patient/${id}`)
  return parsed
    .filter(
      one =>
        patientOf(one) !== undefined && one.resourceType !== 'Consent' && one.resourceType !== 'Provenance',
    )
    .map(one => `${one.resourceType}/${one.id}`)
    .filter(reference => !given.has(reference))
}

describe.each(REQUESTERS)('forbidden equals absent for $client', { timeout: 120_000 }, as => {
  let site: TestSite
  let other: TestSite | undefined
  const seams = { now: () => AT, pageKey: new Uint8Array(32).fill(7) }

  beforeAll(async () => {
    site = await openTestSite({ resources, seams })
  })
  afterAll(async () => {
    await other?.close()
    await site.close()
  })

  test('every search and read gives the same bytes with and without the withheld resources upstream', async () => {
    const queries = DEMO_PATIENTS.flatMap(({ id }) => [...searches(id), ...SPECIAL.map(make => make(id))])
    const withheld = await withheldFrom(site, as)
    expect(withheld.length).toBeGreaterThan(10)
    const before = new Map<string, object[]>()
    for (const query of queries) before.set(query, (await allPages(site, query, as)).map(visible))
    for (const reference of withheld) before.set(reference, [visible(await site.get(reference, as))])

    await site.upstream.forget(withheld)
    other = await site.again()
    for (const [query, replies] of before) {
      const after = query.includes('?')
        ? (await allPages(other, query, as)).map(visible)
        : [visible(await other.get(query, as))]
      expect(after, query).toEqual(replies)
    }
    // Positive control: the comparison had something to compare.
    expect(
      [...before.values()].flat().filter(reply => (reply as { status: number }).status === 200).length,
    ).toBeGreaterThan(200)
  })
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Resource } from '../../src/model/fhir.ts'
import { tpoConsent } from '../support/consents.ts'
import { haveRealCharts, realChart } from '../support/real-charts.ts'
import { decodedText, matchesOf, openTestSite, type Reply, type TestSite } from '../support/site.ts'

/** Words that tell of substance use or of the program; searched in decoded bytes. */
const TELL_TALE =
  /opioid|overdose|naloxone|buprenorphine|methadone|suboxone|alcohol|substance|drug abuse|drug rehab|addict|abuse|heroin|detox|42 ?CFR|"SUD"|ETHUD|OPIOIDUD|Part ?2/i

/** Types a chart may hold; every one of them is searched. */
const TYPES = [
  'AllergyIntolerance',
  'Appointment',
  'CarePlan',
  'CareTeam',
  'Claim',
  'ClaimResponse',
  'Composition',
  'Condition',
  'Coverage',
  'Device',
  'DiagnosticReport',
  'DocumentReference',
  'Encounter',
  'EpisodeOfCare',
  'ExplanationOfBenefit',
  'FamilyMemberHistory',
  'Goal',
  'ImagingStudy',
  'Immunization',
  'List',
  'Media',
  'MedicationAdministration',
  'MedicationDispense',
  'MedicationRequest',
  'MedicationStatement',
  'Observation',
  'Procedure',
  'Provenance',
  'QuestionnaireResponse',
  'RelatedPerson',
  'RiskAssessment',
  'ServiceRequest',
  'Specimen',
  'Consent',
]

const HOSPITAL = { client: 'treating-hospital', user: 'PractitionerRole/priya-lindqvist-role' }

interface Chart {
  readonly patient: string
  readonly resources: readonly Resource[]
  readonly organizations: readonly string[]
}

function chartOf(name: string): Chart {
  const resources = realChart(name)
  const ids = (type: string) =>
    resources.filter(one => one.resourceType === type).map(one => `${type}/${one.id}`)
  return { patient: ids('Patient')[0] ?? '', resources, organizations: ids('Organization') }
}

/** All pages of one search. */
async function searchAll(site: TestSite, query: string): Promise<Reply[]> {
  const replies: Reply[] = []
  let path: string | undefined = query
  while (path !== undefined) {
    const reply = await site.get(path, HOSPITAL)
    replies.push(reply)
    const { link } = JSON.parse(reply.text) as { link?: { relation: string; url: string }[] }
    path = link?.find(({ relation }) => relation === 'next')?.url
  }
  return replies
}

describe.skipIf(!haveRealCharts)('charts of a registered Part 2 program', () => {
  const charts = haveRealCharts ? [chartOf('Gilberto'), chartOf('Trey')] : []
  const control = haveRealCharts ? chartOf('Milan') : undefined
  const programs = charts.flatMap(chart => chart.organizations)
  const consents = charts.map((chart, index) =>
    tpoConsent({
      id: `tpo-${index}`,
      patient: chart.patient,
      discloser: programs[0] ?? '',
      recipient: 'Organization/redwood-hospital',
    }),
  )
  const all = [...charts.flatMap(chart => chart.resources), ...(control?.resources ?? [])]
  const overrides = { registry: { part2Programs: programs } }
  let without: TestSite
  let withConsent: TestSite

  beforeAll(async () => {
    without = await openTestSite({ resources: all, overrides })
    withConsent = await openTestSite({ resources: [...all, ...consentsOf(charts)], overrides })
  })
  afterAll(async () => {
    await without?.close()
    await withConsent?.close()
  })

  function consentsOf(list: readonly Chart[]): Resource[] {
    return list.flatMap((chart, index) =>
      chart.organizations.map((organization, nth) => ({
        ...(consents[index] as Resource),
        ...tpoConsent({
          id: `tpo-${index}-${nth}`,
          patient: chart.patient,
          discloser: organization,
          recipient: 'Organization/redwood-hospital',
        }),
      })),
    )
  }

  test('without a Consent no search over any type shows it to a treating hospital', async () => {
    const shown: string[] = []
    for (const chart of charts)
      for (const type of TYPES) {
        const replies = await searchAll(without, `${type}?patient=${chart.patient}&_count=100`)
        for (const reply of replies) {
          expect([200, 400]).toContain(reply.status)
          const found = TELL_TALE.exec(decodedText(reply))
          if (found !== null) shown.push(`${type}: ${found[0]}`)
          if (!['Goal'].includes(type)) expect(matchesOf(reply), type).toEqual([])
        }
      }
    expect(shown).toEqual([])
  })

  test('nor does a read, nor a reference from elsewhere', async () => {
    for (const chart of charts)
      for (const { resourceType, id } of chart.resources
        .filter(one => one.resourceType === 'Condition' || one.resourceType === 'Encounter')
        .slice(0, 10))
        expect((await without.get(`${resourceType}/${id}`, HOSPITAL)).status).toBe(404)
  })

  test('with a TPO consent the same searches return them with notice, labels and a consent copy', async () => {
    for (const chart of charts) {
      const replies = await searchAll(withConsent, `Condition?patient=${chart.patient}`)
      const conditions = chart.resources.filter(one => one.resourceType === 'Condition')
      expect(replies.flatMap(matchesOf).length).toBe(conditions.length)
      const text = replies.map(decodedText).join('\n')
      expect(text).toContain('42CFRPart2')
      expect(text).toContain('NORDSCLCD')
      expect(text).toContain(
        'This record which has been disclosed to you is protected by Federal confidentiality rules (42 CFR part 2).',
      )
      expect(text).toMatch(/"resourceType":"Consent"/)
    }
    for (const chart of charts)
      for (const type of [
        'Observation',
        'Encounter',
        'Claim',
        'ExplanationOfBenefit',
        'CarePlan',
        'MedicationRequest',
      ]) {
        const replies = await searchAll(withConsent, `${type}?patient=${chart.patient}&_count=100`)
        const there = chart.resources.filter(one => one.resourceType === type)
        expect(replies.flatMap(matchesOf).length, type).toBe(there.length)
      }
  })

  test('a control patient comes through whole in both', async () => {
    if (control === undefined) throw new Error('no control chart')
    for (const site of [without, withConsent])
      for (const type of TYPES) {
        const replies = await searchAll(site, `${type}?patient=${control.patient}&_count=100`)
        const there = control.resources.filter(one => one.resourceType === type)
        expect(replies.flatMap(matchesOf).length, type).toBe(there.length)
      }
  })
})

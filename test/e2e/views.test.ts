import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { demoResources } from '../../src/demo/resources.ts'
import type { Resource } from '../../src/model/fhir.ts'
import { entriesOf, openTestSite, type TestSite } from '../support/site.ts'

/** What minimum necessary looks like over HTTP: a plan sees claims, a clinician the chart, and no predicate tells more. */

const CLINICIAN = { client: 'treating-hospital', user: 'PractitionerRole/priya-lindqvist-role' }
const PLAN = 'health-plan'
const patient = 'walter-finch'

const condition = (id: string, more: object = {}): Resource => ({
  resourceType: 'Condition',
  id,
  clinicalStatus: {
    coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-clinical', code: 'active' }],
  },
  code: { coding: [{ system: 'http://snomed.info/sct', code: '38341003', display: 'Hypertension' }] },
  subject: { reference: `Patient/${patient}` },
  recordedDate: '2026-01-05',
  ...more,
})
const result = (id: string, more: object = {}): Resource => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '8302-2', display: 'Body height' }] },
  subject: { reference: `Patient/${patient}` },
  effectiveDateTime: '2026-01-05',
  ...more,
})

const open = (own: readonly Resource[]) =>
  openTestSite({
    resources: [...demoResources(), ...own],
    seams: { now: () => new Date('2026-11-21T12:00:00Z') },
  })

describe('a payer and a clinician read the same chart', { timeout: 60_000 }, () => {
  let tall: TestSite
  let short: TestSite
  beforeAll(async () => {
    const note = (text: string) => [{ text }]
    tall = await open([
      condition('pressure', { note: note('He fell off a ladder') }),
      result('h1', { valueQuantity: { value: 190, unit: 'cm' }, note: note('He fell off a ladder') }),
      result('h2', { valueQuantity: { value: 150, unit: 'cm' }, bodySite: { text: 'left' } }),
    ])
    short = await open([condition('pressure'), result('h1', { valueString: 'short' }), result('h2')])
  })
  afterAll(() => Promise.all([tall.close(), short.close()]))

  it('the plan sees of each what a claim rests on, marked as a part', async () => {
    const shown = JSON.parse((await tall.get('Condition/pressure', PLAN)).text)
    expect(shown.code.coding[0].code).toBe('38341003')
    expect(shown.note).toBeUndefined()
    expect(shown.meta.tag).toMatchObject([{ code: 'SUBSETTED' }])
    const claims = entriesOf(await tall.get(`Claim?patient=${patient}`, PLAN))
    expect(claims.length).toBeGreaterThan(0)
    expect(claims[0]?.resource['item']).toBeDefined()
    const observation = JSON.parse((await tall.get('Observation/h1', PLAN)).text)
    expect([observation.code.coding[0].code, observation.valueQuantity]).toEqual(['8302-2', undefined])
    expect((await tall.get(`Goal?patient=${patient}`, PLAN)).text).toContain('"total":0')
  })

  it('the clinician sees all of it', async () => {
    const shown = JSON.parse((await tall.get('Condition/pressure', CLINICIAN)).text)
    expect(shown.note[0].text).toBe('He fell off a ladder')
    expect(shown.meta?.tag).toBeUndefined()
    expect((await tall.get('Observation/h1', CLINICIAN)).text).toContain('190')
    expect((await tall.get(`Goal?patient=${patient}`, CLINICIAN)).text).not.toContain('"total":0')
  })

  it('what a view takes out changes no byte of any answer to the plan', async () => {
    const queries = [
      'Observation/h1',
      'Condition/pressure',
      `Observation?patient=${patient}&code=8302-2`,
      `Observation?patient=${patient}&value-string=short`,
      `Observation?patient=${patient}&code=8302-2&value-quantity=gt180`,
      `Observation?patient=${patient}&code=8302-2&_sort=value-quantity`,
      `Observation?patient=${patient}&code=8302-2&_sort=-date`,
    ]
    for (const query of queries) {
      const [left, right] = await Promise.all([tall.get(query, PLAN), short.get(query, PLAN)])
      expect([query, left.status, timeless(left.text)]).toEqual([query, right.status, timeless(right.text)])
    }
    const open = await tall.get(queries[2] as string, PLAN)
    expect(entriesOf(open).length).toBeGreaterThan(1)
    expect((await short.get(queries[3] as string, PLAN)).text).toContain('"total":0')
    expect((await tall.get(queries[5] as string, PLAN)).status).toBe(400)
  })

  it('the clinician may look for it and order by it', async () => {
    const found = await short.get(`Observation?patient=${patient}&value-string=short`, CLINICIAN)
    expect(found.text).toContain('Observation/h1')
    const sorted = await tall.get(`Observation?patient=${patient}&_sort=value-quantity`, CLINICIAN)
    expect(sorted.status).toBe(200)
  })

  it('an order by identifiers of a person is refused to everybody', async () => {
    expect((await tall.get('Patient?_sort=identifier', CLINICIAN)).status).toBe(400)
    expect((await tall.get('Patient?_sort=birthdate', CLINICIAN)).status).toBe(200)
  })
})

/** Without what differs by the hour of storing. */
const timeless = (text: string): string =>
  text.replaceAll(/"(?:lastUpdated|versionId|id)":"[^"]*"/g, '').replaceAll(/"url":"[^"]*_page[^"]*"/g, '')

import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { JsonObject, Resource } from '../../src/model/fhir.ts'
import type { EvidenceEntry } from '../../src/model/office.ts'
import { enter, memoryStore } from '../office/fixtures.ts'
import { entriesOf, openTestSite, type Reply, type TestSite } from '../support/site.ts'

/** A researcher under a data use agreement of the privacy office tries to learn what the limited data set left out. */

const { clients } = JSON.parse(
  readFileSync(new URL('../../profiles/deployment/demo.json', import.meta.url), 'utf8'),
) as { readonly clients: readonly JsonObject[] }

const STUDY = {
  clientId: 'study',
  name: 'study',
  organization: 'Organization/study',
  state: 'CA',
  hipaa: 'none',
  role: 'researcher',
  relationship: 'none',
  purposes: ['HRESCH'],
  defaultPurpose: 'HRESCH',
}
const AGREEMENT: EvidenceEntry = {
  kind: 'data-use-agreement',
  for: { client: 'study' },
  patients: 'any',
  period: { start: '2026-01-01T00:00:00Z', end: '2026-12-31T00:00:00Z' },
  facts: { signedOn: '2026-01-01', uses: 'pressure', recipients: ['study'], assurances: true },
}
const LOCAL = 'https://bayview.example/fhir/CodeSystem/case-number'
const CLINICIAN = { client: 'treating-hospital', user: 'PractitionerRole/priya-lindqvist-role' }

const person = (id: string, family: string): Resource => ({
  resourceType: 'Patient',
  id,
  name: [{ family }],
  birthDate: '1970-05-05',
})
const condition = (id: string, of: string, more: object = {}): Resource => ({
  resourceType: 'Condition',
  id,
  subject: { reference: `Patient/${of}` },
  recordedDate: id === 'one' ? '2026-01-05' : '2026-01-06',
  code: {
    coding: [
      { system: 'http://snomed.info/sct', code: '38341003' },
      { system: LOCAL, code: id === 'one' ? 'A-100' : 'B-200' },
    ],
  },
  ...more,
})
let site: TestSite
let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lds-'))
  const keyFile = join(folder, 'key')
  writeFileSync(keyFile, randomBytes(32).toString('hex'))
  const office = memoryStore()
  enter(office, 'dua', AGREEMENT)
  site = await openTestSite({
    resources: [
      person('zed', 'Abbott'),
      person('amy', 'Young'),
      condition('one', 'zed'),
      condition('two', 'amy', { contained: [{ resourceType: 'Ufo', id: 'x' }], evidence: [] }),
    ],
    overrides: { clients: [...clients, STUDY], deidentification: { keyFile } },
    seams: { office, now: () => new Date('2026-11-21T12:00:00Z') },
  })
})
afterAll(async () => {
  await site.close()
  rmSync(folder, { recursive: true, force: true })
})

const found = async (query: string, as: string | typeof CLINICIAN = 'study') => {
  const reply: Reply = await site.get(query, as)
  expect([query, reply.status]).toEqual([query, 200])
  return entriesOf(reply).length
}
const code = (value: string) => `Condition?code=${encodeURIComponent(value)}`

describe('a limited data set', () => {
  it('leaves for its recipient, without what names a person', async () => {
    const { text } = await site.get('Condition', 'study')
    expect(text).toContain('"total":2')
    expect(text).toContain('38341003')
    expect(text).not.toMatch(/A-100|B-200|Patient\/zed|Patient\/amy|Ufo/)
    expect(await found('Patient')).toBe(2)
  })

  it('is not lost for all by one contained resource of a type that nobody knows', async () => {
    expect(await found('Condition?recorded-date=2026-01-06')).toBe(1)
  })

  it('cannot be asked for a code that was taken out of it', async () => {
    for (const asked of [`${LOCAL}|A-100`, `${LOCAL}|`, 'A-100', `${LOCAL}|A-100,x`]) {
      expect([asked, await found(code(asked))]).toEqual([asked, 0])
      expect([asked, await found(code(asked), CLINICIAN)]).not.toEqual([asked, 0])
    }
    for (const asked of ['http://snomed.info/sct|38341003', '38341003', 'http://snomed.info/sct|'])
      expect([asked, await found(code(asked))]).toEqual([asked, 2])
  })

  it('is in no order that codes or names which were taken out would make', async () => {
    for (const sort of [
      'Condition?_sort=code',
      'Patient?_sort=family',
      'Patient?_sort=_id',
      'Condition?_sort=_lastUpdated',
    ])
      expect([sort, await found(sort)]).toEqual([sort, 0])
    expect(await found('Condition?_sort=recorded-date')).toBe(2)
    expect(await found('Condition?_sort=code', CLINICIAN)).toBe(2)
  })

  it('is found by no id, comes without company, and is not read', async () => {
    for (const query of [
      'Patient?family=Abbott',
      'Patient?_id=zed',
      'Condition?patient=zed',
      'Condition?_id=one',
    ]) {
      expect([query, await found(query)]).toEqual([query, 0])
      expect([query, await found(query, CLINICIAN)]).toEqual([query, 1])
    }
    expect(await found('Condition?_include=Condition:patient')).toBe(2)
    expect(await found('Patient?_revinclude=Condition:patient')).toBe(2)
    expect((await site.get('Condition/one', 'study')).status).toBe(404)
    expect((await site.get('Condition/one', CLINICIAN)).status).toBe(200)
  })
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { allPages, matchesOf, type Reply, type TestSite } from '../support/site.ts'
import { ADA, DAY, encounter, HOSPITAL, observation, of, openChart, patient, SELF } from './chart.ts'

/** Questions whose answer would tell of what is withheld. */

const PROGRAM = { reference: 'Organization/bayview-otp' }

/** What a client sees of an answer, less the id that is new each time. */
function visible({ status, headers, text }: Reply): object {
  const { 'X-Request-Id': _id, ...rest } = headers
  return { status, headers: rest, text }
}

describe('questions that probe', () => {
  let site: TestSite

  beforeAll(async () => {
    site = await openChart([
      observation('of-hidden-visit', { encounter: { reference: 'Encounter/hidden-visit' } }),
      observation('about-hidden', { focus: [{ reference: 'Condition/hidden' }] }),
      patient('in-program', { generalPractitioner: [PROGRAM] }),
      of('List', 'problems', {
        status: 'current',
        mode: 'working',
        entry: [{ item: { reference: 'Condition/hidden' } }, { item: { reference: 'Observation/plain' } }],
      }),
      of('Provenance', 'trace', {
        target: [{ reference: 'Condition/hidden' }, ADA],
        recorded: '2026-01-01T00:00:00Z',
        agent: [{ who: { reference: 'Organization/bayview-hospital' } }],
      }),
      ...Array.from({ length: 60 }, (_, n) => encounter(`many-${n}`, 'bayview-otp')),
    ])
  })
  afterAll(() => site.close())

  test.each([
    ['a focus', 'Observation?focus=Condition/hidden', 'Observation/about-hidden'],
    [
      'a focus beside its patient',
      'Observation?focus=Condition/hidden&subject=Patient/ada',
      'Observation/about-hidden',
    ],
    ['a list entry', 'List?item=Condition/hidden', 'List/problems'],
    ['a target', 'Provenance?target=Condition/hidden', 'Provenance/trace'],
    ['one of several targets', 'List?item=Condition/nothing,Condition/hidden', 'List/problems'],
    ['an id', 'Condition?_id=hidden', 'Condition/hidden'],
    ['an id in a list', 'Condition?_id=hidden,absent', 'Condition/hidden'],
    ['a code', 'Condition?code=75544000', 'Condition/hidden'],
    ['a date of arrival', 'Condition?_lastUpdated=gt2000&patient=ada', 'Condition/hidden'],
    [
      'a place of the visit',
      'Encounter?service-provider=Organization/bayview-otp&patient=ada',
      'Encounter/hidden-visit',
    ],
  ])('%s finds nothing for the hospital that its own absence would not', async (_what, query, hit) => {
    const reply = await site.get(query, HOSPITAL)
    expect(reply.status).toBe(200)
    expect(JSON.parse(reply.text)).toMatchObject({ total: 0 })
    expect(matchesOf(reply)).toEqual([])
    expect(matchesOf(await site.get(query, SELF)), 'control').toContain(hit)
  })

  test('the same resources are found by what is not hidden in them', async () => {
    expect(matchesOf(await site.get('List?item=Observation/plain', HOSPITAL))).toEqual(['List/problems'])
    expect(matchesOf(await site.get('Patient?_id=in-program', HOSPITAL))).toEqual(['Patient/in-program'])
  })

  test('a hidden general practitioner does not find the patient', async () => {
    const query = 'Patient?general-practitioner=Organization/bayview-otp'
    expect(matchesOf(await site.get(query, HOSPITAL))).toEqual([])
    const own = { client: 'patient-app', user: 'Patient/in-program', patient: 'in-program' }
    expect(matchesOf(await site.get(query, own))).toEqual(['Patient/in-program'])
  })

  test.each([
    'Patient?_sort=general-practitioner',
    'Observation?_sort=-focus',
    'Condition?_sort=code,encounter',
  ])('no order by references: %s is refused for everybody', async query => {
    for (const as of [HOSPITAL, SELF]) expect((await site.get(query, as)).status).toBe(400)
    expect((await site.get('Observation?_sort=-date&patient=ada', HOSPITAL)).status).toBe(200)
  })

  test.each([
    'Patient?_has:Condition:patient:code=75544000',
    'Patient?%5Fhas:Condition:patient:code=75544000',
    'Patient?%255Fhas:Condition:patient:code=75544000',
    'Observation?encounter.service-provider=Organization/bayview-otp',
    'Observation?focus:Condition.code=75544000',
    'Condition?_security=SUD',
    'Condition?_tag=x',
    'Condition?_profile=x',
    'Condition?_source=https://fhir.bayview-otp.example/r4',
    'Condition?_filter=code eq 75544000'.replaceAll(' ', '%20'),
    'Condition?code:text=opioid',
    'Condition?code:in=http://evil.example/vs',
    'Condition?code:not=75544000',
    'Condition?_elements=id',
    'Condition?_summary=count',
    'Condition?_count=0',
    'Condition?_list=problems',
    'Condition?_contained=true',
    'Observation?_include=*',
    'Observation?_include=Observation:*',
    'Patient?_revinclude=*',
    'Patient?_revinclude=AuditEvent:patient',
    'Observation?_include:iterate=Observation:encounter',
    'AuditEvent?patient=ada',
    'Patient/ada/$everything',
    'Patient/ada/_history',
    'Patient/_history',
    '_history',
    '?_type=Condition',
    'Patient/ada/Condition',
  ])('%s is refused before the upstream hears of it, with or without something to hide', async path => {
    const calls = (): string[] =>
      site.upstream.calls().filter(call => /^GET (?!.*(?:AuditEvent|metadata))/.test(call))
    const before = calls().length
    const replies = [await site.get(path, HOSPITAL), await site.get(path.replaceAll('ada', 'ben'), HOSPITAL)]
    expect([400, 404, 501]).toContain(replies[0]?.status)
    expect(visible(replies[1] as Reply)).toEqual(visible(replies[0] as Reply))
    expect(calls().length).toBe(before)
  })

  test('includes neither bring nor betray what is hidden', async () => {
    const include = 'Observation?_id=of-hidden-visit,plain&_include=Observation:encounter'
    const reply = await site.get(include, HOSPITAL)
    expect(reply.text).toContain('Encounter/plain-visit')
    expect(reply.text).not.toContain('hidden-visit"')
    expect((await site.get(include, SELF)).text).toContain('Encounter/hidden-visit')
    const reverse = 'Patient?_id=ada&_revinclude=Condition:patient&_revinclude=Encounter:patient'
    expect((await site.get(reverse, HOSPITAL)).text).not.toMatch(/hidden|many-/)
    expect((await site.get(reverse, SELF)).text).toContain('Condition/hidden')
  })

  test('a reverse include over a reference that is hidden brings nothing', async () => {
    const query = 'Condition?_id=hidden&_revinclude=Observation:focus'
    expect((await site.get(query, HOSPITAL)).text).not.toContain('about-hidden')
    expect((await site.get(query, SELF)).text).toContain('about-hidden')
  })

  test('small pages over many withheld entries cost few requests to the upstream', async () => {
    const before = site.upstream.requests()
    const reply = await site.get('Encounter?patient=ada&_count=1', HOSPITAL)
    expect(matchesOf(reply)).toEqual(['Encounter/plain-visit'])
    expect(JSON.parse(reply.text)).toMatchObject({ total: 1, link: [{ relation: 'self' }] })
    expect(site.upstream.requests() - before).toBeLessThan(12)
  })

  test('a read of what is withheld is the read of what is absent, byte for byte', async () => {
    const absent = visible(await site.get('Condition/absent', HOSPITAL))
    for (const path of ['Condition/hidden', 'Condition/hidden/_history/1', 'Condition/hidden/_history/9'])
      expect(visible(await site.get(path, HOSPITAL)), path).toEqual(absent)
    expect((await site.get('Condition/hidden/_history/1', SELF)).status).toBe(200)
  })
})

describe('older versions', () => {
  let site: TestSite
  beforeAll(async () => {
    site = await openChart([])
  })
  afterAll(() => site.close())

  test('of what was labelled since are withheld like the current one', async () => {
    await site.upstream.load([observation('relabelled', { note: [{ text: 'stable' }] })])
    expect((await site.get('Observation/relabelled/_history/1', HOSPITAL)).status).toBe(200)
    await site.upstream.load([
      observation('relabelled', { note: [{ text: 'on methadone, opioid dependence' }] }),
    ])
    expect((await site.get('Observation/relabelled', HOSPITAL)).status).toBe(404)
    expect((await site.get('Observation/relabelled/_history/1', HOSPITAL)).status).toBe(404)
    expect((await site.get('Observation/relabelled/_history/1', SELF)).status).toBe(200)
  })

  test('of what belongs to another patient today are closed to the first one', async () => {
    await site.upstream.load([observation('moved')])
    expect((await site.get('Observation/moved/_history/1', SELF)).status).toBe(200)
    await site.upstream.load([observation('moved', { subject: { reference: 'Patient/ben' } })])
    expect((await site.get('Observation/moved/_history/1', SELF)).status).toBe(404)
    expect((await site.get('Observation/moved/_history/1', HOSPITAL)).status).toBe(200)
  })
})

test('the order of what is withheld and what is not changes no page', async () => {
  const hidden = Array.from({ length: 12 }, (_, n) => encounter(`h-${n}`, 'bayview-otp'))
  const shown = Array.from({ length: 7 }, (_, n) => encounter(`s-${n}`, 'bayview-hospital'))
  const answers: string[][] = []
  for (const resources of [
    [...hidden, ...shown],
    shown.flatMap((one, n) => [one, hidden[n] ?? one]),
    shown,
  ]) {
    const site = await openChart([...resources, patient('eve')], { seams: { now: () => DAY } })
    const pages = await allPages(site, 'Encounter?patient=ada&_count=3&_sort=_id', HOSPITAL)
    // The seal of a page link names the issuer, whose port is new each time.
    answers.push(pages.map(({ text }) => text.replaceAll(/_page=[\w-]+/g, '')))
    await site.close()
  }
  expect(answers[0]).toHaveLength(3)
  expect(answers[1]).toEqual(answers[0])
  expect(answers[2]).toEqual(answers[0])
})

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TokenRequest } from '../../src/demo/issuer.ts'
import { directory } from '../../src/demo/patients/directory.ts'
import { DEMO_PATIENTS, demoResources } from '../../src/demo/resources.ts'
import type { Resource } from '../../src/model/fhir.ts'
import { readExchange } from '../../src/record/verify.ts'
import { tpoConsent } from '../support/consents.ts'
import { chartNames, haveRealCharts, realChart } from '../support/real-charts.ts'
import { decisionOf } from '../support/scenario.ts'
import {
  allPages,
  decodedText,
  entriesOf,
  matchesOf,
  openTestSite,
  type Reply,
  type TestSite,
} from '../support/site.ts'

const HOSPITAL: TokenRequest = {
  client: 'treating-hospital',
  user: 'PractitionerRole/priya-lindqvist-role',
}
/** Sees no records of the program, and of all others everything. */
const EMERGENCY: TokenRequest = {
  client: 'emergency-department',
  user: 'PractitionerRole/tomas-okonjo-role',
  purpose: 'ETREAT',
}
const PROGRAM: TokenRequest = {
  client: 'opioid-treatment-program',
  user: 'PractitionerRole/ines-corvallis-role',
}
const SNOMED = 'http://snomed.info/sct'

/** JSON text of an Observation with decimals; `more` are further members. */
const observation = (id: string, more: string): string =>
  `{"resourceType":"Observation","id":"${id}","meta":{"versionId":"1","lastUpdated":"2026-10-01T00:00:00.000Z"},` +
  `"status":"final","code":{"coding":[{"system":"http://loinc.org","code":"2339-0"}]},` +
  `"subject":{"reference":"Patient/walter-finch"},"effectiveDateTime":"2026-05-01",${more}` +
  `"valueSampledData":{"origin":{"value":1.50},"period":10.0,"dimensions":1,"factor":1.500},` +
  `"referenceRange":[{"low":{"value":0.10},"high":{"value":100.00}}],` +
  `"extension":[{"url":"https://site.example/numbers","valueDecimal":1e3},{"url":"https://site.example/more","valueDecimal":12345678901234567890.10}]}`

const NUMBERS = [
  '"origin":{"value":1.50}',
  '"period":10.0,',
  '"factor":1.500',
  '"low":{"value":0.10}',
  '"high":{"value":100.00}',
  '"valueDecimal":1e3',
  '"valueDecimal":12345678901234567890.10',
]

describe('decimals keep their digits', () => {
  const marcus = '"encounter":{"reference":"Encounter/visit-otp"},'
  const visit = (id: string, organization: string) => ({
    resourceType: 'Encounter',
    id,
    status: 'finished',
    class: { code: 'AMB' },
    subject: { reference: 'Patient/walter-finch' },
    serviceProvider: { reference: `Organization/${organization}` },
  })
  const resources = [
    ...directory(),
    ...DEMO_PATIENTS.filter(({ id }) => id === 'walter-finch').flatMap(({ write }) => write()),
    observation('plain', ''),
    observation('marked', marcus),
    observation(
      'redacted',
      '"focus":[{"reference":"Observation/marked"},{"reference":"Observation/plain"}],',
    ),
    visit('visit-otp', 'bayview-otp') as Resource,
    tpoConsent({
      id: 'tpo',
      patient: 'Patient/walter-finch',
      discloser: 'Organization/bayview-otp',
      recipient: 'Organization/redwood-hospital',
    }),
  ]
  let site: TestSite
  beforeAll(async () => {
    site = await openTestSite({ resources })
  })
  afterAll(() => site?.close())

  const expectNumbers = (reply: Reply, id: string) => {
    const found = entryText(reply, id)
    for (const text of NUMBERS) expect(found, id).toContain(text)
  }
  /** The text of one resource of an answer, which may be the answer. */
  const entryText = (reply: Reply, id: string): string => {
    expect(reply.status, reply.text).toBe(200)
    const start = reply.text.indexOf(`"id":"${id}"`)
    expect(start, `${id} is there`).toBeGreaterThan(0)
    const end = reply.text.indexOf('"fullUrl"', start)
    return reply.text.slice(start, end < 0 ? undefined : end)
  }

  test('where nothing is taken away: the very bytes, read and searched', async () => {
    const read = await site.get('Observation/plain', EMERGENCY)
    expect(read.text).toBe(observation('plain', ''))
    const search = await site.get('Observation?_id=plain', EMERGENCY)
    expect(search.text).toContain(observation('plain', ''))
  })

  test('where labels and a notice are added', async () => {
    for (const path of ['Observation/marked', 'Observation?_id=marked']) {
      const reply = await site.get(path, HOSPITAL)
      expectNumbers(reply, 'marked')
      expect(reply.text).toContain('42CFRPart2')
    }
  })

  test('where a reference is taken away', async () => {
    for (const path of ['Observation/redacted', 'Observation?_id=redacted']) {
      const reply = await site.get(path, EMERGENCY)
      expectNumbers(reply, 'redacted')
      expect(reply.text).not.toContain('Observation/marked')
      expect(reply.text).toContain('Observation/plain')
      // Positive control: whoever may see the target sees the reference.
      expect((await site.get(path, HOSPITAL)).text).toContain('Observation/marked')
    }
  })
})

/** Absolute references, as servers write them into data, narrative and identifiers. */
function withAbsolutes(base: string): Resource {
  return {
    resourceType: 'Condition',
    id: 'absolute',
    text: {
      status: 'generated',
      div: `<div xmlns="http://www.w3.org/1999/xhtml"><a href="${base}/Patient/walter-finch">chart</a> at ${base}/Patient/walter-finch</div>`,
    },
    subject: { reference: `${base}/Patient/walter-finch` },
    recorder: { reference: `${base}/Practitioner/mara-whitfield` },
    code: { coding: [{ system: SNOMED, code: '38341003' }], text: `see ${base}/Condition/absolute` },
    note: [{ text: `imported from ${base}` }],
  } as unknown as Resource
}

describe('the upstream stays unknown', () => {
  let site: TestSite
  let hosts: RegExp
  beforeAll(async () => {
    site = await openTestSite({ resources: demoResources() })
    await site.upstream.load([withAbsolutes(site.upstream.url)])
    const { host, port } = new URL(site.upstream.url)
    hosts = new RegExp(`${host.replaceAll('.', '\\.')}|localhost:${port}|:${port}\\b`)
  })
  afterAll(() => site?.close())

  const types = [...new Set(demoResources().map(text => (JSON.parse(text) as Resource).resourceType))].sort()

  test.each([
    ['the hospital', HOSPITAL],
    ['the emergency department', EMERGENCY],
    ['the program', PROGRAM],
  ])('in every byte of every type searched by %s', async (_, as) => {
    let bytes = 0
    for (const type of types)
      for (const reply of await allPages(site, `${type}?_count=100`, as)) {
        const said = decodedText(reply) + JSON.stringify(reply.headers)
        expect(hosts.exec(said)?.[0], type).toBeUndefined()
        bytes += reply.text.length
      }
    expect(bytes).toBeGreaterThan(300_000)
  })

  test('in absolute references, narrative, text and full URLs', async () => {
    for (const path of [
      'Condition/absolute',
      'Condition?_id=absolute',
      'Condition?_id=absolute&_include=Condition:subject',
    ]) {
      const reply = await site.get(path, HOSPITAL)
      expect(reply.status, reply.text).toBe(200)
      expect(reply.text).toContain('"absolute"')
      expect(hosts.exec(decodedText(reply))?.[0], path).toBeUndefined()
    }
    const [entry] = entriesOf(await site.get('Condition?_id=absolute', HOSPITAL))
    expect(entry?.resource['subject']).toMatchObject({
      reference: expect.stringMatching(/^(http:\/\/localhost:18080\/fhir\/)?Patient\/walter-finch$/),
    })
  })

  test('in metadata and in errors', async () => {
    for (const path of [
      'metadata',
      '.well-known/smart-configuration',
      'Condition/none',
      'Condition?nonsense=1',
    ]) {
      const reply = await site.get(path, path.includes('Condition') ? HOSPITAL : undefined)
      expect(hosts.exec(reply.text + JSON.stringify(reply.headers))?.[0], path).toBeUndefined()
    }
  })
})

describe('a compressing upstream', () => {
  let site: TestSite
  let server: Server
  let coding: 'gzip' | 'deflate' | 'br' = 'gzip'
  const pack = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync }
  beforeAll(async () => {
    server = createServer((request, response) => {
      void fetch(`${site.upstream.url}${(request.url ?? '').replace(/^\/fhir/, '')}`)
        .then(answer => answer.text())
        .then(text => {
          response.writeHead(200, { 'content-type': 'application/fhir+json', 'content-encoding': coding })
          response.end(pack[coding](text.replaceAll(site.upstream.url, url)))
        })
    })
    await new Promise<void>(resolve => {
      server.listen(0, '127.0.0.1', resolve)
    })
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/fhir`
    const walter = DEMO_PATIENTS.filter(({ id }) => id === 'walter-finch').flatMap(({ write }) => write())
    site = await openTestSite({
      resources: [...directory(), ...walter, observation('plain', '')],
      overrides: { upstream: { url }, ledger: { repository: 'none' } },
    })
  })
  afterAll(async () => {
    await site?.close()
    server.closeAllConnections()
    server.close()
  })

  test.each(['gzip', 'deflate', 'br'] as const)('with %s gives the same bytes', async name => {
    coding = name
    expect((await site.get('Observation/plain', EMERGENCY)).text).toBe(observation('plain', ''))
    expect(matchesOf(await site.get('Condition?patient=walter-finch', EMERGENCY)).length).toBe(8)
  })
})

describe.skipIf(!haveRealCharts)('the real charts', { timeout: 120_000 }, () => {
  const charts = chartNames().map(name => ({ name, resources: realChart(name) }))
  const all = [
    ...new Map(
      charts.flatMap(({ resources }) => resources).map(one => [`${one.resourceType}/${one.id}`, one]),
    ).values(),
  ]
  const typesOf = (resources: readonly Resource[]) =>
    [...new Set(resources.map(one => one.resourceType))].sort()
  /** Searched by `patient`; the others are directory or have no such parameter. */
  const SEARCHED = /^(?!Patient$|Organization$|Practitioner|Location$|Medication$|Provenance$|Group$)/
  let site: TestSite
  beforeAll(async () => {
    site = await openTestSite({ resources: [...all] })
  }, 120_000)
  afterAll(() => site?.close())

  const patientOf = (resources: readonly Resource[]) =>
    `Patient/${resources.find(one => one.resourceType === 'Patient')?.id}`

  test.each(charts.map(chart => [chart.name, chart] as const))(
    '%s: the patient sees each resource of each type in the chart, once',
    async (_, { resources }) => {
      const patient = patientOf(resources)
      const id = patient.slice('Patient/'.length)
      const as = { client: 'patient-app', user: patient, patient: id }
      let seen = 0
      for (const type of typesOf(resources).filter(one => SEARCHED.test(one))) {
        const replies = await allPages(site, `${type}?patient=${patient}&_count=200`, as)
        const given = replies.flatMap(matchesOf)
        expect(new Set(given).size, type).toBe(given.length)
        const there = resources.filter(one => one.resourceType === type).map(one => `${type}/${one.id}`)
        expect([...given].sort(), type).toEqual([...there].sort())
        seen += given.length
      }
      expect(seen).toBeGreaterThan(30)
    },
  )

  test('a hospital sees of each what no restriction withholds, and what it is refused is on record', async () => {
    for (const { name, resources } of charts) {
      const patient = patientOf(resources)
      for (const type of ['Condition', 'Observation', 'MedicationRequest', 'Encounter'].filter(one =>
        typesOf(resources).includes(one),
      )) {
        const replies = await allPages(site, `${type}?patient=${patient}&_count=200`, HOSPITAL)
        const given = replies.flatMap(matchesOf)
        const rows = replies.map(reply =>
          decisionOf(readExchange(site.ledgerFile, reply.headers['X-Request-Id'] ?? '')),
        )
        const withheld = new Set(rows.flatMap(({ classes = [] }) => classes.flatMap(one => one.withheld)))
        const there = resources.filter(one => one.resourceType === type)
        const wanting = there.filter(one => !given.includes(`${type}/${one.id}`))
        expect(wanting.length, `${name} ${type}`).toBe(
          [...withheld].filter(reference => reference.startsWith(`${type}/`)).length,
        )
        expect(given.length + wanting.length).toBe(there.length)
      }
    }
  })

  test('the control patient comes through whole to hospital and emergency department', async () => {
    const { resources } = charts.find(({ name }) => name === 'Milan') ?? { resources: [] }
    for (const as of [HOSPITAL, EMERGENCY])
      for (const type of typesOf(resources).filter(one => SEARCHED.test(one))) {
        const replies = await allPages(site, `${type}?patient=${patientOf(resources)}&_count=200`, as)
        const there = resources.filter(one => one.resourceType === type)
        expect(replies.flatMap(matchesOf).length, type).toBe(there.length)
      }
  })
})

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { previewedFor } from '../../src/commands/preview-requester.ts'
import { type PreviewRooms, previewRooms } from '../../src/commands/preview-rooms.ts'
import { loadSite } from '../../src/commands/site.ts'
import type { Options } from '../../src/commands/table.ts'
import type { TokenRequest } from '../../src/demo/issuer.ts'
import { DEMO_PATIENTS, demoResources } from '../../src/demo/resources.ts'
import { missingFrom, type PreviewedResource, preview, previewQuestion } from '../../src/flow/preview.ts'
import { gatherChart, type PreviewChart } from '../../src/flow/preview-chart.ts'
import { answerQuestion } from '../../src/flow/question.ts'
import { releasedBundle } from '../../src/flow/question-bundle.ts'
import type { Configuration } from '../../src/model/configuration.ts'
import type { JsonObject, Resource } from '../../src/model/fhir.ts'
import type { Question } from '../../src/model/question.ts'
import { Refusal } from '../../src/model/refusal.ts'
import { entriesOf, openTestSite, type TestSite } from '../support/site.ts'

const AT = new Date('2026-11-21T12:00:00Z')
/** A rule of the organization that no question carries: previews must follow it all the same. */
const POLICY = {
  policy: {
    defaultPolicy: 'law',
    zone: 'America/Los_Angeles',
    organization: [{ id: 'no-goals', labels: ['HIV'], purposes: ['PUBHLTH'], effect: 'deny' }],
  },
}

interface Who {
  readonly client: string
  readonly user?: (patient: string) => string
  readonly purpose?: string
}

const WHO: readonly Who[] = [
  { client: 'treating-hospital', user: () => 'PractitionerRole/priya-lindqvist-role' },
  { client: 'treating-hospital', user: () => 'Practitioner/somebody-else' },
  { client: 'opioid-treatment-program', user: () => 'PractitionerRole/ines-corvallis-role' },
  { client: 'emergency-department', user: () => 'PractitionerRole/tomas-okonjo-role', purpose: 'ETREAT' },
  { client: 'health-plan' },
  { client: 'health-plan', purpose: 'HPAYMT,HOPERAT' },
  { client: 'patient-app', user: patient => `Patient/${patient}` },
  { client: 'patient-app', user: () => 'RelatedPerson/somebody' },
  { client: 'public-health' },
  { client: 'researcher' },
]

const CELLS = WHO.flatMap(who =>
  DEMO_PATIENTS.map(({ id }) => ({
    ...who,
    patient: id,
    title: `${who.client} ${who.user?.(id) ?? 'as a system'} ${who.purpose ?? ''} and ${id}`,
  })),
)

describe('a preview of the demo', { timeout: 120_000 }, () => {
  let site: TestSite
  let configuration: Configuration
  let rooms: PreviewRooms
  const charts = new Map<string, Promise<PreviewChart | undefined>>()

  beforeAll(async () => {
    site = await openTestSite({
      resources: demoResources(),
      overrides: POLICY as unknown as JsonObject,
      seams: { now: () => AT },
    })
    configuration = loadSite(undefined, {
      server: { baseUrl: site.baseUrl },
      upstream: { url: site.upstream.url },
      issuers: [{ issuer: site.issuer.issuer }],
      ...(POLICY as unknown as JsonObject),
    })
    rooms = previewRooms({ configuration, engine: site.house.engine, revision: site.house.revision })
  })
  afterAll(async () => {
    await rooms.labeller.close()
    await site.close()
  })

  const asking = (who: Who, patient: string) => {
    const options: Options = {
      as: who.client,
      ...(who.user === undefined ? {} : { user: who.user(patient) }),
      ...(who.purpose === undefined ? {} : { purpose: who.purpose }),
    }
    return previewedFor(options, configuration, site.house.engine, {
      patient: `Patient/${patient}`,
      at: AT,
    })
  }

  const chartFor = (who: Who, patient: string) => {
    const { requester } = asking(who, patient)
    const key = `${patient} ${requester.user ?? ''} ${requester.organization ?? ''}`
    const { registry, limits, custodian } = configuration
    const bases = [configuration.server.baseUrl, configuration.upstream.url]
    const from = {
      upstream: site.house.rooms.upstream,
      labeller: rooms.labeller,
      site: { registry, limits, custodian, bases },
    }
    const known = charts.get(key) ?? gatherChart(from, `Patient/${patient}`, requester, AT)
    charts.set(key, known)
    return known
  }

  const questionFor = async (who: Who, patient: string): Promise<Question> => {
    const { requester, purposeOfUse } = asking(who, patient)
    const chart = await chartFor(who, patient)
    if (chart === undefined) throw new Error(`no ${patient}`)
    expect(chart.notRead).toEqual([])
    expect(chart.unreadable).toEqual([])
    return previewQuestion(configuration, requester, purposeOfUse.effective, chart, AT)
  }

  const previewOf = async (who: Who, patient: string) =>
    preview(rooms.rooms, rooms.segmenter, await questionFor(who, patient), rooms.categories)

  /** What the gateway gives of these resources, by reference, asked by id. */
  const givenBy = async (as: TokenRequest, resources: readonly PreviewedResource[]) => {
    const given = new Map<string, Resource>()
    for (const [type, ofType] of Map.groupBy(resources, one => one.type)) {
      const ids = ofType.map(({ reference }) => reference.split('/')[1] ?? '')
      for (let start = 0; start < ids.length; start += 50) {
        const reply = await site.get(`${type}?_id=${ids.slice(start, start + 50).join(',')}&_count=60`, as)
        expect(reply.status).toBe(200)
        for (const { resource, search } of entriesOf(reply))
          if (search?.mode === 'match')
            given.set(`${String(resource['resourceType'])}/${String(resource['id'])}`, resource as Resource)
      }
    }
    return given
  }

  const tokenOf = ({ client, user, purpose }: Who, patient: string): TokenRequest => ({
    client,
    ...(user === undefined ? {} : { user: user(patient) }),
    ...(client === 'patient-app' ? { patient } : {}),
    ...(purpose === undefined ? {} : { purpose }),
  })

  it.each(CELLS)('agrees with what the gateway gives: $title', async ({ patient, ...who }) => {
    const { resources } = await previewOf(who, patient)
    expect(resources.length).toBeGreaterThan(20)
    const given = await givenBy(tokenOf(who, patient), resources)
    const seen = resources.filter(({ outcome }) => outcome !== 'withheld').map(({ reference }) => reference)
    expect(seen.toSorted()).toEqual([...given.keys()].toSorted())
    const chart = await chartFor(who, patient)
    const whole = new Map(chart?.resources.map(one => [`${one.resourceType}/${one.id}`, one]))
    for (const { reference, without } of resources.filter(one => one.outcome !== 'withheld')) {
      const [before, after] = [whole.get(reference), given.get(reference)]
      if (before === undefined || after === undefined) throw new Error(reference)
      expect([reference, missingFrom(before, after)]).toEqual([reference, without])
    }
  })

  it('agrees with decide on the same question, where the site has no policy of its own', async () => {
    for (const who of WHO.filter(({ client }) => client !== 'public-health'))
      for (const patient of ['elena-marsh', 'andre-villanueva']) {
        const question = await questionFor(who, patient)
        const { resources } = await preview(rooms.rooms, rooms.segmenter, question, rooms.categories)
        const { answer } = answerQuestion(site.house.engine.questionRooms, question, {
          policy: 'law',
          trustLabels: false,
        })
        const previewed = Object.fromEntries(
          resources.map(({ reference, outcome }) => [reference, outcome !== 'withheld']),
        )
        const decided = Object.fromEntries(
          Object.entries(answer.resources).map(([reference, { effect }]) => [reference, effect !== 'deny']),
        )
        expect([who.client, patient, decided]).toEqual([who.client, patient, previewed])
      }
  })

  it('reaches every record of the patient that the upstream holds, and none of another', async () => {
    for (const { id } of DEMO_PATIENTS) {
      const chart = await chartFor({ client: 'health-plan' }, id)
      const found = new Set(chart?.resources.map(one => `${one.resourceType}/${one.id}`))
      const own = demoResources()
        .map(text => JSON.parse(text) as Resource)
        .filter(one => JSON.stringify(one).includes(`"Patient/${id}"`) || one.id === id)
      expect(own.length).toBeGreaterThan(20)
      for (const one of own)
        expect(found, `${one.resourceType}/${one.id}`).toContain(`${one.resourceType}/${one.id}`)
      for (const one of chart?.resources ?? [])
        for (const other of DEMO_PATIENTS)
          if (other.id !== id) expect(JSON.stringify(one)).not.toContain(`"Patient/${other.id}"`)
    }
  })

  it('is nothing where there is no such patient', async () => {
    expect(await chartFor({ client: 'health-plan' }, 'nobody-here')).toBeUndefined()
  })

  it('names reasons for every resource, and the categories it belongs to', async () => {
    const { resources } = await previewOf({ client: 'health-plan' }, 'elena-marsh')
    for (const one of resources)
      expect([one.reference, one.because.length > 0]).toEqual([one.reference, true])
    const program = resources.filter(({ categories }) => categories.includes('part2'))
    expect(program.length).toBeGreaterThan(20)
    expect(new Set(program.map(({ outcome }) => outcome))).toEqual(new Set(['withheld']))
    expect(program[0]?.because.map(({ rule }) => rule)).toContain('p2-2.31-consent')
  })

  it('tells which elements of what is released stay behind', async () => {
    const { resources } = await previewOf({ client: 'health-plan' }, 'elena-marsh')
    const cut = resources.filter(({ outcome }) => outcome === 'redacted')
    const behind = new Set(cut.map(({ type, without }) => [type, ...without].join(' ')))
    expect([...behind]).toEqual(
      expect.arrayContaining(['DiagnosticReport result', 'Procedure reasonReference']),
    )
    expect([...behind].filter(each => /(Procedure|Condition).* (code|performed)/.test(each))).toEqual([])
    const own = await previewOf(WHO[2] as Who, 'elena-marsh')
    // The Consent names a Group that is no record of the patient: that reference leads nowhere for anybody.
    const less = own.resources.filter(({ outcome }) => outcome !== 'released')
    expect(less.map(({ type, outcome }) => [type, outcome])).toEqual([['Consent', 'redacted']])
  })

  it('names the searches that the upstream refused, and fails where it cannot be reached', async () => {
    const { upstream } = site.house.rooms
    const { requester } = asking({ client: 'health-plan' }, 'elena-marsh')
    const { registry, limits, custodian } = configuration
    const failing = (code: 'upstream-invalid' | 'upstream-unavailable') =>
      gatherChart(
        {
          upstream: {
            ...upstream,
            search: async (type, query) => {
              if (type === 'Goal') throw new Refusal(code, { detail: 'no such search' })
              return upstream.search(type, query)
            },
          },
          labeller: rooms.labeller,
          site: { registry, limits, custodian },
        },
        'Patient/elena-marsh',
        requester,
        AT,
      )
    const chart = await failing('upstream-invalid')
    expect(chart?.notRead).toEqual(['Goal?patient: no such search'])
    expect(chart?.resources.some(({ resourceType }) => resourceType === 'Condition')).toBe(true)
    await expect(failing('upstream-unavailable')).rejects.toThrow('upstream-unavailable')
  })

  it('looks for what points at a record only where the site does', async () => {
    const subject = { reference: 'Patient/p' }
    const chart: PreviewChart = {
      patient: { resourceType: 'Patient', id: 'p', birthDate: '1980-01-01' },
      otherPatients: [],
      resources: [
        { resourceType: 'Observation', id: 'o', status: 'final', subject, valueString: 'see report' },
        {
          resourceType: 'DiagnosticReport',
          id: 'r',
          status: 'final',
          subject,
          code: { coding: [{ system: 'http://hl7.org/fhir/sid/icd-10-cm', code: 'B20' }] },
          result: [{ reference: 'Observation/o' }],
        },
      ],
      consents: [],
      directory: [],
      unresolvable: [],
      unreadable: [],
      notRead: [],
    }
    const { requester, purposeOfUse } = asking({ client: 'health-plan' }, 'p')
    const labelsWith = async (referrers: readonly string[]) => {
      const own = { ...configuration, upstream: { ...configuration.upstream, referrers } }
      const made = previewRooms({ configuration: own, engine: site.house.engine, revision: '' })
      const question = previewQuestion(own, requester, purposeOfUse.effective, chart, AT)
      const { resources } = await preview(made.rooms, made.segmenter, question, made.categories)
      await made.labeller.close()
      return resources.find(({ reference }) => reference === 'Observation/o')?.labels
    }
    expect(await labelsWith([])).not.toContain('HIV')
    expect(await labelsWith(['Provenance.target'])).not.toContain('HIV')
    expect(await labelsWith(['DiagnosticReport.result'])).toContain('HIV')
  })

  it('asks for a Consent where the site does so for the records of one organization', async () => {
    const question = await questionFor(WHO[0] as Who, 'walter-finch')
    const released = async (defaultPolicies: Readonly<Record<string, string>>) => {
      const own = { ...configuration, policy: { ...configuration.policy, defaultPolicies } }
      const made = previewRooms({ configuration: own, engine: site.house.engine, revision: '' })
      const { resources } = await preview(made.rooms, made.segmenter, question, made.categories)
      await made.labeller.close()
      return resources.filter(({ outcome }) => outcome !== 'withheld').map(({ type }) => type)
    }
    expect(await released({})).toContain('Encounter')
    expect(await released({ 'Organization/elsewhere': 'deny' })).toContain('Encounter')
    expect(await released({ 'Organization/bayview-hospital': 'deny' })).not.toContain('Encounter')
  })

  it('shows the same bytes as a question segmented, so nothing is shown that would not leave', async () => {
    const question = await questionFor({ client: 'health-plan' }, 'elena-marsh')
    const answered = answerQuestion(rooms.rooms, question, { policy: 'law', trustLabels: false })
    const text = Buffer.from(releasedBundle(rooms.segmenter, answered).body).toString('utf8')
    expect(text).not.toMatch(/bayview-otp|methadone|42CFRPart2/i)
    expect(text).toContain('Essential hypertension')
  })
})

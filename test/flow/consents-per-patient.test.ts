import { afterEach, describe, expect, test } from 'vitest'
import { startDemoUpstream } from '../../src/demo/upstream.ts'
import type { JsonObject, Resource } from '../../src/model/fhir.ts'
import { readExchange } from '../../src/record/verify.ts'
import { tpoConsent } from '../support/consents.ts'
import { CLOSED, plainConsent, weighed } from '../support/permits.ts'
import { openTestSite, type TestSite } from '../support/site.ts'

const HOSPITAL = { client: 'treating-hospital', user: 'PractitionerRole/priya-lindqvist-role' }
const US = 'Organization/redwood-hospital'
const SOMEBODY = 'Organization/golden-plan'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function site(resources: readonly Resource[], overrides: JsonObject = CLOSED): Promise<TestSite> {
  const opened = await openTestSite({ resources, overrides })
  closers.push(opened.close)
  return opened
}

/** Ids of the Observations of a searchset; throws for anything else. */
function idsIn(text: string): string[] {
  const bundle = JSON.parse(text) as { type?: string; entry?: { resource: Resource }[] }
  if (bundle.type !== 'searchset') throw new Error(`expected a searchset: ${text.slice(0, 200)}`)
  return (bundle.entry ?? [])
    .filter(({ resource }) => resource.resourceType === 'Observation')
    .map(({ resource }) => `${resource.id}`)
    .sort()
}

const consentCalls = (calls: readonly string[]): readonly string[] =>
  calls.filter(call => /\/Consent\?/.test(call))

/** Fifty patients with a Consent each, all different: every second one is for the hospital, every third refuses it. */
function fifty(): { resources: Resource[]; visible: string[] } {
  const resources: Resource[] = []
  const visible: string[] = []
  for (let n = 0; n < 50; n++) {
    const id = `p${n}`
    const refuses = n % 3 === 0
    const recipient = n % 2 === 0 ? US : SOMEBODY
    resources.push(
      ...weighed(id),
      plainConsent({ id: `c${n}`, patient: `Patient/${id}`, type: refuses ? 'deny' : 'permit', recipient }),
    )
    if (!refuses && recipient === US) visible.push(`weight-${id}`)
  }
  return { resources, visible: visible.sort() }
}

describe('a Bundle of fifty patients with fifty Consents', { timeout: 30_000 }, () => {
  test('is judged per patient, with at most two upstream calls for Consents', async () => {
    const { resources, visible } = fifty()
    const { get, upstream } = await site(resources)
    const reply = await get('Observation?_count=50', HOSPITAL)
    expect(reply.status).toBe(200)
    expect(idsIn(reply.text)).toEqual(visible)
    const calls = consentCalls(upstream.calls())
    console.log(`${visible.length} of 50 released; upstream calls for Consents: ${calls.length}`)
    expect(calls.length).toBeLessThanOrEqual(2)
    expect(calls.length).toBeGreaterThan(0)
  })

  test('likewise over HTTP', async () => {
    const { resources, visible } = fifty()
    const { serve, upstream, issuer } = await site(resources)
    const [base, token] = [await serve(), await issuer.issueToken({ ...HOSPITAL, lifetimeSeconds: 600 })]
    const answer = await fetch(`${base}/Observation?_count=50`, {
      headers: { authorization: `Bearer ${token}` },
    })
    expect(answer.status).toBe(200)
    expect(idsIn(await answer.text())).toEqual(visible)
    const calls = consentCalls(upstream.calls())
    expect(calls.length).toBeLessThanOrEqual(2)
    expect(calls.length).toBeGreaterThan(0)
  })
})

describe('records of patients A, A and B', () => {
  const of = (id: string, patient: string): Resource => ({ ...weighed(patient)[1], id }) as Resource
  const chart = (permitted: readonly string[], refusing: readonly string[]): Resource[] => [
    { resourceType: 'Patient', id: 'a', birthDate: '1970-01-01' } as Resource,
    { resourceType: 'Patient', id: 'b', birthDate: '1970-01-01' } as Resource,
    of('1-a', 'a'),
    of('2-a', 'a'),
    of('3-b', 'b'),
    {
      resourceType: 'Observation',
      id: '4-both',
      status: 'final',
      code: { coding: [{ system: 'http://loinc.org', code: '29463-7' }] },
      subject: { reference: 'Patient/a' },
      focus: [{ reference: 'Patient/a' }, { reference: 'Patient/b' }],
      performer: [{ reference: 'Patient/b' }],
    } as Resource,
    ...permitted.map(id =>
      plainConsent({ id: `yes-${id}`, patient: `Patient/${id}`, type: 'permit', recipient: US }),
    ),
    ...refusing.map(id =>
      plainConsent({ id: `no-${id}`, patient: `Patient/${id}`, type: 'deny', recipient: US }),
    ),
  ]

  test.each([
    ['A alone permits', ['a'], [], ['1-a', '2-a']],
    ['B alone permits', ['b'], [], ['3-b']],
    ['both permit', ['a', 'b'], [], ['1-a', '2-a', '3-b', '4-both']],
    ['A refuses and B permits', ['b'], ['a'], ['3-b']],
    ['A permits and B refuses', ['a'], ['b'], ['1-a', '2-a']],
    ['nobody says anything', [], [], []],
  ])('are judged per patient: %s', async (_, permitted, refusing, visible) => {
    const { get, serve, issuer } = await site(chart(permitted, refusing))
    expect(idsIn((await get('Observation', HOSPITAL)).text)).toEqual(visible)
    for (const id of ['1-a', '2-a', '3-b', '4-both'])
      expect((await get(`Observation/${id}`, HOSPITAL)).status, id).toBe(visible.includes(id) ? 200 : 404)
    const token = await issuer.issueToken({ ...HOSPITAL, lifetimeSeconds: 600 })
    const answer = await fetch(`${await serve()}/Observation`, {
      headers: { authorization: `Bearer ${token}` },
    })
    expect(idsIn(await answer.text())).toEqual(visible)
  })
})

describe('where no Consent is on file', () => {
  const SOURCE = 'https://records.partner.example'
  const from = (id: string): Resource[] =>
    weighed(id).map(one => ({ ...one, meta: { source: SOURCE } }) as unknown as Resource)
  const partners = (policies: Readonly<Record<string, string>>): JsonObject => ({
    ...CLOSED,
    policy: { defaultPolicy: 'deny', defaultPolicies: policies },
    registry: { sources: { [SOURCE]: 'Organization/partner' } },
  })

  test('the organization a record comes from has its own default', async () => {
    const resources = [...weighed('here'), ...from('there')]
    const closed = await site(resources, partners({}))
    expect(idsIn((await closed.get('Observation', HOSPITAL)).text)).toEqual([])
    const open = await site(
      resources,
      partners({ 'Organization/partner': 'https://profiles.ihe.net/ITI/PCF/Policy-basic-normal' }),
    )
    expect(idsIn((await open.get('Observation', HOSPITAL)).text)).toEqual(['weight-there'])
    expect(open.house.revision).not.toBe(closed.house.revision)
    const law = await site(resources, partners({ 'Organization/partner': 'law' }))
    expect(idsIn((await law.get('Observation', HOSPITAL)).text)).toEqual(['weight-there'])
    const reversed = await site(resources, {
      ...partners({ 'Organization/partner': 'deny' }),
      policy: { defaultPolicy: 'law', defaultPolicies: { 'Organization/partner': 'deny' } },
    })
    expect(idsIn((await reversed.get('Observation', HOSPITAL)).text)).toEqual(['weight-here'])
  })

  test('a default that nobody knows stops the start', async () => {
    await expect(site([], partners({ 'Organization/partner': 'urn:nobody:knows' }))).rejects.toThrow(
      /policy\.defaultPolicies\[Organization\/partner\]: urn:nobody:knows: expected one of law, deny/,
    )
  })

  test('a refusal on file stands against every default', async () => {
    const refusal = plainConsent({ id: 'no', patient: 'Patient/there', type: 'deny', recipient: US })
    const open = await site([...from('there'), refusal], partners({ 'Organization/partner': 'law' }))
    expect(idsIn((await open.get('Observation', HOSPITAL)).text)).toEqual([])
  })

  test('the record tells that apart from a refusal; the answer does not', async () => {
    const refusal = plainConsent({ id: 'no', patient: 'Patient/refuses', type: 'deny', recipient: US })
    const { get, ledgerFile } = await site([...weighed('silent'), ...weighed('refuses'), refusal])
    const decided = async (path: string) => {
      const reply = await get(path, HOSPITAL)
      const rows = readExchange(ledgerFile, `${reply.headers['X-Request-Id'] ?? ''}`)
      const row = rows.find(({ kind }) => kind === 'decision')
      return { reply, decision: (JSON.parse(row?.body ?? '{}') as { decision?: string }).decision }
    }
    const silent = await decided('Observation/weight-silent')
    const refuses = await decided('Observation/weight-refuses')
    expect([silent.reply.status, refuses.reply.status]).toEqual([404, 404])
    expect(silent.reply.text.length).toBe(refuses.reply.text.length)
    expect([silent.decision, refuses.decision]).toEqual(['no-consent', 'deny'])
    expect((await decided('Observation?patient=silent')).decision).toBe('no-consent')
    expect((await decided('Observation?patient=refuses')).decision).toBe('deny')
    expect((await decided('Patient/nobody')).decision).toBeUndefined()
  })
})

describe('Consents of a registry beside the upstream', () => {
  const MRN = 'https://mrn.example'
  const number = (value: string) => ({ identifier: [{ system: MRN, value }] })

  async function withRegistry(there: readonly Resource[], here: readonly Resource[], more: JsonObject = {}) {
    const registry = await startDemoUpstream({ resources: there })
    closers.push(registry.close)
    const opened = await site(here, {
      ...CLOSED,
      consentServers: [{ name: 'registry', url: registry.url, ...more }],
    })
    return { ...opened, registry }
  }

  test('permit by a recipient they name under the URL of the upstream, and only those patients', async () => {
    const { get, registry } = await withRegistry(
      [
        plainConsent({
          id: 'r',
          patient: 'Patient/a',
          type: 'permit',
          recipient: { identifier: { system: 'urn:x', value: 'redwood' } },
        }),
      ],
      [
        ...weighed('a'),
        ...weighed('b'),
        {
          resourceType: 'Organization',
          id: 'redwood-hospital',
          identifier: [{ system: 'urn:x', value: 'redwood' }],
        } as Resource,
      ],
    )
    expect(idsIn((await get('Observation', HOSPITAL)).text)).toEqual(['weight-a'])
    expect(consentCalls(registry.calls())).toHaveLength(1)
  })

  test('name organizations of their own: the same id is not ours, the same identifier is', async () => {
    const redwood = {
      resourceType: 'Organization',
      id: 'redwood-hospital',
      identifier: [{ system: 'urn:x', value: 'redwood' }],
    } as Resource
    const there = (value: string) => ({ ...redwood, identifier: [{ system: 'urn:x', value }] }) as Resource
    const permit = plainConsent({ id: 'r', patient: 'Patient/a', type: 'permit', recipient: US })
    const another = await withRegistry([permit, there('somebody-else')], [...weighed('a'), redwood])
    expect(idsIn((await another.get('Observation', HOSPITAL)).text)).toEqual([])
    const same = await withRegistry([permit, there('redwood')], [...weighed('a'), redwood])
    expect(idsIn((await same.get('Observation', HOSPITAL)).text)).toEqual(['weight-a'])
  })

  test('deny by a recipient of their own who may be anybody, and not by one who plainly is another', async () => {
    const redwood = {
      resourceType: 'Organization',
      id: 'redwood-hospital',
      identifier: [{ system: 'urn:x', value: 'redwood' }],
    } as Resource
    const yes = plainConsent({ id: 'yes', patient: 'Patient/a', type: 'permit', recipient: US })
    const no = plainConsent({ id: 'no', patient: 'Patient/a', type: 'deny', recipient: 'Organization/7' })
    const seven = (...identifier: object[]) =>
      ({ resourceType: 'Organization', id: '7', identifier }) as unknown as Resource
    const role = {
      resourceType: 'PractitionerRole',
      id: 'priya-lindqvist-role',
      practitioner: { reference: 'Practitioner/priya' },
      organization: { reference: US },
    } as unknown as Resource
    const here = [...weighed('a'), redwood, role, yes]
    const unknown = await withRegistry([no, seven()], here)
    expect(idsIn((await unknown.get('Observation', HOSPITAL)).text)).toEqual([])
    const other = await withRegistry([no, seven({ system: 'urn:x', value: 'plan' })], here)
    expect(idsIn((await other.get('Observation', HOSPITAL)).text)).toEqual(['weight-a'])
    const ours = await withRegistry([no, seven({ system: 'urn:x', value: 'redwood' })], here)
    expect(idsIn((await ours.get('Observation', HOSPITAL)).text)).toEqual([])
  })

  test('of patients under other ids are found by identifier; a patient without one is withheld', async () => {
    const redwood = {
      resourceType: 'Organization',
      id: 'redwood-hospital',
      identifier: [{ system: 'urn:x', value: 'redwood' }],
    } as unknown as Resource
    const yes = (id: string) =>
      plainConsent({ id: `yes-${id}`, patient: `Patient/${id}`, type: 'permit', recipient: US })
    const { get, registry } = await withRegistry(
      [
        { resourceType: 'Patient', id: '901', ...number('1') } as unknown as Resource,
        { resourceType: 'Patient', id: '902', ...number('2') } as unknown as Resource,
        plainConsent({ id: 'no', patient: 'Patient/901', type: 'deny' }),
      ],
      [
        ...weighed('a', number('1')),
        ...weighed('b', number('2')),
        ...weighed('c'),
        redwood,
        yes('a'),
        yes('b'),
        yes('c'),
      ],
      { patientIdentifierSystem: MRN },
    )
    expect(idsIn((await get('Observation', HOSPITAL)).text)).toEqual(['weight-b'])
    expect(consentCalls(registry.calls())).toHaveLength(1)
  })

  test('are named in the record by their own URL, and neither linked nor copied to the recipient', async () => {
    const program: Resource = {
      ...weighed('a')[1],
      id: 'of-the-program',
      performer: [{ reference: 'Organization/bayview-otp' }],
    } as unknown as Resource
    const here = [
      ...weighed('a').slice(0, 1),
      program,
      { resourceType: 'Organization', id: 'redwood-hospital' } as Resource,
      { resourceType: 'Organization', id: 'bayview-otp' } as Resource,
    ]
    const opened = await withRegistry([], here)
    const { get, registry, upstream, ledgerFile, baseUrl } = opened
    expect(idsIn((await get('Observation', HOSPITAL)).text)).toEqual([])
    const consent = tpoConsent({
      id: 'tpo',
      patient: 'Patient/a',
      discloser: `${upstream.url}/Organization/bayview-otp`,
      recipient: `${upstream.url}/${US}`,
    })
    await registry.load([consent])
    opened.house.rooms.upstream.invalidateConsents()
    const search = await get('Observation', HOSPITAL)
    const read = await get('Observation/of-the-program', HOSPITAL)
    expect(idsIn(search.text)).toEqual(['of-the-program'])
    for (const { status, text } of [search, read]) {
      expect(status).toBe(200)
      expect(text).toContain('Consent/tpo version 1 of registry')
      expect(text).not.toContain('"resourceType":"Consent"')
      expect(text).not.toContain(`${baseUrl}/Consent/tpo`)
      expect(text).not.toContain(new URL(registry.url).host)
    }
    const rows = readExchange(ledgerFile, `${read.headers['X-Request-Id'] ?? ''}`)
    const told = (kind: string) => rows.filter(row => row.kind === kind).map(({ body }) => body)
    expect(told('AuditEvent').join()).toContain(`"${registry.url}/Consent/tpo/_history/1"`)
    expect(told('decision').join()).toContain('"source":"registry"')
    // The positive control: the same Consent at the upstream goes along, linked at our base.
    const own = await site([
      ...here,
      tpoConsent({ id: 'tpo', patient: 'Patient/a', discloser: 'Organization/bayview-otp', recipient: US }),
    ])
    const copied = await own.get('Observation', HOSPITAL)
    expect(copied.text).toContain('"resourceType":"Consent"')
    expect(copied.text).toContain(`${own.baseUrl}/Consent/tpo`)
  })

  test('that cannot be read stop everything, and say so to nobody but the record', async () => {
    const { get, registry } = await withRegistry(
      [],
      [...weighed('a'), plainConsent({ id: 'yes', patient: 'Patient/a', type: 'permit', recipient: US })],
    )
    expect(idsIn((await get('Observation', HOSPITAL)).text)).toEqual(['weight-a'])
    const { get: another } = await site([...weighed('a')], {
      ...CLOSED,
      consentServers: [{ name: 'registry', url: 'http://127.0.0.1:9/fhir' }],
    })
    const reply = await another('Observation/weight-a', HOSPITAL)
    expect(reply.status).toBe(503)
    expect(reply.text).not.toContain('registry')
    expect(registry.calls().length).toBeGreaterThan(0)
  })
})

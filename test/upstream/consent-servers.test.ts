import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ConsentServerConfiguration } from '../../src/model/configuration.ts'
import type { Upstream } from '../../src/model/doors.ts'
import type { Resource } from '../../src/model/fhir.ts'
import { createUpstream } from '../../src/upstream/upstream.ts'
import { LIMITS, refusalOf, searchset, send } from './fake.ts'

const MRN = 'urn:oid:1.2.3.4'

interface Server_ {
  readonly base: string
  readonly asked: string[]
  readonly headers: IncomingMessage['headers'][]
  resources: Resource[]
  fail: ((response: ServerResponse) => void) | undefined
  close: () => Promise<void>
}

/** Answers `_id`, `identifier`, `patient`, `patient.identifier`, `patient:identifier` and `_include=Consent:patient`. */
async function fhirServer(): Promise<Server_> {
  const server: Server = createServer((request, response) => answer(request, response))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const made: Server_ = {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}/fhir`,
    asked: [],
    headers: [],
    resources: [],
    fail: undefined,
    close: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(request.url ?? '', made.base)
    made.asked.push(decodeURIComponent(`${url.pathname.slice('/fhir/'.length)}${url.search}`))
    made.headers.push(request.headers)
    if (made.fail !== undefined) {
      made.fail(response)
      return
    }
    const type = url.pathname.split('/').at(-1)
    const found = made.resources.filter(one => one.resourceType === type && fits(made, one, url.searchParams))
    const includes = url.searchParams.has('_include') ? found.flatMap(one => patientOf(made, one) ?? []) : []
    const bundle = searchset(found) as { entry: object[] }
    bundle.entry.push(...includes.map(resource => ({ resource, search: { mode: 'include' } })))
    send(response, bundle)
  }
  return made
}

const patientOf = (server: Server_, consent: Resource): Resource | undefined => {
  const reference = (consent['patient'] as { reference?: string } | undefined)?.reference
  return server.resources.find(one => `${one.resourceType}/${one.id}` === reference)
}
const tokensOf = (value: unknown): string[] =>
  ((value ?? []) as { system: string; value: string }[]).map(one => `${one.system}|${one.value}`)

function fits(server: Server_, resource: Resource, search: URLSearchParams): boolean {
  for (const [name, value] of search) {
    const wanted = value.split(',')
    if (name.startsWith('_') && name !== '_id') continue
    const patient = resource['patient'] as { reference?: string; identifier?: object } | undefined
    const held =
      name === '_id'
        ? [`${resource.id}`]
        : name === 'patient'
          ? [patient?.reference ?? '']
          : name === 'patient.identifier'
            ? tokensOf(patientOf(server, resource)?.['identifier'])
            : name === 'patient:identifier'
              ? tokensOf(patient?.identifier === undefined ? [] : [patient.identifier])
              : tokensOf(resource['identifier'])
    if (!wanted.some(one => held.some(own => own === one || own.endsWith(`/${one}`)))) return false
  }
  return true
}

const patient = (id: string, ...values: string[]): Resource => ({
  resourceType: 'Patient',
  id,
  identifier: values.map(value => ({ system: MRN, value })),
})
const consent = (id: string, patient: object, more: object = {}): Resource =>
  ({ resourceType: 'Consent', id, patient, ...more }) as Resource

let own: Server_
let other: Server_
let clock: number
const opened: Upstream[] = []

beforeEach(async () => {
  clock = 1_700_000_000_000
  own = await fhirServer()
  other = await fhirServer()
})
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
  await own.close()
  await other.close()
})

function open(more: Partial<ConsentServerConfiguration> = {}): Upstream {
  const server: ConsentServerConfiguration = {
    name: 'registry',
    url: other.base,
    credential: { kind: 'none' },
    patientIdentifierSearch: 'patient.identifier',
    ...more,
  }
  const upstream = createUpstream(
    { url: own.base, credential: { kind: 'none' }, consentServers: [server] },
    LIMITS,
    { now: () => clock, readFile: () => 'Bearer own-secret-of-the-registry' },
  )
  opened.push(upstream)
  return upstream
}

const told = async (upstream: Upstream, ...patients: string[]) =>
  Object.fromEntries(
    [...(await upstream.consents(patients))].map(([name, list]) => [
      name,
      list.map(
        ({ ref, patient }) => `${ref.source}:${ref.reference}${patient === undefined ? '' : ` ${patient}`}`,
      ),
    ]),
  )

describe('Consents of two servers', () => {
  it('come from both, each with the name of its server, for patients of the same ids', async () => {
    own.resources = [consent('1', { reference: 'Patient/a' })]
    other.resources = [consent('1', { reference: 'Patient/a' }), consent('2', { reference: 'Patient/b' })]
    const upstream = open()
    expect(await told(upstream, 'Patient/a', 'Patient/b')).toEqual({
      'Patient/a': ['upstream:Consent/1', 'registry:Consent/1 Patient/a'],
      'Patient/b': ['registry:Consent/2 Patient/b'],
    })
    const [, second] = (await upstream.consents(['Patient/a'])).get('Patient/a') ?? []
    expect(second?.ref.base).toBe(other.base)
    expect(own.asked).toHaveLength(1)
    expect(other.asked).toHaveLength(1)
  })

  it('of the other server refer to that server; what they say by the URL of the upstream is of ours', async () => {
    other.resources = [
      consent(
        'x',
        { reference: `${own.base}/Patient/a` },
        {
          contained: [
            { resourceType: 'Group', id: 'g', member: [{ entity: { reference: 'Practitioner/9' } }] },
          ],
          provision: {
            actor: [{ reference: { reference: 'Organization/1' } }, { reference: { reference: '#g' } }],
            data: [{ reference: { reference: `${own.base}/Observation/1` } }],
          },
        },
      ),
    ]
    // The fake compares tails of references, as servers that know aliases of each other do.
    const [found] = (await open().consents(['Patient/a'])).get('Patient/a') ?? []
    expect(found?.patient).toBe('Patient/a')
    const text = JSON.stringify(found?.resource)
    expect(text).toContain(`"${other.base}/Organization/1"`)
    expect(text).toContain(`"${other.base}/Practitioner/9"`)
    expect(text).toContain('"#g"')
    expect(text).toContain(`"${own.base}/Observation/1"`)
  })

  it('are asked for at the same time', async () => {
    const held: (() => void)[] = []
    for (const server of [own, other])
      server.fail = response => void held.push(() => send(response, searchset([])))
    const asking = open().consents(['Patient/a'])
    await expect.poll(() => held.length).toBe(2)
    for (const release of held) release()
    expect((await asking).get('Patient/a')).toEqual([])
  })

  it('keep their identity while nothing changes, and lists too', async () => {
    other.resources = [consent('1', { reference: 'Patient/a' })]
    own.resources = [consent('1', { reference: 'Patient/a' })]
    const upstream = open()
    const first = (await upstream.consents(['Patient/a'])).get('Patient/a')
    clock += 10_000
    expect((await upstream.consents(['Patient/a'])).get('Patient/a')).toBe(first)
    expect(other.asked).toHaveLength(2)
  })

  it.each([
    ['that does not answer', (response: ServerResponse) => void response.destroy()],
    ['that fails', (response: ServerResponse) => send(response, '{}', 500)],
    ['that refuses the gateway', (response: ServerResponse) => send(response, '{}', 403)],
    ['that does not know Consents', (response: ServerResponse) => send(response, '{}', 404)],
    ['that answers nonsense', (response: ServerResponse) => send(response, '{"resourceType":"Patient"}')],
  ])('a server %s denies every patient, whatever the other says', async (_, fail) => {
    own.resources = [consent('1', { reference: 'Patient/a' })]
    const upstream = open()
    other.fail = fail
    const said = await refusalOf(upstream.consents(['Patient/a', 'Patient/b']))
    expect(said).toMatch(/^consent-unavailable: registry: /)
    expect(said).not.toContain('127.0.0.1')
    // Nothing of it is kept.
    other.fail = undefined
    expect(await told(upstream, 'Patient/a')).toEqual({ 'Patient/a': ['upstream:Consent/1'] })
    other.fail = fail
    clock += LIMITS.consentCacheMs - 1
    expect(await told(upstream, 'Patient/a')).toEqual({ 'Patient/a': ['upstream:Consent/1'] })
    clock += 1
    expect(await refusalOf(upstream.consents(['Patient/a']))).toMatch(/^consent-unavailable/)
  })

  it('are read with the credential of each server', async () => {
    const upstream = open({ credential: { kind: 'static-header', name: 'Authorization', file: 'secret' } })
    await upstream.consents(['Patient/a'])
    expect(other.headers[0]?.authorization).toBe('Bearer own-secret-of-the-registry')
    expect(own.headers[0]?.authorization).toBeUndefined()
    expect(other.headers[0]?.['cache-control']).toBe('no-cache')
  })

  it('names the configuration member that cannot be used', () => {
    expect(() => open({ url: 'ftp://x' })).toThrow(/^consentServers\[0\]\.url: /)
    expect(() => open({ credential: { kind: 'mtls', certFile: 'c', keyFile: 'k' } })).toThrow(
      /^consentServers\[0\]\.url: expected https/,
    )
  })
})

describe('patients of the other server', () => {
  it('are found by the identifiers that the upstream knows, and told by the Patient that comes along', async () => {
    own.resources = [patient('a', '1', 'old-1'), patient('b', '2')]
    other.resources = [
      patient('901', 'old-1'),
      patient('902', '2'),
      patient('903', '3'),
      consent('a', { reference: 'Patient/901' }),
      consent('b', { reference: 'Patient/902' }),
      consent('c', { reference: 'Patient/903' }),
    ]
    const upstream = open({ patientIdentifierSystem: MRN })
    expect(await told(upstream, 'Patient/a', 'Patient/b')).toEqual({
      'Patient/a': ['registry:Consent/a Patient/a'],
      'Patient/b': ['registry:Consent/b Patient/b'],
    })
    expect(other.asked).toEqual([
      `Consent?patient.identifier=${MRN}|1,${MRN}|old-1,${MRN}|2&_count=200&_include=Consent:patient`,
    ])
  })

  it('are looked up where they do not come along', async () => {
    own.resources = [patient('a', '1')]
    other.resources = [patient('901', '1'), consent('a', { reference: 'Patient/901' })]
    const upstream = open({ patientIdentifierSystem: MRN })
    const bundle = searchset([other.resources[1] ?? {}])
    other.fail = response => {
      if (other.asked.at(-1)?.startsWith('Patient') === true) send(response, searchset([patient('901', '1')]))
      else send(response, bundle)
    }
    expect(await told(upstream, 'Patient/a')).toEqual({ 'Patient/a': ['registry:Consent/a Patient/a'] })
    expect(other.asked.at(-1)).toMatch(/^Patient\?_id=901/)
  })

  it('may be named in the Consent by identifier alone', async () => {
    own.resources = [patient('a', '1'), patient('b', '2')]
    other.resources = [
      consent('a', { identifier: { system: MRN, value: '1' } }),
      consent('x', { identifier: { system: MRN, value: '9' } }),
    ]
    const upstream = open({ patientIdentifierSystem: MRN, patientIdentifierSearch: 'patient:identifier' })
    expect(await told(upstream, 'Patient/a', 'Patient/b')).toEqual({
      'Patient/a': ['registry:Consent/a Patient/a'],
      'Patient/b': [],
    })
    expect(other.asked[0]).toBe(`Consent?patient:identifier=${MRN}|1,${MRN}|2&_count=200`)
  })

  it('with the same number in another system are somebody else', async () => {
    own.resources = [patient('a', '1')]
    const upstream = open({ patientIdentifierSystem: MRN, patientIdentifierSearch: 'patient:identifier' })
    other.fail = response =>
      send(response, searchset([consent('x', { identifier: { system: MRN, value: '2' } })]))
    expect(await refusalOf(upstream.consents(['Patient/a']))).toMatch(/was not asked for/)
    other.fail = response =>
      send(response, searchset([consent('x', { identifier: { system: 'urn:x', value: '1' } })]))
    // It leads nowhere: it may be of whoever was asked about, restricts and never permits.
    expect(await told(upstream, 'Patient/a')).toEqual({ 'Patient/a': ['registry:Consent/x'] })
  })

  it('without such an identifier are left out of the answer, which denies, and hold up nobody else', async () => {
    own.resources = [patient('a', '1'), patient('none'), consent('o', { reference: 'Patient/none' })]
    other.resources = [patient('901', '1'), consent('a', { reference: 'Patient/901' })]
    const upstream = open({ patientIdentifierSystem: MRN })
    expect(await told(upstream, 'Patient/a', 'Patient/none', 'Patient/gone')).toEqual({
      'Patient/a': ['registry:Consent/a Patient/a'],
    })
  })

  it('have their identifiers escaped and long lists split', async () => {
    const names = Array.from({ length: 40 }, (_, n) => `p${n}`)
    own.resources = names.map(name => patient(name, `${name}, with | and $ ${'x'.repeat(120)}`))
    other.fail = response => send(response, searchset([]))
    const upstream = open({ patientIdentifierSystem: MRN, patientIdentifierSearch: 'patient:identifier' })
    await upstream.consents(names.map(name => `Patient/${name}`))
    expect(other.asked.length).toBeGreaterThan(1)
    expect(other.asked[0]).toContain(`${MRN}|p0\\, with \\| and \\$ x`)
  })
})

describe('a question on its way', () => {
  it('is shared only while its answer may still be used', async () => {
    const upstream = open()
    const held: (() => void)[] = []
    own.fail = response => {
      const stored = own.resources
      held.push(() => send(response, searchset(stored)))
    }
    own.resources = [consent('permit', { reference: 'Patient/a' })]
    const slow = told(upstream, 'Patient/a')
    await expect.poll(() => held.length).toBe(1)
    clock += LIMITS.consentCacheMs - 1
    const joined = told(upstream, 'Patient/a')
    clock += 1
    own.resources = [consent('deny', { reference: 'Patient/a' })]
    const later = told(upstream, 'Patient/a')
    await expect.poll(() => held.length).toBe(2)
    for (const release of held.splice(0)) release()
    expect((await slow)['Patient/a']).toEqual(['upstream:Consent/permit'])
    expect((await joined)['Patient/a']).toEqual(['upstream:Consent/permit'])
    expect((await later)['Patient/a']).toEqual(['upstream:Consent/deny'])
    // The slow answer came last or first: it is never kept over the newer one.
    expect((await told(upstream, 'Patient/a'))['Patient/a']).toEqual(['upstream:Consent/deny'])
  })

  it('is asked each time with a latency of none', async () => {
    const upstream = createUpstream(
      { url: own.base, credential: { kind: 'none' } },
      { ...LIMITS, consentCacheMs: 0 },
      { now: () => clock, readFile: () => '' },
    )
    opened.push(upstream)
    await upstream.consents(['Patient/a'])
    await upstream.consents(['Patient/a'])
    expect(own.asked).toHaveLength(2)
  })
})

describe('dropping what is kept', () => {
  it('by the Consent finds whom it was kept for', async () => {
    own.resources = [consent('1', { reference: 'Patient/a' }), consent('2', { reference: 'Patient/b' })]
    const upstream = open()
    await told(upstream, 'Patient/a', 'Patient/b')
    own.resources = []
    upstream.invalidateConsents('Consent/1')
    expect(await told(upstream, 'Patient/b')).toEqual({ 'Patient/b': ['upstream:Consent/2'] })
    expect(await told(upstream, 'Patient/a')).toEqual({ 'Patient/a': [] })
  })
})

describe('who bears an identifier', () => {
  it('is searched once for all, read in the resources, and remembered', async () => {
    const organization = (id: string, value: string): Resource => ({
      resourceType: 'Organization',
      id,
      identifier: [{ system: MRN, value }],
    })
    own.resources = [organization('1', 'x'), organization('2', 'y'), organization('3', 'y')]
    const { identified } = open()
    const ask = async (...names: string[]) =>
      Object.fromEntries(
        [...((await identified?.('Organization', names)) ?? [])].map(([name, found]) => [
          name,
          found.map(({ bytes }) => (JSON.parse(Buffer.from(bytes).toString()) as Resource).id),
        ]),
      )
    const [x, y, z] = [`${MRN}|x`, `${MRN}|y`, `${MRN}|z`]
    expect(await ask(x, y, z)).toEqual({ [x]: ['1'], [y]: ['2', '3'], [z]: [] })
    expect(await ask(y, x)).toEqual({ [x]: ['1'], [y]: ['2', '3'] })
    expect(own.asked).toHaveLength(1)
    clock += LIMITS.lookupCacheMs
    await ask(x)
    expect(own.asked).toHaveLength(2)
    own.fail = response => send(response, '{}', 404)
    expect((await identified?.('Device', [x]))?.get(x)).toEqual([])
    own.fail = response => send(response, searchset([organization('9', 'unasked')]))
    expect(await refusalOf(identified?.('Device', [y]) ?? Promise.resolve())).toMatch(/unexpected entry/)
  })
})

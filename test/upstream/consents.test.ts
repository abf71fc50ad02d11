import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Fake, fake, refusalOf, searchset, send } from './fake.ts'

interface StoredConsent {
  readonly resourceType: string
  readonly id: string
  readonly patient?: object
}

let server: Fake
let stored: StoredConsent[] = []
/** Consents a page of the fake server, whatever `_count` says. */
let pageSize = 200
let hold: Promise<void> | undefined

const consent = (id: string, reference: string): StoredConsent => ({
  resourceType: 'Consent',
  id,
  patient: { reference },
})

/** Answers `Consent?patient=` by what is stored, in pages; Consents without a literal patient always match. */
beforeEach(async () => {
  stored = []
  pageSize = 200
  hold = undefined
  server = await fake(async (request, response) => {
    const url = new URL(request.url ?? '', server.base)
    const asked = url.searchParams.get('patient')?.split(',') ?? []
    const offset = Number(url.searchParams.get('_offset') ?? 0)
    const matching = stored.filter(one => {
      const reference = (one.patient as { reference?: string } | undefined)?.reference
      return (
        reference === undefined ||
        asked.some(patient => reference.includes(patient)) ||
        reference.startsWith('urn:')
      )
    })
    const more = offset + pageSize < matching.length
    const next = `${server.base}/Consent?patient=${asked.join(',')}&_offset=${offset + pageSize}`
    const answer = searchset(matching.slice(offset, offset + pageSize), more ? next : undefined)
    await hold
    send(response, answer)
  })
})
afterEach(() => server.close())

const ids = async (...patients: string[]) =>
  Object.fromEntries(
    [...(await server.upstream.consents(patients))].map(([patient, list]) => [
      patient,
      list.map(one => one.resource.id),
    ]),
  )

describe('Consents of many patients', () => {
  it('come in at most two calls for fifty patients, each to its own patient, all pages', async () => {
    const patients = Array.from({ length: 50 }, (_, index) => `Patient/p-${index}`)
    stored = patients.flatMap((patient, index) => [
      consent(`a${index}`, patient),
      consent(`b${index}`, patient),
    ])
    const found = await ids(...patients)
    expect(server.requests.length).toBeLessThanOrEqual(2)
    for (const [index, patient] of patients.entries())
      expect(found[patient]).toEqual([`a${index}`, `b${index}`])
  })

  it('are followed over every page', async () => {
    pageSize = 3
    stored = Array.from({ length: 10 }, (_, index) => consent(`c${index}`, 'Patient/a'))
    expect((await ids('Patient/a'))['Patient/a']).toHaveLength(10)
    expect(server.requests).toHaveLength(4)
  })

  it('that come twice, on shifting pages, count once', async () => {
    pageSize = 2
    const twice = consent('b', 'Patient/a')
    stored = [consent('a', 'Patient/a'), twice, twice, consent('c', 'Patient/a')]
    expect(await ids('Patient/a')).toEqual({ 'Patient/a': ['a', 'b', 'c'] })
  })

  it('are assigned by their parsed patient: relative, absolute, versioned', async () => {
    stored = [
      consent('relative', 'Patient/a'),
      consent('absolute', `${server.base}/Patient/a`),
      consent('versioned', 'Patient/b/_history/2'),
    ]
    expect(await ids('Patient/a', 'Patient/b', 'Patient/c')).toEqual({
      'Patient/a': ['relative', 'absolute'],
      'Patient/b': ['versioned'],
      'Patient/c': [],
    })
  })

  it('go to every patient asked where their own patient leads nowhere', async () => {
    stored = [
      { resourceType: 'Consent', id: 'by-identifier', patient: { identifier: { value: '1' } } },
      { resourceType: 'Consent', id: 'none' },
      consent('urn', 'urn:uuid:0b6d9f3e'),
      consent('own', 'Patient/a'),
    ]
    expect(await ids('Patient/a', 'Patient/b')).toEqual({
      'Patient/a': ['by-identifier', 'none', 'urn', 'own'],
      'Patient/b': ['by-identifier', 'none', 'urn'],
    })
  })

  it('of a patient who was not asked for mean that the filter was not applied: refused', async () => {
    server.handle = (_, response) => send(response, searchset([consent('x', 'Patient/other')]))
    expect(await refusalOf(server.upstream.consents(['Patient/a']))).toMatch(/^consent-unavailable/)
  })

  it('carry reference, version and a source that names no host', async () => {
    stored = [{ ...consent('v', 'Patient/a'), meta: { versionId: '4' } } as StoredConsent]
    const [one] = (await server.upstream.consents(['Patient/a'])).get('Patient/a') ?? []
    expect(one?.ref).toEqual({ reference: 'Consent/v', version: '4', source: 'upstream' })
  })

  it('more than the limit of one patient are refused, the limit itself is not', async () => {
    stored = Array.from({ length: 10 }, (_, index) => consent(`c${index}`, 'Patient/a'))
    expect((await ids('Patient/a'))['Patient/a']).toHaveLength(10)
    server.upstream.invalidateConsents()
    stored.push(consent('c10', 'Patient/a'))
    expect(await refusalOf(server.upstream.consents(['Patient/a']))).toMatch(
      /more than 10 Consents of one patient/,
    )
  })

  it('are asked for without letting the upstream reuse an older search', async () => {
    await ids('Patient/a')
    expect(server.requests[0]?.headers['cache-control']).toBe('no-cache')
  })
})

describe('the Consent cache', () => {
  it('serves presence and absence alike until the stated latency is over, counted from the start', async () => {
    stored = [consent('c', 'Patient/a')]
    let release = () => {}
    hold = new Promise(resolve => {
      release = resolve
    })
    const asking = ids('Patient/a', 'Patient/b')
    await until(() => server.requests.length === 1)
    server.clock.now += 3_000
    release()
    hold = undefined
    await asking
    stored.push(consent('new', 'Patient/b'))
    server.clock.now += 1_999
    expect(await ids('Patient/a', 'Patient/b')).toEqual({ 'Patient/a': ['c'], 'Patient/b': [] })
    expect(server.requests).toHaveLength(1)
    server.clock.now += 1
    expect(await ids('Patient/a', 'Patient/b')).toEqual({ 'Patient/a': ['c'], 'Patient/b': ['new'] })
    expect(server.requests).toHaveLength(2)
  })

  it('asks once for all who ask at the same time', async () => {
    stored = [consent('c', 'Patient/a')]
    await Promise.all([ids('Patient/a'), ids('Patient/a'), ids('Patient/a', 'Patient/b')])
    expect(server.requests).toHaveLength(2)
  })

  it('forgets one patient, or all, at once', async () => {
    await ids('Patient/a', 'Patient/b')
    server.upstream.invalidateConsents('Patient/a')
    stored = [consent('n', 'Patient/a')]
    expect(await ids('Patient/b')).toEqual({ 'Patient/b': [] })
    expect(server.requests).toHaveLength(1)
    expect(await ids('Patient/a')).toEqual({ 'Patient/a': ['n'] })
    server.upstream.invalidateConsents()
    await ids('Patient/a', 'Patient/b')
    expect(server.requests).toHaveLength(3)
  })

  it('does not keep what was on its way when a Consent was written', async () => {
    let release = () => {}
    hold = new Promise(resolve => {
      release = resolve
    })
    const before = ids('Patient/a')
    await until(() => server.requests.length === 1)
    stored = [consent('deny', 'Patient/a')]
    server.upstream.invalidateConsents('Patient/a')
    hold = undefined
    const after = ids('Patient/a')
    expect(await after).toEqual({ 'Patient/a': ['deny'] })
    release()
    expect(await before).toEqual({ 'Patient/a': [] })
    expect(await ids('Patient/a')).toEqual({ 'Patient/a': ['deny'] })
  })

  it('never keeps a failure', async () => {
    const good = server.handle
    for (const handle of [
      (_: unknown, response: never) => send(response, '', 500),
      (_: unknown, response: never) => send(response, '{'),
      (_: unknown, response: never) => send(response, searchset([{ resourceType: 'Consent' }])),
      (_: unknown, response: never) => send(response, searchset([{ resourceType: 'Patient', id: 'a' }])),
      (_: unknown, response: never) =>
        send(
          response,
          JSON.stringify(searchset([consent('x', 'Patient/a')])).replace('"id"', '"id":"y","id"'),
        ),
    ]) {
      server.handle = handle as typeof good
      expect(await refusalOf(server.upstream.consents(['Patient/a']))).toMatch(/^consent-unavailable: /)
    }
    server.handle = good
    stored = [consent('c', 'Patient/a')]
    expect(await ids('Patient/a')).toEqual({ 'Patient/a': ['c'] })
  })

  it('keeps Consents and lists of unchanged bytes identical, and replaces changed ones', async () => {
    stored = [consent('c', 'Patient/a'), consent('d', 'Patient/a')]
    const first = (await server.upstream.consents(['Patient/a'])).get('Patient/a')
    server.clock.now += 10_000
    const second = (await server.upstream.consents(['Patient/a'])).get('Patient/a')
    expect(server.requests).toHaveLength(2)
    expect(second).toBe(first)
    stored[1] = { ...consent('d', 'Patient/a'), status: 'inactive' } as StoredConsent
    server.clock.now += 10_000
    const third = (await server.upstream.consents(['Patient/a'])).get('Patient/a')
    expect(third?.[0]).toBe(first?.[0])
    expect(third?.[1]).not.toBe(first?.[1])
  })

  it('refuses an answer with an error outcome, and bears a warning', async () => {
    const outcome = (severity: string) => ({
      resourceType: 'Bundle',
      type: 'searchset',
      entry: [
        {
          resource: { resourceType: 'OperationOutcome', issue: [{ severity }] },
          search: { mode: 'outcome' },
        },
      ],
    })
    server.handle = (_, response) => send(response, outcome('error'))
    expect(await refusalOf(server.upstream.consents(['Patient/a']))).toMatch(/answered with an error/)
    server.handle = (_, response) => send(response, outcome('warning'))
    expect(await ids('Patient/a')).toEqual({ 'Patient/a': [] })
  })
})

/** Waits for the fake server, at most two seconds. */
async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 200 && !condition(); tries++)
    await new Promise(resolve => setTimeout(resolve, 10))
  expect(condition()).toBe(true)
}

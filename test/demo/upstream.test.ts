import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadBundle } from '../../src/demo/bundle.ts'
import { type DemoUpstream, startDemoUpstream } from '../../src/demo/upstream.ts'
import type { JsonObject, Resource } from '../../src/model/fhir.ts'

interface Answer {
  readonly status: number
  readonly text: string
  readonly json: {
    total?: number
    link?: { relation: string; url: string }[]
    entry?: { fullUrl: string; resource?: Resource; search?: { mode: string } }[]
  } & JsonObject
  readonly headers: Headers
}

const observation = (id: string, patient: string, more: JsonObject = {}): Resource => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '2160-0' }] },
  subject: { reference: `Patient/${patient}` },
  encounter: { reference: 'Encounter/e1' },
  ...more,
})
const resources: (Resource | string)[] = [
  { resourceType: 'Patient', id: 'a', birthDate: '1980-01-01', name: [{ family: 'Alpha' }] },
  { resourceType: 'Patient', id: 'b', birthDate: '1990-01-01', name: [{ family: 'Beta' }] },
  {
    resourceType: 'Encounter',
    id: 'e1',
    status: 'finished',
    class: { code: 'AMB' },
    subject: { reference: 'Patient/a' },
  },
  ...Array.from({ length: 7 }, (_, index) => observation(`o${index}`, 'a')),
  observation('other', 'b'),
  '{"resourceType":"Observation","id":"digits","status":"final","subject": {"reference" : "Patient/b"},"code":{"text":"x"},"valueQuantity":{"value":1.50,"unit":"mg"}}',
  { resourceType: 'Consent', id: 'ca', status: 'active', patient: { reference: 'Patient/a' } },
  { resourceType: 'Consent', id: 'cb', status: 'inactive', patient: { reference: 'Patient/b' } },
]

let upstream: DemoUpstream
const ask = async (path: string, init?: RequestInit): Promise<Answer> => {
  const response = await fetch(path.startsWith('http') ? path : `${upstream.url}/${path}`, init)
  const text = await response.text()
  return {
    status: response.status,
    text,
    json: text === '' ? {} : JSON.parse(text),
    headers: response.headers,
  }
}
const send = (method: string, path: string, body: JsonObject | string, headers = {}) =>
  ask(path, {
    method,
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { 'content-type': 'application/fhir+json', ...headers },
  })
const ids = (answer: Answer): string[] => (answer.json.entry ?? []).map(entry => String(entry.resource?.id))
const link = (answer: Answer, relation: string) => answer.json.link?.find(l => l.relation === relation)?.url

beforeAll(async () => {
  upstream = await startDemoUpstream({ resources, now: () => new Date('2026-11-01T12:00:00Z') })
})
afterAll(() => upstream.close())

describe('searching', () => {
  it('walks all pages by absolute next links and gives each match once', async () => {
    const seen: string[] = []
    let next: string | undefined = `${upstream.url}/Observation?patient=a&_count=3`
    let pages = 0
    while (next !== undefined) {
      const page = await ask(next)
      expect(page.json.total).toBe(7)
      expect(link(page, 'self')?.startsWith(`${upstream.url}/Observation?`)).toBe(true)
      seen.push(...ids(page))
      next = link(page, 'next')
      pages += 1
    }
    expect(pages).toBe(3)
    expect(seen.sort()).toEqual(['o0', 'o1', 'o2', 'o3', 'o4', 'o5', 'o6'])
  })

  it('gives every entry a fullUrl under its own base', async () => {
    const page = await ask('Consent?patient=Patient/a')
    expect(page.json.entry?.map(entry => entry.fullUrl)).toEqual([`${upstream.url}/Consent/ca`])
  })

  it('finds the Consents of several patients, with and without the type in the reference', async () => {
    expect(ids(await ask('Consent?patient=a,b')).sort()).toEqual(['ca', 'cb'])
    expect(ids(await ask('Consent?patient=Patient/a,Patient/b')).sort()).toEqual(['ca', 'cb'])
    expect(ids(await ask('Consent?patient=a,b&status=active'))).toEqual(['ca'])
  })

  it('looks up several ids at once and leaves out the unknown ones', async () => {
    expect(ids(await ask('Patient?_id=b,nobody,a')).sort()).toEqual(['a', 'b'])
  })

  it('takes a search by POST as it takes one by GET', async () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    const posted = await send('POST', 'Observation/_search', 'patient=b&_count=10', form)
    expect(ids(posted).sort()).toEqual(['digits', 'other'])
  })

  it('marks included resources', async () => {
    const page = await ask('Observation?_id=o1&_include=Observation:encounter')
    expect(page.json.entry?.map(entry => `${entry.resource?.id} ${entry.search?.mode}`)).toEqual([
      'o1 match',
      'e1 include',
    ])
  })

  it('counts without entries', async () => {
    const page = await ask('Observation?patient=a&_summary=count')
    expect([page.json.total, page.json.entry]).toEqual([7, undefined])
  })

  it('sorts by a date, both ways, and puts what has none last', async () => {
    const dated = (id: string, date?: string) =>
      observation(id, 'sorted', date === undefined ? {} : { effectiveDateTime: date })
    await upstream.load([
      dated('s1', '2026-02-01'),
      dated('s2'),
      dated('s3', '2026-01-01'),
      dated('s4', '2026-03-01'),
    ])
    expect(ids(await ask('Observation?patient=sorted&_sort=date'))).toEqual(['s3', 's1', 's4', 's2'])
    expect(ids(await ask('Observation?patient=sorted&_sort=-date'))).toEqual(['s4', 's1', 's3', 's2'])
  })

  it('tells a patient who is mentioned from the patient the resource is about', async () => {
    const mention = { performer: [{ reference: 'Patient/mentioned' }] }
    await upstream.load([observation('m1', 'about', mention)])
    expect(ids(await ask('Observation?patient=mentioned'))).toEqual([])
    expect(ids(await ask('Observation?patient=about'))).toEqual(['m1'])
  })

  it('combines a patient with a code, and sees a change at once', async () => {
    const coded = (code: string) =>
      observation('c1', 'coded', { code: { coding: [{ system: 'http://loinc.org', code }] } })
    await upstream.load([coded('718-7')])
    const query = 'Observation?patient=coded&code=http://loinc.org|718-7'
    expect(ids(await ask(query))).toEqual(['c1'])
    expect((await send('PUT', 'Observation/c1', coded('777-3'))).status).toBe(200)
    expect(ids(await ask(query))).toEqual([])
  })

  it('refuses a parameter it does not know', async () => {
    expect((await ask('Observation?colour=red')).status).toBe(400)
  })

  it('answers byte for byte the same to the same search', async () => {
    expect((await ask('Observation?patient=a')).text).toBe((await ask('Observation?patient=a')).text)
  })
})

describe('digits', () => {
  it('come out of reads and searches as they came in', async () => {
    expect((await ask('Observation/digits')).text).toContain('"value":1.50,')
    expect((await ask('Observation?_id=digits')).text).toContain('"value":1.50,')
  })

  it('survive a write by a client', async () => {
    const body =
      '{"resourceType":"Observation","id":"written","status":"final","code":{"text":"x"},"valueQuantity":{"value":0.1000}}'
    expect((await send('PUT', 'Observation/written', body)).status).toBe(201)
    expect((await ask('Observation/written')).text).toContain('"value":0.1000}')
  })

  it('leave a text with id and version untouched', async () => {
    const text =
      '{ "resourceType":"Basic", "id":"whole", "meta":{"versionId":"3","lastUpdated":"2026-01-01T00:00:00Z"}, "code":{} }'
    await upstream.load([text])
    expect((await ask('Basic/whole')).text).toBe(text)
  })
})

describe('writing', () => {
  it('keeps the id a client chose and counts versions, so that an event can be put twice', async () => {
    const event = {
      resourceType: 'AuditEvent',
      id: '0193-a',
      type: { code: 'rest' },
      recorded: '2026-11-01T00:00:00Z',
    }
    const first = await send('PUT', 'AuditEvent/0193-a', event)
    const second = await send('PUT', 'AuditEvent/0193-a', event)
    expect([first.status, second.status]).toEqual([201, 200])
    expect(first.headers.get('etag')).toBe('W/"1"')
    expect(second.headers.get('location')).toBe(`${upstream.url}/AuditEvent/0193-a/_history/2`)
    expect((await ask('AuditEvent/0193-a/_history')).json.total).toBe(2)
    expect((await ask('AuditEvent/0193-a/_history/1')).json['meta']).toMatchObject({ versionId: '1' })
  })

  it('refuses a body that is not the resource of the URL', async () => {
    expect((await send('PUT', 'AuditEvent/x', { resourceType: 'Patient', id: 'x' })).status).toBe(400)
    expect((await send('PUT', 'AuditEvent/x', { resourceType: 'AuditEvent', id: 'y' })).status).toBe(400)
    expect((await send('PUT', 'AuditEvent/x', 'not json')).status).toBe(400)
  })

  it('makes an id for what is posted, and answers 410 after a delete', async () => {
    const made = await send('POST', 'Basic', { resourceType: 'Basic', code: { text: 'x' } })
    expect(made.status).toBe(201)
    const place = `Basic/${String(made.json['id'])}`
    expect((await ask(place)).status).toBe(200)
    expect((await ask(place, { method: 'DELETE' })).status).toBe(204)
    expect((await ask(place)).status).toBe(410)
  })

  it('refuses an update of a version that is no longer current', async () => {
    const patient = { resourceType: 'Patient', id: 'cas' }
    await send('PUT', 'Patient/cas', patient)
    expect((await send('PUT', 'Patient/cas', patient, { 'if-match': 'W/"9"' })).status).toBe(412)
    expect((await send('PUT', 'Patient/cas', patient, { 'if-match': 'W/"1"' })).status).toBe(200)
  })

  it('forgets without a trace', async () => {
    await upstream.load([observation('gone', 'a')])
    expect((await ask('Observation?patient=a')).json.total).toBe(8)
    await upstream.forget(['Observation/gone'])
    expect((await ask('Observation?patient=a')).json.total).toBe(7)
    expect((await ask('Observation/gone')).status).toBe(404)
  })
})

describe('the rest of the interface', () => {
  it('gives everything of a patient, the patient first', async () => {
    const all = await ask('Patient/a/$everything?_count=4')
    expect(ids(all)[0]).toBe('a')
    expect(all.json.total).toBe(10)
    expect(link(all, 'next')).toContain('_offset=4')
  })

  it('gives type and system history', async () => {
    expect((await ask('Patient/_history')).json.total).toBeGreaterThanOrEqual(2)
    expect((await ask('_history?_count=1')).json.entry).toHaveLength(1)
  })

  it('names itself in its CapabilityStatement', async () => {
    expect((await ask('metadata')).json['implementation']).toMatchObject({ url: upstream.url })
  })

  it('answers what it does not know with 404 and an OperationOutcome', async () => {
    for (const path of ['Nonsense', 'Patient/nobody', 'Patient/a/$else', 'Patient/a/_history/99']) {
      const answer = await ask(path)
      expect([path, answer.status, answer.json['resourceType']]).toEqual([path, 404, 'OperationOutcome'])
    }
  })

  it('counts its requests', async () => {
    const before = upstream.requests()
    await ask('metadata')
    expect(upstream.requests()).toBe(before + 1)
    expect(upstream.calls().at(-1)).toBe('GET /fhir/metadata')
  })

  it('listens on loopback only', async () => {
    await expect(startDemoUpstream({ resources: [], host: '0.0.0.0' })).rejects.toThrow(
      'expected a loopback host',
    )
  })
})

describe('loadBundle', () => {
  const bundle =
    '{"resourceType":"Bundle","type":"transaction","entry":[' +
    '{"fullUrl":"urn:uuid:11111111-1111-1111-1111-111111111111","resource":{"resourceType":"Patient"}},' +
    '{"fullUrl":"urn:uuid:22222222-2222-2222-2222-222222222222","resource":{"resourceType":"Observation","id":"o","valueQuantity":{"value":2.00},' +
    '"subject":{"reference":"urn:uuid:11111111-1111-1111-1111-111111111111"},"performer":[{"reference":"Practitioner?identifier=x|y"}]}}]}'

  it('resolves references inside the Bundle and keeps the others', () => {
    const [patient, observed] = loadBundle(JSON.parse(bundle) as JsonObject)
    expect(patient?.id).toBe('11111111-1111-1111-1111-111111111111')
    expect(observed?.['subject']).toEqual({ reference: `Patient/${patient?.id}` })
    expect(observed?.['performer']).toEqual([{ reference: 'Practitioner?identifier=x|y' }])
  })

  it('keeps the digits of a Bundle given as text', () => {
    expect(JSON.stringify(loadBundle(bundle)[1])).toContain('"value":2.00')
  })

  it('names the entry that cannot be loaded', () => {
    const bad = { resourceType: 'Bundle', entry: [{ resource: { resourceType: 'Patient' } }] }
    expect(() => loadBundle(bad)).toThrow('Bundle.entry[0]')
  })
})

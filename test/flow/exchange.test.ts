import { describe, expect, test } from 'vitest'
import { exchange, receive } from '../../src/flow/exchange.ts'
import { receiptFor } from '../../src/flow/receipt.ts'
import type { Receipt } from '../../src/model/exchange.ts'
import { Refusal } from '../../src/model/refusal.ts'
import { answer, NOW, observation, raw, request, world } from './world.ts'

const seen = { resources: [observation('seen'), observation('hidden')] }

describe('a read', () => {
  test('gives what is released', async () => {
    const made = world(seen)
    expect((await made.get('Observation/seen')).text).toBe(JSON.stringify(observation('seen')))
    expect(made.released).toHaveLength(1)
  })

  test('of what is withheld ends as one of what is absent; the record tells them apart', async () => {
    const made = world(seen)
    const [hidden, absent] = [await made.get('Observation/hidden'), await made.get('Observation/absent')]
    expect(hidden).toEqual(absent)
    expect(hidden.text).toBe('not-found')
    expect(made.refused.map(({ decided }) => decided?.decision.decision)).toEqual(['deny', undefined])
  })

  test('of a version is one of that version, unless the resource is withheld or gone today', async () => {
    const versions: Record<string, string> = { 'a/1': 'a', 'a/2': 'a', 'hidden/1': 'hidden' }
    const reading = (current: string | undefined) => ({
      resources: [],
      upstream: {
        read: async (_type: string, id: string, version?: string) => {
          if (version !== undefined)
            return versions[`${id}/${version}`] === undefined ? 'absent' : raw(observation(id))
          return current === undefined ? 'absent' : raw(observation(id, { note: [{ text: current }] }))
        },
      } as const,
    })
    const open = world(reading('now'))
    expect((await open.get('Observation/a/_history/1')).text).toBe(JSON.stringify(observation('a')))
    expect((await open.get('Observation/a/_history/9')).text).toBe('not-found')
    expect((await open.get('Observation/hidden/_history/1')).text).toBe('not-found')
    expect((await world(reading(undefined)).get('Observation/a/_history/1')).text).toBe('not-found')
    const labelledSince = world({
      ...reading('now'),
      decide: ({ facts }) => (Buffer.from(facts.bytes).includes('now') ? { effect: 'deny' } : {}),
    })
    expect((await labelledSince.get('Observation/a/_history/1')).text).toBe('not-found')
  })

  test('that the upstream answers with another resource is refused; what cannot be read is not found', async () => {
    const answering = (text: string) =>
      world({ resources: [], upstream: { read: async () => raw(text) } }).get('Observation/a')
    expect((await answering(JSON.stringify(observation('b')))).text).toBe('upstream-invalid')
    expect((await answering('{"resourceType":"Observation","id":"a","id":"a"}')).text).toBe('not-found')
  })
})

describe('what stops an exchange on the way', () => {
  test('a body that is too large, bytes that were no request, a refusal of any room', async () => {
    const made = world(seen)
    const ask = async (change: object) =>
      answer(await exchange(made.rooms, { ...request('/fhir/Patient/p'), ...change }))
    expect((await ask({ oversized: true })).text).toBe('too-large')
    expect((await ask({ unreadable: 'syntax' })).status).toBe(400)
    expect((await ask({ target: '/fhir/Nothing/1' })).text).toBe('unknown-type')
    expect(made.refused).toHaveLength(3)
    expect(made.released).toEqual([])
  })

  test('the record knows how far it came', async () => {
    const over = {
      identity: {
        ...world(seen).rooms.identity,
        admit: () => {
          throw new Refusal('scope-insufficient')
        },
      },
    }
    const made = world({ ...seen, over })
    expect((await made.get('Observation/seen')).text).toBe('scope-insufficient')
    expect(made.refused[0]).toMatchObject({ requester: { client: 'ehr' } })
    expect(made.refused[0]?.interaction).toBeUndefined()
    const unavailable = world({
      ...seen,
      upstream: { read: () => Promise.reject(new Refusal('upstream-unavailable')) },
    })
    await unavailable.get('Observation/seen')
    expect(unavailable.refused[0]).toMatchObject({ interaction: { code: 'read', id: 'seen' } })
  })

  test.each([
    [new TypeError('Patient/secret'), /^TypeError at src\/|^TypeError$/],
    [Object.assign(new Error('Patient/secret'), { stack: undefined }), /^Error$/],
    ['Patient/secret', /^unknown error$/],
  ])(
    'a defect is one constant answer, and the record names its place and no datum',
    async (defect, detail) => {
      const made = world({ ...seen, upstream: { read: () => Promise.reject(defect) } })
      expect((await made.get('Observation/seen')).text).toBe('internal')
      expect(made.refused[0]?.refusal.detail).toMatch(detail)
      expect(made.refused[0]?.refusal.detail).not.toContain('secret')
    },
  )
})

describe('no record, no response', () => {
  const ledger = world(seen).rooms.ledger
  const recorder = (over: object) => {
    const { rooms } = world(seen)
    return { recorder: { ...rooms.recorder, ...over } }
  }
  const broken = () => {
    throw new Error('Observation/seen')
  }

  test.each([
    ['rejects', { ledger: { ...ledger, append: () => Promise.reject(new Error('disk full')) } }],
    ['throws', { ledger: { ...ledger, append: broken } }],
    ['hangs', { ledger: { ...ledger, append: () => new Promise<Receipt>(() => undefined) } }],
  ])('a ledger that %s gives the constant answer, found or not', async (_how, over) => {
    const made = world({ ...seen, over, site: { recordTimeoutMs: 20 } })
    for (const path of ['Observation/seen', 'Observation/absent', 'Observation?patient=p', 'Nothing'])
      expect(await made.get(path)).toEqual({ status: 503, text: 'unrecorded' })
  })

  test('a record that cannot be built is none: the refusal of it is recorded where it can be', async () => {
    const made = world({ ...seen, over: recorder({ disclosure: broken }) })
    expect(await made.get('Observation/seen')).toEqual({ status: 503, text: 'unrecorded' })
    const worse = world({ ...seen, over: recorder({ disclosure: broken, refusal: broken }) })
    expect(await worse.get('Observation/seen')).toEqual({ status: 503, text: 'unrecorded' })
    expect(await worse.get('Observation/absent')).toEqual({ status: 503, text: 'unrecorded' })
  })

  test('a receipt for another exchange is none', async () => {
    const append = async () => ({ exchange: 'another', sequence: 1, recordedAt: '' }) as unknown as Receipt
    const { rooms } = world({ ...seen, over: { ledger: { ...ledger, append } } })
    await expect(receiptFor(rooms, { exchange: 'this', events: [] })).rejects.toThrow()
  })
})

describe("the gateway's own documents", () => {
  test('need no record and no requester, and do without the upstream', async () => {
    const made = world(seen)
    expect((await made.get('metadata')).text).toBe('metadata with upstream')
    const alone = world({ ...seen, upstream: { capabilities: () => Promise.reject(new Error('down')) } })
    expect((await alone.get('metadata')).text).toBe('metadata alone')
    expect(made.released.length + made.refused.length).toBe(0)
  })
})

describe('what is received', () => {
  const { rooms } = world(seen)
  const correlation = (headers: [string, string][]) => receive(rooms, request('/fhir', headers)).correlation

  test('gets an id of its own and the time, and keeps the ids of the client as data', () => {
    const one = receive(
      rooms,
      request('/fhir', [
        ['X-Request-Id', 'abc'],
        ['TraceParent', '00-1-2-01'],
      ]),
    )
    expect(one.correlation).toEqual({ requestId: 'abc', traceparent: '00-1-2-01' })
    expect(one.receivedAt).toBe(NOW)
    expect(one.id).not.toBe(receive(rooms, request('/fhir')).id)
  })

  test.each(['', 'a b', 'a\nb', 'é', 'x'.repeat(129)])('%j is no id', value => {
    expect(correlation([['X-Request-Id', value]])).toEqual({})
  })
})

describe('the decision on the whole', () => {
  test('is permit where something was released or nothing was there', async () => {
    const word = async (resources: ReturnType<typeof observation>[]) => {
      const made = world({ resources })
      await made.get('Observation?patient=p')
      return made.released[0]?.decision.decision
    }
    expect(await word([observation('hidden'), observation('v')])).toBe('permit')
    expect(await word([])).toBe('permit')
    expect(await word([observation('hidden')])).toBe('deny')
  })

  test('names the Consents that could not be read', async () => {
    const { rooms } = world(seen)
    const unreadable = (why?: string) => ({
      ref: { reference: 'Consent/c' },
      state: 'unreadable' as const,
      ...(why === undefined ? {} : { why }),
      form: {
        policies: [],
        signed: false,
        dated: false,
        signers: [],
        purposes: [],
        labels: [],
        recipients: [],
        disclosers: [],
        items: {},
      },
      looksInside: false,
      copy: { resourceType: 'Consent' },
      compiled: undefined,
    })
    const consent = {
      ...rooms.consent,
      read: () => [unreadable(), unreadable('no status'), { ...unreadable(), state: 'enforceable' as const }],
    }
    const made = world({ ...seen, over: { consent } })
    await made.get('Observation/seen')
    expect(made.released[0]?.decision.unread).toEqual([
      { consent: { reference: 'Consent/c' }, why: 'unreadable' },
      { consent: { reference: 'Consent/c' }, why: 'no status' },
    ])
  })
})

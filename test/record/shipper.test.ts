import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AuditSet, Ledger } from '../../src/model/record.ts'
import { openLedger } from '../../src/record/ledger.ts'
import type { Shipper, ShipperNotice, ShipperOptions } from '../../src/record/shipper.ts'
import { createShipper } from '../../src/record/shipper.ts'
import { auditSet, configuration, temporaryFolder } from './sets.ts'

type Respond = (url: string, body: string) => number | Error | undefined

/** An audit repository: takes single PUTs and batches of them, and does what `respond` says first. */
class Repository {
  readonly arrived: string[] = []
  readonly requests: { method: string; url: string; headers: Headers }[] = []
  batches = true
  /** Status for one PUT (`Type/id`), or undefined for 201. */
  respondEntry: Respond = () => undefined
  /** Status for a whole request, or undefined to go on. */
  respond: Respond = () => undefined

  readonly fetch = (async (input: string, init: RequestInit) => {
    const { method = '', body } = init
    this.requests.push({ method, url: input, headers: new Headers(init.headers) })
    const whole = this.respond(input, String(body))
    if (whole instanceof Error) throw whole
    if (whole !== undefined) return new Response('{}', { status: whole })
    if (method === 'PUT') return new Response(null, { status: this.#put(input, JSON.parse(String(body))) })
    if (!this.batches) return new Response('{}', { status: 405 })
    const { entry } = JSON.parse(String(body))
    const response = entry.map((one: { request: { url: string }; resource: object }) => ({
      response: { status: `${this.#put(one.request.url, one.resource)} x` },
    }))
    return Response.json({ resourceType: 'Bundle', type: 'batch-response', entry: response })
  }) as typeof globalThis.fetch

  #put(url: string, resource: object): number {
    const name = url.split('/').slice(-2).join('/')
    const status = this.respondEntry(name, JSON.stringify(resource)) as number | undefined
    if (status === undefined) this.arrived.push(name)
    return status ?? 201
  }
}

let folder: ReturnType<typeof temporaryFolder>
let file: string
let ledger: Ledger
let repository: Repository
const shippers: Shipper[] = []
const notices: ShipperNotice[] = []

beforeEach(async () => {
  folder = temporaryFolder()
  file = join(folder.path, 'ledger.sqlite')
  ledger = await openLedger(configuration(file))
  repository = new Repository()
  notices.length = 0
})
afterEach(async () => {
  await Promise.all(shippers.splice(0).map(shipper => shipper.close()))
  await ledger.close()
  folder.remove()
})

function started(more: Partial<ShipperOptions> = {}): Shipper {
  const shipper = createShipper({
    file,
    baseUrl: 'https://audit.example/fhir',
    fetch: repository.fetch,
    pollMs: 5,
    backoffMs: 5,
    backoffMaxMs: 20,
    notify: notice => notices.push(notice),
    ...more,
  })
  shippers.push(shipper)
  return shipper
}

function shippable(sets: readonly AuditSet[]): string[] {
  return sets.flatMap(set =>
    set.events.filter(one => one.kind !== 'decision').map(one => `${one.kind}/${one.id}`),
  )
}

async function appended(count: number): Promise<AuditSet[]> {
  const sets = Array.from({ length: count }, (_, i) => auditSet(`${i}`))
  await Promise.all(sets.map(ledger.append))
  return sets
}

function settled(shipper: Shipper): Promise<void> {
  return expect.poll(() => shipper.status().lag, { timeout: 5000 }).toBe(0)
}

describe('shipping to the audit repository', () => {
  it('puts every AuditEvent and Provenance under its own id, once, in order, and no decision row', async () => {
    const sets = await appended(200)
    const shipper = started()
    await settled(shipper)
    expect(repository.arrived).toEqual(shippable(sets))
    expect(repository.requests.length).toBeLessThan(20)
    const later = await appended(3)
    await settled(shipper)
    expect(repository.arrived.slice(-6)).toEqual(shippable(later))
  })

  it('sends the own credential with every request, and says when it was refused', async () => {
    await appended(1)
    let rejected = 0
    let token = 'old'
    repository.respond = () =>
      repository.requests.at(-1)?.headers.get('authorization') === 'Bearer old' ? 401 : undefined
    const shipper = started({
      credential: {
        headers: () => ['authorization', `Bearer ${token}`],
        rejected: () => {
          rejected++
          token = 'new'
        },
      },
    })
    await settled(shipper)
    expect(rejected).toBe(1)
    expect(repository.arrived).toHaveLength(2)
    expect(shipper.status().dead).toBe(0)
  })

  it('survives an outage of errors, time-outs and broken answers, then delivers everything in order', async () => {
    const sets = await appended(100)
    let failures = 12
    const faults = [500, 503, new Error('ECONNREFUSED'), 429, 404, 302]
    repository.respond = () => (failures-- > 0 ? faults[failures % faults.length] : undefined)
    const shipper = started()
    await settled(shipper)
    expect(new Set(repository.arrived)).toEqual(new Set(shippable(sets)))
    expect(repository.arrived).toEqual(shippable(sets))
    expect(notices.filter(notice => notice.kind === 'outage').length).toBeGreaterThan(5)
    expect(notices.at(-1)).toEqual({ kind: 'recovered' })
    expect(shipper.status()).toMatchObject({ dead: 0, failures: 0 })
  })

  it('delivers again what arrived without being confirmed, under the same id', async () => {
    const sets = await appended(5)
    let first = true
    const { fetch } = repository
    const lossy = (async (input: string, init: RequestInit) => {
      const answer = await fetch(input, init)
      if (!first) return answer
      first = false
      throw new Error('connection lost after commit')
    }) as typeof globalThis.fetch
    const shipper = started({ fetch: lossy })
    await settled(shipper)
    expect(repository.arrived).toHaveLength(20)
    expect([...new Set(repository.arrived)]).toEqual(shippable(sets))
  })

  it('waits at the first event that fails for a while, so that order is kept', async () => {
    const sets = await appended(3)
    const names = shippable(sets)
    let busy = 3
    repository.respondEntry = name => (name === names[2] && busy-- > 0 ? 503 : undefined)
    const shipper = started()
    await settled(shipper)
    const firsts = [...new Set(repository.arrived)]
    expect(firsts).toHaveLength(6)
    expect(shipper.status().dead).toBe(0)
  })

  it('goes on where it stopped after a restart', async () => {
    const before = await appended(20)
    const shipper = started()
    await settled(shipper)
    await shipper.close()
    const after = await appended(20)
    await settled(started())
    expect(repository.arrived).toEqual(shippable([...before, ...after]))
  })

  it('lays what is refused for good aside, counts it, and delivers it when told to try again', async () => {
    const sets = await appended(4)
    const names = shippable(sets)
    const refusedNames = [names[1], names[6]]
    repository.respondEntry = name => (refusedNames.includes(name) ? 422 : undefined)
    const shipper = started()
    await settled(shipper)
    expect(shipper.status().dead).toBe(2)
    expect(shipper.deadLetters().map(letter => [letter.id, letter.status])).toEqual(
      refusedNames.map(name => [name?.split('/')[1], 422]),
    )
    expect(notices.filter(notice => notice.kind === 'dead-letter').map(notice => notice.total)).toEqual([
      2, 2,
    ])
    expect(repository.arrived).toHaveLength(6)
    expect(await shipper.redrive()).toBe(0)
    repository.respondEntry = () => undefined
    expect(await shipper.redrive()).toBe(2)
    expect(shipper.status().dead).toBe(0)
    expect(new Set(repository.arrived)).toEqual(new Set(names))
  })

  it('falls back to single PUTs where the repository takes no batches', async () => {
    repository.batches = false
    const sets = await appended(3)
    const shipper = started()
    await settled(shipper)
    expect(repository.arrived).toEqual(shippable(sets))
    expect(
      repository.requests.filter(request => request.method === 'PUT').map(request => request.url),
    ).toContain(`https://audit.example/fhir/${shippable(sets)[0]}`)
  })

  it('introduces the gateway before the first event, once', async () => {
    await appended(2)
    const shipper = started({ introduce: [{ resourceType: 'Device', id: 'consentry' }] })
    await settled(shipper)
    await appended(1)
    await settled(shipper)
    expect(repository.arrived[0]).toBe('Device/consentry')
    expect(repository.arrived.filter(name => name.startsWith('Device/'))).toHaveLength(1)
  })

  it('stops at once in the middle of a request that hangs', async () => {
    await appended(1)
    const hanging = ((_: string, init: RequestInit) =>
      new Promise((_resolve, reject) => {
        init.signal?.addEventListener('abort', () => reject(new Error('aborted')))
      })) as typeof globalThis.fetch
    const shipper = started({ fetch: hanging })
    await new Promise(resolve => setTimeout(resolve, 30))
    const begun = performance.now()
    await shipper.close()
    expect(performance.now() - begun).toBeLessThan(500)
    await settled(started())
    expect(repository.arrived).toHaveLength(2)
  })

  it('never makes an append wait, whatever the repository does', async () => {
    let asked = 0
    const hanging = (() => {
      asked++
      return new Promise(() => undefined)
    }) as unknown as typeof globalThis.fetch
    const shipper = started({ fetch: hanging, requestTimeoutMs: 20 })
    for (let i = 0; i < 20; i++) await appended(10)
    await expect.poll(() => asked).toBeGreaterThan(1)
    expect(ledger.healthy()).toBe(true)
    await shipper.close()
  })
})

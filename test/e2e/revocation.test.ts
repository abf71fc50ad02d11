import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/model/fhir.ts'
import {
  freePort,
  type GatewayProcess,
  openSurroundings,
  type Surroundings,
  startGateway,
} from '../support/gateway-process.ts'
import { plainConsent, weighed } from '../support/permits.ts'
import { openTestSite } from '../support/site.ts'

const HOSPITAL = { client: 'treating-hospital', user: 'PractitionerRole/priya-lindqvist-role' }
const US = 'Organization/redwood-hospital'
const SECRET = 'a-secret-between-two-gateways'
/** The stated latency of the gateways under test. */
const LATENCY_MS = 3_000
/** Between two questions, and of one. */
const ROUND_MS = 250

const permit = (status: string) =>
  plainConsent({ id: 'yes', patient: 'Patient/a', type: 'permit', recipient: US, status })
/** Another patient, whose Consent stays: releases go on. */
const other = plainConsent({ id: 'other', patient: 'Patient/b', type: 'permit', recipient: US })

let around: Surroundings
let token: string
let ports: readonly number[] = []
const gateways: GatewayProcess[] = []

beforeAll(async () => {
  around = await openSurroundings([...weighed('a'), ...weighed('b'), permit('active'), other], {
    policy: { defaultPolicy: 'deny', zone: 'America/Los_Angeles' },
    limits: { consentCacheMs: LATENCY_MS },
  })
  token = await around.issuer.issueToken({ ...HOSPITAL, lifetimeSeconds: 3600 })
  writeFileSync(join(around.folder, 'secret'), `${SECRET}\n`)
})
afterAll(() => around.close())
beforeEach(async () => {
  await around.upstream.load([permit('active')])
})
afterEach(async () => {
  for (const { child, exited } of gateways.splice(0)) {
    child.kill('SIGKILL')
    await exited
  }
})

/** Two gateways on the same upstream, each with its own ledger; peers of each other where `joined`. */
async function startTwo(joined: boolean, more: JsonObject = {}): Promise<void> {
  ports = [await freePort(), await freePort()]
  const door = (port: number) => `http://127.0.0.1:${port}/notify/consent`
  await Promise.all(
    ports.map(async (port, index) => {
      const peers = ports.filter(one => one !== port).map(one => ({ url: door(one) }))
      const file = around.configure(`gateway-${port}.json`, {
        server: { host: '127.0.0.1', port, baseUrl: `http://localhost:${port}/fhir` },
        audience: [around.baseUrl],
        ledger: { file: join(around.folder, `ledger-${port}`, 'ledger.sqlite'), repository: 'none' },
        ...(joined
          ? {
              notifications: {
                secretFile: join(around.folder, 'secret'),
                peers,
                ...more,
                ...endpoint(more, index),
              },
            }
          : {}),
      })
      gateways.push(await startGateway(file))
    }),
  )
}

const endpoint = (more: JsonObject, index: number): JsonObject =>
  more['subscribe'] === true ? { endpoint: `http://127.0.0.1:${ports[index]}/notify/consent` } : {}

const statusOf = async (port: number, id = 'weight-a'): Promise<number> => {
  const answer = await fetch(`http://127.0.0.1:${port}/fhir/Observation/${id}`, {
    headers: { Authorization: `Bearer ${token}` },
  })
  await answer.text()
  return answer.status
}

/** Asks a gateway again and again; gives when the last release was asked for, ms after `since`; stops when refused. */
async function lastRelease(port: number, since: number): Promise<number> {
  let last = Number.NEGATIVE_INFINITY
  for (;;) {
    const asked = performance.now()
    const status = await statusOf(port)
    if (status !== 200) {
      expect(status).toBe(404)
      return last
    }
    last = asked - since
    expect(last, 'releases go on').toBeLessThan(LATENCY_MS + 5_000)
    await sleep(20)
  }
}

const notify = (port: number, body: unknown, secret = SECRET): Promise<number> =>
  fetch(`http://127.0.0.1:${port}/notify/consent`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${secret}` },
    body: JSON.stringify(body),
  }).then(({ status }) => status)

describe('a Consent that is revoked at the upstream, past two gateways', { timeout: 60_000 }, () => {
  test('stops releases on both within the stated latency', async () => {
    await startTwo(false)
    expect(await Promise.all(ports.map(port => statusOf(port)))).toEqual([200, 200])
    await around.upstream.load([permit('inactive')])
    const since = performance.now()
    const last = await Promise.all(ports.map(port => lastRelease(port, since)))
    console.log(
      `stated latency ${LATENCY_MS} ms; last release asked for ${last.map(ms => `${Math.round(ms)} ms`).join(' and ')} after the revocation`,
    )
    for (const ms of last) expect(ms).toBeLessThanOrEqual(LATENCY_MS)
    expect(await Promise.all(ports.map(port => statusOf(port, 'weight-b')))).toEqual([200, 200])
  })

  test('stops them at once on both where one of them is told', async () => {
    await startTwo(true)
    const times: string[] = []
    for (const body of [{ patient: 'Patient/a' }, permit('inactive'), {}]) {
      await around.upstream.load([permit('active')])
      expect(await notify(ports[0] ?? 0, {})).toBe(200)
      await sleep(ROUND_MS)
      expect(await Promise.all(ports.map(port => statusOf(port)))).toEqual([200, 200])
      await around.upstream.load([permit('inactive')])
      // Without a word they would go on: the positive control.
      expect(await Promise.all(ports.map(port => statusOf(port)))).toEqual([200, 200])
      const since = performance.now()
      expect(await notify(ports[0] ?? 0, body)).toBe(200)
      const told = performance.now() - since
      expect(await statusOf(ports[0] ?? 0), 'at once where it was told').toBe(404)
      const peer = await lastRelease(ports[1] ?? 0, since)
      times.push(
        `told after ${told.toFixed(0)} ms, last release of the peer ${peer < 0 ? 'none' : `${peer.toFixed(0)} ms`}`,
      )
      expect(peer).toBeLessThan(ROUND_MS * 2)
    }
    console.log(`notification to one of two gateways: ${times.join('; ')}`)
    expect(await Promise.all(ports.map(port => statusOf(port, 'weight-b')))).toEqual([200, 200])
  })

  test('is not hurried by whoever does not know the secret', async () => {
    await startTwo(true)
    expect(await Promise.all(ports.map(port => statusOf(port)))).toEqual([200, 200])
    await around.upstream.load([permit('inactive')])
    expect(await notify(ports[0] ?? 0, { patient: 'Patient/a' }, 'another-secret-of-somebody')).toBe(401)
    expect(await Promise.all(ports.map(port => statusOf(port)))).toEqual([200, 200])
  })

  test('a peer that is away holds nobody up and is warned of', async () => {
    await startTwo(true)
    const [second] = gateways.splice(1, 1)
    const away = second?.child.spawnargs.some(word => word.includes(`${ports[1]}`)) ? 1 : 0
    const here = ports[1 - away] ?? 0
    second?.child.kill('SIGKILL')
    await second?.exited
    expect(await statusOf(here)).toBe(200)
    await around.upstream.load([permit('inactive')])
    const since = performance.now()
    expect(await notify(here, {})).toBe(200)
    expect(await statusOf(here)).toBe(404)
    expect(performance.now() - since).toBeLessThan(2_000)
    await expect
      .poll(() => gateways[0]?.printed(), { timeout: 10_000 })
      .toMatch(/warning: notifications\.peers\[0\]: http\S+ does not take notifications/)
    expect(gateways[0]?.printed()).not.toContain(SECRET)
  })

  test('Subscriptions are asked for while they run, and taken away when they stop', async () => {
    await startTwo(true, { subscribe: true })
    const calls = () => around.upstream.calls().filter(call => call.includes('/Subscription'))
    await expect.poll(() => calls().filter(call => call.startsWith('PUT')).length).toBe(2)
    for (const { child, exited } of gateways.splice(0)) {
      child.kill('SIGTERM')
      expect((await exited).code).toBe(0)
    }
    expect(calls().filter(call => call.startsWith('DELETE'))).toHaveLength(2)
  })
})

describe('a write of a Consent that passes through a gateway', { timeout: 30_000 }, () => {
  test('drops what is kept at once: the hook every write calls', async () => {
    const site = await openTestSite({
      resources: [...weighed('a'), permit('active')],
      overrides: { policy: { defaultPolicy: 'deny' }, limits: { consentCacheMs: 60_000 } },
    })
    const status = async () => (await site.get('Observation/weight-a', HOSPITAL)).status
    try {
      expect(await status()).toBe(200)
      await site.upstream.load([permit('inactive')])
      expect(await status()).toBe(200)
      site.house.rooms.upstream.invalidateConsents('Patient/a')
      expect(await status()).toBe(404)
      await site.upstream.load([permit('active')])
      site.house.rooms.upstream.invalidateConsents('Consent/yes')
      expect(await status()).toBe(200)
      await site.upstream.load([permit('inactive')])
      site.house.rooms.upstream.invalidateConsents()
      expect(await status()).toBe(404)
    } finally {
      await site.close()
    }
  })

  test('tells the other gateways too', async () => {
    const heard: string[] = []
    const { createServer } = await import('node:http')
    const server = createServer((request, response) => {
      request.on('data', (chunk: Buffer) => heard.push(`${request.headers.authorization} ${chunk}`))
      request.on('end', () => response.end())
    }).listen(0, '127.0.0.1')
    await new Promise(resolve => server.once('listening', resolve))
    const { port } = server.address() as { port: number }
    const site = await openTestSite({
      resources: [...weighed('a')],
      overrides: {
        notifications: {
          secretFile: join(around.folder, 'secret'),
          peers: [{ url: `http://127.0.0.1:${port}/notify/consent` }],
        },
      },
    })
    try {
      site.house.rooms.upstream.invalidateConsents('Patient/a')
      await expect.poll(() => heard).toEqual([`Bearer ${SECRET} {"relayed":true,"patients":["Patient/a"]}`])
    } finally {
      await site.close()
      server.close()
    }
  })

  test('a secret that is too short, or cannot be read, stops the start', async () => {
    const short = join(around.folder, 'short')
    writeFileSync(short, 'short\n')
    const open = (secretFile: string) =>
      openTestSite({ resources: [], overrides: { notifications: { secretFile } } })
    await expect(open(short)).rejects.toThrow(/notifications\.secretFile: expected one line of at least 16/)
    await expect(open(join(around.folder, 'none'))).rejects.toThrow(
      /notifications\.secretFile: .* cannot be read/,
    )
  })
})

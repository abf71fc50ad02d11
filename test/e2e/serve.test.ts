import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { verifyLedger } from '../../src/record/verify.ts'
import {
  freePort,
  type GatewayProcess,
  openSurroundings,
  runGateway,
  type Surroundings,
  startGateway,
} from '../support/gateway-process.ts'
import { startLoad } from '../support/load.ts'

const HOSPITAL = { client: 'treating-hospital', user: 'PractitionerRole/priya-lindqvist-role' }

let around: Surroundings
let token: string
const gateways: GatewayProcess[] = []

beforeAll(async () => {
  around = await openSurroundings()
  token = await around.issuer.issueToken({ ...HOSPITAL, lifetimeSeconds: 3600 })
})
afterEach(async () => {
  for (const { child, exited } of gateways.splice(0)) {
    child.kill('SIGKILL')
    await exited
  }
})
afterAll(() => around.close())

function kept(gateway: GatewayProcess): GatewayProcess {
  gateways.push(gateway)
  return gateway
}

/** Sends a signal; gives how the process ended and after how long, ms. */
async function stop({ child, exited }: GatewayProcess, signal: NodeJS.Signals) {
  const before = performance.now()
  child.kill(signal)
  const ended = await exited
  return { ...ended, tookMs: performance.now() - before }
}

const elena = (): Promise<number> =>
  fetch(`http://127.0.0.1:${around.port}/fhir/Patient/elena-marsh`, {
    headers: { Authorization: `Bearer ${token}` },
  }).then(({ status }) => status)

describe('serve', { timeout: 60_000 }, () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    'ends within seconds on %s under load and cuts no answer off',
    async signal => {
      const gateway = kept(await startGateway(around.configFile))
      const load = startLoad(around.port, 6, () => ({ token, path: '/fhir/Condition?patient=elena-marsh' }))
      await expect.poll(() => load.heard.length, { timeout: 10_000 }).toBeGreaterThan(12)
      const stopping = stop(gateway, signal)
      await load.stop()
      const { code, tookMs } = await stopping
      expect(code).toBe(0)
      expect(tookMs).toBeLessThan(4000)
      expect(load.heard.filter(({ complete, status }) => !complete || status !== 200)).toEqual([])
      expect(verifyLedger(around.ledgerFile).ok).toBe(true)
      expect(gateway.printed()).toMatch(/^consentry serves \S+ on 127\.0\.0\.1:\d+, policy revision \w+\n$/)
    },
  )

  test('ends within seconds while clients keep asking over open connections', async () => {
    const gateway = kept(await startGateway(around.configFile))
    const load = startLoad(around.port, 4, () => ({ token, path: '/fhir/Patient/elena-marsh' }))
    await expect.poll(() => load.heard.length, { timeout: 10_000 }).toBeGreaterThan(12)
    const { code, tookMs } = await stop(gateway, 'SIGTERM')
    await load.stop()
    expect(code).toBe(0)
    expect(tookMs).toBeLessThan(4000)
    expect(load.heard.filter(({ complete }) => !complete)).toEqual([])
  })

  test('ends within seconds while the upstream hangs', async () => {
    let asked = 0
    const hanging = createServer(() => {
      asked++
    }).listen(0, '127.0.0.1')
    await once(hanging, 'listening')
    try {
      const url = `http://127.0.0.1:${(hanging.address() as AddressInfo).port}/fhir`
      const gateway = kept(await startGateway(around.configure('hanging.json', { upstream: { url } })))
      const answer = elena().catch(() => 'no answer')
      await expect.poll(() => asked, { timeout: 10_000 }).toBeGreaterThan(0)
      const { code, tookMs } = await stop(gateway, 'SIGTERM')
      expect(code).toBe(0)
      expect(tookMs).toBeLessThan(7000)
      expect(await answer).toBe('no answer')
    } finally {
      hanging.closeAllConnections()
      hanging.close()
    }
  })

  test('hears a signal that comes while it starts', async () => {
    const gateway = kept(runGateway(['serve', '--config', around.configFile]))
    await sleep(Math.random() * 400)
    const { code, signal, tookMs } = await stop(gateway, 'SIGTERM')
    expect([code, signal]).toEqual(code === 0 ? [0, null] : [null, 'SIGTERM'])
    expect(tookMs).toBeLessThan(10_000)
  })

  test('says that another gateway has the ledger, ends with 1, and leaves the other alone', async () => {
    const first = kept(await startGateway(around.configFile))
    const other = kept(
      runGateway(['serve', '--config', around.configFile, '--port', String(await freePort())]),
    )
    expect(await other.exited).toEqual({ code: 1, signal: null })
    expect(other.printed()).toBe(
      `consentry: ledger ${around.ledgerFile}: another gateway writes it; every gateway needs a ledger file of its own\n`,
    )
    expect(await elena()).toBe(200)
    expect((await stop(first, 'SIGTERM')).code).toBe(0)
  })

  test('says that its port is taken, ends with 1 and leaves the ledger free', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    try {
      const gateway = kept(runGateway(['serve', '--config', around.configFile, '--port', String(port)]))
      expect(await gateway.exited).toEqual({ code: 1, signal: null })
      expect(gateway.printed()).toMatch(
        new RegExp(`^consentry: port ${port} on 127\\.0\\.0\\.1 is taken; .*\\n$`),
      )
      const again = kept(await startGateway(around.configFile))
      expect((await stop(again, 'SIGTERM')).code).toBe(0)
    } finally {
      taken.close()
    }
  })

  test.each([
    ['its own port', 0],
    ['the port of its issuer', 1],
    ['the port of its FHIR server', 2],
  ])('the demo says that %s is taken and ends with 1', async (_what, offset) => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    try {
      const ledger = `${around.folder}/demo-${offset}/ledger.sqlite`
      const gateway = kept(runGateway(['serve', '--port', String(port - offset), '--ledger', ledger]))
      expect(await gateway.exited).toEqual({ code: 1, signal: null })
      expect(gateway.printed()).toMatch(new RegExp(`^consentry: .*port ${port} on \\S+ is taken; .*\\n$`))
    } finally {
      taken.close()
    }
  })
})

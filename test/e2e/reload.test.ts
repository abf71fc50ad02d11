import { once } from 'node:events'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { request as ask, createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readExchange } from '../../src/record/verify.ts'
import {
  type GatewayProcess,
  openSurroundings,
  type Surroundings,
  startGateway,
} from '../support/gateway-process.ts'
import { weighed } from '../support/permits.ts'

/** A server before the upstream that keeps requests back while it is told to. */
interface Gate {
  readonly url: string
  readonly server: Server
  hold: Promise<void> | undefined
  readonly reached: () => number
}

async function openGate(target: string): Promise<Gate> {
  let reached = 0
  const gate = { hold: undefined as Promise<void> | undefined }
  const server = createServer(async (asked, answer) => {
    reached++
    await gate.hold
    const { origin } = new URL(target)
    const passed = ask(
      `${origin}${asked.url ?? ''}`,
      { method: asked.method, headers: asked.headers },
      given => {
        answer.writeHead(given.statusCode ?? 500, given.headers)
        given.pipe(answer)
      },
    )
    asked.pipe(passed)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}${new URL(target).pathname}`
  return Object.assign(gate, { url, server, reached: () => reached })
}

const law = (enabled: boolean): string =>
  JSON.stringify({
    title: 'House rules',
    rows: [
      {
        id: 'house-nothing',
        title: 'Nothing to the hospital',
        citation: 'house rule 1',
        jurisdiction: 'site',
        enabled,
        confidence: 'high',
        when: { requesterRoles: ['provider'] },
        effect: 'deny',
        ground: '171.202(e)',
      },
    ],
  })

let around: Surroundings
let gate: Gate
let gateway: GatewayProcess | undefined
let token: string
let lawFile: string

function put(text: string): void {
  writeFileSync(`${lawFile}.new`, text)
  renameSync(`${lawFile}.new`, lawFile)
}

beforeAll(async () => {
  around = await openSurroundings(weighed('a'))
  gate = await openGate(around.upstream.url)
  const profiles = join(around.folder, 'profiles')
  mkdirSync(join(profiles, 'law'), { recursive: true })
  lawFile = join(profiles, 'law', 'house.json')
  put(law(false))
  const config = around.configure('reload.json', {
    upstream: { url: gate.url },
    policy: { defaultPolicy: 'law', profileFolders: [profiles] },
    ledger: { file: around.ledgerFile, repository: 'none' },
  })
  token = await around.issuer.issueToken({
    client: 'treating-hospital',
    user: 'PractitionerRole/priya-lindqvist-role',
    lifetimeSeconds: 3600,
  })
  gateway = await startGateway(config)
}, 60_000)

afterAll(async () => {
  gateway?.child.kill('SIGKILL')
  await gateway?.exited
  gate.server.closeAllConnections()
  gate.server.close()
  await around.close()
})

const weight = () =>
  fetch(`http://127.0.0.1:${around.port}/fhir/Observation/weight-a`, {
    headers: { Authorization: `Bearer ${token}` },
  })
const serving = async (): Promise<string> => {
  const ready = await fetch(`http://127.0.0.1:${around.port}/health/ready`)
  return /policy revision (\w+)/.exec(await ready.text())?.[1] ?? ''
}
const recordedRevision = (answer: Response): unknown => {
  const rows = readExchange(around.ledgerFile, answer.headers.get('x-request-id') ?? '')
  const row = rows.find(({ kind }) => kind === 'decision')
  return (JSON.parse(row?.body ?? '{}') as { revision?: string }).revision
}

test('a row that is switched in a site folder holds for the next exchange, not for the one under way', async () => {
  const before = await serving()
  const opened = Promise.withResolvers<void>()
  const reached = gate.reached()
  gate.hold = opened.promise
  const slow = weight()
  await expect.poll(gate.reached, { timeout: 10_000 }).toBeGreaterThan(reached)
  put(law(true))
  await expect.poll(() => gateway?.printed(), { timeout: 15_000 }).toContain('the rules changed')
  opened.resolve()
  const old = await slow
  const next = await weight()
  expect([old.status, next.status]).toEqual([200, 404])
  const after = await serving()
  expect([recordedRevision(old), recordedRevision(next)]).toEqual([before, after])
  expect(after).not.toBe(before)

  put('{ "title": "half')
  await expect.poll(() => gateway?.printed(), { timeout: 15_000 }).toContain(`${lawFile}: expected JSON`)
  expect([await serving(), (await weight()).status]).toEqual([after, 404])
  expect(gateway?.printed()).not.toMatch(/\n\s+at /)
  put(law(false))
  gateway?.child.kill('SIGHUP')
  await expect.poll(serving, { timeout: 15_000 }).toBe(before)
  expect((await weight()).status).toBe(200)
}, 60_000)

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DemoSite, openDemoSite } from '../../src/demo-site.ts'
import type { JsonObject, Resource } from '../../src/model/fhir.ts'

const ROOT = new URL('../../', import.meta.url).pathname
const START_MS = 30_000
/** Compiled modules, shared by the gateways of all tests: most of a start is compiling. */
const COMPILED = join(ROOT, 'var', 'compiled')

/** The servers around a gateway, kept in this process, and a configuration file for one in a process of its own. */
export interface Surroundings extends Pick<DemoSite, 'issuer' | 'upstream'> {
  readonly folder: string
  readonly port: number
  readonly baseUrl: string
  readonly ledgerFile: string
  readonly configFile: string
  /** Writes another configuration file beside it, with `overrides` laid over; gives its name. */
  readonly configure: (name: string, overrides: JsonObject) => string
  readonly close: () => Promise<void>
}

/** A port nobody listens on just now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

export async function openSurroundings(
  resources?: readonly (Resource | string)[],
  overrides: JsonObject = {},
): Promise<Surroundings> {
  const folder = mkdtempSync(join(tmpdir(), 'consentry-gateway-'))
  const ledgerFile = join(folder, 'ledger', 'ledger.sqlite')
  const port = await freePort()
  const demo = await openDemoSite({
    gatewayPort: port,
    issuerPort: 0,
    upstreamPort: 0,
    ledgerFile,
    ...(resources === undefined ? {} : { resources }),
  })
  const { issuer, upstream } = demo
  const { $schema: _, ...site } = JSON.parse(
    readFileSync(join(ROOT, 'profiles/deployment/demo.json'), 'utf8'),
  ) as JsonObject
  const baseUrl = `http://localhost:${port}/fhir`
  const configure = (name: string, more: JsonObject): string => {
    const file = join(folder, name)
    const whole = {
      ...site,
      server: { host: '127.0.0.1', port, baseUrl },
      upstream: { url: upstream.url },
      issuers: [{ issuer: issuer.issuer, jwksUri: issuer.jwksUri, tokenEndpoint: issuer.tokenUrl }],
      ledger: { file: ledgerFile },
      ...overrides,
      ...more,
    }
    writeFileSync(file, JSON.stringify(whole))
    return file
  }
  return {
    issuer,
    upstream,
    folder,
    port,
    baseUrl,
    ledgerFile,
    configFile: configure('site.json', {}),
    configure,
    close: async () => {
      await demo.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export interface GatewayProcess {
  readonly child: ChildProcess
  /** Everything it printed so far. */
  readonly printed: () => string
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
}

/** Runs the command line in a process of its own. */
export function runGateway(words: readonly string[]): GatewayProcess {
  const child = spawn(process.execPath, [join(ROOT, 'src/cli.ts'), ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: ROOT,
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILED },
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal }))
  })
  return { child, printed: () => text, exited }
}

/** Starts a gateway on a configuration file and waits until it serves. */
export async function startGateway(configFile: string): Promise<GatewayProcess> {
  const gateway = runGateway(['serve', '--config', configFile])
  let timer: NodeJS.Timeout | undefined
  const serving = new Promise<void>(resolve => {
    gateway.child.stdout?.on('data', () => {
      if (gateway.printed().includes('consentry serves')) resolve()
    })
  })
  const failed = gateway.exited.then(({ code }) => {
    throw new Error(`the gateway ended with ${code}: ${gateway.printed()}`)
  })
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the gateway did not start')), START_MS)
  })
  try {
    await Promise.race([serving, failed, late])
    return gateway
  } catch (error) {
    gateway.child.kill('SIGKILL')
    throw error
  } finally {
    failed.catch(() => undefined)
    clearTimeout(timer)
  }
}

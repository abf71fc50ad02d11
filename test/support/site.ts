import { existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DemoIssuer, TokenRequest } from '../../src/demo/issuer.ts'
import type { DemoUpstream } from '../../src/demo/upstream.ts'
import { type DemoSite, openDemoSite } from '../../src/demo-site.ts'
import { type House, type HouseSeams, openHouse } from '../../src/house.ts'
import type { JsonObject, Resource } from '../../src/model/fhir.ts'
import { listen } from '../../src/server/listen.ts'

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

/** A gateway on the embedded servers, asked without a socket (`get`) or with one (`url`). */
export interface TestSite {
  readonly house: House
  readonly upstream: DemoUpstream
  readonly issuer: DemoIssuer
  readonly ledgerFile: string
  readonly officeFile: string
  readonly baseUrl: string
  readonly get: (
    path: string,
    as: TokenRequest | string | undefined,
    more?: Readonly<Record<string, string>>,
  ) => Promise<Reply>
  readonly ask: (
    method: string,
    target: string,
    as: TokenRequest | undefined,
    headers?: Readonly<Record<string, string>>,
    body?: string,
  ) => Promise<Reply>
  /** A second gateway with empty caches and its own ledger, on the same servers and configuration. */
  readonly again: () => Promise<TestSite>
  /** Closes this gateway and opens another on the same servers, configuration, ledger and office. */
  readonly restart: () => Promise<TestSite>
  /** Opens a real port; gives the base URL of the FHIR API behind it. */
  readonly serve: () => Promise<string>
  readonly close: () => Promise<void>
}

export interface TestSiteOptions {
  readonly resources: readonly (Resource | string)[]
  readonly overrides?: JsonObject
  readonly seams?: HouseSeams
  /** Whether the record is shipped to the upstream; few tests look there, and it takes a third of their time. */
  readonly shipping?: boolean
}

/** Base of the gateway's links in tests; nothing listens there. */
const GATEWAY_PORT = 18080

export async function openTestSite(options: TestSiteOptions): Promise<TestSite> {
  const demo = await openDemoSite({
    gatewayPort: GATEWAY_PORT,
    issuerPort: 0,
    upstreamPort: 0,
    ledgerFile: 'unused',
    resources: options.resources,
    ...(options.seams?.now === undefined ? {} : { now: options.seams.now }),
    overrides: {
      ...options.overrides,
      ledger: {
        ...(options.shipping === true ? {} : { repository: 'none' }),
        ...(options.overrides?.['ledger'] as JsonObject | undefined),
      },
    },
  })
  return furnish(demo, options.seams, demo.close)
}

const MEMORY = '/dev/shm'
const ROOM_BYTES = 4 << 30

/** Memory in place of a disk, where there is enough: these tests ask nothing of what a ledger survives. */
function quickFolder(): string {
  if (!existsSync(MEMORY)) return tmpdir()
  const { bavail, bsize } = statfsSync(MEMORY)
  return bavail * bsize > ROOM_BYTES ? MEMORY : tmpdir()
}

async function furnish(
  demo: DemoSite,
  seams: HouseSeams | undefined,
  closeServers: () => Promise<void>,
  folder = mkdtempSync(join(quickFolder(), 'consentry-')),
): Promise<TestSite> {
  const ledgerFile = join(folder, 'ledger.sqlite')
  const officeFile = join(folder, 'office.sqlite')
  const { configuration } = demo
  const house = await openHouse(
    {
      ...configuration,
      ledger: { ...configuration.ledger, file: ledgerFile },
      office: { ...configuration.office, file: officeFile },
    },
    seams,
  )
  const { baseUrl } = configuration.server
  const closers: (() => Promise<void>)[] = []
  const tokens = new Map<string, Promise<string>>()
  /** One token for the same request of it: who asks often does not log in for each. A clock that was turned gets new ones. */
  const tokenFor = (as: TokenRequest): Promise<string> => {
    const key = JSON.stringify([as, seams?.now?.().getTime()])
    const known = tokens.get(key) ?? demo.issuer.issueToken(as)
    tokens.set(key, known)
    return known
  }
  const ask: TestSite['ask'] = async (method, target, as, headers = {}, body = '') => {
    const token = as === undefined ? undefined : await tokenFor(as)
    const all = {
      Host: 'gateway.test',
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      ...(body === '' ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }),
      ...headers,
    }
    const reply = await house.exchange({
      method,
      target,
      headers: Object.entries(all),
      body: Buffer.from(body),
      remoteAddress: '127.0.0.1',
    })
    return { status: reply.status, headers: reply.headers, text: Buffer.from(reply.body).toString('utf8') }
  }
  return {
    house,
    upstream: demo.upstream,
    issuer: demo.issuer,
    ledgerFile,
    officeFile,
    baseUrl,
    ask,
    get: (path, as, more) =>
      ask(
        'GET',
        `/fhir/${path.replace(`${baseUrl}/`, '')}`,
        typeof as === 'string' ? { client: as } : as,
        more,
      ),
    again: () => furnish(demo, seams, async () => undefined),
    restart: async () => {
      for (const close of closers.splice(0)) await close()
      await house.close()
      return furnish(demo, seams, closeServers, folder)
    },
    serve: async () => {
      const listening = await listen(house.app, {
        host: '127.0.0.1',
        port: 0,
        headerBytes: 16_384,
        exchange: house.exchange,
      })
      closers.push(listening.close)
      return `http://127.0.0.1:${listening.port}/fhir`
    },
    close: async () => {
      for (const close of closers) await close()
      await house.close()
      await closeServers()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Every page of a search, following `next`. */
export async function allPages(site: TestSite, query: string, as: TokenRequest): Promise<Reply[]> {
  const replies: Reply[] = []
  let path: string | undefined = query
  while (path !== undefined) {
    const reply = await site.get(path, as)
    replies.push(reply)
    const { link } = JSON.parse(reply.text) as { link?: { relation: string; url: string }[] }
    path = link?.find(({ relation }) => relation === 'next')?.url
  }
  return replies
}

/** Entries of a searchset. */
export function entriesOf(reply: Reply): { resource: Record<string, unknown>; search?: { mode?: string } }[] {
  const bundle = JSON.parse(reply.text) as { entry?: { resource: Record<string, unknown> }[] }
  return bundle.entry ?? []
}

/** References of the matches of a searchset, in order. */
export function matchesOf(reply: Reply): string[] {
  return entriesOf(reply)
    .filter(entry => entry.search?.mode === 'match')
    .map(({ resource }) => `${String(resource['resourceType'])}/${String(resource['id'])}`)
}

/** Every byte a reader could read: the text, and every base64 payload in it decoded. */
export function decodedText(reply: Reply): string {
  const payloads = [...reply.text.matchAll(/"data":"([A-Za-z0-9+/=]{8,})"/g)].map(match =>
    Buffer.from(match[1] ?? '', 'base64').toString('utf8'),
  )
  return [reply.text, ...payloads].join('\n')
}

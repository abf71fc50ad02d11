import { randomBytes, randomUUIDv7 } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Express } from 'express'
import { createConsentReader } from './consent/reader.ts'
import { openConsultDesk } from './consult-desk.ts'
import { type Engine, openEngine } from './engine.ts'
import { type ConsultRooms, consult } from './flow/consult.ts'
import { createCursors } from './flow/cursors.ts'
import { exchange } from './flow/exchange.ts'
import type { Rooms, Site } from './flow/rooms.ts'
import { createIdentity } from './identity/identity.ts'
import { createInteractionParser } from './interaction/parser.ts'
import { referencePaths, searchParameterPaths, servedTypes } from './interaction/search-parameters.ts'
import { createDocumentReader } from './label/document-reader.ts'
import { createLabeller } from './label/labeller.ts'
import type { Configuration, LedgerConfiguration } from './model/configuration.ts'
import type { HttpRequest, HttpResponse } from './model/exchange.ts'
import type { Ledger } from './model/record.ts'
import { openNotifications } from './notifications.ts'
import { createRecorder } from './record/events.ts'
import type { RecorderOptions } from './record/fragments.ts'
import { openLedger } from './record/ledger.ts'
import { createResponder } from './respond/responder.ts'
import { createSegmenter } from './segment/segmenter.ts'
import { createApp } from './server/app.ts'
import { openShipper } from './shipping.ts'
import { siteFindings, siteRevision } from './site-rules.ts'
import { createUpstream } from './upstream/upstream.ts'
import { version } from './version.ts'

/** The whole house, furnished: every room made from one configuration. */
export interface House {
  readonly rooms: Rooms
  readonly engine: Engine
  /** Names data and site rules in force. */
  readonly revision: string
  readonly exchange: (request: HttpRequest) => Promise<HttpResponse>
  /** CDS Hooks requests. */
  readonly consult: (request: HttpRequest) => Promise<HttpResponse>
  readonly app: Express
  /** Called once the port is open: asks the servers to tell of changed Consents, where the site wants that. */
  readonly subscribe: () => void
  readonly close: () => Promise<void>
}

/** What tests replace. */
export interface HouseSeams {
  readonly now?: () => Date
  readonly ledger?: Ledger
  readonly pageKey?: Uint8Array
  /** Takes warnings of what goes wrong beside exchanges; standard error where absent. */
  readonly warn?: (text: string) => void
}

/** Positions of page walks kept in memory. */
const CURSORS = 10_000

type Close = () => Promise<void>

/**
 * Opens the house; makes the folder of the ledger (mode 0700) where it is missing. Throws Error with a plain message
 * when data, ledger or configuration cannot be used, and then leaves nothing open.
 */
export async function openHouse(configuration: Configuration, seams: HouseSeams = {}): Promise<House> {
  const opened: Close[] = []
  try {
    return await furnish(configuration, seams, opened)
  } catch (error) {
    await closeAll(opened).catch(() => undefined)
    throw error
  }
}

/** Makes and joins the rooms; whatever must be closed is put into `opened` as soon as it is open. */
async function furnish(configuration: Configuration, seams: HouseSeams, opened: Close[]): Promise<House> {
  const { limits, server, ledger: store } = configuration
  const now = seams.now ?? (() => new Date())
  const engine = openEngine(configuration.policy)
  const { problems } = siteFindings(configuration, engine)
  if (problems.length > 0) throw new Error(problems.join('\n'))
  const revision = siteRevision(configuration, engine)
  const { consentServers = [] } = configuration
  const ownUpstream = createUpstream({ ...configuration.upstream, consentServers }, limits, {
    now: () => now().getTime(),
    readFile: readText,
  })
  opened.push(ownUpstream.close)
  const warn = seams.warn ?? (text => void process.stderr.write(`consentry: warning: ${text}\n`))
  const notifications = openNotifications(configuration, ownUpstream, { readFile: readText, warn })
  opened.push(notifications.close)
  const { upstream } = notifications
  const speaking = speakingRooms(configuration, engine, {
    pageKey: seams.pageKey ?? randomBytes(32),
    revision,
    now,
  })
  opened.push(async () => speaking.identity.close())
  const deciding = decidingRooms(configuration, engine)
  opened.push(deciding.labeller.close)
  const ledger = seams.ledger ?? (await openLedger(inOwnFolder(store)))
  opened.push(ledger.close)
  const shipper = openShipper(configuration)
  if (shipper !== undefined) opened.push(shipper.close)
  const rooms: Rooms = {
    ...deciding,
    ...speaking,
    upstream,
    ledger,
    cursors: createCursors(CURSORS, limits.pageTokenSeconds * 1000),
    references: { referencePaths, searchParameterPaths },
    site: siteOf(configuration, engine, revision, now),
  }
  const consulting: ConsultRooms = {
    ...rooms,
    desk: openConsultDesk(configuration, engine, rooms, recording(configuration, now)),
  }
  const app = createApp({
    basePath: new URL(server.baseUrl).pathname.replace(/\/$/, ''),
    exchange: request => exchange(rooms, request),
    consult: request => consult(consulting, request),
    ...(notifications.door === undefined ? {} : { notify: notifications.door }),
    overload: () => rooms.responder.unrecorded(),
    ready: async () => ledger.healthy() && (await upstream.ready()),
    requestBodyBytes: limits.requestBodyBytes,
    requestsInFlight: limits.requestsInFlight,
    passThrough: server.passThrough ?? [],
  })
  return {
    rooms,
    engine,
    revision,
    exchange: request => exchange(rooms, request),
    consult: request => consult(consulting, request),
    app,
    subscribe: notifications.subscribe,
    close: () => closeAll(opened.splice(0)),
  }
}

/** The last opened first, each whatever the others do; throws the first error afterwards. */
async function closeAll(opened: readonly Close[]): Promise<void> {
  const errors: unknown[] = []
  for (const close of opened.toReversed()) await close().catch((error: unknown) => errors.push(error))
  if (errors.length > 0) throw errors[0]
}

/** Makes the folder of the ledger where it is missing; only its owner may look into it. */
function inOwnFolder(store: LedgerConfiguration): LedgerConfiguration {
  const folder = dirname(store.file)
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    return store
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error'
    throw new Error(`ledger ${store.file}: the folder ${folder} cannot be made (${code})`)
  }
}

/** How much longer than the ledger flow waits, so that the ledger's own word comes first. */
const RECORD_GRACE_MS = 500

function siteOf(configuration: Configuration, engine: Engine, revision: string, now: () => Date): Site {
  const { limits, policy, server, custodian, registry } = configuration
  return {
    baseUrl: server.baseUrl,
    custodian,
    registry,
    zone: policy.zone,
    ...(policy.defaultPolicy === 'law' ? {} : { defaultPolicy: policy.defaultPolicy }),
    ...(policy.defaultPolicies === undefined ? {} : { defaultPolicies: policy.defaultPolicies }),
    bases: [server.baseUrl, configuration.upstream.url],
    organizationPolicy: policy.organization,
    recipientClasses: engine.recipientClasses,
    revision,
    limits,
    recordTimeoutMs: configuration.ledger.appendTimeoutMs + RECORD_GRACE_MS,
    now,
  }
}

const readText = (path: string): string => readFileSync(path, 'utf8')

type Deciding = Pick<Rooms, 'labeller' | 'consent' | 'decider' | 'segmenter'>

function decidingRooms(configuration: Configuration, engine: Engine): Deciding {
  const { limits, policy, server, registry, custodian, upstream } = configuration
  const cacheBytes = Math.floor(limits.contentCacheBytes / 3)
  return {
    consent: createConsentReader({ ...engine.purposes, bases: [server.baseUrl, upstream.url] }),
    decider: engine.decider,
    labeller: createLabeller(
      engine.labels,
      {
        registry,
        custodian,
        unknownSource: policy.unknownSource,
        minimumConfidence: policy.minimumConfidence,
        upstreamBase: upstream.url,
        gatewayBase: server.baseUrl,
        referrers: upstream.referrers ?? [],
      },
      { cacheBytes, jsonDepth: limits.jsonDepth },
      createDocumentReader(),
    ),
    segmenter: createSegmenter({
      baseUrl: server.baseUrl,
      upstreamBase: upstream.url,
      ...engine.segmenting,
      cacheBytes,
      withheldNotice: policy.withheldNotice,
    }),
  }
}

type Speaking = Pick<Rooms, 'identity' | 'interaction' | 'recorder' | 'responder'>

function speakingRooms(
  configuration: Configuration,
  engine: Engine,
  { pageKey, revision, now }: { pageKey: Uint8Array; revision: string; now: () => Date },
): Speaking {
  const { server, limits, policy } = configuration
  const { baseUrl } = server
  return {
    identity: createIdentity(
      {
        ...configuration,
        baseUrl,
        purposeMap: engine.profiles.purposeMap,
        fhirBases: [configuration.upstream.url],
        zone: policy.zone,
      },
      { fetch, now, readSecret: async path => readText(path) },
    ),
    interaction: createInteractionParser({
      basePath: new URL(baseUrl).pathname.replace(/\/$/, ''),
      baseUrl,
      limits,
      pageKey,
      revision,
      now,
    }),
    recorder: createRecorder(recording(configuration, now)),
    responder: createResponder({
      baseUrl,
      issuers: configuration.issuers,
      version,
      servedTypes: servedTypes(),
    }),
  }
}

function recording({ server, custodian }: Configuration, now: () => Date): RecorderOptions {
  return {
    baseUrl: server.baseUrl,
    device: 'Device/consentry',
    deviceName: 'Consentry',
    organization: custodian.organization,
    newId: randomUUIDv7,
    now,
  }
}

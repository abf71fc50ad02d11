import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Express } from 'express'
import { Agent } from 'undici'
import { createConsentReader } from './consent/reader.ts'
import { type Engine, openEngine } from './engine.ts'
import { createCursors } from './flow/cursors.ts'
import { exchange } from './flow/exchange.ts'
import { uuidv7 } from './flow/identifiers.ts'
import type { Rooms } from './flow/rooms.ts'
import { createIdentity } from './identity/identity.ts'
import { createInteractionParser } from './interaction/parser.ts'
import { referencePaths, searchParameterPaths, servedTypes } from './interaction/search-parameters.ts'
import { createLabeller } from './label/labeller.ts'
import type { Configuration } from './model/configuration.ts'
import type { HttpRequest, HttpResponse } from './model/exchange.ts'
import type { Ledger } from './model/record.ts'
import { createRecorder } from './record/events.ts'
import { openLedger } from './record/ledger.ts'
import { createShipper, type Shipper } from './record/shipper.ts'
import { createResponder } from './respond/responder.ts'
import { createSegmenter } from './segment/segmenter.ts'
import { createApp } from './server/app.ts'
import { createCredential } from './upstream/credential.ts'
import { createUpstream } from './upstream/upstream.ts'
import { version } from './version.ts'

/** The whole house, furnished: every room made from one configuration. */
export interface House {
  readonly rooms: Rooms
  readonly engine: Engine
  readonly exchange: (request: HttpRequest) => Promise<HttpResponse>
  readonly app: Express
  readonly close: () => Promise<void>
}

/** What tests replace. */
export interface HouseSeams {
  readonly now?: () => Date
  readonly ledger?: Ledger
  readonly pageKey?: Uint8Array
}

/** Positions of page walks kept in memory. */
const CURSORS = 10_000

/** Opens the house. Throws Error with a plain message when data, ledger or configuration cannot be used. */
export async function openHouse(configuration: Configuration, seams: HouseSeams = {}): Promise<House> {
  const { limits, policy, server, ledger: store } = configuration
  const now = seams.now ?? (() => new Date())
  const engine = openEngine(policy)
  const ledger = seams.ledger ?? (await openLedger(store))
  const upstream = createUpstream(configuration.upstream, limits, {
    now: () => now().getTime(),
    readFile: readText,
  })
  const rooms: Rooms = {
    ...decidingRooms(configuration, engine),
    ...speakingRooms(configuration, engine, seams.pageKey ?? randomBytes(32), now),
    upstream,
    ledger,
    cursors: createCursors(CURSORS, limits.pageTokenSeconds * 1000),
    references: { referencePaths, searchParameterPaths },
    site: {
      baseUrl: server.baseUrl,
      custodian: configuration.custodian,
      registry: configuration.registry,
      zone: policy.zone,
      ...(policy.defaultPolicy === 'law' ? {} : { defaultPolicy: policy.defaultPolicy }),
      organizationPolicy: policy.organization,
      recipientClasses: engine.recipientClasses,
      revision: engine.revision,
      limits,
      now,
    },
  }
  const shipper = openShipper(configuration)
  const app = createApp({
    basePath: new URL(server.baseUrl).pathname.replace(/\/$/, ''),
    exchange: request => exchange(rooms, request),
    overload: () => rooms.responder.unrecorded(),
    ready: async () => ledger.healthy() && (await upstream.ready()),
    requestBodyBytes: limits.requestBodyBytes,
    requestsInFlight: limits.requestsInFlight,
    passThrough: server.passThrough ?? [],
  })
  return {
    rooms,
    engine,
    exchange: request => exchange(rooms, request),
    app,
    close: async () => {
      rooms.identity.close()
      await shipper?.close()
      await upstream.close()
      await ledger.close()
    },
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
      { registry, custodian, unknownSource: policy.unknownSource, upstreamBase: upstream.url },
      { cacheBytes, jsonDepth: limits.jsonDepth },
    ),
    segmenter: createSegmenter({
      baseUrl: server.baseUrl,
      upstreamBase: upstream.url,
      notices: engine.profiles.notices,
      required: engine.required,
      cacheBytes,
      withheldNotice: policy.withheldNotice,
    }),
  }
}

type Speaking = Pick<Rooms, 'identity' | 'interaction' | 'recorder' | 'responder'>

function speakingRooms(
  configuration: Configuration,
  engine: Engine,
  pageKey: Uint8Array,
  now: () => Date,
): Speaking {
  const { server, limits, policy, custodian } = configuration
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
      revision: engine.revision,
      now,
    }),
    recorder: createRecorder({
      baseUrl,
      device: 'Device/consentry',
      deviceName: 'Consentry',
      organization: custodian.organization,
      newId: () => uuidv7(Date.now()),
      now,
    }),
    responder: createResponder({
      baseUrl,
      issuers: configuration.issuers,
      version,
      servedTypes: servedTypes(),
    }),
  }
}

/** Ships the record to the audit repository, the upstream by default, with the gateway's own credential there. */
function openShipper(configuration: Configuration): Shipper | undefined {
  const { ledger, upstream, limits, custodian } = configuration
  if (ledger.repository === 'none') return undefined
  const target = ledger.repository ?? { url: upstream.url, credential: upstream.credential }
  const credential = createCredential(target.credential, {
    now: () => Date.now(),
    readFile: readText,
    dispatcher: new Agent({ connections: 1 }),
    timeoutMs: limits.upstreamTimeoutMs,
  })
  return createShipper({
    file: ledger.file,
    baseUrl: target.url,
    fetch,
    credential,
    introduce: [
      {
        resourceType: 'Device',
        id: 'consentry',
        status: 'active',
        deviceName: [{ name: 'Consentry', type: 'user-friendly-name' }],
        owner: { reference: custodian.organization },
      },
    ],
  })
}

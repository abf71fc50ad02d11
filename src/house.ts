import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Express } from 'express'
import { openEmergencyDesk } from './emergency-desk.ts'
import type { Engine } from './engine.ts'
import { consult } from './flow/consult.ts'
import { declareEmergency } from './flow/emergency.ts'
import { exchange } from './flow/exchange.ts'
import type { Rooms } from './flow/rooms.ts'
import { openHolding } from './holding.ts'
import {
  identities,
  type LoadedRules,
  loadRules,
  openRooms,
  type RoomsInForce,
  readText,
  recording,
  type Shared,
} from './house-rooms.ts'
import type { Configuration, LedgerConfiguration } from './model/configuration.ts'
import type { HttpRequest, HttpResponse } from './model/exchange.ts'
import type { OfficeStore } from './model/office.ts'
import type { Ledger } from './model/record.ts'
import { openNotifications } from './notifications.ts'
import { openOfficeStore } from './office/store.ts'
import { openLedger } from './record/ledger.ts'
import { createReloadRecorder } from './record/reload.ts'
import type { ReloadBy, ReloadOutcome } from './reload.ts'
import { openRules, type Rules, type RulesOptions, ruleFolders, rulesOnDisk } from './reload-rules.ts'
import { createApp } from './server/app.ts'
import { openShipper } from './shipping.ts'
import { createUpstream } from './upstream/upstream.ts'

/** The whole house, furnished: every room made from one configuration. */
export interface House {
  /** The rooms of new exchanges; one under way keeps those it began with. */
  readonly rooms: Rooms
  readonly engine: Engine
  /** Names data and site rules in force. */
  readonly revision: string
  /** Looks at the files of the rules, and swaps the rooms where they say something else. Never rejects. */
  readonly reload: (by: ReloadBy) => Promise<ReloadOutcome>
  /** Looks whenever those files change; `tell` hears what came of it. */
  readonly watchRules: (tell: (outcome: ReloadOutcome) => void) => void
  readonly exchange: (request: HttpRequest) => Promise<HttpResponse>
  /** CDS Hooks requests. */
  readonly consult: (request: HttpRequest) => Promise<HttpResponse>
  /** Requests at the emergency door. */
  readonly declareEmergency: (request: HttpRequest) => Promise<HttpResponse>
  readonly app: Express
  /** Called once the port is open: asks the servers to tell of changed Consents, where the site wants that. */
  readonly subscribe: () => void
  readonly close: () => Promise<void>
}

/** What tests replace. */
export interface HouseSeams {
  readonly now?: () => Date
  readonly ledger?: Ledger
  readonly office?: OfficeStore
  readonly pageKey?: Uint8Array
  /** Takes warnings of what goes wrong beside exchanges; standard error where absent. */
  readonly warn?: (text: string) => void
}

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
  const { limits, server, ledger: store, consentServers = [] } = configuration
  const now = seams.now ?? (() => new Date())
  const where = ruleFolders(configuration.policy)
  const known = await rulesOnDisk(where)
  const loaded = loadRules(configuration)
  const ownUpstream = createUpstream({ ...configuration.upstream, consentServers }, limits, {
    now: () => now().getTime(),
    readFile: readText,
  })
  opened.push(ownUpstream.close)
  const warn = seams.warn ?? (text => void process.stderr.write(`consentry: warning: ${text}\n`))
  const notifications = openNotifications(configuration, ownUpstream, { readFile: readText, warn })
  opened.push(notifications.close)
  const { upstream } = notifications
  const ledger = seams.ledger ?? (await openLedger(inOwnFolder(store)))
  opened.push(ledger.close)
  const office = seams.office ?? openOfficeStore(configuration.office.file)
  opened.push(async () => office.close())
  const emergency = openEmergencyDesk(configuration, { store: office, now, readFile: readText, warn })
  opened.push(emergency.close)
  const shipper = openShipper(configuration)
  if (shipper !== undefined) opened.push(shipper.close)
  const shared: Shared = {
    upstream,
    ledger,
    store: office,
    pageKey: seams.pageKey ?? randomBytes(32),
    holding: openHolding(configuration, { store: office, now }),
    identityFor: identities(configuration, now, opened),
    now,
  }
  const rules = changeable(configuration, shared, { where, known, loaded, warn })
  opened.push(rules.close)
  const { walk, current } = rules.inForce
  const walks = {
    exchange: (request: HttpRequest) => walk(({ rooms }) => exchange(rooms, request)),
    consult: (request: HttpRequest) => walk(({ consulting }) => consult(consulting, request)),
    declareEmergency: (request: HttpRequest) =>
      walk(({ rooms }) => declareEmergency(emergency.joined(rooms), request)),
  }
  const app = createApp({
    basePath: new URL(server.baseUrl).pathname.replace(/\/$/, ''),
    ...walks,
    ...(notifications.door === undefined ? {} : { notify: notifications.door }),
    overload: () => current().rooms.responder.unrecorded(),
    ready: async () => ledger.healthy() && canLook(office) && (await upstream.ready()),
    revision: () => current().revision,
    requestBodyBytes: limits.requestBodyBytes,
    requestsInFlight: limits.requestsInFlight,
    passThrough: server.passThrough ?? [],
  })
  return {
    get rooms() {
      return current().rooms
    },
    get engine() {
      return current().engine
    },
    get revision() {
      return current().revision
    },
    ...walks,
    app,
    subscribe: notifications.subscribe,
    reload: rules.reload,
    watchRules: rules.watch,
    close: () => closeAll(opened.splice(0)),
  }
}

/** Rooms that are made anew, and swapped whole, when the files of the rules change. */
function changeable(
  configuration: Configuration,
  shared: Shared,
  given: Pick<RulesOptions<RoomsInForce>, 'where' | 'known' | 'warn'> & { readonly loaded: LoadedRules },
): Rules<RoomsInForce> {
  const record = createReloadRecorder(recording(configuration, shared.now))
  return openRules(openRooms(configuration, given.loaded, shared), {
    ...given,
    load: () => {
      const next = loadRules(configuration)
      return { revision: next.revision, open: () => openRooms(configuration, next, shared) }
    },
    record: async (change, by) => {
      await shared.ledger.append(record({ ...change, by }))
    },
  })
}

/** Where the office cannot be looked at, every exchange is answered 503. */
function canLook(office: OfficeStore): boolean {
  try {
    office.since(Number.MAX_SAFE_INTEGER)
    return true
  } catch {
    return false
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

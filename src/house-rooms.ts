import { randomUUIDv7 } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createConsentReader } from './consent/reader.ts'
import { openConsultDesk } from './consult-desk.ts'
import { readPseudonymKey } from './data/deidentification.ts'
import { type Engine, openEngine } from './engine.ts'
import type { ConsultRooms } from './flow/consult.ts'
import { createCursors } from './flow/cursors.ts'
import type { Rooms, Site } from './flow/rooms.ts'
import type { Holding } from './holding.ts'
import { createIdentity } from './identity/identity.ts'
import { createInteractionParser } from './interaction/parser.ts'
import { referencePaths, searchParameterPaths, servedTypes } from './interaction/search-parameters.ts'
import { createDocumentReader } from './label/document-reader.ts'
import { createLabeller } from './label/labeller.ts'
import type { Configuration } from './model/configuration.ts'
import type { Identity, Upstream } from './model/doors.ts'
import type { OfficeStore } from './model/office.ts'
import type { Projection } from './model/projection.ts'
import type { Ledger } from './model/record.ts'
import { createOffice } from './office/office.ts'
import { createRecorder } from './record/events.ts'
import type { RecorderOptions } from './record/fragments.ts'
import { createResponder } from './respond/responder.ts'
import { createDeidentification } from './segment/deidentify.ts'
import { projectionTable } from './segment/projections.ts'
import { createSegmenter } from './segment/segmenter.ts'
import { siteFindings, siteRevision } from './site-rules.ts'
import { version } from './version.ts'

/** Positions of page walks kept in memory. */
const CURSORS = 10_000

/** What stays while the rules change. */
export interface Shared {
  readonly upstream: Upstream
  readonly ledger: Ledger
  readonly store: OfficeStore
  readonly pageKey: Uint8Array
  readonly holding: Holding
  readonly identityFor: (purposeMap: Engine['profiles']['purposeMap']) => Identity
  readonly now: () => Date
}

export interface LoadedRules {
  readonly engine: Engine
  readonly revision: string
}

/** Rules of the site that passed every check. Throws Error naming file or member and what was expected. */
export function loadRules(configuration: Configuration): LoadedRules {
  const engine = openEngine(configuration.policy)
  const { problems } = siteFindings(configuration, engine)
  if (problems.length > 0) throw new Error(problems.join('\n'))
  return { engine, revision: siteRevision(configuration, engine) }
}

/** The rooms of one policy revision. Nothing that was found or remembered under another one is in them. */
export interface RoomsInForce extends LoadedRules {
  readonly rooms: Rooms
  readonly consulting: ConsultRooms
  readonly close: () => Promise<void>
}

export function openRooms(configuration: Configuration, loaded: LoadedRules, shared: Shared): RoomsInForce {
  const { engine, revision } = loaded
  const { now, upstream, ledger, store } = shared
  const deciding = decidingRooms(configuration, engine, now)
  const rooms: Rooms = {
    ...deciding,
    ...speakingRooms(configuration, engine, { ...shared, revision }),
    upstream,
    ledger,
    cursors: createCursors(CURSORS, configuration.limits.pageTokenSeconds * 1000),
    references: { referencePaths, searchParameterPaths },
    office: createOffice(store, engine.profiles.evidenceKinds ?? [], configuration.office.accounts),
    ...shared.holding(engine),
    site: siteOf(configuration, engine, revision, now),
  }
  const desk = openConsultDesk(configuration, engine, rooms, recording(configuration, now))
  return { engine, revision, rooms, consulting: { ...rooms, desk }, close: deciding.labeller.close }
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

export const readText = (path: string): string => readFileSync(path, 'utf8')

type Deciding = Pick<Rooms, 'labeller' | 'consent' | 'decider' | 'segmenter'>

function decidingRooms(configuration: Configuration, engine: Engine, now: () => Date): Deciding {
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
      projections: projectionTable([
        ...engine.segmenting.projections.values(),
        ...standardsOf(configuration, engine, now),
      ]),
      cacheBytes,
      withheldNotice: policy.withheldNotice,
    }),
  }
}

/** The standards of de-identification, where the site has a key for pseudonyms. */
function standardsOf(
  { deidentification, server }: Configuration,
  engine: Engine,
  now: () => Date,
): readonly Projection[] {
  if (deidentification === undefined) return []
  const key = readPseudonymKey(deidentification.keyFile)
  return createDeidentification({ rules: engine.deidentification, key, bases: [server.baseUrl], now })
}

type Speaking = Pick<Rooms, 'identity' | 'interaction' | 'recorder' | 'responder'>

function speakingRooms(
  configuration: Configuration,
  engine: Engine,
  {
    pageKey,
    revision,
    now,
    identityFor,
  }: Omit<Shared, 'upstream' | 'ledger' | 'store' | 'holding'> & { revision: string },
): Speaking {
  const { server, limits } = configuration
  const { baseUrl } = server
  return {
    identity: identityFor(engine.profiles.purposeMap),
    interaction: createInteractionParser({
      basePath: new URL(baseUrl).pathname.replace(/\/$/, ''),
      baseUrl,
      limits,
      pageKey,
      revision,
      now,
    }),
    recorder: createRecorder({ ...recording(configuration, now), accounting: engine.accounting }),
    responder: createResponder({
      baseUrl,
      issuers: configuration.issuers,
      version,
      servedTypes: servedTypes(),
    }),
  }
}

/** Who asks does not hang on the rules but for the words of purposes: keys and tokens that are known stay known. */
export function identities(
  configuration: Configuration,
  now: () => Date,
  opened: (() => Promise<void>)[],
): Shared['identityFor'] {
  let made: { readonly words: string; readonly identity: Identity } | undefined
  return purposeMap => {
    const words = JSON.stringify(purposeMap)
    if (made?.words === words) return made.identity
    const { server, upstream, policy } = configuration
    const identity = createIdentity(
      {
        ...configuration,
        baseUrl: server.baseUrl,
        purposeMap,
        fhirBases: [upstream.url],
        zone: policy.zone,
      },
      { fetch, now, readSecret: async path => readText(path) },
    )
    made = { words, identity }
    opened.push(async () => identity.close())
    return identity
  }
}

export function recording({ server, custodian }: Configuration, now: () => Date): RecorderOptions {
  return {
    baseUrl: server.baseUrl,
    device: 'Device/consentry',
    deviceName: 'Consentry',
    organization: custodian.organization,
    newId: randomUUIDv7,
    now,
  }
}

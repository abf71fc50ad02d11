import type { ConsentServerConfiguration, Limits, UpstreamConfiguration } from '../model/configuration.ts'
import type { Resolved, Upstream } from '../model/doors.ts'
import type { JsonObject, JsonValue } from '../model/fhir.ts'
import { StrictJsonError, type StrictJsonProblem, strictParse } from '../model/strict-json.ts'
import { joined } from './body.ts'
import { type Connection, type ConnectionDependencies, connect } from './connection.ts'
import { createIdentified } from './consent-identified.ts'
import { connectConsentServers } from './consent-servers.ts'
import { createConsentSource } from './consent-source.ts'
import { subscribeConsents } from './consent-subscription.ts'
import { createConsents } from './consents.ts'
import { type Content, type Contents, headOfContent } from './contents.ts'
import { isPlainId, type Location } from './location.ts'
import { createLookups } from './lookups.ts'
import { asInvalid } from './page.ts'
import { createReferrers } from './referrers.ts'
import { invalid } from './refusals.ts'
import type { Fetcher } from './request.ts'

/** The upstream, and the servers that hold Consents beside it. */
export interface UpstreamOptions extends UpstreamConfiguration {
  readonly consentServers?: readonly ConsentServerConfiguration[]
}

const CAPABILITIES_MS = 60_000
const READY_TIMEOUT_MS = 2_000
const READY_MS = 1_000

/**
 * The door to the FHIR server, and to the Consents of its patients wherever they are.
 * @throws Error naming the configuration member that cannot be used (URL, secret, key, certificate)
 */
export function createUpstream(
  options: UpstreamOptions,
  limits: Limits,
  deps: ConnectionDependencies,
): Upstream {
  const own = connect(options, limits, deps)
  const { location, fetcher, contents, searcher } = own
  const { now } = deps
  const metadata = capabilitiesReader(location, fetcher, limits)
  const read = reader(location, fetcher, contents, limits)
  const resolve = createLookups({ now, searcher, read, contents, limits })
  const others = connectConsentServers(options.consentServers ?? [], limits, deps, {
    base: location.base,
    resolve,
    lookupsAt: at => lookupsAt(at, limits, now),
  })
  const ownSource = createConsentSource({ name: 'upstream', searcher, limits, base: location.base })
  return {
    read,
    search: searcher.first,
    next: searcher.next,
    ...createConsents({ now, limits, sources: new Map([['upstream', ownSource], ...others.sources]) }),
    referrers: createReferrers({ now, searcher, contents, limits, base: location.base }),
    resolve,
    identified: createIdentified({ now, searcher, limits }),
    elsewhere: others.directories,
    watchConsents: options => {
      const servers = [['upstream', own] as const, ...others.connections]
      const kept = servers.map(([name, server]) => subscribeConsents(name, server, { ...options, now }))
      return {
        close: async () => {
          await Promise.all(kept.map(one => one.close()))
        },
      }
    },
    capabilities: remembered(metadata, CAPABILITIES_MS, now),
    ready: remembered(() => isReady(location, fetcher), READY_MS, now),
    close: async () => {
      await Promise.all([own.close(), others.close()])
    },
  }
}

function lookupsAt(
  { location, fetcher, contents, searcher }: Connection,
  limits: Limits,
  now: () => number,
): Upstream['resolve'] {
  const read = reader(location, fetcher, contents, limits)
  return createLookups({ now, searcher, read, contents, limits })
}

function reader(location: Location, fetcher: Fetcher, contents: Contents, limits: Limits): Upstream['read'] {
  return async (resourceType, id, versionId): Promise<Resolved> => {
    // No resource can have such an id, and a server would read `..` as a path.
    if (!isPlainId(id) || (versionId !== undefined && !isPlainId(versionId))) return 'absent'
    const answer = await fetcher.get(location.read(resourceType, id, versionId))
    if (answer === 'absent') return 'absent'
    const content = contents.of(joined(answer))
    if (!content.strict && isHeldBack(content, resourceType, id, limits)) return content.raw
    const { head } = content
    if (head === undefined || head === 'none') throw invalid('read: resource with type and id expected')
    if (head.resourceType !== resourceType) throw invalid('read: answered with another resourceType')
    if (head.id !== id) throw invalid('read: answered with another id')
    if (versionId !== undefined && content.versionId !== versionId)
      throw invalid('vread: answered with another version')
    return content.raw
  }
}

/** JSON that names its resource, and that two readers may still read in two ways. */
const AMBIGUOUS: ReadonlySet<StrictJsonProblem> = new Set([
  'duplicate-key',
  'escaped-key',
  'forbidden-key',
  'too-deep',
])

/**
 * Parses what was not parsed yet. True where the resource asked for is ambiguous: it is handed on as a search hands it
 * on, to be withheld with its reason, so that a read of it ends as one of what is absent (README, promise 3).
 * @throws Refusal `upstream-invalid` for what is no such resource
 */
function isHeldBack(content: Content, resourceType: string, id: string, limits: Limits): boolean {
  try {
    parseWhole(content, limits)
    return false
  } catch (error) {
    const ambiguous = error instanceof StrictJsonError && AMBIGUOUS.has(error.problem)
    const head = ambiguous ? headOfContent(content) : undefined
    if (head?.resourceType === resourceType && head.id === id) return true
    throw asInvalid(error)
  }
}

/** Fills in what the strict parse of a content says; once for the same bytes. */
function parseWhole(content: Content, limits: Limits): void {
  const { resourceType, id, meta } = objectOf(strictParse(content.raw.bytes, limits))
  const named = typeof resourceType === 'string' && typeof id === 'string'
  content.head = named ? { resourceType, id } : 'none'
  const version = typeof meta === 'object' && meta !== null ? (meta as JsonObject)['versionId'] : undefined
  content.versionId = typeof version === 'string' ? version : undefined
  content.strict = true
}

function parseObject(bytes: Uint8Array, limits: Limits): JsonObject {
  try {
    return objectOf(strictParse(bytes, limits))
  } catch (error) {
    throw asInvalid(error)
  }
}

function objectOf(value: JsonValue): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject
  throw invalid('body: JSON object expected')
}

function capabilitiesReader(location: Location, fetcher: Fetcher, limits: Limits): () => Promise<JsonObject> {
  return async () => {
    const answer = await fetcher.get(location.metadata)
    if (answer === 'absent') throw invalid('metadata: CapabilityStatement expected')
    const statement = parseObject(joined(answer), limits)
    if (statement['resourceType'] !== 'CapabilityStatement')
      throw invalid('metadata: CapabilityStatement expected')
    return statement
  }
}

async function isReady(location: Location, fetcher: Fetcher): Promise<boolean> {
  try {
    return (await fetcher.get(location.metadata, [], READY_TIMEOUT_MS)) !== 'absent'
  } catch {
    return false
  }
}

/** Calls `make` at most once in `forMs`, counted from the start of the call, and once at a time; failures are not kept. */
function remembered<Value>(
  make: () => Promise<Value>,
  forMs: number,
  now: () => number,
): () => Promise<Value> {
  let made: Promise<Value> | undefined
  let expires = 0
  return () => {
    if (made !== undefined && now() < expires) return made
    expires = now() + forMs
    const making = make()
    made = making
    making.catch(() => {
      if (made === making) made = undefined
    })
    return making
  }
}

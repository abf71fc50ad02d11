import type { ConsentServerConfiguration, Limits } from '../model/configuration.ts'
import type { Upstream } from '../model/doors.ts'
import { type Connection, type ConnectionDependencies, connect } from './connection.ts'
import { createPatientNames } from './consent-patients.ts'
import { type ConsentSource, createConsentSource } from './consent-source.ts'

/** The upstream as the consent servers need it. */
export interface OwnServer {
  readonly base: string
  readonly resolve: Upstream['resolve']
  readonly lookupsAt: (connection: Connection) => Upstream['resolve']
}

export interface ConsentServers {
  readonly sources: ReadonlyMap<string, ConsentSource>
  readonly directories: NonNullable<Upstream['elsewhere']>
  readonly connections: readonly (readonly [string, Connection])[]
  readonly close: () => Promise<void>
}

/**
 * Opens the servers that hold Consents beside the upstream, each with connections and credential of its own.
 * @throws Error naming the configuration member that cannot be used
 */
export function connectConsentServers(
  servers: readonly ConsentServerConfiguration[],
  limits: Limits,
  deps: ConnectionDependencies,
  own: OwnServer,
): ConsentServers {
  const opened = servers.map((server, index) => {
    const connection = connectOne(server, index, limits, deps)
    const { searcher, location } = connection
    const { base } = location
    const resolve = own.lookupsAt(connection)
    const { patientIdentifierSystem: system, patientIdentifierSearch: search } = server
    const names = { base, ours: own.resolve, theirs: resolve, limits }
    const identified =
      system === undefined ? {} : { identified: { search, names: createPatientNames({ ...names, system }) } }
    const elsewhere = { upstreamBase: own.base, ...identified }
    const source = createConsentSource({ name: server.name, searcher, limits, base, elsewhere })
    return { name: server.name, base, resolve, source, connection }
  })
  return {
    sources: new Map(opened.map(({ name, source }) => [name, source])),
    directories: new Map(opened.map(({ base, resolve }) => [base, { resolve }])),
    connections: opened.map(({ name, connection }) => [name, connection] as const),
    close: async () => {
      await Promise.all(opened.map(({ connection }) => connection.close()))
    },
  }
}

/** Errors name the member of `upstream` they were found in; here it is one of `consentServers`. */
function connectOne(
  server: ConsentServerConfiguration,
  index: number,
  limits: Limits,
  deps: ConnectionDependencies,
): Connection {
  try {
    return connect(server, limits, deps)
  } catch (error) {
    const message = error instanceof Error ? error.message : 'cannot be used'
    throw new Error(message.replace(/^upstream\b/, `consentServers[${index}]`))
  }
}

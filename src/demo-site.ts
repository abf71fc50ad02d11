import { loadSite } from './commands/site.ts'
import { type DemoIssuer, startDemoIssuer } from './demo/issuer.ts'
import { demoResources } from './demo/resources.ts'
import { type DemoUpstream, startDemoUpstream } from './demo/upstream.ts'
import type { Configuration } from './model/configuration.ts'
import type { JsonObject, Resource } from './model/fhir.ts'

/** The demo's own servers and the configuration that points at them. */
export interface DemoSite {
  readonly configuration: Configuration
  readonly issuer: DemoIssuer
  readonly upstream: DemoUpstream
  readonly close: () => Promise<void>
}

export interface DemoSiteOptions {
  readonly gatewayPort: number
  readonly issuerPort: number
  readonly upstreamPort: number
  readonly ledgerFile: string
  /** Instead of the example patients. */
  readonly resources?: readonly (Resource | string)[]
  readonly overrides?: Parameters<typeof loadSite>[1]
  /** Clock of the issuer. */
  readonly now?: () => Date
}

/** Starts the embedded upstream and issuer and reads the demo configuration. Throws Error where a port is taken. */
export async function openDemoSite(options: DemoSiteOptions): Promise<DemoSite> {
  const upstream = await startDemoUpstream({
    resources: options.resources ?? demoResources(),
    port: options.upstreamPort,
  })
  try {
    return await joinIssuer(options, upstream)
  } catch (error) {
    await upstream.close()
    throw error
  }
}

async function joinIssuer(options: DemoSiteOptions, upstream: DemoUpstream): Promise<DemoSite> {
  const baseUrl = `http://localhost:${options.gatewayPort}/fhir`
  const { upstream: given, ...others } = options.overrides ?? {}
  const overrides = { ...others, upstream: { url: upstream.url, ...(given as JsonObject | undefined) } }
  const registry = loadSite(undefined, overrides)
  const issuer = await startDemoIssuer({
    demo: true,
    clients: registry.clients,
    audience: baseUrl,
    port: options.issuerPort,
    ...(options.now === undefined ? {} : { now: options.now }),
  })
  const configuration = loadSite(undefined, {
    server: { port: options.gatewayPort, baseUrl },
    issuers: [{ issuer: issuer.issuer, jwksUri: issuer.jwksUri, tokenEndpoint: issuer.tokenUrl }],
    ledger: { file: options.ledgerFile },
    ...overrides,
  })
  return {
    configuration,
    issuer,
    upstream,
    close: async () => {
      await issuer.close()
      await upstream.close()
    },
  }
}

import { readFileSync } from 'node:fs'
import { loadConfiguration } from '../data/configuration.ts'
import type { Configuration } from '../model/configuration.ts'
import type { JsonObject } from '../model/fhir.ts'
import { UsageError } from './table.ts'

const DEMO_FILE = new URL('../../profiles/deployment/demo.json', import.meta.url)

/**
 * The configuration a command works with: the named file, or the demo site.
 * Throws UsageError when the file cannot be read, ConfigurationError when it does not fit.
 */
export function loadSite(file: string | undefined, overrides: JsonObject = {}): Configuration {
  if (file === undefined)
    return loadConfiguration(readFileSync(DEMO_FILE, 'utf8'), 'demo.json', { ...DEMO_URLS, ...overrides })
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new UsageError(
      `${file}: cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`,
    )
  }
  return loadConfiguration(text, file, overrides)
}

/** Where the embedded servers of the demo listen unless told otherwise. */
export const DEMO_PORTS = { gateway: 8080, issuer: 8081, upstream: 8082 } as const

const DEMO_ISSUER = `http://127.0.0.1:${DEMO_PORTS.issuer}`

/** As the embedded servers say of themselves, so that commands name the policy revision that the demo serves. */
const DEMO_URLS: JsonObject = {
  upstream: { url: `http://127.0.0.1:${DEMO_PORTS.upstream}/fhir` },
  issuers: [{ issuer: DEMO_ISSUER, jwksUri: `${DEMO_ISSUER}/jwks`, tokenEndpoint: `${DEMO_ISSUER}/token` }],
}

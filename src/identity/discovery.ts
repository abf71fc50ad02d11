import type { JsonObject } from '../model/fhir.ts'
import { fetchJson, type Remote } from './remote.ts'

/** True for an issuer that is a URL, so that metadata can be found under it. */
export function hasMetadata(issuer: string): boolean {
  const protocol = URL.parse(issuer)?.protocol
  return protocol === 'https:' || protocol === 'http:'
}

/**
 * Where an issuer may publish its metadata: OpenID Connect Discovery 1.0 4, RFC 8414 3.1 (the well-known part stands
 * between host and path), SMART App Launch `.well-known/smart-configuration`.
 */
function metadataUrls(issuer: string): readonly string[] {
  const base = issuer.replace(/\/$/, '')
  const { origin, pathname } = new URL(issuer)
  const path = pathname.replace(/\/$/, '')
  return [
    `${base}/.well-known/openid-configuration`,
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${base}/.well-known/smart-configuration`,
  ]
}

/** The metadata must be the issuer's own (RFC 8414 3.3); only SMART's document may leave `issuer` out. */
function keysUrl(issuer: string, url: string, metadata: JsonObject): string | undefined {
  const named = metadata['issuer']
  const silent = named === undefined && url.endsWith('/smart-configuration')
  if (named !== issuer && !silent) return undefined
  const keys = metadata['jwks_uri']
  if (typeof keys !== 'string') return undefined
  const protocol = URL.parse(keys)?.protocol
  const plainIssuer = issuer.startsWith('http:')
  return protocol === 'https:' || (plainIssuer && protocol === 'http:') ? keys : undefined
}

/** `jwks_uri` from the metadata of `issuer`. Rejects when no document names one. */
export async function discoverKeysUrl(remote: Remote, issuer: string): Promise<string> {
  for (const url of metadataUrls(issuer)) {
    try {
      const metadata = await fetchJson(remote, url, {
        method: 'GET',
        headers: { accept: 'application/json' },
      })
      const keys = keysUrl(issuer, url, metadata)
      if (keys !== undefined) return keys
    } catch {
      // The next document may exist.
    }
  }
  throw new Error('no metadata document of the issuer names a jwks_uri')
}

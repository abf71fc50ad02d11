import type { JsonObject } from '../model/fhir.ts'
import type { Publication, PublishedIssuer } from './capability-statement.ts'

/**
 * `.well-known/smart-configuration` (https://hl7.org/fhir/smart-app-launch/conformance.html). Only what this resource
 * server enforces itself is a capability; launch and client authentication are the issuer's to promise. The document
 * has room for one issuer: the first that names its endpoints, else the first.
 */
export function smartConfiguration({ issuers }: Publication): JsonObject {
  const issuer = issuers.find(({ tokenEndpoint }) => tokenEndpoint !== undefined) ?? issuers[0]
  return {
    ...(issuer === undefined ? {} : endpoints(issuer)),
    grant_types_supported: issuer === undefined ? [] : grants(issuer),
    code_challenge_methods_supported: ['S256'],
    scopes_supported: ['patient/*.rs', 'user/*.rs', 'system/*.rs'],
    capabilities: ['permission-patient', 'permission-user', 'permission-v1', 'permission-v2'],
  }
}

function endpoints({ issuer, jwksUri, authorizationEndpoint, tokenEndpoint }: PublishedIssuer): JsonObject {
  return {
    issuer,
    ...(jwksUri === undefined ? {} : { jwks_uri: jwksUri }),
    ...(authorizationEndpoint === undefined ? {} : { authorization_endpoint: authorizationEndpoint }),
    ...(tokenEndpoint === undefined ? {} : { token_endpoint: tokenEndpoint }),
  }
}

/** A grant needs the endpoints it runs over. */
function grants({ authorizationEndpoint, tokenEndpoint }: PublishedIssuer): readonly string[] {
  if (tokenEndpoint === undefined) return []
  return authorizationEndpoint === undefined
    ? ['client_credentials']
    : ['authorization_code', 'client_credentials']
}

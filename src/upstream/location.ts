import { FHIR_ID } from '../model/fhir.ts'
import { Refusal } from '../model/refusal.ts'
import { invalid } from './refusals.ts'

/** Where the upstream is, and the only maker of request paths. */
export interface Location {
  /** `https://host[:port]`. */
  readonly origin: string
  /** Base URL, no trailing slash. */
  readonly base: string
  readonly loopback: boolean
  readonly read: (resourceType: string, id: string, versionId?: string) => string
  readonly search: (resourceType: string, query: string) => string
  readonly metadata: string
  /** Path of an upstream's own page link; throws `upstream-invalid` where it leaves the base. */
  readonly page: (link: string) => string
}

const RESOURCE_TYPE = /^[A-Z][A-Za-z]{0,63}$/
/** RFC 3986 query characters, percent-encodings whole. */
const QUERY = /^(?:[A-Za-z0-9\-._~!$'()*+,;:@/?=&|]|%[0-9A-Fa-f]{2})*$/
/** Path below the base of a page link: plain segments; no dots alone, no encodings, for servers differ in reading them. */
const BELOW_BASE = /^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9\-._~$]+)*\/?$/
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/

/** @throws Error naming `upstream.url` where it is no http(s) base URL */
export function createLocation(upstreamUrl: string): Location {
  const url = parseBase(upstreamUrl)
  const basePath = url.pathname.replace(/\/+$/, '')
  const base = url.origin + basePath
  return {
    origin: url.origin,
    base,
    loopback: LOOPBACK.test(url.hostname),
    read: (resourceType, id, versionId) => {
      const path = `${basePath}/${checkedType(resourceType)}/${checkedId(id)}`
      return versionId === undefined ? path : `${path}/_history/${checkedId(versionId)}`
    },
    search: (resourceType, query) => `${basePath}/${checkedType(resourceType)}?${checkedQuery(query)}`,
    metadata: `${basePath}/metadata`,
    page: link => pagePath(link, url.origin, base, basePath),
  }
}

function parseBase(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '') {
    throw new Error('upstream.url: expected an http or https base URL without query')
  }
  if (url.username !== '' || url.password !== '') {
    throw new Error('upstream.url: expected no user information; use upstream.credential')
  }
  return url
}

/** True for an id the upstream can have: FHIR syntax, and not a dot segment, which a server would read as a path. */
export function isPlainId(id: string): boolean {
  return FHIR_ID.test(id) && id !== '.' && id !== '..'
}

/** True for `Type/id` with nothing before or behind. */
export function isLiteral(reference: string): boolean {
  const slash = reference.indexOf('/')
  return RESOURCE_TYPE.test(reference.slice(0, slash)) && isPlainId(reference.slice(slash + 1))
}

function checkedType(resourceType: string): string {
  if (RESOURCE_TYPE.test(resourceType)) return resourceType
  throw new Refusal('internal', { detail: 'resource type of an upstream request is not a FHIR type name' })
}

function checkedId(id: string): string {
  if (isPlainId(id)) return id
  throw new Refusal('internal', { detail: 'id of an upstream request is not a FHIR id' })
}

function checkedQuery(query: string): string {
  if (QUERY.test(query)) return query
  throw new Refusal('internal', { detail: 'query of an upstream request is not canonically encoded' })
}

function pagePath(link: string, origin: string, base: string, basePath: string): string {
  if (!isPrintable(link) || !URL.canParse(link, `${base}/`)) throw invalid('page link is not a URL')
  const url = new URL(link, `${base}/`)
  const below = url.pathname.slice(basePath.length)
  const inside = url.pathname.startsWith(basePath) && BELOW_BASE.test(below)
  if (url.origin !== origin || url.username !== '' || url.password !== '' || !inside) {
    throw invalid('page link leaves the configured upstream')
  }
  return url.pathname + url.search
}

/** Visible ASCII without backslash: URL parsers silently drop or turn the others. */
function isPrintable(link: string): boolean {
  return /^[!-[\]-~]+$/.test(link)
}

import {
  badRequest,
  getStatus,
  globalSchema,
  isResourceType,
  normalizeOperationOutcome,
  OperationOutcomeError,
} from '@medplum/core'
import type { FhirRequest, HttpMethod } from '@medplum/fhir-router'
import { FhirRouter } from '@medplum/fhir-router'
import type { Bundle, OperationOutcome, Resource as R4Resource } from '@medplum/fhirtypes'
import { capabilityText, historyText, searchsetText } from './bundles.ts'
import { parseKeepingNumbers } from './json.ts'
import type { DemoRequest, DemoResponse } from './listener.ts'
import type { DemoStore, StoredVersion } from './store.ts'

const PAGE_SIZE_DEFAULT = 50
const PAGE_SIZE_MAX = 1000
/** Parameters that shape an answer and select nothing. */
const RESULT_PARAMETERS = new Set(
  '_sort _count _offset _include _revinclude _summary _total _elements _format _pretty _has'.split(' '),
)
const JSON_HEADERS = { 'content-type': 'application/fhir+json; charset=utf-8' }

interface Rest {
  readonly store: DemoStore
  /** Absolute base of every link, no trailing slash. */
  readonly base: string
  readonly router: FhirRouter
}

/** The FHIR REST API of the example server over its store; `base` is its absolute URL, no trailing slash. */
export function fhirApi(store: DemoStore, base: string): (request: DemoRequest) => Promise<DemoResponse> {
  const rest: Rest = { store, base, router: new FhirRouter() }
  const root = new URL(base).pathname
  return async request => {
    try {
      const path = request.url.pathname
      if (path !== root && !path.startsWith(`${root}/`)) return outcome(notKnown('path'))
      return await route(rest, request, path.slice(root.length).split('/').filter(Boolean))
    } catch (error) {
      return outcome(normalizeOperationOutcome(error))
    }
  }
}

async function route(rest: Rest, request: DemoRequest, parts: readonly string[]): Promise<DemoResponse> {
  const [first = '', second, third, fourth] = parts
  const reading = request.method === 'GET' || request.method === 'HEAD'
  if (parts.length === 0 && request.method === 'POST') return viaRouter(rest, request, '')
  if (first === 'metadata' && reading) return metadata(rest)
  if (first === '_history' && reading) return history(rest, request, [...rest.store.allVersions()])
  if (!isResourceType(first)) return outcome(notKnown('resource type'))
  if (second === undefined) {
    if (reading) return search(rest, first, request.url.searchParams)
    return request.method === 'POST' ? create(rest, first, request) : outcome(notKnown('interaction'))
  }
  if (second === '_search' && request.method === 'POST') {
    return search(
      rest,
      first,
      new URLSearchParams([...request.url.searchParams, ...new URLSearchParams(request.body)]),
    )
  }
  if (second === '_history' && reading) return history(rest, request, [...rest.store.allVersions(first)])
  if (third === undefined) return instance(rest, request, first, second)
  if (third === '$everything' && reading && first === 'Patient') return everything(rest, request, second)
  if (third !== '_history' || !reading) return outcome(notKnown('interaction'))
  const versions = rest.store.versions(first, second)
  if (fourth === undefined) return history(rest, request, [...versions].reverse())
  return found(versions.find(version => version.versionId === fourth))
}

async function instance(
  rest: Rest,
  request: DemoRequest,
  resourceType: string,
  id: string,
): Promise<DemoResponse> {
  if (request.method === 'GET' || request.method === 'HEAD') return found(rest.store.latest(resourceType, id))
  if (request.method === 'PUT') return update(rest, request, resourceType, id)
  if (request.method === 'PATCH') return viaRouter(rest, request, `${resourceType}/${id}`)
  if (request.method !== 'DELETE') return outcome(notKnown('interaction'))
  await rest.store.deleteResource(resourceType, id, ifMatch(request))
  return { status: 204 }
}

function found(version: StoredVersion | undefined): DemoResponse {
  if (version === undefined) return outcome(notKnown('resource'))
  if (version.text === undefined) return { ...outcome(notKnown('resource')), status: 410 }
  return { status: 200, headers: versionHeaders(version), body: version.text }
}

const versionHeaders = (version: StoredVersion): Record<string, string> => ({
  ...JSON_HEADERS,
  etag: `W/"${version.versionId}"`,
  'last-modified': new Date(version.lastUpdated).toUTCString(),
})

function written(rest: Rest, status: number, version: StoredVersion | undefined): DemoResponse {
  if (version?.text === undefined) return outcome(notKnown('resource'))
  const location = `${rest.base}/${version.resourceType}/${version.id}/_history/${version.versionId}`
  return { status, headers: { ...versionHeaders(version), location }, body: version.text }
}

async function create(rest: Rest, resourceType: string, request: DemoRequest): Promise<DemoResponse> {
  const { id: _ignored, ...resource } = bodyOf(request, resourceType)
  const stored = await rest.store.createResource(resource as unknown as R4Resource)
  return written(rest, 201, rest.store.latest(resourceType, stored.id))
}

async function update(
  rest: Rest,
  request: DemoRequest,
  resourceType: string,
  id: string,
): Promise<DemoResponse> {
  const resource = bodyOf(request, resourceType)
  if (resource['id'] !== id) return outcome(badRequest('Resource.id: expected the id of the URL', 'id'))
  const status = rest.store.latest(resourceType, id)?.text === undefined ? 201 : 200
  await rest.store.updateResource(resource as unknown as R4Resource, ifMatch(request))
  return written(rest, status, rest.store.latest(resourceType, id))
}

function bodyOf(request: DemoRequest, resourceType: string): ReturnType<typeof parseKeepingNumbers> {
  try {
    const resource = parseKeepingNumbers(request.body)
    if (resource['resourceType'] === resourceType) return resource
  } catch {
    // falls through to the one answer for a body that is not the resource
  }
  throw new OperationOutcomeError(badRequest(`body: expected JSON of one ${resourceType}`))
}

function ifMatch(request: DemoRequest): { ifMatch: string } | undefined {
  const version = /^W\/"(.+)"$/.exec(String(request.headers['if-match'] ?? ''))?.[1]
  return version === undefined ? undefined : { ifMatch: version }
}

async function search(rest: Rest, resourceType: string, given: URLSearchParams): Promise<DemoResponse> {
  const unknown = [...given.keys()].find(name => !isKnown(resourceType, name))
  if (unknown !== undefined) return outcome(badRequest(`Unknown search parameter for ${resourceType}`))
  const query: Record<string, string[]> = {}
  for (const [name, value] of given) {
    if (name === '_format' || name === '_pretty' || name === '_elements') continue
    query[name] = [...(query[name] ?? []), fullReferences(resourceType, name, value)]
  }
  const count = pageSize(given)
  const offset = Math.max(0, Number.parseInt(given.get('_offset') ?? '0', 10) || 0)
  query['_count'] = [String(count)]
  query['_offset'] = [String(offset)]
  const [status, bundle] = await rest.router.handleRequest(
    routerRequest('GET', resourceType, query),
    rest.store,
  )
  if (bundle?.resourceType !== 'Bundle') return outcome(status)
  return searchset(rest, resourceType, given, { bundle, count, offset })
}

function searchset(
  rest: Rest,
  resourceType: string,
  given: URLSearchParams,
  page: { readonly bundle: Bundle; readonly count: number; readonly offset: number },
): DemoResponse {
  const total = page.bundle.total ?? 0
  const entries = (page.bundle.entry ?? []).flatMap(({ resource, search: how }) => {
    const version =
      resource?.id === undefined ? undefined : rest.store.latest(resource.resourceType, resource.id)
    return version === undefined
      ? []
      : [{ version, mode: how?.mode === 'include' ? 'include' : 'match' } as const]
  })
  const links = pageLinks(`${rest.base}/${resourceType}`, given, page, total)
  return { status: 200, headers: JSON_HEADERS, body: searchsetText(rest.base, { total, links, entries }) }
}

function pageLinks(
  url: string,
  given: URLSearchParams,
  page: { readonly count: number; readonly offset: number },
  total: number,
): { self: string; next?: string } {
  const at = (offset: number): string => {
    const query = new URLSearchParams(given)
    if (offset > 0) query.set('_offset', String(offset))
    return query.size === 0 ? url : `${url}?${query}`
  }
  const next = page.offset + page.count
  return { self: at(page.offset), ...(page.count > 0 && next < total ? { next: at(next) } : {}) }
}

function pageSize(given: URLSearchParams): number {
  if (given.get('_summary') === 'count') return 0
  const asked = Number.parseInt(given.get('_count') ?? '', 10)
  return Number.isNaN(asked) ? PAGE_SIZE_DEFAULT : Math.min(Math.max(asked, 0), PAGE_SIZE_MAX)
}

function isKnown(resourceType: string, name: string): boolean {
  const own = name.split(/[:.]/, 1)[0] ?? ''
  const declared = globalSchema.types[resourceType]?.searchParams
  return RESULT_PARAMETERS.has(own) || own === '_id' || declared?.[own] !== undefined
}

/** `patient=A,B` means `patient=Patient/A,Patient/B`: the matcher wants the type, clients may leave it out. */
function fullReferences(resourceType: string, name: string, value: string): string {
  if (!['patient', 'subject'].includes(name)) return value
  if (globalSchema.types[resourceType]?.searchParams?.[name]?.type !== 'reference') return value
  const full = (reference: string): string => (reference.includes('/') ? reference : `Patient/${reference}`)
  return value.split(',').map(full).join(',')
}

function history(rest: Rest, request: DemoRequest, versions: readonly StoredVersion[]): DemoResponse {
  if (versions.length === 0 && !request.url.pathname.endsWith('/_history'))
    return outcome(notKnown('resource'))
  const count = pageSize(request.url.searchParams)
  const offset = Math.max(0, Number.parseInt(request.url.searchParams.get('_offset') ?? '0', 10) || 0)
  const total = versions.length
  const path = request.url.pathname.slice(new URL(rest.base).pathname.length)
  const links = pageLinks(`${rest.base}${path}`, request.url.searchParams, { count, offset }, total)
  const page = versions.slice(offset, offset + count)
  return {
    status: 200,
    headers: JSON_HEADERS,
    body: historyText(rest.base, { total, links, versions: page }),
  }
}

/** Everything that mentions the patient, and the patient first. https://hl7.org/fhir/R4/patient-operation-everything.html */
function everything(rest: Rest, request: DemoRequest, id: string): DemoResponse {
  const patient = rest.store.latest('Patient', id)
  if (patient?.text === undefined) return found(patient)
  const others = rest.store.mentioning(`Patient/${id}`).flatMap(reference => {
    const [type = '', its = ''] = reference.split('/')
    const version = reference === `Patient/${id}` ? undefined : rest.store.latest(type, its)
    return version?.text === undefined ? [] : [version]
  })
  const all = [patient, ...others]
  const count = pageSize(request.url.searchParams)
  const offset = Math.max(0, Number.parseInt(request.url.searchParams.get('_offset') ?? '0', 10) || 0)
  const url = `${rest.base}/Patient/${id}/$everything`
  const links = pageLinks(url, request.url.searchParams, { count, offset }, all.length)
  const entries = all.slice(offset, offset + count).map(version => ({ version, mode: 'match' as const }))
  const body = searchsetText(rest.base, { total: all.length, links, entries })
  return { status: 200, headers: JSON_HEADERS, body }
}

function metadata(rest: Rest): DemoResponse {
  const types = Object.keys(globalSchema.types).filter(isResourceType).sort()
  return { status: 200, headers: JSON_HEADERS, body: capabilityText(rest.base, types, '2026-10-01') }
}

/** Transactions, batches and patches go through the router as they are; their decimals lose trailing zeros there. */
async function viaRouter(rest: Rest, request: DemoRequest, path: string): Promise<DemoResponse> {
  const target = routerRequest(request.method as HttpMethod, path, {})
  const headers = request.headers as NonNullable<FhirRequest['headers']>
  const [status, resource] = await rest.router.handleRequest(
    { ...target, body: JSON.parse(request.body), headers },
    rest.store,
  )
  if (resource === undefined) return outcome(status)
  return { status: getStatus(status), headers: JSON_HEADERS, body: JSON.stringify(resource) }
}

const routerRequest = (method: HttpMethod, path: string, query: Record<string, string[]>): FhirRequest => ({
  method,
  url: `/${path}`,
  pathname: '',
  query,
  params: {},
  body: undefined,
  headers: {},
  config: { transactions: true },
})

const notKnown = (what: string): OperationOutcome => ({
  resourceType: 'OperationOutcome',
  id: 'not-found',
  issue: [{ severity: 'error', code: 'not-found', details: { text: `Unknown ${what}` } }],
})

function outcome(value: OperationOutcome): DemoResponse {
  const { id: _id, ...body } = value
  return { status: getStatus(value), headers: JSON_HEADERS, body: JSON.stringify(body) }
}

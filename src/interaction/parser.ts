import type { Limits } from '../model/configuration.ts'
import type { InteractionParser } from '../model/doors.ts'
import type { Identified, Received } from '../model/exchange.ts'
import { FHIR_ID } from '../model/fhir.ts'
import type { CapabilitiesInteraction, DataInteraction, SearchInteraction } from '../model/interaction.ts'
import { Refusal } from '../model/refusal.ts'
import { checkAccept, checkFormHeaders, checkHeaders, inspectHeaders, type KnownHeaders } from './headers.ts'
import { createPageTokens, type PageTokens, tokenLength } from './page-token.ts'
import { checkName, checkSupported, isInert } from './parameter-names.ts'
import { refuse } from './refuse.ts'
import { parseSearch } from './search.ts'
import { resourceTypes } from './search-parameters.ts'
import { type Pair, parsePairs, parseTarget } from './target.ts'

export interface InteractionOptions {
  /** Path of the FHIR API, `/fhir`; empty when it is served at the root. */
  readonly basePath: string
  /** External base, no trailing slash: references under it are local, page links start with it. */
  readonly baseUrl: string
  readonly limits: Limits
  /** 32 bytes; seals page links. */
  readonly pageKey: Uint8Array
  /** Hash of profiles, labels and configuration in force; page links do not outlive it. */
  readonly revision: string
  readonly now: () => Date
}

/** The request after target, headers and body were taken apart; nothing in it is decoded twice. */
interface Question {
  readonly method: string
  readonly segments: readonly string[]
  readonly query: string
  readonly headers: KnownHeaders
  readonly body: Uint8Array
}

type Room = InteractionOptions & { readonly tokens: PageTokens }

const DOCUMENTS: ReadonlyMap<string, CapabilitiesInteraction['document']> = new Map([
  ['/metadata', 'metadata'],
  ['/.well-known/smart-configuration', 'smart-configuration'],
])
/** What clients add to `/metadata`; anything else needs a token before it is looked at. */
const DOCUMENT_QUERY =
  /^(?:(?:_format=(?:json|application(?:\/|%2[Ff])(?:fhir(?:\+|%2[Bb]))?json)|_pretty=(?:true|false)|_summary=false|mode=full)(?:&|$)){0,4}$/
const ROOT_WORDS: ReadonlySet<string> = new Set(['_history', '_search', 'metadata', '.well-known'])

/**
 * The strict parse: request in, {@link DataInteraction} out. Default deny: what is not read, vread or a type
 * search of R4 (https://hl7.org/fhir/R4/http.html) is refused before any upstream call, the same way for everybody.
 */
export function createInteractionParser(options: InteractionOptions): InteractionParser {
  const { pageKey, revision, now, limits } = options
  const tokens = createPageTokens({ pageKey, revision, now, lifetimeSeconds: limits.pageTokenSeconds })
  const room: Room = { ...options, tokens }
  return {
    publicDocument: received => publicDocument(received, room),
    understand: identified => understand(identified, room),
    sealNext: (identified, search, nextOffset) => {
      const { resourceType, canonical, method } = search
      return pageLink(
        room,
        resourceType,
        tokens.seal(identified, { resourceType, canonical, method, offset: nextOffset }),
      )
    },
  }
}

function pageLink(room: Room, resourceType: string, token: string): string {
  return `${room.baseUrl}/${resourceType}?_page=${token}`
}

/** Exact spelling only: a skip of authentication must not hang on a prefix or a decoded path. */
function publicDocument({ request }: Received, room: Room): CapabilitiesInteraction | undefined {
  const mark = request.target.indexOf('?')
  const path = mark < 0 ? request.target : request.target.slice(0, mark)
  const document = path.startsWith(room.basePath)
    ? DOCUMENTS.get(path.slice(room.basePath.length))
    : undefined
  if (document === undefined || request.method !== 'GET' || request.body.length > 0) return undefined
  if (request.target.length > room.limits.urlBytes) return undefined
  if (inspectHeaders(request.headers, room.limits.headerBytes) instanceof Refusal) return undefined
  const query = mark < 0 ? '' : request.target.slice(mark + 1)
  return DOCUMENT_QUERY.test(query) ? { code: 'capabilities', document } : undefined
}

function understand(identified: Identified, room: Room): DataInteraction {
  const { method, target, body, headers: received } = identified.request
  const headers = checkHeaders(received, room.limits.headerBytes)
  if (method !== 'GET' && method !== 'POST')
    refuse('not-supported', 'only GET, and POST for _search, are supported')
  const { segments, query } = parseTarget(target, room.basePath, room.limits.urlBytes)
  const question: Question = { method, segments, query, headers, body }
  const [type = ''] = segments
  checkType(type, segments)
  if (method === 'POST') return postSearch(question, room)
  if (body.length > 0) refuse('bad-request', 'a GET request has no body')
  return segments.length === 1 ? getSearch(question, identified, room) : instance(question, room)
}

/** @throws Refusal `not-supported` for system interactions and operations, `unknown-type` for a type R4 does not know. */
function checkType(type: string, segments: readonly string[]): void {
  if (type === '' || ROOT_WORDS.has(type) || segments.some(segment => segment.startsWith('$'))) {
    refuse('not-supported', 'only read, vread and search of one resource type are supported')
  }
  if (!resourceTypes().has(type)) refuse('unknown-type', 'the path does not name an R4 resource type')
  if (type === 'AuditEvent') refuse('not-supported', 'AuditEvent is not served here')
}

function instance(question: Question, room: Room): DataInteraction {
  const [resourceType = '', id = '', history, versionId, ...more] = question.segments
  const isVersion = history === '_history' && versionId !== undefined && more.length === 0
  if (id.startsWith('_') || (history !== undefined && !isVersion)) {
    refuse('not-supported', 'history, compartments and operations are not supported')
  }
  if (!FHIR_ID.test(id)) refuse('bad-request', 'an id has 1 to 64 letters, digits, "-" and "."')
  readPairs(parsePairs(question.query, room.limits.parameters), question.headers)
  if (versionId === undefined) return { code: 'read', resourceType, id }
  if (!FHIR_ID.test(versionId)) refuse('bad-request', 'a version id has 1 to 64 letters, digits, "-" and "."')
  return { code: 'vread', resourceType, id, versionId }
}

/** A read takes no parameters but the inert ones. */
function readPairs(pairs: readonly Pair[], headers: KnownHeaders): void {
  const seen = new Set<string>()
  for (const [name, value] of pairs) {
    checkName(name)
    if (seen.has(name)) refuse('duplicate-parameter', `${name}: may stand at most once`)
    seen.add(name)
    if (isInert(name, value)) continue
    checkSupported(name)
    refuse('unknown-parameter', `${name} is not a parameter of a read`)
  }
  if (!seen.has('_format')) checkAccept(headers.get('accept'))
}

function getSearch(question: Question, identified: Identified, room: Room): SearchInteraction {
  const pairs = parsePairs(question.query, room.limits.parameters)
  const page = pairs.find(([name]) => name === '_page')
  if (page === undefined) return search(pairs, question, 'GET', room)
  if (pairs.length > 1) refuse('bad-parameter', '_page: a page link has no other parameter')
  checkAccept(question.headers.get('accept'))
  return openPage(page[1], question.segments[0] ?? '', identified, room)
}

function openPage(
  token: string,
  resourceType: string,
  identified: Identified,
  room: Room,
): SearchInteraction {
  const position = room.tokens.open(identified, token)
  if (position === undefined || position.resourceType !== resourceType) {
    refuse('page-expired', 'this page link has expired or is not yours; search again')
  }
  const { canonical, method, offset } = position
  return parseSearch(
    parsePairs(canonical, room.limits.parameters),
    context(resourceType, method, offset, room),
  )
}

function postSearch(question: Question, room: Room): SearchInteraction {
  const { segments, body, headers, query } = question
  if (segments.length !== 2 || segments[1] !== '_search') {
    refuse('not-supported', 'POST is supported for [type]/_search only')
  }
  if (body.length > room.limits.requestBodyBytes) {
    refuse('too-large', `the request body is limited to ${room.limits.requestBodyBytes} bytes`)
  }
  if (body.length > 0 || headers.has('content-type')) checkFormHeaders(headers)
  const inUrl = parsePairs(query, room.limits.parameters)
  const inBody = parsePairs(
    Buffer.from(body.buffer, body.byteOffset, body.length).toString('latin1'),
    room.limits.parameters,
  )
  if (inBody.length > 0 && inUrl.some(([name]) => name !== '_format' && name !== '_pretty')) {
    refuse('bad-request', 'search terms stand in the URL or in the body, not in both')
  }
  return search([...inUrl, ...inBody], question, 'POST', room)
}

function search(
  pairs: readonly Pair[],
  question: Question,
  method: 'GET' | 'POST',
  room: Room,
): SearchInteraction {
  const [resourceType = ''] = question.segments
  const interaction = parseSearch(pairs, context(resourceType, method, 0, room))
  if (!pairs.some(([name]) => name === '_format')) checkAccept(question.headers.get('accept'))
  checkPageable(interaction, room)
  return interaction
}

/** The next page is a GET, so its link must fit the URL limit, whether or not there is a next page. */
function checkPageable({ resourceType, canonical }: SearchInteraction, room: Room): void {
  const link = pageLink(room, resourceType, '').length + tokenLength(resourceType, canonical)
  if (link > room.limits.urlBytes) refuse('too-large', 'the search terms are too long to be paged')
}

function context(resourceType: string, method: 'GET' | 'POST', offset: number, room: Room) {
  const { baseUrl, limits } = room
  const { pageSizeDefault, pageSizeMax } = limits
  return { resourceType, baseUrl, pageSizeDefault, pageSizeMax, method, offset }
}

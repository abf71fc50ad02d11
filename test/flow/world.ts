import { hash } from 'node:crypto'
import { openEngine } from '../../src/engine.ts'
import { createCursors } from '../../src/flow/cursors.ts'
import { exchange } from '../../src/flow/exchange.ts'
import type { Rooms, Site } from '../../src/flow/rooms.ts'
import { createInteractionParser } from '../../src/interaction/parser.ts'
import { referencePaths, searchParameterPaths } from '../../src/interaction/search-parameters.ts'
import { createLabeller } from '../../src/label/labeller.ts'
import type { ConsentOnFile } from '../../src/model/consent.ts'
import type { ResourceDecision } from '../../src/model/decision.ts'
import type { Resolution, Upstream } from '../../src/model/doors.ts'
import type {
  HttpResponse,
  RawPage,
  RawResource,
  Receipt,
  Refused,
  Segmented,
} from '../../src/model/exchange.ts'
import type { Resource } from '../../src/model/fhir.ts'
import type { LabelledResource } from '../../src/model/label.ts'
import type { Requester } from '../../src/model/requester.ts'
import { createSegmenter } from '../../src/segment/segmenter.ts'
import { OPTIONS } from '../interaction/exchange.ts'

/** Corridors with stand-ins behind most doors: what is named `hidden…` is denied, everything else released. */
export const BASE = 'https://gw.example/fhir'
const engine = openEngine()

export const NOW = new Date('2026-03-01T12:00:30Z')

export interface World {
  readonly rooms: Rooms
  readonly calls: string[]
  readonly released: Segmented[]
  readonly refused: Refused[]
  readonly get: (path: string) => Promise<Answer>
}

export interface Answer {
  readonly status: number
  readonly text: string
}

export interface Given {
  readonly resources: readonly (Resource | string)[]
  /** Sizes of the upstream's pages, used in turn; one page where there are none. */
  readonly pages?: readonly number[]
  readonly consents?: Readonly<Record<string, readonly ConsentOnFile[]>>
  /** What is laid over the stand-ins. */
  readonly over?: Partial<Rooms>
  readonly upstream?: Partial<Upstream>
  readonly site?: Partial<Site>
  /** Edges that are followed backwards; none where absent. */
  readonly referrers?: readonly string[]
  readonly decide?: (labelled: LabelledResource) => Partial<ResourceDecision> | undefined
}

export const requester: Requester = {
  key: 'https://idp.example|client|ehr',
  client: 'ehr',
  organization: 'Organization/other',
  hipaa: 'covered-entity',
  part2: 'none',
  role: 'provider',
  userRoles: [],
  actors: [{ role: 'recipient', reference: 'Organization/other' }],
  scopes: [],
  claims: {},
  residual: [],
}

export function raw(resource: Resource | string): RawResource {
  const bytes = Buffer.from(typeof resource === 'string' ? resource : JSON.stringify(resource))
  return { bytes, hash: hash('sha256', bytes, 'base64url') }
}

interface Stored {
  readonly reference: string
  readonly raw: RawResource
  readonly resource: Resource
}

function store(resources: Given['resources']): Stored[] {
  return resources.map(one => {
    const resource = typeof one === 'string' ? (JSON.parse(one) as Resource) : one
    return { reference: `${resource.resourceType}/${resource.id}`, raw: raw(one), resource }
  })
}

/** Serves what it holds; looks at no parameter but the type and, for a reverse include, any reference. */
function upstreamOf(given: Given, calls: string[]): Upstream {
  const stored = store(given.resources)
  const byReference = new Map(stored.map(one => [one.reference, one.raw]))
  const pages = new Map<string, RawPage>()
  const page = (type: string, wanted: readonly string[], start: number, count: number): RawPage => {
    const all = stored.filter(
      ({ resource }) =>
        resource.resourceType === type &&
        (wanted.length === 0 || wanted.some(one => JSON.stringify(resource).includes(`"${one}"`))),
    )
    const size = given.pages?.[count % given.pages.length] ?? all.length
    const key = `${type}|${wanted.join(',')}|${start}|${count}`
    const made = pages.get(key) ?? {
      hash: key,
      entries: all.slice(start, start + size).map(one => ({ mode: 'match', resource: one.raw })),
      ...(start + size < all.length
        ? { next: `${type}|${wanted.join(',')}|${start + size}|${count + 1}` }
        : {}),
    }
    pages.set(key, made)
    return made
  }
  return {
    read: async (type, id, version) => {
      calls.push(`read ${type}/${id}${version === undefined ? '' : `/_history/${version}`}`)
      return byReference.get(`${type}/${id}`) ?? 'absent'
    },
    search: async (type, query) => {
      calls.push(`search ${type}?${query}`)
      const reverse = /^[\w-]+=([^&]+)&_count=200$/.exec(query)?.[1]
      return page(type, reverse === undefined ? [] : decodeURIComponent(reverse).split(','), 0, 0)
    },
    next: async link => {
      calls.push(`next ${link}`)
      const [type = '', wanted = '', start, count] = link.split('|')
      return page(type, wanted === '' ? [] : wanted.split(','), Number(start), Number(count))
    },
    consents: async patients => new Map(patients.map(patient => [patient, given.consents?.[patient] ?? []])),
    invalidateConsents: () => undefined,
    referrers: async (type, parameter, references) => {
      calls.push(`referrers ${type}?${parameter}=${references.join()}`)
      const pointing = (reference: string) =>
        stored.filter(
          ({ resource }) =>
            resource.resourceType === type && JSON.stringify(resource).includes(`"${reference}"`),
        )
      return new Map(references.map(reference => [reference, pointing(reference).map(one => one.raw)]))
    },
    resolve: async (references): Promise<Resolution> => {
      calls.push(`resolve ${references.join()}`)
      return { get: reference => byReference.get(reference) ?? 'absent' }
    },
    capabilities: async () => ({ resourceType: 'CapabilityStatement' }),
    ready: async () => true,
    close: async () => undefined,
    ...given.upstream,
  }
}

export const SITE: Site = {
  baseUrl: BASE,
  custodian: { organization: 'Organization/here', state: 'NE', hipaa: 'covered-entity', part2: 'none' },
  registry: {
    part2Programs: ['Organization/program'],
    sudOnlyFacilities: [],
    notFederallyAssisted: [],
    sources: {},
    agreements: [],
    other: {},
  },
  zone: 'UTC',
  organizationPolicy: [],
  recipientClasses: [],
  revision: 'r1',
  limits: { scannedEntries: 1000 },
  recordTimeoutMs: 1000,
  now: () => NOW,
}

const decision = (change: Partial<ResourceDecision>): ResourceDecision => ({
  effect: 'permit',
  because: [],
  obligations: ['AUDIT'],
  caveats: [],
  notices: [],
  consents: [],
  redact: [],
  ...change,
})

/** Denies what is named `hidden…`, what cannot be assessed, and records of the program. */
function ordinary({ facts, part2, notAssessable }: LabelledResource): Partial<ResourceDecision> {
  const denied = facts.id.startsWith('hidden') || notAssessable !== undefined || part2
  return denied ? { effect: 'deny', because: [{ rule: 'stand-in', source: 'law', effect: 'deny' }] } : {}
}

export function world(given: Given): World {
  const calls: string[] = []
  const released: Segmented[] = []
  const refused: Refused[] = []
  const site = { ...SITE, ...given.site }
  const labeller = createLabeller(
    engine.labels,
    {
      registry: site.registry,
      custodian: site.custodian,
      unknownSource: 'assume',
      referrers: given.referrers ?? [],
    },
    { cacheBytes: 1 << 20, jsonDepth: 50 },
  )
  const rooms: Rooms = {
    identity: {
      identify: async received => ({
        ...received,
        requester,
        purposeOfUse: { effective: ['TREAT'], asserted: ['TREAT'], registered: ['TREAT'] },
      }),
      admit: () => undefined,
      reaches: () => true,
      close: () => undefined,
    },
    interaction: createInteractionParser({
      ...OPTIONS,
      limits: { ...OPTIONS.limits, pageTokenSeconds: 600 },
      now: site.now,
    }),
    upstream: upstreamOf(given, calls),
    labeller,
    consent: { read: () => [], ask: () => [], residual: () => 'permit' },
    decider: {
      decide: (_context, all) =>
        all.map(labelled => ({
          labelled,
          decision: decision(given.decide?.(labelled) ?? ordinary(labelled)),
        })),
    },
    segmenter: createSegmenter({
      baseUrl: BASE,
      upstreamBase: 'http://upstream.test/fhir',
      ...engine.segmenting,
      cacheBytes: 1 << 20,
      withheldNotice: false,
    }),
    recorder: {
      disclosure: segmented => {
        released.push(segmented)
        return { exchange: segmented.id, events: [] }
      },
      refusal: one => {
        refused.push(one)
        return { exchange: one.id, events: [] }
      },
    },
    ledger: {
      append: async set => ({ exchange: set.exchange, sequence: 1, recordedAt: '' }) as Receipt,
      healthy: () => true,
      close: async () => undefined,
    },
    responder: {
      release: ({ release }) => ({ status: release.status, headers: {}, body: release.body }),
      refuse: ({ refusal }) => ({ status: 400, headers: {}, body: refusal.code }),
      unrecorded: () => ({ status: 503, headers: {}, body: 'unrecorded' }),
      document: ({ document }, upstream) => ({
        status: 200,
        headers: {},
        body: `${document} ${upstream === undefined ? 'alone' : 'with upstream'}`,
      }),
    },
    cursors: createCursors(100, 600_000),
    references: { referencePaths, searchParameterPaths },
    site,
    ...given.over,
  }
  return {
    rooms,
    calls,
    released,
    refused,
    get: async path => answer(await exchange(rooms, request(`/fhir/${path.replace(`${BASE}/`, '')}`))),
  }
}

export function request(target: string, headers: readonly (readonly [string, string])[] = []) {
  return {
    method: 'GET',
    target,
    headers: [['Host', 'gw.example'], ['Accept', 'application/fhir+json'], ...headers] as const,
    body: new Uint8Array(0),
    remoteAddress: '192.0.2.1',
  }
}

export function answer({ status, body }: HttpResponse): Answer {
  return { status, text: Buffer.from(body).toString('utf8') }
}

interface Searchset {
  readonly total?: number
  readonly link: readonly { readonly relation: string; readonly url: string }[]
  readonly entry?: readonly { readonly resource: Resource; readonly search: { readonly mode: string } }[]
}

export function nextOf({ text }: Answer): string | undefined {
  return (JSON.parse(text) as Searchset).link.find(({ relation }) => relation === 'next')?.url
}

export function idsOf({ text }: Answer, mode = 'match'): string[] {
  return ((JSON.parse(text) as Searchset).entry ?? [])
    .filter(({ search }) => search.mode === mode)
    .map(({ resource }) => `${resource.id}`)
}

/** An Observation of Patient/p. */
export function observation(id: string, more: object = {}): Resource {
  return {
    resourceType: 'Observation',
    id,
    status: 'final',
    code: { text: 'weight' },
    subject: { reference: 'Patient/p' },
    ...more,
  }
}

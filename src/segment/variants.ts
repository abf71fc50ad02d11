import { Buffer } from 'node:buffer'
import { LRUCache } from 'lru-cache'
import type { DecidedResource } from '../model/decision.ts'
import type { Segmenter } from '../model/doors.ts'
import type { Coding, JsonValue } from '../model/fhir.ts'
import type { ResourceFacts } from '../model/label.ts'
import { containsOrigin, rewriteLinks } from '../model/links.ts'
import { parseLossless, stringifyLossless } from '../model/lossless-json.ts'
import type { Projected, Projection, ResourceTree } from '../model/projection.ts'
import { entryHead } from './bundle.ts'
import { cutDocuments, removalsOf } from './documents.ts'
import { type Accompaniment, foundParts, mark, needsMarks, placeMetaEarly } from './mark.ts'
import { type MutableObject, type RequiredElements, removePaths } from './redact.ts'

export interface VariantOptions {
  readonly baseUrl: string
  readonly upstreamBase: string
  readonly required: RequiredElements
  readonly cacheBytes: number
  /** By id, as decisions name them. */
  readonly projections?: ReadonlyMap<string, Projection>
}

/** The bytes of one resource as one class of requester may have it. */
export interface Variants {
  /**
   * @param hidden paths of references and identifiers to remove, and what to cut out of documents
   * @param along what accompanies it; its key is part of the cache key
   * @param recipient whose pseudonyms stand for ids; without one nothing that needs them leaves
   */
  readonly of: (
    decided: DecidedResource,
    hidden: readonly string[],
    along: Accompaniment,
    recipient?: string,
  ) => Uint8Array
  readonly projected: NonNullable<Segmenter['projected']>
  readonly projectable: NonNullable<Segmenter['projectable']>
  /** Start of a Bundle entry for this resource: `{"fullUrl":…,"resource":`. */
  readonly entryHead: (decided: DecidedResource, recipient?: string) => Uint8Array
}

/**
 * Released bytes by content hash and by what was done to them. The untouched case is the upstream's own bytes, so
 * decimals keep their digits and nothing is serialized twice; a changed one is rebuilt with number sources.
 */
export function createVariants(options: VariantOptions): Variants {
  const needle = Buffer.from(new URL(options.upstreamBase).host)
  const cache = new LRUCache<string, Uint8Array>({
    maxSize: options.cacheBytes,
    sizeCalculation: bytes => bytes.length + 200,
  })
  const named = new WeakMap<ResourceFacts, boolean>()

  const namesUpstream = (facts: ResourceFacts): boolean => {
    const known = named.get(facts)
    if (known !== undefined) return known
    const found = containsOrigin(facts.bytes, needle)
    named.set(facts, found)
    return found
  }

  const heads = new WeakMap<ResourceFacts, Uint8Array>()
  const tried: Tried = new WeakMap()

  return {
    projected: (decided, recipient) => attempt(() => leftOf(decided, options, recipient)),
    projectable: (decided, recipient) => {
      const { decision, labelled } = decided
      if ((decision.projections ?? []).length === 0) return true
      return attempt(() => goThrough(labelled.facts, applied(decided, options, recipient), tried)) ?? false
    },
    entryHead: (decided, recipient) => {
      const { facts } = decided.labelled
      const named = applied(decided, options, recipient).find(({ reference }) => reference !== undefined)
      if (named?.reference !== undefined)
        return entryHead(`${options.baseUrl}/${named.reference(facts.reference)}`)
      const known = heads.get(facts)
      if (known !== undefined) return known
      const head = entryHead(`${options.baseUrl}/${facts.reference}`)
      heads.set(facts, head)
      return head
    },
    of: (decided, hidden, along, recipient) => {
      const { facts, classKey } = decided.labelled
      const redact = decided.decision.effect === 'redact' ? decided.decision.redact : []
      const projections = applied(decided, options, recipient)
      const marked = !projections.some(({ deidentified }) => deidentified) && needsMarks(decided, along)
      if (hidden.length + redact.length + projections.length === 0 && !marked && !namesUpstream(facts))
        return facts.bytes
      const key = [
        facts.hash,
        marked ? `${classKey}|${along.key}` : '',
        hidden.join(' '),
        redact.join(' '),
        ...projections.map(({ id, key }) => `${id}=${key}`),
      ].join('|')
      const cached = cache.get(key)
      if (cached !== undefined) return cached
      const changes = { removed: [...hidden, ...redact], projections }
      const bytes = rebuild(decided, changes, marked ? along : undefined, options)
      cache.set(key, bytes)
      return bytes
    },
  }
}

/** The projections a release passes through. Throws where one is not known: then it does not leave. */
function applied(
  { decision, labelled }: DecidedResource,
  { projections }: VariantOptions,
  recipient: string | undefined,
): readonly Projection[] {
  return (decision.projections ?? []).flatMap(id => {
    const found = projections?.get(id)
    if (found === undefined) throw new Error(`projection ${id} is not known`)
    if (found.withheldTypes?.has(labelled.facts.type))
      throw new Error(`projection ${id} cannot make ${labelled.facts.type} fit to leave`)
    const projection = recipient === undefined ? found : (found.forRecipient?.(recipient) ?? found)
    return projection.touches?.(labelled.facts.type) === false ? [] : [projection]
  })
}

/** Pseudonyms are for what looks at values: what a view takes out is told by paths. */
function leftOf(
  decided: DecidedResource,
  options: VariantOptions,
  recipient: string,
): ReturnType<Variants['projected']> {
  const projections = applied(decided, options, recipient)
  if (!projections.some(({ reference }) => reference !== undefined)) return 'unchanged'
  const { facts } = decided.labelled
  const text = new TextDecoder('utf-8', { fatal: true }).decode(facts.bytes)
  const [whole, left] = [parseLossless(text), parseLossless(text)] as unknown as [ResourceTree, ResourceTree]
  for (const projection of projections) projection.apply(left, facts)
  return { whole, left }
}

/** What came of projections on a record, by their keys. */
type Tried = WeakMap<ResourceFacts, Map<string, boolean>>

/** Tries projections on the record as it is, once; what was taken out before only takes work from them. */
function goThrough(facts: ResourceFacts, projections: readonly Projection[], tried: Tried): boolean {
  if (projections.length === 0) return true
  const known = tried.get(facts) ?? new Map<string, boolean>()
  tried.set(facts, known)
  const key = projections.map(({ id, key: version }) => `${id}=${version}`).join('|')
  const before = known.get(key)
  if (before !== undefined) return before
  const passes = attempt(() => {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(facts.bytes)
    const resource = parseLossless(text) as unknown as ResourceTree
    for (const projection of projections) projection.apply(resource, facts)
    return true
  })
  known.set(key, passes ?? false)
  return passes ?? false
}

function attempt<T>(make: () => T): T | undefined {
  try {
    return make()
  } catch {
    return undefined
  }
}

interface Changes {
  readonly removed: readonly string[]
  readonly projections: readonly Projection[]
}

function rebuild(
  decided: DecidedResource,
  { removed, projections }: Changes,
  along: Accompaniment | undefined,
  options: VariantOptions,
): Uint8Array {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(decided.labelled.facts.bytes)
  const resource = rewriteLinks(
    parseLossless(text),
    options.upstreamBase,
    options.baseUrl,
  ) as unknown as MutableObject
  // Indexes move when something is removed: what the labels speak of is found before. A projection makes the resource
  // anew: what is left of it carries its labels as a whole.
  const parts = along === undefined || projections.length > 0 ? [] : foundParts(resource, decided)
  const { paths, cuts } = removalsOf(removed)
  cutDocuments(resource, cuts)
  removePaths(resource, paths, options.required)
  const said = projections.map(projection => projection.apply(resource, decided.labelled.facts))
  if (along !== undefined) mark(resource, decided, along, parts)
  for (const projected of said) say(resource, projected)
  return Buffer.from(stringifyLossless(resource as unknown as JsonValue))
}

/** Writes into `meta` what projections say of what they left, each coding once. */
function say(resource: MutableObject, { tags, security }: Projected): void {
  if (tags.length + security.length === 0) return
  const meta = (resource['meta'] ?? {}) as MutableObject
  addCodings(meta, 'tag', tags)
  addCodings(meta, 'security', security)
  placeMetaEarly(resource, meta)
}

function addCodings(meta: MutableObject, key: 'tag' | 'security', codings: readonly Coding[]): void {
  if (codings.length === 0) return
  const present = Array.isArray(meta[key]) ? (meta[key] as readonly MutableObject[]) : []
  const missing = codings.filter(
    ({ system, code }) => !present.some(one => one['system'] === system && one['code'] === code),
  )
  meta[key] = [...present, ...missing.map(coding => ({ ...coding }))]
}

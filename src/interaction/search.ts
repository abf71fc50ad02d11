import type { IncludeParameter, SearchInteraction, SearchParameter } from '../model/interaction.ts'
import { checkName, checkSupported, isInert } from './parameter-names.ts'
import { refuse } from './refuse.ts'
import {
  referencePaths,
  resourceTypes,
  type SearchParameterDefinition,
  searchParameter,
} from './search-parameters.ts'
import type { Pair } from './target.ts'
import { checkValue } from './values.ts'

/** A range has a lower and an upper end. */
const MAX_DATES = 2
const MAX_SORT_KEYS = 8
const MAX_INCLUDES = 20
/** What a reference names may be hidden, and an order by it would tell; the others have no order. */
const UNSORTABLE: ReadonlySet<string> = new Set(['composite', 'reference', 'special'])
const COUNT = /^\d{1,9}$/
const INCLUDE = /^([A-Z][A-Za-z]{1,63}):([A-Za-z][A-Za-z0-9_-]{0,63})(?::([A-Z][A-Za-z]{1,63}))?$/

export interface SearchContext {
  readonly resourceType: string
  readonly baseUrl: string
  readonly pageSizeDefault: number
  readonly pageSizeMax: number
  readonly method: 'GET' | 'POST'
  readonly offset: number
}

/** An include as asked for and as understood. */
interface Include {
  readonly pair: Pair
  readonly include: IncludeParameter
}

/** What the pairs read so far say; lives for one parse only. */
interface Draft {
  readonly parameters: SearchParameter[]
  readonly includes: Map<string, Include>
  readonly seen: Map<string, number>
  sort?: string
  count?: number
}

/**
 * A type search from its decoded pairs. Equal searches give equal interactions: parameters and includes are sorted and
 * values are in normal form, so `canonical` parses back to the same interaction.
 * @throws Refusal for every name or value outside the tables of R4 (https://hl7.org/fhir/R4/search.html).
 */
export function parseSearch(pairs: readonly Pair[], context: SearchContext): SearchInteraction {
  const draft: Draft = { parameters: [], includes: new Map(), seen: new Map() }
  for (const [name, value] of pairs) take(draft, name, value, context)
  const parameters = draft.parameters.sort(byNameAndValue)
  const includes = [...draft.includes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, include]) => include)
  return {
    code: 'search-type',
    resourceType: context.resourceType,
    parameters,
    ...(draft.sort === undefined ? {} : { sort: draft.sort }),
    count: draft.count ?? Math.min(context.pageSizeDefault, context.pageSizeMax),
    includes: includes.map(({ include }) => include),
    offset: context.offset,
    canonical: canonicalQuery(draft, parameters, includes),
    method: context.method,
  }
}

function canonicalQuery(
  draft: Draft,
  parameters: readonly SearchParameter[],
  includes: readonly Include[],
): string {
  const pairs: Pair[] = parameters.map(({ name, value }) => [name, value])
  if (draft.count !== undefined) pairs.push(['_count', String(draft.count)])
  pairs.push(...includes.map(({ pair }) => pair))
  if (draft.sort !== undefined) pairs.push(['_sort', draft.sort])
  return pairs.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&')
}

function take(draft: Draft, name: string, value: string, context: SearchContext): void {
  checkName(name)
  const definition = searchParameter(context.resourceType, name)
  countName(draft, name, definition)
  if (isInert(name, value)) return
  checkSupported(name)
  switch (name) {
    case '_count':
      draft.count = parseCount(value, context.pageSizeMax)
      return
    case '_sort':
      draft.sort = checkSort(value, context.resourceType)
      return
    case '_include':
    case '_revinclude':
      takeInclude(draft, [name, value], context.resourceType)
      return
    default:
      draft.parameters.push(parseParameter(definition, name, value, context))
  }
}

/** Dates may be given twice (a range), includes often; elsewhere first-wins and last-wins servers would differ. */
function countName(draft: Draft, name: string, definition: SearchParameterDefinition | undefined): void {
  const times = (draft.seen.get(name) ?? 0) + 1
  draft.seen.set(name, times)
  const most =
    name === '_include' || name === '_revinclude' ? MAX_INCLUDES : definition?.type === 'date' ? MAX_DATES : 1
  if (times > most)
    refuse('duplicate-parameter', `${name}: may stand at most ${most === 1 ? 'once' : `${most} times`}`)
}

function parseParameter(
  definition: SearchParameterDefinition | undefined,
  name: string,
  value: string,
  context: SearchContext,
): SearchParameter {
  if (definition === undefined) {
    refuse('unknown-parameter', `${name} is not a search parameter of ${context.resourceType}`)
  }
  return { name, value: checkValue(definition, value, context.baseUrl), type: definition.type }
}

function parseCount(value: string, max: number): number {
  if (!COUNT.test(value) || Number(value) === 0)
    refuse('bad-parameter', '_count: expected a number of at least 1')
  return Math.min(Number(value), max)
}

function checkSort(value: string, resourceType: string): string {
  const names = value.split(',').map(key => key.replace(/^-/, ''))
  if (names.length > MAX_SORT_KEYS || new Set(names).size < names.length) {
    refuse('bad-parameter', `_sort: expected at most ${MAX_SORT_KEYS} different keys`)
  }
  for (const name of names) checkSortKey(name, resourceType)
  return value
}

function checkSortKey(name: string, resourceType: string): void {
  const type = searchParameter(resourceType, name)?.type
  if (type === undefined || UNSORTABLE.has(type)) {
    refuse(
      'bad-parameter',
      `_sort: every key is a search parameter of ${resourceType} that is no reference, "-" before it for descending`,
    )
  }
}

function takeInclude(draft: Draft, pair: Pair, resourceType: string): void {
  const key = pair.join('=')
  if (draft.includes.has(key))
    refuse('duplicate-parameter', `${pair[0]}: the same include may stand only once`)
  draft.includes.set(key, { pair, include: parseInclude(pair, resourceType) })
}

/** `_include` starts at the type searched for, `_revinclude` ends there; wildcards and iteration stay out. */
function parseInclude([name, value]: Pair, resourceType: string): IncludeParameter {
  const [, sourceType, parameter, targetType] = INCLUDE.exec(value) ?? []
  if (sourceType === undefined || parameter === undefined) {
    refuse('bad-parameter', `${name}: expected Type:parameter or Type:parameter:Target, no wildcard`)
  }
  if (!resourceTypes().has(sourceType))
    refuse('unknown-type', `${name}: the source is not an R4 resource type`)
  if (sourceType === 'AuditEvent' || targetType === 'AuditEvent') {
    refuse('not-supported', `${name}: AuditEvent is not served here`)
  }
  const { paths, targets } = referencePaths(sourceType, parameter)
  const reverse = name === '_revinclude'
  const starts = reverse || sourceType === resourceType
  const ends = reverse ? resourceType : targetType
  const fits = ends === undefined || (targets.includes(ends) && (targetType ?? ends) === ends)
  if (paths.length === 0 || !starts || !fits) {
    refuse('bad-parameter', `${name}: not a reference parameter between these types`)
  }
  return { reverse, sourceType, parameter, ...(targetType === undefined ? {} : { targetType }) }
}

function byNameAndValue(a: SearchParameter, b: SearchParameter): number {
  if (a.name !== b.name) return a.name < b.name ? -1 : 1
  return a.value < b.value ? -1 : 1
}

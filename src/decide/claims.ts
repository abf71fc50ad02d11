import type { JsonObject, JsonValue } from '../model/fhir.ts'
import type { ResourceFacts } from '../model/label.ts'

/**
 * Whether a claim holds: `path` = present and neither false, empty nor blank; `path=value` = exactly that text; `path~words`
 * = some name or text in it holds these words, whatever their case.
 */
export function claimHolds(claims: JsonObject, condition: string): boolean {
  const [words, equals] = [condition.indexOf('~'), condition.indexOf('=')]
  if (words >= 0 && (equals < 0 || words < equals))
    return holdsWords(claimAt(claims, condition.slice(0, words)), condition.slice(words + 1).toLowerCase())
  const value = claimAt(claims, equals < 0 ? condition : condition.slice(0, equals))
  return equals < 0 ? isStated(value) : String(value) === condition.slice(equals + 1)
}

export function claimAt(claims: JsonObject, path: string): JsonValue | undefined {
  let value: JsonValue | undefined = claims
  for (const name of path.split('.')) {
    if (!isObject(value)) return undefined
    value = Object.hasOwn(value, name) ? value[name] : undefined
  }
  return value
}

function holdsWords(value: JsonValue | undefined, words: string): boolean {
  if (typeof value === 'string') return value.toLowerCase().includes(words)
  if (Array.isArray(value)) return value.some(each => holdsWords(each, words))
  if (!isObject(value)) return false
  return Object.entries(value).some(
    ([name, each]) => holdsWords(each, words) || (name.toLowerCase().includes(words) && isStated(each)),
  )
}

function isStated(value: JsonValue | undefined): boolean {
  if (value === undefined || value === null || value === false) return false
  if (typeof value === 'string') return value.trim() !== ''
  if (Array.isArray(value)) return value.length > 0
  return typeof value !== 'object' || Object.keys(value).length > 0
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Whether a resource lies in a `scope` or `dataset` of a question's claim: resourceTypes, codes ("system|code"), organizations
 * (source), from/to (date of the resource); all given parts must hold. No scope, or one that names none of these: false.
 */
export function withinScope(
  claims: JsonObject,
  path: string,
  resource: { readonly facts: ResourceFacts; readonly source?: string },
): boolean {
  const scope = claimAt(claims, path)
  if (!isObject(scope)) return false
  const types = texts(scope['resourceTypes'])
  const codes = texts(scope['codes'])
  const organizations = texts(scope['organizations'])
  const { from, to } = scope
  const given = [types, codes, organizations, from, to].some(part => part !== undefined)
  return (
    given &&
    (types === undefined || types.includes(resource.facts.type)) &&
    (codes === undefined ||
      resource.facts.codings.some(at => codes.includes(`${at.system ?? ''}|${at.code}`))) &&
    (organizations === undefined ||
      (resource.source !== undefined && organizations.includes(resource.source))) &&
    ((from === undefined && to === undefined) || datedWithin(resource.facts, from, to))
  )
}

/** Undated resources lie in no window; every date must lie inside. Whole days, compared as ISO text. */
function datedWithin(facts: ResourceFacts, from: JsonValue | undefined, to: JsonValue | undefined): boolean {
  const days = facts.dates.flatMap(({ start, end }) => [start, end ?? start])
  return days.length > 0 && days.every(day => day !== undefined && notBefore(day, from) && notBefore(to, day))
}

/** True where `day` is on or after `from`; an open side holds, a day or limit that is no full date does not. */
function notBefore(day: JsonValue | undefined, from: JsonValue | undefined): boolean {
  if (day === undefined || from === undefined) return true
  const [later, earlier] = [day, from].map(value => (typeof value === 'string' ? value.slice(0, 10) : ''))
  return later?.length === 10 && earlier?.length === 10 && later >= earlier
}

function texts(value: JsonValue | undefined): readonly string[] | undefined {
  if (value === undefined) return undefined
  return (Array.isArray(value) ? value : [value]).filter(each => typeof each === 'string')
}

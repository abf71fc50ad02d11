import { LRUCache } from 'lru-cache'
import type { JsonObject, JsonValue } from '../model/fhir.ts'
import type { ResourceFacts } from '../model/label.ts'
import type { SmartScope } from '../model/requester.ts'
import { matchesDate } from './dates.ts'
import { isObject } from './remote.ts'
import { type OwnParameter, ownParameter } from './search-parameters.ts'

type Constraint = SmartScope['constraints'][number]

const CHOICES = [
  'DateTime',
  'Period',
  'Instant',
  'Date',
  'CodeableConcept',
  'Coding',
  'Reference',
  'String',
  'Uri',
]

function flatten(value: JsonValue | undefined): readonly JsonValue[] {
  if (value === undefined || value === null) return []
  return Array.isArray(value) ? value : [value as JsonValue]
}

/** An element by name, or the forms of a choice element (`effective` → `effectiveDateTime`). */
function childrenOf(value: JsonValue, name: string): readonly JsonValue[] {
  if (!isObject(value)) return []
  if (value[name] !== undefined) return flatten(value[name])
  return CHOICES.flatMap(type => flatten(value[`${name}${type}`]))
}

function valuesAt(resource: JsonObject, path: readonly string[]): readonly JsonValue[] {
  let values: readonly JsonValue[] = [resource]
  for (const name of path) values = values.flatMap(value => childrenOf(value, name))
  return values
}

interface Coded {
  readonly system?: string
  readonly code: string
}

function codedOf(value: JsonValue): readonly Coded[] {
  if (typeof value === 'string' || typeof value === 'boolean') return [{ code: String(value) }]
  if (!isObject(value)) return []
  const { coding, system, code, value: own } = value
  if (coding !== undefined) return flatten(coding).flatMap(codedOf)
  const found = code ?? own
  if (typeof found !== 'string') return []
  return [{ ...(typeof system === 'string' ? { system } : {}), code: found }]
}

/** `code`, `system|code`, `|code`, `system|`, compared exactly; never by text or display. */
function matchesToken(value: JsonValue, asked: string): boolean {
  const bar = asked.indexOf('|')
  const code = asked.slice(bar + 1)
  const system = asked.slice(0, Math.max(bar, 0))
  return codedOf(value).some(coded => {
    if (bar >= 0 && (coded.system ?? '') !== system) return false
    return code === '' ? system !== '' : coded.code === code
  })
}

function matchesReference(value: JsonValue, asked: string, target: string | undefined): boolean {
  const reference = isObject(value) ? value['reference'] : value
  if (typeof reference !== 'string') return false
  if (target === undefined && !asked.includes('/')) return false
  const wanted = asked.includes('/') ? asked : `${target}/${asked}`
  if (target !== undefined && !wanted.startsWith(`${target}/`)) return false
  return reference.replace(/\/_history\/[^/]*$/, '') === wanted
}

function stringsOf(value: JsonValue): readonly string[] {
  if (typeof value === 'string') return [value]
  if (Array.isArray(value)) return value.flatMap(stringsOf)
  if (!isObject(value)) return []
  const { text, family, given, prefix, suffix, line, city, district, state, postalCode, country } = value
  return [text, family, given, prefix, suffix, line, city, district, state, postalCode, country].flatMap(
    part => (part === undefined ? [] : stringsOf(part)),
  )
}

/** R4 string search: begins with, without case. */
function matchesString(value: JsonValue, asked: string): boolean {
  const wanted = asked.toLowerCase()
  return stringsOf(value).some(text => text.toLowerCase().startsWith(wanted))
}

function matchesValue(parameter: OwnParameter, value: JsonValue, asked: string): boolean {
  switch (parameter.type) {
    case 'token':
      return matchesToken(value, asked)
    case 'reference':
      return matchesReference(value, asked, parameter.target)
    case 'date':
      return matchesDate(value, asked)
    case 'string':
      return matchesString(value, asked)
    case 'uri':
      return value === asked
  }
}

/** Values between commas; FHIR escapes (`\,` `\|` `\$` `\\`) are not understood here, and what holds one matches nothing. */
function alternatives(value: string): readonly string[] {
  return value.includes('\\') ? [] : value.split(',').filter(part => part !== '')
}

function isMet(constraint: Constraint, resourceType: string, resource: JsonObject): boolean {
  const parameter = ownParameter(resourceType, constraint.name)
  if (parameter === undefined) return false
  const values = parameter.paths.flatMap(path => valuesAt(resource, path))
  return alternatives(constraint.value).some(asked =>
    values.some(value => matchesValue(parameter, value, asked)),
  )
}

function parse(facts: ResourceFacts): JsonObject | undefined {
  if (facts.resource !== undefined) return facts.resource
  try {
    const parsed: unknown = JSON.parse(new TextDecoder().decode(facts.bytes))
    return isObject(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}

const ANSWERS_MAX = 50_000

/**
 * Whether a resource meets every constraint of a granular scope. What is unknown, unsupported (number, quantity,
 * composite parameters) or unreadable is not met. Answers are kept by constraints and content hash.
 */
export function createGranular(): (constraints: readonly Constraint[], facts: ResourceFacts) => boolean {
  const answers = new LRUCache<string, boolean>({ max: ANSWERS_MAX })
  const names = new WeakMap<readonly Constraint[], string>()
  const nameOf = (constraints: readonly Constraint[]): string => {
    const name = names.get(constraints) ?? JSON.stringify(constraints)
    names.set(constraints, name)
    return name
  }
  return (constraints, facts) => {
    const key = `${facts.hash} ${nameOf(constraints)}`
    const known = answers.get(key)
    if (known !== undefined) return known
    const resource = parse(facts)
    const met =
      resource?.['resourceType'] === facts.type &&
      constraints.every(constraint => isMet(constraint, facts.type, resource))
    answers.set(key, met)
    return met
  }
}

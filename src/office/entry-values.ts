import type { JsonObject, JsonValue } from '../model/fhir.ts'

/** What is wrong inside a value: the place under it (`.from`, `[2]`, empty for itself) and what was expected there. */
export interface ValueFault {
  readonly under: string
  readonly expected: string
}

const DAY = /^\d{4}-\d{2}-\d{2}$/
const TYPE = /^[A-Z][A-Za-z]+$/
const CODE = /^[^\s|]*\|[^\s|]+$/
const SOURCE = /^[A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64}$/

export function objectAt(value: unknown): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : undefined
}

/** A day of the calendar, `YYYY-MM-DD`. */
export function dayFault(value: JsonValue): ValueFault | undefined {
  const isDay =
    typeof value === 'string' &&
    DAY.test(value) &&
    !Number.isNaN(Date.parse(value)) &&
    new Date(value).toISOString().startsWith(value)
  return isDay ? undefined : { under: '', expected: 'a date YYYY-MM-DD' }
}

export function textsFault(value: JsonValue, pattern = /\S/, expected = 'text'): ValueFault | undefined {
  if (!Array.isArray(value) || value.length === 0) return { under: '', expected: `a list of ${expected}` }
  const index = value.findIndex(each => typeof each !== 'string' || !pattern.test(each))
  return index < 0 ? undefined : { under: `[${index}]`, expected }
}

const PARTS: Readonly<Record<string, (value: JsonValue) => ValueFault | undefined>> = {
  resourceTypes: value => textsFault(value, TYPE, 'FHIR resource types'),
  codes: value => textsFault(value, CODE, 'codes "system|code"'),
  organizations: value => textsFault(value, SOURCE, 'references Organization/x'),
  from: dayFault,
  to: dayFault,
}

/** A filter of resources, all given parts of which must hold. One without any part would let nothing through. */
export function scopeFault(value: JsonValue): ValueFault | undefined {
  const names = Object.keys(PARTS).join(', ')
  const scope = objectAt(value)
  if (scope === undefined || Object.keys(scope).length === 0)
    return { under: '', expected: `an object with some of ${names}` }
  for (const [name, part] of Object.entries(scope)) {
    if (!Object.hasOwn(PARTS, name)) return { under: `.${name}`, expected: `nothing but ${names}` }
    const fault = PARTS[name]?.(part as JsonValue)
    if (fault !== undefined) return { under: `.${name}${fault.under}`, expected: fault.expected }
  }
  const { from, to } = scope
  return typeof from === 'string' && typeof to === 'string' && from > to
    ? { under: '.to', expected: 'a day on or after from' }
    : undefined
}

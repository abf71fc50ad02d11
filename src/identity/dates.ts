import type { JsonValue } from '../model/fhir.ts'
import { isObject } from './remote.ts'

/** A span of time, ms since the epoch, both ends included. */
interface Span {
  readonly start: number
  readonly end: number
}

const DATE =
  /^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?)?)?$/
const PREFIX = /^(eq|ne|gt|lt|ge|le|sa|eb)(?=\d)/

/** The whole span of a partial FHIR date; without an offset it is read as UTC. */
function spanOf(text: string): Span | undefined {
  const match = DATE.exec(text)
  if (match === null) return undefined
  const [, year, month, day, hour, minute, second, fraction, zone] = match
  const iso = `${year}-${month ?? '01'}-${day ?? '01'}T${hour ?? '00'}:${minute ?? '00'}:${second ?? '00'}${fraction ?? ''}${zone ?? 'Z'}`
  const start = Date.parse(iso)
  if (Number.isNaN(start) || !isCalendarDay(Number(year), Number(month), Number(day ?? 1))) return undefined
  if (fraction !== undefined) return { start, end: start }
  if (second !== undefined) return { start, end: start + 999 }
  if (hour !== undefined) return { start, end: start + 59_999 }
  if (day !== undefined) return { start, end: start + 86_399_999 }
  const next = month === undefined ? Date.UTC(Number(year) + 1, 0) : Date.UTC(Number(year), Number(month))
  return { start, end: next - 1 }
}

/** `Date.parse` takes 31 September for 1 October. */
function isCalendarDay(year: number, month: number, day: number): boolean {
  return Number.isNaN(month) || new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day
}

function valueSpan(value: JsonValue): Span | undefined {
  if (typeof value === 'string') return spanOf(value)
  if (!isObject(value)) return undefined
  const { start, end } = value
  if (typeof start !== 'string' && typeof end !== 'string') return undefined
  const from = typeof start === 'string' ? spanOf(start) : { start: -Infinity, end: -Infinity }
  const to = typeof end === 'string' ? spanOf(end) : { start: Infinity, end: Infinity }
  return from === undefined || to === undefined ? undefined : { start: from.start, end: to.end }
}

const isWithin = (value: Span, asked: Span): boolean => value.start >= asked.start && value.end <= asked.end

const COMPARISONS: Readonly<Record<string, (value: Span, asked: Span) => boolean>> = {
  eq: isWithin,
  ne: (value, asked) => !isWithin(value, asked),
  gt: (value, asked) => value.end > asked.end,
  lt: (value, asked) => value.start < asked.start,
  ge: (value, asked) => value.end > asked.end || isWithin(value, asked),
  le: (value, asked) => value.start < asked.start || isWithin(value, asked),
  sa: (value, asked) => value.start > asked.end,
  eb: (value, asked) => value.end < asked.start,
}

/** R4 date search (https://hl7.org/fhir/R4/search.html#date): date, dateTime, instant or Period against `ge2020` and the like. */
export function matchesDate(value: JsonValue, asked: string): boolean {
  const prefix = PREFIX.exec(asked)?.[1] ?? 'eq'
  const wanted = spanOf(PREFIX.test(asked) ? asked.slice(2) : asked)
  const actual = valueSpan(value)
  if (wanted === undefined || actual === undefined) return false
  return COMPARISONS[prefix]?.(actual, wanted) ?? false
}

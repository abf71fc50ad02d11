/** Half-open span of time, milliseconds since the epoch: `start` belongs to it, `end` does not. */
export interface Span {
  readonly start: number
  readonly end: number
}

const DATE =
  /^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|[+-]\d{2}:\d{2})?)?)?)?$/

const formats = new Map<string, Intl.DateTimeFormat>()

function formatFor(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone)
  if (known !== undefined) return known
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  formats.set(zone, format)
  return format
}

/** How far the wall clock of `zone` is ahead of UTC at `instant`, ms. */
function offsetAt(instant: number, zone: string): number {
  const whole = Math.floor(instant / 1000) * 1000
  const part: Record<string, number> = {}
  for (const { type, value } of formatFor(zone).formatToParts(whole)) part[type] = Number(value)
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part
  return utcDay(year, month, day) + ((hour * 60 + minute) * 60 + second) * 1000 - whole
}

/** The longest way from UTC to a wall clock, with room for what zones did in the past. */
const FARTHEST = 26 * 3_600_000

/**
 * The instant at which the wall clock of `zone` shows what `wall` says as if it were UTC: the first where it shows it
 * twice, and where clocks leap over it, as far behind the leap as the offset before it says (so a day without midnight
 * begins when the day begins).
 */
function instantOf(wall: number, zone: string): number {
  if (zone === 'UTC') return wall
  const early = wall - offsetAt(wall - FARTHEST, zone)
  const late = wall - offsetAt(wall + FARTHEST, zone)
  return offsetAt(early, zone) === wall - early || offsetAt(late, zone) !== wall - late ? early : late
}

/** Midnight UTC of a day; `Date.UTC` takes years before 100 for those of the last century. */
function utcDay(year: number, month: number, day: number): number {
  return year < 100 ? new Date(0).setUTCFullYear(year, month - 1, day) : Date.UTC(year, month - 1, day)
}

function offsetOf(text: string): number {
  if (text === 'Z') return 0
  const minutes = Number(text.slice(1, 3)) * 60 + Number(text.slice(4))
  return (text.startsWith('-') ? -minutes : minutes) * 60_000
}

function isCalendarDate(year: number, month: number, day: number): boolean {
  if (month < 1 || month > 12 || day < 1) return false
  // Every month has 28 days; for the others the calendar is asked.
  return day <= 28 || day <= new Date(utcDay(year, month + 1, 0)).getUTCDate()
}

function daySpan(match: RegExpExecArray, zone: string): Span | undefined {
  const year = Number(match[1])
  const month = Number(match[2] ?? 1)
  const day = Number(match[3] ?? 1)
  if (!isCalendarDate(year, month, day)) return undefined
  const whole =
    match[2] === undefined
      ? [year + 1, 1, 1]
      : match[3] === undefined
        ? [year, month + 1, 1]
        : [year, month, day + 1]
  const [nextYear = 0, nextMonth = 1, nextDay = 1] = whole
  const end = instantOf(utcDay(nextYear, nextMonth, nextDay), zone)
  return { start: instantOf(utcDay(year, month, day), zone), end }
}

function timeSpan(match: RegExpExecArray, zone: string): Span | undefined {
  const [year, month, day, hour, minute] = match.slice(1, 6).map(Number) as [
    number,
    number,
    number,
    number,
    number,
  ]
  const second = Number(match[6] ?? 0)
  if (!isCalendarDate(year, month, day) || hour > 23 || minute > 59 || second > 60) return undefined
  const millisecond = Number((match[7] ?? '0').padEnd(3, '0').slice(0, 3))
  const wall = utcDay(year, month, day) + ((hour * 60 + minute) * 60 + second) * 1000 + millisecond
  const start = match[8] === undefined ? instantOf(wall, zone) : wall - offsetOf(match[8])
  return { start, end: start + (match[6] === undefined ? 60_000 : match[7] === undefined ? 1000 : 1) }
}

/**
 * What a FHIR date, dateTime or instant covers: the whole year, month, day, minute or second that is written, in `zone`
 * (IANA name) where the text names no offset. https://hl7.org/fhir/R4/datatypes.html#Period ("2012-02-03 includes any
 * time on that day"). Undefined where the text is no such date; throws RangeError for a zone that does not exist.
 */
export function spanOf(text: string, zone: string): Span | undefined {
  const match = DATE.exec(text)
  if (match === null) return undefined
  return match[4] === undefined ? daySpan(match, zone) : timeSpan(match, zone)
}

/**
 * A Period with open ends reaching to infinity; undefined where an end that is written cannot be read, or lies before the
 * start (R4 constraint per-1).
 */
export function periodSpan(
  start: string | undefined,
  end: string | undefined,
  zone: string,
): Span | undefined {
  const from = start === undefined ? Number.NEGATIVE_INFINITY : spanOf(start, zone)?.start
  const until = end === undefined ? Number.POSITIVE_INFINITY : spanOf(end, zone)?.end
  return from === undefined || until === undefined || until <= from ? undefined : { start: from, end: until }
}

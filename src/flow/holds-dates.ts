const DAY_MS = 86_400_000
const VALUE = /^(eq|ne|gt|lt|ge|le|sa|eb|ap)?(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?/

interface Bound {
  readonly prefix: string
  /** First moment of the date, and the first after it, ms. */
  readonly start: number
  readonly end: number
}

/**
 * Days that all values of one date parameter of a search leave open; undefined where an end is missing. A day more or less
 * for zones does not matter here, so times of day are not read. https://hl7.org/fhir/R4/search.html#date
 */
export function spanInDays(values: readonly string[]): number | undefined {
  const alternatives = values.map(value => value.split(',').map(boundOf))
  const spans = alternatives.map(exactDays).filter(days => days !== undefined)
  if (spans.length > 0) return Math.min(...spans)
  const bounds = alternatives.map(each => (each.length === 1 ? each[0] : undefined))
  const lower = bounds.find(bound => ['ge', 'gt', 'sa'].includes(bound?.prefix ?? ''))
  const upper = bounds.find(bound => ['le', 'lt', 'eb'].includes(bound?.prefix ?? ''))
  if (lower === undefined || upper === undefined || upper.end <= lower.start) return undefined
  return (upper.end - lower.start) / DAY_MS
}

/** Where every alternative is a date as such. */
function exactDays(bounds: readonly (Bound | undefined)[]): number | undefined {
  let days = 0
  for (const bound of bounds) {
    if (bound?.prefix !== 'eq') return undefined
    days += (bound.end - bound.start) / DAY_MS
  }
  return days
}

function boundOf(value: string): Bound | undefined {
  const [matched, prefix = 'eq', year, month, day] = VALUE.exec(value) ?? []
  if (matched === undefined) return undefined
  const [y, m, d] = [Number(year), Number(month ?? 1) - 1, Number(day ?? 1)]
  const end =
    day !== undefined ? Date.UTC(y, m, d + 1) : month !== undefined ? Date.UTC(y, m + 1) : Date.UTC(y + 1, 0)
  return { prefix, start: Date.UTC(y, m, d), end }
}

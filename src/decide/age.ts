import { type Tri, tri } from './tri.ts'

/**
 * Whether a person born on `birthDate` (FHIR date, possibly only a year or month) is of an age in completed years at
 * `at`: `from` inclusive, `under` exclusive. Unknown where the date is absent or leaves both possible.
 */
export function ageHolds(
  birthDate: string | undefined,
  at: Date,
  ages: { readonly from?: number; readonly under?: number },
): Tri {
  const [year, month, day] = (birthDate ?? '').split('-').map(Number)
  if (year === undefined || !Number.isInteger(year) || year === 0) return 'unknown'
  const oldest = yearsBetween(year, month ?? 1, day ?? 1, at)
  const youngest = yearsBetween(
    year,
    month ?? 12,
    day ?? (month === undefined ? 31 : daysIn(year, month)),
    at,
  )
  const lies = (years: number) =>
    years >= (ages.from ?? 0) && years < (ages.under ?? Number.POSITIVE_INFINITY)
  if (lies(oldest) !== lies(youngest)) return 'unknown'
  return tri(lies(oldest))
}

function yearsBetween(year: number, month: number, day: number, at: Date): number {
  const years = at.getUTCFullYear() - year
  const birthday = at.getUTCMonth() + 1 - month || at.getUTCDate() - day
  return birthday < 0 ? years - 1 : years
}

function daysIn(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate()
}

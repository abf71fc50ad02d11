/**
 * Whether somebody born on `birthDate` (YYYY, YYYY-MM or YYYY-MM-DD) is younger than `years` at `at`. A partial date
 * stands for its last day: where the age is in doubt, the younger one counts. False where the date cannot be read.
 */
export function youngerThan(birthDate: string, years: number, at: Date): boolean {
  const [, year, month, day] = /^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?/.exec(birthDate) ?? []
  if (year === undefined) return false
  const of = Number(year) + years
  // Day 0 of the next month is the last day of this one.
  const birthday =
    month === undefined
      ? Date.UTC(of, 11, 31)
      : day === undefined
        ? Date.UTC(of, Number(month), 0)
        : Date.UTC(of, Number(month) - 1, Number(day))
  return at.getTime() < birthday
}

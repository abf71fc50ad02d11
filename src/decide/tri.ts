/** Three-valued truth: what cannot be known is neither. Rows that close take it for true, rows that open for false. */
export type Tri = 'yes' | 'no' | 'unknown'

export const tri = (value: boolean): Tri => (value ? 'yes' : 'no')

/** All must hold: one `no` decides, one `unknown` leaves doubt. */
export function every(values: Iterable<Tri>): Tri {
  let result: Tri = 'yes'
  for (const value of values) {
    if (value === 'no') return 'no'
    if (value === 'unknown') result = 'unknown'
  }
  return result
}

/** One suffices: one `yes` decides, one `unknown` leaves doubt. */
export function some(values: Iterable<Tri>): Tri {
  let result: Tri = 'no'
  for (const value of values) {
    if (value === 'yes') return 'yes'
    if (value === 'unknown') result = 'unknown'
  }
  return result
}

/** A list of values with `!` for negation: one of the plain ones must hold (if any), none of the negated ones may. */
export function listHolds(
  values: readonly string[],
  plain: (value: string) => boolean,
  negated: (value: string) => boolean = plain,
): boolean {
  let wanted = false
  let met = false
  for (const value of values) {
    if (value.charCodeAt(0) === 33) {
      if (negated(value.slice(1))) return false
    } else {
      wanted = true
      met ||= plain(value)
    }
  }
  return met || !wanted
}

/** As `listHolds` for one fact; a fact that is not stated leaves doubt where a plain value is asked for. */
export function factHolds(values: readonly string[], fact: string | undefined): Tri {
  if (fact !== undefined) return tri(listHolds(values, value => value === fact))
  return values.some(value => !value.startsWith('!')) ? 'unknown' : 'yes'
}

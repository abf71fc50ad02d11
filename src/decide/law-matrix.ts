import type { LawCondition, LawRow } from '../model/law.ts'

export interface LawFilter {
  /** Two-letter state: its rows and the federal ones. */
  readonly state?: string
  readonly category?: string
  readonly enabledOnly?: boolean
}

/** One row of law as it is printed: by the `law` command, the console, the documentation. */
export interface MatrixRow {
  readonly id: string
  readonly jurisdiction: string
  readonly category: string
  readonly effect: string
  readonly title: string
  readonly when: string
  readonly terms: string
  readonly citation: string
  readonly confidence: string
  readonly inForce: string
  readonly enabled: 'yes' | 'no'
}

/** The rows that a filter leaves, in the order of jurisdiction and id; nothing is left out of a row. */
export function lawMatrix(rows: readonly LawRow[], filter: LawFilter = {}): readonly MatrixRow[] {
  const state = filter.state?.toUpperCase()
  return rows
    .filter(
      ({ when }) =>
        state === undefined || when.custodianStates === undefined || when.custodianStates.includes(state),
    )
    .filter(({ category }) => filter.category === undefined || category === filter.category)
    .filter(({ enabled }) => enabled || !filter.enabledOnly)
    .map(matrixRow)
    .toSorted((left, right) => (sortKey(left) < sortKey(right) ? -1 : 1))
}

function sortKey({ jurisdiction, id }: MatrixRow): string {
  return `${jurisdiction}\n${id}`
}

function matrixRow(row: LawRow): MatrixRow {
  return {
    id: row.id,
    jurisdiction: row.jurisdiction,
    category: row.category ?? 'general',
    effect: row.effect,
    title: row.title,
    when: conditionText(row.when),
    terms: termsText(row),
    citation: row.citation,
    confidence: row.confidence,
    inForce: [row.effectiveFrom, row.effectiveTo].some(Boolean)
      ? `${row.effectiveFrom ?? ''} to ${row.effectiveTo ?? 'open'}`
      : 'always',
    enabled: row.enabled ? 'yes' : 'no',
  }
}

function conditionText(when: LawCondition): string {
  const parts = Object.entries(when).map(([name, value]) => `${name} ${valueText(value)}`)
  return parts.length === 0 ? 'always' : parts.join('; ')
}

function valueText(value: LawCondition[keyof LawCondition]): string {
  if (Array.isArray(value)) return value.join(' | ')
  if (typeof value !== 'object') return String(value)
  return Object.entries(value)
    .map(([name, bound]) => `${name} ${bound}`)
    .join(' ')
}

function termsText(row: LawRow): string {
  const lists: readonly (readonly [string, readonly string[] | undefined])[] = [
    ['consent', row.consent],
    ['lifts', row.lifts],
    ['overrides', row.overrides],
    ['frees from', row.frees],
    ['obligations', row.obligations],
    ['caveats', row.caveats],
    ['on refusal', row.onRefusal],
    ['notice', row.notice === undefined ? undefined : [row.notice]],
    ['ground', row.ground === undefined ? undefined : [row.ground]],
    ['silent', row.silent ? ['yes'] : undefined],
  ]
  return lists
    .flatMap(([name, values]) => (values === undefined ? [] : [`${name} ${values.join(' | ')}`]))
    .join('; ')
}

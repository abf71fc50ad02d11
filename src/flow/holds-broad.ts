import type { HoldRule, HoldsTable } from '../model/holds.ts'
import { type Asked, type Purposes, speaksOf } from './holds-about.ts'
import type { BreadthCount } from './holds-breadth.ts'
import { isOfPatients, patientsNamed, recordsNamed, shapeOf } from './holds-shape.ts'

interface Counting {
  readonly table: HoldsTable
  readonly count: BreadthCount
}

/** Counts what was asked before, as the record tells it, in its order. */
export function recount(
  rules: readonly HoldRule[],
  before: Iterable<Asked>,
  options: Counting & Purposes,
): void {
  for (const asked of before)
    for (const rule of rules) if (speaksOf(rule, asked, options)) noteBreadth(rule, asked, options)
}

const HOUR_MS = 3_600_000

/** What a request names, for the counts of a breadth rule; undefined where it may reach everybody. */
function named(
  { interaction, ...rest }: Asked,
  table: HoldsTable,
): { readonly patients: readonly string[]; readonly records: readonly string[] } | undefined {
  if (!isOfPatients(interaction)) return { patients: [], records: [] }
  const patients = patientsNamed({ interaction, ...rest }, table)
  if (patients !== undefined) return { patients, records: [] }
  const records = recordsNamed(interaction)
  if (interaction.resourceType !== 'Patient')
    return records === undefined ? undefined : { patients: [], records }
  if (records !== undefined) return { patients: records, records: [] }
  return isOnePerson(interaction, table) ? { patients: [shapeOf(interaction)], records: [] } : undefined
}

const DAY = /^(?:eq)?\d{4}-\d{2}-\d{2}$/
/** R4 finds every text that begins with what is asked for. */
const LEAST_TEXT = 2

/**
 * Who looks for a patient by name and day of birth, or by telephone number, looks for one. A name alone, the beginning of
 * one, a span of years or every identifier of a system may find all patients there are.
 */
function isOnePerson(interaction: Asked['interaction'], { narrowing }: HoldsTable): boolean {
  if (interaction.code !== 'search-type') return false
  const names = narrowing.byType['Patient'] ?? []
  const one = interaction.parameters.filter(({ name, value }) => names.includes(name) && !/,|\|$/.test(value))
  const has = (kind: string, fits: (value: string) => boolean): boolean =>
    one.some(({ type, value }) => type === kind && fits(value))
  return (
    has('token', () => true) ||
    (has('date', value => DAY.test(value)) && has('string', value => value.length >= LEAST_TEXT))
  )
}

function limitsOf({ patients = 0, records, windowHours }: HoldRule, at: Date) {
  const ms = windowHours * HOUR_MS
  return {
    patients: { most: patients, ms, at },
    ...(records === undefined ? {} : { records: { most: records, ms, at } }),
  }
}

/** Whether a request names more than a rule lets one user ask for within its window, or may reach everybody. */
export function isBroad(rule: HoldRule, understood: Asked, { table, count }: Counting): boolean {
  const what = named(understood, table)
  if (what === undefined) return true
  const limits = limitsOf(rule, understood.receivedAt)
  const [patientsOf, recordsOf] = countNames(rule, understood)
  return (
    count.exceeds(patientsOf, what.patients, limits.patients) ||
    (limits.records !== undefined && count.exceeds(recordsOf, what.records, limits.records))
  )
}

/** What was held has reached nobody and does not count. */
export function noteBreadth(rule: HoldRule, understood: Asked, { table, count }: Counting): void {
  if (rule.kind !== 'breadth') return
  const what = named(understood, table)
  if (what === undefined) return
  const limits = limitsOf(rule, understood.receivedAt)
  const [patientsOf, recordsOf] = countNames(rule, understood)
  if (what.patients.length > 0) count.note(patientsOf, what.patients, limits.patients)
  if (limits.records !== undefined && what.records.length > 0)
    count.note(recordsOf, what.records, limits.records)
}

function countNames({ id }: HoldRule, { requester: { key, client } }: Asked): [string, string] {
  return [JSON.stringify([id, 'patients', key, client]), JSON.stringify([id, 'records', key, client])]
}

import type { Understood } from '../model/exchange.ts'
import type { HeldRequest, HoldAnswer, HoldGate, HoldRule, Holds, HoldsTable } from '../model/holds.ts'
import { clientKeyOf } from '../model/holds.ts'
import { Refusal } from '../model/refusal.ts'
import type { BreadthCount } from './holds-breadth.ts'
import { afterHours } from './holds-hours.ts'
import { isOfPatients, isWholeChart, patientsNamed, recordsNamed, shapeOf } from './holds-shape.ts'

export interface HoldsOptions {
  readonly rules: readonly HoldRule[]
  readonly table: HoldsTable
  /** A purpose and all that stand above it. */
  readonly wide: (purpose: string) => ReadonlySet<string>
  /** IANA time zone of the site. */
  readonly zone: string
  readonly gate: HoldGate
  readonly count: BreadthCount
}

/**
 * Holds what the rules of the site name until the privacy office has approved it. Depends on request, requester, clock and
 * the word of the office alone (invariant 3): run before anything is fetched.
 */
export function createHolds(options: HoldsOptions): Holds {
  const { rules, gate } = options
  const isClosed = afterHours(options.zone)
  return {
    check: understood => {
      const concerned = rules.filter(rule => speaksOf(rule, understood, options))
      const hit = concerned.filter(rule => holds(rule, understood, options, isClosed))
      const answers = hit.map(rule => {
        const held = heldRequest(rule, understood, options)
        return atOffice(() => gate.ask(held, understood.receivedAt))
      })
      refuseHeld(answers, hit)
      for (const rule of concerned) noteBreadth(rule, understood, options)
    },
  }
}

/** Whether a rule is about this requester and one of its purposes. */
function speaksOf(
  { roles, clients, purposes }: HoldRule,
  { requester, purposeOfUse }: Understood,
  options: HoldsOptions,
): boolean {
  if (clients !== undefined && !clients.includes(requester.client)) return false
  if (roles !== undefined && (requester.role === undefined || !roles.includes(requester.role))) return false
  return purposeOfUse.effective.some(code => isNamed(code, purposes, options))
}

/** Of the purposes that are held only where named, what the rule names must itself stand under each. */
function isNamed(
  code: string,
  named: readonly string[] | undefined,
  { wide, table }: Pick<HoldsOptions, 'wide' | 'table'>,
): boolean {
  const above = wide(code)
  const reaching = named?.filter(each => above.has(each))
  const special = table.onlyWhereNamed.filter(each => above.has(each))
  if (reaching === undefined) return special.length === 0
  return reaching.some(each => special.every(one => wide(each).has(one)))
}

function holds(
  rule: HoldRule,
  understood: Understood,
  options: HoldsOptions,
  isClosed: ReturnType<typeof afterHours>,
): boolean {
  const { interaction, requester, receivedAt } = understood
  switch (rule.kind) {
    case 'whole-chart':
      return isWholeChart(interaction, rule, options.table)
    case 'breadth':
      return isBroad(rule, understood, options)
    case 'first-contact':
      return !atOffice(() => options.gate.isKnownClient(rule.id, clientKeyOf(requester)))
    case 'after-hours':
      return rule.open === undefined || isClosed(rule.open, receivedAt)
  }
}

const HOUR_MS = 3_600_000

/** What a request names, for the counts of a breadth rule; undefined where it may reach everybody. */
function named(
  { interaction, ...rest }: Understood,
  table: HoldsTable,
): { readonly patients: readonly string[]; readonly records: readonly string[] } | undefined {
  if (!isOfPatients(interaction)) return { patients: [], records: [] }
  const patients = patientsNamed({ interaction, ...rest }, table)
  if (patients !== undefined) return { patients, records: [] }
  const records = recordsNamed(interaction)
  if (interaction.resourceType !== 'Patient')
    return records === undefined ? undefined : { patients: [], records }
  if (records !== undefined) return { patients: records, records: [] }
  // Who looks for a patient by name and birth date looks for one.
  const names = table.narrowing.byType['Patient'] ?? []
  const isSought =
    'parameters' in interaction && interaction.parameters.some(({ name }) => names.includes(name))
  return isSought ? { patients: [shapeOf(interaction)], records: [] } : undefined
}

function limitsOf({ patients = 0, records, windowHours }: HoldRule, at: Date) {
  const ms = windowHours * HOUR_MS
  return {
    patients: { most: patients, ms, at },
    ...(records === undefined ? {} : { records: { most: records, ms, at } }),
  }
}

function isBroad(rule: HoldRule, understood: Understood, { table, count }: HoldsOptions): boolean {
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
function noteBreadth(rule: HoldRule, understood: Understood, { table, count }: HoldsOptions): void {
  if (rule.kind !== 'breadth') return
  const what = named(understood, table)
  if (what === undefined) return
  const limits = limitsOf(rule, understood.receivedAt)
  const [patientsOf, recordsOf] = countNames(rule, understood)
  if (what.patients.length > 0) count.note(patientsOf, what.patients, limits.patients)
  if (limits.records !== undefined && what.records.length > 0)
    count.note(recordsOf, what.records, limits.records)
}

function countNames({ id }: HoldRule, { requester: { key, client } }: Understood): [string, string] {
  return [JSON.stringify([id, 'patients', key, client]), JSON.stringify([id, 'records', key, client])]
}

/** Longest text of a request that a case keeps. */
const REQUEST_MAX = 1000

/**
 * What one approval covers: a first contact the client; breadth the user; else the user with the patients that are named,
 * or with the very question where none is. Always for the purposes of the request.
 */
function heldRequest(rule: HoldRule, understood: Understood, { table }: HoldsOptions): HeldRequest {
  const { id: exchange, requester, purposeOfUse, interaction } = understood
  const { key: principal, client, registration, token, user, userName, organization } = requester
  const issuer = registration?.issuer ?? token?.issuer
  const purposes = [...purposeOfUse.effective].sort()
  const shape = shapeOf(interaction)
  const patients = patientsNamed(understood, table)
  const covers = coverage(rule, patients, shape)
  const key =
    rule.kind === 'first-contact'
      ? [rule.id, clientKeyOf(requester)]
      : [rule.id, principal, client, purposes, covers]
  return {
    key: JSON.stringify(key),
    rule: rule.id,
    kind: rule.kind,
    approvalHours: rule.approvalHours,
    caseHours: rule.caseHours,
    openCasesMax: rule.openCasesMax,
    principal,
    client,
    ...(issuer === undefined ? {} : { issuer }),
    ...(user === undefined ? {} : { user }),
    ...(userName === undefined ? {} : { userName }),
    ...(organization === undefined ? {} : { organization }),
    purposes,
    covers,
    request: shape.slice(0, REQUEST_MAX),
    exchange,
  }
}

function coverage({ kind }: HoldRule, patients: readonly string[] | undefined, shape: string): string {
  if (kind === 'first-contact') return 'the client'
  if (kind === 'breadth') return 'more patients'
  return patients === undefined ? shape : patients.join(',')
}

/** A store that cannot be asked is no approval: the constant 503. */
function atOffice<T>(ask: () => T): T {
  try {
    return ask()
  } catch (error) {
    throw new Refusal('record-unavailable', { detail: 'the store of the office', cause: error })
  }
}

function refuseHeld(answers: readonly HoldAnswer[], rules: readonly HoldRule[]): void {
  const waiting = answers.filter(({ state }) => state !== 'approved')
  if (waiting.length === 0) return
  const detail = `policy.holds: ${rules.map(({ id }) => id).join(', ')}`
  if (waiting.some(({ state }) => state === 'too-many')) throw new Refusal('rate-limited', { detail })
  const denied = waiting.filter(({ state }) => state === 'denied')
  const told = denied.length > 0 ? denied : waiting
  const diagnostics = `case ${told.map(({ id }) => id).join(', ')}`
  throw new Refusal(denied.length > 0 ? 'hold-denied' : 'held', { diagnostics, detail })
}

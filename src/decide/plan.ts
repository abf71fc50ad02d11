import type { DecisionContext } from '../model/decision.ts'
import type { DefaultPolicy, LawRow } from '../model/law.ts'
import type { Requester } from '../model/requester.ts'
import { type Situation, situation, situationHolds } from './conditions.ts'
import type { PurposeTree } from './purpose.ts'
import { looksInside } from './resource-conditions.ts'
import type { Tri } from './tri.ts'

/** A row that may speak for this situation; what a resource decides is still open. */
export interface CandidateRow {
  readonly row: LawRow
  readonly opens: boolean
  /** `unknown` where the situation leaves doubt; only closing rows are kept then. */
  readonly situation: Tri
}

/** Everything that one purpose of an exchange decides before any resource is looked at. */
export interface Plan {
  readonly situation: Situation
  readonly rows: readonly CandidateRow[]
  /** Whether the default policy lets the question go on where no Consent permits. */
  readonly defaultOpens: boolean
  /** Candidates that look at the resource itself and not at its class. */
  readonly inside: readonly LawRow[]
}

/** The enabled rows, by custodian state, so that an exchange looks at the rows of its own state only. */
export interface RowIndex {
  /** Tells the plans of one set of rows from those of another. */
  readonly id: number
  readonly of: (state: string) => readonly LawRow[]
}

/** Rows that open: they need certainty. The others close or oblige: doubt is enough for them. */
export function isOpening({ effect }: LawRow): boolean {
  return effect === 'permit' || effect === 'limit' || effect === 'except'
}

let indexes = 0

export function indexRows(
  rows: readonly LawRow[],
  switched: { readonly disabledRows?: readonly string[]; readonly enabledRows?: readonly string[] },
): RowIndex {
  const off = new Set(switched.disabledRows)
  const on = new Set(switched.enabledRows)
  const enabled = rows.filter(({ id, enabled }) => !off.has(id) && (enabled || on.has(id)))
  const general = enabled.filter(({ when }) => when.custodianStates === undefined)
  const bound = enabled.flatMap(row => row.when.custodianStates?.map(state => ({ row, state })) ?? [])
  const byState = Map.groupBy(bound, ({ state }) => state)
  const known = new Map(
    [...byState].map(([state, entries]) => [state, [...general, ...entries.map(({ row }) => row)]]),
  )
  return { id: ++indexes, of: state => known.get(state) ?? general }
}

/** Everything a plan depends on, but for the requester: one key, one plan. */
type Settled = Omit<Plan, 'situation'>

/** Plans by requester: nothing in them depends on patient or resource, so exchanges of one requester share them. */
const settledPlans = new WeakMap<
  Requester,
  Map<string, Settled & Pick<DecisionContext, 'custodian' | 'registry'>>
>()
/** Plans kept for one requester; purposes, days and default policies are few. */
const PLANS_PER_REQUESTER = 64

/** What one purpose of an exchange decides before any resource is looked at. */
export function planFor(
  context: DecisionContext,
  purpose: string,
  index: RowIndex,
  tree: PurposeTree,
  policy: DefaultPolicy | undefined,
): Plan {
  const at = situation(context, purpose, tree)
  const today = context.at.toISOString().slice(0, 10)
  const { requester, custodian, registry } = context
  const key = [
    index.id,
    purpose,
    context.action,
    context.policy,
    context.defaultPolicy,
    today,
    ...at.requesterChain,
  ].join('\n')
  const plans = settledPlans.get(requester) ?? new Map()
  const known = plans.get(key)
  if (known !== undefined && known.custodian === custodian && known.registry === registry)
    return { ...known, situation: at }
  const settled = settle(at, today, index, policy)
  if (plans.size >= PLANS_PER_REQUESTER) plans.clear()
  plans.set(key, { ...settled, custodian, registry })
  settledPlans.set(requester, plans)
  return { ...settled, situation: at }
}

/** Evaluates once, for one purpose, whatever no resource changes. */
function settle(at: Situation, today: string, index: RowIndex, policy: DefaultPolicy | undefined): Settled {
  const { context } = at
  const rows: CandidateRow[] = []
  for (const row of context.policy === 'law' ? index.of(context.custodian.state) : []) {
    if (!isInForce(row, today)) continue
    const opens = isOpening(row)
    const holds = situationHolds(row.when, at, opens)
    if (holds === 'yes' || (holds === 'unknown' && !opens)) rows.push({ row, opens, situation: holds })
  }
  return {
    rows,
    defaultOpens: policy?.opens.some(when => situationHolds(when, at, true) === 'yes') ?? false,
    inside: rows.map(({ row }) => row).filter(({ when }) => looksInside(when)),
  }
}

/** Both days included; a row without dates is always in force. */
function isInForce({ effectiveFrom, effectiveTo }: LawRow, today: string): boolean {
  return (
    (effectiveFrom === undefined || effectiveFrom <= today) &&
    (effectiveTo === undefined || today <= effectiveTo)
  )
}

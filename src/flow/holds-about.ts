import type { Understood } from '../model/exchange.ts'
import type { HoldRule, HoldsTable } from '../model/holds.ts'
import type { Requester } from '../model/requester.ts'

/** As much of a request as rules look at. */
export interface Asked extends Pick<Understood, 'interaction' | 'receivedAt'> {
  readonly requester: Pick<
    Requester,
    'key' | 'client' | 'role' | 'user' | 'scopes' | 'patient' | 'onlyPatient'
  >
  readonly purposeOfUse: Pick<Understood['purposeOfUse'], 'effective'>
}

/** Purposes of use: each with all that stand above it, and those that are held only where named. */
export interface Purposes {
  readonly wide: (purpose: string) => ReadonlySet<string>
  readonly table: Pick<HoldsTable, 'onlyWhereNamed'>
}

/** Whether a rule is about this requester and one of its purposes. */
export function speaksOf(
  { roles, clients, purposes }: HoldRule,
  { requester, purposeOfUse }: Asked,
  options: Purposes,
): boolean {
  if (clients !== undefined && !clients.includes(requester.client)) return false
  if (roles !== undefined && (requester.role === undefined || !roles.includes(requester.role))) return false
  return purposeOfUse.effective.some(code => isNamed(code, purposes, options))
}

/** Of the purposes that are held only where named, what the rule names must itself stand under each. */
function isNamed(code: string, named: readonly string[] | undefined, { wide, table }: Purposes): boolean {
  const above = wide(code)
  const reaching = named?.filter(each => above.has(each))
  const special = table.onlyWhereNamed.filter(each => above.has(each))
  if (reaching === undefined) return special.length === 0
  return reaching.some(each => special.every(one => wide(each).has(one)))
}

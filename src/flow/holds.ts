import type { Understood } from '../model/exchange.ts'
import type { HeldRequest, HoldAnswer, HoldGate, HoldRule, Holds, HoldsTable } from '../model/holds.ts'
import { clientKeyOf } from '../model/holds.ts'
import { Refusal } from '../model/refusal.ts'
import { speaksOf } from './holds-about.ts'
import type { BreadthCount } from './holds-breadth.ts'
import { isBroad, noteBreadth } from './holds-broad.ts'
import { afterHours } from './holds-hours.ts'
import { isWholeChart, patientsNamed, shapeOf } from './holds-shape.ts'

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

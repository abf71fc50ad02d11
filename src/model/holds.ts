import type { Understood } from './exchange.ts'
import type { Requester, RequesterRole } from './requester.ts'

/**
 * Disclosures that wait for the privacy office. Whether one is held follows from the request, the requester, the clock and
 * what the office said, never from what is on file: a hold tells nothing of anybody's record.
 */
export type HoldKind = 'whole-chart' | 'breadth' | 'first-contact' | 'after-hours'

export type Weekday = 'mon' | 'tue' | 'wed' | 'thu' | 'fri' | 'sat' | 'sun'

/** One rule of the site: `policy.holds` of the configuration. */
export interface HoldRule {
  readonly id: string
  readonly kind: HoldKind
  /** In the words of the site. */
  readonly why?: string
  readonly citation?: string
  /** v3-ActReason codes and what stands under them. Absent: all but those of `HoldsTable.onlyWhereNamed`. */
  readonly purposes?: readonly string[]
  /** Absent: all. */
  readonly roles?: readonly RequesterRole[]
  /** Client ids; absent: all. */
  readonly clients?: readonly string[]
  /** How long an approval counts, at most. An approved first contact stays approved. */
  readonly approvalHours: number
  /** How long a case waits, and how long a denial counts. */
  readonly caseHours: number
  /** Cases of one user that may wait under this rule; more requests are refused without one. */
  readonly openCasesMax: number
  /** whole-chart: the longest span of dates that narrows a search. */
  readonly spanDays: number
  /** whole-chart: the most alternatives of a parameter that narrows a search. */
  readonly values: number
  /** whole-chart: parameters that narrow a search, beside those of the table. */
  readonly narrowing: readonly string[]
  /** breadth: different patients within the window; the next is held. */
  readonly patients?: number
  /** breadth: different records asked for by id within the window; absent: not counted. */
  readonly records?: number
  /** breadth: length of the window that ends now. */
  readonly windowHours: number
  /** after-hours: when requests flow, in the zone of the site. */
  readonly open?: OpeningHours
}

/** `from` counts, `to` does not: `08:00` to `18:00`; `24:00` ends a day. */
export interface OpeningHours {
  readonly weekdays: readonly Weekday[]
  readonly from: string
  readonly to: string
}

/** profiles/deployment/holds.json. */
export interface HoldsTable {
  /** A rule holds these purposes, and what stands under them, only where it names them or one under them. */
  readonly onlyWhereNamed: readonly string[]
  /** Search parameters that narrow, for any type, and for one. */
  readonly narrowing: {
    readonly any: readonly string[]
    readonly byType: Readonly<Record<string, readonly string[]>>
  }
  /** Date parameters that say nothing of when care was given. */
  readonly datesThatDoNot: readonly string[]
  /** Types from which `_revinclude` gathers a chart, however they were found. */
  readonly wideTypes: readonly string[]
  /** Search parameters that name the patient. */
  readonly patientParameters: readonly string[]
  readonly revision: string
}

/** A request that a rule holds. */
export interface HeldRequest {
  /** The same for requests that one approval covers. */
  readonly key: string
  readonly rule: string
  readonly kind: HoldKind
  readonly approvalHours: number
  readonly caseHours: number
  readonly openCasesMax: number
  readonly principal: string
  readonly client: string
  readonly issuer?: string
  readonly user?: string
  readonly userName?: string
  readonly organization?: string
  readonly purposes: readonly string[]
  /** What an approval covers, in words. */
  readonly covers: string
  /** What was asked, as understood. */
  readonly request: string
  readonly exchange: string
}

/** What the office says of a held request. */
export interface HoldAnswer {
  readonly state: 'held' | 'approved' | 'denied' | 'too-many'
  /** Absent where no case is opened. */
  readonly id?: string
}

/** office/: the cases. Throws where the store cannot be looked at or written. */
export interface HoldGate {
  /** What stands for this request; opens its case where there is none. */
  readonly ask: (held: HeldRequest, at: Date) => HoldAnswer
  /** Whether a client had been released to when the rule was first in force. */
  readonly isKnownClient: (rule: string, client: string) => boolean
}

/** flow/: run for every understood request before anything is fetched. */
export interface Holds {
  /** Throws Refusal `held`, `hold-denied`, `rate-limited`, or `record-unavailable` where the office cannot be asked. */
  readonly check: (understood: Understood) => void
}

/** A client with the issuer that knows it under its id, in one text. */
export function clientKeyOf({
  client,
  registration,
  token,
}: Pick<Requester, 'client' | 'registration' | 'token'>): string {
  return clientKey(registration?.issuer ?? token?.issuer, client)
}

export function clientKey(issuer: string | undefined, client: string): string {
  return JSON.stringify([issuer ?? '', client])
}

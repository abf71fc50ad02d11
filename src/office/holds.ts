import type { Alert } from '../model/emergency.ts'
import type { JsonObject } from '../model/fhir.ts'
import type { HeldRequest } from '../model/holds.ts'
import type { OfficeEvent } from '../model/office.ts'
import { isSamePerson } from './persons.ts'

/** Kinds of events that speak of held disclosures. */
export const HOLD_EVENT = {
  opened: 'hold-opened',
  approved: 'hold-approved',
  denied: 'hold-denied',
  /** Clients that the ledger had released to when a rule of first contact was first in force. */
  known: 'hold-known-clients',
} as const

/** A held disclosure with the last word that was said of it. */
export interface HoldCase extends HeldRequest {
  readonly id: string
  readonly openedAt: string
  readonly decided?: {
    readonly what: 'approved' | 'denied'
    readonly at: string
    readonly by: string
    /** Whole second, UTC, exclusive; absent for a denial and for a first contact, which stays approved. */
    readonly until?: string
    readonly why?: string
  }
}

/** `lapsed`: it counts no more, and the same request opens another. */
export type HoldState = 'open' | 'approved' | 'denied' | 'lapsed'

/** Folds events as they come; what does not fit changes nothing. */
export class HoldFold {
  readonly cases = new Map<string, HoldCase>()
  /** By rule, clients that are known without a word of an officer. */
  readonly known = new Map<string, ReadonlySet<string>>()
  readonly #byKey = new Map<string, string[]>()
  readonly #byUser = new Map<string, string[]>()
  #last = 0

  /** Number of the last event taken. */
  get last(): number {
    return this.#last
  }

  take(events: readonly OfficeEvent[]): void {
    for (const event of events) {
      this.#take(event)
      this.#last = event.seq
    }
  }

  /** Cases of the same request, as they were opened. */
  alike(key: string): readonly HoldCase[] {
    return this.#named(this.#byKey.get(key))
  }

  /** Cases of one user under one rule. */
  ofUser(held: Pick<HeldRequest, 'rule' | 'principal' | 'client'>): readonly HoldCase[] {
    return this.#named(this.#byUser.get(userKey(held)))
  }

  #named(ids: readonly string[] = []): readonly HoldCase[] {
    return ids.flatMap(id => this.cases.get(id) ?? [])
  }

  #take(event: OfficeEvent): void {
    const { kind, subject, body } = event
    if (kind === HOLD_EVENT.known && !this.known.has(subject)) {
      const { clients } = body
      this.known.set(subject, new Set(Array.isArray(clients) ? clients.map(String) : []))
    }
    if (kind === HOLD_EVENT.opened) this.#open(event)
    const known = this.cases.get(subject)
    const decided = known && decisionIn(known, event)
    if (known !== undefined && decided !== undefined) this.cases.set(subject, { ...known, decided })
  }

  #open({ subject, at, body }: OfficeEvent): void {
    const held = heldIn(body)
    if (held === undefined || this.cases.has(subject)) return
    this.cases.set(subject, { ...held, id: subject, openedAt: at })
    push(this.#byKey, held.key, subject)
    push(this.#byUser, userKey(held), subject)
  }
}

function userKey({ rule, principal, client }: Pick<HeldRequest, 'rule' | 'principal' | 'client'>): string {
  return JSON.stringify([rule, principal, client])
}

function push(lists: Map<string, string[]>, key: string, value: string): void {
  const list = lists.get(key) ?? []
  list.push(value)
  lists.set(key, list)
}

function heldIn({ held }: JsonObject): HeldRequest | undefined {
  const given = held as unknown as Partial<HeldRequest> | undefined
  const isWhole = typeof given?.key === 'string' && typeof given.rule === 'string'
  const isTimed = Number.isFinite(given?.approvalHours) && Number.isFinite(given?.caseHours)
  return isWhole && isTimed ? (given as HeldRequest) : undefined
}

/** Nobody decides on the own request. */
function decisionIn(known: HoldCase, { kind, at, by, body }: OfficeEvent): HoldCase['decided'] {
  if (isRequester(known, by)) return undefined
  const { until, why } = body
  const reason = typeof why === 'string' ? { why } : {}
  if (kind === HOLD_EVENT.denied) return { what: 'denied', at, by, ...reason }
  if (kind !== HOLD_EVENT.approved) return undefined
  if (known.kind === 'first-contact') return { what: 'approved', at, by, ...reason }
  // An approval without an end says nothing.
  return typeof until === 'string' && Number.isFinite(Date.parse(until))
    ? { what: 'approved', at, by, until, ...reason }
    : undefined
}

/** Whether `name` is one of the names of the user who asked: nobody approves the own request. */
export function isRequester({ user, userName, principal }: HeldRequest, name: string): boolean {
  return [user, user?.split('/').at(-1), userName, principal].some(
    one => one !== undefined && isSamePerson(one, name),
  )
}

const HOUR_S = 3600

/** Where a case stands, by whole seconds: an approval counts until before its end. */
export function holdState({ openedAt, caseHours, decided }: HoldCase, at: Date): HoldState {
  const now = secondOf(at.toISOString())
  if (decided === undefined) return now < secondOf(openedAt) + caseHours * HOUR_S ? 'open' : 'lapsed'
  if (decided.what === 'denied') return now < secondOf(decided.at) + caseHours * HOUR_S ? 'denied' : 'lapsed'
  return decided.until === undefined || now < secondOf(decided.until) ? 'approved' : 'lapsed'
}

/** When the case counts no more as it stands; undefined: never. */
export function endOf({ openedAt, caseHours, decided }: HoldCase): string | undefined {
  if (decided?.what === 'approved') return decided.until
  return secondText(secondOf(decided?.at ?? openedAt) + caseHours * HOUR_S)
}

export function secondOf(instant: string): number {
  return Math.floor(Date.parse(instant) / 1000)
}

export function secondText(second: number): string {
  return `${new Date(second * 1000).toISOString().slice(0, 19)}Z`
}

/** Queued with the case itself. Who asks under which rule: what was asked stands in `holds show`. */
export function heldAlert({ subject, at, body }: OfficeEvent): Alert | undefined {
  const held = heldIn(body)
  if (held === undefined) return undefined
  const { rule, kind, client, user, organization, purposes } = held
  return {
    id: `${subject}.held`,
    kind: 'disclosure-held',
    at,
    grant: subject,
    body: {
      type: 'disclosure-held',
      timestamp: at,
      data: {
        case: subject,
        rule,
        kind,
        client,
        ...(user === undefined ? {} : { user }),
        ...(organization === undefined ? {} : { organization }),
        purposes,
      },
    },
  }
}

import type { Alert, EmergencyGrant } from '../model/emergency.ts'
import type { JsonObject } from '../model/fhir.ts'
import type { OfficeEvent } from '../model/office.ts'
import { HOLD_EVENT, heldAlert } from './holds.ts'
import { isSamePerson } from './persons.ts'

/** How a review may end: the use was right, it was not, or it was not and has been reported as an incident. */
export const OUTCOMES = ['appropriate', 'inappropriate', 'reported'] as const
export type Outcome = (typeof OUTCOMES)[number]

/** The review of one declaration, as all events say together. */
export interface ReviewCase {
  readonly grant: EmergencyGrant
  readonly declaredAt: string
  /** Ended by the office before its time. */
  readonly ended?: { readonly at: string; readonly by: string }
  readonly closed?: {
    readonly at: string
    readonly by: string
    readonly outcome: Outcome
    readonly note?: string
  }
}

/** What the events of the office say of emergencies: cases by id, alerts by id, and which alerts have arrived. */
export interface Emergencies {
  readonly cases: ReadonlyMap<string, ReviewCase>
  readonly queued: ReadonlyMap<string, Alert>
  /** Id of the alert → when it was taken. */
  readonly sent: ReadonlyMap<string, string>
}

/** Kinds of events that speak of emergencies; the rest is passed over. */
export const EVENT = {
  declared: 'evidence-entered',
  ended: 'evidence-ended',
  closed: 'review-closed',
  queued: 'alert-queued',
  sent: 'alert-sent',
} as const

/** Folds events as they come; `take` may be called again with later ones. An event that speaks of no known case changes nothing. */
export class EmergencyFold implements Emergencies {
  readonly cases = new Map<string, ReviewCase>()
  readonly queued = new Map<string, Alert>()
  readonly sent = new Map<string, string>()
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

  #take(event: OfficeEvent): void {
    const { kind, subject, at, by, body } = event
    const held = kind === HOLD_EVENT.opened ? heldAlert(event) : undefined
    if (held !== undefined) this.queued.set(held.id, held)
    const grant = kind === EVENT.declared ? grantIn(body) : undefined
    const known = this.cases.get(subject)
    if (grant !== undefined) {
      this.cases.set(grant.id, { grant, declaredAt: at })
      this.queued.set(declaredAlertId(grant.id), declaredAlert(grant, at))
    } else if (kind === EVENT.queued) {
      const alert = body['alert'] as unknown as Alert | undefined
      if (alert?.id === subject) this.queued.set(subject, alert)
    } else if (kind === EVENT.sent) this.sent.set(subject, at)
    else if (known !== undefined && kind === EVENT.ended)
      this.cases.set(subject, { ...known, ended: known.ended ?? { at, by } })
    else if (known !== undefined && kind === EVENT.closed && known.closed === undefined)
      this.cases.set(subject, { ...known, closed: { at, by, ...closingIn(body) } })
  }
}

function grantIn(body: JsonObject): EmergencyGrant | undefined {
  return body['grant'] as unknown as EmergencyGrant | undefined
}

function closingIn({ outcome, note }: JsonObject): { readonly outcome: Outcome; readonly note?: string } {
  return { outcome: outcome as Outcome, ...(typeof note === 'string' ? { note } : {}) }
}

export function declaredAlertId(grant: string): string {
  return `${grant}.declared`
}

/** The alert is part of the declaration: whoever has stored the one has queued the other. */
function declaredAlert(grant: EmergencyGrant, at: string): Alert {
  return alertOf('declared', 'emergency-declared', grant, at)
}

/**
 * An alert tells the privacy officer who, whose record by reference, under which grant and by when to look: enough to end
 * a grant at once. What the clinician wrote in words stays in the record (`reviews show`): a nature like "overdose" must
 * not stand in a pager, a chat or a mailbox.
 */
export function alertOf(
  suffix: string,
  kind: Alert['kind'],
  grant: EmergencyGrant,
  at: string,
  more: JsonObject = {},
): Alert {
  const { id, patient, client, user, userName, organization, start, end, reviewBy } = grant
  return {
    id: `${id}.${suffix}`,
    kind,
    at,
    grant: id,
    body: {
      type: kind,
      timestamp: at,
      data: {
        grant: id,
        patient,
        client,
        user,
        ...(userName === undefined ? {} : { userName }),
        ...(organization === undefined ? {} : { organization }),
        start,
        end,
        reviewBy,
        ...more,
      },
    },
  }
}

/** Alerts that have not arrived, the oldest first. */
export function waiting({ queued, sent }: Emergencies): readonly Alert[] {
  return [...queued.values()].filter(({ id }) => !sent.has(id))
}

/** State of a case at a moment, as the lists print it. */
export function stateOf({ closed, grant }: ReviewCase, at: Date): string {
  if (closed !== undefined) return closed.outcome
  return Date.parse(grant.reviewBy) <= at.getTime() ? 'overdue' : 'open'
}

/**
 * Whether `name` is one of the names under which the user declared: nobody closes a review of the own use. What the name
 * is worth is a matter of who may run the command; the account is recorded beside it.
 */
export function isUser({ user, userName, principal, facts }: EmergencyGrant, name: string): boolean {
  const own = [user, user.split('/').at(-1), userName, principal, facts.medicalPersonnel.name]
  return own.some(one => one !== undefined && isSamePerson(one, name))
}

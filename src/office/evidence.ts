import type { JsonObject } from '../model/fhir.ts'
import type { Accounts, EvidenceEntry, EvidenceKind, EvidenceOnFile, OfficeEvent } from '../model/office.ts'
import { isSamePerson } from './persons.ts'

export const ENTERED = 'evidence-entered'
export const APPROVED = 'evidence-approved'
export const ENDED = 'evidence-ended'

export type EvidenceState =
  | 'waiting-for-approval'
  | 'not-yet'
  | 'in-force'
  | 'expired'
  | 'ended'
  | 'unknown-kind'

/**
 * What stands after one more event; events of other matters change nothing. What does not fit changes nothing either: an
 * approval by who entered it, a second entry under the same id, a word on what nobody entered. Where accounts are personal
 * an approval also needs another account than the entry: a command that was told otherwise may have written either name.
 */
export function told(on: Map<string, EvidenceOnFile>, event: OfficeEvent, accounts: Accounts): void {
  const { kind, subject, at, by, body } = event
  const known = on.get(subject)
  if (kind === ENTERED && known === undefined) {
    const entry = entryOf(body)
    const from = accountOf(body)
    const enteredFrom = from === undefined ? {} : { enteredFrom: from }
    if (entry !== undefined)
      on.set(subject, { ...entry, id: subject, enteredBy: by, ...enteredFrom, enteredAt: at })
    return
  }
  if (known === undefined || known.endedAt !== undefined) return
  if (
    kind === APPROVED &&
    known.approvedAt === undefined &&
    isAnother({ by, account: accountOf(body) }, known, accounts)
  )
    on.set(subject, { ...known, approvedBy: by, approvedAt: at })
  if (kind === ENDED) {
    const why = typeof body['why'] === 'string' ? { endedWhy: body['why'] } : {}
    on.set(subject, { ...known, endedBy: by, endedAt: at, ...why })
  }
}

/** Whether who approves is somebody else than who entered. */
export function isAnother(
  { by, account }: { readonly by: string; readonly account: string | undefined },
  { enteredBy, enteredFrom }: EvidenceOnFile,
  accounts: Accounts,
): boolean {
  if (isSamePerson(by, enteredBy)) return false
  if (accounts === 'shared') return true
  return account !== undefined && enteredFrom !== undefined && !isSamePerson(account, enteredFrom)
}

function accountOf({ account }: JsonObject): string | undefined {
  return typeof account === 'string' ? account : undefined
}

/** The entry an event holds; undefined where a part is missing that scopes it: then it says nothing. */
function entryOf(body: JsonObject): EvidenceEntry | undefined {
  const { kind, for: whom, patients, purposes, period, facts } = body as Partial<EvidenceEntry>
  const isWhole =
    typeof kind === 'string' &&
    isObject(whom) &&
    (whom.client !== undefined || whom.organization !== undefined) &&
    (patients === 'any' || isTexts(patients)) &&
    (purposes === undefined || isTexts(purposes)) &&
    isObject(period) &&
    Number.isFinite(Date.parse(period.start)) &&
    Number.isFinite(Date.parse(period.end)) &&
    isObject(facts)
  return isWhole ? (body as unknown as EvidenceEntry) : undefined
}

function isObject<T extends object>(value: T | undefined): value is T {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(each => typeof each === 'string')
}

/** Where an evidence stands, by whole seconds: it counts from the second of its start until before that of its end. */
export function stateOf(evidence: EvidenceOnFile, kind: EvidenceKind | undefined, at: Date): EvidenceState {
  if (evidence.endedAt !== undefined) return 'ended'
  if (kind === undefined) return 'unknown-kind'
  const now = seconds(at.getTime())
  if (now >= seconds(Date.parse(evidence.period.end))) return 'expired'
  if (kind.twoPersons && evidence.approvedAt === undefined) return 'waiting-for-approval'
  return now < Math.ceil(Date.parse(evidence.period.start) / 1000) ? 'not-yet' : 'in-force'
}

function seconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000)
}

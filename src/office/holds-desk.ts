import type { JsonObject } from '../model/fhir.ts'
import type { HoldAnswer, HoldGate } from '../model/holds.ts'
import type { OfficeStore } from '../model/office.ts'
import { type Actor, DeskError } from './desk.ts'
import { HOLD_EVENT, type HoldCase, HoldFold, holdState, isRequester, secondOf, secondText } from './holds.ts'

interface Clocked {
  readonly newId: () => string
  readonly now: () => Date
}

/** The gate of a gateway over the store of its office: another process that decides is heard at the next request. */
export function createHoldGate(store: OfficeStore, { newId, now }: Clocked): HoldGate {
  const fold = new HoldFold()
  const look = (): HoldFold => {
    fold.take(store.since(fold.last))
    return fold
  }
  return {
    isKnownClient: (rule, client) => look().known.get(rule)?.has(client) === true,
    ask: (held, at) => {
      const standing = standingOf(look().alike(held.key), at)
      if (standing !== undefined) return standing
      const open = fold.ofUser(held).filter(one => holdState(one, at) === 'open')
      if (open.length >= held.openCasesMax) return { state: 'too-many' }
      const id = newId()
      store.append({
        at: now().toISOString(),
        kind: HOLD_EVENT.opened,
        subject: id,
        by: 'consentry',
        body: { held: { ...held } as unknown as JsonObject },
      })
      return { state: 'held', id }
    },
  }
}

/** Two gateways may have opened a case each: a denial of one counts, then an approval, then that one waits. */
function standingOf(alike: readonly HoldCase[], at: Date): HoldAnswer | undefined {
  const standing = alike.map(one => ({ id: one.id, state: holdState(one, at) }))
  const first = (state: string) => standing.find(one => one.state === state)
  const denied = first('denied')
  if (denied !== undefined) return { id: denied.id, state: 'denied' }
  const approved = first('approved')
  if (approved !== undefined) return { id: approved.id, state: 'approved' }
  const open = first('open')
  return open === undefined ? undefined : { id: open.id, state: 'held' }
}

/**
 * Puts the clients a rule of first contact need not ask about on file, once: those that `releasedTo` gives when the rule
 * is first in force. From then on only the office makes a client known, so that no later release does.
 */
export function rememberKnownClients(
  store: OfficeStore,
  rules: readonly string[],
  releasedTo: () => readonly string[],
  now: () => Date,
): void {
  const fold = new HoldFold()
  fold.take(store.since(0))
  const missing = rules.filter(rule => !fold.known.has(rule))
  if (missing.length === 0) return
  const clients = releasedTo()
  for (const subject of missing)
    store.append({
      at: now().toISOString(),
      kind: HOLD_EVENT.known,
      subject,
      by: 'consentry',
      body: { clients },
    })
}

/** What the privacy office does with held disclosures. Every word is an event of the store. */
export interface HoldDesk {
  readonly all: () => readonly HoldCase[]
  /** Throws DeskError where nothing has this id. */
  readonly find: (id: string) => HoldCase
  /**
   * Lets the request through for so many hours, at most those of its rule. Throws DeskError where the case lapsed or is
   * approved, or by who asked.
   */
  readonly approve: (
    id: string,
    actor: Actor,
    more: { readonly hours?: number; readonly why?: string },
  ) => HoldCase
  /** Also takes an approval back. Throws DeskError where the case lapsed or is denied. */
  readonly deny: (id: string, why: string, actor: Actor) => HoldCase
}

export function createHoldDesk(store: OfficeStore, now: () => Date): HoldDesk {
  const fold = new HoldFold()
  const look = (): HoldFold => {
    fold.take(store.since(fold.last))
    return fold
  }
  const find = (id: string): HoldCase => {
    const found = look().cases.get(id)
    if (found === undefined)
      throw new DeskError(`case ${id}: not on file; \`holds list --all\` prints what is`)
    return found
  }
  const decidable = (id: string, { by }: Actor, against: 'approved' | 'denied'): HoldCase => {
    const found = find(id)
    const state = holdState(found, now())
    if (state === 'lapsed')
      throw new DeskError(`case ${id}: lapsed; the same request opens another when it is made again`)
    if (state === against) throw new DeskError(`case ${id}: is ${against} already`)
    if (isRequester(found, by))
      throw new DeskError(`case ${id}: expected somebody else than the user who asked to decide on it`)
    return found
  }
  const say = (kind: string, subject: string, { by, account, host }: Actor, body: JsonObject): HoldCase => {
    store.append({ at: now().toISOString(), kind, subject, by, body: { ...body, account, host } })
    return find(subject)
  }
  return {
    all: () => [...look().cases.values()],
    find,
    approve: (id, actor, { hours, why }) => {
      const found = decidable(id, actor, 'approved')
      return say(HOLD_EVENT.approved, id, actor, {
        ...untilOf(found, hours, now()),
        ...(why === undefined ? {} : { why }),
      })
    },
    deny: (id, why, actor) => {
      decidable(id, actor, 'denied')
      return say(HOLD_EVENT.denied, id, actor, { why })
    },
  }
}

const HOUR_S = 3600

function untilOf(
  { id, kind, approvalHours }: HoldCase,
  hours: number | undefined,
  at: Date,
): { until?: string } {
  if (kind === 'first-contact') {
    if (hours !== undefined)
      throw new DeskError(
        `case ${id}: expected no hours: a first contact stays approved; \`holds deny\` ends it`,
      )
    return {}
  }
  const given = hours ?? approvalHours
  if (!(given > 0 && given <= approvalHours))
    throw new DeskError(`case ${id}: hours: expected more than 0 and at most ${approvalHours}`)
  return { until: secondText(secondOf(at.toISOString()) + Math.floor(given * HOUR_S)) }
}

import type { JsonObject } from '../model/fhir.ts'
import type { Accounts, EvidenceEntry, EvidenceKind, EvidenceOnFile, OfficeStore } from '../model/office.ts'
import { APPROVED, ENDED, ENTERED, type EvidenceState, isAnother, stateOf, told } from './evidence.ts'

/** What cannot be done with an evidence; the message says what was expected. */
export class DeskError extends Error {}

/** Who acts, from where. */
export interface Actor {
  /** The name that is compared: whoever approves needs another one than who entered. */
  readonly by: string
  readonly account: string
  readonly host: string
}

/** What the privacy office does with evidence. Every word is an event of the store, durable when the call returns. */
export interface EvidenceDesk {
  readonly all: () => readonly EvidenceOnFile[]
  readonly kindOf: (evidence: EvidenceOnFile) => EvidenceKind | undefined
  readonly stateOf: (evidence: EvidenceOnFile, at: Date) => EvidenceState
  /** Throws DeskError where nothing has this id. */
  readonly find: (id: string) => EvidenceOnFile
  /** `entry` was checked by `checkEntry`. */
  readonly enter: (entry: EvidenceEntry, actor: Actor) => EvidenceOnFile
  /** Throws DeskError where it does not wait for approval, or the same person entered it. */
  readonly approve: (id: string, actor: Actor) => EvidenceOnFile
  /** Counts from the next exchange on. Throws DeskError where it has ended before. */
  readonly end: (id: string, why: string, actor: Actor) => EvidenceOnFile
}

export function createEvidenceDesk(
  store: OfficeStore,
  kinds: readonly EvidenceKind[],
  options: { readonly newId: () => string; readonly now: () => Date; readonly accounts: Accounts },
): EvidenceDesk {
  const on = new Map<string, EvidenceOnFile>()
  let seq = 0
  const look = () => {
    for (const event of store.since(seq)) {
      told(on, event, options.accounts)
      seq = event.seq
    }
    return on
  }
  const find = (id: string): EvidenceOnFile => {
    const found = look().get(id)
    if (found === undefined)
      throw new DeskError(`evidence ${id}: not on file; \`evidence list --all\` prints what is`)
    return found
  }
  const kindOf = ({ kind }: EvidenceOnFile) => kinds.find(({ id }) => id === kind)
  const say = (
    kind: string,
    subject: string,
    { by, account, host }: Actor,
    body: JsonObject,
  ): EvidenceOnFile => {
    store.append({ at: options.now().toISOString(), kind, subject, by, body: { ...body, account, host } })
    return find(subject)
  }
  return {
    all: () => [...look().values()],
    kindOf,
    stateOf: (evidence, at) => stateOf(evidence, kindOf(evidence), at),
    find,
    enter: (entry, actor) => say(ENTERED, options.newId(), actor, { ...entry } as unknown as JsonObject),
    approve: (id, actor) => {
      const found = find(id)
      const state = stateOf(found, kindOf(found), options.now())
      if (state !== 'waiting-for-approval')
        throw new DeskError(
          `evidence ${id}: expected one that waits for approval, this one is ${words(state)}`,
        )
      if (!isAnother(actor, found, options.accounts))
        throw new DeskError(
          `evidence ${id}: entered by ${found.enteredBy}; expected somebody else to approve it`,
        )
      const approved = say(APPROVED, id, actor, {})
      if (approved.approvedAt === undefined) throw new DeskError(`evidence ${id}: was ended meanwhile`)
      return approved
    },
    end: (id, why, actor) => {
      const { endedAt, endedBy } = find(id)
      if (endedAt !== undefined) throw new DeskError(`evidence ${id}: ended at ${endedAt} by ${endedBy}`)
      return say(ENDED, id, actor, { why })
    },
  }
}

/** A state as people read it. */
export function words(state: EvidenceState): string {
  return state.replaceAll('-', ' ')
}

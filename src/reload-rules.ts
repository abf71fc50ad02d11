import { setTimeout as pause } from 'node:timers/promises'
import { BUILT_IN_LABELS } from './data/labels.ts'
import { BUILT_IN_PROFILES } from './data/profiles.ts'
import type { PolicyConfiguration } from './model/configuration.ts'
import {
  type Candidate,
  type Closable,
  createInForce,
  createReloader,
  type InForce,
  type ReloadBy,
  type ReloaderOptions,
  type ReloadOutcome,
} from './reload.ts'
import {
  type Fingerprint,
  fingerprintOf,
  type RuleFolders,
  type RuleWatch,
  watchRules,
} from './reload-files.ts'

/** Where the rules of a site lie: the built-in ones and its own. */
export function ruleFolders({
  labelFolders,
  profileFolders,
  conceptMaps,
}: Pick<PolicyConfiguration, 'labelFolders' | 'profileFolders' | 'conceptMaps'>): RuleFolders {
  return {
    folders: [BUILT_IN_LABELS, BUILT_IN_PROFILES, ...labelFolders, ...profileFolders],
    files: conceptMaps,
  }
}

/**
 * The files that rules are about to be read from. None where a folder cannot be read: what cannot be used says so when it
 * is loaded.
 */
export async function rulesOnDisk(where: RuleFolders): Promise<Fingerprint> {
  return await fingerprintOf(where).catch((): Fingerprint => new Map())
}

/** Rules in force that can be changed while the gateway runs. */
export interface Rules<T> extends Closable {
  readonly inForce: InForce<T>
  /** Looks at the files now. Never rejects. */
  readonly reload: (by: ReloadBy) => Promise<ReloadOutcome>
  /** Looks whenever the files change, from now on. `tell` hears each outcome that says something new. */
  readonly watch: (tell: (outcome: ReloadOutcome) => void) => void
}

export interface RulesOptions<T> extends Pick<ReloaderOptions<T>, 'record'> {
  readonly where: RuleFolders
  /** The files that `first` was loaded from, as they were before. */
  readonly known: Fingerprint
  readonly load: () => Candidate<T>
  readonly warn: (text: string) => void
}

/** Puts `first` in force; what it and its successors need closed is closed with it. */
export function openRules<T extends Closable & { readonly revision: string }>(
  first: T,
  { where, known, load, record, warn }: RulesOptions<T>,
): Rules<T> {
  const inForce = createInForce(first, () => warn('rules that are no longer in force could not be closed'))
  const { current, replace } = inForce
  let isClosed = false
  let watching: RuleWatch | undefined
  let last: Promise<unknown> = Promise.resolve()
  const fingerprint = async (): Promise<Fingerprint> => {
    if (isClosed) throw new Error('the gateway is closing')
    const found = await fingerprintOf(where)
    watching?.refresh(found.keys())
    return found
  }
  const look = createReloader({ current, load, fingerprint, record, replace, pause }, known)
  const reload = (by: ReloadBy): Promise<ReloadOutcome> => {
    const outcome = look(by)
    last = outcome
    return outcome
  }
  return {
    inForce,
    reload,
    watch: tell => {
      watching ??= watchRules(
        where,
        teller(() => reload('watch'), tell),
      )
    },
    close: async () => {
      isClosed = true
      watching?.close()
      await last
      await inForce.close()
    },
  }
}

/** One look at a time; says what is new and not, every few seconds, what it said before. */
function teller(reload: () => Promise<ReloadOutcome>, tell: (outcome: ReloadOutcome) => void): () => void {
  let isLooking = false
  let again = false
  let said: string | undefined
  const look = async (): Promise<void> => {
    if (isLooking) {
      again = true
      return
    }
    isLooking = true
    const outcome = await reload()
    isLooking = false
    const why = outcome.kind === 'kept' ? outcome.why : undefined
    if (outcome.kind === 'swapped' || why !== said) tell(outcome)
    said = why
    if (!again) return
    again = false
    await look()
  }
  return () => void look()
}

import type { Fingerprint } from './reload-files.ts'

/** Something that is used by exchanges under way and must be closed when the last of them has ended. */
export interface Closable {
  readonly close: () => Promise<void>
}

/** What is in force, and what was while exchanges still use it. */
export interface InForce<T> {
  readonly current: () => T
  /** Runs with what is in force now; it stays open until `use` has ended, whatever comes into force meanwhile. */
  readonly walk: <R>(use: (held: T) => Promise<R>) => Promise<R>
  /** From now on `next` is in force. What was is closed once nothing uses it. */
  readonly replace: (next: T) => void
  /** Closes what is in force and what is still used. */
  readonly close: () => Promise<void>
}

interface Held<T> {
  readonly value: T
  uses: number
  retired: boolean
}

/** One reference that is swapped. @param failed told of what went wrong while something retired was closed */
export function createInForce<T extends Closable>(first: T, failed: (error: unknown) => void): InForce<T> {
  let held: Held<T> = { value: first, uses: 0, retired: false }
  const open = new Set<Held<T>>([held])
  const closeUnused = (one: Held<T>): void => {
    if (one.retired && one.uses === 0 && open.delete(one)) one.value.close().catch(failed)
  }
  return {
    current: () => held.value,
    walk: async use => {
      const mine = held
      mine.uses++
      try {
        return await use(mine.value)
      } finally {
        mine.uses--
        closeUnused(mine)
      }
    },
    replace: next => {
      const before = held
      held = { value: next, uses: 0, retired: false }
      open.add(held)
      before.retired = true
      closeUnused(before)
    },
    close: async () => {
      const all = [...open]
      open.clear()
      await Promise.all(all.map(({ value }) => value.close()))
    },
  }
}

/** How a look at the rules ended. */
export type ReloadOutcome =
  | { readonly kind: 'unchanged'; readonly revision: string }
  | {
      readonly kind: 'swapped'
      readonly from: string
      readonly to: string
      readonly files: readonly string[]
    }
  /** Nothing changed; `why` names file, place and what was expected. */
  | { readonly kind: 'kept'; readonly revision: string; readonly why: string }

/** What a change of the rules was, for the record. */
export interface RuleChange {
  readonly from: string
  readonly to: string
  /** Files that were added, written or taken out since the rules in force were read. */
  readonly files: readonly string[]
}

/** Rules that were loaded and checked, and are not in force yet. */
export interface Candidate<T> {
  readonly revision: string
  /** Makes what is to be in force. Throws Error that says what does not fit. */
  readonly open: () => T
}

export interface ReloaderOptions<T> {
  readonly current: () => { readonly revision: string }
  /** Loads everything anew through the checks of a start. Throws Error that names file, place and what was expected. */
  readonly load: () => Candidate<T>
  /** Files of the rules as they are on disk. Throws where a folder cannot be read. */
  readonly fingerprint: () => Promise<Fingerprint>
  /** Durable when it resolves: rules that nobody could be told of do not come into force. */
  readonly record: (change: RuleChange, by: ReloadBy) => Promise<void>
  readonly replace: (next: T) => void
  /** Waits, so that what is being written is written; ms. */
  readonly pause: (ms: number) => Promise<void>
}

/** Who asks: the disk changed, or an operator said so (SIGHUP), whose word is needed to take files out. */
export type ReloadBy = 'watch' | 'operator'

/** How long the files must have been still before they are read, ms, and how often that is waited for. */
const STILL_MS = 200
const TRIES = 25

/**
 * Loads rules anew and swaps them in whole, or leaves everything as it is. One call at a time; a call during another
 * waits for it and looks again.
 * @param known the files that the rules in force were read from
 */
export function createReloader<T extends Closable>(
  options: ReloaderOptions<T>,
  known: Fingerprint,
): (by: ReloadBy) => Promise<ReloadOutcome> {
  const state: State = { inForce: known, tried: known, problem: undefined }
  let running: Promise<unknown> = Promise.resolve()
  return by => {
    const next = running.then(() => look(options, state, by))
    running = next
    return next
  }
}

interface State {
  /** The files that the rules in force were read from. */
  inForce: Fingerprint
  /** The files of the last attempt, which are not tried again and again. Undefined: whatever there is, try it. */
  tried: Fingerprint | undefined
  /** Why the last attempt changed nothing. */
  problem: string | undefined
}

async function look<T extends Closable>(
  options: ReloaderOptions<T>,
  state: State,
  by: ReloadBy,
): Promise<ReloadOutcome> {
  const { revision } = options.current()
  try {
    const files = await still(options)
    const isTried = state.tried !== undefined && differing(state.tried, files).length === 0
    if (by === 'operator' || !isTried) {
      state.tried = files
      state.problem = undefined
      return await attempt(options, state, { files, by })
    }
  } catch (error) {
    state.problem = textOf(error)
  }
  return state.problem === undefined
    ? { kind: 'unchanged', revision }
    : { kind: 'kept', revision, why: state.problem }
}

async function attempt<T extends Closable>(
  options: ReloaderOptions<T>,
  state: State,
  { files, by }: { readonly files: Fingerprint; readonly by: ReloadBy },
): Promise<ReloadOutcome> {
  const { revision } = options.current()
  const gone = [...state.inForce.keys()].filter(file => !files.has(file))
  if (by === 'watch' && gone.length > 0) throw new Error(goneText(gone))
  const candidate = options.load()
  if (differing(files, await options.fingerprint()).length > 0) {
    state.tried = undefined
    throw new Error('the files of the rules changed while they were read; they are read again')
  }
  const change = { from: revision, to: candidate.revision, files: differing(state.inForce, files) }
  if (candidate.revision === revision) {
    state.inForce = files
    return { kind: 'unchanged', revision }
  }
  const next = candidate.open()
  try {
    await options.record(change, by)
  } catch (error) {
    await next.close()
    state.tried = undefined
    throw new Error(`the change of the rules could not be recorded (${textOf(error)})`)
  }
  options.replace(next)
  state.inForce = files
  return { kind: 'swapped', ...change }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown error'
}

/** The files, once two looks in a row find the same: what is half written is not read. */
async function still<T>({
  fingerprint,
  pause,
}: Pick<ReloaderOptions<T>, 'fingerprint' | 'pause'>): Promise<Fingerprint> {
  let before = await fingerprint()
  for (let n = 0; n < TRIES; n++) {
    await pause(STILL_MS)
    const now = await fingerprint()
    if (differing(before, now).length === 0) return now
    before = now
  }
  throw new Error('the files of the rules are being written all the time; expected them to be still')
}

/** Files that are in one and not in the other, or not the same in both; sorted. */
function differing(left: Fingerprint, right: Fingerprint): readonly string[] {
  const names = new Set([...left.keys(), ...right.keys()])
  return [...names].filter(name => left.get(name) !== right.get(name)).sort()
}

/** A folder that was unmounted must not pass for one whose rules were taken back. */
function goneText(gone: readonly string[]): string {
  const more = gone.length > 1 ? ` and ${gone.length - 1} more` : ''
  return (
    `${gone[0] ?? ''}${more}: expected a file of the rules in force to be there; ` +
    'files are taken out by a restart, or by SIGHUP to this process'
  )
}

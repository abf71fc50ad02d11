/** What was asked for lately, by rule and user. In memory. */
export interface BreadthCount {
  /** Whether these would make more than `most` different ones within the window that ends at `at`. */
  readonly exceeds: (of: string, names: readonly string[], limit: Window) => boolean
  /** Counts them. No more than `most` are kept, so that nobody fills the memory. */
  readonly note: (of: string, names: readonly string[], limit: Window) => void
}

interface Window {
  readonly most: number
  readonly ms: number
  readonly at: Date
}

interface Seen {
  readonly ms: number
  /** Name → when it was last asked for. */
  readonly last: Map<string, number>
}

/** How often users that have not asked within their window are forgotten. */
const SWEEP_MS = 600_000

export function createBreadthCount(): BreadthCount {
  const byUser = new Map<string, Seen>()
  let swept = 0
  const sweep = (now: number): void => {
    if (now - swept < SWEEP_MS) return
    swept = now
    for (const [of, seen] of byUser) if (forget(seen, now).size === 0) byUser.delete(of)
  }
  const within = (of: string, { ms, at }: Window): Map<string, number> =>
    forget(byUser.get(of) ?? { ms, last: new Map() }, at.getTime())
  return {
    exceeds: (of, names, limit) => {
      const last = within(of, limit)
      const more = new Set(names.filter(name => !last.has(name))).size
      return more > 0 && last.size + more > limit.most
    },
    note: (of, names, limit) => {
      const now = limit.at.getTime()
      sweep(now)
      const last = within(of, limit)
      for (const name of names) if (last.has(name) || last.size < limit.most) last.set(name, now)
      byUser.set(of, { ms: limit.ms, last })
    },
  }
}

function forget({ ms, last }: Seen, now: number): Map<string, number> {
  for (const [name, time] of last) if (time <= now - ms) last.delete(name)
  return last
}

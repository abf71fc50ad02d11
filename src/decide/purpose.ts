/** Purposes of use and their subsumption in HL7 v3-ActReason. */

export interface PurposeTree {
  /** The purpose and all that stand above it: how far a refusal reaches down. */
  readonly wide: (code: string) => ReadonlySet<string>
  /** The purpose and those above it whose permission covers it too. */
  readonly narrow: (code: string) => ReadonlySet<string>
}

/** Takes code → parents, and the codes that no wider one gives (BTG under TREAT, HLEGAL under HOPERAT). */
export function purposeTree(
  parents: Readonly<Record<string, readonly string[]>>,
  explicit: readonly string[],
): PurposeTree {
  const own = new Set(explicit)
  return {
    wide: memo(code => ancestors(parents, code, () => true)),
    narrow: memo(code => ancestors(parents, code, each => !own.has(each))),
  }
}

function ancestors(
  parents: Readonly<Record<string, readonly string[]>>,
  code: string,
  goesUp: (code: string) => boolean,
): ReadonlySet<string> {
  const found = new Set<string>()
  const open = [code]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (found.has(next)) continue
    found.add(next)
    if (goesUp(next)) open.push(...(parents[next] ?? []))
  }
  return found
}

function memo<V>(compute: (code: string) => V): (code: string) => V {
  const known = new Map<string, V>()
  return code => {
    const before = known.get(code)
    if (before !== undefined) return before
    const value = compute(code)
    known.set(code, value)
    return value
  }
}

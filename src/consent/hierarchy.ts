/** Codes and all that they are a kind of, for subsumption. */
export interface Hierarchy {
  readonly knows: (code: string) => boolean
  /** True where `code` is `ancestor` or a kind of it. */
  readonly within: (code: string, ancestor: string) => boolean
}

/** Takes code → parents. Two codes that name each other as parent are one family. */
export function createHierarchy(parents: Readonly<Record<string, readonly string[]>>): Hierarchy {
  const table = new Map(Object.entries(parents))
  const known = new Set([...table.keys(), ...[...table.values()].flat()])
  const ancestors = new Map<string, ReadonlySet<string>>()
  const ancestorsOf = (code: string): ReadonlySet<string> => {
    const found = new Set<string>()
    const open = [code]
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (found.has(next)) continue
      found.add(next)
      open.push(...(table.get(next) ?? []))
    }
    return found
  }
  for (const code of known) ancestors.set(code, ancestorsOf(code))
  return {
    knows: code => known.has(code),
    within: (code, ancestor) => code === ancestor || ancestors.get(code)?.has(ancestor) === true,
  }
}

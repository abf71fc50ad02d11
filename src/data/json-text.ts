interface Level {
  readonly path: string
  /** Member names so far; absent in an array. */
  readonly names?: Set<string>
  member: string
  expectsName: boolean
  index: number
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+/g

/**
 * Path of the first member that stands twice in its object, `policy.zone`; undefined where none does. JSON.parse takes
 * the last one without a word (RFC 8259 4 leaves it open), so a second block could quietly replace the first.
 * `text` must be valid JSON.
 */
export function repeatedMember(text: string): string | undefined {
  const levels: Level[] = []
  for (const [token] of text.matchAll(TOKEN)) {
    const level = levels.at(-1)
    if (token === '{' || token === '[') {
      const path = level === undefined ? '' : placeIn(level)
      const names = token === '{' ? { names: new Set<string>() } : {}
      levels.push({ path, ...names, member: '', expectsName: token === '{', index: 0 })
    } else if (token === '}' || token === ']') levels.pop()
    else if (level === undefined) continue
    else if (token === ',') {
      level.index += 1
      level.expectsName = level.names !== undefined
    } else if (level.expectsName && level.names !== undefined) {
      level.member = JSON.parse(token) as string
      level.expectsName = false
      if (level.names.has(level.member)) return placeIn(level)
      level.names.add(level.member)
    }
  }
  return undefined
}

function placeIn(level: Level): string {
  if (level.names === undefined) return `${level.path}[${level.index}]`
  return level.path === '' ? level.member : `${level.path}.${level.member}`
}

const LITERAL = /^(?:true|false|null|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)$/

/**
 * Where text stops being JSON, as `line 2, column 24`; empty where that cannot be said. The parser's own message is not
 * shown: it quotes the text, which may hold what should not be seen.
 */
export function placeOfFault(text: string, error: unknown): string {
  const told = /position (\d+)/.exec(error instanceof Error ? error.message : '')?.[1]
  const position = told === undefined ? firstStranger(text) : Number(told)
  if (position === undefined) return ''
  const before = text.slice(0, position).split('\n')
  return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`
}

function firstStranger(text: string): number | undefined {
  for (const match of text.matchAll(TOKEN)) {
    const [token] = match
    if (!/^["{}[\],:]/.test(token) && !LITERAL.test(token)) return match.index
  }
  return undefined
}

export interface Tokens {
  readonly words: readonly string[]
  /** Number of the clause each word stands in. */
  readonly clauses: readonly number[]
}

const DOT = 46
const NEWLINE = 10

/** Lower-case words of letters and digits, and the clause each stands in. */
export function tokenise(text: string): Tokens {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the test is "all ASCII"
  const source = /^[\x00-\x7f]*$/.test(text) ? text : text.normalize('NFKC')
  const lower = source.toLowerCase()
  const words: string[] = []
  const clauses: number[] = []
  let clause = 0
  let start = -1
  for (let i = 0; i <= lower.length; i++) {
    const code = i < lower.length ? lower.charCodeAt(i) : 32
    if (isWordCharacter(code)) {
      if (start < 0) start = i
      continue
    }
    if (start >= 0) {
      words.push(lower.slice(start, i))
      clauses.push(clause)
      start = -1
    }
    if (endsClause(code, i, source)) clause++
  }
  return { words, clauses }
}

function isWordCharacter(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 48 && code <= 57) || code > 0xbf
}

/** `;`, `!`, `?`; a full stop before white space; a line break before anything but a small letter. */
function endsClause(code: number, at: number, source: string): boolean {
  if (code === 59 || code === 33 || code === 63) return true
  if (code !== DOT && code !== NEWLINE) return false
  const next = at + 1 < source.length ? source.charCodeAt(at + 1) : 32
  if (code === DOT) return next <= 32
  return !(next >= 97 && next <= 122)
}

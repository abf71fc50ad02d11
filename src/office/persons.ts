/**
 * Whether two names may be one person's: case, accents, punctuation, spacing and the order of words make nobody a second
 * one. Names without letters or digits are nobody's in particular, and so anybody's.
 */
export function isSamePerson(one: string, other: string): boolean {
  const [left, right] = [wordsOf(one), wordsOf(other)]
  return left.join('') === right.join('') || left.toSorted().join(' ') === right.toSorted().join(' ')
}

/** NFKD takes accents and widths apart from letters. */
function wordsOf(name: string): readonly string[] {
  return (
    name
      .normalize('NFKD')
      .replace(/\p{M}/gu, '')
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? []
  )
}

/** Controls, line separators, and marks that make text read in another order or not at all. */
const UNSEEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u200b\u2028\u2029\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]/g

/**
 * Lines for a terminal. What somebody else wrote (the name in a token, a fact of an evidence, the words of a request) stays in
 * its line: it can neither forge another one nor hide what an officer is to read before the own word is given.
 */
export function linesText(lines: readonly string[]): string {
  return `${lines.map(plainText).join('\n')}\n`
}

/** The same for one text. */
export function plainText(text: string): string {
  return text.replace(UNSEEN, mark => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

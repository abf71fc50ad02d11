/** Label rules that cannot be used. The message names file, place and what was expected. */
export class LabelRulesError extends Error {
  constructor(file: string, place: string, expected: string) {
    super(`${file}${place === '' ? '' : `, ${place}`}: ${expected}`)
    this.name = 'LabelRulesError'
  }
}

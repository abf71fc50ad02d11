import type { JsonObject, JsonValue } from './fhir.ts'

/** ECMA-262 JSON.rawJSON and reviver context, which the language library's types do not name yet. */
interface SourceTextJson {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): JsonValue
  rawJSON(text: string): JsonObject
  isRawJSON(value: unknown): boolean
}
const json = JSON as unknown as SourceTextJson

/**
 * A number whose text may differ from what JavaScript would print: exponent, trailing fraction zero, sixteen or more
 * digits, tiny fraction, minus zero. May match inside a string (then the slow way is taken), never misses a number.
 */
const ODD_NUMBER = /(?:^|[:,[\s])-?(?:\d+\.\d*0(?!\d)|\d+(?:\.\d+)?[eE]|[\d.]{16}|0\.0{6}|(?<=-)0(?![.\d]))/

/**
 * Parses JSON and keeps the source text of every number JavaScript would print differently (`1.50`, `1e400`, long
 * integers): such a number becomes a raw number object (`isRawNumber`), every other one a plain number.
 * @throws SyntaxError where the text is no JSON
 */
export function parseLossless(text: string): JsonValue {
  return ODD_NUMBER.test(text) ? json.parse(text, keepSource) : JSON.parse(text)
}

function keepSource(_key: string, value: unknown, context: { source?: string }): unknown {
  if (typeof value !== 'number' || context.source === undefined || String(value) === context.source)
    return value
  return json.rawJSON(context.source)
}

/** Prints a tree of parseLossless compactly; every number comes out digit for digit as it was read. */
export function stringifyLossless(value: JsonValue): string {
  return JSON.stringify(value)
}

/** True for a number kept as text; its text is in `rawJSON`. Code that walks a tree must not walk into it. */
export function isRawNumber(value: unknown): value is { readonly rawJSON: string } {
  return json.isRawJSON(value)
}

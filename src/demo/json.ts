import type { JsonObject } from '../model/fhir.ts'

/** ECMAScript's source text access for JSON, which the TypeScript library does not describe yet. */
interface SourceTextJson {
  readonly rawJSON: (text: string) => object
  readonly parse: (
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ) => unknown
}

const sourceText = JSON as unknown as SourceTextJson

/**
 * Parses a JSON object so that `JSON.stringify` writes its numbers back as they were written: `1.50` stays `1.50`
 * (FHIR R4 asks for that precision, https://hl7.org/fhir/R4/datatypes.html#decimal). Numbers are opaque in the result.
 * Throws SyntaxError on anything that is not a JSON object.
 */
export function parseKeepingNumbers(text: string): JsonObject {
  const parsed = sourceText.parse(text, (_key, value, context) =>
    typeof value === 'number' && context.source !== undefined ? sourceText.rawJSON(context.source) : value,
  )
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new SyntaxError('expected a JSON object')
  }
  return parsed as JsonObject
}

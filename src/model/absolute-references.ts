import type { JsonObject, JsonValue } from './fhir.ts'

const RELATIVE = /^\/?([A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64}(?:\/_history\/[A-Za-z0-9\-.]{1,64})?)$/

/**
 * The tree with every relative reference made absolute, so that what a server says of its own resources is not taken for
 * ours. https://hl7.org/fhir/R4/references.html#literal: a relative reference is relative to the server it was read from.
 * @param base URL of that server, no trailing slash
 */
export function withAbsoluteReferences<T extends JsonValue>(value: T, base: string): T {
  return absolute(value, base) as T
}

function absolute(value: JsonValue, base: string): JsonValue {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(item => absolute(item as JsonValue, base))
  const copy: Record<string, JsonValue | undefined> = {}
  for (const [key, child] of Object.entries(value as JsonObject)) {
    const relative = key === 'reference' && typeof child === 'string' ? RELATIVE.exec(child)?.[1] : undefined
    copy[key] =
      relative !== undefined ? `${base}/${relative}` : child === undefined ? undefined : absolute(child, base)
  }
  return copy
}

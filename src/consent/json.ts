import type { Coding, JsonObject, JsonValue } from '../model/fhir.ts'

/** A Consent (or part of one) that says something this engine cannot read. The message names place and expectation. */
export class Unreadable extends Error {}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The string at `path`, undefined where it is absent; throws Unreadable on any other shape. */
export function textAt(value: JsonValue | undefined, path: string): string | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'string' && value !== '') return value
  throw new Unreadable(`${path}: expected a non-empty string`)
}

/** The object at `path`, undefined where it is absent; throws Unreadable on any other shape. */
export function objectAt(value: JsonValue | undefined, path: string): JsonObject | undefined {
  if (value === undefined) return undefined
  if (isObject(value)) return value
  throw new Unreadable(`${path}: expected an object`)
}

/** The objects at `path`; FHIR knows no empty array, so one is as unreadable as any other wrong shape. */
export function objectsAt(value: JsonValue | undefined, path: string): readonly JsonObject[] | undefined {
  if (value === undefined) return undefined
  if (!Array.isArray(value) || value.length === 0) throw new Unreadable(`${path}: expected a non-empty array`)
  return value.map((item, index) => {
    if (isObject(item)) return item
    throw new Unreadable(`${path}[${index}]: expected an object`)
  })
}

/** A Coding with a code, which is all that can be compared. */
export function codingAt(value: JsonObject, path: string): Coding {
  const code = textAt(value['code'], `${path}.code`)
  if (code === undefined) throw new Unreadable(`${path}.code: expected a code`)
  const system = textAt(value['system'], `${path}.system`)
  return system === undefined ? { code } : { system, code }
}

/** The codings of one CodeableConcept; none where it is text alone. */
export function conceptAt(value: JsonObject, path: string): readonly Coding[] {
  const codings = objectsAt(value['coding'], `${path}.coding`) ?? []
  return codings.map((coding, index) => codingAt(coding, `${path}.coding[${index}]`))
}

/** Lenient list for what only informs and never decides: anything but an array of objects counts as nothing. */
export function objectsIn(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}

/** Lenient string for what only informs. */
export function textIn(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

import { Buffer } from 'node:buffer'
import type { ConsentDirective } from '../model/consent.ts'
import { DIRECTORY_TYPES, type JsonValue } from '../model/fhir.ts'
import { rewriteLinks } from '../model/links.ts'
import { isRawNumber, parseLossless, stringifyLossless } from '../model/lossless-json.ts'
import { type MutableObject, type RequiredElements, removePaths } from './redact.ts'

export interface CopyOptions {
  readonly baseUrl: string
  readonly upstreamBase: string
  readonly required: RequiredElements
}

/** Whom a Consent names: those who give it and those it lets see. */
const PARTIES: ReadonlySet<string> = new Set(['Patient', 'RelatedPerson', 'Group', 'CareTeam', 'Device'])
const TYPE_AND_ID = /(?:^|\/)(([A-Z][A-Za-z]+)\/[A-Za-z0-9\-.]{1,64})(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/

/**
 * The copy of a Consent that accompanies a disclosure (42 CFR 2.32(b)), as bytes. The records it names stay named only
 * where they are in the answer: a copy must not tell of one that is withheld (invariant 3).
 * @param released `Type/id` of every resource in the answer
 */
export function consentCopy(
  { copy }: ConsentDirective,
  released: ReadonlySet<string>,
  { baseUrl, upstreamBase, required }: CopyOptions,
): Uint8Array {
  const hidden = referencesIn(copy, '').flatMap(({ path, target }) => (tells(target, released) ? [path] : []))
  const shown = hidden.length === 0 ? copy : without(copy, hidden, required)
  return Buffer.from(stringifyLossless(rewriteLinks(shown, upstreamBase, baseUrl)))
}

function without(copy: JsonValue, hidden: readonly string[], required: RequiredElements): JsonValue {
  const clone = parseLossless(stringifyLossless(copy))
  removePaths(clone as unknown as MutableObject, hidden, required)
  return clone
}

function tells(target: string, released: ReadonlySet<string>): boolean {
  if (target.startsWith('#')) return false
  const [, reference = '', type = ''] = TYPE_AND_ID.exec(target) ?? []
  return !(released.has(reference) || PARTIES.has(type) || DIRECTORY_TYPES.has(type))
}

function referencesIn(value: JsonValue | undefined, path: string): { path: string; target: string }[] {
  if (typeof value !== 'object' || value === null || isRawNumber(value)) return []
  if (Array.isArray(value)) return value.flatMap((item, index) => referencesIn(item, `${path}[${index}]`))
  const below = Object.entries(value).flatMap(([key, child]) =>
    referencesIn(child, path === '' ? key : `${path}.${key}`),
  )
  const { reference } = value as { reference?: JsonValue }
  return typeof reference === 'string' ? [{ path, target: reference }, ...below] : below
}

import type { ConsentExtension } from '../model/consent.ts'
import type { JsonObject, JsonValue, Resource } from '../model/fhir.ts'
import { isObject, objectAt, objectsAt, objectsIn, textIn, Unreadable } from './json.ts'

/** Extensions that carry meaning, by URL. */
export type Meanings = ReadonlyMap<string, ConsentExtension>

/** The extensions of a site as `withMeanings` takes them. */
export function meaningsOf(extensions: readonly ConsentExtension[] = []): Meanings {
  return new Map(extensions.map(extension => [extension.url, extension]))
}

type Mutable = Record<string, JsonValue | undefined>

/** The codes of an extension's value: a code, string or boolean, a Coding, or a CodeableConcept. */
function codingsOf(extension: JsonObject, path: string): readonly JsonObject[] {
  const [name, value] = Object.entries(extension).find(([key]) => key.startsWith('value')) ?? []
  if (isObject(value)) {
    const codings = name === 'valueCoding' ? [value] : objectsIn(value['coding'])
    if (codings.length > 0 && codings.every(coding => textIn(coding['code']) !== undefined)) return codings
  } else if (typeof value === 'string' || typeof value === 'boolean') return [{ code: String(value) }]
  throw new Unreadable(`${path}: expected a value with a code`)
}

function typeOf(codings: readonly JsonObject[], { url, values }: ConsentExtension, path: string): string {
  const types = new Set(codings.map(({ code }) => values?.[String(code)] ?? code))
  const [type] = types
  if (types.size === 1 && (type === 'permit' || type === 'deny')) return type
  throw new Unreadable(`${path}: expected a value of ${url} that stands for permit or deny`)
}

/** Puts what one extension says into the element it stands for. */
function apply(provision: Mutable, extension: JsonObject, meaning: ConsentExtension, path: string): void {
  const { element } = meaning
  if (element === undefined) throw new Unreadable(`${path}: expected none of ${meaning.url}`)
  const codings = codingsOf(extension, path)
  if (element === 'type') {
    // Where a type is written too, a refusal stands whichever of the two says it.
    const said = typeOf(codings, meaning, path)
    provision['type'] = provision['type'] === undefined || said === 'deny' ? said : provision['type']
    return
  }
  const added = codings.map(({ system, code }) => (system === undefined ? { code } : { system, code }))
  const before = objectsAt(provision[element], `${path}.${element}`) ?? []
  const parts = element === 'code' ? [{ coding: added }] : added
  provision[element] = [...before, ...parts] as unknown as JsonValue
}

interface Taken {
  /** The object without the extensions that were understood. */
  readonly rest: Mutable
  readonly found: readonly { readonly extension: JsonObject; readonly meaning: ConsentExtension }[]
}

function take(value: JsonObject, meanings: Meanings): Taken {
  const rest: Mutable = { ...value }
  const found: { extension: JsonObject; meaning: ConsentExtension }[] = []
  for (const list of ['extension', 'modifierExtension']) {
    const kept: JsonObject[] = []
    for (const extension of objectsIn(value[list])) {
      const meaning = meanings.get(textIn(extension['url']) ?? '')
      if (meaning === undefined) kept.push(extension)
      else found.push({ extension, meaning })
    }
    if (found.length === 0) continue
    if (kept.length > 0) rest[list] = kept
    else delete rest[list]
  }
  return { rest, found }
}

function provisionWith(value: JsonObject, path: string, meanings: Meanings): Mutable {
  const { rest, found } = take(value, meanings)
  for (const { extension, meaning } of found) apply(rest, extension, meaning, `${path}.extension`)
  const nested = objectsAt(value['provision'], `${path}.provision`)
  if (nested !== undefined) {
    rest['provision'] = nested.map((child, index) =>
      provisionWith(child, `${path}.provision[${index}]`, meanings),
    )
  }
  return rest
}

/** A listed extension where its meaning has no place (inside an actor, a Coding …) is one that is not understood. */
function refuseElsewhere(value: JsonValue | undefined, path: string, meanings: Meanings): void {
  if (Array.isArray(value)) {
    value.forEach((item, index) => {
      refuseElsewhere(item, `${path}[${index}]`, meanings)
    })
  }
  if (!isObject(value)) return
  const url = [value['extension'], value['modifierExtension']]
    .flatMap(objectsIn)
    .map(extension => textIn(extension['url']) ?? '')
    .find(each => meanings.has(each))
  if (url !== undefined) throw new Unreadable(`${path}.extension: expected none of ${url} here`)
  for (const [key, part] of Object.entries(value)) {
    // Contained resources are other records, whose extensions speak of them.
    if (key !== 'contained') refuseElsewhere(part, `${path}.${key}`, meanings)
  }
}

/**
 * Takes a Consent and the extensions of the site that carry meaning; returns the Consent as it would say the same in R4
 * elements. At the Consent itself an extension speaks for its root provision. Throws Unreadable for a listed extension
 * without a meaning, with a value that has none, or in a place where it has none.
 */
export function withMeanings(consent: Resource, meanings: Meanings): Resource {
  if (meanings.size === 0) return consent
  const { rest, found } = take(consent, meanings)
  const provision = objectAt(consent['provision'], 'provision')
  if (provision !== undefined || found.length > 0) {
    const root = provisionWith(provision ?? {}, 'provision', meanings)
    for (const { extension, meaning } of found) apply(root, extension, meaning, 'Consent.extension')
    rest['provision'] = root
  }
  refuseElsewhere(rest, 'Consent', meanings)
  return rest as Resource
}

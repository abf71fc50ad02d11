import { Buffer } from 'node:buffer'
import { hash } from 'node:crypto'
import type { RawResource } from '../model/exchange.ts'
import type { JsonObject, JsonValue } from '../model/fhir.ts'
import { FHIR_ID } from '../model/fhir.ts'
import { isRawNumber, parseLossless, stringifyLossless } from '../model/lossless-json.ts'
import { jsonOf, type Piece } from './label-input.ts'

/** One resource of the input. */
export interface Found {
  /** The resource with every digit; out of a Bundle, its references into the Bundle made relative. */
  readonly resource: () => JsonObject
  /** What is assessed: the same, with an id. */
  readonly raw: RawResource
  readonly birthDate?: JsonValue | undefined
}

/**
 * The resources of one piece: a resource, the entries of a Bundle (and of Bundles in it), or a document as Binary.
 * References of a Bundle to the fullUrl of an entry lead to that entry, as after its transaction (R4 http.html 3.1.0.11).
 */
export function resourcesOf(
  piece: Piece,
): { readonly found: readonly Found[] } | { readonly problem: string } {
  if ('problem' in piece) return piece
  if ('document' in piece) return { found: [binary(piece)] }
  const { place, text } = piece
  const read = jsonOf(place, text)
  if ('problem' in read) return read
  const { value } = read
  if (!isResource(value)) return { problem: `${place}: expected a resource or a Bundle` }
  const tree = (): JsonObject => parseLossless(text.toString()) as JsonObject
  if (value['resourceType'] === 'Bundle') return { found: bundled(tree()) }
  const raw = hasId(value) ? rawOf(text) : rawOf(printed({ ...tree(), id: 'unnamed' }))
  return { found: [{ resource: tree, raw, birthDate: value['birthDate'] }] }
}

function bundled(bundle: JsonObject): readonly Found[] {
  const entries = entriesOf(bundle)
  const names = new Map(
    entries.flatMap(({ fullUrl, resource, id }) =>
      fullUrl === undefined ? [] : [[fullUrl, `${String(resource['resourceType'])}/${id}`] as const],
    ),
  )
  return entries.map(entry => {
    const { resourceType, id = entry.id, ...rest } = relative(entry.resource, names) as JsonObject
    const resource = { resourceType, id, ...rest }
    return { resource: () => resource, raw: rawOf(printed(resource)), birthDate: rest['birthDate'] }
  })
}

function binary({ document, contentType, id }: Extract<Piece, { document: Buffer }>): Found {
  const resource = { resourceType: 'Binary', id, contentType, data: document.toString('base64') }
  return { resource: () => resource, raw: rawOf(Buffer.from(JSON.stringify(resource))) }
}

interface Entry {
  readonly fullUrl?: string
  readonly resource: JsonObject
  readonly id: string
}

function entriesOf(bundle: JsonObject, unnamed = { count: 0 }): readonly Entry[] {
  const list = Array.isArray(bundle['entry']) ? (bundle['entry'] as readonly JsonValue[]) : []
  return list.flatMap((entry): readonly Entry[] => {
    const { resource, fullUrl } = isObject(entry) ? entry : {}
    if (!isResource(resource)) return []
    if (resource['resourceType'] === 'Bundle') return entriesOf(resource, unnamed)
    const url = typeof fullUrl === 'string' ? fullUrl : undefined
    const id = hasId(resource) ? String(resource['id']) : idOf(url, unnamed)
    return [{ resource, id, ...(url === undefined ? {} : { fullUrl: url }) }]
  })
}

/** The end of a fullUrl, as a server might name the resource; else a number. */
function idOf(fullUrl: string | undefined, unnamed: { count: number }): string {
  const end = fullUrl?.slice(Math.max(fullUrl.lastIndexOf('/'), fullUrl.lastIndexOf(':')) + 1) ?? ''
  if (FHIR_ID.test(end)) return end
  unnamed.count++
  return `unnamed-${unnamed.count}`
}

function printed(resource: JsonObject): Buffer {
  return Buffer.from(stringifyLossless(resource))
}

/** The tree with every reference to a named entry made relative; what does not change is shared. */
function relative(value: JsonValue, names: ReadonlyMap<string, string>, key?: string): JsonValue {
  if (typeof value === 'string') return key === 'reference' ? (names.get(value) ?? value) : value
  if (names.size === 0 || typeof value !== 'object' || value === null || isRawNumber(value)) return value
  if (Array.isArray(value)) return value.map((item: JsonValue) => relative(item, names))
  const entries = Object.entries(value as JsonObject)
  return Object.fromEntries(entries.map(([name, each]) => [name, each && relative(each, names, name)]))
}

function rawOf(bytes: Buffer): RawResource {
  return { bytes, hash: hash('sha256', bytes, 'base64url') }
}

function hasId({ id }: JsonObject): boolean {
  return typeof id === 'string' && id !== ''
}

function isResource(value: JsonValue | undefined): value is JsonObject {
  return isObject(value) && typeof value['resourceType'] === 'string'
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

import type { JsonObject } from '../model/fhir.ts'
import type { ReferenceFact } from '../model/label.ts'
import { isObject, type Place } from './walk.ts'

const LITERAL = /^([A-Z][A-Za-z]+)\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/

/** A reference as a fact, in its normal form: base of the upstream or the gateway and version stripped. */
export function referenceFact(object: JsonObject, place: Place, bases: readonly string[]): ReferenceFact {
  const { reference, display } = object
  const { target, kind } =
    typeof reference === 'string'
      ? normalReference(reference, bases)
      : { target: '', kind: 'logical' as const }
  const identifier = isObject(object['identifier']) ? identifierOf(object['identifier']) : undefined
  return {
    path: place.path(),
    element: place.element(),
    target,
    kind,
    ...(identifier === undefined ? {} : { identifier }),
    ...(typeof display === 'string' ? { display } : {}),
  }
}

/**
 * The Binary that holds the content of an attachment which has none itself, as a reference that lineage follows; undefined
 * where the content is elsewhere or nowhere. https://hl7.org/fhir/R4/binary.html
 */
export function documentFact(
  { data, url }: JsonObject,
  place: Place,
  bases: readonly string[],
): ReferenceFact | undefined {
  if (typeof url !== 'string' || data !== undefined) return undefined
  const { target, kind } = normalReference(url, bases)
  if (kind !== 'literal' || !target.startsWith('Binary/')) return undefined
  return { path: `${place.path()}.url`, element: `${place.localElement()}.url`, target, kind }
}

/** `Type/id` for what lies at the upstream; everything else stays as written. https://hl7.org/fhir/R4/references.html */
function normalReference(
  reference: string,
  bases: readonly string[],
): Pick<ReferenceFact, 'target' | 'kind'> {
  if (reference.startsWith('#')) return { target: reference, kind: 'contained' }
  if (reference.startsWith('urn:')) return { target: reference, kind: 'urn' }
  if (reference.includes('?')) return { target: reference, kind: 'conditional' }
  const base = bases.find(each => reference.startsWith(`${each}/`))
  const literal = LITERAL.exec(base === undefined ? reference : reference.slice(base.length + 1))
  if (literal === null) return { target: reference, kind: 'absolute' }
  return { target: `${literal[1]}/${literal[2]}`, kind: 'literal' }
}

function identifierOf(identifier: JsonObject): ReferenceFact['identifier'] {
  const { system, value } = identifier
  return {
    ...(typeof system === 'string' ? { system } : {}),
    ...(typeof value === 'string' ? { value } : {}),
  }
}

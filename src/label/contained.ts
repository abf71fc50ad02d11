import type { JsonObject, JsonValue, Resource } from '../model/fhir.ts'
import type { ReferenceFact } from '../model/label.ts'
import { isPatientData } from './compartment.ts'
import { isObject } from './walk.ts'

/** A place or a drug that contains a resource of a patient speaks of the patient. */
export function containsPatientData({ contained }: Resource): boolean {
  if (!Array.isArray(contained)) return false
  return contained.some(
    inner =>
      isObject(inner) && (typeof inner['resourceType'] !== 'string' || isPatientData(inner['resourceType'])),
  )
}

/**
 * Mentions of a source with what a contained resource says of it: one more for each of its identifiers, names and
 * aliases, so that a program described only there is told like one that is named in the reference itself.
 */
export function withDescribed(mentions: readonly ReferenceFact[], resource: Resource): ReferenceFact[] {
  return mentions.flatMap(mention =>
    mention.kind === 'contained' ? [mention, ...described(mention, resource)] : [mention],
  )
}

function described({ path, element, target, kind }: ReferenceFact, { contained }: Resource): ReferenceFact[] {
  const id = target.slice(1)
  const fact = { path, element, target, kind }
  return objects(contained)
    .filter(inner => inner['id'] === id)
    .flatMap(inner => [
      ...objects(inner['identifier']).flatMap(identifier => identified(fact, identifier)),
      ...[inner['name'], inner['alias']]
        .flat()
        .flatMap(name => (typeof name === 'string' ? [{ ...fact, display: name }] : [])),
    ])
}

function identified(fact: ReferenceFact, { system, value }: JsonObject): ReferenceFact[] {
  if (typeof value !== 'string') return []
  return [{ ...fact, identifier: { ...(typeof system === 'string' ? { system } : {}), value } }]
}

/** Tags of a record as a site may register them: `system|code`. https://hl7.org/fhir/R4/resource.html#tag */
export function tagsOf(meta: JsonObject): string[] {
  return objects(meta['tag']).flatMap(({ system, code }) =>
    typeof code === 'string' ? [`${typeof system === 'string' ? system : ''}|${code}`] : [],
  )
}

function objects(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}

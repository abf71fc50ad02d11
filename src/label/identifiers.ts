import type { JsonObject } from '../model/fhir.ts'
import type { Label, TellingElement } from '../model/label.ts'
import type { CompiledRules, RuleHit } from './compile.ts'
import { isObject } from './walk.ts'

/** Types that say who somebody is: to withhold one for the words on a membership card would hide the person. */
const PERSONS = new Set(['Patient', 'Person', 'RelatedPerson'])

/** Whether what stands at this element (no indexes) speaks of one identifier of a person only. */
export function isOwnIdentifier(type: string, element: string): boolean {
  return PERSONS.has(type) && element.startsWith('identifier.')
}

/** Identifiers of a person whose kind or issuer is a sensitive word, each with the labels of these words. */
export function tellingIdentifiers(resource: JsonObject, rules: CompiledRules): readonly TellingElement[] {
  const { resourceType: type, identifier: list } = resource
  if (typeof type !== 'string' || !PERSONS.has(type) || !Array.isArray(list)) return []
  return list.flatMap((identifier, n) => {
    if (!isObject(identifier)) return []
    const path = `identifier[${n}]`
    const labels = hitsOf(identifier, rules)
      .filter(hit => hit.notTypes?.has(type) !== true)
      .flatMap((hit): Label[] => hit.labels.map(label => ({ ...label, path })))
    return labels.length === 0 ? [] : [{ path, labels }]
  })
}

function hitsOf({ type, assigner }: JsonObject, rules: CompiledRules): readonly RuleHit[] {
  const hits: RuleHit[] = []
  const words = (text: unknown): unknown => typeof text === 'string' && hits.push(...rules.words(text))
  if (isObject(assigner)) words(assigner['display'])
  if (!isObject(type)) return hits
  words(type['text'])
  for (const coding of Array.isArray(type['coding']) ? type['coding'] : []) {
    if (!isObject(coding)) continue
    const { system, code, display } = coding
    words(display)
    if (typeof code === 'string')
      hits.push(...rules.codes(typeof system === 'string' ? system : undefined, code).content)
  }
  return hits
}

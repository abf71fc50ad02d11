import type { Coding, JsonObject, JsonValue } from '../model/fhir.ts'
import type { LocalCode } from '../model/rules.ts'
import { LabelRulesError } from './label-rules-error.ts'

/** R4 ConceptMapEquivalence; a code of R5 or a misspelling is a mistake, not a synonym. */
const EQUIVALENCES = new Set([
  'relatedto',
  'equivalent',
  'equal',
  'wider',
  'subsumes',
  'narrower',
  'specializes',
  'inexact',
  'unmatched',
  'disjoint',
])
/** The map says that the target does not mean the code. */
const NO_MEANING = new Set(['unmatched', 'disjoint'])

/**
 * The codes that one R4 ConceptMap translates, with their targets. `unmatched` and `disjoint` targets do not count,
 * every other one does, however loose: doubt protects. https://hl7.org/fhir/R4/conceptmap.html
 * @throws LabelRulesError naming file, place and what was expected
 */
export function readConceptMap(file: string, text: string): readonly LocalCode[] {
  const map = parsed(file, text)
  if (map['resourceType'] !== 'ConceptMap')
    throw new LabelRulesError(file, '/resourceType', 'a FHIR R4 ConceptMap was expected')
  const name = [map['url'], map['name'], map['id']].find(each => typeof each === 'string') ?? file
  return itemsAt(file, '/group', map['group']).flatMap(({ place, item }) =>
    readGroup(file, place, item, String(name)),
  )
}

function parsed(file: string, text: string): JsonObject {
  try {
    return objectAt(file, '', JSON.parse(text) as JsonValue)
  } catch (error) {
    if (error instanceof LabelRulesError) throw error
    throw new LabelRulesError(file, '', 'JSON was expected')
  }
}

function readGroup(file: string, place: string, group: JsonObject, map: string): LocalCode[] {
  const system = textAt(file, `${place}/source`, group['source'], 'the code system of the local codes')
  const elements = itemsAt(file, `${place}/element`, group['element'])
  return elements.flatMap(({ place: at, item }) => {
    const code = textAt(file, `${at}/code`, item['code'], 'a code')
    const targets = listAt(file, `${at}/target`, item['target'] ?? []).flatMap(target =>
      readTarget(file, target.place, target.item, { file, place, group }),
    )
    return targets.length === 0 ? [] : [{ map, system, code, targets }]
  })
}

/** Where a target stands: its group names the system. */
interface OfGroup {
  readonly file: string
  readonly place: string
  readonly group: JsonObject
}

function readTarget(
  file: string,
  place: string,
  target: JsonObject,
  { group, place: at }: OfGroup,
): Coding[] {
  const equivalence = target['equivalence']
  if (typeof equivalence !== 'string' || !EQUIVALENCES.has(equivalence))
    throw new LabelRulesError(
      file,
      `${place}/equivalence`,
      `one of ${[...EQUIVALENCES].join(', ')} was expected`,
    )
  if (NO_MEANING.has(equivalence)) return []
  const code = textAt(file, `${place}/code`, target['code'], 'a code')
  const system = textAt(file, `${at}/target`, group['target'], 'the code system of the targets')
  const { display } = target
  return [{ system, code, ...(typeof display === 'string' ? { display } : {}) }]
}

function textAt(file: string, place: string, value: JsonValue | undefined, what: string): string {
  if (typeof value === 'string' && value.trim() !== '') return value
  throw new LabelRulesError(file, place, `${what} was expected`)
}

interface Placed {
  readonly place: string
  readonly item: JsonObject
}

function itemsAt(file: string, place: string, value: JsonValue | undefined): Placed[] {
  const items = listAt(file, place, value)
  if (items.length === 0) throw new LabelRulesError(file, place, 'at least one was expected')
  return items
}

function listAt(file: string, place: string, value: JsonValue | undefined): Placed[] {
  if (!Array.isArray(value)) throw new LabelRulesError(file, place, 'a list was expected')
  return value.map((item: JsonValue, i) => {
    const at = `${place}/${i}`
    return { place: at, item: objectAt(file, at, item) }
  })
}

function objectAt(file: string, place: string, value: JsonValue | undefined): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject
  throw new LabelRulesError(file, place, 'an object was expected')
}

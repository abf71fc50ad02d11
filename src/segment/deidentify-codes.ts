import type { DeidentificationVocabulary } from '../model/deidentification.ts'
import { isRawNumber } from '../model/lossless-json.ts'
import type { MutableObject } from './redact.ts'

/** What codes, units and ages may say of a person; made once of profiles/deidentification/vocabulary.json. */
export interface Codes {
  /** A coding of a published terminology with system and code alone, else undefined. */
  readonly coding: (value: unknown) => MutableObject | undefined
  /** A code of an element, in a required binding where `codes` are known. */
  readonly code: (value: unknown, codes: ReadonlySet<string> | undefined) => string | undefined
  readonly shaped: (shape: keyof DeidentificationVocabulary['shapes'], value: unknown) => string | undefined
  readonly extensionCode: (value: unknown) => string | undefined
  readonly state: (value: unknown) => string | undefined
  /** A quantity whose unit is known; one whose unit is not known is no quantity. */
  readonly quantity: (value: unknown) => MutableObject | undefined
  /** How many years a quantity of age is; undefined where its unit is none of age. */
  readonly years: (quantity: MutableObject) => number | undefined
  /** Whether it is counted in years. */
  readonly inYears: (quantity: MutableObject) => boolean
  /** Whether a coding says that an age is observed. */
  readonly saysAge: (concept: unknown) => boolean
}

const UCUM = 'http://unitsofmeasure.org'
const COMPARATORS: ReadonlySet<unknown> = new Set(['<', '<=', '>=', '>'])

export function createCodes(vocabulary: DeidentificationVocabulary): Codes {
  const { shapes, states } = vocabulary
  const whole = (pattern: string): RegExp => new RegExp(`^(?:${pattern})$`)
  const shape = Object.fromEntries(
    Object.entries(shapes).map(([name, pattern]) => [name, whole(pattern)]),
  ) as Record<string, RegExp>
  const shaped: Codes['shaped'] = (name, value) =>
    typeof value === 'string' && shape[name]?.test(value) === true ? value : undefined
  const ucum = unitsOf(vocabulary, shaped)
  const extensionCode = whole(vocabulary.extensionCodes)
  const codeMatches = codeMatcher(vocabulary, shaped, ucum)
  const knownStates = new Set([...states.codes, ...states.names].map(name => name.toLowerCase()))
  const yearUnits = new Set(vocabulary.yearUnits)
  const ageUnits = new Map(Object.entries(vocabulary.ageUnits))
  const ageCodes = new Set(vocabulary.ageCodes)
  const unitOf = ({ code, unit }: MutableObject): string => String(code ?? unit ?? '')
  return {
    coding: value =>
      isTree(value) && codeMatches(value['system'], value['code'])
        ? {
            system: value['system'],
            code: value['code'],
            ...(typeof value['userSelected'] === 'boolean' ? { userSelected: value['userSelected'] } : {}),
          }
        : undefined,
    code: (value, codes) => {
      if (typeof value !== 'string') return undefined
      return (codes === undefined ? shape['code']?.test(value) : codes.has(value)) === true
        ? value
        : undefined
    },
    shaped,
    extensionCode: value => (typeof value === 'string' && extensionCode.test(value) ? value : undefined),
    state: value => (typeof value === 'string' && knownStates.has(value.toLowerCase()) ? value : undefined),
    quantity: value => quantityOf(value, new Set(vocabulary.units), ucum),
    years: quantity => {
      const count = numberOf(quantity['value'])
      const unit = unitOf(quantity)
      if (count === undefined) return undefined
      if (yearUnits.has(unit)) return count
      const perYear = ageUnits.get(unit)
      return perYear === undefined ? undefined : count / perYear
    },
    inYears: quantity => yearUnits.has(unitOf(quantity)),
    saysAge: concept =>
      isTree(concept) &&
      Array.isArray(concept['coding']) &&
      concept['coding'].some(
        each => isTree(each) && each['system'] === 'http://loinc.org' && ageCodes.has(String(each['code'])),
      ),
  }
}

/** Whether a code has the shape that its terminology gives its codes; an unlisted system has none. */
function codeMatcher(
  { codeSystems }: DeidentificationVocabulary,
  shaped: Codes['shaped'],
  ucum: (code: unknown) => boolean,
): (system: unknown, code: unknown) => boolean {
  const rules = codeSystems.map(({ system, code }) => {
    const below = system.endsWith('*') ? system.slice(0, -1) : undefined
    const pattern = code.startsWith('@') ? undefined : new RegExp(`^(?:${code})$`)
    return {
      speaks: (name: string) =>
        below === undefined
          ? name === system
          : name.startsWith(below) && /^[A-Za-z0-9._/-]{1,60}$/.test(name.slice(below.length)),
      matches: (value: string) =>
        pattern?.test(value) ?? (code === '@ucum' ? ucum(value) : shaped('language', value) !== undefined),
    }
  })
  return (system, code) =>
    typeof system === 'string' &&
    typeof code === 'string' &&
    rules.find(({ speaks }) => speaks(system))?.matches(code) === true
}

/** A UCUM unit; what stands in braces is a comment (UCUM 12) and stays only where it is listed. */
function unitsOf(
  { annotations }: DeidentificationVocabulary,
  shaped: Codes['shaped'],
): (code: unknown) => boolean {
  const known = new Set(annotations)
  return code => {
    if (typeof code !== 'string') return false
    const comments = [...code.matchAll(/\{[^{}]*\}/g)].map(([comment]) => comment.slice(1, -1))
    const rest = code.replaceAll(/\{[^{}]*\}/g, '')
    return (
      comments.every(comment => known.has(comment)) && (rest === '' || shaped('ucum', rest) !== undefined)
    )
  }
}

function quantityOf(
  value: unknown,
  units: ReadonlySet<string>,
  ucum: (code: unknown) => boolean,
): MutableObject | undefined {
  if (!isTree(value)) return undefined
  const { unit, code, system, comparator } = value
  const coded = system === UCUM && ucum(code)
  const named = typeof unit === 'string' && (units.has(unit) || (coded && unit === code))
  // A number that lost its unit would say something else.
  if ((unit !== undefined || code !== undefined) && !coded && !named) return undefined
  if (numberOf(value['value']) === undefined) return undefined
  return {
    value: value['value'],
    ...(COMPARATORS.has(comparator) ? { comparator } : {}),
    ...(named ? { unit } : {}),
    ...(coded ? { system, code } : {}),
  }
}

/** A number, written in whatever way; undefined for anything else. */
export function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  return isRawNumber(value) ? Number(value.rawJSON) : undefined
}

export function isTree(value: unknown): value is MutableObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawNumber(value)
}

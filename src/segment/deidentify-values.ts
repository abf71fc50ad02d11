import type { DeidentificationStandard, DeidentificationVocabulary } from '../model/deidentification.ts'
import { type Codes, isTree } from './deidentify-codes.ts'
import type { MutableObject } from './redact.ts'

/** What is known of the whole resource while its values are looked at. */
export interface Aging {
  /** Year of the clock. */
  readonly year: number
  /** Earliest year any date of the resource tells, its birth dates left out. */
  readonly earliest: number | undefined
  /** Year of death, where it is told. */
  readonly death: number | undefined
  /** The resource observes an age. */
  readonly saysAge: boolean
}

const DATE = /^(\d{4})(?:-\d{2}(?:-\d{2}(?:T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2}))?)?)?$/

/** The date as it is written; undefined where it is no R4 date, dateTime or instant. */
export function dateOf(value: unknown): string | undefined {
  return typeof value === 'string' && DATE.test(value) ? value : undefined
}

export function yearOf(value: unknown): string | undefined {
  return typeof value === 'string' ? DATE.exec(value)?.[1] : undefined
}

export function timeOf(value: unknown): string | undefined {
  return typeof value === 'string' && /^\d{2}:\d{2}:\d{2}(?:\.\d+)?$/.test(value) ? value : undefined
}

/** A town, state or country as a limited data set may keep it: what is long, or holds digits, is something else. */
export function placeOf(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\p{L}\p{M}' .,()-]{1,60}$/u.test(value) ? value : undefined
}

export function zipOf(value: unknown): string | undefined {
  return typeof value === 'string' && /^\d{5}(?:-?\d{4})?$/.test(value) ? value : undefined
}

/** 45 CFR 164.514(b)(2)(i)(B): the first three digits where enough people live there, else 000. */
export function zip3Of(value: unknown, prefixes: ReadonlySet<string>): string | undefined {
  const prefix = typeof value === 'string' ? /^(\d{3})\d{2}(?:-?\d{4})?$/.exec(value)?.[1] : undefined
  if (prefix === undefined) return undefined
  return prefixes.has(prefix) ? prefix : '000'
}

/** The year of birth, unless somebody born in it may be older than the oldest age that may be told. */
export function birthYearOf(value: unknown, aging: Aging, oldest: number): string | undefined {
  const year = yearOf(value)
  return year === undefined || (aging.death ?? aging.year) - Number(year) > oldest ? undefined : year
}

/** What the dates and codes of a resource say of age, before anything is taken out. */
export function agingOf(resource: MutableObject, year: number, codes: Codes): Aging {
  let earliest: number | undefined
  const visit = (value: unknown, key: string): void => {
    if (/birth|born/i.test(key)) return
    const found = Number(yearOf(value) ?? Number.NaN)
    if (found >= 1850) earliest = Math.min(earliest ?? found, found)
    if (Array.isArray(value)) for (const item of value) visit(item, key)
    else if (isTree(value)) for (const [name, child] of Object.entries(value)) visit(child, name)
  }
  visit(resource, '')
  const components = Array.isArray(resource['component']) ? resource['component'] : []
  const death = yearOf(resource['deceasedDateTime'] ?? resource['deceasedDate'])
  return {
    year,
    earliest,
    death: death === undefined ? undefined : Number(death),
    saysAge:
      codes.saysAge(resource['code']) || components.some(each => isTree(each) && codes.saysAge(each['code'])),
  }
}

/**
 * A quantity as a standard leaves it. Where only de-identified information may leave, an age over 89 becomes the
 * category of 90 and above, in whatever unit it is told, and an age goes that by the dates beside it tells that somebody
 * may be over 89 by now: 45 CFR 164.514(b)(2)(i)(C), "all elements of dates (including year) indicative of such age".
 */
export function quantityOf(
  value: unknown,
  isAge: boolean,
  aging: Aging,
  { deidentified }: DeidentificationStandard,
  { codes, oldest }: { readonly codes: Codes; readonly oldest: number },
): MutableObject | undefined {
  const quantity = codes.quantity(value)
  if (quantity === undefined || !deidentified) return quantity
  const asAge = isAge || aging.saysAge
  const years = asAge || codes.inYears(quantity) ? codes.years(quantity) : undefined
  if (asAge && years === undefined) return undefined
  if (years === undefined) return quantity
  if (years > oldest) return { ...quantity, ...oldestCategory(quantity, oldest, codes), comparator: '>=' }
  if (asAge && aging.earliest !== undefined && aging.year - aging.earliest + years > oldest) return undefined
  return quantity
}

/** Ninety years, in the unit the quantity has where that is years. */
function oldestCategory(quantity: MutableObject, oldest: number, codes: Codes): MutableObject {
  if (codes.inYears(quantity)) return { value: oldest + 1 }
  return { value: oldest + 1, unit: 'a', system: 'http://unitsofmeasure.org', code: 'a' }
}

/** A range of ages or other quantities; one that reaches over 89 years has no upper end. */
export function rangeOf(
  value: unknown,
  standard: DeidentificationStandard,
  { codes, vocabulary }: { readonly codes: Codes; readonly vocabulary: DeidentificationVocabulary },
): MutableObject | undefined {
  if (!isTree(value)) return undefined
  const [low, high] = [codes.quantity(value['low']), codes.quantity(value['high'])]
  const { oldestAge } = vocabulary
  const old = (quantity: MutableObject | undefined): boolean =>
    standard.deidentified && quantity !== undefined && (codes.years(quantity) ?? 0) > oldestAge
  const kept = {
    ...(low === undefined
      ? {}
      : { low: old(low) ? { ...low, ...oldestCategory(low, oldestAge, codes) } : low }),
    ...(high === undefined || old(high) ? {} : { high }),
  }
  return Object.keys(kept).length === 0 ? undefined : kept
}

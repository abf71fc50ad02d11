import type { JsonObject, JsonValue } from '../model/fhir.ts'
import type { ResourceFacts } from '../model/label.ts'
import { isObject } from './walk.ts'

/** When it happened to the patient. */
const CLINICAL = [
  'effectiveDateTime', 'effectivePeriod', 'effectiveInstant', 'onsetDateTime', 'onsetPeriod', 'performedDateTime',
  'performedPeriod', 'occurrenceDateTime', 'occurrencePeriod', 'period', 'billablePeriod', 'servicedDate',
  'servicedPeriod', 'started', 'whenHandedOver', 'startDate', 'detectedDateTime', 'identifiedDateTime',
  'identifiedPeriod', 'createdDateTime', 'createdPeriod', 'abatementDateTime', 'start',
] // biome-ignore format: a list of element names

/** When it was written down: speaks where nothing clinical does. */
const RECORDED = [
  'recordedDate',
  'authoredOn',
  'authored',
  'date',
  'issued',
  'created',
  'recorded',
  'sent',
  'dateTime',
]

type DateSpan = ResourceFacts['dates'][number]

/** Clinical dates of a resource as written, recorded dates where it names none; empty where it has neither. */
export function datesOf(resource: JsonObject): readonly DateSpan[] {
  const clinical = spans(resource, CLINICAL)
  const context = resource['context']
  if (isObject(context)) clinical.push(...spans(context, ['period']))
  const collection = resource['collection']
  if (isObject(collection)) clinical.push(...spans(collection, ['collectedDateTime', 'collectedPeriod']))
  return clinical.length > 0 ? clinical : spans(resource, RECORDED)
}

function spans(object: JsonObject, keys: readonly string[]): DateSpan[] {
  const found: DateSpan[] = []
  for (const key of keys) {
    const value = object[key]
    const span = value === undefined ? undefined : spanOf(value)
    if (span !== undefined) found.push(span)
  }
  return found
}

function spanOf(value: JsonValue): DateSpan | undefined {
  if (typeof value === 'string') return { start: value, end: value }
  if (!isObject(value)) return undefined
  const { start, end } = value
  if (typeof start !== 'string' && typeof end !== 'string') return undefined
  return { ...(typeof start === 'string' ? { start } : {}), ...(typeof end === 'string' ? { end } : {}) }
}

import type { JsonValue } from '../model/fhir.ts'
import type { ResidualRule } from '../model/requester.ts'
import { invalidToken } from './jwt.ts'
import { isObject } from './remote.ts'

const CLAIM = 'extensions.ihe_pcf.residual'
/** ISO date or dateTime as FHIR writes them, partial dates included. */
const DATE = /^\d{4}(-\d{2}(-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?)?)?)?$/

type Check = (value: JsonValue) => boolean

const isCoding: Check = value =>
  isObject(value) &&
  typeof value['code'] === 'string' &&
  (value['system'] === undefined || typeof value['system'] === 'string')

const isDate = (value: JsonValue | undefined): boolean => typeof value === 'string' && DATE.test(value)

const isPeriod: Check = value => {
  if (!isObject(value)) return false
  const parts = Object.keys(value)
  return parts.length > 0 && parts.every(part => (part === 'start' || part === 'end') && isDate(value[part]))
}

const isData: Check = value => {
  if (!isObject(value) || typeof value['meaning'] !== 'string') return false
  const reference = value['reference']
  return isObject(reference) && typeof reference['reference'] === 'string'
}

const listOf =
  (check: Check): Check =>
  value =>
    Array.isArray(value) && value.length > 0 && value.every(check)

/** Conditions of a residual rule, IHE PCF 3.71.4.2.2.1.4. A rule with any other cannot be applied. */
const CONDITIONS: Readonly<Record<string, Check>> = {
  securityLabel: listOf(isCoding),
  dataPeriod: isPeriod,
  data: listOf(isData),
}

function readType(value: JsonValue | undefined): ResidualRule['type'] | undefined {
  // The guide prints `deny` once where its table says `forbid`.
  if (value === 'forbid' || value === 'deny') return 'forbid'
  return value === 'permit' ? 'permit' : undefined
}

function readRule(value: JsonValue): ResidualRule | undefined {
  if (!isObject(value)) return undefined
  const type = readType(value['type'])
  if (type === undefined) return undefined
  for (const [name, condition] of Object.entries(value)) {
    if (name === 'type' || condition === undefined) continue
    if (!Object.hasOwn(CONDITIONS, name) || CONDITIONS[name]?.(condition) !== true) return undefined
  }
  return { type, raw: value }
}

/**
 * `extensions.ihe_pcf.residual`, an array or a single object.
 * Throws Refusal `token-invalid` for a rule that is not wholly understood: what it forbids would be lost.
 */
export function readResidual(value: JsonValue | undefined): readonly ResidualRule[] {
  if (value === undefined) return []
  const entries: readonly JsonValue[] = Array.isArray(value) ? value : [value as JsonValue]
  return entries.map((entry, index) => {
    const rule = readRule(entry)
    if (rule !== undefined) return rule
    throw invalidToken(`${CLAIM}[${index}]: expected type with securityLabel, dataPeriod or data`)
  })
}

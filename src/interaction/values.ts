import { FHIR_ID } from '../model/fhir.ts'
import { refuse } from './refuse.ts'
import { resourceTypes, type SearchParameterDefinition } from './search-parameters.ts'

/** Alternatives (comma = OR) in one value. */
const MAX_ALTERNATIVES = 200
/** Characters of one alternative. */
const MAX_LENGTH = 1024

const PREFIX = '(?:eq|ne|gt|lt|ge|le|sa|eb|ap)?'
const DATE = new RegExp(
  `^${PREFIX}(\\d{4})(?:-(\\d{2})(?:-(\\d{2})(?:T(\\d{2}):(\\d{2})(?::(\\d{2})(?:\\.\\d{1,9})?)?(?:Z|[+-](\\d{2}):(\\d{2}))?)?)?)?$`,
)
const DECIMAL = '[+-]?\\d{1,18}(?:\\.\\d{1,18})?(?:[eE][+-]?\\d{1,3})?'
const NUMBER = new RegExp(`^${PREFIX}${DECIMAL}$`)
const ABSOLUTE = /^[A-Za-z][A-Za-z0-9+.-]*:/

type Check = (value: string, baseUrl: string, definition: SearchParameterDefinition) => string | undefined

/** One check a parameter type: gives the normal form, or undefined for bad syntax. */
const CHECKS: Readonly<Record<string, { readonly check: Check; readonly expected: string }>> = {
  token: { check: token, expected: 'code, system|code, |code or system|' },
  date: { check: date, expected: 'a date such as 2024-05 or ge2024-05-01T00:00:00Z, "+" encoded as %2B' },
  reference: { check: reference, expected: 'Type/id, an id, or a URL under this server' },
  number: { check: value => matching(NUMBER, value), expected: 'a number such as 5.4 or ge5' },
  quantity: { check: quantity, expected: 'number|system|code' },
  string: { check: value => value, expected: 'text' },
  uri: { check: uri, expected: 'a URI' },
}

/**
 * Checks a value by the type of its parameter (https://hl7.org/fhir/R4/search.html) and gives it back in normal form:
 * absolute references under the gateway's own base become relative. FHIR escaping is kept.
 * @throws Refusal `bad-parameter`.
 */
export function checkValue(definition: SearchParameterDefinition, value: string, baseUrl: string): string {
  const alternatives = split(value, ',')
  if (alternatives === undefined)
    refuse('bad-parameter', `${definition.name}: only \\, \\$ \\| and \\\\ are escapes`)
  if (alternatives.length > MAX_ALTERNATIVES) {
    refuse('bad-parameter', `${definition.name}: at most ${MAX_ALTERNATIVES} alternatives are accepted`)
  }
  return alternatives.map(alternative => checkAlternative(definition, alternative, baseUrl)).join(',')
}

function checkAlternative(definition: SearchParameterDefinition, value: string, baseUrl: string): string {
  if (value.trim() === '') refuse('bad-parameter', `${definition.name}: an empty value is not accepted`)
  if (value.length > MAX_LENGTH) {
    refuse('bad-parameter', `${definition.name}: a value is limited to ${MAX_LENGTH} characters`)
  }
  const type = definition.name === '_id' ? ID : CHECKS[definition.canonical ? 'uri' : definition.type]
  if (type === undefined)
    refuse('not-supported', `${definition.name}: this kind of parameter is not supported`)
  const checked = type.check(value, baseUrl, definition)
  return checked ?? refuse('bad-parameter', `${definition.name}: expected ${type.expected}`)
}

const ID: { readonly check: Check; readonly expected: string } = {
  check: value => matching(FHIR_ID, value),
  expected: 'a resource id',
}

/** Splits at unescaped separators; undefined where a backslash escapes anything but `,`, `$`, `|` or itself. */
function split(value: string, separator: ',' | '|'): readonly string[] | undefined {
  if (!value.includes('\\')) return value.split(separator)
  const parts: string[] = []
  let start = 0
  for (let index = 0; index < value.length; index++) {
    if (value[index] === '\\') {
      index++
      if (!',$|\\'.includes(value[index] ?? ' ')) return undefined
    } else if (value[index] === separator) {
      parts.push(value.slice(start, index))
      start = index + 1
    }
  }
  parts.push(value.slice(start))
  return parts
}

function matching(pattern: RegExp, value: string): string | undefined {
  return pattern.test(value) ? value : undefined
}

function token(value: string): string | undefined {
  const parts = split(value, '|') ?? []
  if (parts.length === 0 || parts.length > 2 || parts.every(part => part === '')) return undefined
  return parts.length === 2 && /\s/.test(parts[0] ?? '') ? undefined : value
}

function quantity(value: string): string | undefined {
  const [number = '', ...rest] = split(value, '|') ?? []
  const wellFormed = rest.length === 0 || (rest.length === 2 && rest[1] !== '')
  return wellFormed && NUMBER.test(number) && !/\s/.test(rest[0] ?? '') ? value : undefined
}

function uri(value: string): string | undefined {
  return /\s/.test(value) ? undefined : value
}

function date(value: string): string | undefined {
  const parts = DATE.exec(value)
    ?.slice(1)
    .map(part => (part === undefined ? undefined : Number(part)))
  if (parts === undefined) return undefined
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0, zoneHour = 0, zoneMinute = 0] = parts
  const time = hour < 24 && minute < 60 && second < 61 && zoneHour < 15 && zoneMinute < 60
  return time && isCalendarDay(year, month, day) ? value : undefined
}

function isCalendarDay(year: number, month: number, day: number): boolean {
  if (year < 1 || month < 1 || month > 12 || day < 1) return false
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
  const days = month === 2 ? (leap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31
  return day <= days
}

function reference(value: string, baseUrl: string): string | undefined {
  const local = value.startsWith(`${baseUrl}/`) ? value.slice(baseUrl.length + 1) : value
  if (ABSOLUTE.test(local)) return undefined
  const parts = local.split('/')
  if (parts.length === 1) return local === value ? matching(FHIR_ID, local) : undefined
  const [type = '', id = ''] = parts
  return parts.length === 2 && resourceTypes().has(type) && FHIR_ID.test(id) ? local : undefined
}

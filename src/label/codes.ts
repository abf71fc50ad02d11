import { foldText } from './fold.ts'
import {
  CIEL,
  CPT,
  CVX,
  canonicalSystem,
  DRG,
  HCPCS,
  ICD9,
  ICD9_PROCEDURES,
  ICD10,
  ICD10_PROCEDURES,
  isClosed,
  LOINC,
  NDC,
  NUCC,
  RXNORM,
  SNOMED,
} from './systems.ts'

/** Codes in one spelling, and the tables they may belong to: a lost dot, a wrong or missing system hides nothing. */

/** What kind of thing a coded element says: bare numbers are read only where their kind is expected. */
export type Field = 'diagnosis' | 'procedure' | 'drug' | 'vaccine' | 'group' | 'other'

/** A code as one table has it. */
export interface Reading {
  readonly system: string
  readonly code: string
  /** False where the system is a guess among others. */
  readonly certain: boolean
}

/** One spelling of a code: look-alikes as Latin letters, upper case, without dots and blanks. A dash stays. */
export function canonicalCode(code: string): string {
  return foldText(code).toUpperCase().replace(/[.\s]/g, '')
}

/** A code as the table of a system (canonical) spells it. */
export function tableCode(system: string, code: string): string {
  const plain = canonicalCode(code)
  const spell = SPELLINGS.get(system)
  return spell === undefined ? plain : spell(plain)
}

const alphanumeric = (code: string): string => code.replace(/[^0-9A-Z]/g, '')
const number = (code: string): string => code.replace(/^0+(?=\d)/, '')

const SPELLINGS: ReadonlyMap<string, (code: string) => string> = new Map([
  // The letters O, I and L stand in ICD-10 codes only where a digit was meant.
  [ICD10, code => code.slice(0, 1) + alphanumeric(code.slice(1)).replace(/O/g, '0').replace(/[IL]/g, '1')],
  [ICD9, alphanumeric],
  [ICD9_PROCEDURES, alphanumeric],
  [ICD10_PROCEDURES, alphanumeric],
  [HCPCS, alphanumeric],
  [NUCC, alphanumeric],
  [LOINC, loincCode],
  [NDC, ndcCode],
  [RXNORM, number],
  [CVX, number],
  [DRG, code => code.replace(/^(MS)?-?DRG-?/, '').padStart(3, '0')],
  [CIEL, code => code.replace(/A{4,}$/, '')],
])

/** `44249-1`, also where it was written 442491 or 044249-1. */
function loincCode(code: string): string {
  const digits = /^\d{3,8}$/.test(code) ? `${code.slice(0, -1)}-${code.slice(-1)}` : code
  const dashed = number(digits)
  return digits === code || isLoinc(dashed) ? dashed : code
}

/** Eleven digits, 5-4-2; ten digits in three parts get the zero that their shape leaves out. */
function ndcCode(code: string): string {
  const parts = code.split('-')
  if (parts.length < 2) return code.replace(/\D/g, '')
  return parts.map((part, n) => part.padStart([5, 4, 2][n] ?? 0, '0')).join('')
}

/** Shapes of the codes of each system, as written in capitals, dots and dashes kept. */
const SHAPES: ReadonlyMap<string, RegExp> = new Map([
  [ICD10, /^[A-Z]\d[0-9ABOI]\.?-?[0-9A-Z]{0,4}[-.]*$/],
  [ICD9, /^(\d{3}|V\d{2}|E\d{3})\.?\d{0,2}$/],
  [ICD9_PROCEDURES, /^\d{2}\.?\d{0,2}$/],
  [ICD10_PROCEDURES, /^(?=.*[A-Z])[0-9A-HJ-NP-Z]{3,7}$/],
  [SNOMED, /^\d{6,18}$/],
  [LOINC, /^(\d{1,7}-?\d|L[A-Z]{1,2}\d+-\d)$/],
  [RXNORM, /^\d{1,8}$/],
  [HCPCS, /^[A-V]\d{4}(-?[A-Z0-9]{2}){0,4}$/],
  [CPT, /^\d{4}[0-9A-Z](-?[A-Z0-9]{2}){0,4}$/],
  [CVX, /^\d{1,3}$/],
  [NDC, /^[\d-]{8,14}$/],
  [NUCC, /^[0-9A-Z]{9}X$/],
  [DRG, /^((MS)?-?DRG-?)?\d{1,4}$/],
  [CIEL, /^\d+A*$/],
])

interface Guess {
  readonly system: string
  readonly shape: RegExp
  readonly holds?: (code: string) => boolean
  /** The only kinds of element in which the shape says enough. */
  readonly fields?: readonly Field[]
  /** The shape says too little beside a system that is not known. */
  readonly notUnknown?: true
}

/** What a shape tells by itself. */
const GUESSES: readonly Guess[] = [
  { system: ICD10, shape: /^[A-Z]\d[0-9AB]\.?-?[0-9A-Z]{0,4}[-.]*$/ },
  { system: HCPCS, shape: /^[ABCEGHJ-MP-V]\d{4}(-?[A-Z0-9]{2}){0,4}$/ },
  { system: ICD10_PROCEDURES, shape: /^(?=.*[A-Z])(?=.*\d)[0-9A-HJ-NP-Z]{7}$/ },
  { system: ICD9, shape: /^(\d{3}|V\d{2}|E\d{3})\.\d{1,2}$/, fields: ['diagnosis'] },
  { system: ICD9, shape: /^(\d{3,5}|V\d{2,4}|E\d{3,4})$/, fields: ['diagnosis'], notUnknown: true },
  { system: ICD9_PROCEDURES, shape: /^\d{2}\.\d{1,2}$/, fields: ['procedure'], notUnknown: true },
  { system: LOINC, shape: /^\d{3,7}-\d$/, holds: isLoinc },
  { system: SNOMED, shape: /^\d{6,18}$/, holds: isConceptId },
  { system: RXNORM, shape: /^\d{2,7}$/, fields: ['drug'], notUnknown: true },
  { system: NDC, shape: /^(\d{4,5}-\d{3,4}-\d{1,2}|\d{5}-\d{3,4})$/ },
  { system: NDC, shape: /^\d{11}$/, fields: ['drug'] },
  { system: CVX, shape: /^\d{1,3}$/, fields: ['vaccine'], notUnknown: true },
  { system: DRG, shape: /^((MS)?-?DRG-?)?\d{3}$/, fields: ['group'] },
  { system: NUCC, shape: /^\d{3}[0-9A-Z]{6}X$/ },
  { system: CIEL, shape: /^\d+A{4,}$/ },
]

/** More parts than this are no code. */
const MAX_PARTS = 64
const MAX_CHARACTERS = 4_096

/**
 * The tables in which to look a code up. Its own system first; where the code cannot belong to it, or the system is
 * missing or not known, every table that its shape allows. Several codes in one (a post-coordinated expression, ICD's
 * dagger and asterisk, a code with its name) are read one by one.
 * @param field kind of the element it stands in; undefined: any
 */
export function readings(system: string | undefined, code: string, field?: Field): readonly Reading[] {
  const canonical = canonicalSystem(system)
  const written = foldText(code.slice(0, MAX_CHARACTERS)).toUpperCase().trim()
  const parts = written.split(/[^0-9A-Z.-]+/).filter(part => part !== '')
  const whole = readingsOf(canonical, written.replace(/[\s†*!]/g, ''), field)
  if (parts.length < 2) return whole
  return [whole, ...parts.slice(0, MAX_PARTS).map(part => readingsOf(canonical, part, field))].flat()
}

function readingsOf(canonical: string, text: string, field: Field | undefined): readonly Reading[] {
  const own = canonical === '' ? [] : [reading(canonical, text)]
  const shape = SHAPES.get(canonical)
  if (canonical === ICD9) own.push(...lostZero(text, field))
  if (shape?.test(text) || (shape === undefined && isClosed(canonical))) return own
  const unknown = shape === undefined && canonical !== ''
  const guesses = GUESSES.filter(
    guess =>
      guess.system !== canonical &&
      !(unknown && guess.notUnknown) &&
      (field === undefined || guess.fields === undefined || guess.fields.includes(field)) &&
      guess.shape.test(text) &&
      guess.holds?.(text) !== false,
  )
  const certain = !unknown && guesses.length === 1
  return [...own, ...guesses.map(guess => ({ ...reading(guess.system, text), certain }))]
}

function reading(system: string, text: string): Reading {
  return { system, code: tableCode(system, text), certain: true }
}

/** A spreadsheet writes 042 as 42 and 079.53 as 79.53; a procedure has two digits by right. */
function lostZero(text: string, field: Field | undefined): readonly Reading[] {
  if (!/^\d{1,2}(\.\d{1,2})?$/.test(text) || field === undefined) return []
  if (field === 'procedure') return [reading(ICD9_PROCEDURES, text)]
  const [category = '', rest = ''] = text.split('.')
  return field === 'diagnosis' ? [reading(ICD9, category.padStart(3, '0') + rest)] : []
}

const CLOSED = new Map<string, boolean>()

/** Whether the kind of the element matters to how this code is read. */
export function fieldMatters(system: string | undefined, code: string): boolean {
  const canonical = canonicalSystem(system)
  if (canonical === '' || canonical === ICD9) return true
  const shape = SHAPES.get(canonical)
  if (shape !== undefined) return !shape.test(code)
  const known = CLOSED.get(canonical)
  if (known !== undefined) return !known
  const closed = isClosed(canonical)
  if (CLOSED.size < 2_000) CLOSED.set(canonical, closed)
  return !closed
}

/** The last digit is the check digit (mod 10, every second digit doubled). https://loinc.org/kb/faq/structure/ */
export function isLoinc(code: string): boolean {
  const [digits = '', check] = code.split('-')
  let sum = 0
  for (let i = 0; i < digits.length; i++) {
    const digit = digits.charCodeAt(digits.length - 1 - i) - 48
    const twice = i % 2 === 0 ? digit * 2 : digit
    sum += twice > 9 ? twice - 9 : twice
  }
  return check === String((10 - (sum % 10)) % 10)
}

const DIHEDRAL = (a: number, b: number): number =>
  a < 5 ? (b < 5 ? (a + b) % 5 : ((a + b) % 5) + 5) : b < 5 ? ((a - b + 5) % 5) + 5 : (a - b + 5) % 5
const PERMUTED = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]

/** SNOMED CT identifier of a concept: partition 00 or 10 and a Verhoeff check digit. */
function isConceptId(code: string): boolean {
  if (!/[01]0\d$/.test(code)) return false
  let check = 0
  for (let i = 0; i < code.length; i++) {
    let digit = code.charCodeAt(code.length - 1 - i) - 48
    for (let n = i % 8; n > 0; n--) digit = PERMUTED[digit] ?? 0
    check = DIHEDRAL(check, digit)
  }
  return check === 0
}

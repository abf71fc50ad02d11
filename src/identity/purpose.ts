import type { IssuerConfiguration } from '../model/configuration.ts'
import type { JsonObject, JsonValue } from '../model/fhir.ts'
import { Refusal } from '../model/refusal.ts'
import type { ClientRegistration, PurposeOfUse } from '../model/requester.ts'
import { headerValues } from './bearer.ts'
import { invalidToken } from './jwt.ts'
import { isObject } from './remote.ts'

/** v3-ActReason: break the glass. */
const BREAK_THE_GLASS = 'BTG'
const HEADER = 'x-purpose-of-use'
const OID = 'urn:oid:'
/** Places of a purpose inside `extensions`: IHE IUA 3.71.4.2.2.1.1, HL7 FAST B2B 5.2.1.1 and its user form. */
const EXTENSIONS = ['ihe_iua', 'hl7-b2b', 'hl7-b2b-user'] as const

export interface Purposes {
  /** Codes that a token asserts, all places intersected; undefined where it names none. Throws Refusal. */
  readonly asserted: (claims: JsonObject, issuer: IssuerConfiguration) => readonly string[] | undefined
  /** v3-ActReason code of one code in any accepted form, or undefined. */
  readonly normalise: (code: string) => string | undefined
}

/** `urn:oid:1.2.3` and `1.2.3` name the same code system. */
function systemForms(system: string): readonly string[] {
  if (system.startsWith(OID)) return [system, system.slice(OID.length)]
  return /^[0-9.]+$/.test(system) ? [system, `${OID}${system}`] : [system]
}

/** The keys under which the map may know a code. A code of one system is never looked up as a bare code. */
function keysOf(system: string | undefined, code: string): readonly string[] {
  if (system === undefined) return [code]
  return systemForms(system).flatMap(form => [`${form}|${code}`, `${form}#${code}`])
}

function split(text: string): readonly [system: string | undefined, code: string] {
  const at = Math.max(text.lastIndexOf('|'), text.lastIndexOf('#'))
  return at <= 0 ? [undefined, text] : [text.slice(0, at), text.slice(at + 1)]
}

interface Coded {
  readonly system?: string
  readonly code: string
}

function readCoded(value: JsonValue | undefined, claim: string): Coded {
  if (typeof value === 'string' && value !== '') {
    const [system, code] = split(value)
    return system === undefined ? { code } : { system, code }
  }
  if (isObject(value) && typeof value['code'] === 'string') {
    const system = value['system']
    if (system === undefined) return { code: value['code'] }
    if (typeof system === 'string') return { system, code: value['code'] }
  }
  throw invalidToken(`${claim}: expected codes or Codings`)
}

/** One place: array or single, Coding or string. Undefined where it is absent or names nothing. */
function readPlace(value: JsonValue | undefined, claim: string): readonly Coded[] | undefined {
  if (value === undefined) return undefined
  const entries: readonly (JsonValue | undefined)[] = Array.isArray(value) ? value : [value]
  return entries.length === 0 ? undefined : entries.map(entry => readCoded(entry, claim))
}

function blankSeparated(value: JsonValue | undefined): JsonValue | undefined {
  return typeof value === 'string' ? value.split(' ').filter(part => part !== '') : value
}

/** Every place of the token that may carry purposes. */
function places(claims: JsonObject, issuer: IssuerConfiguration): readonly (readonly Coded[])[] {
  const extensions = claims['extensions']
  const found: (readonly Coded[])[] = []
  for (const name of EXTENSIONS) {
    const extension = isObject(extensions) ? extensions[name] : undefined
    const value = isObject(extension) ? extension['purpose_of_use'] : undefined
    found.push(readPlace(value, `extensions.${name}.purpose_of_use`) ?? [])
  }
  const plain = issuer.purposeClaim
  if (plain !== undefined && Object.hasOwn(claims, plain)) {
    found.push(readPlace(blankSeparated(claims[plain]), plain) ?? [])
  }
  return found.filter(place => place.length > 0)
}

function notAllowed(diagnostics: string): Refusal {
  return new Refusal('purpose-not-allowed', { diagnostics })
}

/** `purposeMap`: keys `system|code`, `urn:oid:…#CODE`, bare code; compared exactly, for the code systems are case-sensitive. */
export function createPurposes(purposeMap: Readonly<Record<string, string>>): Purposes {
  const map = new Map(Object.entries(purposeMap))
  const find = (system: string | undefined, code: string): string | undefined => {
    for (const key of keysOf(system, code)) {
      const known = map.get(key)
      if (known !== undefined) return known
    }
    return undefined
  }
  const normalisePlace = (place: readonly Coded[]): ReadonlySet<string> =>
    new Set(
      place.map(({ system, code }) => {
        const known = find(system, code)
        if (known === undefined) throw notAllowed('purpose of use of the token: expected known codes')
        return known
      }),
    )
  return {
    normalise: code => find(...split(code)),
    asserted: (claims, issuer) => {
      const [first, ...others] = places(claims, issuer).map(normalisePlace)
      if (first === undefined) return undefined
      const agreed = [...first].filter(code => others.every(other => other.has(code)))
      if (agreed.length === 0) throw notAllowed('purpose of use of the token: expected places that agree')
      return agreed
    },
  }
}

function atLeastOne(codes: readonly string[], diagnostics: string): PurposeOfUse['effective'] {
  const [first, ...rest] = codes
  if (first === undefined) throw notAllowed(diagnostics)
  return [first, ...rest]
}

/**
 * Effective = asserted ∩ registered, exactly by code. Without an assertion the registered default.
 * BTG stays only where the client may break the glass and a user is named.
 * Throws Refusal `purpose-missing` or `purpose-not-allowed`.
 */
export function effectivePurposes(
  asserted: readonly string[] | undefined,
  registration: ClientRegistration,
  hasUser: boolean,
): PurposeOfUse {
  const registered = registration.purposes
  const claimed = asserted ?? (registration.defaultPurpose === undefined ? [] : [registration.defaultPurpose])
  if (claimed.length === 0) {
    throw new Refusal('purpose-missing', { diagnostics: 'token: expected a purpose of use' })
  }
  const mayBreakGlass = registration.breakGlass && hasUser
  const allowed = claimed.filter(
    code => registered.includes(code) && (code !== BREAK_THE_GLASS || mayBreakGlass),
  )
  const effective = atLeastOne(allowed, 'purpose of use: expected one registered for the client')
  return { effective, asserted: asserted ?? [], registered }
}

/**
 * `X-Purpose-Of-Use`: one header, codes separated by commas. It only ever takes purposes away, and only where the
 * registration allows it; else it is ignored. Throws Refusal `bad-header` or `purpose-not-allowed`.
 */
export function narrowByHeader(
  purposeOfUse: PurposeOfUse,
  headers: readonly (readonly [name: string, value: string])[],
  purposes: Purposes,
): PurposeOfUse {
  const values = headerValues(headers, HEADER)
  const [value] = values
  if (value === undefined) return purposeOfUse
  const codes = value.split(',').map(code => purposes.normalise(code.trim()))
  const wanted = new Set(codes)
  if (values.length > 1 || wanted.has(undefined) || wanted.size !== codes.length) {
    throw new Refusal('bad-header', { diagnostics: 'X-Purpose-Of-Use: expected one header with known codes' })
  }
  const left = purposeOfUse.effective.filter(code => wanted.has(code))
  return {
    ...purposeOfUse,
    effective: atLeastOne(left, 'X-Purpose-Of-Use: expected a purpose of the token'),
  }
}

import { hash, timingSafeEqual } from 'node:crypto'
import type { HttpRequest, HttpResponse } from '../model/exchange.ts'
import type { JsonObject, JsonValue } from '../model/fhir.ts'
import { strictParse } from '../model/strict-json.ts'

/** What is to be dropped: patients (`Patient/x`), whoever a Consent (`Consent/x`) was found for, or everything. */
export type Dropped = readonly string[] | 'all'

export interface ConsentDoorOptions {
  /** Opens the door, as `Authorization: Bearer <secret>`. */
  readonly secret: string
  /** Base URLs under which patients are ours. */
  readonly bases: readonly string[]
  /** False where a server knows patients by ids of its own: then what a Consent names says nothing here. */
  readonly sameIds: boolean
  /** Called with what this gateway must drop. */
  readonly drop: (dropped: Dropped) => void
  /** Called with what was not heard from a peer already. */
  readonly tell: (dropped: Dropped) => void
}

const NAMES_MAX = 200
const DEPTH = 64
const NO_STORE = { 'Cache-Control': 'no-store' } as const
const TAKEN: HttpResponse = { status: 200, headers: NO_STORE, body: '' }
const REFUSED: HttpResponse = {
  status: 401,
  headers: { ...NO_STORE, 'WWW-Authenticate': 'Bearer' },
  body: '',
}
const NOT_HERE: HttpResponse = { status: 404, headers: NO_STORE, body: '' }
const METHODS: ReadonlySet<string> = new Set(['POST', 'PUT', 'DELETE'])

/**
 * The door by which a changed Consent is heard of: from other gateways (`{"patient": "Patient/x"}`), and as a rest-hook
 * notification of a FHIR R4 Subscription (an empty body, the Consent, or a Bundle; by POST, or by PUT or DELETE of
 * `<door>/Consent/<id>`). It tells nothing, not even whether a patient exists; whoever cannot show the secret gets a
 * constant 401. What is not understood drops everything: that costs a look-up and never a release.
 * https://hl7.org/fhir/R4/subscription.html#channels
 */
export function createConsentDoor(options: ConsentDoorOptions): (request: HttpRequest) => HttpResponse {
  const expected = digest(`Bearer ${options.secret}`)
  return request => {
    const given = request.headers.filter(([name]) => name.toLowerCase() === 'authorization')
    const shown = digest(given.length === 1 ? (given[0]?.[1] ?? '') : '')
    if (!timingSafeEqual(shown, expected)) return REFUSED
    if (!METHODS.has(request.method)) return NOT_HERE
    const { dropped, relayed } = heard(request, options)
    options.drop(dropped)
    if (!relayed) options.tell(dropped)
    return TAKEN
  }
}

/** Of equal length, whatever was shown. */
function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer')
}

interface Heard {
  readonly dropped: Dropped
  /** Heard from a peer, which told the others itself. */
  readonly relayed: boolean
}

const EVERYTHING: Heard = { dropped: 'all', relayed: false }

function heard(request: HttpRequest, options: ConsentDoorOptions): Heard {
  if (request.oversized === true) return EVERYTHING
  if (request.body.length === 0) {
    const named = /\/(Consent\/[A-Za-z0-9\-.]{1,64})$/.exec(request.target)?.[1]
    return named === undefined || request.method !== 'DELETE'
      ? EVERYTHING
      : { dropped: [named], relayed: false }
  }
  const body = parsed(request.body)
  if (body === undefined) return EVERYTHING
  if ('resourceType' in body) return { dropped: bounded(namesIn(body, options)), relayed: false }
  return { dropped: bounded(patientsIn(body)), relayed: body['relayed'] === true }
}

function parsed(bytes: Uint8Array): JsonObject | undefined {
  try {
    const value = strictParse(bytes, { jsonDepth: DEPTH })
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function bounded(names: readonly string[] | undefined): Dropped {
  return names === undefined || names.length === 0 || names.length > NAMES_MAX ? 'all' : names
}

const PATIENT = /^Patient\/[A-Za-z0-9\-.]{1,64}$/
const NAME = /^(?:Patient|Consent)\/[A-Za-z0-9\-.]{1,64}$/

/** `patient` or `patients` of an own message; undefined where it names none, or in another way. */
function patientsIn({ patient, patients }: JsonObject): readonly string[] | undefined {
  const given = [patient ?? [], patients ?? []].flat() as readonly JsonValue[]
  return given.every(one => typeof one === 'string' && NAME.test(one))
    ? (given as readonly string[])
    : undefined
}

/** What a Consent, or a Bundle of them, speaks of; undefined where that cannot be told. */
function namesIn(resource: JsonObject, options: ConsentDoorOptions): readonly string[] | undefined {
  if (!options.sameIds) return undefined
  if (resource['resourceType'] === 'Consent') return namesOf(resource, options.bases)
  if (resource['resourceType'] !== 'Bundle' || !Array.isArray(resource['entry'])) return undefined
  const names: string[] = []
  for (const entry of resource['entry']) {
    const inside = isObject(entry) && isObject(entry['resource']) ? entry['resource'] : undefined
    if (inside?.['resourceType'] !== 'Consent') continue
    const own = namesOf(inside, options.bases)
    if (own === undefined) return undefined
    names.push(...own)
  }
  return names
}

/** The patient it names now, and the Consent itself for whom it named before. */
function namesOf(consent: JsonObject, bases: readonly string[]): readonly string[] | undefined {
  const { id, patient } = consent
  const literal = isObject(patient) ? patient['reference'] : undefined
  if (typeof id !== 'string' || typeof literal !== 'string') return undefined
  const base = bases.find(one => literal.startsWith(`${one}/`))
  const name = (base === undefined ? literal : literal.slice(base.length + 1)).replace(/\/_history\/.*$/, '')
  return PATIENT.test(name) && NAME.test(`Consent/${id}`) ? [name, `Consent/${id}`] : undefined
}

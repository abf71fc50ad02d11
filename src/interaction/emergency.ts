import type { Limits } from '../model/configuration.ts'
import type { EmergencyInteraction, EmergencyParser } from '../model/emergency.ts'
import type { Identified } from '../model/exchange.ts'
import { FHIR_ID, type JsonObject, type JsonValue, type LiteralReference } from '../model/fhir.ts'
import { StrictJsonError, strictParse } from '../model/strict-json.ts'
import { checkAccept, checkHeaders, checkJsonHeaders } from './headers.ts'
import { refuse } from './refuse.ts'

export interface EmergencyParserOptions {
  /** Path of the door. */
  readonly path: string
  /** External base of the FHIR API, no trailing slash: patients under it are ours. */
  readonly baseUrl: string
  readonly limits: Pick<Limits, 'requestBodyBytes' | 'headerBytes' | 'jsonDepth'>
}

const MEMBERS = new Set([
  'patient',
  'reason',
  'natureOfEmergency',
  'consentUnobtainable',
  'consentUnobtainableReason',
  'neededForTreatment',
  'medicalPersonnel',
])
const PERSONNEL = new Set(['name', 'facility'])
const TEXT_MAX = 1000
const NAME_MAX = 200
/** Controls, and marks that make text read in another order: what a reviewer reads is what was written. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/
/** At least one letter: a dash, a dot or a blank is no fact (42 CFR 2.51(c)). */
const LETTER = /\p{L}/u

/**
 * The strict parse of a declaration. Every fact must be stated in words; nothing is filled in, and no member is passed
 * over. Throws Refusal that names the member and what was expected.
 */
export function createEmergencyParser(options: EmergencyParserOptions): EmergencyParser {
  return { understand: identified => understand(identified, options) }
}

function understand({ request }: Identified, options: EmergencyParserOptions): EmergencyInteraction {
  const { limits, path, baseUrl } = options
  const headers = checkHeaders(request.headers, limits.headerBytes)
  if (request.target !== path) refuse('not-found', 'no such service')
  if (request.method !== 'POST') refuse('not-supported', 'only POST is supported')
  checkJsonHeaders(headers, 'a declaration of an emergency')
  checkAccept(headers.get('accept'))
  if (request.body.length > limits.requestBodyBytes)
    refuse('too-large', `the request body is limited to ${limits.requestBodyBytes} bytes`)
  const body = objectOf(parse(request.body, limits.jsonDepth), 'the body', MEMBERS)
  const patient = patientOf(body['patient'], baseUrl)
  const reason = textOf(body['reason'], 'reason', TEXT_MAX)
  const natureOfEmergency = textOf(body['natureOfEmergency'], 'natureOfEmergency', TEXT_MAX)
  if (body['consentUnobtainable'] !== true)
    refuse('bad-parameter', 'consentUnobtainable: expected true; a patient who can consent is asked')
  const consentUnobtainableReason = textOf(
    body['consentUnobtainableReason'],
    'consentUnobtainableReason',
    TEXT_MAX,
  )
  const needed = body['neededForTreatment']
  if (needed !== undefined && needed !== true)
    refuse('bad-parameter', 'neededForTreatment: expected true, or nothing')
  const personnel = objectOf(body['medicalPersonnel'], 'medicalPersonnel', PERSONNEL)
  return {
    code: 'operation',
    operation: 'emergency-access',
    patient,
    reason,
    natureOfEmergency,
    consentUnobtainable: true,
    consentUnobtainableReason,
    ...(needed === undefined ? {} : { neededForTreatment: true }),
    medicalPersonnel: {
      name: textOf(personnel['name'], 'medicalPersonnel.name', NAME_MAX),
      facility: textOf(personnel['facility'], 'medicalPersonnel.facility', NAME_MAX),
    },
  }
}

function parse(body: Uint8Array, jsonDepth: number): JsonValue {
  try {
    return strictParse(body, { jsonDepth })
  } catch (error) {
    const problem = error instanceof StrictJsonError ? error.problem : 'not-json'
    return refuse('bad-request', `the body must be one JSON object: ${problem}`)
  }
}

function objectOf(value: JsonValue | undefined, place: string, members: ReadonlySet<string>): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return refuse('bad-request', `${place}: expected a JSON object`)
  const object = value as JsonObject
  if (Object.keys(object).some(name => !members.has(name)))
    refuse('unknown-parameter', `${place}: expected only ${[...members].join(', ')}`)
  return object
}

/** One line: line breaks of a form become blanks. */
function textOf(value: JsonValue | undefined, place: string, most: number): string {
  const text = typeof value === 'string' ? value.replace(/\s+/g, ' ').trim() : ''
  const fits = text.length <= most && !CONTROL.test(text) && LETTER.test(text)
  return fits ? text : refuse('bad-parameter', `${place}: expected words, at most ${most} characters`)
}

/** An id, `Patient/x`, or the same under our base: one patient, by a reference of this server. */
function patientOf(value: JsonValue | undefined, baseUrl: string): LiteralReference {
  const given = typeof value === 'string' ? value : ''
  const relative = given.startsWith(`${baseUrl}/`) ? given.slice(baseUrl.length + 1) : given
  const id = relative.startsWith('Patient/') ? relative.slice('Patient/'.length) : relative
  return FHIR_ID.test(id)
    ? `Patient/${id}`
    : refuse('bad-parameter', 'patient: expected one patient, as Patient/x')
}

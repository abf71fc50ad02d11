import type { Limits } from '../model/configuration.ts'
import type { ConsultParser } from '../model/doors.ts'
import type { Identified, Received } from '../model/exchange.ts'
import { type Coding, FHIR_ID, type Identifier, type JsonObject, type JsonValue } from '../model/fhir.ts'
import type { ActorName, ConsultInteraction, PatientName } from '../model/interaction.ts'
import { Refusal } from '../model/refusal.ts'
import { StrictJsonError, strictParse } from '../model/strict-json.ts'
import { checkAccept, checkHeaders, checkJsonHeaders, inspectHeaders } from './headers.ts'
import { refuse } from './refuse.ts'

export interface ConsultParserOptions {
  /** External base of the FHIR API, no trailing slash: patients and actors under it are ours. */
  readonly baseUrl: string
  readonly limits: Pick<Limits, 'requestBodyBytes' | 'headerBytes' | 'jsonDepth'>
  /** The sensitivity label that a coding means: such a category is asked about, any other names a kind of Consent. */
  readonly labelOf: (coding: Coding) => Coding | undefined
}

/** Where CDS Hooks puts its discovery (https://cds-hooks.hl7.org/2.0/#discovery), and the one service under it. */
const DISCOVERY = '/cds-services'
const SERVICE = 'patient-consent-consult'
const PATH = `${DISCOVERY}/${SERVICE}`

/** Members of `context`; anything else might narrow the question in a way that is not obeyed. */
const CONTEXT = new Set([
  'actor',
  'category',
  'class',
  'consent',
  'content',
  'patientId',
  'purposeOfUse',
  'scope',
  'securityLabel',
])
const SCOPE_SYSTEM = 'http://terminology.hl7.org/CodeSystem/consentscope'
/** Kinds of Consent that speak of disclosure; advance directives and treatment are other questions. */
const SCOPES = new Set(['patient-privacy', 'research'])
const MOST = { patientId: 10, actor: 20, purposeOfUse: 10, category: 50, class: 20 } as const
const TEXT_MAX = 512
/** UUIDs, and the plain names that existing clients send in their place. */
const HOOK_INSTANCE = /^[A-Za-z0-9._:-]{1,128}$/
const CODE = /^[^\s]+( [^\s]+)*$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/

/**
 * The strict parse of CDS Hooks requests. The fields are those that consent-consult clients (LEAP-CDS, SHARES) send;
 * names of patients and actors stay names: nothing is believed, nothing is fetched.
 */
export function createConsultParser(options: ConsultParserOptions): ConsultParser {
  return {
    isDiscovery: received => isDiscovery(received, options),
    understand: identified => understand(identified, options),
  }
}

/** Exact spelling only, as for the other public documents. */
function isDiscovery({ request }: Received, { limits }: ConsultParserOptions): boolean {
  const { method, target, body, headers } = request
  if (method !== 'GET' || target !== DISCOVERY || body.length > 0) return false
  return !(inspectHeaders(headers, limits.headerBytes) instanceof Refusal)
}

function understand({ request }: Identified, options: ConsultParserOptions): ConsultInteraction {
  const headers = checkHeaders(request.headers, options.limits.headerBytes)
  if (request.target !== PATH) refuse('not-found', 'no such service')
  if (request.method !== 'POST') refuse('not-supported', 'only POST is supported')
  checkJsonHeaders(headers)
  checkAccept(headers.get('accept'))
  const { requestBodyBytes, jsonDepth } = options.limits
  if (request.body.length > requestBodyBytes)
    refuse('too-large', `the request body is limited to ${requestBodyBytes} bytes`)
  const body = objectOf(parse(request.body, jsonDepth), 'the body')
  if (body['hook'] !== SERVICE) refuse('bad-request', `hook: expected ${SERVICE}`)
  const hookInstance = body['hookInstance']
  if (typeof hookInstance !== 'string' || !HOOK_INSTANCE.test(hookInstance))
    refuse('bad-request', 'hookInstance: expected a UUID')
  return { code: 'operation', operation: SERVICE, hookInstance, ...contextOf(body['context'], options) }
}

function parse(body: Uint8Array, jsonDepth: number): JsonValue {
  try {
    return strictParse(body, { jsonDepth })
  } catch (error) {
    const problem = error instanceof StrictJsonError ? error.problem : 'not-json'
    return refuse('bad-request', `the body must be one JSON object: ${problem}`)
  }
}

function contextOf(value: JsonValue | undefined, options: ConsultParserOptions) {
  const context = objectOf(value, 'context')
  const unknown = Object.keys(context).find(name => !CONTEXT.has(name))
  if (unknown !== undefined) refuse('unknown-parameter', 'context: a member is not known')
  if (listOf(context['consent'], 'consent', 0).length > 0)
    refuse('not-supported', 'context.consent: Consents are taken from the record, not from the question')
  checkScope(context['scope'])
  const [patient, ...others] = listOf(context['patientId'], 'patientId', MOST.patientId)
  if (patient === undefined) refuse('bad-request', 'context.patientId: expected a patient')
  const name = (one: JsonValue): PatientName => patientName(one, options.baseUrl)
  const categories = codingsOf(context['category'], 'category', MOST.category)
  for (const { system, code } of categories) if (system === SCOPE_SYSTEM) checkScope(code)
  const actors = listOf(context['actor'], 'actor', MOST.actor)
  return {
    patients: [name(patient), ...others.map(name)] as const,
    actors: actors.map(one => actorName(one, options.baseUrl)),
    purposes: listOf(context['purposeOfUse'], 'purposeOfUse', MOST.purposeOfUse).map(one =>
      textOf(one, 'purposeOfUse'),
    ),
    labels: unique([
      ...categories.flatMap(coding => options.labelOf(coding) ?? []),
      ...codingsOf(context['securityLabel'], 'securityLabel', MOST.category).map(
        coding =>
          options.labelOf(coding) ??
          refuse('bad-parameter', 'context.securityLabel: expected labels that are known here'),
      ),
    ]),
    classes: unique(codingsOf(context['class'], 'class', MOST.class)),
    content: context['content'] !== undefined && context['content'] !== null,
  }
}

function checkScope(scope: JsonValue | undefined): void {
  if (scope !== undefined && (typeof scope !== 'string' || !SCOPES.has(scope)))
    refuse('not-supported', 'context.scope: this service decides on disclosure: patient-privacy or research')
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function objectOf(value: JsonValue | undefined, place: string): JsonObject {
  return isObject(value) ? value : refuse('bad-request', `${place}: expected a JSON object`)
}

/** One or several; null says the same as nothing. */
function listOf(value: JsonValue | undefined, name: string, most: number): readonly JsonValue[] {
  if (value === undefined || value === null) return []
  const list: readonly JsonValue[] = Array.isArray(value) ? value : [value]
  if (list.length > most && most > 0) refuse('bad-request', `context.${name}: at most ${most} are accepted`)
  return list
}

function textOf(value: JsonValue | undefined, name: string): string {
  const fits = typeof value === 'string' && value !== '' && value.length <= TEXT_MAX && !CONTROL.test(value)
  return fits ? value : refuse('bad-parameter', `context.${name}: expected plain texts`)
}

/** `{system, value}`, the system left out or empty where there is none. */
function identifierOf(value: JsonValue, name: string): Identifier {
  const { system, value: text } = objectOf(value, `context.${name}`)
  const named = textOf(text, name)
  return system === undefined || system === null || system === ''
    ? { value: named }
    : { system: textOf(system, name), value: named }
}

/** `{system, code}`; existing clients write a class as `{system, value}` too. */
function codingsOf(value: JsonValue | undefined, name: string, most: number): readonly Coding[] {
  return listOf(value, name, most).map(one => {
    const { system, code, value: other } = objectOf(one, `context.${name}`)
    const text = textOf(code ?? other, name)
    if (!CODE.test(text)) refuse('bad-parameter', `context.${name}: expected codes`)
    return system === undefined || system === null || system === ''
      ? { code: text }
      : { system: textOf(system, name), code: text }
  })
}

const REFERENCE = /^([A-Z][A-Za-z]{1,63})\/([A-Za-z0-9\-.]{1,64})$/

/** `Type/id`, alone or under our base. */
function literalOf(text: string, baseUrl: string): `${string}/${string}` | undefined {
  const relative = text.startsWith(`${baseUrl}/`) ? text.slice(baseUrl.length + 1) : text
  return REFERENCE.test(relative) ? (relative as `${string}/${string}`) : undefined
}

/** An id (CDS Hooks), a reference or an identifier, alone or as the `value` of a pair. */
function patientName(value: JsonValue, baseUrl: string): PatientName {
  if (typeof value === 'string' && FHIR_ID.test(value)) return { reference: `Patient/${value}` }
  const identifier = typeof value === 'string' ? { value } : identifierOf(value, 'patientId')
  const reference = identifier.system === undefined ? literalOf(identifier.value, baseUrl) : undefined
  if (reference === undefined)
    return { identifier: { ...identifier, value: textOf(identifier.value, 'patientId') } }
  return reference.startsWith('Patient/')
    ? { reference }
    : refuse('bad-parameter', 'context.patientId: expected patients')
}

function actorName(value: JsonValue, baseUrl: string): ActorName {
  const identifier =
    typeof value === 'string' ? { value: textOf(value, 'actor') } : identifierOf(value, 'actor')
  const reference = identifier.system === undefined ? literalOf(identifier.value, baseUrl) : undefined
  return reference === undefined ? { identifier } : { reference }
}

function unique(codings: readonly Coding[]): readonly Coding[] {
  return [...new Map(codings.map(coding => [`${coding.system ?? ''}|${coding.code}`, coding])).values()]
}

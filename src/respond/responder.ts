import type { Responder } from '../model/doors.ts'
import type { ExchangeId, HttpResponse, Recorded, RecordedRefusal } from '../model/exchange.ts'
import type { JsonObject } from '../model/fhir.ts'
import type { CapabilitiesInteraction } from '../model/interaction.ts'
import type { Refusal } from '../model/refusal.ts'
import { capabilityStatement, type Publication } from './capability-statement.ts'
import { REFUSALS, type RefusalRow } from './refusals.ts'
import { smartConfiguration } from './smart-configuration.ts'

export type ResponderOptions = Omit<Publication, 'date'> & {
  /** Day the description of the service last changed, `YYYY-MM-DD`; by default the day of this release. */
  readonly date?: string
}

const RELEASE_DATE = '2026-11-21'
const FHIR_JSON = 'application/fhir+json; charset=utf-8'
/** What every response carries. Nothing else goes out: headers are an allow-list, none comes from the upstream. */
const FIXED = { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' } as const
/** Characters of diagnostics that go out. */
const MAX_DIAGNOSTICS = 300
const UNRECORDED_RETRY_SECONDS = 5
// biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what is taken out
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g

/**
 * How an exchange is said. `release` and `refuse` take recorded exchanges only, so a response without a durable record
 * does not compile (README, promise 1); a receipt of another exchange counts as none.
 */
export function createResponder(options: ResponderOptions): Responder {
  const publication: Publication = { date: RELEASE_DATE, ...options }
  const smart = JSON.stringify(smartConfiguration(publication))
  const assumed = JSON.stringify(capabilityStatement(publication, undefined))
  const narrowed = new WeakMap<JsonObject, string>()
  return {
    release,
    refuse,
    unrecorded,
    document: ({ document }: CapabilitiesInteraction, upstream) => {
      if (document === 'smart-configuration') return published(smart, 'application/json')
      if (upstream === undefined) return published(assumed, FHIR_JSON)
      const body = narrowed.get(upstream) ?? JSON.stringify(capabilityStatement(publication, upstream))
      narrowed.set(upstream, body)
      return published(body, FHIR_JSON)
    },
  }
}

function release({ id, receipt, release: { status, body } }: Recorded): HttpResponse {
  return receipt.exchange === id ? { status, headers: headersOf(id), body } : unrecorded()
}

function refuse({ id, receipt, refusal }: RecordedRefusal): HttpResponse {
  if (receipt.exchange !== id) return unrecorded()
  const row = REFUSALS[refusal.code]
  const { retryAfterSeconds: seconds } = refusal
  const headers = {
    ...headersOf(id),
    ...(row.challenge === undefined ? {} : { 'WWW-Authenticate': challengeOf(row.challenge) }),
    ...(seconds === undefined ? {} : { 'Retry-After': String(Math.max(1, Math.ceil(seconds))) }),
  }
  return { status: row.status, headers, body: outcome(row, refusal) }
}

/** Nothing of the exchange, not even its id: whatever could not be recorded did not happen. */
function unrecorded(): HttpResponse {
  const row = REFUSALS['record-unavailable']
  const headers = { 'Content-Type': FHIR_JSON, ...FIXED, 'Retry-After': String(UNRECORDED_RETRY_SECONDS) }
  return { status: row.status, headers, body: outcome(row) }
}

function published(body: string, contentType: string): HttpResponse {
  return { status: 200, headers: { 'Content-Type': contentType, ...FIXED }, body }
}

function headersOf(id: ExchangeId): Readonly<Record<string, string>> {
  return { 'Content-Type': FHIR_JSON, ...FIXED, 'X-Request-Id': id }
}

/** RFC 6750 3: an error code only where a token was given, and nothing of the token. */
function challengeOf(error: string): string {
  return error === '' ? 'Bearer realm="fhir"' : `Bearer realm="fhir", error="${error}"`
}

function outcome({ issue, text, speaks }: RefusalRow, refusal?: Refusal): string {
  const said = speaks ? refusal?.diagnostics?.replace(CONTROL, '').slice(0, MAX_DIAGNOSTICS) : undefined
  return JSON.stringify({
    resourceType: 'OperationOutcome',
    issue: [
      {
        severity: 'error',
        code: issue,
        details: { text },
        ...(said === undefined || said.trim() === '' ? {} : { diagnostics: said }),
      },
    ],
  })
}

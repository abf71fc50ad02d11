import type { RefusalCode } from '../model/refusal.ts'

/** How one kind of refusal is said. */
export interface RefusalRow {
  readonly status: number
  /** R4 issue-type. https://hl7.org/fhir/R4/valueset-issue-type.html */
  readonly issue: string
  readonly text: string
  /** RFC 6750 / RFC 9470 error code of the challenge; empty where the request carried no token at all. */
  readonly challenge?: '' | 'invalid_token' | 'insufficient_scope' | 'insufficient_user_authentication'
  /**
   * Whether the refusal may say which part of the request is at fault. The others are constant: nothing of an upstream,
   * a Consent or an inner error, and not whether something exists.
   */
  readonly speaks: boolean
}

/** The one table of refusals: status (RFC 9110, FHIR R4 http.html), issue type and the constant text. */
export const REFUSALS: Readonly<Record<RefusalCode, RefusalRow>> = {
  'login-required': says(401, 'login', 'A bearer token is required', ''),
  'token-invalid': says(401, 'login', 'The access token is not valid', 'invalid_token'),
  'token-expired': says(401, 'expired', 'The access token has expired', 'invalid_token'),
  'mfa-required': says(
    401,
    'login',
    'A stronger authentication of the user is required',
    'insufficient_user_authentication',
  ),
  'client-unknown': says(403, 'forbidden', 'This client is not registered here'),
  'client-disabled': says(403, 'forbidden', 'This client is disabled'),
  'agreement-required': says(403, 'forbidden', 'An agreement that this client needs is not in force'),
  'user-required': says(403, 'forbidden', 'The token must name a user'),
  'scope-insufficient': says(
    403,
    'forbidden',
    'The scopes of the token do not cover this request',
    'insufficient_scope',
  ),
  'patient-context-missing': says(403, 'forbidden', 'The token must name the patient in context'),
  'purpose-missing': says(403, 'forbidden', 'A purpose of use is required'),
  'purpose-not-allowed': says(403, 'forbidden', 'This purpose of use is not allowed for this client'),
  'actor-not-allowed': says(403, 'forbidden', 'This client may not ask for this actor, or break the glass'),
  held: says(403, 'forbidden', 'This disclosure is held until the privacy office has decided on it'),
  'hold-denied': says(403, 'forbidden', 'The privacy office has denied this disclosure'),
  'bad-request': says(400, 'invalid', 'The request is malformed'),
  'bad-header': says(400, 'invalid', 'A request header is not accepted'),
  'bad-parameter': says(400, 'value', 'A parameter is malformed'),
  'unknown-parameter': says(400, 'not-supported', 'A parameter is not known'),
  'duplicate-parameter': says(400, 'duplicate', 'A parameter stands more often than allowed'),
  'modifier-refused': says(400, 'not-supported', 'Modifiers and chained parameters are not supported'),
  'not-supported': says(501, 'not-supported', 'This interaction or parameter is not supported'),
  'unknown-type': says(404, 'not-supported', 'This is not a FHIR R4 resource type'),
  'not-acceptable': says(406, 'not-supported', 'The only format served is application/fhir+json'),
  'unsupported-media-type': says(415, 'not-supported', 'The request body has an unsupported format'),
  'too-large': says(413, 'too-long', 'The request is too large'),
  'page-expired': keepsTo(410, 'processing', 'This page link has expired or is not yours; search again'),
  'too-costly': keepsTo(422, 'too-costly', 'The search is too costly; narrow it'),
  'rate-limited': keepsTo(429, 'throttled', 'Too many requests'),
  'not-found': keepsTo(404, 'not-found', 'Not found'),
  'identity-unavailable': keepsTo(503, 'transient', 'The identity of the requester cannot be checked now'),
  'upstream-unavailable': keepsTo(503, 'transient', 'The service is unavailable now'),
  'upstream-invalid': keepsTo(502, 'exception', 'The service gave no usable answer'),
  'consent-unavailable': keepsTo(503, 'transient', 'The service is unavailable now'),
  'record-unavailable': keepsTo(503, 'transient', 'The service is unavailable now'),
  internal: keepsTo(500, 'exception', 'The request could not be processed'),
}

function says(status: number, issue: string, text: string, challenge?: RefusalRow['challenge']): RefusalRow {
  return { status, issue, text, speaks: true, ...(challenge === undefined ? {} : { challenge }) }
}

function keepsTo(status: number, issue: string, text: string): RefusalRow {
  return { status, issue, text, speaks: false }
}

/**
 * Every way the gateway says no without data. One table in `respond/` turns a code into status and OperationOutcome.
 * None depends on the existence or content of a resource, but `not-found`, which forbidden and absent share.
 */
export type RefusalCode =
  | 'login-required'
  | 'token-invalid'
  | 'token-expired'
  | 'client-unknown'
  | 'client-disabled'
  | 'agreement-required'
  | 'user-required'
  | 'mfa-required'
  | 'scope-insufficient'
  | 'patient-context-missing'
  | 'purpose-missing'
  | 'purpose-not-allowed'
  | 'actor-not-allowed'
  | 'identity-unavailable'
  | 'bad-request'
  | 'bad-header'
  | 'bad-parameter'
  | 'unknown-parameter'
  | 'duplicate-parameter'
  | 'modifier-refused'
  | 'not-supported'
  | 'unknown-type'
  | 'not-acceptable'
  | 'unsupported-media-type'
  | 'too-large'
  | 'page-expired'
  | 'too-costly'
  | 'rate-limited'
  | 'held'
  | 'hold-denied'
  | 'not-found'
  | 'upstream-unavailable'
  | 'upstream-invalid'
  | 'consent-unavailable'
  | 'record-unavailable'
  | 'internal'

/**
 * A refusal on its way out. `diagnostics` goes to the requester: it names the part of the *request* at fault and what
 * was expected, never data. `detail` is for the record only.
 */
export class Refusal extends Error {
  readonly code: RefusalCode
  readonly diagnostics?: string
  readonly detail?: string
  readonly retryAfterSeconds?: number

  constructor(
    code: RefusalCode,
    options: { diagnostics?: string; detail?: string; retryAfterSeconds?: number; cause?: unknown } = {},
  ) {
    super(code, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'Refusal'
    this.code = code
    if (options.diagnostics !== undefined) this.diagnostics = options.diagnostics
    if (options.detail !== undefined) this.detail = options.detail
    if (options.retryAfterSeconds !== undefined) this.retryAfterSeconds = options.retryAfterSeconds
  }
}

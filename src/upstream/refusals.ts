import { Refusal } from '../model/refusal.ts'

/** The upstream answered something the gateway cannot trust. `detail` says what, never content, never a host. */
export function invalid(detail: string): Refusal {
  return new Refusal('upstream-invalid', { detail })
}

/** The upstream did not answer, or not now. */
export function unavailable(detail: string, retryAfterSeconds?: number): Refusal {
  return new Refusal('upstream-unavailable', {
    detail,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  })
}

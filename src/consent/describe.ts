import type { ConsentDirective, ConsentRef, ConsentState } from '../model/consent.ts'

export interface ConsentDescription {
  readonly ref: ConsentRef
  readonly state: ConsentState
  readonly why: string
  readonly signedOn?: string
  readonly policies: readonly string[]
  readonly periodStart?: string
  readonly periodEnd?: string
}

/** One line per Consent on file for the privacy officer: what state it is in and why; no clinical content. */
export function describeConsents(directives: readonly ConsentDirective[]): readonly ConsentDescription[] {
  return directives.map(({ ref, state, why, form: { dateTime, policies, periodStart, periodEnd } }) => ({
    ref,
    state,
    why: why ?? 'active, within its period, every part of it understood',
    policies,
    ...(dateTime === undefined ? {} : { signedOn: dateTime }),
    ...(periodStart === undefined ? {} : { periodStart }),
    ...(periodEnd === undefined ? {} : { periodEnd }),
  }))
}

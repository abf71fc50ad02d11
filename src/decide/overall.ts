import type { ConsentVerdict } from '../model/consent.ts'
import type { DecidedResource, Decision, Reason } from '../model/decision.ts'

/**
 * The word for the request as a whole: `permit` where anything leaves; else `deny` where a rule or a Consent refuses,
 * `indeterminate` where a Consent could not be read, `no-consent` where none was given. Without resources (a question
 * about Consents alone) the verdicts speak.
 */
export function overall(
  decided: readonly DecidedResource[],
  verdicts: readonly ConsentVerdict[] = [],
): Decision['decision'] {
  if (decided.length === 0) return ofVerdicts(verdicts)
  if (decided.some(({ decision }) => decision.effect !== 'deny')) return 'permit'
  return ofRefusals(decided.flatMap(({ decision }) => decision.because))
}

function ofVerdicts(verdicts: readonly ConsentVerdict[]): Decision['decision'] {
  const effects = new Set(verdicts.map(({ effect }) => effect))
  if (effects.has('deny')) return 'deny'
  if (effects.has('indeterminate')) return 'indeterminate'
  return effects.has('permit') ? 'permit' : 'no-consent'
}

const ABSENT: ReadonlySet<string> = new Set(['no-consent', 'consent-not-covered'])

function ofRefusals(reasons: readonly Reason[]): Decision['decision'] {
  const rules = new Set(reasons.map(({ rule }) => rule))
  if (rules.has('consent-indeterminate') && !rules.has('consent-deny')) return 'indeterminate'
  return reasons.every(({ rule }) => ABSENT.has(rule)) ? 'no-consent' : 'deny'
}

import type { ConsentVerdict } from '../../src/model/consent.ts'

export type CombinedVerdict = 'permit' | 'deny' | 'no-consent' | 'not-covered' | 'indeterminate'

/** From the strongest: a deny overrides, doubt withholds, a permit needs neither, silence permits nothing. */
const STRENGTH = ['deny', 'indeterminate', 'permit', 'not-covered'] as const

/**
 * What all Consents together say of one resource, whatever their order: deny overrides, a Consent that cannot be read
 * withholds, then a permit; `not-covered` where Consents are on file but none speaks of it; `no-consent` where none is.
 */
export function combineVerdicts(verdicts: readonly Pick<ConsentVerdict, 'effect'>[]): CombinedVerdict {
  return STRENGTH.find(effect => verdicts.some(verdict => verdict.effect === effect)) ?? 'no-consent'
}

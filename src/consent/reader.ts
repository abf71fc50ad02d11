import type { ConsentPolicy } from '../model/consent.ts'
import type { ConsentReader } from '../model/doors.ts'
import { createAsking, createResidual } from './asking.ts'
import { createReading } from './reading.ts'
import { type VocabularyOptions, vocabularyOf } from './vocabulary.ts'

export interface ConsentReaderOptions extends VocabularyOptions, ConsentPolicy {
  /**
   * Base URLs of our own FHIR API and of the upstream, no trailing slash: absolute references under them are ours, and
   * relative ones of a Consent from another server are not. Default none.
   */
  readonly bases?: readonly string[]
}

/**
 * The door of `consent/`: what patients said. Pure; nothing is fetched, nothing thrown at run time. A directive is
 * asked only while it is enforceable, or unreadable, when its verdict is `indeterminate`.
 */
export function createConsentReader(options: ConsentReaderOptions): ConsentReader {
  const vocabulary = vocabularyOf(options)
  const bases = options.bases ?? []
  return {
    read: createReading(vocabulary, bases, options),
    ask: createAsking(vocabulary, options),
    residual: createResidual(vocabulary, bases),
  }
}

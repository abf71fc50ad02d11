import type { Resource } from '../model/fhir.ts'
import { type Span, spanOf } from './dates.ts'
import { isObject, objectsIn, textIn } from './json.ts'
import { normalReference, type Place, typeOfReference } from './references.ts'

/** When an entry was made: undefined where no date is written, `unreadable` where it is none. */
type Entered = Span | 'unreadable' | undefined

function entered(text: string | undefined, zone: string): Entered {
  return text === undefined ? undefined : (spanOf(text, zone) ?? 'unreadable')
}

/** Whether a confirmation stands although another entry says that it is none. */
function isAfter(confirmed: Entered, refused: Entered): boolean {
  return typeof confirmed === 'object' && typeof refused === 'object' && refused.end <= confirmed.start
}

/** Whether a Consent counts as verified at an instant, ms since the epoch. */
export type Verified = (at: number) => boolean

/** Whoever confirmed it must be able to: the patient whose Consent it is, or a person related to them. */
function isFit(reference: string | undefined, patient: string | undefined): boolean {
  if (reference === undefined) return true
  const type = typeOfReference(reference)
  return type === 'RelatedPerson' || (type === 'Patient' && reference === patient)
}

/**
 * `verification` of a Consent: confirmed with the patient or a related person, not after the instant asked for, and not
 * taken back by an entry `verified: false` that is not older. https://hl7.org/fhir/R4/consent-definitions.html#Consent.verification
 */
export function verificationOf(
  consent: Resource,
  patient: string | undefined,
  place: Place,
  zone: string,
): Verified {
  const confirmed: Entered[] = []
  const refused: Entered[] = []
  for (const { verified, verificationDate, verifiedWith } of objectsIn(consent['verification'])) {
    const on = entered(textIn(verificationDate), zone)
    const literal = isObject(verifiedWith) ? textIn(verifiedWith['reference']) : undefined
    const reference = literal === undefined ? undefined : normalReference(literal, place)
    if (verified !== true) refused.push(on)
    else if (isFit(reference, patient)) confirmed.push(on)
  }
  const stands = confirmed.filter(on => on !== 'unreadable' && refused.every(other => isAfter(on, other)))
  return at => stands.some(on => typeof on !== 'object' || on.start <= at)
}

import type { ConsentQuestion } from '../model/consent.ts'
import type { LiteralReference } from '../model/fhir.ts'
import type { LabelledResource } from '../model/label.ts'

/**
 * The question as asked for one resource: its discloser is the custodian and, where the record comes from a known
 * program or unit, that organization too, since a Consent names the one or the other (42 CFR 2.31(a)(2)). One question
 * object a source, so that consent/ can remember what it worked out for it.
 */
export function questionsBySource(
  question: ConsentQuestion,
): (resource: LabelledResource) => ConsentQuestion {
  const bySource = new Map<string, ConsentQuestion>()
  return ({ source }) => {
    if (source === undefined) return question
    const known = bySource.get(source)
    if (known !== undefined) return known
    const own: ConsentQuestion = {
      ...question,
      actors: [...question.actors, { role: 'discloser', reference: source as LiteralReference }],
    }
    bySource.set(source, own)
    return own
  }
}

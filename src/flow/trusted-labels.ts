import { SYSTEM } from '../model/fhir.ts'
import {
  CONFIDENTIALITY_ORDER,
  type Confidentiality,
  type LabelledResource,
  type ResourceFacts,
} from '../model/label.ts'

/** A resource with the labels that stand in its own `meta.security`, and no others (`--trust-labels`). */
export function trusted(facts: ResourceFacts): LabelledResource {
  // What the rules put beside an upstream label is not what stands there.
  const labels = facts.labels.filter(({ origin, rule }) => origin === 'upstream' && rule === 'upstream')
  const codes = labels.filter(({ system }) => system !== SYSTEM.confidentiality).map(({ code }) => code)
  const confidentiality = labels
    .filter(({ system }) => system === SYSTEM.confidentiality)
    .reduce<Confidentiality | undefined>((highest, { code }) => higher(highest, code), undefined)
  return {
    facts,
    labels,
    confidentiality: confidentiality ?? 'N',
    codes: new Set(codes),
    part2: codes.includes('42CFRPart2'),
    classKey: `trusted|${facts.hash}`,
    ...(facts.notAssessable === undefined ? {} : { notAssessable: facts.notAssessable }),
  }
}

function higher(a: Confidentiality | undefined, b: string): Confidentiality | undefined {
  const rank = (code: string | undefined): number => CONFIDENTIALITY_ORDER.indexOf(code as Confidentiality)
  return rank(b) > rank(a) ? (b as Confidentiality) : a
}

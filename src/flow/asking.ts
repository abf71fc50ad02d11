import {
  type ConsentDirective,
  type ConsentQuestion,
  type ConsentVerdict,
  consentKey,
} from '../model/consent.ts'
import type { AskConsents } from '../model/decision.ts'
import type { ConsentReader } from '../model/doors.ts'
import { questionsBySource } from './disclosers.ts'

/**
 * How decide asks consent. A Consent that does not plainly name the patient (by identifier only, by a foreign
 * reference) may restrict but never permit: it may be somebody else's (doubt denies).
 */
export function askingConsents(
  reader: ConsentReader,
  directives: ReadonlyMap<string, readonly ConsentDirective[]>,
  question: ConsentQuestion,
): AskConsents {
  const questionFor = questionsBySource(question)
  const doubtful = new Map<string, ReadonlySet<string>>()
  const doubtfulOf = (patient: string, onFile: readonly ConsentDirective[]): ReadonlySet<string> => {
    const known = doubtful.get(patient)
    if (known !== undefined) return known
    const found = new Set(onFile.filter(one => one.patient !== patient).map(({ ref }) => consentKey(ref)))
    doubtful.set(patient, found)
    return found
  }
  return (patient, resource) => {
    const onFile = directives.get(patient) ?? []
    const verdicts = reader.ask(onFile, questionFor(resource), resource)
    const unsure = doubtfulOf(patient, onFile)
    return unsure.size === 0 ? verdicts : verdicts.map(verdict => withoutPermit(verdict, unsure))
  }
}

function withoutPermit(verdict: ConsentVerdict, unsure: ReadonlySet<string>): ConsentVerdict {
  if (verdict.effect !== 'permit' || !unsure.has(consentKey(verdict.ref))) return verdict
  return { ...verdict, effect: 'not-covered', why: 'the Consent does not name this patient by reference' }
}

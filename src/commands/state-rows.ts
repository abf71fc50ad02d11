import type { FormQuestion } from '../decide/consent-kinds.ts'
import type { Engine } from '../engine.ts'
import type { ConsentForm } from '../model/consent.ts'
import type { LawRow } from '../model/law.ts'
import { lacking } from './form-check.ts'

/** A row of state law that asks for a consent, and what a form lacks to be that consent. */
export interface StateRow {
  readonly id: string
  readonly citation: string
  readonly lacks: readonly string[]
}

/** A minor's own signature is asked for wherever the patient is one; no form can be told from another by it. */
const BY_SIGNER = 'minor-signed'

/** Rows of this state that are on and ask for a consent to the labels of the form, or to records of any label. */
export function stateRows(
  { profiles }: Engine,
  state: string,
  form: ConsentForm,
  question: FormQuestion,
): readonly StateRow[] {
  return profiles.lawRows
    .filter(row => row.enabled && row.effect === 'require-consent' && row.jurisdiction === `US-${state}`)
    .filter(row => asksFor(row, form))
    .map(row => ({ id: row.id, citation: row.citation, lacks: leastLacking(row, form, question) }))
}

function asksFor({ when, consent = [] }: LawRow, { labels }: ConsentForm): boolean {
  if (consent.every(kind => kind === BY_SIGNER)) return false
  if (when.labels === undefined) return true
  return labels.length === 0 || when.labels.some(code => labels.includes(code))
}

function leastLacking(row: LawRow, form: ConsentForm, question: FormQuestion): readonly string[] {
  const gaps = (row.consent ?? []).map(kind => lacking(kind, form, question))
  return gaps.toSorted((left, right) => left.length - right.length)[0] ?? []
}

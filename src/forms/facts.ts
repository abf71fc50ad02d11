import type { Coding, Identifier } from '../model/fhir.ts'
import type { FormCondition, FormTemplate } from './template.ts'

/** A person or organization as it stands on a form. */
export interface Party {
  readonly reference?: string
  readonly identifier?: Identifier
  readonly display?: string
}

/** Everything that was given for one form. */
export interface FormFacts {
  readonly patient?: Party
  readonly disclosers: readonly Party[]
  /** Named recipients. */
  readonly recipients: readonly Party[]
  /** Codes of general designations (`profiles/purpose/recipient-classes.json`). */
  readonly recipientClasses: readonly string[]
  readonly intermediary?: Party
  /** v3-ActReason codes. */
  readonly purposes: readonly string[]
  /** Sensitivity labels, beside those the form is always about. */
  readonly labels: readonly Coding[]
  /** The site's own codes of what is to be disclosed. */
  readonly codes: readonly Coding[]
  /** `Type/id` of the records it is about. */
  readonly items: readonly string[]
  readonly information?: string
  /** A date (`YYYY`, `YYYY-MM`, `YYYY-MM-DD`), an event, or `none`. */
  readonly expires?: string
  readonly revoke?: string
  readonly consequences?: string
  /** `YYYY-MM-DD` */
  readonly paidOn?: string
  readonly limits?: string
  readonly fundraising: boolean
}

/** Purposes the form is for: its own, or those given. */
export function purposesOf({ provision }: FormTemplate, facts: FormFacts): readonly string[] {
  return provision.purposes ?? facts.purposes
}

/** Labels the form is about: its own and those given. */
export function labelsOf({ provision }: FormTemplate, facts: FormFacts): readonly Coding[] {
  return [...(provision.labels ?? []), ...facts.labels]
}

/** Whether an element or reminder concerns this form. */
export function concerns(
  when: FormCondition | undefined,
  template: FormTemplate,
  facts: FormFacts,
  narrow: (purpose: string) => ReadonlySet<string>,
): boolean {
  if (when === undefined) return true
  const { given, anyPurpose, anyLabel } = when
  if (given === 'intermediary' && facts.intermediary === undefined) return false
  if (given === 'fundraising' && !facts.fundraising) return false
  const purposes = purposesOf(template, facts)
  if (anyPurpose !== undefined && !purposes.some(code => anyPurpose.some(wider => narrow(code).has(wider))))
    return false
  return anyLabel === undefined || labelsOf(template, facts).some(({ code }) => anyLabel.includes(code))
}

/** `YYYY`, `YYYY-MM` or `YYYY-MM-DD` of a day that exists. */
export function isDate(text: string): boolean {
  const match = /^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?$/.exec(text)
  if (match === null) return false
  const [, year = '', month = '01', day = '01'] = match
  const date = new Date(`${year}-${month}-${day}T00:00:00Z`)
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(`${year}-${month}-${day}`)
}

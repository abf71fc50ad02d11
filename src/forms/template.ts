import { readdirSync, readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import formats from 'ajv-formats'
import type { Coding } from '../model/fhir.ts'

/** What a form may ask of who writes it; each has an option of `consent new`. */
export type FactName =
  | 'patient'
  | 'discloser'
  | 'recipient'
  | 'intermediary'
  | 'purpose'
  | 'information'
  | 'item'
  | 'expires'
  | 'paidOn'
  | 'limits'

export type FormAnswer =
  | { readonly from: FactName; readonly noneFor?: readonly string[]; readonly dateOnly?: boolean }
  /** `{revoke}` and `{consequences}` stand for what is given. */
  | { readonly statement: string }
  | { readonly signing: SigningPart }

export type SigningPart = 'signature' | 'date' | 'witness'

export interface FormCondition {
  readonly given?: 'intermediary' | 'fundraising'
  readonly anyPurpose?: readonly string[]
  readonly anyLabel?: readonly string[]
}

/** One element that law asks of a form. */
export interface FormElement {
  readonly linkId: string
  readonly citation: string
  readonly text: string
  readonly when?: FormCondition
  readonly answer: FormAnswer
}

export interface FormReminder {
  readonly citation: string
  readonly text: string
  readonly when?: FormCondition
}

export interface FormProvision {
  readonly type: 'permit' | 'deny'
  readonly purposes?: readonly string[]
  readonly labels?: readonly Coding[]
  readonly moreLabels?: boolean
  readonly information?: string
  readonly recipients?: { readonly classes: readonly string[]; readonly words: string }
  readonly designations?: boolean
  readonly items?: 'instance' | 'dependents' | 'related'
  readonly alone?: readonly {
    readonly code: string
    readonly citation: string
    readonly meets?: readonly string[]
  }[]
}

/** One kind of form, `profiles/consent-forms/*.json`, whole: with what it extends. */
export interface FormTemplate {
  readonly kind: string
  readonly state?: string
  readonly title: string
  readonly citation: string
  readonly uri: string
  readonly confidence: 'high' | 'medium' | 'low'
  readonly policyRule?: Coding
  /** Kinds of consent of law rows that the completed form must be. */
  readonly meets: readonly string[]
  readonly provision: FormProvision
  readonly elements: readonly FormElement[]
  readonly reminders: readonly FormReminder[]
}

type TemplateFile = Omit<FormTemplate, 'meets' | 'provision' | 'reminders'> &
  Partial<Pick<FormTemplate, 'meets' | 'provision' | 'reminders'>> & { readonly extends?: string }

const FOLDER = new URL('../../profiles/consent-forms/', import.meta.url)
/** How far one form may extend another. */
const DEPTH = 4

/** All forms by file name. Throws Error that names the file and what was expected. */
export function loadForms(): readonly FormTemplate[] {
  const schema = JSON.parse(readFileSync(new URL('schema.json', FOLDER), 'utf8')) as object
  const ajv = new Ajv({ strictTypes: false })
  formats.default(ajv)
  const validate = ajv.compile(schema)
  const names = readdirSync(FOLDER).filter(name => name.endsWith('.json') && name !== 'schema.json')
  const files = new Map<string, TemplateFile>()
  for (const name of names.sort()) {
    const value: unknown = JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8'))
    const place = `profiles/consent-forms/${name}`
    if (!validate(value)) throw new Error(ajv.errorsText(validate.errors, { dataVar: place }))
    files.set(name.slice(0, -'.json'.length), value as TemplateFile)
  }
  return [...files.keys()].map(name => whole(name, files, 0))
}

/** What it extends holds where the file says nothing; elements and reminders of both, the extended ones first. */
function whole(name: string, files: ReadonlyMap<string, TemplateFile>, depth: number): FormTemplate {
  const place = `profiles/consent-forms/${name}.json`
  const file = files.get(name)
  if (file === undefined || depth > DEPTH)
    throw new Error(`${place}: expected a file that is there and extends ${DEPTH} at most`)
  const { extends: extended, ...own } = file
  const base = extended === undefined ? undefined : whole(extended, files, depth + 1)
  const provision = own.provision ?? base?.provision
  if (provision === undefined) throw new Error(`${place}: expected a provision, or a form with one to extend`)
  const policyRule = own.policyRule ?? base?.policyRule
  return {
    ...own,
    ...(policyRule === undefined ? {} : { policyRule }),
    meets: own.meets ?? base?.meets ?? [],
    provision,
    elements: [...(base?.elements ?? []), ...own.elements],
    reminders: [...(base?.reminders ?? []), ...(own.reminders ?? [])],
  }
}

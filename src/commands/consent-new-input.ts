import type { Engine } from '../engine.ts'
import { consultVocabulary } from '../flow/consult-vocabulary.ts'
import { type FormFacts, isDate, type Party } from '../forms/facts.ts'
import type { FormTemplate } from '../forms/template.ts'
import type { Coding } from '../model/fhir.ts'
import { type OptionSpec, type Options, textOption, UsageError } from './table.ts'

/** Options that give the facts of a form. */
export const FACT_OPTIONS: readonly OptionSpec[] = [
  { flags: '--patient <party>', description: 'the patient: Patient/x=Name' },
  {
    flags: '--discloser <parties>',
    description: 'who may disclose: Organization/x=Name; several separated by ;',
  },
  {
    flags: '--recipient <parties>',
    description:
      'who may receive: Practitioner/x=Name, system|value=Name, or a general designation (treating-providers, ' +
      'health-plans, third-party-payers, program-operations); several separated by ;',
  },
  {
    flags: '--intermediary <party>',
    description: 'exchange through which they receive it: Organization/x=Name',
  },
  { flags: '--purpose <codes>', description: 'v3-ActReason codes, comma separated' },
  { flags: '--label <codes>', description: 'sensitivity labels it is about, comma separated: HIV, MH …' },
  { flags: '--code <code>', description: "the site's own code of what it is about: system|code" },
  { flags: '--item <references>', description: 'records it is about, comma separated: Encounter/x' },
  { flags: '--information <text>', description: 'the information in words' },
  { flags: '--expires <when>', description: 'a date, an event in words, or none' },
  { flags: '--revoke <text>', description: 'how to revoke it' },
  { flags: '--consequences <text>', description: 'what follows if the patient does not sign' },
  { flags: '--paid-on <date>', description: 'when it was paid in full' },
  { flags: '--limits <text>', description: 'uses, and limitations on them, of who receives it' },
  { flags: '--fundraising', description: 'the program also means to raise funds with it' },
]

const PARTY =
  /^(?:(?<reference>[A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64})|(?<system>[^|=\s]+)\|(?<value>[^=]+))(?:=(?<display>.+))?$/

/** The facts of one form. Throws UsageError that names the option and what was expected. */
export function factsOf(options: Options, template: FormTemplate, engine: Engine): FormFacts {
  const { provision } = template
  const patient = party(options, 'patient')
  if (patient !== undefined && patient.reference?.startsWith('Patient/') !== true)
    throw new UsageError('--patient: expected Patient/x, with =Name for the form')
  const intermediary = party(options, 'intermediary')
  const purposes = purposesGiven(options, template, engine)
  const labels = labelsGiven(options, template, engine)
  const { named, classes } = recipientsGiven(options, template, engine)
  const texts = {
    ...text(options, 'information'),
    ...ending(options),
    ...text(options, 'revoke'),
    ...text(options, 'consequences'),
    ...text(options, 'limits'),
    ...date(options, 'paidOn', '--paid-on'),
  }
  const items = list(textOption(options, 'item'))
  if (items.length > 0 && provision.items === undefined)
    throw new UsageError(`--item: a form of kind ${template.kind} is about no single records`)
  for (const item of items)
    if (!/^[A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64}$/.test(item))
      throw new UsageError(`--item: ${item}: expected Type/id`)
  return {
    ...(patient === undefined ? {} : { patient }),
    ...(intermediary === undefined ? {} : { intermediary }),
    disclosers: parties(textOption(options, 'discloser')).map(one => asParty(one, '--discloser')),
    recipients: named,
    recipientClasses: classes,
    purposes,
    labels,
    codes: codesGiven(options),
    items,
    ...texts,
    fundraising: options['fundraising'] === true,
  }
}

function purposesGiven(
  options: Options,
  { kind, provision }: FormTemplate,
  engine: Engine,
): readonly string[] {
  const given = list(textOption(options, 'purpose'))
  for (const code of given)
    if (!Object.hasOwn(engine.profiles.purposeParents, code))
      throw new UsageError(`--purpose: ${code}: expected a v3-ActReason code such as TREAT`)
  const { purposes: fixed, alone = [] } = provision
  if (fixed !== undefined && given.some(code => !fixed.includes(code)))
    throw new UsageError(`--purpose: a form of kind ${kind} is for ${fixed.join(', ')}`)
  const lonely = alone.find(({ code }) => given.includes(code) && given.length > 1)
  if (lonely !== undefined)
    throw new UsageError(`--purpose: ${lonely.code} stands beside no other purpose (${lonely.citation})`)
  return given
}

function labelsGiven(options: Options, { kind, provision }: FormTemplate, engine: Engine): readonly Coding[] {
  const given = list(textOption(options, 'label'))
  if (given.length > 0 && provision.moreLabels !== true)
    throw new UsageError(
      `--label: a form of kind ${kind} is about ${labelNames(provision.labels) || 'the records that --item names'} and nothing else`,
    )
  const { known } = consultVocabulary(engine.labels, engine.purposes.labelParents)
  return given.map(code => {
    const coding = known({ code })
    if (coding === undefined)
      throw new UsageError(`--label: ${code}: expected a sensitivity label such as HIV or MH`)
    return coding
  })
}

function labelNames(labels: readonly Coding[] = []): string {
  return labels.map(({ code }) => code).join(', ')
}

function recipientsGiven(options: Options, { kind, provision }: FormTemplate, engine: Engine) {
  const known = new Set(engine.recipientClasses.map(({ code }) => code))
  const given = parties(textOption(options, 'recipient'))
  const classes = given.filter(one => known.has(one))
  if (classes.length > 0 && provision.designations !== true)
    throw new UsageError(`--recipient: a form of kind ${kind} names its recipients`)
  const named = given.filter(one => !known.has(one)).map(one => asParty(one, '--recipient', [...known]))
  return { named, classes }
}

function codesGiven(options: Options): readonly Coding[] {
  return list(textOption(options, 'code')).map(one => {
    const [system, code, ...rest] = one.split('|')
    if (system === undefined || system === '' || code === undefined || code === '' || rest.length > 0)
      throw new UsageError(`--code: ${one}: expected system|code`)
    return { system, code }
  })
}

/** Parts between semicolons; between commas too, where no name may hold one. */
function parties(given: string | undefined): readonly string[] {
  if (given === undefined) return []
  return given
    .split(';')
    .flatMap(part => (part.includes('=') ? [part] : part.split(',')))
    .map(part => part.trim())
    .filter(part => part !== '')
}

/** Parts between commas. */
export function list(given: string | undefined): readonly string[] {
  return (given ?? '')
    .split(',')
    .map(part => part.trim())
    .filter(part => part !== '')
}

function party(options: Options, name: 'patient' | 'intermediary'): Party | undefined {
  const given = textOption(options, name)
  return given === undefined ? undefined : asParty(given.trim(), `--${name}`)
}

function asParty(given: string, option: string, classes: readonly string[] = []): Party {
  const groups = PARTY.exec(given)?.groups
  if (groups === undefined) {
    const also = classes.length === 0 ? '' : `, or one of ${classes.join(', ')}`
    throw new UsageError(`${option}: ${given}: expected Type/id=Name or system|value=Name${also}`)
  }
  const { reference, system, value, display } = groups
  return {
    ...(reference === undefined ? {} : { reference }),
    ...(system === undefined || value === undefined ? {} : { identifier: { system, value } }),
    ...(display === undefined ? {} : { display: display.trim() }),
  }
}

function text<K extends string>(options: Options, name: K): { [P in K]?: string } {
  const given = textOption(options, name)?.trim()
  return given === undefined || given === '' ? {} : ({ [name]: given } as { [P in K]?: string })
}

/** A date that is over would make a form that never holds. */
function ending(options: Options): { expires?: string } {
  const given = text(options, 'expires')
  const { expires } = given
  const today = new Date().toISOString().slice(0, expires?.length ?? 0)
  if (expires !== undefined && isDate(expires) && expires < today)
    throw new UsageError(`--expires: ${expires} is over; expected today or later`)
  return given
}

function date(options: Options, name: 'paidOn', option: string): { paidOn?: string } {
  const given = text(options, name)
  const value = given[name]
  if (value !== undefined && (!isDate(value) || value.length !== 10))
    throw new UsageError(`${option}: ${value}: expected a date, YYYY-MM-DD`)
  return given
}

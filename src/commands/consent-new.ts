import { createConsentReader } from '../consent/reader.ts'
import { purposeTree } from '../decide/purpose.ts'
import { type Engine, openEngine } from '../engine.ts'
import type { FormFacts } from '../forms/facts.ts'
import { signed, signingItems } from '../forms/sign.ts'
import { type FormTemplate, loadForms } from '../forms/template.ts'
import { type Missing, type WrittenForm, writeForm } from '../forms/write.ts'
import type { ConsentDirective } from '../model/consent.ts'
import type { JsonObject, Resource } from '../model/fhir.ts'
import { FACT_OPTIONS, factsOf } from './consent-new-input.ts'
import { formQuestion, inWords, lacking } from './form-check.ts'
import { type StateRow, stateRows } from './state-rows.ts'
import { type CommandSpec, type Options, textOption, UsageError } from './table.ts'

/** Writes a Consent that is ready to be signed, and says what is missing until it is. */
export const consentNewCommand: CommandSpec = {
  name: 'consent new',
  summary: 'write a Consent of one kind of form, and say what the form must still collect',
  description:
    'Prints a FHIR R4 Consent with its form (a contained QuestionnaireResponse whose linkIds are the paragraphs of the ' +
    'law) holding what was given. Nothing is made up. Its status is draft while elements are missing and proposed when ' +
    'only signature and date are; neither permits or refuses anything: it takes effect when it is signed, dated, active ' +
    'and on file. What is still to be collected is printed on standard error, with citations. The forms are data, ' +
    'profiles/consent-forms; they are engineering, not legal advice. Exit code 1 while elements are missing.',
  operands: [],
  options: [
    { flags: '--kind <kind>', description: 'kind of form; --list prints them' },
    { flags: '--state <code>', description: 'for --kind state: the state, e.g. CA' },
    { flags: '--list', description: 'print the kinds of form and what each must hold' },
    ...FACT_OPTIONS,
    { flags: '--json', description: 'with --list: one JSON object a line' },
  ],
  examples: [
    'consentry consent new --list',
    "consentry consent new --kind part2-tpo --patient 'Patient/elena-marsh=Elena Marsh' " +
      "--discloser 'Organization/bayview-otp=Bayview Harbor' --expires none --revoke 'write to the program' " +
      "--consequences 'treatment goes on as before' > consent.json",
    'consentry preview elena-marsh --as health-plan --consents consent.json',
  ],
  run: async (_operands, options, terminal) => {
    const templates = loadForms()
    if (options['list'] === true) {
      for (const template of templates) terminal.out(listed(template, options['json'] === true))
      return 0
    }
    const engine = openEngine()
    const template = chosen(options, templates)
    const facts = factsOf(options, template, engine)
    const { narrow } = purposeTree(engine.purposes.purposeParents, engine.purposes.explicitPurposes)
    const written = writeForm(template, facts, narrow)
    terminal.out(`${JSON.stringify(written.consent, undefined, 2)}\n`)
    const rows = state(options)
    const report = completion(template, facts, written, { engine, templates, state: rows })
    terminal.error(reported(written, report))
    return written.missing.length === 0 && report.problems.length === 0 ? 0 : 1
  },
}

function state(options: Options): string | undefined {
  const given = textOption(options, 'state')
  if (given === undefined) return undefined
  if (!/^[A-Za-z]{2}$/.test(given)) throw new UsageError('--state: expected two letters, e.g. CA')
  return given.toUpperCase()
}

function chosen(options: Options, templates: readonly FormTemplate[]): FormTemplate {
  const kind = textOption(options, 'kind')
  const kinds = [...new Set(templates.map(one => one.kind))]
  const ofKind = templates.filter(one => one.kind === kind)
  if (kind === undefined || ofKind.length === 0)
    throw new UsageError(`--kind: expected one of ${kinds.join(', ')}; --list tells more`)
  const asked = state(options)
  const byState = ofKind.some(one => one.state !== undefined)
  if (byState && asked === undefined) throw new UsageError('--state: expected the state, e.g. CA')
  if (!byState && asked !== undefined) throw new UsageError(`--state: a form of kind ${kind} is federal`)
  const found = ofKind.find(one => one.state === asked) ?? ofKind.find(one => one.state === undefined)
  if (found === undefined) throw new UsageError(`--kind: no form of kind ${kind}`)
  return found
}

function listed(template: FormTemplate, json: boolean): string {
  if (json) return `${JSON.stringify(template)}\n`
  const { kind, title, citation, confidence, elements } = template
  const name = template.state === undefined ? kind : `${kind} --state ${template.state}`
  const conditional = elements.some(({ when }) => when !== undefined)
  return (
    `${name}\n  ${title}\n  ${citation}; confidence ${confidence}\n` +
    `  holds ${elements.map(one => `${one.linkId}${one.when === undefined ? '' : '*'}`).join(', ')}` +
    `${conditional ? ' (* where it applies)' : ''}\n`
  )
}

interface Report {
  /** Beyond what is missing: why the form would not do once it is complete and signed. */
  readonly problems: readonly string[]
  readonly notes: readonly string[]
}

interface Checking {
  readonly engine: Engine
  readonly templates: readonly FormTemplate[]
  readonly state: string | undefined
}

/** What our own reading says of the form once it is signed today: the same checks that decisions rest on. */
function completion(
  template: FormTemplate,
  facts: FormFacts,
  { consent, missing }: WrittenForm,
  { engine, templates, state: asked }: Checking,
): Report {
  const at = new Date()
  const on = at.toISOString().slice(0, 10)
  const resource = signed(withType(consent, template), { on, witness: 'witness' }, signingItems(templates))
  const ref = { reference: 'Consent/new' }
  const [directive] = createConsentReader(engine.purposes).read([{ ref, resource }], at, 'UTC')
  if (directive === undefined) throw new Error('the reader gives a directive for each Consent')
  const question = formQuestion(engine, {
    at,
    patient: facts.patient?.reference ?? 'Patient/unknown',
    minor: false,
  })
  const unread = unfit(directive)
  const open = new Set(missing.map(({ linkId }) => linkId))
  // Of a form that lacks elements, or that cannot be read, the rest is a consequence.
  const gaps =
    open.size > 0 || unread.length > 0
      ? []
      : kindsOf(template, facts).flatMap(kind => lacking(kind, directive.form, question))
  const rows = asked === undefined ? [] : stateRows(engine, asked, directive.form, question)
  return {
    problems: [...unread, ...[...new Set(gaps)].map(gap => `lacks ${inWords(gap, templates)}`)],
    notes: asked === undefined ? [] : stateNotes(asked, template, rows),
  }
}

/** With the type that a draft is left without, so that the rest of it can be checked. */
function withType(consent: Resource, { provision: { type } }: FormTemplate): Resource {
  const provision = consent['provision'] as JsonObject
  return { ...consent, provision: { ...provision, type } }
}

/** The kinds of consent it must be; a form for one purpose alone may have to be another. */
function kindsOf({ meets, provision }: FormTemplate, { purposes }: FormFacts): readonly string[] {
  const alone = provision.alone?.find(({ code }) => purposes.length === 1 && purposes[0] === code)
  return alone?.meets ?? meets
}

function unfit({ state: found, why }: ConsentDirective): readonly string[] {
  return found === 'enforceable' ? [] : [`signed today it would be ${found}: ${why ?? ''}`]
}

function stateNotes(asked: string, template: FormTemplate, rows: readonly StateRow[]): readonly string[] {
  const own =
    template.state === undefined
      ? [
          `no form law of ${asked} is on file: the elements are those of ${template.citation}; have counsel check what ${asked} adds`,
        ]
      : []
  const answered = rows.map(({ id, citation, lacks }) =>
    lacks.length === 0 ? `answers ${id} (${citation})` : `not ${id} (${citation}): lacks ${lacks.join(', ')}`,
  )
  return [
    ...own,
    ...(rows.length === 0 ? [`no row of law of ${asked} that is on asks for a consent`] : answered),
  ]
}

function reported(
  { consent, missing, atSigning, reminders }: WrittenForm,
  { problems, notes }: Report,
): string {
  const status = String(consent['status'])
  const lines = [
    `status ${status}: it has no effect yet${status === 'draft' ? '; write it again with what is missing' : ''}`,
    ...(missing.length === 0 ? [] : ['still to be given:', ...missing.map(lineOf)]),
    ...(atSigning.length === 0 ? [] : ['to be taken when it is signed:', ...atSigning.map(lineOf)]),
    ...(problems.length === 0 ? [] : ['it would not do:', ...problems.map(one => `  ${one}`)]),
    ...(reminders.length === 0
      ? []
      : ['law also asks:', ...reminders.map(({ text, citation }) => `  ${text} (${citation})`)]),
    ...(notes.length === 0
      ? []
      : ['rows of law (consentry law tells what they say):', ...notes.map(one => `  ${one}`)]),
    ...(status === 'draft' ? [] : ['then set status to active and put it on file']),
  ]
  return `${lines.join('\n')}\n`
}

function lineOf({ linkId, citation, text, asks }: Missing): string {
  return `  ${linkId}  ${text} (${citation}): ${asks}`
}

import type { ConsentDirective, ConsentPolicy, ConsentQuestion, ConsentVerdict } from '../model/consent.ts'
import type { ConsentReader } from '../model/doors.ts'
import type { LabelledResource } from '../model/label.ts'
import type { ResidualRule } from '../model/requester.ts'
import type { Rule } from './compile.ts'
import { evaluate, type Prepared, prepare } from './evaluate.ts'
import { withClasses } from './form.ts'
import { coversPurposes, type QuestionView, questionView } from './question.ts'
import type { Compiled } from './reading.ts'
import { type CompiledResidual, compileResidual } from './residual.ts'
import { newestOnly } from './subject.ts'
import { ResourceView } from './view.ts'
import type { Vocabulary } from './vocabulary.ts'

/** One directive and one question, with every verdict that does not depend on the resource. */
interface Entry {
  readonly directive: ConsentDirective
  readonly subject: string | undefined
  readonly patient?: string
  /** One for each declared purpose; undefined where nothing of the Consent can match it any more. */
  readonly rules: readonly (Prepared | undefined)[]
  readonly silent: ConsentVerdict
  /** In the place of a permit, where the site asks for a verification and there is none. */
  readonly unverified?: ConsentVerdict
}

const SILENT = 'outside the limits of this Consent'

const UNVERIFIED = 'not verified with the patient or a related person'

/** Withheld, unless what cannot be read speaks of other purposes. */
function unreadEntry(
  directive: ConsentDirective,
  { purposes }: ConsentQuestion,
  vocabulary: Vocabulary,
): Entry {
  const { ref, form, why } = directive
  const { spokenOf } = directive.compiled as Compiled
  const said = { ref, form, path: 'Consent' }
  const silent: ConsentVerdict = coversPurposes(spokenOf, purposes, false, vocabulary.purposes)
    ? { ...said, effect: 'indeterminate', ...(why === undefined ? {} : { why }) }
    : { ...said, effect: 'not-covered', why: SILENT }
  return { directive, subject: undefined, rules: [], silent }
}

/** Each declared purpose must be permitted, by whichever provision; nothing else of the question differs. */
function eachPurpose(question: ConsentQuestion): readonly QuestionView[] {
  const view = questionView(question)
  if (question.purposes.length < 2) return [view]
  return question.purposes.map(purpose => ({ ...view, question: { ...question, purposes: [purpose] } }))
}

function entryOf(
  directive: ConsentDirective,
  question: ConsentQuestion,
  vocabulary: Vocabulary,
  { requireVerification = false }: ConsentPolicy,
): Entry {
  const { ref, patient } = directive
  const { rules: compiled, place } = directive.compiled as Compiled
  if (compiled === undefined) return unreadEntry(directive, question, vocabulary)
  const { isVerified, subject } = compiled
  const form = withClasses(directive.form, question.directory)
  const rules = eachPurpose(question).map(asked =>
    prepare(compiled.root, { question: asked, vocabulary, place, ref, form }),
  )
  const none = { ref, form, effect: 'not-covered', path: 'provision' } as const
  const unverified = requireVerification && !isVerified(question.at.getTime())
  return {
    directive,
    subject,
    ...(patient === undefined ? {} : { patient }),
    rules,
    silent: { ...none, why: SILENT },
    ...(unverified ? { unverified: { ...none, path: 'Consent.verification', why: UNVERIFIED } } : {}),
  }
}

function entriesOf(
  directives: readonly ConsentDirective[],
  question: ConsentQuestion,
  vocabulary: Vocabulary,
  policy: ConsentPolicy,
): readonly Entry[] {
  return directives
    .filter(({ state }) => state === 'enforceable' || state === 'unreadable')
    .map(directive => entryOf(directive, question, vocabulary, policy))
}

/** A permit never reaches the record of another patient; a refusal is not dropped for a name that does not match. */
function isAbout({ patient }: Entry, patients: readonly string[]): boolean {
  return patient === undefined || patients.length === 0 || patients.includes(patient)
}

/** What the rules say for all declared purposes: a deny for one is enough, a permit must be one for each. */
function said({ rules }: Entry, view: ResourceView, question: ConsentQuestion): ConsentVerdict | undefined {
  let permit: ConsentVerdict | undefined
  let open = false
  for (const rule of rules) {
    const verdict = rule === undefined ? undefined : evaluate(rule, view, question)
    if (verdict?.effect === 'deny') return verdict
    if (verdict === undefined) open = true
    permit ??= verdict
  }
  return open ? undefined : permit
}

function verdictOf(entry: Entry, view: ResourceView, question: ConsentQuestion): ConsentVerdict {
  const verdict = said(entry, view, question)
  if (verdict === undefined) return entry.silent
  if (verdict.effect === 'deny') return verdict
  return isAbout(entry, view.labelled.facts.patients) ? (entry.unverified ?? verdict) : entry.silent
}

function matchesRule(rule: Rule, about: Parameters<typeof prepare>[1], view: ResourceView): boolean {
  const prepared = prepare(rule, about)
  return prepared !== undefined && evaluate(prepared, view, about.question.question) !== undefined
}

/** The views of resources, each made once. */
function createViews(vocabulary: Vocabulary): (resource: LabelledResource) => ResourceView {
  const views = new WeakMap<LabelledResource, ResourceView>()
  return resource => {
    const known = views.get(resource)
    if (known !== undefined) return known
    const view = new ResourceView(resource, vocabulary.labels.hierarchy)
    views.set(resource, view)
    return view
  }
}

/** Answers of all directives for one resource; what the question alone decides is worked out once per question. */
export function createAsking(vocabulary: Vocabulary, policy: ConsentPolicy): ConsentReader['ask'] {
  const viewFor = createViews(vocabulary)
  const known = new WeakMap<ConsentQuestion, WeakMap<readonly ConsentDirective[], readonly Entry[]>>()
  return (directives, question, resource) => {
    let answered = known.get(question)
    if (answered === undefined) {
      answered = new WeakMap()
      known.set(question, answered)
    }
    let entries = answered.get(directives)
    if (entries === undefined) {
      entries = entriesOf(directives, question, vocabulary, policy)
      answered.set(directives, entries)
    }
    const view = viewFor(resource)
    if (policy.newestWins !== true) return entries.map(entry => verdictOf(entry, view, question))
    return newestOnly(
      entries.map(entry => {
        const { directive, subject } = entry
        return { directive, subject, verdict: verdictOf(entry, view, question) }
      }),
    )
  }
}

const NO_CONSENT = { reference: 'token' }
const NO_FORM = {
  policies: [],
  signed: false,
  dated: false,
  signers: [],
  purposes: [],
  labels: [],
  recipients: [],
  disclosers: [],
  items: {},
}

/**
 * IHE PCF residual rules (ITI-71, extensions.ihe_pcf.residual): a permit that applies overrides a forbid that applies;
 * where no forbid applies all is permitted.
 */
export function createResidual(vocabulary: Vocabulary, bases: readonly string[]): ConsentReader['residual'] {
  const viewFor = createViews(vocabulary)
  const known = new WeakMap<
    readonly ResidualRule[],
    { readonly zone: string; readonly compiled: CompiledResidual }
  >()
  return (rules, question, resource) => {
    const { zone } = question
    let entry = known.get(rules)
    if (entry === undefined || entry.zone !== zone) {
      entry = { zone, compiled: compileResidual(rules, { bases }, zone, vocabulary) }
      known.set(rules, entry)
    }
    const { compiled } = entry
    const about = {
      question: questionView(question),
      vocabulary,
      place: { bases },
      ref: NO_CONSENT,
      form: NO_FORM,
    }
    const view = viewFor(resource)
    const applies = (type: Rule['type']) =>
      compiled.rules.some(rule => rule.type === type && matchesRule(rule, about, view))
    if (applies('permit')) return 'permit'
    return compiled.unreadable || applies('deny') ? 'deny' : 'permit'
  }
}

import type { ConsentForm, ConsentQuestion, ConsentRef, ConsentVerdict } from '../model/consent.ts'
import { isAmong } from './actors.ts'
import type { Rule } from './compile.ts'
import { authorActors, originReferences } from './data.ts'
import { type Identities, identitiesOf } from './identities.ts'
import { coversAction, coversPurposes, coversRecipients, type QuestionView } from './question.ts'
import { type Place, typeOfReference } from './references.ts'
import type { Actor } from './roles.ts'
import type { Selector } from './selectors.ts'
import type { ResourceView } from './view.ts'
import type { Vocabulary } from './vocabulary.ts'

/** A rule with the question already answered: what is left depends on the resource alone. */
export interface Prepared {
  readonly verdict: ConsentVerdict
  /** False where the question itself is outside the rule; its children may still speak. */
  readonly live: boolean
  readonly tests: readonly Selector[]
  readonly children: readonly Prepared[]
}

interface Preparing {
  readonly question: QuestionView
  readonly vocabulary: Vocabulary
  readonly place: Place
  readonly ref: ConsentRef
  readonly form: ConsentForm
}

function isAsked(rule: Rule, { question, vocabulary }: Preparing): boolean {
  const strict = rule.type === 'permit'
  const { at, question: asked } = question
  if (at < rule.span.start || at >= rule.span.end || (strict && rule.unplaced)) return false
  if (!coversPurposes(rule.within, asked.purposes, strict, vocabulary.purposes)) return false
  return (
    coversAction(rule.elements.action, asked.action, strict) &&
    coversPurposes(rule.purposes, asked.purposes, strict, vocabulary.purposes) &&
    coversRecipients(rule.recipients, question, strict)
  )
}

/** Whether the question names anybody in that role; being unread is not being unnamed. */
function isSomebody({ references, identifiers }: Identities): boolean {
  return references.size > 0 || identifiers.size > 0
}

/** Whose data: the one who would disclose, or the organization the record comes from. */
function fromDiscloser(
  actors: readonly Actor[],
  view: ResourceView,
  { question, place }: Preparing,
  strict: boolean,
): boolean {
  const { disclosers, context } = question
  const { source, facts } = view.labelled
  const asked = isSomebody(disclosers)
  if (asked && isAmong(actors, disclosers, context, strict)) return true
  if (source !== undefined) {
    return isAmong(actors, identitiesOf([{ reference: source }], context.directory), context, strict)
  }
  if (strict) return false
  const references = [
    ...facts.sourceReferences.map(reference => ({ reference })),
    ...authorActors(view, place),
  ]
  if (!asked) return true
  return references.length > 0 && isAmong(actors, identitiesOf(references, context.directory), context, false)
}

/** Who made it: the source of the question, of the record, or an author the record names. */
function fromSource(
  actors: readonly Actor[],
  view: ResourceView,
  { question, place }: Preparing,
  strict: boolean,
): boolean {
  const { sources, context } = question
  if (isSomebody(sources) && isAmong(actors, sources, context, strict)) return true
  const { source } = view.labelled
  const makers = [...(source === undefined ? [] : [{ reference: source }]), ...authorActors(view, place)]
  const origins = originReferences(view, place).map(reference => ({ reference }))
  if (strict || origins.length === 0) {
    return isAmong(actors, identitiesOf(makers, context.directory), context, strict)
  }
  // Where it comes from may be more than who signed it: a deny of a place reaches what happened there. Of a record that
  // names a place alone nobody can tell who made it.
  const all = identitiesOf([...makers, ...origins], context.directory)
  const unnamed = ({ reference = '' }: Actor) => !all.types.has(typeOfReference(reference))
  return isAmong(actors, all, context, false) || (makers.length === 0 && actors.some(unnamed))
}

function testsOf(rule: Rule, preparing: Preparing): Prepared['tests'] {
  const strict = rule.type === 'permit'
  const tests: Selector[] = [...rule.selectors]
  const { disclosers, sources } = rule
  if (disclosers.length > 0) tests.push(view => fromDiscloser(disclosers, view, preparing, strict))
  if (sources.length > 0) tests.push(view => fromSource(sources, view, preparing, strict))
  return tests
}

/** Answers the question's side of a rule and drops what can no longer match. */
export function prepare(rule: Rule, preparing: Preparing): Prepared | undefined {
  const children = rule.children.flatMap(child => prepare(child, preparing) ?? [])
  const live = rule.silent !== true && isAsked(rule, preparing)
  if (!live && children.length === 0) return undefined
  const { ref, form } = preparing
  const verdict = { ref, effect: rule.type, path: rule.path, form }
  return { verdict, live, tests: live ? testsOf(rule, preparing) : [], children }
}

function holds(rule: Prepared, view: ResourceView, question: ConsentQuestion): boolean {
  if (!rule.live) return false
  for (const test of rule.tests) if (!test(view, question)) return false
  return true
}

/**
 * The deepest matching rule of each branch decides it, a deny among branches decides all. Undefined where no rule
 * matches: the Consent does not speak of this resource.
 */
export function evaluate(
  rule: Prepared,
  view: ResourceView,
  question: ConsentQuestion,
): ConsentVerdict | undefined {
  let permit: ConsentVerdict | undefined
  for (const child of rule.children) {
    const verdict = evaluate(child, view, question)
    if (verdict?.effect === 'deny') return verdict
    permit ??= verdict
  }
  return permit ?? (holds(rule, view, question) ? rule.verdict : undefined)
}

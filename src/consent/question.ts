import type { ConsentQuestion } from '../model/consent.ts'
import { type Coding, SYSTEM } from '../model/fhir.ts'
import { type ActorContext, isAmong } from './actors.ts'
import { systemOf } from './codes.ts'
import type { Hierarchy } from './hierarchy.ts'
import { type Identities, identitiesOf } from './identities.ts'
import type { Actor } from './roles.ts'

/** One question with the closures of everybody it names, worked out once. */
export interface QuestionView {
  readonly question: ConsentQuestion
  readonly at: number
  readonly context: ActorContext
  readonly recipients: Identities
  readonly disclosers: Identities
  readonly sources: Identities
}

const views = new WeakMap<ConsentQuestion, QuestionView>()

/** The view of a question; a question is a value and is looked at once. */
export function questionView(question: ConsentQuestion): QuestionView {
  const known = views.get(question)
  if (known !== undefined) return known
  const view = lookAt(question)
  views.set(question, view)
  return view
}

function lookAt(question: ConsentQuestion): QuestionView {
  const { directory } = question
  const of = (role: 'recipient' | 'discloser' | 'source') =>
    identitiesOf(
      question.actors.filter(actor => actor.role === role),
      directory,
    )
  const at = question.at.getTime()
  const recipientClasses = new Set(question.recipientClasses)
  return {
    question,
    at,
    context: { directory, recipientClasses, at, zone: question.zone },
    recipients: of('recipient'),
    disclosers: of('discloser'),
    sources: of('source'),
  }
}

/** Permitted by a rule that names the codes on the right: reading and being disclosed to are one act seen from two sides. */
const PERMITTED_BY: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    access: ['access', 'disclose', 'correct'],
    disclose: ['disclose', 'access', 'correct'],
    use: ['use', 'access', 'correct'],
    collect: ['collect'],
    correct: ['correct'],
  }),
)
/** A rule without action is about reading; writes have their own rules. */
const PERMITTED_BY_DEFAULT = new Set(['access', 'disclose', 'use'])

const DENIED_BY: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    access: ['access', 'disclose', 'use'],
    disclose: ['access', 'disclose', 'use'],
    use: ['access', 'use'],
    collect: ['access', 'collect'],
    correct: ['access', 'correct'],
  }),
)

const ACTIONS = new Set(PERMITTED_BY.keys())

/** Whether a rule's `action` covers the action asked for. https://hl7.org/fhir/R4/valueset-consent-action.html */
export function coversAction(
  actions: readonly (readonly Coding[])[] | undefined,
  asked: string,
  strict: boolean,
): boolean {
  if (actions === undefined) return !strict || PERMITTED_BY_DEFAULT.has(asked)
  const codes = actions.flat().map(({ code }) => code)
  if (strict) return codes.some(code => PERMITTED_BY.get(asked)?.includes(code) === true)
  const unknown = actions.some(codings => !codings.some(({ code }) => ACTIONS.has(code)))
  return unknown || (DENIED_BY.get(asked)?.some(code => codes.includes(code)) ?? true)
}

/** Purposes a reader was made with. */
export interface PurposeVocabulary {
  readonly hierarchy: Hierarchy
  /** Codes that only a permit which names them covers, whatever the tree says: BTG, HLEGAL. */
  readonly explicitOnly: ReadonlySet<string>
  /** Other spellings, `system|code` → v3-ActReason code. */
  readonly map: ReadonlyMap<string, string>
}

/** One purpose of a rule: the v3-ActReason or local code, or `system|code` of a system that is not ours. */
export interface PurposeTerm {
  readonly code: string
  readonly known: boolean
}

export function purposeTerm(coding: Coding, { hierarchy, map }: PurposeVocabulary): PurposeTerm {
  const system = systemOf(coding.system)
  const mapped = map.get(`${coding.system}|${coding.code}`) ?? map.get(`${system}|${coding.code}`)
  if (mapped !== undefined) return { code: mapped, known: true }
  const ours = system === '' || system === SYSTEM.actReason || system === SYSTEM.local
  return ours
    ? { code: coding.code, known: hierarchy.knows(coding.code) }
    : { code: `${system}|${coding.code}`, known: false }
}

function permitsPurpose(
  term: PurposeTerm,
  asked: string,
  { hierarchy, explicitOnly }: PurposeVocabulary,
): boolean {
  if (term.code === asked) return true
  if (!term.known) return !hierarchy.knows(asked) && term.code.endsWith(`|${asked}`)
  return !explicitOnly.has(asked) && hierarchy.within(asked, term.code)
}

/** Every declared purpose must be permitted, one denied is enough; an undeclared one meets denies alone. */
export function coversPurposes(
  terms: readonly PurposeTerm[] | undefined,
  asked: readonly string[],
  strict: boolean,
  vocabulary: PurposeVocabulary,
): boolean {
  if (terms === undefined) return true
  if (strict) {
    return asked.length > 0 && asked.every(code => terms.some(term => permitsPurpose(term, code, vocabulary)))
  }
  if (asked.length === 0 || terms.some(({ known }) => !known)) return true
  const { hierarchy } = vocabulary
  return asked.some(code => !hierarchy.knows(code) || terms.some(term => hierarchy.within(code, term.code)))
}

export function coversRecipients(actors: readonly Actor[], view: QuestionView, strict: boolean): boolean {
  return actors.length === 0 || isAmong(actors, view.recipients, view.context, strict)
}

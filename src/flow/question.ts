import { Buffer } from 'node:buffer'
import { hash } from 'node:crypto'
import { referrersWithin } from '../label/referrers.ts'
import type { ConsentDirective, ConsentQuestion, ConsentVerdict, Directory } from '../model/consent.ts'
import type { DecidedResource, DecisionContext } from '../model/decision.ts'
import type { ConsentReader, Decider, LabelContext, Labeller, Referrers } from '../model/doors.ts'
import type { Resource } from '../model/fhir.ts'
import type { LabelledResource, ResourceFacts } from '../model/label.ts'
import { type ProgramNames, programNames } from '../model/programs.ts'
import type { Answer, AnsweredResource, Question } from '../model/question.ts'
import { type RecipientClass, recipientClassesOf } from '../model/recipient.ts'
import { recipientOf } from '../model/requester.ts'
import { askingConsents } from './asking.ts'
import { type HidesProgram, programReferences } from './programs.ts'
import { readConsents } from './question-consents.ts'
import { custodianOf, patientsOf, purposesOf, registryOf, requesterOf } from './question-facts.ts'
import { visibleBehind, withThrough } from './through.ts'
import { trusted } from './trusted-labels.ts'

/** What answering a question needs: the same deciding rooms as the proxy, and no upstream. */
export interface QuestionRooms {
  readonly labellerFor: (question: Question) => Labeller
  readonly consent: ConsentReader
  readonly decider: Decider
  /** The word for a request as a whole. */
  readonly overall: (
    decided: readonly DecidedResource[],
    verdicts?: readonly ConsentVerdict[],
  ) => Answer['decision']
  readonly purposeMap: Readonly<Record<string, string>>
  readonly recipientClasses: readonly RecipientClass[]
  readonly revision: string
}

export interface QuestionOptions {
  /** `none`: Consents alone, without law packs. */
  readonly policy: 'law' | 'none'
  /** Take `meta.security` as it stands instead of running the labeller. */
  readonly trustLabels: boolean
}

/** A question answered, with the decided resources beside the printable answer (for `segment`). */
export interface Answered {
  readonly answer: Answer
  readonly decided: readonly DecidedResource[]
  readonly directives: ReadonlyMap<string, readonly ConsentDirective[]>
  readonly hidesProgram: HidesProgram
  /** Who would get it, for pseudonyms. */
  readonly recipient: string
  /** Labels a stand-in under the same question: as a record of unknown source, as a part of a record. */
  readonly labelAlone: (facts: ResourceFacts) => LabelledResource
  readonly labelPart: (facts: ResourceFacts) => LabelledResource
  /** Decides what is labelled already under the same question. */
  readonly decide: (labelled: readonly LabelledResource[]) => readonly DecidedResource[]
}

/** Answers one question (`profiles/deployment/question.schema.json`): label, read the Consents, decide; the rooms are those of the proxy. */
export function answerQuestion(rooms: QuestionRooms, question: Question, options: QuestionOptions): Answered {
  const facts = gatherFacts(rooms, question)
  const labelled = facts.resources.map(one => (options.trustLabels ? trusted(one) : labelOne(facts, one)))
  const shared = decisionFacts(rooms, question, options, facts)
  const decided = withThrough(
    rooms.decider.decide(shared.context, labelled, shared.ask),
    visibleBehind(labelled, {
      look: reference => facts.look(reference),
      label: one => labelOne(facts, one),
      decide: others => rooms.decider.decide(shared.context, others, shared.ask),
    }),
  )
  const asked = facts.patients.map(patient => classQuestion(question, facts.labeller, patient))
  const word = wordFor(rooms, question, options, decided, asked, shared)
  const { directives } = shared
  const decide: Answered['decide'] = others => rooms.decider.decide(shared.context, others, shared.ask)
  return {
    answer: toAnswer(rooms, question, decided, directives, word),
    decided,
    directives,
    decide,
    labelPart: labelOne.bind(undefined, facts),
    labelAlone: one => facts.labeller.label(one, () => 'absent', { at: facts.at, programs: facts.programs }),
    hidesProgram: programReferences(() => facts.programs, decide),
    recipient: recipientOf(shared.context.requester),
  }
}

function labelOne(facts: GatheredFacts, one: ResourceFacts): LabelledResource {
  return facts.labeller.label(one, facts.look, facts.labelContext(one), facts.referrers)
}

interface GatheredFacts {
  readonly labeller: Labeller
  readonly at: Date
  readonly resources: readonly ResourceFacts[]
  readonly look: (reference: string) => ResourceFacts | 'absent' | undefined
  readonly referrers: Referrers
  readonly labelContext: (facts: ResourceFacts) => LabelContext
  readonly programs: ProgramNames
  readonly patients: readonly string[]
  readonly birthDates: ReadonlyMap<string, string>
  readonly directory: Directory
}

function gatherFacts(rooms: QuestionRooms, question: Question): GatheredFacts {
  const labeller = rooms.labellerFor(question)
  const at = new Date(question.at)
  const assess = (resource: Resource): ResourceFacts => {
    const bytes = Buffer.from(JSON.stringify(resource))
    return labeller.assess({ bytes, hash: hash('sha256', bytes, 'base64url') })
  }
  const { references, whole } = patientsOf(question)
  const given = question.resources ?? []
  const asked = given.some(({ resourceType, id }) => `${resourceType}/${id ?? ''}` === references[0])
  const resources = [...(asked || given.length === 0 ? [] : whole.slice(0, 1)), ...given].map(assess)
  const byReference = new Map<string, ResourceFacts>()
  const directory = new Map<string, Resource>()
  // The chart too: `data` of a Consent names records, and what they refer to (R4 related).
  for (const resource of given) directory.set(`${resource.resourceType}/${resource.id ?? ''}`, resource)
  for (const resource of [...(question.directory ?? []), ...whole, ...question.consents]) {
    byReference.set(`${resource.resourceType}/${resource.id ?? ''}`, assess(resource))
    directory.set(`${resource.resourceType}/${resource.id ?? ''}`, resource)
  }
  for (const one of resources) byReference.set(one.reference, one)
  const unresolvable = new Set(question.unresolvable ?? [])
  const birthDates = new Map<string, string>()
  for (const patient of whole)
    if (typeof patient['birthDate'] === 'string')
      birthDates.set(`Patient/${patient.id ?? ''}`, patient['birthDate'])
  const programs = programNames(registryOf(question), question.directory ?? [])
  return {
    labeller,
    at,
    programs,
    resources,
    referrers: referrersWithin([...byReference.values()]),
    look: reference => (unresolvable.has(reference) ? undefined : (byReference.get(reference) ?? 'absent')),
    labelContext: one => {
      const birthDate = one.patients[0] === undefined ? undefined : birthDates.get(one.patients[0])
      return { at, programs, ...(birthDate === undefined ? {} : { birthDate }) }
    },
    patients: references,
    birthDates,
    directory: {
      resolve: reference => (unresolvable.has(reference) ? undefined : directory.get(reference)),
      unresolvable: reference => unresolvable.has(reference),
    },
  }
}

function decisionFacts(
  rooms: QuestionRooms,
  question: Question,
  options: QuestionOptions,
  facts: GatheredFacts,
) {
  const zone = question.zone ?? 'UTC'
  const requester = requesterOf(question)
  const purposes = purposesOf(question, rooms.purposeMap, options.policy)
  const custodian = custodianOf(question)
  const action = typeof question.action === 'string' ? question.action : (question.action?.code ?? 'access')
  const patients = new Set([...facts.patients, ...facts.resources.flatMap(one => one.patients)])
  const directives = readConsents(rooms.consent, question, [...patients], facts.at, zone)
  const consentQuestion: ConsentQuestion = {
    at: facts.at,
    zone,
    action: action === 'disclose' ? 'access' : action,
    purposes,
    actors: [
      ...requester.actors,
      ...(question.custodian?.organization === undefined
        ? []
        : [{ role: 'discloser', reference: custodian.organization } as const]),
    ],
    recipientClasses: recipientClassesOf(rooms.recipientClasses, requester),
    directory: facts.directory,
    ...(question.class === undefined ? {} : { classes: question.class }),
  }
  const context: DecisionContext = {
    at: facts.at,
    zone,
    custodian,
    registry: registryOf(question),
    requester,
    purposes,
    action,
    directory: facts.directory,
    ...(question.defaultPolicy === undefined ? {} : { defaultPolicy: question.defaultPolicy }),
    policy: options.policy,
    consents: directives,
    birthDates: facts.birthDates,
    organizationPolicy: [],
  }
  const ask = askingConsents(rooms.consent, directives, consentQuestion)
  return { context, ask, directives, consentQuestion }
}

/** What no resource stands for is asked of an unlabelled one of the class in question. */
function classQuestion(question: Question, labeller: Labeller, patient: string): LabelledResource {
  const type = question.class?.find(({ code }) => /^[A-Z]/.test(code))?.code ?? 'Basic'
  const resource = { resourceType: type, id: 'asked', subject: { reference: patient } }
  const bytes = Buffer.from(JSON.stringify(resource))
  return trusted(labeller.assess({ bytes, hash: hash('sha256', bytes, 'base64url') }))
}

/**
 * The word for the request: what becomes of the resources, where law decides or a class of data is asked for; else, for
 * Consents alone, what holds for data that no selector singles out, the resources being permitted with redaction.
 */
function wordFor(
  { overall, decider, consent }: QuestionRooms,
  question: Question,
  { policy }: QuestionOptions,
  decided: readonly DecidedResource[],
  asked: readonly LabelledResource[],
  { context, ask, directives, consentQuestion }: ReturnType<typeof decisionFacts>,
): Answer['decision'] {
  if (decided.some(({ decision }) => decision.effect !== 'deny')) return 'permit'
  if (decided.length > 0 && (policy === 'law' || question.class !== undefined)) return overall(decided)
  const onFile = (patient: string) => directives.get(patient) ?? []
  const words = asked.map(one =>
    policy === 'none'
      ? overall(decider.decide(context, [one], ask))
      : overall([], consent.ask(onFile(one.facts.patients[0] ?? ''), consentQuestion, one)),
  )
  const word = STRICTEST.find(each => words.includes(each)) ?? 'no-consent'
  return word === 'indeterminate' && [...directives.values()].flat().some(mayMeanTheOpposite) ? 'deny' : word
}

/** Every patient must permit. */
const STRICTEST = ['deny', 'indeterminate', 'no-consent', 'permit'] as const

/** A modifier that is not understood may negate what it stands on (R4, Extensibility): a refusal, not a doubt. */
function mayMeanTheOpposite({ state, why }: ConsentDirective): boolean {
  return state === 'unreadable' && why?.includes('modifierExtension') === true
}

function toAnswer(
  rooms: QuestionRooms,
  question: Question,
  decided: readonly DecidedResource[],
  directives: ReadonlyMap<string, readonly ConsentDirective[]>,
  decision: Answer['decision'],
): Answer {
  const unread = [...directives.values()].flat().filter(({ state }) => state === 'unreadable')
  return {
    ...(question.id === undefined ? {} : { id: question.id }),
    decision,
    revision: rooms.revision,
    resources: Object.fromEntries(decided.map(one => [one.labelled.facts.reference, answered(one)])),
    obligations: owed(decided),
    notices: [...new Set(decided.flatMap(one => one.decision.notices))],
    ...(unread.length === 0
      ? {}
      : { unread: unread.map(({ ref, why }) => ({ consent: ref.reference, why: why ?? 'unreadable' })) }),
  }
}

/** Released Part 2 records that name their patient tell that the person is one; nothing is left then to keep silent about. */
function owed(decided: readonly DecidedResource[]): readonly string[] {
  const told = decided.some(
    ({ labelled, decision }) =>
      labelled.part2 && decision.effect !== 'deny' && !decision.obligations.includes('DEIDENTIFY'),
  )
  const all = new Set(decided.flatMap(one => one.decision.obligations))
  if (told) all.delete('P2_NO_REVEAL')
  return [...all]
}

/** One decided resource in the words of the answer. */
export function answered({ labelled, decision }: DecidedResource): AnsweredResource {
  return {
    effect: decision.effect,
    labels: [labelled.confidentiality, ...labelled.codes],
    because: decision.because.map(({ consent, ...reason }) => ({
      ...reason,
      ...(consent === undefined ? {} : { consent: consent.reference }),
    })),
    obligations: decision.obligations,
    caveats: decision.caveats,
    ...(decision.redact.length === 0 ? {} : { redacted: decision.redact }),
  }
}

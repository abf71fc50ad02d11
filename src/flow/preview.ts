import type { Configuration } from '../model/configuration.ts'
import type { ConsentDirective } from '../model/consent.ts'
import type { DecidedResource, Reason } from '../model/decision.ts'
import type { Segmenter } from '../model/doors.ts'
import { type JsonValue, type Resource, SYSTEM } from '../model/fhir.ts'
import type { Label } from '../model/label.ts'
import type { Question } from '../model/question.ts'
import type { Requester } from '../model/requester.ts'
import type { PreviewChart } from './preview-chart.ts'
import { type Answered, answerQuestion, type QuestionRooms } from './question.ts'
import { releasedBundle } from './question-bundle.ts'
import { withDocumentsRead } from './question-documents.ts'

/** One resource of a preview. */
export interface PreviewedResource {
  readonly reference: string
  readonly type: string
  readonly outcome: 'released' | 'redacted' | 'withheld'
  /** Confidentiality and codes. */
  readonly labels: readonly string[]
  /** Categories of `labels/` it belongs to; a label that comes from elsewhere stands for itself. */
  readonly categories: readonly string[]
  /** Elements it would leave without. */
  readonly without: readonly string[]
  readonly because: readonly Reason[]
  readonly obligations: readonly string[]
}

/** What one requester would see of one patient, and why. */
export interface Preview {
  readonly decision: Answered['answer']['decision']
  readonly resources: readonly PreviewedResource[]
  readonly directives: readonly ConsentDirective[]
  readonly obligations: readonly string[]
  readonly notices: readonly string[]
}

export type PreviewSite = Pick<Configuration, 'custodian' | 'registry' | 'policy'>

/**
 * The question that the gateway would answer for this requester about the whole chart: the facts of configuration,
 * registration and upstream in one place. `decide` answers it too, by the built-in policy.
 */
export function previewQuestion(
  { custodian, registry, policy }: PreviewSite,
  requester: Requester,
  purposes: readonly string[],
  chart: PreviewChart,
  at: Date,
): Question {
  const { other, agreements, ...registered } = registry
  const own = requester.registration?.agreements ?? []
  return {
    at: at.toISOString(),
    zone: policy.zone,
    custodian,
    registry: {
      ...other,
      ...registered,
      // Agreements registered with the client bind it by whatever name.
      agreements: [...agreements, ...own.map(one => ({ ...one, party: requester.client }))],
    },
    requester: requesterOf(requester),
    purposeOfUse: purposes.map(code => ({ code })),
    action: requester.organization === custodian.organization ? 'use' : 'disclose',
    patient: chart.patient,
    otherPatients: chart.otherPatients,
    directory: chart.directory,
    unresolvable: chart.unresolvable,
    consents: chart.consents,
    ...(policy.defaultPolicy === 'law' ? {} : { defaultPolicy: policy.defaultPolicy }),
    resources: chart.resources,
  }
}

function requesterOf(requester: Requester): Question['requester'] {
  const { client, organization, state, hipaa, part2, role, user, relationship, actors, claims } = requester
  return {
    client,
    ...(organization === undefined ? {} : { organization }),
    ...(state === undefined ? {} : { state }),
    hipaa,
    part2,
    ...(role === undefined ? {} : { role }),
    ...(user === undefined ? {} : { user }),
    ...(relationship === undefined ? {} : { relationship }),
    actors,
    claims,
  }
}

/** Answers the question of a preview by the rooms of the site, and segments the answer without letting it leave. */
export async function preview(
  rooms: QuestionRooms,
  segmenter: Segmenter,
  question: Question,
  categories: ReadonlySet<string>,
): Promise<Preview> {
  const read = await withDocumentsRead(rooms, question)
  const answered = answerQuestion(read, question, { policy: 'law', trustLabels: false })
  const { answer, decided, directives } = answered
  const leaving = leavingResources(segmenter, answered)
  const given = new Map((question.resources ?? []).map(one => [`${one.resourceType}/${one.id ?? ''}`, one]))
  return {
    decision: answer.decision,
    obligations: answer.obligations,
    notices: answer.notices,
    directives: [...new Set([...directives.values()].flat())],
    resources: decided.map(one => {
      const { reference } = one.labelled.facts
      return previewed(one, given.get(reference), leaving.get(reference), { segmenter, categories })
    }),
  }
}

/** What would leave, by reference: the matches of the searchset, in the bytes they would have. */
function leavingResources(segmenter: Segmenter, answered: Answered): ReadonlyMap<string, Resource> {
  const { body } = releasedBundle(segmenter, answered)
  const bundle = JSON.parse(Buffer.from(body).toString('utf8')) as {
    entry?: readonly { resource: Resource; search?: { mode?: string } }[]
  }
  const matches = (bundle.entry ?? []).filter(({ search }) => search?.mode === 'match')
  return new Map(matches.map(({ resource }) => [`${resource.resourceType}/${resource.id ?? ''}`, resource]))
}

function previewed(
  { labelled, decision }: DecidedResource,
  whole: Resource | undefined,
  leaves: Resource | undefined,
  { segmenter, categories }: { segmenter: Segmenter; categories: ReadonlySet<string> },
): PreviewedResource {
  const without = whole === undefined || leaves === undefined ? [] : missingFrom(whole, leaves)
  const duty =
    decision.effect === 'deny' ? undefined : segmenter.undischargeable(decision, labelled.facts.type)
  const isRedacted = decision.effect === 'redact' || without.length > 0
  return {
    reference: labelled.facts.reference,
    type: labelled.facts.type,
    outcome: leaves === undefined ? 'withheld' : isRedacted ? 'redacted' : 'released',
    labels: [labelled.confidentiality, ...labelled.codes],
    categories: categoriesOf(labelled.labels, categories),
    without,
    because:
      duty === undefined
        ? decision.because
        : [
            { rule: `undischargeable:${duty}`, source: 'purpose', effect: 'deny', ground: '171.204(a)(2)' },
            ...decision.because,
          ],
    obligations: decision.obligations,
  }
}

/** Rules of `labels/` are named `category/rule`. */
function categoriesOf(labels: readonly Label[], known: ReadonlySet<string>): readonly string[] {
  const found = labels
    .filter(({ system }) => system !== SYSTEM.confidentiality)
    .map(({ rule, code }) => {
      const category = rule.split('/')[0] ?? ''
      return known.has(category) ? category : code
    })
  return [...new Set(found)].sort()
}

/** Strings that are written anew for the gateway and say the same. */
const REWRITTEN = new Set(['reference', 'url', 'fullUrl'])

/**
 * Elements of `whole` that are not, or not all, in `left`: paths without indexes. `meta`, additions and links that were
 * written anew do not count.
 */
export function missingFrom(whole: Resource, left: Resource): readonly string[] {
  const paths = new Set<string>()
  collect(whole, left, '', paths)
  return [...paths].sort()
}

function collect(
  whole: JsonValue | undefined,
  left: JsonValue | undefined,
  path: string,
  into: Set<string>,
): void {
  if (whole === undefined) return
  if (left === undefined) into.add(path)
  else if (Array.isArray(whole)) collectList(whole, Array.isArray(left) ? left : [left], path, into)
  else if (isObject(whole)) collectMembers(whole, isObject(left) ? left : {}, path, into)
  else if (typeof whole === 'string' && whole !== left && !REWRITTEN.has(path.split('.').at(-1) ?? ''))
    into.add(path)
}

function collectMembers(
  whole: { readonly [key: string]: JsonValue | undefined },
  left: { readonly [key: string]: JsonValue | undefined },
  path: string,
  into: Set<string>,
): void {
  for (const [key, value] of Object.entries(whole)) {
    const at = path === '' ? key : `${path}.${key}`
    if (at !== 'meta') collect(value, left[key], at, into)
  }
}

/** A list that became shorter is told as a whole: which of its items went may not be told from what is left. */
function collectList(
  whole: readonly JsonValue[],
  left: readonly JsonValue[],
  path: string,
  into: Set<string>,
): void {
  if (left.length < whole.length) into.add(path)
  else for (const [index, item] of whole.entries()) collect(item, left[index], path, into)
}

function isObject(value: JsonValue | undefined): value is { readonly [key: string]: JsonValue | undefined } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

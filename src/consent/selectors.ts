import type { ConsentQuestion } from '../model/consent.ts'
import { type Coding, SYSTEM } from '../model/fhir.ts'
import { type CodeTerm, codeTerm, hasCode, isHl7System, systemOf } from './codes.ts'
import type { Span } from './dates.ts'
import type { Hierarchy } from './hierarchy.ts'
import { type ResourceView, rankOf } from './view.ts'

/**
 * What a rule demands of a resource. `strict` (a permit) asks for certainty, otherwise (a deny) what cannot be ruled out
 * counts: unknown is never a match of a permit and always one of a deny.
 */
export type Selector = (view: ResourceView, question: ConsentQuestion) => boolean

/** Vocabulary of labels a reader was made with. */
export interface LabelVocabulary {
  readonly hierarchy: Hierarchy
  /** Policy codes (42CFRPart2 …): compared as they are, no sensitivities. */
  readonly policies: ReadonlySet<string>
  /** Codes that a deny of the key means in everyday use, though the hierarchy does not say so. */
  readonly denyAlso: ReadonlyMap<string, readonly string[]>
  /** Codes that a permit of the key covers by its definition, though the hierarchy does not say so. */
  readonly permitAlso: ReadonlyMap<string, readonly string[]>
  /** Codes that stand on a resource because of the key: a permit of the key need not name them there. */
  readonly implied: ReadonlyMap<string, readonly string[]>
  /** Codes that say whose record it is and no subject: beside a named one they need no name. */
  readonly markers: readonly string[]
  /** Purpose codes, which may stand as labels too. */
  readonly isPurpose: (code: string) => boolean
  /** Systems whose labels stand on every record they fit, so that one that is not there is known to be absent. */
  readonly complete: ReadonlySet<string>
}

interface LabelTerms {
  readonly ranks: readonly number[]
  readonly sensitivities: readonly string[]
  readonly policies: readonly string[]
  /** Codes nobody here knows, of systems that the upstream uses completely. */
  readonly exact: readonly string[]
  /** A code nobody here knows: never ruled out on a deny. */
  readonly unknown: boolean
}

function isConfidentiality(system: string, code: string): boolean {
  return rankOf(code) >= 0 && (system === SYSTEM.confidentiality || system === '')
}

function labelTerms(labels: readonly Coding[], vocabulary: LabelVocabulary): LabelTerms {
  const terms = {
    ranks: [] as number[],
    sensitivities: [] as string[],
    policies: [] as string[],
    exact: [] as string[],
    unknown: false,
  }
  for (const { system: url, code } of labels) {
    const system = systemOf(url)
    const ours = system === '' || system === SYSTEM.local || isHl7System(system)
    if (isConfidentiality(system, code)) terms.ranks.push(rankOf(code))
    else if (ours && vocabulary.hierarchy.knows(code)) terms.sensitivities.push(code)
    else if (ours && (vocabulary.policies.has(code) || vocabulary.isPurpose(code))) terms.policies.push(code)
    else {
      const known = vocabulary.complete.has(system)
      ;(known ? terms.exact : terms.sensitivities).push(ours ? code : `${system}|${code}`)
      terms.unknown ||= !known
    }
  }
  return terms
}

/** Label of content that could not be read (labels/unassessed). */
const UNASSESSED = 'UNASSESSED'

/** Whether every sensitivity of a resource is named, a kind of a named one, or stands there because of a named one. */
function namedAll(
  named: readonly string[],
  { hierarchy, permitAlso, implied, markers }: LabelVocabulary,
): (sensitivities: readonly string[]) => boolean {
  const wide = named.flatMap(code => [code, ...(permitAlso.get(code) ?? [])])
  const covers = (code: string) => wide.some(ancestor => hierarchy.within(code, ancestor))
  const implying = [...implied].filter(([code]) => covers(code))
  return sensitivities => {
    const open = sensitivities.filter(code => !covers(code))
    if (open.length === 0) return true
    if (open.length === sensitivities.length) return false
    const along = implying.flatMap(([code, codes]) => (sensitivities.includes(code) ? codes : []))
    return open.every(code => markers.includes(code) || along.includes(code))
  }
}

function permitLabels(terms: LabelTerms, vocabulary: LabelVocabulary): Selector {
  const ceiling = Math.max(...terms.ranks)
  const named = [...terms.sensitivities, ...terms.exact]
  const names = named.length > 0
  const coversAll = namedAll(named, vocabulary)
  return view => {
    if (view.labelled.notAssessable !== undefined) return false
    const { sensitivities } = view
    if (terms.ranks.length > 0 && view.rank > ceiling) return false
    if (names && !coversAll(sensitivities)) return false
    // One of the named labels must be what the resource carries: a permit of PSY is no permit of unlabelled data.
    const carries = terms.ranks.length > 0 || (names && sensitivities.length > 0)
    return carries || terms.policies.some(code => view.labels.has(code))
  }
}

function denyLabels(terms: LabelTerms, { hierarchy, denyAlso }: LabelVocabulary): Selector {
  if (terms.unknown) return () => true
  const floor = Math.min(...terms.ranks)
  const named = terms.sensitivities.flatMap(code => [code, ...(denyAlso.get(code) ?? [])])
  const meets = (code: string) => named.some(ancestor => hierarchy.within(code, ancestor))
  const exactOnly = terms.ranks.length + named.length + terms.policies.length === 0
  return view => {
    if (view.labelled.notAssessable !== undefined || view.rank >= floor) return true
    if (terms.exact.some(code => view.labels.has(code))) return true
    // What could not be read may hold anything that is found by reading, but bears the labels that it was given.
    if (exactOnly) return false
    // A scan, a picture: nobody can say that it does not hold what the patient keeps back.
    if (view.labels.has(UNASSESSED)) return true
    return view.sensitivities.some(meets) || terms.policies.some(code => view.labels.has(code))
  }
}

/**
 * `securityLabel`: a permit covers resources up to the named confidentiality, all of whose sensitivities it names; a
 * deny covers resources from the named confidentiality on and those with one of the named labels, kinds included.
 */
export function labelSelector(
  labels: readonly Coding[],
  strict: boolean,
  vocabulary: LabelVocabulary,
): Selector {
  const terms = labelTerms(labels, vocabulary)
  return strict ? permitLabels(terms, vocabulary) : denyLabels(terms, vocabulary)
}

const RESOURCE_TYPES = 'http://hl7.org/fhir/resource-types'
const MEDIA_TYPES = 'urn:ietf:bcp:13'
/** Types that carry documents, so that a media type may be theirs. */
const CARRIERS = new Set([
  'DocumentReference',
  'Binary',
  'Media',
  'DiagnosticReport',
  'Composition',
  'Bundle',
  'Communication',
])

type ClassTest = (view: ResourceView, strict: boolean) => boolean

type SystemTest = (system: string | undefined) => boolean

function classTest(coding: Coding, isPolicySystem: SystemTest): ClassTest {
  const system = systemOf(coding.system)
  const { code } = coding
  if (isPolicySystem(system)) return (_, strict) => !strict
  if (system === RESOURCE_TYPES || system === '') return view => view.labelled.facts.type === code
  if (code.includes('/StructureDefinition/'))
    return view => view.labelled.facts.profiles.some(url => isProfile(url, code))
  if (system === MEDIA_TYPES) return (view, strict) => !strict && CARRIERS.has(view.labelled.facts.type)
  const term = codeTerm(coding)
  return (view, strict) => hasCode(view.codes, term, strict)
}

function isProfile(url: string, named: string): boolean {
  return url === named || url.startsWith(`${named}|`)
}

function sameCoding(left: Coding, right: Coding): boolean {
  const [one, other] = [codeTerm(left), codeTerm(right)]
  return one.code === other.code && (one.system === other.system || one.system === '' || other.system === '')
}

/** `class`: resource type, profile, document code or media type; for a question about classes, the classes asked for. */
export function classSelector(
  classes: readonly Coding[],
  strict: boolean,
  isPolicySystem: SystemTest,
): Selector {
  const tests = classes.map(coding => classTest(coding, isPolicySystem))
  const named = (asked: Coding) => classes.some(coding => sameCoding(coding, asked))
  return (view, question) => {
    const asked = question.classes ?? []
    if (asked.length > 0 && strict) return asked.every(named)
    return asked.some(named) || tests.some(test => test(view, strict))
  }
}

/**
 * `code` over all codings of the resource. A concept without coding cannot be evaluated, nor can the code of a policy: no
 * record bears it, and what a deny of it keeps back nobody here knows.
 */
export function codeSelector(
  concepts: readonly (readonly Coding[])[],
  strict: boolean,
  isPolicySystem: SystemTest,
): Selector {
  const terms: CodeTerm[] = concepts.flat().map(codeTerm)
  const open = concepts.some(
    codings => codings.length === 0 || codings.some(({ system }) => isPolicySystem(system)),
  )
  if (open && !strict) return () => true
  return view => terms.some(term => hasCode(view.codes, term, strict))
}

function overlaps(left: Span, right: Span): boolean {
  return left.start < right.end && right.start < left.end
}

/**
 * `dataPeriod`: a permit needs every clinical date inside; a deny takes any overlap, of `meta.lastUpdated` too. Undated
 * data is never under the permit and always under the deny.
 */
export function dataPeriodSelector(period: Span, strict: boolean, zone: string): Selector {
  if (strict) {
    return view => {
      const { spans, readable } = view.datesIn(zone)
      return (
        readable &&
        spans.length > 0 &&
        spans.every(({ start, end }) => period.start <= start && end <= period.end)
      )
    }
  }
  return view => {
    const { spans, readable, lastUpdated } = view.datesIn(zone)
    if (!readable || spans.length === 0) return true
    return (
      spans.some(span => overlaps(span, period)) ||
      (lastUpdated !== undefined && overlaps(lastUpdated, period))
    )
  }
}

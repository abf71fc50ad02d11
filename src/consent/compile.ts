import type { Coding, JsonObject, Resource } from '../model/fhir.ts'
import { dataSelector } from './data.ts'
import type { Span } from './dates.ts'
import {
  type Elements,
  elementsAt,
  type Reading,
  refuseModifiers,
  refuseUnknown,
  spanAt,
} from './elements.ts'
import { conceptAt, objectAt, objectsAt, textAt, Unreadable } from './json.ts'
import { type PurposeTerm, purposeTerm, questionView } from './question.ts'
import { type ActorRole, containedOf, type PlacedActor } from './roles.ts'
import { classSelector, codeSelector, dataPeriodSelector, labelSelector, type Selector } from './selectors.ts'
import { RESEARCH_PURPOSES, topicOf } from './topic.ts'
import type { Vocabulary } from './vocabulary.ts'

/** Nesting that is still read; HL7 sets no limit, a reader must. */
const DEPTH_LIMIT = 8

/** One provision with everything it inherits, ready to be asked. */
export interface Rule {
  readonly type: 'permit' | 'deny'
  readonly path: string
  /** When the rule holds: its own period and those of all it stands in. */
  readonly span: Span
  readonly elements: Elements
  readonly purposes?: readonly PurposeTerm[]
  /** Beside `purposes`: what a permit never reaches beyond, by the scope of its Consent. */
  readonly within?: readonly PurposeTerm[]
  readonly recipients: readonly PlacedActor[]
  readonly disclosers: readonly PlacedActor[]
  readonly sources: readonly PlacedActor[]
  /** Actors in roles that are none of these three. */
  readonly unplaced: boolean
  readonly selectors: readonly Selector[]
  /** Its children alone speak: what it stands for is no more than they permit. */
  readonly silent?: true
  readonly children: readonly Rule[]
}

/** One Consent, compiled. */
export interface CompiledConsent {
  /** The root provision, or the policyRule to which it is an exception. */
  readonly root: Rule
  readonly looksInside: boolean
}

const ALWAYS: Span = { start: Number.NEGATIVE_INFINITY, end: Number.POSITIVE_INFINITY }

function intersect(outer: Span, inner: Span | undefined): Span {
  if (inner === undefined) return outer
  return { start: Math.max(outer.start, inner.start), end: Math.min(outer.end, inner.end) }
}

function typeAt(provision: JsonObject, path: string): 'permit' | 'deny' | undefined {
  const type = textAt(provision['type'], `${path}.type`)
  if (type === undefined || type === 'permit' || type === 'deny') return type
  throw new Unreadable(`${path}.type: expected permit or deny`)
}

function selectorsOf(
  elements: Elements,
  strict: boolean,
  reading: Reading,
  { labels, isPolicySystem }: Vocabulary,
): readonly Selector[] {
  const { securityLabel, class: classes, code, dataPeriod, data } = elements
  const selectors: Selector[] = []
  if (classes !== undefined) selectors.push(classSelector(classes, strict, isPolicySystem))
  if (securityLabel !== undefined) selectors.push(labelSelector(securityLabel, strict, labels))
  if (dataPeriod !== undefined) selectors.push(dataPeriodSelector(dataPeriod, strict, reading.zone))
  if (code !== undefined) selectors.push(codeSelector(code, strict, isPolicySystem))
  if (data !== undefined)
    selectors.push(dataSelector(data, strict, reading.place, q => questionView(q).context))
  return selectors
}

/** A rule of these elements. `type` decides how doubt is read. */
export function ruleOf(
  type: 'permit' | 'deny',
  path: string,
  elements: Elements,
  span: Span,
  children: readonly Rule[],
  reading: Reading,
  vocabulary: Vocabulary,
): Rule {
  const actors = elements.actor ?? []
  const inRole = (role: ActorRole) => actors.filter(actor => actor.role === role)
  const termsOf = (codings: readonly Coding[] | undefined) =>
    codings?.map(coding => purposeTerm(coding, vocabulary.purposes))
  const purposes = termsOf(elements.purpose)
  const within = type === 'permit' ? termsOf(reading.within) : undefined
  return {
    type,
    path,
    span,
    elements,
    ...(purposes === undefined ? {} : { purposes }),
    ...(within === undefined ? {} : { within }),
    recipients: inRole('recipient'),
    disclosers: inRole('discloser'),
    sources: inRole('source'),
    unplaced: inRole('unplaced').length > 0,
    selectors: selectorsOf(elements, type === 'permit', reading, vocabulary),
    children,
  }
}

interface Parent {
  readonly elements: Elements
  readonly span: Span
  readonly depth: number
}

function childrenOf(
  provision: JsonObject,
  path: string,
  parent: Parent,
  reading: Reading,
  vocabulary: Vocabulary,
): readonly Rule[] {
  const nested = objectsAt(provision['provision'], `${path}.provision`) ?? []
  if (nested.length > 0 && parent.depth >= DEPTH_LIMIT) {
    throw new Unreadable(`${path}.provision: expected at most ${DEPTH_LIMIT} levels`)
  }
  return nested.map((child, index) => {
    const at = `${path}.provision[${index}]`
    const type = typeAt(child, at)
    if (type === undefined)
      throw new Unreadable(`${at}.type: expected a type, which nested provisions must have`)
    return provisionRule(child, at, type, parent, reading, vocabulary)
  })
}

/** Children inherit each element unless they state it; periods add up. The written type stands, it is never flipped. */
function provisionRule(
  provision: JsonObject,
  path: string,
  type: 'permit' | 'deny',
  parent: Parent,
  reading: Reading,
  vocabulary: Vocabulary,
): Rule {
  refuseUnknown(provision, path)
  const elements = { ...parent.elements, ...elementsAt(provision, path, reading) }
  const span = intersect(parent.span, spanAt(provision['period'], `${path}.period`, reading.zone))
  const own = { elements, span, depth: parent.depth + 1 }
  const children = childrenOf(provision, path, own, reading, vocabulary)
  return ruleOf(type, path, elements, span, children, reading, vocabulary)
}

const BASES: ReadonlyMap<string, 'permit' | 'deny'> = new Map(
  Object.entries<'permit' | 'deny'>({
    OPTIN: 'permit',
    OPTOUT: 'deny',
    OPTOUTE: 'deny',
  }),
)

/** `policyRule` OPTIN or OPTOUT; both at once count as OPTOUT. */
function baseOf(consent: Resource): 'permit' | 'deny' | undefined {
  const rule = objectAt(consent['policyRule'], 'policyRule')
  const codings = rule === undefined ? [] : conceptAt(rule, 'policyRule')
  const bases = codings.flatMap(({ code }) => BASES.get(code) ?? [])
  return bases.includes('deny') ? 'deny' : bases[0]
}

const LIMITS = ['actor', 'action', 'securityLabel', 'purpose', 'class', 'code', 'dataPeriod', 'data']

/** Root type where written; else policyRule, if the root is limited by nothing but its period. */
function rootType(provision: JsonObject, base: 'permit' | 'deny' | undefined): 'permit' | 'deny' {
  const type = typeAt(provision, 'provision')
  if (type !== undefined) return type
  if (base === undefined)
    throw new Unreadable('provision.type: expected a type, or policyRule OPTIN or OPTOUT')
  const limit = LIMITS.find(element => provision[element] !== undefined)
  if (limit === undefined) return base
  throw new Unreadable(`provision.type: expected a type, since provision.${limit} limits the rule`)
}

/** What every rule of a Consent inherits from its scope. */
function scopedTo({ within }: Reading): Elements {
  return within === undefined ? {} : { purpose: within }
}

/**
 * An opt-in whose root has no type of its own: where its provisions permit something, that is what is opted in to. R4
 * has nested provisions as exceptions to the rule they stand in; a permit is none to an opt-in to everything, so an author
 * who writes one means less. Any such permit counts, whatever stands beside it: a deny that is added never releases more.
 */
function optIn(root: Rule): Rule {
  return root.children.some(({ type }) => type === 'permit') ? { ...root, silent: true } : root
}

/** The policyRule around a root of the other type. An opt-in ends with the root's period, an opt-out outlives it. */
function around(root: Rule, base: 'permit' | 'deny', reading: Reading, vocabulary: Vocabulary): Rule {
  const span = base === 'permit' ? root.span : ALWAYS
  return ruleOf(base, 'policyRule', scopedTo(reading), span, [root], reading, vocabulary)
}

function looksInside(rule: Rule): boolean {
  const { code, data, dataPeriod, class: classes = [] } = rule.elements
  if (code !== undefined || data !== undefined || dataPeriod !== undefined) return true
  if (rule.sources.length > 0 || rule.disclosers.length > 0) return true
  const typesOnly = classes.every(
    coding => !coding.code.includes('/') && (coding.system ?? '').endsWith('resource-types'),
  )
  return !typesOnly || rule.children.some(looksInside)
}

function refuseBackbones(consent: Resource): void {
  refuseModifiers(consent, 'Consent')
  if (consent['implicitRules'] !== undefined) throw new Unreadable('Consent.implicitRules: expected none')
  for (const element of ['policy', 'verification']) {
    const parts = objectsAt(consent[element], element) ?? []
    parts.forEach((part, index) => {
      refuseModifiers(part, `${element}[${index}]`)
    })
  }
}

/**
 * Takes an R4 Consent; returns its rules. Throws Unreadable, naming the place, where any part of it that could matter
 * is not understood. https://hl7.org/fhir/R4/consent.html
 */
export function compileConsent(
  consent: Resource,
  place: Reading['place'],
  zone: string,
  vocabulary: Vocabulary,
): CompiledConsent {
  refuseBackbones(consent)
  if (objectAt(consent['patient'], 'patient') === undefined)
    throw new Unreadable('patient: expected a Reference')
  const scope = topicOf(consent) === 'research' ? { within: RESEARCH_PURPOSES } : {}
  const reading: Reading = { place, zone, contained: containedOf(consent), ...scope }
  const base = baseOf(consent)
  const provision = objectAt(consent['provision'], 'provision')
  const type = rootType(provision ?? {}, base)
  const outer = { elements: scopedTo(reading), span: ALWAYS, depth: 0 }
  const written = provisionRule(provision ?? {}, 'provision', type, outer, reading, vocabulary)
  const typed = provision?.['type'] !== undefined
  const meant = typed || type === 'deny' ? written : optIn(written)
  const root = base === undefined || base === type ? meant : around(written, base, reading, vocabulary)
  return { root, looksInside: looksInside(root) }
}

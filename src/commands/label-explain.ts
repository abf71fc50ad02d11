import { backwardOf, forwardOf, type Look } from '../label/trace.ts'
import type { Referrers } from '../model/doors.ts'
import { SYSTEM } from '../model/fhir.ts'
import type { Label, LabelledResource, ResourceFacts } from '../model/label.ts'
import type { ContextRule, LabelCategory, LabelRule, LabelRules } from '../model/rules.ts'

/** What an explanation rests on beside the labelled resource. */
export interface Explaining {
  readonly rules: LabelRules
  readonly look: Look
  readonly referrers: Referrers
  readonly minimumConfidence: number
}

/** One label with everything that led to it. */
export interface ExplainedLabel {
  readonly system: string
  readonly code: string
  readonly display?: string
  readonly confidence: number
  readonly rule: string
  readonly origin: Label['origin']
  /** Element paths that matched. */
  readonly at?: readonly string[]
  /** The record it comes from, or the program that is its source. */
  readonly from?: string
  /** The ConceptMap that led from a code of the site to the matched one. */
  readonly via?: string
  /** Cues, statements, edges and citations that made it what it is. */
  readonly why?: readonly string[]
}

/** Why a resource has its labels. For the house only: it tells what is withheld. */
export interface Explanation {
  readonly reference: string
  /** Where it stood in the input. */
  readonly place: string
  /** Of labels/ and the site's own rules. */
  readonly revision: string
  readonly confidentiality: string
  readonly part2: boolean
  readonly source?: string
  readonly notAssessable?: string
  readonly labels: readonly ExplainedLabel[]
  /** Found, and not sure enough to be applied. */
  readonly candidates?: readonly ExplainedLabel[]
  /** Found, and taken back by what the record says of its own content. */
  readonly takenBack?: readonly ExplainedLabel[]
  /** Parts of the resource that are decided by themselves; ranges are bytes of the decoded document. */
  readonly telling?: readonly {
    readonly path: string
    readonly labels: readonly string[]
    readonly ranges?: readonly (readonly [start: number, end: number])[]
  }[]
}

/** Explains the labels of one resource. @param facts of exactly this resource, as they were labelled */
export function explanationOf(
  labelled: LabelledResource,
  facts: ResourceFacts,
  place: string,
  explaining: Explaining,
): Explanation {
  const { confidentiality, part2, source, notAssessable, labels, candidates = [] } = labelled
  const explain = explainer(facts, explaining)
  const takenBack = takenBackOf(labelled, facts, explaining)
  const applies = ({ rule, confidence }: Label): boolean =>
    rule === 'upstream' || confidence >= explaining.minimumConfidence
  const telling = (facts.telling ?? []).flatMap(({ path, ranges, labels: of }) => {
    const codes = [...new Set(of.filter(applies).map(({ code }) => code))]
    return codes.length === 0 ? [] : [{ path, labels: codes, ...(ranges === undefined ? {} : { ranges }) }]
  })
  return {
    reference: facts.reference,
    place,
    revision: explaining.rules.revision,
    // What could not be labelled is very restricted, as the command marks it.
    confidentiality: notAssessable === undefined ? confidentiality : 'V',
    part2,
    ...(source === undefined ? {} : { source }),
    ...(notAssessable === undefined ? {} : { notAssessable }),
    labels: labels.map(label => explain(label)),
    ...(candidates.length === 0
      ? {}
      : { candidates: candidates.map(label => explain(label, notApplied(label, explaining))) }),
    ...(takenBack.length === 0 ? {} : { takenBack: takenBack.map(label => explain(label)) }),
    ...(telling.length === 0 ? {} : { telling }),
  }
}

type Explain = (label: Label, more?: readonly string[]) => ExplainedLabel

function explainer(facts: ResourceFacts, explaining: Explaining): Explain {
  const cues = cuesOf(facts, explaining.look)
  return (label, more = []) => {
    const { system, code, display, confidence, rule, origin, path, paths, via } = label
    const isElsewhere = origin === 'lineage' || origin === 'source'
    const why = [
      ...contextWhy(label, cues, explaining.rules),
      ...statementWhy(label, facts, explaining.rules),
      ...(origin === 'lineage' && path !== undefined ? edgeWhy(facts, path, explaining) : []),
      ...more,
      ...citationOf(label, explaining.rules),
    ]
    return {
      system,
      code,
      ...(display === undefined ? {} : { display }),
      confidence,
      rule,
      origin,
      ...(path === undefined ? {} : isElsewhere ? { from: path } : { at: paths ?? [path] }),
      ...(via === undefined ? {} : { via }),
      ...(why.length === 0 ? {} : { why }),
    }
  }
}

/** Cues of the record itself, then of what it names as its reason or carries out, with the record that has them. */
function cuesOf(facts: ResourceFacts, look: Look): ReadonlyMap<string, string | undefined> {
  const cues = new Map<string, string | undefined>((facts.cues ?? []).map(cue => [cue, undefined]))
  for (const { edge, target } of forwardOf(facts)) {
    if (edge.kind !== 'reason' && edge.kind !== 'order') continue
    const found = look(target)
    if (typeof found !== 'object') continue
    for (const cue of found.cues ?? []) if (!cues.has(cue)) cues.set(cue, target)
  }
  return cues
}

function ruleOf(label: Label, { categories }: LabelRules): { category?: LabelCategory; rule?: LabelRule } {
  const slash = label.rule.indexOf('/')
  const category = categories.find(({ id }) => id === label.rule.slice(0, slash))
  const rule = category?.rules.find(({ id }) => id === label.rule.slice(slash + 1))
  return { ...(category === undefined ? {} : { category }), ...(rule === undefined ? {} : { rule }) }
}

function contextsOf(label: Label, rules: LabelRules): readonly ContextRule[] {
  const { category, rule } = ruleOf(label, rules)
  const contexts = (rule !== undefined && 'context' in rule ? rule.context : undefined) ?? []
  return contexts.map(each => ({
    ...each,
    cue: each.cue.includes('/') ? each.cue : `${category?.id ?? ''}/${each.cue}`,
  }))
}

function contextWhy(
  label: Label,
  cues: ReadonlyMap<string, string | undefined>,
  rules: LabelRules,
): readonly string[] {
  return contextsOf(label, rules)
    .filter(({ cue }) => cues.has(cue))
    .map(({ cue, confidence, why }) => {
      const from = cues.get(cue)
      return `cue ${cue}${from === undefined ? '' : ` of ${from}`} makes it ${confidence}: ${why}`
    })
}

function statementWhy(label: Label, { statements = [] }: ResourceFacts, rules: LabelRules): string[] {
  const { category } = ruleOf(label, rules)
  return statements.flatMap(statement => {
    const said = category?.statements?.[statement]
    return said === undefined ? [] : [`the record says ${statement} (${said.effect}): ${said.why}`]
  })
}

/** The edges that lead straight to or from the record a label came from; none where others lie between. */
function edgeWhy(facts: ResourceFacts, reference: string, { referrers }: Explaining): readonly string[] {
  const forward = forwardOf(facts)
    .filter(({ target }) => target === reference)
    .map(({ element, edge }) => `${element}: ${edge.why}`)
  const backward = backwardOf(facts, { look: () => 'absent', referrers })
    .filter(({ from }) => from.reference === reference)
    .map(({ edge }) => `${edge.id}: ${edge.why}`)
  const found = [...new Set([...forward, ...backward])]
  return found.length > 0 ? found : ['along more than one reference']
}

function notApplied(label: Label, { rules, minimumConfidence }: Explaining): readonly string[] {
  const raising = contextsOf(label, rules)
    .filter(({ confidence }) => confidence >= minimumConfidence)
    .map(({ cue }) => cue)
  return [
    `not applied: ${label.confidence} is below ${minimumConfidence}` +
      (raising.length === 0 ? '' : `; would be applied beside ${raising.join(', ')}`),
  ]
}

function citationOf(label: Label, rules: LabelRules): readonly string[] {
  const { rule } = ruleOf(label, rules)
  const citation = rule === undefined || rule.kind === 'cue' ? undefined : rule.citation
  return citation === undefined ? [] : [citation]
}

/** Labels of the content that a statement of the record took away altogether. */
function takenBackOf(
  { labels, candidates = [] }: LabelledResource,
  facts: ResourceFacts,
  { rules }: Explaining,
): readonly Label[] {
  const left = new Set([...labels, ...candidates].map(({ system, code }) => `${system}|${code}`))
  return facts.labels.filter(label => {
    const { category } = ruleOf(label, rules)
    const isDropped = (facts.statements ?? []).some(each => category?.statements?.[each]?.effect === 'drop')
    return isDropped && !left.has(`${label.system}|${label.code}`)
  })
}

/** An explanation for people, one line a label. */
export function explanationLines(one: Explanation): readonly string[] {
  const {
    reference,
    confidentiality,
    notAssessable,
    labels,
    candidates = [],
    takenBack = [],
    telling = [],
  } = one
  const content = labels.filter(({ system }) => system !== SYSTEM.confidentiality)
  const head = `${reference}: ${confidentiality}${one.part2 ? ', Part 2' : ''}`
  return [
    notAssessable === undefined ? head : `${head}, not assessable: ${notAssessable}`,
    ...content.map(label => `${reference}: ${lineOf(label)}`),
    ...candidates.map(label => `${reference}: candidate ${lineOf(label)}`),
    ...takenBack.map(label => `${reference}: taken back ${lineOf(label)}`),
    ...telling.map(({ path, labels: codes, ranges = [] }) => {
      const where = ranges.map(([start, end]) => `${start}-${end}`).join(', ')
      return `${reference}: part ${path}${where === '' ? '' : ` bytes ${where}`}: ${codes.join(', ')}`
    }),
  ]
}

function lineOf({ code, confidence, rule, origin, at, from, via, why = [] }: ExplainedLabel): string {
  const where = from === undefined ? (at ?? []).join(', ') : from
  return [
    `${code} ${confidence} by ${rule} (${origin})`,
    where === '' ? '' : ` ${from === undefined ? 'at' : 'from'} ${where}`,
    via === undefined ? '' : ` through ${via}`,
    why.length === 0 ? '' : `; ${why.join('; ')}`,
  ].join('')
}

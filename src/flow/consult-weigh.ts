import type { ConsultClause } from '../model/consult.ts'
import type { Coding } from '../model/fhir.ts'
import { deniedTogether } from './consult-combinations.ts'
import type { Mentions } from './consult-mentions.ts'
import { type Kind, typeCoding } from './consult-standins.ts'
import { type ConsultVocabulary, keyOf } from './consult-vocabulary.ts'

/** What is decided of one kind of record. */
export interface Verdict {
  readonly permitted: boolean
  readonly codes: ReadonlySet<string>
}

export interface WeighInput {
  readonly judge: (kind: Kind) => Verdict
  /** Labels and content classes asked about; empty: all labels and records without any, content of any class. */
  readonly asked: { readonly labels: readonly Coding[]; readonly classes: readonly Coding[] }
  readonly vocabulary: Pick<ConsultVocabulary, 'codes'>
  readonly mentions: Mentions
  /** Organizations records of this site come from. */
  readonly sources: readonly string[]
  /** Resource types that records may be of: where a view shows some of them only, the others are named. */
  readonly types: readonly string[]
}

/** What the decisions on single kinds come to. */
export interface Weighed {
  readonly decision: 'permit' | 'deny'
  readonly needsData: boolean
  readonly clauses: readonly ConsultClause[]
  /** Sets of labels that may go although unlabelled records may not: all labels of a record stand in one of them. */
  readonly permitted: readonly (readonly Coding[])[]
}

/** Labels that may go in one class of content, and those that may not with the sources from where they may. */
interface Content {
  readonly content: Coding | undefined
  readonly plain: boolean
  readonly permitted: readonly Coding[]
  readonly denied: ReadonlyMap<string, { readonly label: Coding; readonly except: readonly string[] }>
  readonly together: readonly (readonly Coding[])[]
  readonly needsData: boolean
}

/**
 * From decisions on stand-ins to one answer. Where classes are asked about, what is true of every one of them is said
 * without class. A record that no clause meets is one that would be released; doubt about it is `needsData`.
 */
export function weigh(given: WeighInput): Weighed {
  const { asked, mentions } = given
  const named = asked.classes.length > 0
  const { input, closedTypes } = named ? { input: given, closedTypes: [] } : byTypes(given)
  const contents = (named ? asked.classes : [undefined, ...mentions.contents]).map(content =>
    weighContent(input, content),
  )
  const main = named ? contents : contents.slice(0, 1)
  const mayGo = ({ plain, permitted, denied }: Content): boolean =>
    asked.labels.length > 0
      ? permitted.length > 0 || [...denied.values()].some(({ except }) => except.length > 0)
      : plain
  const open = contents.filter(mayGo)
  const decision = main.some(mayGo) ? 'permit' : 'deny'
  const doubt = mentions.tooMany || open.some(({ needsData }) => needsData)
  const undated = mentions.dated && decision === 'deny'
  if (decision === 'deny' || doubt)
    return {
      decision: 'deny',
      needsData: doubt || undated,
      clauses: [],
      permitted: doubt ? [] : aloneIn(input, main),
    }
  const closed = contents.flatMap(one =>
    one.content === undefined || mayGo(one) ? [] : [{ all: [one.content] }],
  )
  const types = closedTypes.map(type => ({ all: [typeCoding(type)] }))
  const clauses = [
    ...types,
    ...closed,
    ...labelClauses(open),
    ...setClauses(open),
    ...codeClauses(input, open),
  ]
  return { decision, needsData: false, clauses: leastOf(clauses), permitted: [] }
}

/**
 * A record of any type is one of a type that may go at all, where there is one that no Consent names: a purpose may show
 * some types only (minimum necessary), and a type that is shown by none must not speak for the others.
 */
function byTypes(input: WeighInput): { readonly input: WeighInput; readonly closedTypes: readonly string[] } {
  const { judge, types, mentions, asked } = input
  const sets = asked.labels.length > 0 ? asked.labels.map(label => [label]) : [[]]
  const goes = (of: Of): boolean => sets.some(labels => judge({ ...of, labels }).permitted)
  const closedTypes = types.filter(type => !goes({ content: typeCoding(type) }))
  if (goes({}) || closedTypes.length === 0) return { input, closedTypes }
  const spokenOf = new Set(mentions.contents.map(({ code }) => code))
  const open = types.find(type => !closedTypes.includes(type) && !spokenOf.has(type))
  if (open === undefined) return { input, closedTypes }
  const content = typeCoding(open)
  return { input: { ...input, judge: kind => judge({ content, ...kind }) }, closedTypes }
}

function weighContent(input: WeighInput, content: Coding | undefined): Content {
  const { judge, asked, vocabulary } = input
  const of = content === undefined ? {} : { content }
  const plain = judge({ ...of, labels: [] }).permitted
  const labels = asked.labels.length > 0 ? asked.labels : vocabulary.codes
  const here = labels.filter(label => judge({ ...of, labels: [label] }).permitted)
  const contradicted = contradictedBySource(input, of, here)
  const permitted = here.filter(label => !contradicted.has(label))
  const denied = new Map<string, { label: Coding; except: string[] }>()
  for (const label of labels) {
    if (permitted.includes(label)) continue
    const except = input.sources.filter(source => judge({ ...of, labels: [label], source }).permitted)
    denied.set(keyOf([label]), { label, except })
  }
  withoutFalseExceptions(input, of, permitted, denied)
  return {
    content,
    plain,
    permitted,
    denied,
    together: deniedTogether(permitted, set => judge({ ...of, labels: set }).permitted),
    needsData: (plain || asked.labels.length > 0) && looksInside(input, of, permitted),
  }
}

type Of = Pick<Kind, 'content'>

/** Labels that may go where nothing is known of the source, and not from one that puts no further label on them. */
function contradictedBySource(
  { judge, sources }: WeighInput,
  of: Of,
  labels: readonly Coding[],
): ReadonlySet<Coding> {
  const found = new Set<Coding>()
  for (const source of sources) {
    // What may go with all these labels may go with one of them.
    if (judge({ ...of, labels, source }).permitted) continue
    for (const label of labels) {
      const there = judge({ ...of, labels: [label], source })
      if (!there.permitted && same(there.codes, judge({ ...of, labels: [label] }).codes)) found.add(label)
    }
  }
  return found
}

function same(left: ReadonlySet<string>, right: ReadonlySet<string>): boolean {
  return left.size === right.size && isWithin(left, right)
}

function isWithin(part: ReadonlySet<string>, whole: ReadonlySet<string>): boolean {
  for (const one of part) if (!whole.has(one)) return false
  return true
}

/** A source stays an exception only if everything that may go from there may also go together. */
function withoutFalseExceptions(
  { judge, sources }: WeighInput,
  of: Of,
  permitted: readonly Coding[],
  denied: ReadonlyMap<string, { readonly label: Coding; readonly except: string[] }>,
): void {
  for (const source of sources) {
    const excepted = [...denied.values()].filter(({ except }) => except.includes(source))
    if (excepted.length === 0) continue
    const labels = [...permitted, ...excepted.map(({ label }) => label)]
    if (judge({ ...of, labels, source }).permitted) continue
    for (const { except } of excepted) except.splice(except.indexOf(source), 1)
  }
}

/** Sets of labels that stand for all that may go: together where that may go, else one by one. */
function setsOf({ judge, asked }: WeighInput, of: Of, permitted: readonly Coding[]) {
  const whole = permitted.length > 0 && judge({ ...of, labels: permitted }).permitted
  const sets = whole ? [permitted] : permitted.map(label => [label])
  return asked.labels.length > 0 ? sets : [[], ...sets]
}

/** Whether an instance, an author or a source decides otherwise than the same record without it. */
function looksInside(input: WeighInput, of: Of, permitted: readonly Coding[]): boolean {
  const { judge, mentions } = input
  const makers = makersOf(input)
  const probes: Omit<Kind, 'labels'>[] = [
    ...makers,
    ...mentions.instances.flatMap(instance => [{}, ...makers].map(maker => ({ ...maker, instance }))),
  ]
  return setsOf(input, of, permitted).some(labels => {
    const plain = judge({ ...of, labels })
    if (!plain.permitted) return false
    return probes.some(probe => {
      const probed = judge({ ...of, labels, ...probe })
      return !probed.permitted && same(probed.codes, plain.codes)
    })
  })
}

/** Where a record may come from and who may have made it, as far as a Consent or the site names any. */
function makersOf({ mentions, sources }: WeighInput): readonly Pick<Kind, 'source' | 'author'>[] {
  return [...sources.map(source => ({ source })), ...mentions.actors.map(author => ({ author }))]
}

/** Labels withheld everywhere are said once, else with the class. Content of any class speaks for all. */
function labelClauses(contents: readonly Content[]): ConsultClause[] {
  const keys = new Set(contents.flatMap(({ denied }) => [...denied.keys()]))
  return [...keys].flatMap(key => {
    const where = contents.filter(({ denied }) => denied.has(key))
    const everywhere = where.length === contents.length || where.some(({ content }) => content === undefined)
    const clause = (contentsMeant: readonly Content[], content: readonly Coding[]): ConsultClause[] => {
      const found = contentsMeant.flatMap(({ denied }) => denied.get(key) ?? [])
      const [first] = found
      if (first === undefined) return []
      const except = first.except.filter(source => found.every(one => one.except.includes(source)))
      return [
        {
          all: [...content, first.label],
          ...(except.length === 0 ? {} : { except: except.map(source => ({ source })) }),
        },
      ]
    }
    return everywhere
      ? clause(where, [])
      : where.flatMap(one => (one.content === undefined ? [] : clause([one], [one.content])))
  })
}

function setClauses(contents: readonly Content[]): ConsultClause[] {
  const every = (set: readonly Coding[]) =>
    contents.every(({ together }) => together.some(other => keyOf(other) === keyOf(set)))
  return contents.flatMap(({ content, together }) =>
    together.map(set => ({ all: content === undefined || every(set) ? set : [content, ...set] })),
  )
}

/** Codes that a Consent names: withheld where the record without the code would go. */
function codeClauses(input: WeighInput, contents: readonly Content[]): ConsultClause[] {
  const { judge, mentions } = input
  const makers = [{}, ...makersOf(input)]
  return mentions.codes.flatMap(code => {
    const closes = contents.some(({ content, permitted }) => {
      const of = content === undefined ? {} : { content }
      const labelled = new Set(permitted.map(label => label.code))
      return setsOf(input, of, permitted).some(labels =>
        makers.some(maker => {
          const without = judge({ ...of, labels, ...maker })
          if (!without.permitted) return false
          const coded = judge({ ...of, labels, ...maker, code })
          return !coded.permitted && isWithin(coded.codes, new Set([...without.codes, ...labelled]))
        }),
      )
    })
    return closes ? [{ all: [code] }] : []
  })
}

/** Clauses that no smaller one makes needless. */
function leastOf(clauses: readonly ConsultClause[]): ConsultClause[] {
  const byKey = new Map(clauses.map(clause => [keyOf(clause.all), clause]))
  const list = [...byKey.values()]
  return list.filter(
    clause =>
      !list.some(
        other =>
          other !== clause &&
          other.except === undefined &&
          other.all.length < clause.all.length &&
          keyOf(
            clause.all.filter(one =>
              keyOf(other.all)
                .split(' ')
                .includes(keyOf([one])),
            ),
          ) === keyOf(other.all),
      ),
  )
}

/** What may go by its labels although unlabelled records may not. */
function aloneIn({ judge }: WeighInput, contents: readonly Content[]): (readonly Coding[])[] {
  return contents.flatMap(({ content, permitted }) => {
    if (permitted.length === 0) return []
    const of = content === undefined ? {} : { content }
    const whole = judge({ ...of, labels: permitted }).permitted
    const sets = whole ? [permitted] : permitted.map(label => [label])
    return sets.map(set => (content === undefined ? set : [content, ...set]))
  })
}

import type { DecidedResource } from '../model/decision.ts'
import type { LabelledResource, ResourceFacts, TellingElement } from '../model/label.ts'
import { resourceOf } from './lookups.ts'
import type { HidesProgram } from './programs.ts'

/**
 * Parts of a resource that are decided by themselves: identifiers of a person, whom to withhold for one of them would
 * hide from an emergency room, and parts of a clinical document.
 */
export interface Parts {
  /** Paths of identifiers, and of documents with what is cut out of them: `content[0].attachment.data@12-80,100-120`. */
  readonly hidden: (of: DecidedResource) => readonly string[]
  /** Paths of the identifiers alone. */
  readonly hiddenIdentifiers: (of: DecidedResource) => readonly string[]
  /** The resource as it is decided and labelled with the parts of its documents that stay. */
  readonly withKept: (of: DecidedResource) => DecidedResource
}

/** What tells which parts a requester may see. */
export interface PartRooms {
  readonly hidesProgram: HidesProgram
  /** Labels a stand-in as a record of its own, source unknown. */
  readonly labelAlone: (facts: ResourceFacts) => LabelledResource
  /** Labels a stand-in for a part of a record with what was looked up for the record. */
  readonly labelPart: (facts: ResourceFacts, whole: ResourceFacts) => LabelledResource
  readonly decide: (labelled: readonly LabelledResource[]) => readonly DecidedResource[]
}

type Range = readonly [start: number, end: number]
type DocumentPart = TellingElement & { readonly ranges: readonly Range[] }

/** What becomes of the parts of one resource. */
interface Settled {
  readonly identifiers: readonly string[]
  readonly cuts: readonly string[]
  /** Decided and labelled together with what stays. */
  readonly kept?: DecidedResource
}

const ASSIGNER = /^(identifier\[\d+\])\.assigner$/
const NOTHING: Settled = { identifiers: [], cuts: [] }

/**
 * An identifier goes where its issuer is a hidden program, or where a record with its words would be withheld; a part of
 * a document goes where the record would be withheld if all of it said what the part says.
 */
export function createParts(rooms: PartRooms): Parts {
  const known = new WeakMap<ResourceFacts, Settled>()
  const settled = (of: DecidedResource): Settled => {
    const { facts } = of.labelled
    if (facts.telling === undefined && !facts.references.some(({ path }) => ASSIGNER.test(path)))
      return NOTHING
    const before = known.get(facts)
    if (before !== undefined) return before
    const made = { identifiers: hiddenIdentifiers(of, rooms), ...settledDocuments(of, rooms) }
    known.set(facts, made)
    return made
  }
  return {
    hiddenIdentifiers: of => settled(of).identifiers,
    hidden: of => {
      const { identifiers, cuts } = settled(of)
      return cuts.length === 0 ? identifiers : [...identifiers, ...cuts]
    },
    withKept: of => settled(of).kept ?? of,
  }
}

function hiddenIdentifiers(
  of: DecidedResource,
  { hidesProgram, labelAlone, decide }: PartRooms,
): readonly string[] {
  const { facts } = of.labelled
  const hidden = new Set<string>()
  for (const reference of facts.references) {
    const path = ASSIGNER.exec(reference.path)?.[1]
    if (path !== undefined && hidesProgram(reference, of)) hidden.add(path)
  }
  for (const element of facts.telling ?? []) {
    if (element.ranges !== undefined) continue
    const [standIn] = decide([labelAlone(alone(facts, element))])
    if (standIn === undefined || standIn.decision.effect === 'deny') hidden.add(element.path)
  }
  return [...hidden]
}

/** The identifier as a record that says nothing else; who issued it is its source. */
function alone(facts: ResourceFacts, { path, labels }: TellingElement): ResourceFacts {
  const issuer = facts.references.filter(reference => reference.path === `${path}.assigner`)
  const literal = issuer.filter(({ kind }) => kind === 'literal').map(({ target }) => target)
  const { telling: _, metaSource: __, ...rest } = facts
  return {
    ...rest,
    labels,
    references: [],
    codings: [],
    dates: [],
    sourceReferences: literal,
    sourceMentions: issuer,
    lineageReferences: [],
  }
}

function settledDocuments(
  of: DecidedResource,
  { labelPart, decide }: PartRooms,
): Pick<Settled, 'cuts' | 'kept'> {
  const { facts } = of.labelled
  const parts = (facts.telling ?? []).filter((part): part is DocumentPart => part.ranges !== undefined)
  if (parts.length === 0) return { cuts: [] }
  const decided = decide(standIns(of.labelled, parts).map(standIn => labelPart(standIn, facts)))
  const isDenied = (n: number): boolean => (decided[n]?.decision.effect ?? 'deny') === 'deny'
  const denied = parts.filter((_, n) => isDenied(n))
  const gone = rangesByPath(denied)
  const staying = parts.filter((part, n) => !isDenied(n) && isSaying(part) && !isWithin(part, gone))
  if (staying.length === 0) return { cuts: cutsOf(denied) }
  const [together] = decide([labelPart(standIn(of.labelled, staying, 'kept'), facts)])
  // Each may be seen and all of them may not: then none is.
  if (together === undefined || together.decision.effect === 'deny')
    return { cuts: cutsOf([...denied, ...staying]) }
  return {
    cuts: cutsOf(denied),
    kept: { decision: together.decision, labelled: { ...together.labelled, facts } },
  }
}

/** Whether the part changes anything where it stays. */
function isSaying({ labels, sourceMentions }: TellingElement): boolean {
  return labels.length > 0 || sourceMentions !== undefined
}

function isWithin({ path, ranges }: DocumentPart, gone: ReadonlyMap<string, readonly Range[]>): boolean {
  const around = gone.get(path) ?? []
  return ranges.every(([start, end]) => around.some(([from, to]) => from <= start && end <= to))
}

const standInsOf = new WeakMap<LabelledResource, readonly ResourceFacts[]>()

/** The same stand-ins for the same labelled record, so that what is known of them is found again. */
function standIns(whole: LabelledResource, parts: readonly DocumentPart[]): readonly ResourceFacts[] {
  const known = standInsOf.get(whole)
  if (known !== undefined) return known
  const made = parts.map((part, n) => standIn(whole, [part], String(n)))
  standInsOf.set(whole, made)
  return made
}

/** The record as it would be if all of it said what these parts say. What stands beside the parts is weighed already. */
function standIn(
  { facts, labels, candidates = [] }: LabelledResource,
  parts: readonly TellingElement[],
  name: string,
): ResourceFacts {
  const { telling: _, cues: __, statements: ___, ...rest } = facts
  const mentions = [...(facts.sourceMentions ?? []), ...parts.flatMap(part => part.sourceMentions ?? [])]
  return {
    ...rest,
    hash: `${facts.hash}#${name}`,
    labels: [...labels, ...candidates, ...parts.flatMap(part => part.labels)],
    codings: [...facts.codings, ...parts.flatMap(part => part.codings ?? [])],
    ...(mentions.length === 0 ? {} : { sourceMentions: mentions }),
  }
}

/** The ranges of these parts by document, one path each. */
function cutsOf(parts: readonly DocumentPart[]): readonly string[] {
  return [...rangesByPath(parts)].map(
    ([path, ranges]) => `${path}@${ranges.map(([start, end]) => `${start}-${end}`).join(',')}`,
  )
}

/** In order and apart. */
function rangesByPath(parts: readonly DocumentPart[]): ReadonlyMap<string, readonly Range[]> {
  const byPath = new Map<string, Range[]>()
  for (const { path, ranges } of parts) {
    const known = byPath.get(path)
    if (known === undefined) byPath.set(path, [...ranges])
    else for (const range of ranges) known.push(range)
  }
  return new Map([...byPath].map(([path, ranges]) => [path, joined(ranges)]))
}

/** In order and apart. */
function joined(ranges: readonly Range[]): Range[] {
  const apart: [number, number][] = []
  for (const [start, end] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = apart.at(-1)
    if (last !== undefined && start <= last[1]) last[1] = Math.max(last[1], end)
    else apart.push([start, end])
  }
  return apart
}

/** These paths with those of the parts, whole: what lies within one goes with it. */
export function withParts(paths: readonly string[], parts: readonly string[]): readonly string[] {
  if (parts.length === 0) return paths
  return [...parts, ...paths.filter(path => !parts.some(one => path.startsWith(`${one}.`)))]
}

/** Whether one of the identifiers that stay is what a token search asked for. https://hl7.org/fhir/R4/search.html#token */
export function meetsVisibleIdentifier(
  { labelled: { facts } }: DecidedResource,
  hidden: readonly string[],
  values: readonly string[],
): boolean {
  const list = resourceOf(facts)?.['identifier']
  if (!Array.isArray(list)) return false
  return list.some((identifier, n) => {
    if (hidden.includes(`identifier[${n}]`)) return false
    const { system = '', value = '' } = identifier as { system?: string; value?: string }
    return values.some(asked => [value, `|${value}`, `${system}|${value}`, `${system}|`].includes(asked))
  })
}

import type { ReferenceFact, ResourceFacts } from '../model/label.ts'
import { type Edge, edgeOf } from './edges.ts'
import { REVERSE_EDGES, type ReverseRule } from './reverse-edges.ts'

/** `undefined`: nobody looked it up. */
export type Look = (reference: string) => ResourceFacts | 'absent' | undefined

/** What may be seen while one record is labelled. `referrers` is absent where edges are not followed backwards. */
export interface Sight {
  readonly look: Look
  readonly referrers?: ((reference: string) => readonly ResourceFacts[] | undefined) | undefined
}

/** Most steps from a record, forward and backward ones together: Report → Observation → Order → Reason. */
export const STEPS = 4
/** Most records that one record is traced through; what is wider is in doubt. */
export const NODES = 5_000

/** More records hang together than may be traced: the record cannot be labelled. */
export class TooWide extends Error {}

/** A forward edge of one record. */
export interface Forward {
  readonly edge: Edge
  readonly element: string
  /** Path of the reference, with indexes. */
  readonly path: string
  readonly target: string
}

const forwards = new WeakMap<ResourceFacts, readonly Forward[]>()

/** What a record passes on by following its own references; those to itself lead nowhere. */
export function forwardOf(facts: ResourceFacts): readonly Forward[] {
  const known = forwards.get(facts)
  if (known !== undefined) return known
  const found = facts.lineageReferences.flatMap(({ element, path, target }) => {
    const edge = target === facts.reference ? undefined : edgeOf(facts.type, element)
    return edge === undefined ? [] : [{ edge, element, path, target }]
  })
  forwards.set(facts, found)
  return found
}

/** A reverse edge from one referring record to a record. */
export interface Backward {
  readonly edge: ReverseRule
  readonly from: ResourceFacts
  /** Paths of the references, with indexes. */
  readonly at: readonly string[]
}

/**
 * What points at a record through edges that are followed backwards, as far as somebody looked and as far as it counts.
 * What it says of the record counts where it is a record of the same patient and does not take itself back: nobody puts
 * on a chart what is written in another. Who made the record is told by whoever may write a Provenance.
 * @param root the record that is labelled: what names no patient (a Binary, a drug) is met on behalf of its patients
 */
export function backwardOf(facts: ResourceFacts, { referrers }: Sight, root = facts): readonly Backward[] {
  const found = referrers?.(facts.reference)
  if (found === undefined || found.length === 0) return []
  return found.flatMap(from => {
    if (from.reference === facts.reference) return []
    return pointersOf(from).flatMap(({ edge, paths }) => {
      const at = paths.get(facts.reference)
      if (at === undefined || !edge.leadsTo(facts.type)) return []
      if (edge.says !== 'nothing' && !isOfSamePatient(from, facts, root)) return []
      // What is the same thing in another form keeps what its own statements leave of its labels.
      return edge.says === 'group' && isInError(from) ? [] : [{ edge, from, at }]
    })
  })
}

function isInError({ statements }: ResourceFacts): boolean {
  return statements?.includes('entered-in-error') === true
}

function isOfSamePatient({ patients }: ResourceFacts, facts: ResourceFacts, root: ResourceFacts): boolean {
  const own = facts.patients.length > 0 ? facts.patients : root.patients
  return own.length === 0 || patients.some(patient => own.includes(patient))
}

/** What one record points at through one reverse edge: `Type/id` → paths of the references, with indexes. */
interface Pointers {
  readonly edge: ReverseRule
  readonly paths: ReadonlyMap<string, readonly string[]>
}

const pointers = new WeakMap<ResourceFacts, readonly Pointers[]>()

/** What a record points at through edges that are followed backwards; read once for the same facts. */
export function pointersOf(from: ResourceFacts): readonly Pointers[] {
  const known = pointers.get(from)
  if (known !== undefined) return known
  const deleted = deletedEntries(from)
  const made = REVERSE_EDGES.filter(({ type }) => type === from.type).map(edge => {
    const paths = new Map<string, string[]>()
    for (const { target, path } of pointing(from, edge)) {
      if (deleted.has(path.slice(0, path.indexOf('.')))) continue
      const list = paths.get(target)
      if (list === undefined) paths.set(target, [path])
      else list.push(path)
    }
    return { edge, paths }
  })
  pointers.set(from, made)
  return made
}

/**
 * Entries that a list says are no longer in it: `entry[3]`. https://hl7.org/fhir/R4/list-definitions.html#List.entry.deleted
 */
function deletedEntries({ type, bytes, notAssessable }: ResourceFacts): ReadonlySet<string> {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if (type !== 'List' || notAssessable !== undefined || !text.includes('"deleted"')) return new Set()
  const { entry } = JSON.parse(text.toString()) as { readonly entry?: unknown }
  const entries: readonly unknown[] = Array.isArray(entry) ? entry : []
  return new Set(entries.flatMap((each, n) => (isDeleted(each) ? [`entry[${n}]`] : [])))
}

function isDeleted(entry: unknown): boolean {
  return typeof entry === 'object' && entry !== null && 'deleted' in entry && entry.deleted === true
}

/** Literal references in the element of this edge. */
export function pointing(from: ResourceFacts, { element }: ReverseRule): readonly ReferenceFact[] {
  const list = element.endsWith('.url') ? from.lineageReferences : from.references
  return list.filter(each => each.kind === 'literal' && plain(each.element) === element)
}

const plain = (element: string): string => element.replace(/\bsection(?:\.section)+(?=\.)/, 'section')

/** Whether nobody looked for what points at this record though something might. */
export function isUnasked(facts: ResourceFacts, { referrers }: Sight): boolean {
  return (
    referrers !== undefined &&
    referrers(facts.reference) === undefined &&
    REVERSE_EDGES.some(edge => edge.leadsTo(facts.type))
  )
}

/** What may point at this record and cannot be read: it may say anything of it, unless it is another patient's. */
export function unreadBehind(
  facts: ResourceFacts,
  { referrers }: Sight,
  root: ResourceFacts,
): string | undefined {
  return referrers?.(facts.reference)?.find(
    from =>
      from.notAssessable !== undefined && (from.patients.length === 0 || isOfSamePatient(from, facts, root)),
  )?.hash
}

/**
 * Whether a record that was met backwards is followed forward through this edge. A group tells of a member what it is as
 * a whole: when and why, never what its other members tell.
 */
export function isFollowed({ edge, element }: Forward, through: ReverseRule | undefined): boolean {
  if (through === undefined) return true
  if (element === through.element) return false
  if (through.says === 'same') return true
  return edge.kind === 'visit' || (edge.kind === 'reason' && through.speaks?.includes(element) === true)
}

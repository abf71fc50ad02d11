import { recipientClassesOf } from '../consent/actors.ts'
import { describeProvisions, type ProvisionActor, type ProvisionDescription } from '../consent/provisions.ts'
import type { ConsentReaderOptions } from '../consent/reader.ts'
import { createStandIns, isType, type Kind } from '../flow/consult-standins.ts'
import type {
  ConsentDirective,
  ConsentQuestion,
  ConsentRef,
  ConsentVerdict,
  Directory,
} from '../model/consent.ts'
import type { ConsentReader, Labeller } from '../model/doors.ts'
import type { Coding, LiteralReference } from '../model/fhir.ts'
import type { LabelledResource } from '../model/label.ts'
import { programNames } from '../model/programs.ts'
import { person } from './consents-words.ts'

/** One Consent permits what another refuses. */
export interface ConsentConflict {
  readonly permits: ConsentRef
  readonly permitPath: string
  readonly refuses: ConsentRef
  readonly refusePath: string
  /** An example: to whom, for what purpose, which kind of record. */
  readonly who: string
  readonly purpose: string
  readonly what: string
}

export interface ConflictRooms {
  readonly reader: ConsentReader
  readonly readerOptions: ConsentReaderOptions
  readonly labeller: Labeller
  readonly directory: Directory
  readonly zone: string
  readonly at: Date
}

/** Questions asked at most; Consents that name more combinations are compared on the first of them. */
const QUESTIONS_MAX = 20_000

export interface Conflicts {
  readonly conflicts: readonly ConsentConflict[]
  /** False where not every combination was asked. */
  readonly all: boolean
}

/**
 * Asks the enforceable Consents of one patient about whatever they themselves name (recipients, purposes, kinds of record)
 * and finds pairs that answer the opposite. What they answer is what decisions rest on; nothing of the chart is read.
 */
export function findConflicts(
  directives: readonly ConsentDirective[],
  patient: string,
  rooms: ConflictRooms,
): Conflicts {
  const enforceable = directives.filter(({ state }) => state === 'enforceable')
  const provisions = enforceable.flatMap(directive => provisionsOf(directive, rooms))
  const found = new Map<string, ConsentConflict>()
  let left = QUESTIONS_MAX
  if (enforceable.length < 2) return { conflicts: [], all: true }
  const records = recordsOf(provisions, patient, rooms)
  for (const who of recipientsOf(provisions, rooms))
    for (const purpose of purposesOf(provisions)) {
      const question = questionOf(who, purpose, provisions, rooms)
      for (const { record, name } of records) {
        if (left-- === 0) return { conflicts: [...found.values()], all: false }
        for (const pair of opposites(rooms.reader.ask(enforceable, question, record))) {
          const key = [pair.permits.reference, pair.permitPath, pair.refuses.reference, pair.refusePath].join(
            ' ',
          )
          if (!found.has(key)) found.set(key, { ...pair, who: who.name, purpose, what: name })
        }
      }
    }
  return { conflicts: [...found.values()], all: true }
}

function provisionsOf(
  { ref, copy }: ConsentDirective,
  { readerOptions, zone }: ConflictRooms,
): readonly ProvisionDescription[] {
  const found = describeProvisions({ ref, resource: copy }, readerOptions, zone)
  return 'unreadable' in found ? [] : found
}

function opposites(
  verdicts: readonly ConsentVerdict[],
): readonly Omit<ConsentConflict, 'who' | 'purpose' | 'what'>[] {
  const permits = verdicts.filter(({ effect }) => effect === 'permit')
  const refusals = verdicts.filter(({ effect }) => effect === 'deny')
  return permits.flatMap(yes =>
    refusals.map(no => ({
      permits: yes.ref,
      permitPath: yes.path,
      refuses: no.ref,
      refusePath: no.path,
    })),
  )
}

interface Recipient {
  readonly name: string
  readonly actor: ConsentQuestion['actors'][number]
  readonly classes: readonly string[]
}

const ANYBODY: Recipient = {
  name: 'anybody',
  actor: { role: 'recipient', reference: 'Organization/anybody' },
  classes: [],
}

/** Everybody the provisions name; somebody of each class; and somebody whom none names, where one names nobody. */
function recipientsOf(
  provisions: readonly ProvisionDescription[],
  { directory }: ConflictRooms,
): readonly Recipient[] {
  const found = new Map<string, Recipient>()
  for (const { recipients } of provisions) {
    if (recipients.length === 0) found.set('', ANYBODY)
    for (const one of recipients)
      for (const recipient of asRecipients(one, directory)) found.set(recipient.name, recipient)
  }
  return [...found.values()]
}

function asRecipients(actor: ProvisionActor, directory: Directory): readonly Recipient[] {
  const { reference, identifier, classes } = actor
  const group = reference === undefined ? undefined : directory.resolve(reference)
  const designated = group?.resourceType === 'Group' ? recipientClassesOf(group) : classes
  const ofClasses = designated.map(code => ({ ...ANYBODY, name: code, classes: [code] }))
  if (identifier !== undefined)
    return [...ofClasses, { name: person(actor), actor: { role: 'recipient', identifier }, classes: [] }]
  if (reference === undefined || reference.startsWith('#')) return ofClasses
  const named = { role: 'recipient', reference: reference as LiteralReference } as const
  return [...ofClasses, { name: person(actor), actor: named, classes: [] }]
}

function purposesOf(provisions: readonly ProvisionDescription[]): readonly string[] {
  const named = provisions.flatMap(({ purposes = [] }) => purposes.map(({ code }) => code))
  return named.length === 0 ? ['TREAT'] : [...new Set(named)]
}

function questionOf(
  { actor, classes }: Recipient,
  purpose: string,
  provisions: readonly ProvisionDescription[],
  { at, zone, directory }: ConflictRooms,
): ConsentQuestion {
  const disclosers = provisions
    .flatMap(one => one.disclosers)
    .map(({ reference, identifier }) => ({
      role: 'discloser' as const,
      ...(reference === undefined ? {} : { reference: reference as LiteralReference }),
      ...(identifier === undefined ? {} : { identifier }),
    }))
  return {
    at,
    zone,
    action: 'access',
    purposes: [purpose],
    actors: [actor, ...disclosers],
    recipientClasses: classes,
    directory,
  }
}

interface NamedRecord {
  readonly record: LabelledResource
  readonly name: string
}

/** A record of every kind the provisions name, and of each two labels that different ones name. */
function recordsOf(
  provisions: readonly ProvisionDescription[],
  patient: string,
  { labeller, at }: ConflictRooms,
): readonly NamedRecord[] {
  const about = { patient, at, programs: programNames(NO_PROGRAMS) }
  const standIn = createStandIns(labeller)
  const kinds = new Map<string, Kind>()
  for (const provision of provisions) for (const kind of kindsOf(provision)) kinds.set(nameOfKind(kind), kind)
  const labels = [...kinds.values()].flatMap(kind => (kind.labels.length === 1 ? kind.labels : []))
  for (const [index, one] of labels.entries())
    for (const other of labels.slice(index + 1)) {
      const both: Kind = { labels: [one, other] }
      if (one.code !== other.code) kinds.set(nameOfKind(both), both)
    }
  return [...kinds].map(([name, kind]) => ({ name, record: standIn(about, kind) }))
}

const NO_PROGRAMS = {
  part2Programs: [],
  sudOnlyFacilities: [],
  notFederallyAssisted: [],
  sources: {},
  agreements: [],
  other: {},
}

function kindsOf({ labels, classes, codes, data }: ProvisionDescription): readonly Kind[] {
  const instances = (data ?? []).flatMap(({ meaning, actor }) =>
    meaning === 'authoredby' || actor.reference === undefined ? [] : [actor.reference],
  )
  const choices = <T>(given: readonly T[] | undefined): readonly (T | undefined)[] =>
    given === undefined || given.length === 0 ? [undefined] : given
  return choices<Coding>(labels).flatMap(label =>
    choices<Coding>(classes).flatMap(content =>
      choices<Coding>(codes).flatMap(code =>
        choices(instances).map(instance => ({
          labels: label === undefined ? [] : [label],
          ...(content === undefined ? {} : { content }),
          ...(code === undefined ? {} : { code }),
          ...(instance === undefined ? {} : { instance }),
        })),
      ),
    ),
  )
}

function nameOfKind({ labels, content, code, instance }: Kind): string {
  const parts = [
    ...(instance === undefined ? [] : [instance]),
    ...(content === undefined ? [] : [isType(content) ? content.code : `class ${content.code}`]),
    ...(code === undefined ? [] : [`code ${code.code}`]),
    ...(labels.length === 0 ? [] : [`labelled ${labels.map(label => label.code).join(' and ')}`]),
  ]
  return parts.length === 0 ? 'any record' : `a record: ${parts.join(', ')}`
}

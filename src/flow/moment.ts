import type { ConsentDirective, ConsentOnFile, ConsentQuestion, Directory } from '../model/consent.ts'
import type { AskConsents, DecisionContext } from '../model/decision.ts'
import type { Understood } from '../model/exchange.ts'
import { DIRECTORY_TYPES, type Resource } from '../model/fhir.ts'
import type { OfficeView } from '../model/office.ts'
import { recipientClassesOf } from '../model/recipient.ts'
import { Refusal } from '../model/refusal.ts'
import type { Requester } from '../model/requester.ts'
import { askingConsents } from './asking.ts'
import { directoryFor } from './directory.ts'
import { type Known, resourceOf } from './lookups.ts'
import type { Rooms } from './rooms.ts'

/** What all decisions of an exchange share. Reused by exchanges of the same requester about the same patients. */
export interface SharedFacts {
  readonly context: DecisionContext
  readonly question: ConsentQuestion
  readonly ask: AskConsents
  readonly directives: ReadonlyMap<string, readonly ConsentDirective[]>
}

/** The patients of an exchange with what was fetched for them. */
export interface PatientsAtHand {
  readonly onFile: ReadonlyMap<string, readonly ConsentOnFile[]>
  readonly birthDates: ReadonlyMap<string, string>
}

/**
 * One requester, one set of purposes, one second: exchanges within it ask the same questions of the same Consents, so
 * directives, directory, question and context are made once. The second bounds how late a period, an agreement that ends
 * or a change of the directory is noticed; Consents themselves are compared by identity each time, and so is what the
 * privacy office has on file.
 */
export interface Moment {
  readonly share: (rooms: Rooms, patients: PatientsAtHand) => Promise<SharedFacts>
  /** Directory resources that labelling looked up are known to the directory too. */
  readonly learn: (known: Known) => void
}

/** By rooms: the moments of rooms that are no longer in force go with them, however long a requester is remembered. */
const moments = new WeakMap<Rooms, WeakMap<Requester, KnownMoment>>()

interface KnownMoment {
  readonly second: number
  readonly key: string
  readonly view: OfficeView | undefined
  readonly moment: Moment
}

/**
 * The moment an exchange falls into. Looks at the office once; throws Refusal `record-unavailable` where that cannot be
 * looked at: what was ended there must not go on counting.
 */
export function momentOf(
  rooms: Rooms,
  exchange: Pick<Understood, 'requester' | 'purposeOfUse' | 'receivedAt'>,
): Moment {
  const { requester, purposeOfUse, receivedAt } = exchange
  const second = Math.floor(receivedAt.getTime() / 1000)
  const key = purposeOfUse.effective.join(' ')
  const view = lookAt(rooms)
  const ofRooms = moments.get(rooms) ?? new WeakMap<Requester, KnownMoment>()
  moments.set(rooms, ofRooms)
  const known = ofRooms.get(requester)
  if (known?.second === second && known.key === key && known.view === view) return known.moment
  const moment = createMoment(requester, purposeOfUse.effective, receivedAt, view)
  ofRooms.set(requester, { second, key, view, moment })
  return moment
}

function lookAt({ office }: Rooms): OfficeView | undefined {
  try {
    return office?.look()
  } catch (cause) {
    throw new Refusal('record-unavailable', { detail: 'the office cannot be looked at', cause })
  }
}

interface Share {
  readonly onFile: readonly (readonly ConsentOnFile[] | undefined)[]
  readonly facts: SharedFacts
}

function createMoment(
  requester: Requester,
  purposes: readonly string[],
  at: Date,
  view: OfficeView | undefined,
): Moment {
  const claimsOf = view?.claimsOf(requester, purposes, at)
  const shares = new Map<string, Share>()
  const pool = new Map<string, Resource | undefined>()
  const learned = new WeakSet<Known>()
  const directives = new WeakMap<readonly ConsentOnFile[], readonly ConsentDirective[]>()

  const read = (rooms: Rooms, onFile: readonly ConsentOnFile[]): readonly ConsentDirective[] => {
    const known = directives.get(onFile)
    if (known !== undefined) return known
    const made = rooms.consent.read(onFile, at, rooms.site.zone)
    directives.set(onFile, made)
    return made
  }

  return {
    learn: known => {
      if (learned.has(known)) return
      learned.add(known)
      for (const [reference, facts] of known) {
        if (facts === 'absent' || !isDirectory(facts.type)) continue
        pool.set(reference, resourceOf(facts))
      }
    },
    share: async (rooms, { onFile, birthDates }) => {
      const names = [...onFile.keys()].sort()
      const key = names.map(name => `${name} ${birthDates.get(name) ?? ''}`).join()
      const consents = names.map(name => onFile.get(name))
      const known = shares.get(key)
      if (known?.onFile.every((list, index) => list === consents[index])) return known.facts
      const base = await directoryFor(rooms.upstream, onFile, requester, {
        bases: rooms.site.bases ?? [rooms.site.baseUrl],
        also: [rooms.site.custodian.organization],
      })
      const directory = {
        ...base,
        resolve: (reference: string) => base.resolve(reference) ?? pool.get(reference),
      }
      const byPatient = new Map(names.map(name => [name, read(rooms, onFile.get(name) ?? [])]))
      const facts = sharedFacts(rooms, {
        requester,
        purposes,
        at,
        directory,
        directives: byPatient,
        birthDates: new Map(birthDates),
        claimsOf,
      })
      shares.set(key, { onFile: consents, facts })
      return facts
    },
  }
}

function isDirectory(type: string): boolean {
  return DIRECTORY_TYPES.has(type) || type === 'RelatedPerson' || type === 'Group' || type === 'CareTeam'
}

interface Given {
  readonly requester: Requester
  readonly purposes: readonly string[]
  readonly at: Date
  readonly directory: Directory
  readonly directives: ReadonlyMap<string, readonly ConsentDirective[]>
  readonly birthDates: ReadonlyMap<string, string>
  readonly claimsOf: DecisionContext['claimsOf']
}

function sharedFacts(rooms: Rooms, given: Given): SharedFacts {
  const { site } = rooms
  const { requester, purposes, at, directory, directives, birthDates, claimsOf } = given
  const question: ConsentQuestion = {
    at,
    zone: site.zone,
    action: 'access',
    purposes,
    actors: [...requester.actors, { role: 'discloser', reference: site.custodian.organization }],
    recipientClasses: recipientClassesOf(site.recipientClasses, requester),
    directory,
  }
  const context: DecisionContext = {
    at,
    zone: site.zone,
    custodian: site.custodian,
    registry: site.registry,
    requester,
    purposes,
    action: requester.organization === site.custodian.organization ? 'use' : 'disclose',
    directory,
    ...(site.defaultPolicy === undefined ? {} : { defaultPolicy: site.defaultPolicy }),
    ...(site.defaultPolicies === undefined ? {} : { defaultPolicies: site.defaultPolicies }),
    policy: 'law',
    consents: directives,
    birthDates,
    organizationPolicy: site.organizationPolicy,
    ...(claimsOf === undefined ? {} : { claimsOf }),
  }
  return { context, question, directives, ask: askingConsents(rooms.consent, directives, question) }
}

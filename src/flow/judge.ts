import type { ConsentDirective, ConsentOnFile, ConsentQuestion } from '../model/consent.ts'
import type { DecidedResource, Reason } from '../model/decision.ts'
import type { Labeller } from '../model/doors.ts'
import type { Understood } from '../model/exchange.ts'
import type { LabelledResource, ResourceFacts } from '../model/label.ts'
import type { ProgramNames } from '../model/programs.ts'
import { recipientOf } from '../model/requester.ts'
import { birthDateOf, type Known, lookUp } from './lookups.ts'
import { momentOf, type SharedFacts } from './moment.ts'
import { directoryNames, registeredNames } from './programs.ts'
import type { Rooms } from './rooms.ts'
import { releasedAmong, throughOf, withThrough } from './through.ts'

/** Labels and decides resources of one exchange; everything the exchange's decisions share is gathered once. */
export interface Judge {
  readonly label: (
    facts: readonly ResourceFacts[],
  ) => Promise<{ labelled: readonly LabelledResource[]; known: Known }>
  readonly decide: (
    labelled: readonly LabelledResource[],
    known: Known,
  ) => Promise<readonly DecidedResource[]>
  /** Labels a stand-in, for which nothing is looked up. */
  readonly labelAlone: (facts: ResourceFacts) => LabelledResource
  /** Labels a stand-in for a part of a record, with what was looked up for the record. */
  readonly labelPart: (facts: ResourceFacts, whole: ResourceFacts) => LabelledResource
  /** Decides what was labelled already for patients whose Consents are at hand; for stand-ins that are not fetched. */
  readonly decideNow: (labelled: readonly LabelledResource[]) => readonly DecidedResource[]
  /** How programs are named in what was labelled until now. */
  readonly programs: () => ProgramNames
  /** Projections that releases of this exchange may come to pass, whoever the patient is. */
  readonly projectionsAhead: () => Promise<readonly string[]>
  readonly directives: () => ReadonlyMap<string, readonly ConsentDirective[]>
}

export function createJudge(rooms: Rooms, exchange: Understood): Judge {
  const moment = momentOf(rooms, exchange)
  const onFile = new Map<string, readonly ConsentOnFile[]>()
  const birthDates = new Map<string, string>()
  let shared: SharedFacts | undefined
  let programs = registeredNames(rooms.site.registry)

  const admitPatients = async (patients: ReadonlySet<string>): Promise<void> => {
    const missing = [...patients].filter(patient => !onFile.has(patient))
    if (missing.length === 0 && shared !== undefined) return
    if (missing.length > 0) {
      const fetched = await rooms.upstream.consents(missing)
      for (const patient of missing) {
        const consents = fetched.get(patient)
        if (consents !== undefined) onFile.set(patient, consents)
      }
    }
    shared = await moment.share(rooms, { onFile, birthDates })
  }

  const decideNow: Judge['decideNow'] = labelled => {
    if (shared === undefined) throw new Error('decided before the facts of the exchange were gathered')
    const { context, ask, question } = shared
    return rooms.decider
      .decide(context, labelled, ask)
      .map(decided => constrain(rooms, exchange, question, decided))
  }

  const lookedUp = new WeakMap<ResourceFacts, Known>()
  const label: Judge['label'] = async given => {
    const facts = await allRead(rooms.labeller, given)
    const [known, named] = await Promise.all([
      lookUp(rooms, facts, exchange.receivedAt),
      directoryNames(rooms, facts),
    ])
    programs = named ?? programs
    const labelled = labelAll(rooms, facts, known, { at: exchange.receivedAt, programs })
    for (const one of labelled) if (one.facts.telling !== undefined) lookedUp.set(one.facts, known)
    return { labelled, known }
  }

  const decideOwn: Judge['decide'] = async (labelled, known) => {
    moment.learn(known)
    const patients = patientsOf(labelled)
    for (const patient of patients) {
      const birthDate = birthDateOf(known, patient)
      if (birthDate !== undefined) birthDates.set(patient, birthDate)
    }
    await admitPatients(patients)
    return decideNow(labelled)
  }

  return {
    directives: () => shared?.directives ?? NO_DIRECTIVES,
    projectionsAhead: async () => {
      if (rooms.decider.projectionsAhead === undefined) return []
      const { context } = await moment.share(rooms, { onFile: new Map(), birthDates: new Map() })
      return rooms.decider.projectionsAhead(context)
    },
    programs: () => programs,
    labelPart: (facts, whole) =>
      labelOne(rooms, facts, lookedUp.get(whole) ?? NOTHING_KNOWN, { at: exchange.receivedAt, programs }),
    labelAlone: facts => rooms.labeller.label(facts, () => 'absent', { at: exchange.receivedAt, programs }),
    label,
    decide: async (labelled, known) => {
      const decided = await decideOwn(labelled, known)
      const through = throughOf(labelled)
      if (through.length === 0) return decided
      const targets = await label(factsBehind(through, known))
      const released = releasedAmong(await decideOwn(targets.labelled, targets.known))
      return withThrough(decided, reference => released.has(reference))
    },
    decideNow,
  }
}

const behind = new WeakMap<readonly string[], readonly ResourceFacts[]>()

/** What references lead to; the same list for the same references while it is the same facts. */
function factsBehind(references: readonly string[], known: Known): readonly ResourceFacts[] {
  const found = references.flatMap(reference => {
    const facts = known.get(reference)
    return facts === undefined || facts === 'absent' ? [] : [facts]
  })
  const before = behind.get(references)
  if (before?.length === found.length && before.every((facts, n) => facts === found[n])) return before
  behind.set(references, found)
  return found
}

const NO_DIRECTIVES: ReadonlyMap<string, readonly ConsentDirective[]> = new Map()
const patientSets = new WeakMap<readonly LabelledResource[], ReadonlySet<string>>()

function patientsOf(labelled: readonly LabelledResource[]): ReadonlySet<string> {
  const known = patientSets.get(labelled)
  if (known !== undefined) return known
  const patients = new Set(labelled.flatMap(resource => resource.facts.patients))
  patientSets.set(labelled, patients)
  return patients
}

const labelledPages = new WeakMap<
  Known,
  {
    facts: readonly ResourceFacts[]
    day: string
    programs: ProgramNames
    labelled: readonly LabelledResource[]
  }
>()

/** Labels a list of facts; the same facts, look-ups and names of programs on the same day give the same labels. */
function labelAll(
  rooms: Rooms,
  facts: readonly ResourceFacts[],
  known: Known,
  { at, programs }: { readonly at: Date; readonly programs: ProgramNames },
): readonly LabelledResource[] {
  const day = at.toISOString().slice(0, 10)
  const before = labelledPages.get(known)
  if (before?.facts === facts && before.day === day && before.programs === programs) return before.labelled
  const labelled = facts.map(fact => labelOne(rooms, fact, known, { at, programs }))
  labelledPages.set(known, { facts, day, programs, labelled })
  return labelled
}

function labelOne(
  { labeller }: Rooms,
  facts: ResourceFacts,
  known: Known,
  { at, programs }: { readonly at: Date; readonly programs: ProgramNames },
): LabelledResource {
  const [patient] = facts.patients
  const birthDate = patient === undefined ? undefined : birthDateOf(known, patient)
  const context = { at, programs, ...(birthDate === undefined ? {} : { birthDate }) }
  return labeller.label(facts, reference => known.get(reference), context, known.referrers)
}

const NOTHING_KNOWN: Known = new Map()

const readLists = new WeakMap<readonly ResourceFacts[], readonly ResourceFacts[]>()

/** These facts with their documents read; the same list where none waits, or where all have been read before. */
async function allRead(
  labeller: Labeller,
  facts: readonly ResourceFacts[],
): Promise<readonly ResourceFacts[]> {
  if (facts.every(({ pending }) => pending === undefined)) return facts
  const known = readLists.get(facts)
  if (known !== undefined) return known
  const read = await Promise.all(facts.map(one => labeller.read(one)))
  if (read.every(({ pending }) => pending === undefined)) readLists.set(facts, read)
  return read
}

/** Token limits and duties that cannot be met withdraw a permission; they never give one. */
function constrain(
  rooms: Rooms,
  exchange: Understood,
  question: ConsentQuestion,
  decided: DecidedResource,
): DecidedResource {
  if (decided.decision.effect === 'deny') return decided
  if (!rooms.identity.reaches(exchange.requester, decided.labelled.facts, exchange.interaction.code))
    return withdraw(decided, {
      rule: 'smart-scope',
      source: 'token',
      effect: 'deny',
      citation: 'SMART App Launch 2.2, Scopes',
    })
  const { residual } = exchange.requester
  if (residual.length > 0 && rooms.consent.residual(residual, question, decided.labelled) === 'deny')
    return withdraw(decided, {
      rule: 'ihe-pcf-residual',
      source: 'token',
      effect: 'deny',
      citation: 'IHE PCF 3.71.4.2.2.1.4',
      ground: '171.202(b)',
    })
  if (
    exchange.interaction.code !== 'search-type' &&
    rooms.segmenter.pseudonymous?.(decided.decision) === true
  )
    return withdraw(decided, {
      rule: 'pseudonymous-by-search-alone',
      source: 'purpose',
      effect: 'deny',
      citation: '45 CFR 164.514(b)(2)(i)(R), (e)(2)',
      ground: '171.204(a)(2)',
    })
  const duty = rooms.segmenter.undischargeable(decided.decision, decided.labelled.facts.type)
  if (duty !== undefined)
    return withdraw(decided, {
      rule: `undischargeable:${duty}`,
      source: 'purpose',
      effect: 'deny',
      ground: '171.204(a)(2)',
    })
  if (rooms.segmenter.projectable?.(decided, recipientOf(exchange.requester)) === false)
    return withdraw(decided, {
      rule: 'projection-failed',
      source: 'purpose',
      effect: 'deny',
      ground: '171.204(a)(2)',
    })
  return decided
}

function withdraw(decided: DecidedResource, reason: Reason): DecidedResource {
  return {
    labelled: decided.labelled,
    decision: {
      effect: 'deny',
      because: [reason, ...decided.decision.because],
      obligations: [],
      caveats: [],
      notices: [],
      consents: [],
      redact: [],
    },
  }
}

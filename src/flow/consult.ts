import { hash } from 'node:crypto'
import { servedTypes } from '../interaction/search-parameters.ts'
import type { ConsentVerdict } from '../model/consent.ts'
import type { ConsultAnswer, ConsultBasis, Consulted, PatientResolution } from '../model/consult.ts'
import type { ConsultIdentity, ConsultParser, ConsultRecorder, ConsultResponder } from '../model/doors.ts'
import type { HttpRequest, HttpResponse, Identified, Received, Refused } from '../model/exchange.ts'
import type { ConsultInteraction } from '../model/interaction.ts'
import type { AuditSet } from '../model/record.ts'
import { Refusal } from '../model/refusal.ts'
import { type Bench, openBench, type PatientAtHand } from './consult-bench.ts'
import { flatten } from './consult-flatten.ts'
import { type Mentions, mentionsOf } from './consult-mentions.ts'
import { resolvePatient } from './consult-patient.ts'
import type { StandIns } from './consult-standins.ts'
import type { ConsultVocabulary } from './consult-vocabulary.ts'
import { weigh } from './consult-weigh.ts'
import { asRefusal, placeOf, receive, refuse, refuseUnread } from './exchange.ts'
import { receiptFor } from './receipt.ts'
import type { Rooms } from './rooms.ts'

/** What the corridor of consults walks through beside the rooms of the FHIR API. */
export interface ConsultRooms extends Rooms {
  readonly desk: {
    readonly identity: ConsultIdentity
    readonly parser: ConsultParser
    readonly recorder: ConsultRecorder
    readonly responder: ConsultResponder
    readonly standIns: StandIns
    readonly vocabulary: ConsultVocabulary
  }
}

/**
 * One CDS Hooks request, end to end: discovery, or the question `patient-consent-consult`, which walks the path of an
 * exchange with stand-ins in the place of data. Never throws; no record, no response.
 */
export async function consult(rooms: ConsultRooms, request: HttpRequest): Promise<HttpResponse> {
  const received = receive(rooms, request)
  let reached: Received & Partial<Identified> & { interaction?: ConsultInteraction } = received
  try {
    refuseUnread(request)
    const { desk } = rooms
    if (desk.parser.isDiscovery(received)) return desk.responder.discovery()
    const identified = await rooms.identity.identify(received)
    reached = identified
    desk.identity.admit(identified.requester)
    const interaction = desk.parser.understand(identified)
    reached = { ...identified, interaction }
    return await answer(rooms, await decide(rooms, identified, interaction))
  } catch (error) {
    const refused: Refused = { ...reached, refusal: asRefusal(error) }
    return await refuse(rooms, refused)
  }
}

async function answer(rooms: ConsultRooms, consulted: Consulted): Promise<HttpResponse> {
  const set = recordOf(rooms, consulted)
  try {
    const receipt = await receiptFor(rooms, set)
    return rooms.desk.responder.answer({ ...consulted, receipt })
  } catch {
    return rooms.responder.unrecorded()
  }
}

function recordOf({ desk }: ConsultRooms, consulted: Consulted): AuditSet {
  try {
    return desk.recorder.consult(consulted)
  } catch (error) {
    throw new Refusal('record-unavailable', { detail: placeOf(error), cause: error })
  }
}

/** Nobody: whoever has no Consent is answered like this one, and so is who does not exist. */
const NOBODY: PatientAtHand = { reference: 'Patient/nobody', onFile: [] }

async function decide(
  rooms: ConsultRooms,
  identified: Identified,
  interaction: ConsultInteraction,
): Promise<Consulted> {
  const { desk } = rooms
  const consultedFor = desk.identity.consultFor(identified, interaction)
  const { resolution, patient } = await patientAtHand(rooms, identified, interaction)
  const { standIns } = desk
  const bench = await openBench(rooms, identified, consultedFor, standIns, patient)
  const spoken = weighed(rooms, interaction, bench)
  const bases = basesOf(bench)
  const known = resolution === 'found' && bases.length > 0
  const nobody = known ? undefined : await openBench(rooms, identified, consultedFor, standIns, NOBODY)
  const used = nobody ?? bench
  const { decision, ...rest } = nobody === undefined ? spoken : weighed(rooms, interaction, nobody)
  const doubt =
    rest.needsData || (decision === 'deny' && bases.some(({ effect }) => effect === 'indeterminate'))
  const exact: ConsultAnswer = {
    ...rest,
    ...(known ? { decision } : { decision: 'no-consent', withoutConsent: decision }),
    indeterminate: known && doubt,
    duties: decision === 'permit' ? dutiesOf(used) : [],
    basedOn: known ? bases : [],
  }
  const unread = bench.directives.filter(({ state }) => state === 'unreadable')
  const consulted = {
    ...identified,
    interaction,
    consultedFor,
    resolution,
    ...(resolution === 'found' ? { patient: patient.reference } : {}),
    answer: exact,
    decided: toldOf(used),
    unread: unread.map(({ ref, why }) => ({ consent: ref, why: why ?? 'unreadable' })),
    revision: rooms.site.revision,
  }
  const body = desk.responder.compose(consulted, flatten(exact, interaction.labels, desk.vocabulary))
  return { ...consulted, release: { body, digest: hash('sha256', body) } }
}

let types: readonly string[] | undefined

/** What the FHIR API gives out; worked out when first asked, for it reads the definitions of R4. */
function typesOfApi(): readonly string[] {
  types ??= servedTypes().map(({ type }) => type)
  return types
}

function weighed({ desk, site }: ConsultRooms, interaction: ConsultInteraction, bench: Bench) {
  const mentions: Mentions = mentionsOf(bench.directives)
  const organizations = [
    site.custodian.organization,
    ...site.registry.part2Programs,
    ...Object.values(site.registry.sources),
    ...mentions.actors,
  ]
  return weigh({
    judge: bench.judge,
    asked: interaction,
    vocabulary: desk.vocabulary,
    mentions,
    sources: [...new Set(organizations.filter(one => one.startsWith('Organization/')))],
    types: typesOfApi(),
  })
}

/**
 * The patient with the Consents on file. Whoever cannot be told apart, is out of the token's reach or does not exist is
 * looked up to the same extent, under a name that nobody has, and has none.
 */
async function patientAtHand(
  rooms: ConsultRooms,
  { id, requester }: Identified,
  { patients }: ConsultInteraction,
): Promise<{ readonly resolution: PatientResolution; readonly patient: PatientAtHand }> {
  const { resolution, facts } = await resolvePatient(rooms, patients)
  if (facts !== undefined && rooms.desk.identity.reaches(requester, facts.reference)) {
    const onFile = (await rooms.upstream.consents([facts.reference])).get(facts.reference)
    if (onFile === undefined) throw new Refusal('consent-unavailable')
    return { resolution, patient: { reference: facts.reference, facts, onFile } }
  }
  await rooms.upstream.consents([`Patient/${id}`]).catch(() => undefined)
  return {
    resolution: facts === undefined ? resolution : 'out-of-reach',
    patient: { ...NOBODY, reference: `Patient/${id}` },
  }
}

/** What the record tells: every kind, but sources only where they decide otherwise. */
function toldOf(bench: Bench): Consulted['decided'] {
  return bench
    .judged()
    .filter(({ kind: { source, ...kind }, permitted }) => {
      return source === undefined || bench.judge(kind).permitted !== permitted
    })
    .map(({ name, decided }) => ({ name, decided }))
}

/** Consents that spoke of what was asked, each place once, in one order. */
function basesOf(bench: Bench): readonly ConsultBasis[] {
  const bases = new Map<string, ConsultBasis>()
  for (const verdict of bench.judged().flatMap(({ verdicts }) => verdicts)) {
    const basis = basisOf(verdict)
    if (basis === undefined) continue
    const { consent, path, effect } = basis
    bases.set([consent.source, consent.reference, consent.version, path, effect].join(' '), basis)
  }
  return [...bases].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, basis]) => basis)
}

function basisOf({ ref, path, effect }: ConsentVerdict): ConsultBasis | undefined {
  return effect === 'not-covered' ? undefined : { consent: ref, path, effect }
}

/** What a release of the permitted kinds obliges to; that everything is recorded is our own affair. */
function dutiesOf(bench: Bench): readonly string[] {
  const permitted = bench.judged().filter(one => one.permitted)
  const duties = permitted.flatMap(({ decided: { decision } }) => [
    ...decision.obligations,
    ...decision.notices,
  ])
  return [...new Set(duties)].filter(duty => duty !== 'AUDIT').sort()
}

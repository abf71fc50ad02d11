import { hash, randomUUIDv7 } from 'node:crypto'
import type {
  Declared,
  EmergencyGrant,
  EmergencyIdentity,
  EmergencyInteraction,
  EmergencyParser,
  EmergencyRecorder,
  EmergencyResponder,
} from '../model/emergency.ts'
import type { HttpRequest, HttpResponse, Identified, Received, Refused } from '../model/exchange.ts'
import { Refusal } from '../model/refusal.ts'
import { asRefusal, placeOf, receive, refuse, refuseUnread } from './exchange.ts'
import { receiptFor } from './receipt.ts'
import type { Rooms } from './rooms.ts'

/** What the corridor of declarations walks through beside the rooms of the FHIR API. */
export interface EmergencyRooms extends Rooms {
  readonly emergency: {
    readonly identity: EmergencyIdentity
    readonly parser: EmergencyParser
    readonly recorder: EmergencyRecorder
    readonly responder: EmergencyResponder
    readonly grantSeconds: number
    readonly reviewSeconds: number
    /** 42 CFR 2.51(c)(2). */
    readonly discloser: string
    /** Declarations of one principal in the 24 hours until a moment. */
    readonly declaredWithinDay: (principal: string, at: Date) => number
    /** Declarations of a principal that passed that count and are not in the store yet. */
    readonly underWay: Map<string, number>
    /** More of them are refused: a stolen token must not open a hospital. */
    readonly mostPerDay: number
    /** Puts grant, review case and alert into the store of the office in one event. Throws where that is not durable. */
    readonly open: (grant: EmergencyGrant) => void
  }
}

/**
 * One declaration of an emergency, end to end: who, what, recorded with its facts, opened, answered. No upstream is asked,
 * so the answer cannot tell whether the patient exists or what is on file. Never throws; no record, no grant; no grant,
 * no answer but the constant 503.
 */
export async function declareEmergency(rooms: EmergencyRooms, request: HttpRequest): Promise<HttpResponse> {
  const received = receive(rooms, request)
  let reached: Received & Partial<Identified> & { interaction?: EmergencyInteraction } = received
  try {
    refuseUnread(request)
    const { emergency } = rooms
    const identified = await rooms.identity.identify(received)
    reached = identified
    emergency.identity.admit(identified)
    const interaction = emergency.parser.understand(identified)
    reached = { ...identified, interaction }
    emergency.identity.reaches(identified.requester, interaction.patient)
    return await counted(emergency, identified, () =>
      answer(rooms, declaredOf(rooms, identified, interaction)),
    )
  } catch (error) {
    const refused: Refused = { ...reached, refusal: asRefusal(error) }
    return await refuse(rooms, refused)
  }
}

/** Throws Refusal `rate-limited` above the bound; what is being recorded counts, or all would pass that come at once. */
async function counted<T>(
  { declaredWithinDay, mostPerDay, underWay }: EmergencyRooms['emergency'],
  { requester: { key }, receivedAt }: Identified,
  declare: () => Promise<T>,
): Promise<T> {
  const others = underWay.get(key) ?? 0
  if (declaredWithinDay(key, receivedAt) + others >= mostPerDay)
    throw new Refusal('rate-limited', { detail: 'emergency.declarationsPerUserMax' })
  underWay.set(key, others + 1)
  try {
    return await declare()
  } finally {
    const left = (underWay.get(key) ?? 1) - 1
    if (left === 0) underWay.delete(key)
    else underWay.set(key, left)
  }
}

/** The record first: a grant without one must not be, a record of a declaration that opened nothing may. */
async function answer(rooms: EmergencyRooms, declared: Declared): Promise<HttpResponse> {
  const { recorder, responder, open } = rooms.emergency
  const set = recorder.declaration(declared)
  try {
    const receipt = await receiptFor(rooms, set)
    open(declared.grant)
    return responder.answer({ ...declared, receipt })
  } catch {
    return rooms.responder.unrecorded()
  }
}

function declaredOf(
  rooms: EmergencyRooms,
  identified: Identified,
  interaction: EmergencyInteraction,
): Declared {
  const { emergency, site } = rooms
  const grant = grantFor(emergency, identified, interaction)
  const body = emergency.responder.compose(grant)
  return {
    ...identified,
    interaction,
    grant,
    revision: site.revision,
    release: { body, digest: hash('sha256', body) },
  }
}

/**
 * From the second of the declaration for so many seconds. Whole seconds, because an exchange is decided once for the
 * second it falls into.
 */
function grantFor(
  { grantSeconds, reviewSeconds, discloser }: EmergencyRooms['emergency'],
  { id, receivedAt, requester }: Identified,
  interaction: EmergencyInteraction,
): EmergencyGrant {
  const { key, client, user, userName, organization, registration } = requester
  if (user === undefined) throw new Refusal('user-required', { detail: placeOf(new Error('no user')) })
  const start = Math.floor(receivedAt.getTime() / 1000)
  const { code: _code, operation: _operation, patient, ...facts } = interaction
  return {
    id: randomUUIDv7(),
    patient,
    start: secondText(start),
    end: secondText(start + grantSeconds),
    reviewBy: secondText(start + reviewSeconds),
    principal: key,
    client,
    ...(registration === undefined ? {} : { issuer: registration.issuer }),
    user,
    ...(userName === undefined ? {} : { userName }),
    ...(organization === undefined ? {} : { organization }),
    facts,
    discloser,
    exchange: id,
  }
}

function secondText(second: number): string {
  return `${new Date(second * 1000).toISOString().slice(0, 19)}Z`
}

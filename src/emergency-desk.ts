import type { EmergencyRooms } from './flow/emergency.ts'
import type { Rooms } from './flow/rooms.ts'
import { recording } from './house-rooms.ts'
import { createEmergencyIdentity } from './identity/emergency.ts'
import { createEmergencyParser } from './interaction/emergency.ts'
import type { Configuration } from './model/configuration.ts'
import type { EmergencyGrant } from './model/emergency.ts'
import type { OfficeStore } from './model/office.ts'
import { createAlertSender } from './office/alerts.ts'
import { grantEvent } from './office/grants.ts'
import { declaredWithinDay, oddUse, SETTLED_MS } from './office/odd-use.ts'
import { EmergencyFold, type ReviewCase } from './office/reviews.ts'
import { createEmergencyRecorder } from './record/emergency.ts'
import { readUnderGrant } from './record/under-grant.ts'
import { createEmergencyResponder } from './respond/emergency.ts'

/** Path of the emergency door, beside the FHIR API. */
const PATH = '/emergency-access'
const MINUTE_S = 60
const DAY_S = 86_400

export interface EmergencyDependencies {
  readonly store: OfficeStore
  readonly now: () => Date
  readonly readFile: (path: string) => string
  readonly warn: (text: string) => void
}

/** The emergency door and what looks after it. */
export interface EmergencyDesk {
  /** The rooms in force with the door's own. */
  readonly joined: (rooms: Rooms) => EmergencyRooms
  /** Stops the alerts; what has not arrived goes out next time. */
  readonly close: () => Promise<void>
}

/** Opens the door's rooms and starts the alerts. Throws Error naming the configuration member that cannot be used. */
export function openEmergencyDesk(
  configuration: Configuration,
  { store, now, readFile, warn }: EmergencyDependencies,
): EmergencyDesk {
  const { emergency, server, limits, custodian, ledger } = configuration
  const releases = createReleaseCount(ledger.file)
  const { alerts: to } = emergency
  const alerts = naming('emergency.alerts.secretFile', () =>
    createAlertSender({
      store,
      ...(to === undefined ? {} : { receiver: { url: to.url, secret: secretIn(to.secretFile, readFile) } }),
      fetch,
      now,
      watch: (known, at) => oddUse(known, emergency.oddUse, at, one => releases(one, at)),
      warn,
    }),
  )
  const identity = createEmergencyIdentity()
  const parser = createEmergencyParser({ path: PATH, baseUrl: server.baseUrl, limits })
  const recorder = createEmergencyRecorder(recording(configuration, now))
  const open = (grant: EmergencyGrant): void => {
    store.append(grantEvent(grant, now()))
    // The officer's log hears of it too, in case no receiver is configured; the id says nothing of the patient.
    warn(`an emergency was declared: grant ${grant.id}, to be reviewed by ${grant.reviewBy}`)
    alerts.wake()
  }
  const desk = {
    identity,
    parser,
    recorder,
    grantSeconds: emergency.grantMinutes * MINUTE_S,
    reviewSeconds: emergency.reviewDays * DAY_S,
    discloser: emergency.discloser ?? custodian.name ?? custodian.organization,
    declaredWithinDay: createDeclarationCount(store),
    underWay: new Map<string, number>(),
    mostPerDay: emergency.declarationsPerUserMax,
    open,
  }
  return {
    joined: rooms => ({
      ...rooms,
      emergency: { ...desk, responder: createEmergencyResponder(rooms.responder.unrecorded) },
    }),
    close: alerts.close,
  }
}

function secretIn(file: string, readFile: (path: string) => string): string {
  try {
    return readFile(file).trim()
  } catch {
    throw new Error('the file cannot be read')
  }
}

function naming<T>(member: string, make: () => T): T {
  try {
    return make()
  } catch (error) {
    throw new Error(`${member}: ${error instanceof Error ? error.message : 'cannot be used'}`)
  }
}

/** Records released under a grant, by the ledger; what was counted after its end, or is not held here, stays so. */
function createReleaseCount(file: string): (known: ReviewCase, at: Date) => number | undefined {
  const final = new Map<string, number | undefined>()
  return ({ grant }, at) => {
    if (final.has(grant.id)) return final.get(grant.id)
    try {
      const records = readUnderGrant(file, grant)?.reduce((sum, { released }) => sum + released.length, 0)
      if (records === undefined || at.getTime() >= Date.parse(grant.end) + SETTLED_MS)
        final.set(grant.id, records)
      return records
    } catch {
      // A ledger elsewhere, as tests have one, or one that is locked for a moment: nothing is known yet.
      return undefined
    }
  }
}

/** How many emergencies one user declared within 24 hours. */
function createDeclarationCount(store: OfficeStore): (principal: string, at: Date) => number {
  const known = new EmergencyFold()
  return (principal, at) => {
    known.take(store.since(known.last))
    return declaredWithinDay(known, principal, at)
  }
}

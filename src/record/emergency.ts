import type { Declared, EmergencyRecorder } from '../model/emergency.ts'
import type { AuditSet, LedgerEvent } from '../model/record.ts'
import { clientAgent, fragmentCache, type RequesterFragments, serverAgent } from './agents.ts'
import { correlationEntities, type EventFrame, patientEntity, source } from './audit-event.ts'
import { opening } from './decision-row.ts'
import { CODING, q, type RecorderOptions } from './fragments.ts'

/**
 * What a declared emergency leaves behind: an AuditEvent "Emergency Override Started" (DICOM 110127) that holds the facts
 * of 42 CFR 2.51(c), on the patient's record, and the decision row. It is built before anything opens, so what is
 * disclosed under the grant is documented before it leaves. Pure but for `newId` and `now`.
 */
export function createEmergencyRecorder(options: RecorderOptions): EmergencyRecorder {
  const fragments = fragmentCache()
  return {
    declaration: declared => {
      const frame = { options, exchange: declared, recorded: options.now().toISOString() }
      return setOf(frame, declared, fragments(declared.requester, declared.purposeOfUse))
    },
  }
}

function setOf(frame: EventFrame, declared: Declared, requester: RequesterFragments): AuditSet {
  const { patient } = declared.grant
  const event = (kind: LedgerEvent['kind'], build: (id: string) => string): LedgerEvent => {
    const id = frame.options.newId()
    return { id, kind, patient, body: build(id) }
  }
  return {
    exchange: declared.id,
    events: [
      event('AuditEvent', id => eventText(frame, declared, requester, id)),
      event('decision', () => rowText(frame, declared, requester)),
    ],
  }
}

function eventText(
  frame: EventFrame,
  { grant }: Declared,
  requester: RequesterFragments,
  id: string,
): string {
  const { options, exchange, recorded } = frame
  const client = clientAgent(CODING.source, requester.client, exchange.request.remoteAddress)
  const profile = requester.tokenProfile.slice(1)
  return (
    `{"resourceType":"AuditEvent","id":${q(id)},${profile === '' ? '' : `"meta":{"profile":[${profile}]},`}` +
    `"type":${CODING.securityAlert},"subtype":[${CODING.emergencyOverride}],"action":"E","recorded":"${recorded}",` +
    `"outcome":"0","purposeOfEvent":${requester.purposes},` +
    `"agent":[${client},${serverAgent(CODING.destination, options)},${requester.user}],` +
    `"source":${source(options, CODING.applicationServer)},"entity":[${patientEntity(grant.patient)},` +
    `{"what":{"identifier":{"value":${q(`urn:uuid:${grant.id}`)}}},"type":${CODING.other},"name":"emergency-grant",` +
    `"detail":[${detailsOf(grant)}]},${correlationEntities(frame)}]}`
  )
}

/** 42 CFR 2.51(c)(1) to (4), in its order, then what the site needs to review it. */
function detailsOf({ facts, discloser, start, end, reviewBy }: Declared['grant']): string {
  const details = {
    'medicalPersonnel.name': facts.medicalPersonnel.name,
    'medicalPersonnel.facility': facts.medicalPersonnel.facility,
    discloser,
    attestedAt: start,
    natureOfEmergency: facts.natureOfEmergency,
    reason: facts.reason,
    consentUnobtainableReason: facts.consentUnobtainableReason,
    until: end,
    reviewBy,
  }
  return Object.entries(details)
    .map(([type, value]) => `{"type":${q(type)},"valueString":${q(value)}}`)
    .join(',')
}

function rowText(frame: EventFrame, declared: Declared, requester: RequesterFragments): string {
  const { interaction, grant, revision, release } = declared
  const rest = {
    interaction,
    decision: 'permit',
    revision,
    emergency: grant,
    release: { status: 201, sha256: release.digest, bytes: Buffer.byteLength(release.body) },
    obligations: ['BTG_ALERT', 'BTG_REVIEW', 'P2_EMERGENCY_DOC'],
    notices: [],
    classes: [],
    unread: [],
  }
  return `${opening(frame)},${requester.row},${JSON.stringify(rest).slice(1)}`
}

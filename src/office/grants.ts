import type { EmergencyGrant } from '../model/emergency.ts'
import type { JsonObject } from '../model/fhir.ts'
import type { EvidenceEntry, OfficeEvent } from '../model/office.ts'
import { EVENT } from './reviews.ts'

/** Id of the kind in profiles/deployment/evidence.json. */
const KIND = 'break-glass'
/** A request counts under the grant where all its purposes are of emergency. */
const PURPOSES = ['ETREAT', 'BTG']

/**
 * The one event of a declaration: the evidence that opens, and with it the review case and the alert, so that none of the
 * three can be there without the others. It speaks of one client of one issuer, one user, one patient, until a second.
 */
export function grantEvent(grant: EmergencyGrant, at: Date): Omit<OfficeEvent, 'seq'> {
  const { id, patient, client, issuer, user, start, end, facts } = grant
  const entry: EvidenceEntry = {
    kind: KIND,
    for: { client, ...(issuer === undefined ? {} : { issuer }), user },
    patients: [patient],
    purposes: PURPOSES,
    period: { start, end },
    facts: { ...facts, attestedAt: start } as unknown as JsonObject,
  }
  return {
    at: at.toISOString(),
    kind: EVENT.declared,
    subject: id,
    by: grant.principal,
    body: { ...entry, grant } as unknown as JsonObject,
  }
}

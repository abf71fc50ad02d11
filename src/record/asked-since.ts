import type { JsonObject } from '../model/fhir.ts'
import { openForReading } from './ledger-schema.ts'

/** One request as the ledger tells it. */
export interface AskedBefore {
  readonly at: string
  readonly requester: JsonObject
  readonly purposes: readonly string[]
  readonly interaction: JsonObject
}

const FIND = `
SELECT json_extract(body, '$.receivedAt') AS at, json_extract(body, '$.requester') AS requester,
  json_extract(body, '$.purposeOfUse.effective') AS purposes, json_extract(body, '$.interaction') AS interaction
FROM event
WHERE kind = 'decision' AND recorded_at >= ?
  AND json_extract(body, '$.interaction.code') IN ('read', 'vread', 'search-type')
  AND coalesce(json_extract(body, '$.refusal.code'), '') NOT IN ('held', 'hold-denied', 'rate-limited')
ORDER BY sequence
`

/**
 * Requests for data since a time that went beyond the door, whatever they found, oldest first. Throws LedgerError where the
 * file cannot be read.
 */
export function* readAskedSince(file: string, since: Date): Generator<AskedBefore> {
  const db = openForReading(file)
  try {
    for (const row of db.prepare(FIND).iterate(since.toISOString())) {
      const { at, requester, purposes, interaction } = row
      if (typeof requester !== 'string' || typeof purposes !== 'string') continue
      yield {
        at: String(at),
        requester: JSON.parse(requester) as JsonObject,
        purposes: JSON.parse(purposes) as readonly string[],
        interaction: JSON.parse(String(interaction)) as JsonObject,
      }
    }
  } finally {
    db.close()
  }
}

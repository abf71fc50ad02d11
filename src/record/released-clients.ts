import { openForReading } from './ledger-schema.ts'

const FIND = `
SELECT DISTINCT json_extract(body, '$.requester.issuer') AS issuer, json_extract(body, '$.requester.client') AS client
FROM event
WHERE kind = 'decision' AND instr(body, '"released":["') > 0 AND json_extract(body, '$.release.status') = 200
`

/**
 * Clients that a ledger says something was ever released to, with their issuers. Reads all of it. Throws LedgerError where
 * the file cannot be read.
 */
export function readReleasedClients(
  file: string,
): readonly { readonly issuer?: string; readonly client: string }[] {
  const db = openForReading(file)
  try {
    return db
      .prepare(FIND)
      .all()
      .flatMap(({ issuer, client }) => {
        if (typeof client !== 'string') return []
        return [{ client, ...(typeof issuer === 'string' ? { issuer } : {}) }]
      })
  } finally {
    db.close()
  }
}

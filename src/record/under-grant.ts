import { openForReading } from './ledger-schema.ts'

/** One exchange in which something was released that rests on a grant. */
export interface UnderGrant {
  readonly exchange: string
  readonly at: string
  /** Released versions that rest on it, `Type/id/_history/v`. */
  readonly released: readonly string[]
}

interface DecisionRow {
  readonly at?: string
  readonly classes?: readonly {
    readonly decision: { readonly because: readonly { readonly evidence?: string }[] }
    readonly released: readonly string[]
  }[]
}

/** AuditEvents name the grant and stand under its patient, whom the ledger indexes; the decision rows name the records. */
const FIND = `
SELECT body FROM event WHERE kind = 'decision' AND exchange IN (
  SELECT exchange FROM event
  WHERE patient = ? AND kind = 'AuditEvent' AND instr(body, ?) > 0
    AND sequence > (SELECT max(sequence) FROM event WHERE exchange = ?)
) ORDER BY sequence
`

/**
 * What the ledger says was released under an emergency grant, in order; undefined where this ledger does not hold the
 * declaration (that of another gateway). Throws LedgerError where the file cannot be read.
 */
export function readUnderGrant(
  file: string,
  grant: { readonly id: string; readonly patient: string; readonly exchange: string },
): readonly UnderGrant[] | undefined {
  const db = openForReading(file)
  try {
    if (db.prepare('SELECT 1 FROM event WHERE exchange = ? LIMIT 1').get(grant.exchange) === undefined)
      return undefined
    const rows = db.prepare(FIND).all(grant.patient, `"${grant.id}"`, grant.exchange)
    return rows.map(row => {
      const text = String(row['body'])
      return releasedIn(JSON.parse(text) as DecisionRow & { exchange: string }, grant.id)
    })
  } finally {
    db.close()
  }
}

function releasedIn({ exchange, at = '', classes = [] }: DecisionRow & { exchange: string }, grant: string) {
  const released = classes
    .filter(({ decision }) => decision.because.some(({ evidence }) => evidence === grant))
    .flatMap(one => one.released)
  return { exchange, at, released }
}

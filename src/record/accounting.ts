import type { DatabaseSync } from 'node:sqlite'
import type { Accountability, AccountingRules } from '../model/accounting.ts'
import { isView } from '../model/projection.ts'
import { type Accounted, accountabilityOf } from './accountability.ts'
import { openForReading } from './ledger-schema.ts'

/** One disclosure of a patient's records, as the ledger holds it. Records that rest on the same decision. */
export interface Disclosure extends Accountability {
  readonly exchange: string
  /** When the request came, ISO 8601, UTC. */
  readonly at: string
  readonly recipient: Recipient
  /** v3-ActReason codes. */
  readonly purposes: readonly string[]
  /** Rules and citations it rests on. */
  readonly basis: readonly { readonly rule: string; readonly citation?: string }[]
  /** Consents it rests on. */
  readonly consents: readonly { readonly reference: string; readonly version?: string }[]
  /** Versions that left, `Type/id/_history/v`. Absent: a row of older make does not tell whose they are. */
  readonly records?: readonly string[]
}

/** Who received it: a client of the site, the organization it acts for, the user where one was named. */
export interface Recipient {
  readonly client: string
  readonly issuer?: string
  readonly name?: string
  readonly organization?: string
  readonly user?: string
  readonly userName?: string
  readonly role?: string
}

interface ClassRow {
  readonly decision: Accounted
  readonly released: readonly string[]
  readonly accounting?: Accountability
  /** Places of `released` by patient, where the exchange is about several. */
  readonly of?: Readonly<Record<string, readonly number[]>>
}

interface DecisionRow {
  readonly exchange: string
  readonly receivedAt?: string
  readonly at?: string
  readonly requester?: Recipient
  readonly purposeOfUse?: { readonly effective?: readonly string[] }
  readonly classes?: readonly ClassRow[]
}

/** Released to somebody: there is a Provenance of it (kind, patient and time are found by index). */
const FIND = `
SELECT patient, body FROM event WHERE kind = 'decision' AND exchange IN (
  SELECT exchange FROM event WHERE patient = ? AND kind = 'Provenance' AND recorded_at >= ? AND recorded_at < ?
) ORDER BY sequence
`

export interface AccountedFor {
  /** `Patient/x`. */
  readonly patient: string
  /** ISO 8601 instants, UTC; the end does not count. */
  readonly from: string
  readonly until: string
  readonly rules: AccountingRules
  /** The holder, to whose own people nothing is disclosed. */
  readonly organization: string
}

/**
 * Every disclosure of records of one patient in a time, oldest first, also while a gateway writes the file. Rows that were
 * stored without a word on accountability are judged by `rules`. Throws LedgerError where the file cannot be read.
 */
export function readDisclosures(file: string, asked: AccountedFor): readonly Disclosure[] {
  const db: DatabaseSync = openForReading(file)
  try {
    const rows = db.prepare(FIND).iterate(asked.patient, asked.from, asked.until)
    const found: Disclosure[] = []
    for (const row of rows)
      found.push(
        ...disclosuresIn(JSON.parse(String(row['body'])) as DecisionRow, row['patient'] !== null, asked),
      )
    return found
  } finally {
    db.close()
  }
}

/** A view narrows and authorizes nothing: its citations are no basis of a disclosure. */
function disclosuresIn(row: DecisionRow, isAlone: boolean, asked: AccountedFor): readonly Disclosure[] {
  const { exchange, requester = { client: '' }, purposeOfUse, classes = [] } = row
  const isUse = requester.organization === asked.organization
  return classes.flatMap(one => {
    const records = isAlone ? one.released : recordsOf(one, asked.patient)
    if (one.released.length === 0 || records?.length === 0) return []
    const { because, consents } = one.decision
    const basis = because.flatMap(({ rule, citation, consent }) =>
      consent === undefined && !isView(rule)
        ? [{ rule, ...(citation === undefined ? {} : { citation }) }]
        : [],
    )
    return [
      {
        ...(one.accounting ?? accountabilityOf(one.decision, asked.rules, isUse)),
        exchange,
        at: row.receivedAt ?? row.at ?? '',
        recipient: recipientOf(requester),
        purposes: purposeOfUse?.effective ?? [],
        basis,
        consents: consents.map(({ reference, version }) => ({
          reference,
          ...(version === undefined ? {} : { version }),
        })),
        ...(records === undefined ? {} : { records }),
      },
    ]
  })
}

/** Where the exchange was about one patient alone all are theirs; a class about several says which are whose. */
function recordsOf({ released, of }: ClassRow, patient: string): readonly string[] | undefined {
  if (of === undefined) return undefined
  const places = new Set(of[patient] ?? [])
  return released.filter((_, place) => places.has(place))
}

/** The requester has more fields than are told. */
function recipientOf({ client, issuer, name, organization, user, userName, role }: Recipient): Recipient {
  return {
    client,
    ...(issuer === undefined ? {} : { issuer }),
    ...(name === undefined ? {} : { name }),
    ...(organization === undefined ? {} : { organization }),
    ...(user === undefined ? {} : { user }),
    ...(userName === undefined ? {} : { userName }),
    ...(role === undefined ? {} : { role }),
  }
}

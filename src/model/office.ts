import type { JsonObject } from './fhir.ts'

/**
 * What the privacy office holds beside the record: evidence, emergency grants, review cases, alerts on their way, held
 * disclosures. Nothing is ever changed or deleted: what is true now follows from all that was said, in order.
 */
export interface OfficeEvent {
  /** Counts from 1 without gaps. */
  readonly seq: number
  /** ISO 8601, UTC. */
  readonly at: string
  /** `evidence-entered`, `evidence-approved`, `evidence-ended`, `emergency-declared`, `review-closed`, `alert-sent` … */
  readonly kind: string
  /** What it speaks of: the id of an evidence, a grant, a case. */
  readonly subject: string
  /** Who said it: a user, a client, the name an operator gave. */
  readonly by: string
  readonly body: JsonObject
}

/** The store of the office. Several processes may have it open; the gateway sees what a command wrote at its next look. */
export interface OfficeStore {
  /** Durable when it returns. Throws where it cannot be written. */
  readonly append: (event: Omit<OfficeEvent, 'seq'>) => OfficeEvent
  /** Every event after `seq`, in order; cheap where nothing was added. */
  readonly since: (seq: number) => readonly OfficeEvent[]
  readonly close: () => void
}

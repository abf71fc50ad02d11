import type { ConsentDirective } from './consent.ts'
import type { DecidedResource, Decision } from './decision.ts'
import type { DataInteraction, Interaction } from './interaction.ts'
import type { LabelledResource } from './label.ts'
import type { Refusal } from './refusal.ts'
import type { PurposeOfUse, Requester } from './requester.ts'

/** UUIDv7, minted by the gateway; never taken from a header. */
export type ExchangeId = string

/** A request as bytes and names, before anyone believed any of it. */
export interface HttpRequest {
  readonly method: string
  /** Origin-form target exactly as received, e.g. `/fhir/Patient?_id=1`. */
  readonly target: string
  /** Name/value pairs in order, duplicates kept (Node rawHeaders). */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Uint8Array
  /** True where the body was larger than the limit; it was not kept. */
  readonly oversized?: true
  /** Set where the bytes were no HTTP request that could be read: then only `remoteAddress` is known. */
  readonly unreadable?: 'headers' | 'syntax' | 'time'
  readonly remoteAddress: string
}

/** What goes out. `body` is complete: nothing is streamed that was not recorded. */
export interface HttpResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | string
}

export interface Received {
  readonly id: ExchangeId
  readonly receivedAt: Date
  readonly request: HttpRequest
  /** Client's X-Request-Id and traceparent: correlation data, not identity. */
  readonly correlation: { readonly requestId?: string; readonly traceparent?: string }
}

export interface Identified extends Received {
  readonly requester: Requester
  readonly purposeOfUse: PurposeOfUse
}

export interface Understood extends Identified {
  readonly interaction: DataInteraction
}

/** A resource as the upstream gave it. */
export interface RawResource {
  readonly bytes: Uint8Array
  /** SHA-256 of `bytes`, base64url. */
  readonly hash: string
}

export interface RawEntry {
  readonly mode: 'match' | 'include' | 'outcome'
  readonly resource: RawResource
}

/** One upstream page. Identity is stable while its bytes are cached, so later rooms may memoise on it. */
export interface RawPage {
  readonly hash: string
  readonly entries: readonly RawEntry[]
  /** The upstream's own next link, kept inside the gateway. */
  readonly next?: string
}

export interface Fetched extends Understood {
  /** Candidates for release, in upstream order, still unjudged. */
  readonly raw: readonly RawResource[]
}

export interface Labelled extends Fetched {
  readonly labelled: readonly LabelledResource[]
}

export interface Decided extends Labelled {
  readonly decision: Decision
  readonly directives: ReadonlyMap<string, readonly ConsentDirective[]>
}

/** The final bytes, and what they hold, for the record. */
export interface Release {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /** SHA-256 of `body`, hex. */
  readonly digest: string
  readonly released: readonly DecidedResource[]
  readonly withheld: readonly DecidedResource[]
  readonly obligations: readonly string[]
  readonly notices: readonly string[]
}

export interface Segmented extends Decided {
  readonly release: Release
}

declare const receiptBrand: unique symbol
/** Proof that every event of the exchange is durable. Only `record/` makes one; without it no response can be made. */
export interface Receipt {
  readonly [receiptBrand]: 'receipt'
  readonly exchange: ExchangeId
  /** Sequence number of the last event in the ledger. */
  readonly sequence: number
  readonly recordedAt: string
}

export interface Recorded extends Segmented {
  readonly receipt: Receipt
}

/** An exchange that ended early, at whatever stage: what is known of it goes into the record. */
export interface Refused extends Received {
  readonly refusal: Refusal
  readonly requester?: Requester
  readonly purposeOfUse?: PurposeOfUse
  readonly interaction?: Interaction
  /** What was decided before the refusal (a read whose resource is withheld): for the record only. */
  readonly decided?: Decided
}

export interface RecordedRefusal extends Refused {
  readonly receipt: Receipt
}

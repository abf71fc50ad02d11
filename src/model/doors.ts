/**
 * The doors: one interface a room. A room implements its door and imports `model/` only; `flow/` receives the doors
 * and is the only one that walks from room to room. Network, clock and disk come in as parameters.
 */

import type { ConsentDirective, ConsentOnFile, ConsentQuestion, ConsentVerdict } from './consent.ts'
import type { Consulted, ConsultedFor, FlatAnswer, RecordedConsult } from './consult.ts'
import type { AskConsents, DecidedResource, DecisionContext, ResourceDecision } from './decision.ts'
import type {
  Decided,
  HttpResponse,
  Identified,
  RawPage,
  RawResource,
  Received,
  Recorded,
  RecordedRefusal,
  Refused,
  Release,
  Segmented,
} from './exchange.ts'
import type { JsonObject } from './fhir.ts'
import type {
  CapabilitiesInteraction,
  ConsultInteraction,
  DataInteraction,
  SearchInteraction,
} from './interaction.ts'
import type { LabelledResource, ResourceFacts } from './label.ts'
import type { ProgramNames } from './programs.ts'
import type { ResourceTree } from './projection.ts'
import type { AuditSet } from './record.ts'
import type { Requester, ResidualRule } from './requester.ts'

/** identity/: who asks, and why. */
export interface Identity {
  /** Throws Refusal (401 and 403 kinds, `identity-unavailable`). Never looks at the upstream. */
  readonly identify: (received: Received) => Promise<Identified>
  /** Scope and launch context against the interaction; throws Refusal `scope-insufficient` or `patient-context-missing`. */
  readonly admit: (requester: Requester, interaction: DataInteraction) => void
  /** Whether any scope reaches this very resource (type, launch patient, granular constraints). Pure. */
  readonly reaches: (
    requester: Requester,
    facts: ResourceFacts,
    interaction: DataInteraction['code'],
  ) => boolean
  readonly close: () => void
}

/** interaction/: what is asked. Pure; throws Refusal before any upstream call. */
export interface InteractionParser {
  /** The gateway's own public documents, or undefined. Needs no token. */
  readonly publicDocument: (received: Received) => CapabilitiesInteraction | undefined
  readonly understand: (identified: Identified) => DataInteraction
  /**
   * The link to the next page, a whole URL that seals its position: a deterministic function of query, requester,
   * purposes, revision, offset and the expiry minute, of constant length per query, so that it says nothing of what was
   * withheld.
   */
  readonly sealNext: (identified: Identified, search: SearchInteraction, nextOffset: number) => string
}

/** What a reference leads to at the upstream. `absent`: the upstream says 404 or leaves it out of the answer. */
export type Resolved = RawResource | 'absent'
/** Answers of one batch of look-ups. Identity is stable while every part is cached. */
export interface Resolution {
  readonly get: (reference: string) => Resolved | undefined
}

/** upstream/: what the FHIR server answers. Throws Refusal `upstream-unavailable`, `upstream-invalid`, `consent-unavailable`. */
export interface Upstream {
  readonly read: (resourceType: string, id: string, versionId?: string) => Promise<Resolved>
  /** First page of a search; `query` is built from the parsed model, never copied from the request. */
  readonly search: (resourceType: string, query: string) => Promise<RawPage>
  /** The upstream's own next link, which must stay under the upstream's base. */
  readonly next: (link: string) => Promise<RawPage>
  /** All Consents (all pages) of these patients (`Patient/x`); cached for the stated revocation latency. */
  readonly consents: (patients: readonly string[]) => Promise<ReadonlyMap<string, readonly ConsentOnFile[]>>
  /**
   * Drops what is kept, at once: of a patient (`Patient/x`), of whoever a Consent (`Consent/x`) was found for, or all. What
   * is on its way is not kept either. Every write of a Consent that passes through the gateway calls it.
   */
  readonly invalidateConsents: (name?: string) => void
  /** Batched by type (`_id=a,b,c`), cached; only `Type/id` references. */
  readonly resolve: (references: readonly string[]) => Promise<Resolution>
  /**
   * Resources of a type that point at these references through a search parameter, by reference; cached like look-ups.
   * Every reference asked for is answered, with an empty list where nothing points at it.
   */
  readonly referrers: (
    resourceType: string,
    parameter: string,
    references: readonly string[],
  ) => Promise<ReadonlyMap<string, readonly RawResource[]>>
  /** Resources of a type that bear these identifiers (`system|value`), all pages; cached like look-ups. */
  readonly identified?: (
    resourceType: string,
    identifiers: readonly string[],
  ) => Promise<ReadonlyMap<string, readonly RawResource[]>>
  /** Directories of the consent servers, by base URL: a reference of theirs resolves there. */
  readonly elsewhere?: ReadonlyMap<string, Pick<Upstream, 'resolve'>>
  /** Puts Subscriptions on Consent on the upstream and the consent servers, and keeps them until closed. */
  readonly watchConsents?: (options: {
    /** URL of the door that is to be told, and what opens it. */
    readonly endpoint: string
    readonly secret: string
    readonly warn: (text: string) => void
  }) => { readonly close: () => Promise<void> }
  /** The upstream's CapabilityStatement, parsed, cached. */
  readonly capabilities: () => Promise<JsonObject>
  readonly ready: () => Promise<boolean>
  readonly close: () => Promise<void>
}

/** What labels depend on beside the record. */
export interface LabelContext {
  readonly at: Date
  readonly birthDate?: string
  /** Names of the registered programs with what the directory tells of them; absent: the registry's own. */
  readonly programs?: ProgramNames
}

/** An edge that is followed backwards: what points at a record through this element says something of it. */
export interface ReverseEdge {
  /** `Type.element` of the referring side, e.g. `Provenance.target`. */
  readonly id: string
  readonly type: string
  readonly element: string
  /** R4 search parameter of `type` that finds the referring resources. */
  readonly parameter: string
  /** Whether it can lead to a resource of this type. */
  readonly leadsTo: (resourceType: string) => boolean
  readonly why: string
}

/** Resources that point at a reference through reverse edges; undefined where nobody looked (doubt). */
export type Referrers = (reference: string) => readonly ResourceFacts[] | undefined

/** label/: what the data is. Pure but for its content-addressed cache and the reader of documents. */
export interface Labeller {
  /** Names the rules in force. */
  readonly revision: string
  /** Facts of exactly these bytes; never throws: what cannot be read is `notAssessable`. */
  readonly assess: (raw: RawResource) => ResourceFacts
  /** The same facts with the text of documents that wait for a reader; the very same object where none waits. */
  readonly read: (facts: ResourceFacts) => Promise<ResourceFacts>
  /** Edges that `label` follows backwards, where the site has them followed. */
  readonly reverseEdges: readonly ReverseEdge[]
  /**
   * References whose targets `label` wants for source and lineage (Encounter, Organization, Location …); of a record that
   * was met through a reverse edge, fewer.
   */
  readonly lineage: (facts: ResourceFacts, through?: ReverseEdge) => readonly string[]
  /** All labels. `look` answers for references: facts, `absent`, or undefined when not looked up (doubt). */
  readonly label: (
    facts: ResourceFacts,
    look: (reference: string) => ResourceFacts | 'absent' | undefined,
    context: LabelContext,
    referrers?: Referrers,
  ) => LabelledResource
  /** Ends what reads documents. */
  readonly close: () => Promise<void>
}

/** consent/: what the patient said. Pure. */
export interface ConsentReader {
  /** Reads each Consent once; never throws: an unreadable one is a directive of state `unreadable`. */
  readonly read: (onFile: readonly ConsentOnFile[], at: Date, zone: string) => readonly ConsentDirective[]
  /** One verdict for each directive that is on file for this patient and neither inactive nor off topic. */
  readonly ask: (
    directives: readonly ConsentDirective[],
    question: ConsentQuestion,
    resource: LabelledResource,
  ) => readonly ConsentVerdict[]
  /** IHE PCF residual rules of a token on one resource. */
  readonly residual: (
    rules: readonly ResidualRule[],
    question: ConsentQuestion,
    resource: LabelledResource,
  ) => 'permit' | 'deny'
}

/** decide/: what may be disclosed. Pure. A rule that throws denies. */
export interface Decider {
  readonly decide: (
    context: DecisionContext,
    resources: readonly LabelledResource[],
    ask: AskConsents,
  ) => readonly DecidedResource[]
  /**
   * Projections that a release to this requester for these purposes may come to pass, whatever the record and whatever
   * Consents say: the same for all patients.
   */
  readonly projectionsAhead?: (context: DecisionContext) => readonly string[]
}

/** What segment needs to know beside the decisions. */
export interface SegmentInput {
  readonly decided: Pick<Decided, 'decision' | 'directives'>
  /** Released matches in order, then released includes in canonical order. */
  readonly matches: readonly DecidedResource[]
  readonly includes: readonly DecidedResource[]
  readonly withheld: readonly DecidedResource[]
  /** Paths of the references in `of` that lead to what the requester must not know of, or to nothing at all. */
  readonly hidden: (of: DecidedResource) => readonly string[]
  /** Who gets it, for pseudonyms: issuer and client. Without it nothing leaves that needs them. */
  readonly recipient?: string
  /** Whether the Consent a release rests on may go along as a copy; an explanation of its scope goes where not. */
  readonly copyLeaves?: (directive: ConsentDirective) => boolean
  /** Gateway links of a search. `total` only where the whole visible set is known. */
  readonly page?: { readonly self: string; readonly next?: string; readonly total?: number }
}

/** segment/: what leaves. An obligation it does not understand makes it throw: the resource does not leave. */
export interface Segmenter {
  /** The first obligation or notice of a decision that cannot be discharged; then the resource is withheld. */
  readonly undischargeable: (decision: ResourceDecision, resourceType?: string) => string | undefined
  /** Whether ids leave as pseudonyms under a decision: then the requester must not have named the record by its id. */
  readonly pseudonymous?: (decision: ResourceDecision) => boolean
  /** Whether one of these projections takes anything out at or below an element path of a type. */
  readonly removes?: (projections: readonly string[], resourceType: string, elementPath: string) => boolean
  /**
   * A resource as it is and as projections leave it for a recipient, where these look at values and not at paths alone;
   * `unchanged` where none does, undefined where it cannot leave.
   */
  readonly projected?: (
    decided: DecidedResource,
    recipient: string,
  ) => { readonly whole: ResourceTree; readonly left: ResourceTree } | 'unchanged' | undefined
  /** Whether a released resource goes through its projections; one that does not is withheld, and the others leave. */
  readonly projectable?: (decided: DecidedResource, recipient: string) => boolean
  readonly segment: (input: SegmentInput) => Release
}

/** record/: what is remembered. Pure builders; the ledger itself is in `record.ts` of the model. */
export interface Recorder {
  readonly disclosure: (segmented: Segmented) => AuditSet
  readonly refusal: (refused: Refused) => AuditSet
}

/** respond/: how it is said. Only recorded exchanges can be answered. */
export interface Responder {
  readonly release: (recorded: Recorded) => HttpResponse
  readonly refuse: (recorded: RecordedRefusal) => HttpResponse
  /** The constant 503 when nothing could be recorded; holds no datum of the exchange. */
  readonly unrecorded: () => HttpResponse
  readonly document: (interaction: CapabilitiesInteraction, upstream: JsonObject | undefined) => HttpResponse
}

/** identity/: whom a consult may be asked for. Throws Refusal `scope-insufficient`, `actor-not-allowed`, `purpose-not-allowed`, `agreement-required`. */
export interface ConsultIdentity {
  /** Before the body is looked at: the scope. */
  readonly admit: (requester: Requester) => void
  readonly consultFor: (identified: Identified, interaction: ConsultInteraction) => ConsultedFor
  /** Whether the token reaches this patient: launch context, IHE PCF patient, a patient's own record. */
  readonly reaches: (requester: Requester, patient: string) => boolean
}

/** interaction/: the CDS Hooks requests. Pure. */
export interface ConsultParser {
  /** Whether this is the discovery request, which is public like `metadata`. */
  readonly isDiscovery: (received: Received) => boolean
  /** Throws Refusal before any upstream call. */
  readonly understand: (identified: Identified) => ConsultInteraction
}

/** record/: what a consult leaves behind. */
export interface ConsultRecorder {
  readonly consult: (consulted: Consulted) => AuditSet
}

/** respond/: the CDS Hooks documents. Only recorded consults can be answered. */
export interface ConsultResponder {
  readonly discovery: () => HttpResponse
  /** The body of the answer, for its digest. */
  readonly compose: (consulted: Omit<Consulted, 'release'>, flat: FlatAnswer) => string
  readonly answer: (recorded: RecordedConsult) => HttpResponse
}

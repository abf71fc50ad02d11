import type { ConsentDirective, ConsentRef, ConsentVerdict, Directory } from './consent.ts'
import type { JsonObject, LiteralReference, Resource } from './fhir.ts'
import type { LabelledResource } from './label.ts'
import type { Agreement, HipaaStatus, Relationship, Requester, RequesterRole } from './requester.ts'

/** What **we** must do before release. One that is not understood denies. */
export type Obligation = string
/** What we tell **them**: HL7 ObligationPolicy and RefrainPolicy codes for `meta.security`. */
export type HandlingCaveat = string

export interface Reason {
  readonly rule: string
  readonly source: 'law' | 'consent' | 'organization' | 'purpose' | 'emergency' | 'label' | 'token'
  readonly citation?: string
  readonly consent?: ConsentRef
  /** Provision path inside the Consent. */
  readonly path?: string
  readonly effect: 'permit' | 'deny' | 'require-consent' | 'redact' | 'limit'
  /** Id of the evidence of the privacy office, or of the emergency grant, it rests on. */
  readonly evidence?: string
  /** Information-blocking ground of a denial: 171.202(b), 171.204(a)(2) … */
  readonly ground?: string
  /** What is missing or was in doubt, e.g. the elements a consent form lacks. Never data of the patient. */
  readonly why?: string
  /** The refusal must look as if nothing existed (42 CFR 2.13(c)(2)). */
  readonly silent?: true
}

/** The decision on one resource; what is not `permit` or `redact` does not exist for the requester. */
export interface ResourceDecision {
  readonly effect: 'permit' | 'redact' | 'deny'
  readonly because: readonly Reason[]
  readonly obligations: readonly Obligation[]
  readonly caveats: readonly HandlingCaveat[]
  /** Ids of `profiles/notices/` to attach. */
  readonly notices: readonly string[]
  /** Consents the release rests on (to be copied along where P2_CONSENT_COPY stands). */
  readonly consents: readonly ConsentRef[]
  /** Element paths to remove when `redact`. */
  readonly redact: readonly string[]
  /** Ids of the projections the release passes through, in order: views, then de-identification. Absent: none. */
  readonly projections?: readonly string[]
}

/** Who holds and would release: `custodian` of configuration and question. */
export interface Custodian {
  readonly organization: LiteralReference
  readonly name?: string
  readonly state: string
  readonly hipaa: HipaaStatus
  readonly part2: 'program' | 'lawful-holder' | 'none'
  readonly kind?: 'hie'
  readonly received?: readonly {
    readonly from?: string
    readonly basis?: string
    readonly consent?: string
    readonly date?: string
  }[]
  readonly determinations?: readonly Resource[] | readonly object[]
}

/** Site configuration that law asks about: `registry` of configuration and question. */
export interface SiteRegistry {
  readonly part2Programs: readonly string[]
  readonly sudOnlyFacilities: readonly string[]
  readonly notFederallyAssisted: readonly string[]
  readonly sources: Readonly<Record<string, string>>
  readonly agreements: readonly Agreement[]
  /** Everything else of the registry, as given. */
  readonly other: Readonly<Record<string, unknown>>
}

/**
 * What the privacy office has on file, as far as it holds for some resources: laid over what the requester is and claims.
 * Of several evidences that state the same claim one stands here, so that their scopes do not run together.
 */
export interface Evidenced {
  readonly evidence: readonly {
    readonly id: string
    /** Claims it states; `agreement:DUA` for an agreement, `determination`, `standing` for role, relationship, own record. */
    readonly gives: readonly string[]
  }[]
  readonly claims: JsonObject
  /** Paths of the claims that are filters of what it is about: it holds for a resource inside all of them. */
  readonly scopes: readonly string[]
  readonly agreements: readonly Agreement[]
  readonly determinations: readonly object[]
  readonly role?: RequesterRole
  readonly relationship?: Relationship
  /** The requester stands for every patient of these resources: the record is the requester's own. */
  readonly standsFor?: true
}

/** Facts of the exchange every resource decision shares. */
export interface DecisionContext {
  readonly at: Date
  readonly zone: string
  readonly custodian: Custodian
  readonly registry: SiteRegistry
  readonly requester: Requester
  readonly purposes: readonly string[]
  readonly action: string
  readonly directory: Directory
  /** Where no Consent is on file: `deny`, an IHE PCF implicit policy URI, or absent (law alone decides). */
  readonly defaultPolicy?: string
  /** The same by the organization a record comes from (`Organization/x`); `law` switches the asking off. */
  readonly defaultPolicies?: Readonly<Record<string, string>>
  /** `law` (packs apply) or `none` (Consents alone). */
  readonly policy: 'law' | 'none'
  /** Consents on file by `Patient/x`. A patient that is missing here was not looked up: doubt, deny. */
  readonly consents: ReadonlyMap<string, readonly ConsentDirective[]>
  /** The Patient resource where known, for age: `Patient/x` → birthDate. */
  readonly birthDates: ReadonlyMap<string, string>
  /** Organization policy per category and purpose; stricter than law, never laxer. */
  readonly organizationPolicy: readonly OrganizationRule[]
  /**
   * What is on file for a resource of exactly these patients: one entry a way to rely on it, the same objects for the same
   * patients; empty where nothing is. Absent: nothing is on file for this requester.
   */
  readonly claimsOf?: (patients: readonly string[]) => readonly Evidenced[]
  /** What of it this context relies on; decide itself sets it. */
  readonly evidence?: Evidenced
}

export interface OrganizationRule {
  readonly id: string
  readonly labels: readonly string[]
  readonly purposes: readonly string[]
  readonly effect: 'permit' | 'require-consent' | 'deny'
}

/** How `decide` asks `consent`: injected by flow, so the rooms do not know each other. */
export type AskConsents = (patient: string, resource: LabelledResource) => readonly ConsentVerdict[]

export interface DecidedResource {
  readonly labelled: LabelledResource
  readonly decision: ResourceDecision
}

/** The decision on an exchange. `decision` speaks for the request as a whole; the resources' effects are what counts. */
export interface Decision {
  readonly decision: 'permit' | 'deny' | 'no-consent' | 'indeterminate'
  /** Hash of profiles/ and labels/ and configuration in force. */
  readonly revision: string
  readonly resources: readonly DecidedResource[]
  readonly unread: readonly { readonly consent: ConsentRef; readonly why: string }[]
}

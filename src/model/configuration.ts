import type { ConsentPolicy } from './consent.ts'
import type { Custodian, OrganizationRule, SiteRegistry } from './decision.ts'
import type { HoldRule } from './holds.ts'
import type { ClientRegistration } from './requester.ts'

/** The one configuration file, after schema check and defaults. Its JSON Schema is profiles/deployment/configuration.schema.json. */
export interface Configuration {
  /** Where the gateway listens and how the world reaches it. */
  readonly server: {
    readonly host: string
    readonly port: number
    /** External base of the FHIR API, no trailing slash, e.g. `https://gw.example/fhir`. Every link is made from it. */
    readonly baseUrl: string
    /** Paths that carry no patient data (an authorization server, its login pages) and are passed through as they are. */
    readonly passThrough?: readonly { readonly path: string; readonly url: string }[]
  }
  readonly upstream: UpstreamConfiguration
  /** Servers beside the upstream that hold Consents of its patients. */
  readonly consentServers?: readonly ConsentServerConfiguration[]
  /** How a changed Consent is heard of before `limits.consentCacheMs` is over; absent: not at all. */
  readonly notifications?: NotificationConfiguration
  readonly issuers: readonly IssuerConfiguration[]
  /** Accepted `aud` values; the gateway's base URL is always one. */
  readonly audience: readonly string[]
  readonly clients: readonly ClientRegistration[]
  readonly custodian: Custodian
  readonly registry: SiteRegistry
  readonly policy: PolicyConfiguration
  readonly ledger: LedgerConfiguration
  readonly office: OfficeConfiguration
  readonly emergency: EmergencyConfiguration
  /** With what pseudonyms are made; absent: nothing leaves that must be de-identified. */
  readonly deidentification?: { readonly keyFile: string }
  readonly limits: Limits
}

/** What the privacy office holds beside the record. */
export interface OfficeConfiguration {
  /** SQLite file of its store. */
  readonly file: string
  /** `personal`: whoever approves has another account of the operating system; `shared`: names alone tell persons apart. */
  readonly accounts: 'personal' | 'shared'
}

/** How the glass is broken and looked after. Who may is a matter of the client registry (`breakGlass`). */
export interface EmergencyConfiguration {
  /** How long a declaration opens. */
  readonly grantMinutes: number
  /** By when its review must be closed. */
  readonly reviewDays: number
  /** Declarations of one user within 24 hours; more are refused. */
  readonly declarationsPerUserMax: number
  /** 42 CFR 2.51(c)(2): who answers for disclosures that the gateway makes; absent: the custodian. */
  readonly discloser?: string
  /** Where alerts go; absent: they wait in the office's store and stand in `reviews list`. */
  readonly alerts?: { readonly url: string; readonly secretFile: string }
  /** Above these an alert of odd use goes out. */
  readonly oddUse: {
    /** Declarations of one user within 24 hours. */
    readonly declarationsPerUser: number
    /** Different patients of one user within 24 hours. */
    readonly patientsPerUser: number
    /** Records released under one grant. */
    readonly recordsPerGrant: number
  }
}

export interface UpstreamConfiguration {
  /** Base URL of the FHIR server, no trailing slash. */
  readonly url: string
  readonly credential: UpstreamCredential
  /** PEM file with the certificate authority of the upstream, where it is not a public one. */
  readonly caFile?: string
  /** Ids of the reverse edges that are looked up, e.g. `Provenance.target`; the schema gives them and the default. */
  readonly referrers?: readonly string[]
}

export interface ConsentServerConfiguration {
  /** `ConsentRef.source` of its Consents; never `upstream`. */
  readonly name: string
  /** Base URL of the FHIR server, no trailing slash. */
  readonly url: string
  readonly credential: UpstreamCredential
  readonly caFile?: string
  /** Identifier system by which its patients are found; absent: they have the ids of the upstream. */
  readonly patientIdentifierSystem?: string
  /** Search parameter that takes the identifier. */
  readonly patientIdentifierSearch: 'patient.identifier' | 'patient:identifier'
}

export interface NotificationConfiguration {
  /** File with the secret that opens the door for notifications. */
  readonly secretFile: string
  /** Doors of other gateways that are told of what is heard here. */
  readonly peers: readonly { readonly url: string; readonly secretFile?: string }[]
  /** Whether FHIR Subscriptions are put on the upstream and the consent servers while the gateway runs. */
  readonly subscribe: boolean
  /** URL of this gateway's door as those servers reach it; needed to subscribe. */
  readonly endpoint?: string
}

export type UpstreamCredential =
  | { readonly kind: 'none' }
  | { readonly kind: 'static-header'; readonly name: string; readonly file: string }
  | {
      readonly kind: 'client-credentials'
      readonly tokenUrl: string
      readonly clientId: string
      /** Secret in a file, or a private key (JWK or PKCS#8 PEM) in a file for private_key_jwt. */
      readonly secretFile?: string
      readonly privateKeyFile?: string
      readonly keyId?: string
      readonly scope?: string
    }
  | { readonly kind: 'mtls'; readonly certFile: string; readonly keyFile: string }

export interface IssuerConfiguration {
  readonly issuer: string
  /** `jwks_uri`; absent: taken from the issuer's metadata. */
  readonly jwksUri?: string
  /** OAuth endpoints of the issuer, told to clients in smart-configuration and the CapabilityStatement. */
  readonly authorizationEndpoint?: string
  readonly tokenEndpoint?: string
  /** Asymmetric only. Default RS256 RS384 ES256 ES384 PS256 PS384 EdDSA. */
  readonly algorithms: readonly string[]
  /** RFC 7662, for opaque or HS256 tokens of this issuer. */
  readonly introspection?: { readonly url: string; readonly clientId: string; readonly secretFile: string }
  /** Name of a plain claim that carries the purpose of use, beside ihe_iua and hl7-b2b. */
  readonly purposeClaim?: string
  /** The longest lifetime (exp - iat) a token may have, seconds. */
  readonly maxLifetimeSeconds: number
}

export interface PolicyConfiguration {
  /** Where no Consent is on file: `deny`, an IHE PCF implicit policy URI, or `law` (law alone decides). */
  readonly defaultPolicy: string
  /** The same for records of single organizations, `Organization/x` → policy. */
  readonly defaultPolicies?: Readonly<Record<string, string>>
  /** SUD content whose source is unknown: treat as Part 2 (`assume`) or label only (`flag`). */
  readonly unknownSource: 'assume' | 'flag'
  /** A label of lower confidence is a candidate: explained, never applied. Above 0, at most 1. */
  readonly minimumConfidence: number
  readonly organization: readonly OrganizationRule[]
  /** Disclosures that wait for the privacy office; none where absent. */
  readonly holds?: readonly HoldRule[]
  /** Zone in which partial dates cover their whole span, and of the hours of `holds`. */
  readonly zone: string
  /** Ids of law rows switched off or on against their default. */
  readonly disabledRows: readonly string[]
  readonly enabledRows: readonly string[]
  /** Constant notice "some data may have been withheld", the same for all patients; off by default. */
  readonly withheldNotice: boolean
  /** Site folders of label rules and law packs beside the built-in ones. */
  readonly labelFolders: readonly string[]
  /** Files of FHIR R4 ConceptMaps that say what the site's own codes stand for. */
  readonly conceptMaps: readonly string[]
  readonly profileFolders: readonly string[]
  /** What the site does with Consents where readings differ. */
  readonly consent?: ConsentPolicy
}

export interface LedgerConfiguration {
  readonly file: string
  /** Where AuditEvents are shipped; absent: the upstream. `none` switches shipping off. */
  readonly repository?: { readonly url: string; readonly credential: UpstreamCredential } | 'none'
  readonly appendTimeoutMs: number
  /** Free disk space below which the ledger fails closed, bytes. */
  readonly diskWatermarkBytes: number
}

/** Every limit in one place. */
export interface Limits {
  readonly requestBodyBytes: number
  readonly urlBytes: number
  readonly headerBytes: number
  readonly parameters: number
  readonly pageSizeDefault: number
  readonly pageSizeMax: number
  readonly upstreamTimeoutMs: number
  readonly upstreamBodyBytes: number
  readonly compressionRatio: number
  readonly jsonDepth: number
  readonly upstreamConnections: number
  /** Upstream entries read to fill one page before the search is refused as too costly. */
  readonly scannedEntries: number
  readonly consentsPerPatient: number
  /** Stated revocation latency: how long a fetched Consent may be used, ms. */
  readonly consentCacheMs: number
  /** How long a looked-up Encounter, Organization … may be used, ms. */
  readonly lookupCacheMs: number
  readonly contentCacheBytes: number
  readonly pageTokenSeconds: number
  readonly clockSkewSeconds: number
  readonly requestsInFlight: number
}

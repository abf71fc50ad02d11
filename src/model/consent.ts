import type { Coding, Identifier, LiteralReference, Resource } from './fhir.ts'

/** Which server a Consent came from is part of its identity. */
export interface ConsentRef {
  readonly reference: string
  readonly version?: string
  /** Name of the server: `upstream`, or one of `consentServers`. */
  readonly source?: string
  /** Base URL of that server where it is not the upstream; `reference` is its own. */
  readonly base?: string
}

/** Tells one version of one Consent of one server from every other. */
export function consentKey({ source = '', reference, version = '' }: ConsentRef): string {
  return `${source} ${reference} ${version}`
}

/** One R4 Consent as fetched; bytes never interpreted outside `consent/`. */
export interface ConsentOnFile {
  readonly ref: ConsentRef
  readonly resource: Resource
  /** The patient of ours it plainly speaks of, where it comes from a server whose references are not ours. */
  readonly patient?: string
  /** Base URL, no trailing slash, under which absolute references in it are ours too; beside the bases of the site. */
  readonly ownBase?: string
}

/** What a site does with Consents where readings differ; the defaults are the cautious ones. */
export interface ConsentPolicy {
  /** A permit counts only where `verification` says that the patient or a related person confirmed it. Default false. */
  readonly requireVerification?: boolean
  /**
   * Of two Consents of the same category and the same actors that say the opposite of one record, the older steps back.
   * Default false: the refusal stands.
   */
  readonly newestWins?: boolean
  /**
   * Systems of labels, as URLs, that the upstream puts on every record they fit: a deny of such a label reaches the records
   * that bear exactly that label. Default none: a deny of a label that is not known here reaches all.
   */
  readonly labelSystems?: readonly string[]
  /** Extensions that carry meaning, though they are no modifiers. Default none. */
  readonly extensions?: readonly ConsentExtension[]
}

/** An extension that a Consent cannot be understood without. */
export interface ConsentExtension {
  readonly url: string
  /** What its value stands for; absent: nobody here knows, and a Consent that bears it cannot be read. */
  readonly element?: 'type' | 'securityLabel' | 'purpose' | 'class' | 'code'
  /** For `type`: code of the value → type of a provision that has none; a deny overrides a permit that is written. */
  readonly values?: Readonly<Record<string, 'permit' | 'deny'>>
}

export type ConsentState =
  | 'enforceable'
  | 'inactive'
  | 'expired'
  | 'not-yet'
  | 'superseded'
  | 'unreadable'
  | 'not-privacy'

/** Form facts that law asks of a Consent. */
export interface ConsentForm {
  /** policyRule codes and policy URIs: `42CFRPart2`, `hipaa-auth`, `HIPAAPsyNotes`, `OPTIN` … */
  readonly policies: readonly string[]
  readonly signed: boolean
  readonly dated: boolean
  readonly dateTime?: string
  readonly signers: readonly string[]
  readonly purposes: readonly string[]
  readonly labels: readonly string[]
  /** `system|code` of every provision.code (site codes of notes kept separate). */
  readonly codes?: readonly string[]
  /** True where some permit is limited to no label, code or instance: the form is, at least also, a general release. */
  readonly general?: true
  readonly recipients: readonly {
    readonly reference?: string
    readonly identifier?: Identifier
    readonly classes: readonly string[]
    readonly display?: string
  }[]
  readonly disclosers: readonly {
    readonly reference?: string
    readonly identifier?: Identifier
    readonly display?: string
  }[]
  readonly periodStart?: string
  readonly periodEnd?: string
  /** linkId → answer of the contained form, `2.31(a)(6)` and the like. */
  readonly items: Readonly<Record<string, string>>
}

/** One Consent after the one-time reading: what state it is in and its rules ready to be asked. */
export interface ConsentDirective {
  readonly ref: ConsentRef
  readonly state: ConsentState
  readonly why?: string
  readonly patient?: string
  readonly form: ConsentForm
  /** True where a rule looks at codes, dates, instances or authors, so decisions cannot be shared by class. */
  readonly looksInside: boolean
  /** The copy that may accompany a disclosure (42 CFR 2.32(b)): the Consent itself. */
  readonly copy: Resource
  /** Opaque compiled rules; only `consent/` reads them. */
  readonly compiled: unknown
}

/** What one Consent says of one resource for one question. `path` names the provision, e.g. `provision.provision[1]`. */
export interface ConsentVerdict {
  readonly ref: ConsentRef
  readonly effect: 'permit' | 'deny' | 'not-covered' | 'indeterminate'
  readonly path: string
  readonly why?: string
  readonly form: ConsentForm
}

/** The side of the question that Consents look at. Same for every resource of an exchange. */
export interface ConsentQuestion {
  readonly at: Date
  /** Zone in which partial dates cover their whole span, IANA name; `UTC` where the site says nothing. */
  readonly zone: string
  readonly action: string
  readonly purposes: readonly string[]
  readonly actors: readonly {
    readonly role: 'recipient' | 'discloser' | 'source'
    readonly reference?: LiteralReference
    readonly identifier?: Identifier
  }[]
  /** Coded recipient classes the requester belongs to (treating-providers, health-plans …). */
  readonly recipientClasses: readonly string[]
  readonly directory: Directory
  /** `class` asked for, where the question is about a class and not a resource. */
  readonly classes?: readonly Coding[]
}

/** Organization, Practitioner, PractitionerRole, Group … that references resolve to; the requester cannot write it. */
export interface Directory {
  readonly resolve: (reference: string) => Resource | undefined
  /**
   * True for a reference that exists but cannot be read now (`unresolvable` in a question): doubt, where a reference that
   * merely is not there is none.
   */
  readonly unresolvable?: (reference: string) => boolean
  /** References of those who bear an identifier (normal `system|value`); undefined where nobody looked, or could. */
  readonly identified?: (key: string) => readonly string[] | undefined
}

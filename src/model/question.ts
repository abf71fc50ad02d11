import type { Custodian } from './decision.ts'
import type { Coding, Identifier, JsonObject, Resource } from './fhir.ts'
import type { Agreement, HipaaStatus, Part2Status, Relationship, RequesterRole } from './requester.ts'

/** The question (`profiles/deployment/question.schema.json`): every fact a decision may rest on. What is not in it is not true. */
export interface Question {
  readonly id?: string
  readonly at: string
  /** IANA zone in which partial dates cover their whole span; UTC where absent. */
  readonly zone?: string
  readonly custodian?: Partial<Custodian>
  readonly registry?: QuestionRegistry
  readonly requester: QuestionRequester
  readonly purposeOfUse?: string | Coding | readonly Coding[]
  readonly action?: string | Coding
  readonly patient: Resource | { readonly reference: string }
  readonly otherPatients?: readonly (Resource | { readonly reference: string })[]
  readonly directory?: readonly Resource[]
  readonly unresolvable?: readonly string[]
  readonly consents: readonly Resource[]
  readonly defaultPolicy?: string
  readonly resources?: readonly Resource[]
  /** Class of content asked for, in a question about Consents alone. */
  readonly class?: readonly Coding[]
  readonly request?: { readonly kind?: string; readonly what?: string }
}

/** As a site registers it, or with its `period` as the contract of questions has it. */
export interface QuestionAgreement extends Omit<Agreement, 'status'> {
  readonly status?: string
  readonly period?: { readonly start?: string; readonly end?: string }
}

export interface QuestionRegistry {
  readonly part2Programs?: readonly string[]
  readonly sudOnlyFacilities?: readonly string[]
  readonly notFederallyAssisted?: readonly string[]
  readonly sources?:
    | Readonly<Record<string, string>>
    | readonly { readonly uri: string; readonly organization: string }[]
  readonly agreements?: readonly QuestionAgreement[]
  readonly clients?: readonly JsonObject[]
  readonly [key: string]: unknown
}

export interface QuestionRequester {
  readonly client?: string
  readonly organization?: string
  readonly state?: string
  readonly hipaa?: HipaaStatus
  readonly part2?: Part2Status
  readonly role?: RequesterRole
  readonly user?: string | null
  readonly relationship?: Relationship
  readonly claims?: JsonObject
  readonly actors?: readonly {
    readonly role?: 'recipient' | 'discloser' | 'source'
    readonly reference?: string | { readonly reference?: string; readonly identifier?: Identifier }
    readonly identifier?: Identifier
  }[]
}

/** The answer to a question. `decision` speaks for the request; the resources' effects are what counts. */
export interface Answer {
  readonly id?: string
  readonly decision: 'permit' | 'deny' | 'no-consent' | 'indeterminate'
  readonly revision: string
  readonly resources: Readonly<Record<string, AnsweredResource>>
  readonly obligations: readonly string[]
  readonly notices: readonly string[]
  readonly unread?: readonly { readonly consent: string; readonly why: string }[]
}

export interface AnsweredResource {
  readonly effect: 'permit' | 'redact' | 'deny'
  readonly labels: readonly string[]
  readonly because: readonly {
    readonly rule: string
    readonly source: string
    readonly citation?: string
    readonly consent?: string
    readonly path?: string
    readonly effect: string
    readonly ground?: string
  }[]
  readonly obligations: readonly string[]
  readonly caveats: readonly string[]
  readonly redacted?: readonly string[]
}

import type { Custodian, OrganizationRule, SiteRegistry } from '../model/decision.ts'
import type {
  ConsentReader,
  Decider,
  Identity,
  InteractionParser,
  Labeller,
  Recorder,
  Responder,
  Segmenter,
  Upstream,
} from '../model/doors.ts'
import type { Holds } from '../model/holds.ts'
import type { Office } from '../model/office.ts'
import type { RecipientClass } from '../model/recipient.ts'
import type { Ledger } from '../model/record.ts'
import type { Cursors } from './cursors.ts'

/** What the corridors walk through: the rooms' doors and the few site facts that flow itself hands around. */
export interface Rooms {
  readonly identity: Identity
  readonly interaction: InteractionParser
  readonly upstream: Upstream
  readonly labeller: Labeller
  readonly consent: ConsentReader
  readonly decider: Decider
  readonly segmenter: Segmenter
  readonly recorder: Recorder
  readonly ledger: Ledger
  readonly responder: Responder
  readonly cursors: Cursors
  readonly references: ReferencePaths
  /** What the privacy office has on file; absent: nothing. */
  readonly office?: Office
  /** Absent: the site holds nothing for approval. */
  readonly holds?: Holds
  readonly site: Site
}

/** Which elements a search parameter reads; from interaction's own table, handed over by house. */
export interface ReferencePaths {
  readonly referencePaths: (
    resourceType: string,
    parameter: string,
  ) => { readonly paths: readonly string[]; readonly targets: readonly string[] }
  readonly searchParameterPaths: (resourceType: string, parameter: string) => readonly string[]
}

/** Site facts and policy in force; `revision` names them all. */
export interface Site {
  readonly baseUrl: string
  readonly custodian: Custodian
  readonly registry: SiteRegistry
  readonly zone: string
  /** Absent: law alone decides where no Consent is on file. */
  readonly defaultPolicy?: string
  /** The same by the organization a record comes from. */
  readonly defaultPolicies?: Readonly<Record<string, string>>
  /** Base URLs under which references are ours, no trailing slash; none where absent. */
  readonly bases?: readonly string[]
  readonly organizationPolicy: readonly OrganizationRule[]
  readonly recipientClasses: readonly RecipientClass[]
  readonly revision: string
  readonly limits: { readonly scannedEntries: number }
  /** How long the receipt of an exchange is waited for, ms; longer than the ledger's own time-out. */
  readonly recordTimeoutMs: number
  readonly now: () => Date
}

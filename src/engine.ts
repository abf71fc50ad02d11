import { hash } from 'node:crypto'
import { createConsentReader } from './consent/reader.ts'
import { loadAccounting } from './data/accounting.ts'
import { loadDeidentification } from './data/deidentification.ts'
import { loadLabels } from './data/labels.ts'
import { BUILT_IN_PROFILES, loadProfiles } from './data/profiles.ts'
import { loadPurposes } from './data/purpose.ts'
import {
  loadConsentExtensions,
  loadRecipientClasses,
  loadRequiredReferences,
  type RequiredReferences,
} from './data/tables.ts'
import { loadRequiredElements } from './data/view-elements.ts'
import { createDecider } from './decide/decider.ts'
import { overall } from './decide/overall.ts'
import type { QuestionRooms } from './flow/question.ts'
import { custodianOf, registryOf } from './flow/question-facts.ts'
import { createDocumentReader } from './label/document-reader.ts'
import { createLabeller } from './label/labeller.ts'
import type { AccountingRules } from './model/accounting.ts'
import type { PolicyConfiguration } from './model/configuration.ts'
import type { ConsentPolicy } from './model/consent.ts'
import type { DeidentificationRules } from './model/deidentification.ts'
import type { Decider } from './model/doors.ts'
import type { Profiles } from './model/law.ts'
import type { Projection } from './model/projection.ts'
import type { RecipientClass } from './model/recipient.ts'
import type { LabelRules } from './model/rules.ts'
import type { Means } from './segment/obligations.ts'
import { projectionTable } from './segment/projections.ts'
import { createView } from './segment/view.ts'

/** The deciding rooms with their data, before any site, upstream or network: what `decide` and the proxy share. */
export interface Engine {
  readonly labels: LabelRules
  readonly profiles: Profiles
  /** Vocabulary of the Consent reader, and what the site does with Consents. */
  readonly purposes: ReturnType<typeof loadPurposes> & ConsentPolicy
  readonly decider: Decider
  readonly recipientClasses: readonly RecipientClass[]
  /** What segment works with. */
  readonly segmenting: Required<Means> & {
    readonly notices: Profiles['notices']
    readonly required: RequiredReferences
  }
  /** Names labels/, profiles/ and the switched rows in force; 16 hex digits. */
  readonly revision: string
  /** What accountings of disclosures leave out. */
  readonly accounting: AccountingRules
  /** Standards of de-identification; projections are made of them where there is a key. */
  readonly deidentification: DeidentificationRules
  readonly questionRooms: QuestionRooms
}

export type EnginePolicy = Pick<
  PolicyConfiguration,
  'labelFolders' | 'conceptMaps' | 'profileFolders' | 'disabledRows' | 'enabledRows' | 'consent'
>

const BUILT_IN: EnginePolicy = {
  labelFolders: [],
  conceptMaps: [],
  profileFolders: [],
  disabledRows: [],
  enabledRows: [],
}

/** Loads and checks all data. Throws Error that names file, place and what was expected. */
export function openEngine(policy: EnginePolicy = BUILT_IN): Engine {
  const labels = loadLabels({ folders: policy.labelFolders, conceptMaps: policy.conceptMaps })
  const purposes = {
    ...loadPurposes(`${BUILT_IN_PROFILES}purpose`),
    ...policy.consent,
    // What the site says of an extension stands in the place of what the release says.
    extensions: [...loadConsentExtensions(), ...(policy.consent?.extensions ?? [])],
  }
  const profiles = switched(loadProfiles(policy.profileFolders, purposes), policy)
  const deidentification = loadDeidentification()
  const withheldTypes = Object.fromEntries(
    deidentification.standards.map(standard => [standard.id, standard.withheldTypes]),
  )
  const decider = createDecider({ ...profiles, withheldTypes }, purposes)
  const recipientClasses = loadRecipientClasses()
  const documents = createDocumentReader()
  const accounting = loadAccounting(policy.profileFolders, profiles.lawRows)
  const revision = hash(
    'sha256',
    [
      labels.revision,
      profiles.revision,
      accounting.revision,
      deidentification.revision,
      policy.disabledRows,
      policy.enabledRows,
      JSON.stringify(policy.consent ?? {}),
    ].join('|'),
  ).slice(0, 16)
  return {
    labels,
    profiles,
    purposes,
    decider,
    recipientClasses,
    segmenting: {
      notices: profiles.notices,
      required: loadRequiredReferences(),
      obligations: profiles.obligations ?? {},
      projections: projectionTable(viewsOf(profiles)),
    },
    revision,
    accounting,
    deidentification,
    questionRooms: {
      labellerFor: question =>
        createLabeller(
          labels,
          { registry: registryOf(question), custodian: custodianOf(question), unknownSource: 'assume' },
          { cacheBytes: 16 << 20, jsonDepth: 100 },
          documents,
        ),
      consent: createConsentReader(purposes),
      decider,
      overall,
      purposeMap: purposes.purposeMap,
      recipientClasses,
      revision,
    },
  }
}

function viewsOf({ views = {} }: Profiles): readonly Projection[] {
  const { required } = loadRequiredElements()
  return Object.values(views).map(view => createView(view, required))
}

/** Rows the site switched on or off; an id that names no row is a mistake, not nothing. */
function switched(profiles: Profiles, policy: EnginePolicy): Profiles {
  const ids = new Set(profiles.lawRows.map(({ id }) => id))
  const unknown = [...policy.disabledRows, ...policy.enabledRows].find(id => !ids.has(id))
  if (unknown !== undefined)
    throw new Error(
      `policy.disabledRows/enabledRows: ${unknown} is no row of profiles/law (see: consentry law)`,
    )
  const off = new Set(policy.disabledRows)
  const on = new Set(policy.enabledRows)
  return {
    ...profiles,
    lawRows: profiles.lawRows.map(row => ({
      ...row,
      enabled: on.has(row.id) || (row.enabled && !off.has(row.id)),
    })),
  }
}

import { hash } from 'node:crypto'
import type {
  DeidentificationRules,
  DeidentificationStandard,
  PseudonymKey,
} from '../model/deidentification.ts'
import type { Coding } from '../model/fhir.ts'
import type { Projection, ResourceTree } from '../model/projection.ts'
import { createCodes } from './deidentify-codes.ts'
import { passesUnchanged } from './deidentify-predicates.ts'
import { agingOf } from './deidentify-values.ts'
import { type Tools, walkResource } from './deidentify-walk.ts'
import { createPseudonyms } from './pseudonym.ts'

export interface DeidentificationOptions {
  readonly rules: DeidentificationRules
  readonly key: PseudonymKey
  /** Addresses of the FHIR API, no trailing slash. */
  readonly bases: readonly string[]
  /** The clock: ages are those of the day of release. */
  readonly now: () => Date
}

const OBSERVATION_VALUE = 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue'
const DISPLAY: Readonly<Record<string, string>> = { PSEUDED: 'pseudonymized', REDACTED: 'redacted' }

/**
 * The standards of profiles/deidentification/ as projections: limited data set (45 CFR 164.514(e)(2)) and safe harbor
 * (164.514(b)(2)). What R4 or the vocabulary does not know goes; ids and references become pseudonyms of one recipient.
 *
 * Marks: `PSEUDED` and `REDACTED`, never `ANONYED`, whose definition says that no key is kept. Labels and caveats of the
 * gateway go with a limited data set, which is protected health information still. They do not go with what is
 * de-identified: it is neither protected nor a Part 2 record, no prohibition holds for it, and a label that was found in
 * words that were taken out would tell what they said.
 */
export function createDeidentification(options: DeidentificationOptions): readonly Projection[] {
  return options.rules.standards.map(standard => recipientProjection(standard, options))
}

/** Recipients whose projections are kept at hand. */
const RECIPIENTS = 1000

function recipientProjection(
  standard: DeidentificationStandard,
  options: DeidentificationOptions,
): Projection {
  const { rules, key, now } = options
  const made = new Map<string, Projection>()
  const codes = createCodes(rules.vocabulary)
  const removes = passesUnchanged(standard, rules)
  const withheldTypes = new Set(standard.withheldTypes)
  const bound = (recipient: string): Projection => {
    const pseudonyms = createPseudonyms(key, recipient, options.bases)
    const name = hash('sha256', JSON.stringify([key.id, recipient]), 'base64url').slice(0, 22)
    const tools: Omit<Tools, 'aging'> = { standard, rules, codes, pseudonyms, withheldTypes }
    const security = standard.marks.map(markOf)
    return {
      id: standard.id,
      get key() {
        return `${rules.revision}:${name}:${now().getUTCFullYear()}`
      },
      removes,
      withheldTypes,
      apply: (resource: ResourceTree) => {
        walkResource(resource, {
          ...tools,
          aging: agingOf(resource, now().getUTCFullYear(), codes),
        })
        return { tags: [], security }
      },
      deidentified: standard.deidentified,
      reference: pseudonyms.reference,
    }
  }
  return {
    id: standard.id,
    get key() {
      return `${rules.revision}:${key.id}:${now().getUTCFullYear()}`
    },
    removes,
    withheldTypes,
    deidentified: standard.deidentified,
    apply: () => {
      throw new Error('de-identified for nobody: pseudonyms are those of one recipient')
    },
    forRecipient: recipient => {
      const known = made.get(recipient)
      if (known !== undefined) return known
      if (made.size >= RECIPIENTS) made.clear()
      const projection = bound(recipient)
      made.set(recipient, projection)
      return projection
    },
  }
}

function markOf(code: string): Coding {
  const display = DISPLAY[code]
  return { system: OBSERVATION_VALUE, code, ...(display === undefined ? {} : { display }) }
}

import type { ConsentOnFile, ConsentState } from '../model/consent.ts'
import type { Resource } from '../model/fhir.ts'
import type { CompiledConsent } from './compile.ts'
import { spanOf } from './dates.ts'
import { isObject, objectsIn, textIn } from './json.ts'
import { normalIdentifier, normalReference } from './references.ts'
import { topicOf } from './topic.ts'

export interface StateOf {
  readonly state: ConsentState
  readonly why?: string
}

/** R4 Consent.status values that are no agreement in force. */
const INACTIVE = new Set(['draft', 'proposed', 'rejected', 'inactive', 'entered-in-error'])
/** What can be told of a Consent without its rules; undefined where the rules decide. */
export function standing(consent: Resource): StateOf | undefined {
  const status = textIn(consent['status'])
  if (status !== undefined && INACTIVE.has(status)) return { state: 'inactive', why: `status is ${status}` }
  const topic = topicOf(consent)
  if (topic === 'other') return { state: 'not-privacy', why: 'scope is not patient-privacy' }
  if (status !== 'active') return { state: 'unreadable', why: 'status: expected a status of R4 Consent' }
  if (topic !== 'unknown') return undefined
  return { state: 'unreadable', why: 'scope: expected a code of consentscope, or a category that is known' }
}

/** Enforceable, expired or not yet begun, by the period of the root. `at` in milliseconds since the epoch. */
export function timeState({ root }: CompiledConsent, at: number): StateOf {
  if (at >= root.span.end) return { state: 'expired', why: 'provision.period has ended' }
  if (at < root.span.start) return { state: 'not-yet', why: 'provision.period has not begun' }
  return { state: 'enforceable' }
}

/** What a later version of a Consent shares with an earlier one: business identifiers, and its place on one server. */
function lineages({ ref, resource }: ConsentOnFile): readonly string[] {
  const keys = objectsIn(resource['identifier']).flatMap(item => {
    const value = textIn(item['value'])
    const system = textIn(item['system'])
    // A value without system names nothing beyond its own server.
    return value === undefined || system === undefined ? [] : [normalIdentifier({ system, value }).key]
  })
  return [...keys, `${ref.source ?? ''} ${normalReference(ref.reference, { bases: [] })}`]
}

/** Statuses that end or replace what came before; a draft, a proposal or an error does not. */
const REPLACING = new Set(['active', 'inactive'])

function instant(text: string | undefined): number | undefined {
  return text === undefined ? undefined : spanOf(text, 'UTC')?.start
}

/** Whether one Consent was signed, or where that cannot be told stored, after the other. */
export function isLater(later: Resource, earlier: Resource): boolean {
  for (const pick of [signedAt, storedAt]) {
    const [left, right] = [pick(later), pick(earlier)]
    if (left !== undefined && right !== undefined && left !== right) return left > right
  }
  return false
}

function signedAt(consent: Resource): number | undefined {
  return instant(textIn(consent['dateTime']))
}

function storedAt(consent: Resource): number | undefined {
  return instant(isObject(consent['meta']) ? textIn(consent['meta']['lastUpdated']) : undefined)
}

function patientOf(consent: Resource): string {
  return JSON.stringify(
    isObject(consent['patient']) ? (consent['patient']['reference'] ?? consent['patient']['identifier']) : '',
  )
}

function replaces(later: ConsentOnFile, earlier: ConsentOnFile): boolean {
  const status = textIn(later.resource['status'])
  const topic = topicOf(later.resource)
  if (status === undefined || !REPLACING.has(status)) return false
  // A Consent about research takes the place of another one, never of what was said of all disclosure.
  if (topic !== 'privacy' && (topic !== 'research' || topicOf(earlier.resource) !== 'research')) return false
  return (
    patientOf(later.resource) === patientOf(earlier.resource) && isLater(later.resource, earlier.resource)
  )
}

/**
 * Which Consents a later one of the same identifier or place explicitly takes the place of: earlier → later. A newer
 * Consent about somebody else replaces nothing.
 */
export function supersessions(onFile: readonly ConsentOnFile[]): ReadonlyMap<ConsentOnFile, ConsentOnFile> {
  const families = Map.groupBy(
    onFile.flatMap(consent => lineages(consent).map(key => ({ key, consent }))),
    ({ key }) => key,
  )
  const superseded = new Map<ConsentOnFile, ConsentOnFile>()
  for (const family of families.values()) {
    for (const { consent: earlier } of family) {
      const later = family.find(({ consent }) => consent !== earlier && replaces(consent, earlier))
      if (later !== undefined) superseded.set(earlier, later.consent)
    }
  }
  return superseded
}

import { LRUCache } from 'lru-cache'
import type { Limits } from '../model/configuration.ts'
import type { ConsentOnFile } from '../model/consent.ts'
import type { Upstream } from '../model/doors.ts'
import type { RawEntry } from '../model/exchange.ts'
import type { JsonObject, Resource } from '../model/fhir.ts'
import { Refusal } from '../model/refusal.ts'
import { strictParse } from '../model/strict-json.ts'
import { isLiteral, isPlainId, type Location } from './location.ts'
import { invalid } from './refusals.ts'
import type { Searcher } from './search.ts'

export interface ConsentDependencies {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly searcher: Searcher
  readonly location: Location
  readonly limits: Limits
}

type Consents = Pick<Upstream, 'consents' | 'invalidateConsents'>
type ByPatient = ReadonlyMap<string, readonly ConsentOnFile[]>

interface Kept {
  readonly consents: readonly ConsentOnFile[]
  /** Counted from before the request was sent: that is the age the stated revocation latency bounds. */
  readonly expires: number
}

const PATIENTS_PER_REQUEST = 50
const PATIENTS_KEPT = 20_000
const CONSENTS_KEPT = 20_000
const PAGE_SIZE = 200
/** Some servers reuse the result of an equal search for a minute, which would add to the revocation latency. */
const FRESH = ['cache-control', 'no-cache'] as const

/**
 * All Consents of patients, a few patients' worth in one call. Nothing failed is cached, absence is cached exactly like
 * presence. Consents of unchanged bytes, and lists of unchanged Consents, keep their identity.
 */
export function createConsents(deps: ConsentDependencies): Consents {
  const kept = new LRUCache<string, Kept>({ max: PATIENTS_KEPT })
  const parsed = new LRUCache<string, ConsentOnFile>({ max: CONSENTS_KEPT })
  const inFlight = new Map<string, Promise<ByPatient>>()

  const keep = (patient: string, fetched: readonly ConsentOnFile[], expires: number) => {
    const before = kept.get(patient)?.consents
    const consents = before !== undefined && sameList(before, fetched) ? before : fetched
    kept.set(patient, { consents, expires })
    return consents
  }

  const fetchBatch = (patients: readonly string[]): Promise<ByPatient> => {
    const expires = deps.now() + deps.limits.consentCacheMs
    const fetching: Promise<ByPatient> = fetchConsents(deps, parsed, patients)
      .then(found => {
        const stable = new Map<string, readonly ConsentOnFile[]>()
        for (const [patient, list] of found) {
          // A write that passed through meanwhile took this fetch off the list: it may have missed the change.
          const current = inFlight.get(patient) === fetching
          stable.set(patient, current ? keep(patient, list, expires) : list)
        }
        return stable
      })
      .finally(() => {
        for (const patient of patients) if (inFlight.get(patient) === fetching) inFlight.delete(patient)
      })
    for (const patient of patients) inFlight.set(patient, fetching)
    return fetching
  }

  const consents: Consents['consents'] = async patients => {
    const at = deps.now()
    const found = new Map<string, readonly ConsentOnFile[]>()
    const waits = new Set<Promise<ByPatient>>()
    const missing = new Set<string>()
    for (const patient of patients) {
      const known = kept.get(patient)
      const pending = inFlight.get(patient)
      if (known !== undefined && known.expires > at) found.set(patient, known.consents)
      else if (pending !== undefined) waits.add(pending)
      else missing.add(patient)
    }
    for (const batch of batches([...missing])) waits.add(fetchBatch(batch))
    if (waits.size === 0) return found
    const fetched = await Promise.all(waits).catch(cause => {
      throw consentUnavailable(cause)
    })
    for (const patient of patients) {
      const list = found.get(patient) ?? fetched.find(part => part.has(patient))?.get(patient)
      if (list === undefined)
        throw new Refusal('consent-unavailable', { detail: 'a patient was not looked up' })
      found.set(patient, list)
    }
    return found
  }

  return {
    consents,
    invalidateConsents: patient => {
      if (patient === undefined) {
        kept.clear()
        inFlight.clear()
      } else {
        kept.delete(patient)
        inFlight.delete(patient)
      }
    },
  }
}

function consentUnavailable(cause: unknown): Refusal {
  const detail = cause instanceof Refusal ? `${cause.code}: ${cause.detail ?? ''}` : 'Consents cannot be read'
  return new Refusal('consent-unavailable', { detail })
}

function sameList(left: readonly ConsentOnFile[], right: readonly ConsentOnFile[]): boolean {
  return left.length === right.length && left.every((consent, index) => consent === right[index])
}

function batches(patients: readonly string[]): string[][] {
  const count = Math.ceil(patients.length / PATIENTS_PER_REQUEST)
  return Array.from({ length: count }, (_, index) =>
    patients.slice(index * PATIENTS_PER_REQUEST, (index + 1) * PATIENTS_PER_REQUEST),
  )
}

async function fetchConsents(
  deps: ConsentDependencies,
  parsed: LRUCache<string, ConsentOnFile>,
  patients: readonly string[],
): Promise<ByPatient> {
  for (const patient of patients) {
    if (!patient.startsWith('Patient/') || !isLiteral(patient)) throw invalid('a patient is no Patient/id')
  }
  const perPatient = deps.limits.consentsPerPatient
  const query = `patient=${patients.join(',')}&_count=${PAGE_SIZE}`
  const entries = await deps.searcher.all('Consent', query, perPatient * patients.length + PAGE_SIZE, FRESH)
  const found = new Map<string, ConsentOnFile[]>(patients.map(patient => [patient, []]))
  for (const entry of entries) {
    const consent = readConsent(entry, parsed, deps.limits)
    if (consent === undefined) continue
    for (const patient of assignedTo(consent, patients, found, deps.location.base)) {
      const list = found.get(patient)
      // Pages shift while somebody writes: the same Consent may come twice.
      if (list?.includes(consent)) continue
      if (list?.push(consent) === perPatient + 1)
        throw invalid(`more than ${perPatient} Consents of one patient`)
    }
  }
  return found
}

/** undefined for what is no Consent: includes, and an OperationOutcome that is no error. */
function readConsent(
  entry: RawEntry,
  parsed: LRUCache<string, ConsentOnFile>,
  limits: Limits,
): ConsentOnFile | undefined {
  const { hash, bytes } = entry.resource
  const known = parsed.get(hash)
  if (known !== undefined) return known
  const resource = strictParse(bytes, limits) as JsonObject
  if (entry.mode === 'outcome') return refuseErrors(resource)
  if (entry.mode === 'include' && resource['resourceType'] !== 'Consent') return undefined
  const { resourceType, id } = resource
  if (resourceType !== 'Consent' || typeof id !== 'string' || !isPlainId(id)) {
    throw invalid('Consent search: Consent with an id expected')
  }
  const version = (resource['meta'] as JsonObject | undefined)?.['versionId']
  const consent: ConsentOnFile = {
    ref: {
      reference: `Consent/${id}`,
      ...(typeof version === 'string' ? { version } : {}),
      source: 'upstream',
    },
    resource: resource as Resource,
  }
  parsed.set(hash, consent)
  return consent
}

/** A search that was answered in part (an error or fatal issue) is no answer to "all Consents". */
function refuseErrors(outcome: JsonObject): undefined {
  const issues = outcome['issue']
  const severities = Array.isArray(issues)
    ? issues.map(issue => (issue as JsonObject | null)?.['severity'])
    : ['error']
  if (severities.some(severity => severity === 'error' || severity === 'fatal')) {
    throw invalid('Consent search: answered with an error')
  }
  return undefined
}

/**
 * The patients a Consent speaks of. One that names its patient in a way that leads nowhere here (by identifier, by an
 * absolute URL elsewhere, not at all) goes to every patient asked: doubt, for `consent/` to weigh.
 * @throws Refusal where it plainly names another patient: the upstream did not apply the filter
 */
function assignedTo(
  consent: ConsentOnFile,
  patients: readonly string[],
  asked: ReadonlyMap<string, unknown>,
  base: string,
): readonly string[] {
  const reference = (consent.resource['patient'] as JsonObject | undefined)?.['reference']
  const patient = typeof reference === 'string' ? normalised(reference, base) : undefined
  if (patient === undefined) return patients
  if (!asked.has(patient)) throw invalid('Consent search: answered with a patient that was not asked for')
  return [patient]
}

/** `Patient/x` of a relative, absolute or versioned reference to a patient of this upstream. */
function normalised(reference: string, base: string): string | undefined {
  const relative = reference.startsWith(`${base}/`) ? reference.slice(base.length + 1) : reference
  const match = /^(Patient\/[A-Za-z0-9\-.]{1,64})(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/.exec(relative)
  return match?.[1]
}

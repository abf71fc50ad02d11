import { LRUCache } from 'lru-cache'
import type { Limits } from '../model/configuration.ts'
import type { ConsentOnFile } from '../model/consent.ts'
import type { Upstream } from '../model/doors.ts'
import { type ByPatient, type ConsentSource, consentUnavailable } from './consent-source.ts'

export interface ConsentDependencies {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly limits: Limits
  /** Servers that hold Consents, by name; all are asked, at the same time. */
  readonly sources: ReadonlyMap<string, ConsentSource>
}

type Consents = Pick<Upstream, 'consents' | 'invalidateConsents'>

interface Kept {
  readonly consents: readonly ConsentOnFile[]
  /** Counted from before the request was sent: that is the age the stated revocation latency bounds. */
  readonly expires: number
}

/** A question on its way; whoever asks before it expires may wait for the same answer. */
interface Pending {
  readonly answer: Promise<ByPatient>
  readonly expires: number
}

const PATIENTS_PER_REQUEST = 50
const PATIENTS_KEPT = 20_000

/**
 * All Consents of patients, a few patients' worth in one call to each server. Nothing failed is cached, absence is cached
 * exactly like presence. Lists of unchanged Consents keep their identity. A patient that a server could not be asked about
 * is left out of the answer.
 */
export function createConsents(deps: ConsentDependencies): Consents {
  const kept = new LRUCache<string, Kept>({ max: PATIENTS_KEPT })
  const inFlight = new Map<string, Pending>()

  const keep = (patient: string, fetched: readonly ConsentOnFile[], expires: number) => {
    const before = kept.get(patient)?.consents
    const consents = before !== undefined && sameList(before, fetched) ? before : fetched
    kept.set(patient, { consents, expires })
    return consents
  }

  const fetchBatch = (patients: readonly string[]): Promise<ByPatient> => {
    const expires = deps.now() + deps.limits.consentCacheMs
    const answer: Promise<ByPatient> = fetchAll(deps, patients)
      .then(found => {
        const stable = new Map<string, readonly ConsentOnFile[]>()
        for (const [patient, list] of found) {
          // A write that passed through meanwhile took this fetch off the list: it may have missed the change.
          const current = inFlight.get(patient)?.answer === answer
          stable.set(patient, current ? keep(patient, list, expires) : list)
        }
        return stable
      })
      .finally(() => {
        for (const patient of patients) if (inFlight.get(patient)?.answer === answer) inFlight.delete(patient)
      })
    for (const patient of patients) inFlight.set(patient, { answer, expires })
    return answer
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
      else if (pending !== undefined && pending.expires > at) waits.add(pending.answer)
      else missing.add(patient)
    }
    for (const batch of batches([...missing])) waits.add(fetchBatch(batch))
    if (waits.size === 0) return found
    const fetched = await Promise.all(waits)
    for (const patient of patients) {
      const list = found.get(patient) ?? fetched.find(part => part.has(patient))?.get(patient)
      if (list !== undefined) found.set(patient, list)
    }
    return found
  }

  return {
    consents,
    invalidateConsents: name => {
      if (name?.startsWith('Patient/')) {
        kept.delete(name)
        inFlight.delete(name)
        return
      }
      if (name?.startsWith('Consent/')) {
        for (const [patient, { consents: list }] of kept)
          if (list.some(({ ref }) => ref.reference === name)) kept.delete(patient)
      } else kept.clear()
      inFlight.clear()
    },
  }
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

/**
 * What all servers hold of these patients. One that fails speaks for all: what it would have denied is not known.
 * @throws Refusal `consent-unavailable`
 */
async function fetchAll({ sources }: ConsentDependencies, patients: readonly string[]): Promise<ByPatient> {
  const parts = await Promise.all(
    [...sources].map(([name, source]) =>
      source.fetch(patients).catch(cause => {
        throw consentUnavailable(name, cause)
      }),
    ),
  )
  const [only] = parts
  if (only !== undefined && parts.length === 1) return only
  const found = new Map<string, readonly ConsentOnFile[]>()
  for (const patient of patients) {
    const lists = parts.map(part => part.get(patient))
    if (lists.every(list => list !== undefined)) found.set(patient, lists.flat())
  }
  return found
}

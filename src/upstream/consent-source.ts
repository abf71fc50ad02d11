import { LRUCache } from 'lru-cache'
import { withAbsoluteReferences } from '../model/absolute-references.ts'
import type { Limits } from '../model/configuration.ts'
import type { ConsentOnFile } from '../model/consent.ts'
import type { RawEntry } from '../model/exchange.ts'
import type { JsonObject, Resource } from '../model/fhir.ts'
import { Refusal } from '../model/refusal.ts'
import { strictParse } from '../model/strict-json.ts'
import type { PatientNames } from './consent-patients.ts'
import { isLiteral, isPlainId } from './location.ts'
import { invalid } from './refusals.ts'
import type { Searcher } from './search.ts'

/** Consents by patient of ours. A patient that could not be asked about is left out: doubt, which denies. */
export type ByPatient = ReadonlyMap<string, readonly ConsentOnFile[]>

/** One server that holds Consents. */
export interface ConsentSource {
  /** @throws Refusal where not all Consents of all these patients can be told. */
  readonly fetch: (patients: readonly string[]) => Promise<ByPatient>
}

export interface ConsentSourceOptions {
  /** `ConsentRef.source`. */
  readonly name: string
  readonly searcher: Searcher
  readonly limits: Limits
  /** Base URL of this server, no trailing slash. */
  readonly base: string
  /** Present for a server that is not the upstream: how its patients and ours are told to be the same. */
  readonly elsewhere?: {
    /** Base URL of the upstream: a reference under it is ours. */
    readonly upstreamBase: string
    /** Absent: its patients have the ids of the upstream. */
    readonly identified?: {
      readonly search: 'patient.identifier' | 'patient:identifier'
      readonly names: PatientNames
    }
  }
}

const CONSENTS_KEPT = 20_000
const PAGE_SIZE = 200
/** Of one request; below the 8 kB many servers allow a request line. */
const QUERY_CHARACTERS = 4_000
/** Some servers reuse the result of an equal search for a minute, which would add to the revocation latency. */
const FRESH = ['cache-control', 'no-cache'] as const

/** Asks one server for all Consents of some patients. Consents of unchanged bytes keep their identity. */
export function createConsentSource(options: ConsentSourceOptions): ConsentSource {
  const parsed = new LRUCache<string, ConsentOnFile>({ max: CONSENTS_KEPT })
  const { identified } = options.elsewhere ?? {}
  return {
    fetch: async patients => {
      for (const patient of patients)
        if (!patient.startsWith('Patient/') || !isLiteral(patient))
          throw invalid('a patient is no Patient/id')
      return identified === undefined
        ? byReference(options, parsed, patients)
        : byIdentifier(options, identified, parsed, patients)
    },
  }
}

type Parsed = LRUCache<string, ConsentOnFile>

async function byReference(
  options: ConsentSourceOptions,
  parsed: Parsed,
  patients: readonly string[],
): Promise<ByPatient> {
  const { limits, searcher, base, elsewhere } = options
  const query = `patient=${patients.join(',')}&_count=${PAGE_SIZE}`
  const most = limits.consentsPerPatient * patients.length + PAGE_SIZE
  const entries = await searcher.all('Consent', query, most, FRESH)
  const bases = elsewhere === undefined ? [base] : [base, elsewhere.upstreamBase]
  const gathering = new Gathering(options, parsed, patients)
  for (const entry of entries) {
    const consent = gathering.consentIn(entry)
    if (consent === undefined) continue
    const named = patientOf(consent, bases)
    gathering.add(entry, consent, named === undefined ? undefined : [named])
  }
  return gathering.found
}

async function byIdentifier(
  options: ConsentSourceOptions,
  { search, names }: NonNullable<NonNullable<ConsentSourceOptions['elsewhere']>['identified']>,
  parsed: Parsed,
  patients: readonly string[],
): Promise<ByPatient> {
  const { limits, searcher } = options
  const { tokens, reader } = await names.of(patients)
  const askable = patients.filter(patient => tokens.has(patient))
  const gathering = new Gathering(options, parsed, askable)
  const include = search === 'patient.identifier' ? '&_include=Consent:patient' : ''
  const most = limits.consentsPerPatient * patients.length * 2 + PAGE_SIZE
  const values = new Set(askable.flatMap(patient => tokens.get(patient) ?? []))
  const answers = await Promise.all(
    chunks([...values]).map(chunk =>
      searcher.all('Consent', `${search}=${chunk.join(',')}&_count=${PAGE_SIZE}${include}`, most, FRESH),
    ),
  )
  const entries = answers.flat()
  const consents = entries.flatMap(entry => {
    const consent = gathering.consentIn(entry)
    return consent === undefined ? [] : [{ entry, consent }]
  })
  const namedBy = await reader(
    consents.map(({ consent }) => consent),
    entries,
  )
  for (const { entry, consent } of consents) gathering.add(entry, consent, namedBy(consent))
  return gathering.found
}

function chunks(values: readonly string[]): string[][] {
  const all: string[][] = []
  let characters = QUERY_CHARACTERS
  for (const value of values) {
    if (characters + value.length > QUERY_CHARACTERS) {
      all.push([])
      characters = 0
    }
    all.at(-1)?.push(value)
    characters += value.length + 1
  }
  return all
}

/** The Consents of one answer, each laid to its patients. */
class Gathering {
  readonly found: Map<string, ConsentOnFile[]>
  readonly #options: ConsentSourceOptions
  readonly #parsed: Parsed
  readonly #patients: readonly string[]

  constructor(options: ConsentSourceOptions, parsed: Parsed, patients: readonly string[]) {
    this.#options = options
    this.#parsed = parsed
    this.#patients = patients
    this.found = new Map(patients.map(patient => [patient, []]))
  }

  /** undefined for what is no Consent: includes, and an OperationOutcome that is no error. */
  consentIn(entry: RawEntry): ConsentOnFile | undefined {
    const known = this.#parsed.get(entry.resource.hash)
    if (known !== undefined) return known
    const consent = readConsent(entry, this.#options)
    if (consent !== undefined) this.#parsed.set(entry.resource.hash, consent)
    return consent
  }

  /**
   * Lays a Consent to the patients it names. One that names its patient in a way that leads nowhere (undefined) goes to
   * every patient asked: doubt, for `consent/` to weigh.
   * @throws Refusal where it plainly names somebody who was not asked for: the server did not apply the filter
   */
  add({ resource }: RawEntry, consent: ConsentOnFile, named: readonly string[] | undefined): void {
    const asked = named?.filter(patient => this.found.has(patient))
    if (asked?.length === 0) throw invalid('Consent search: answered with a patient that was not asked for')
    const sure = asked !== undefined && this.#options.elsewhere !== undefined
    for (const patient of asked ?? this.#patients)
      this.#put(patient, sure ? this.#of(resource.hash, consent, patient) : consent)
  }

  #of(hash: string, consent: ConsentOnFile, patient: string): ConsentOnFile {
    const key = `${hash} ${patient}`
    const known = this.#parsed.get(key)
    if (known !== undefined) return known
    const own = { ...consent, patient }
    this.#parsed.set(key, own)
    return own
  }

  #put(patient: string, consent: ConsentOnFile): void {
    const list = this.found.get(patient)
    // Pages shift while somebody writes: the same Consent may come twice.
    if (list === undefined || list.includes(consent)) return
    const most = this.#options.limits.consentsPerPatient
    if (list.push(consent) === most + 1) throw invalid(`more than ${most} Consents of one patient`)
  }
}

function readConsent(entry: RawEntry, options: ConsentSourceOptions): ConsentOnFile | undefined {
  const { name, base, elsewhere, limits } = options
  const resource = strictParse(entry.resource.bytes, limits) as JsonObject
  if (entry.mode === 'outcome') return refuseErrors(resource)
  if (entry.mode === 'include' && resource['resourceType'] !== 'Consent') return undefined
  const { resourceType, id } = resource
  if (resourceType !== 'Consent' || typeof id !== 'string' || !isPlainId(id)) {
    throw invalid('Consent search: Consent with an id expected')
  }
  const version = (resource['meta'] as JsonObject | undefined)?.['versionId']
  return {
    ref: {
      reference: `Consent/${id}`,
      ...(typeof version === 'string' ? { version } : {}),
      source: name,
      ...(elsewhere === undefined ? {} : { base }),
    },
    resource: (elsewhere === undefined ? resource : withAbsoluteReferences(resource, base)) as Resource,
  }
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

/** `Patient/x` of a relative, absolute or versioned reference to a patient under one of the bases. */
function patientOf({ resource }: ConsentOnFile, bases: readonly string[]): string | undefined {
  const reference = (resource['patient'] as JsonObject | undefined)?.['reference']
  if (typeof reference !== 'string') return undefined
  const base = bases.find(one => reference.startsWith(`${one}/`))
  const relative = base === undefined ? reference : reference.slice(base.length + 1)
  return /^(Patient\/[A-Za-z0-9\-.]{1,64})(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/.exec(relative)?.[1]
}

/** The Refusal that every failure of a Consent server ends in; names the server, never its host. */
export function consentUnavailable(name: string, cause: unknown): Refusal {
  const detail = cause instanceof Refusal ? `${cause.code}: ${cause.detail ?? ''}` : 'Consents cannot be read'
  const retry = cause instanceof Refusal ? cause.retryAfterSeconds : undefined
  return new Refusal('consent-unavailable', {
    detail: name === 'upstream' ? detail : `${name}: ${detail}`,
    ...(retry === undefined ? {} : { retryAfterSeconds: retry }),
  })
}

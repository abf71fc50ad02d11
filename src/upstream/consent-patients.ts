import type { Limits } from '../model/configuration.ts'
import type { ConsentOnFile } from '../model/consent.ts'
import type { Upstream } from '../model/doors.ts'
import type { RawEntry, RawResource } from '../model/exchange.ts'
import type { JsonObject, JsonValue } from '../model/fhir.ts'
import { strictParse } from '../model/strict-json.ts'

/** Tells which patients of ours the patients of another server are, by identifiers of one system. */
export interface PatientNames {
  readonly of: (patients: readonly string[]) => Promise<NamedPatients>
}

export interface NamedPatients {
  /** Search values (`system|value`, encoded) of the patients that bear such an identifier at the upstream. */
  readonly tokens: ReadonlyMap<string, readonly string[]>
  /**
   * Whom a Consent names: patients of ours, none (somebody else), or undefined where it leads nowhere.
   * @param entries of the same answer, for the Patients that came along
   */
  readonly reader: (
    consents: readonly ConsentOnFile[],
    entries: readonly RawEntry[],
  ) => Promise<(consent: ConsentOnFile) => readonly string[] | undefined>
}

export interface PatientNameOptions {
  readonly system: string
  /** Base URL of the other server. */
  readonly base: string
  /** Looks up at the upstream. */
  readonly ours: Upstream['resolve']
  /** Looks up at the other server. */
  readonly theirs: Upstream['resolve']
  readonly limits: Limits
}

export function createPatientNames(options: PatientNameOptions): PatientNames {
  const { system, limits } = options
  return {
    of: async patients => {
      const resolution = await options.ours(patients)
      const bearers = new Map<string, string[]>()
      const tokens = new Map<string, readonly string[]>()
      for (const patient of patients) {
        const values = valuesOf(resolution.get(patient), patient, system, limits)
        for (const value of values) bearers.set(value, [...(bearers.get(value) ?? []), patient])
        if (values.length > 0)
          tokens.set(
            patient,
            values.map(value => tokenOf(system, value)),
          )
      }
      return { tokens, reader: (consents, entries) => readerOf(options, bearers, consents, entries) }
    },
  }
}

async function readerOf(
  { system, base, limits, theirs }: PatientNameOptions,
  bearers: ReadonlyMap<string, readonly string[]>,
  consents: readonly ConsentOnFile[],
  entries: readonly RawEntry[],
): Promise<(consent: ConsentOnFile) => readonly string[] | undefined> {
  const values = new Map<string, readonly string[]>()
  for (const { mode, resource } of entries)
    if (mode === 'include') takePatient(resource, system, limits, values)
  const named = new Set(consents.flatMap(consent => referenceOf(consent, base) ?? []))
  const missing = [...named].filter(reference => !values.has(reference))
  const resolution = missing.length === 0 ? undefined : await theirs(missing)
  for (const reference of missing)
    values.set(reference, valuesOf(resolution?.get(reference), reference, system, limits))
  return consent => {
    const reference = referenceOf(consent, base)
    const own = [
      ...identifiersIn([(consent.resource['patient'] as JsonObject | undefined)?.['identifier']], system),
      ...(reference === undefined ? [] : (values.get(reference) ?? [])),
    ]
    return own.length === 0 ? undefined : [...new Set(own.flatMap(value => bearers.get(value) ?? []))]
  }
}

/** A token of a FHIR search: `,`, `|`, `$` and `\` of the value escaped, everything encoded. */
export function tokenOf(system: string, value: string): string {
  const escaped = [system, value].map(part => part.replace(/[\\,|$]/g, '\\$&')).join('|')
  return encodeURIComponent(escaped)
}

/** `Patient/9` of the Consent's own server; undefined where it names its patient in another way. */
function referenceOf({ resource }: ConsentOnFile, base: string): string | undefined {
  const reference = (resource['patient'] as JsonObject | undefined)?.['reference']
  if (typeof reference !== 'string' || !reference.startsWith(`${base}/`)) return undefined
  const plain = /^(Patient\/[A-Za-z0-9\-.]{1,64})(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/
  return plain.exec(reference.slice(base.length + 1))?.[1]
}

function takePatient(
  resource: RawResource,
  system: string,
  limits: Limits,
  into: Map<string, readonly string[]>,
): void {
  const parsed = strictParse(resource.bytes, limits) as JsonObject
  if (parsed['resourceType'] !== 'Patient' || typeof parsed['id'] !== 'string') return
  into.set(`Patient/${parsed['id']}`, identifiersIn(parsed['identifier'], system))
}

/** Values of one system; none for what is not there, or cannot be read, or is another resource. */
function valuesOf(
  raw: RawResource | 'absent' | undefined,
  reference: string,
  system: string,
  limits: Limits,
): readonly string[] {
  if (raw === undefined || raw === 'absent') return []
  try {
    const parsed = strictParse(raw.bytes, limits) as JsonObject
    const own = `${String(parsed['resourceType'])}/${String(parsed['id'])}` === reference
    return own ? identifiersIn(parsed['identifier'], system) : []
  } catch {
    return []
  }
}

/** Old ones too: what was said under them still holds. */
function identifiersIn(
  value: JsonValue | undefined | readonly (JsonValue | undefined)[],
  system: string,
): readonly string[] {
  if (!Array.isArray(value)) return []
  return value.flatMap(item => {
    const identifier = item as JsonObject | null | undefined
    const text = identifier?.['value']
    return identifier?.['system'] === system && typeof text === 'string' && text !== '' ? [text] : []
  })
}

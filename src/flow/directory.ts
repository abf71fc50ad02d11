import { withAbsoluteReferences } from '../model/absolute-references.ts'
import type { ConsentOnFile, Directory } from '../model/consent.ts'
import type { Resolution, Upstream } from '../model/doors.ts'
import type { RawResource } from '../model/exchange.ts'
import type { Resource } from '../model/fhir.ts'
import type { Requester } from '../model/requester.ts'
import { strictParse } from '../model/strict-json.ts'
import { bearersOf } from './directory-identifiers.ts'
import { memberships, namedBy, nameOf } from './directory-references.ts'

export interface DirectoryOptions {
  /** Base URLs under which references are ours, no trailing slash. */
  readonly bases?: readonly string[]
  /** Also looked up: the custodian, who discloses. */
  readonly also?: readonly string[]
  /** Most references looked up; default 500. */
  readonly references?: number
  /** Longest time of all look-ups together, ms; default 5,000. */
  readonly timeMs?: number
}

/** How far memberships are followed: Group → PractitionerRole → Organization → partOf. */
const DEPTH = 4
const REFERENCES = 500
const TIME_MS = 5_000

/** What was found, by name; undefined where it is there and cannot be read, or nobody could say. */
type Found = ReadonlyMap<string, Resource | undefined>
const parsedResolutions = new WeakMap<Resolution, Found>()

/** One directory and the look-ups it was made from; the same look-ups give the same object. */
interface Made {
  readonly resolutions: readonly Resolution[]
  readonly beyond: readonly string[]
  readonly directory: Directory
}
const madeFrom = new WeakMap<Resolution, Made>()
const NOBODY: Directory = { resolve: () => undefined }

/**
 * The directory that Consent actors, the requester and the custodian resolve to, with whoever they belong to and whoever
 * belongs to them (Group, CareTeam, PractitionerRole, Organization.partOf, Device.owner, Location, HealthcareService). It is
 * fetched from the servers, never from the request, and cached with the look-ups: a requester cannot write it. Bounded in
 * depth, number and time: what lies beyond a bound is unresolvable, which never permits and never takes a deny away.
 * Throws Refusal where a server fails.
 */
export async function directoryFor(
  upstream: Upstream,
  consents: ReadonlyMap<string, readonly ConsentOnFile[]>,
  requester: Requester,
  options: DirectoryOptions = {},
): Promise<Directory> {
  const gathering = new Gathering(upstream, options)
  for (const { reference } of requester.actors) if (reference !== undefined) gathering.want(reference)
  for (const reference of options.also ?? []) gathering.want(reference)
  const named = [...consents.values()].map(namedBy)
  for (const { references } of named) for (const reference of references) gathering.want(reference)
  await gathering.followAll()
  const directory = gathering.directory()
  return bearersOf(upstream, named, requester, directory, {
    leftMs: gathering.leftMs(),
    want: async references => {
      for (const reference of references) gathering.want(reference)
      await gathering.followAll()
      return gathering.directory()
    },
  })
}

/** One directory, level by level. */
class Gathering {
  readonly #upstream: Upstream
  readonly #ours: readonly string[]
  readonly #theirs: readonly string[]
  readonly #most: number
  readonly #ends: number
  readonly #resolutions: Resolution[] = []
  readonly #met = new Set<string>()
  /** Wanted and not looked up: a bound was hit. */
  readonly #beyond = new Set<string>()
  #missing: string[] = []
  #count = 0

  constructor(upstream: Upstream, { bases = [], references, timeMs }: DirectoryOptions) {
    this.#upstream = upstream
    this.#ours = bases
    this.#theirs = [...(upstream.elsewhere?.keys() ?? [])]
    this.#most = references ?? REFERENCES
    this.#ends = performance.now() + (timeMs ?? TIME_MS)
  }

  leftMs(): number {
    return this.#ends - performance.now()
  }

  want(reference: string): void {
    const name = nameOf(reference, this.#ours, this.#theirs)
    if (name === undefined || this.#met.has(name)) return
    this.#met.add(name)
    this.#missing.push(name)
  }

  async followAll(): Promise<void> {
    for (let depth = 0; depth < DEPTH && this.#missing.length > 0; depth++) {
      const asked = this.#take()
      const answers = await within(this.#ask(asked), this.leftMs())
      if (answers === undefined) {
        this.#leave(asked)
        break
      }
      for (const { names, base, resolution } of answers) {
        this.#resolutions.push(resolution)
        for (const resource of parsedOf(resolution, names, base).values())
          for (const member of resource === undefined ? [] : memberships(resource)) this.want(member)
      }
    }
    this.#leave(this.#missing)
    this.#missing = []
  }

  /** Collectives first: who they are is told by nothing but themselves. */
  #take(): readonly string[] {
    const sorted = this.#missing.toSorted((left, right) => rank(left) - rank(right))
    this.#missing = []
    const room = this.leftMs() > 0 ? Math.max(0, this.#most - this.#count) : 0
    this.#leave(sorted.slice(room))
    const asked = sorted.slice(0, room)
    this.#count += asked.length
    return asked
  }

  #leave(names: readonly string[]): void {
    for (const name of names) this.#beyond.add(name)
  }

  #ask(names: readonly string[]): Promise<readonly Asked[]> {
    const at = (name: string): string => this.#theirs.find(base => name.startsWith(`${base}/`)) ?? ''
    return Promise.all(
      [...Map.groupBy(names, at)].map(async ([base, group]) => {
        const server = base === '' ? this.#upstream : this.#upstream.elsewhere?.get(base)
        const local = base === '' ? group : group.map(name => name.slice(base.length + 1))
        const resolution = (await server?.resolve(local)) ?? { get: () => undefined }
        return { base, names: group, resolution }
      }),
    )
  }

  directory(): Directory {
    return sharedDirectory(this.#resolutions, [...this.#beyond])
  }
}

interface Asked {
  readonly base: string
  readonly names: readonly string[]
  readonly resolution: Resolution
}

const COLLECTIVE = /(?:^|\/)(?:Group|CareTeam|PractitionerRole|HealthcareService)\/[^/]+$/

function rank(name: string): number {
  return COLLECTIVE.test(name) ? 0 : 1
}

/** The answer, or undefined when it takes longer; then what comes of it is of no use any more. */
async function within<T>(work: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>(resolve => {
    timer = setTimeout(() => resolve(undefined), Math.max(0, ms))
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
    work.catch(() => undefined)
  }
}

function sharedDirectory(resolutions: readonly Resolution[], beyond: readonly string[]): Directory {
  const [first] = resolutions
  if (first === undefined) return beyond.length === 0 ? NOBODY : directoryOf(resolutions, beyond)
  const made = madeFrom.get(first)
  if (made !== undefined && sameList(made.resolutions, resolutions) && sameList(made.beyond, beyond))
    return made.directory
  const directory = directoryOf(resolutions, beyond)
  madeFrom.set(first, { resolutions: [...resolutions], beyond, directory })
  return directory
}

function sameList<T>(left: readonly T[], right: readonly T[]): boolean {
  return left.length === right.length && left.every((one, index) => one === right[index])
}

function directoryOf(resolutions: readonly Resolution[], beyond: readonly string[]): Directory {
  const found = new Map<string, Resource | undefined>()
  for (const resolution of resolutions)
    for (const [name, resource] of parsedResolutions.get(resolution) ?? []) found.set(name, resource)
  const left = new Set(beyond)
  return {
    resolve: name => found.get(name),
    unresolvable: name => left.has(name) || (found.has(name) && found.get(name) === undefined),
  }
}

function parsedOf(resolution: Resolution, names: readonly string[], base: string): Found {
  const known = parsedResolutions.get(resolution)
  if (known !== undefined) return known
  const parsed = new Map<string, Resource | undefined>()
  for (const name of names) {
    const local = base === '' ? name : name.slice(base.length + 1)
    const raw = resolution.get(local)
    if (raw === 'absent') continue
    const resource = raw === undefined ? undefined : readAs(local, raw)
    parsed.set(
      name,
      resource === undefined || base === '' ? resource : withAbsoluteReferences(resource, base),
    )
  }
  parsedResolutions.set(resolution, parsed)
  return parsed
}

/** One that cannot be read leaves its own actors in doubt and stops nobody else. */
function readAs(reference: string, { bytes }: RawResource): Resource | undefined {
  try {
    const resource = strictParse(bytes, { jsonDepth: 1000 }) as Resource
    return `${resource.resourceType}/${resource.id}` === reference ? resource : undefined
  } catch {
    return undefined
  }
}

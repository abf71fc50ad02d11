import type { Filter, SearchRequest, WithId } from '@medplum/core'
import { allOk, created, multipleMatches, OperationOutcomeError, preconditionFailed } from '@medplum/core'
import type {
  CreateResourceOptions,
  DeleteResourceOptions,
  UpdateResourceOptions,
} from '@medplum/fhir-router'
import { MemoryRepository } from '@medplum/fhir-router'
import type { Bundle, OperationOutcome, Resource as R4Resource } from '@medplum/fhirtypes'
import type { JsonObject, Resource } from '../model/fhir.ts'
import { meets, sorted } from './matching.ts'

/** One version as it is served. `text` is absent where the version is a deletion. */
export interface StoredVersion {
  readonly resourceType: string
  readonly id: string
  readonly versionId: string
  readonly lastUpdated: string
  readonly text?: string
}

const isIdFilter = ({ code, operator }: Filter): boolean => code === '_id' && operator === 'eq'
const PATIENT_REFERENCE = /"reference"\s*:\s*"(Patient\/[A-Za-z0-9\-.]{1,64})"/g

/**
 * MemoryRepository that remembers the JSON text of every version, so decimals keep their digits and history can be
 * served, and that knows which resources mention which patient, so a search by patient does not walk the whole house.
 */
export class DemoStore extends MemoryRepository {
  readonly #versions = new Map<string, StoredVersion[]>()
  readonly #current = new Map<string, Map<string, R4Resource>>()
  readonly #mentions = new Map<string, Set<string>>()
  readonly #now: () => Date

  constructor(now: () => Date) {
    super()
    this.#now = now
  }

  /** Stores a resource; `text` is kept byte for byte where it already carries id, versionId and lastUpdated. */
  async load(resource: Resource, loadedAt: string, text?: string): Promise<void> {
    await this.#keep(resource, loadedAt, text)
  }

  /** Takes a resource and its history away without a trace, as if it had never been there. */
  async forget(resourceType: string, id: string): Promise<void> {
    if (this.#versions.delete(`${resourceType}/${id}`)) await this.#drop(resourceType, id)
  }

  versions(resourceType: string, id: string): readonly StoredVersion[] {
    return this.#versions.get(`${resourceType}/${id}`) ?? []
  }

  latest(resourceType: string, id: string): StoredVersion | undefined {
    return this.#versions.get(`${resourceType}/${id}`)?.at(-1)
  }

  /** All versions of a type, or of everything, newest first. */
  *allVersions(resourceType?: string): Generator<StoredVersion> {
    const all = [...this.#versions.values()].flat()
    const wanted = resourceType === undefined ? all : all.filter(v => v.resourceType === resourceType)
    yield* wanted.sort((a, b) => (a.lastUpdated < b.lastUpdated ? 1 : a.lastUpdated > b.lastUpdated ? -1 : 0))
  }

  /** `Type/id` of everything that mentions this patient, in the order it was stored. */
  mentioning(patient: string): readonly string[] {
    return [...(this.#mentions.get(patient) ?? [])]
  }

  override async createResource<T extends R4Resource>(
    resource: T,
    _options?: CreateResourceOptions,
    update = false,
  ): Promise<WithId<T>> {
    const id = resource.id ?? this.generateId()
    if (!update && this.latest(resource.resourceType, id)?.text !== undefined) {
      throw new OperationOutcomeError(preconditionFailed)
    }
    const meta = { ...(resource.meta as object | undefined), versionId: undefined, lastUpdated: undefined }
    const written = { ...(resource as unknown as JsonObject), resourceType: resource.resourceType, id, meta }
    return (await this.#keep(written as Resource, this.#now().toISOString())) as WithId<T>
  }

  override async updateResource<T extends R4Resource>(
    resource: T,
    options?: UpdateResourceOptions,
  ): Promise<WithId<T>> {
    const existing = resource.id === undefined ? undefined : this.latest(resource.resourceType, resource.id)
    if (options?.ifMatch !== undefined && existing?.versionId !== options.ifMatch) {
      throw new OperationOutcomeError(preconditionFailed)
    }
    return this.createResource(resource, undefined, true)
  }

  override async conditionalCreate<T extends R4Resource>(
    resource: T,
    search: SearchRequest<T>,
  ): Promise<{ resource: WithId<T>; outcome: OperationOutcome }> {
    const found = (await this.search({ ...search, count: 2 })).entry ?? []
    if (found.length > 1) throw new OperationOutcomeError(multipleMatches)
    const existing = found[0]?.resource
    if (existing !== undefined) return { resource: existing, outcome: allOk }
    return { resource: await this.createResource(resource), outcome: created }
  }

  override async deleteResource(
    resourceType: string,
    id: string,
    options?: DeleteResourceOptions,
  ): Promise<void> {
    const last = this.latest(resourceType, id)
    if (last?.text === undefined) return
    if (options?.ifMatch !== undefined && options.ifMatch !== last.versionId) {
      throw new OperationOutcomeError(preconditionFailed)
    }
    const versionId = String(this.versions(resourceType, id).length + 1)
    this.#remember({ resourceType, id, versionId, lastUpdated: this.#now().toISOString() })
    await this.#drop(resourceType, id)
  }

  /** As MemoryRepository, but a plain search by `_id` or patient looks only at what can match, and remembers. */
  override search<T extends R4Resource>(request: SearchRequest<T>): Promise<Bundle<WithId<T>>> {
    const filters = request.filters ?? []
    const plain = filters.every(filter => !/[.:]|^_has/.test(filter.code))
    if (!plain || request.include || request.revInclude) return super.search(request)
    const matching = this.#candidates(request.resourceType, filters).filter(resource =>
      meets(
        resource,
        filters.filter(filter => !isIdFilter(filter)),
      ),
    )
    const ordered = request.sortRules === undefined ? matching : sorted(matching, request.sortRules)
    const offset = request.offset ?? 0
    const page = ordered.slice(offset, request.count === undefined ? undefined : offset + request.count)
    return Promise.resolve({
      resourceType: 'Bundle',
      type: 'searchset',
      total: matching.length,
      entry: page.map(resource => ({ search: { mode: 'match' }, resource: resource as WithId<T> })),
    })
  }

  #candidates(resourceType: string, filters: readonly Filter[]): R4Resource[] {
    const ids = filters.find(isIdFilter)
    if (ids !== undefined) {
      return this.#present(
        resourceType,
        ids.value.split(',').map(id => `${resourceType}/${id}`),
      )
    }
    const about = filters.find(
      ({ code, operator }) => ['patient', 'subject'].includes(code) && operator === 'eq',
    )
    const patients = about?.value.split(',') ?? []
    if (about === undefined || !patients.every(reference => reference.startsWith('Patient/'))) {
      return [...(this.#current.get(resourceType)?.values() ?? [])]
    }
    return this.#present(
      resourceType,
      patients.flatMap(patient => this.mentioning(patient)),
    )
  }

  #present(resourceType: string, references: readonly string[]): R4Resource[] {
    const prefix = `${resourceType}/`
    const ofType = this.#current.get(resourceType)
    return [...new Set(references)].flatMap(reference => {
      const found = reference.startsWith(prefix) ? ofType?.get(reference.slice(prefix.length)) : undefined
      return found === undefined ? [] : [found]
    })
  }

  async #keep(resource: Resource, at: string, given?: string): Promise<R4Resource> {
    const { resourceType, id = this.generateId(), meta: before, ...rest } = resource
    const known = (before ?? {}) as { versionId?: string; lastUpdated?: string }
    const versionId = known.versionId ?? String(this.versions(resourceType, id).length + 1)
    const lastUpdated = known.lastUpdated ?? at
    const whole =
      resource.id !== undefined && known.versionId === versionId && known.lastUpdated === lastUpdated
    const meta = { ...known, versionId, lastUpdated }
    const text = given !== undefined && whole ? given : JSON.stringify({ resourceType, id, meta, ...rest })
    const plain = JSON.parse(text) as R4Resource
    this.#remember({ resourceType, id, versionId, lastUpdated, text })
    const ofType = this.#current.get(resourceType) ?? new Map<string, R4Resource>()
    this.#current.set(resourceType, ofType.set(id, plain))
    await this.withSeeding(() => super.createResource(plain, undefined, true))
    return plain
  }

  #remember(version: StoredVersion): void {
    const reference = `${version.resourceType}/${version.id}`
    const versions = this.#versions.get(reference)
    if (versions === undefined) this.#versions.set(reference, [version])
    else versions.push(version)
    const patients = (version.text ?? '').matchAll(PATIENT_REFERENCE)
    const own = version.resourceType === 'Patient' ? [reference] : []
    for (const patient of [...own, ...[...patients].map(match => match[1] ?? '')]) {
      const mentions = this.#mentions.get(patient)
      if (mentions === undefined) this.#mentions.set(patient, new Set([reference]))
      else mentions.add(reference)
    }
  }

  async #drop(resourceType: string, id: string): Promise<void> {
    this.#current.get(resourceType)?.delete(id)
    for (const mentions of this.#mentions.values()) mentions.delete(`${resourceType}/${id}`)
    await super.deleteResource(resourceType, id)
  }
}

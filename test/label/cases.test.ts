import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { BUILT_IN_LABELS } from '../../src/data/labels.ts'
import { Chart, labeller, RULES, raw } from './house.ts'

interface Case {
  readonly name: string
  readonly resource: { readonly resourceType: string; readonly id: string }
  readonly labels: readonly string[]
  readonly absent: readonly string[]
  /** Labels that are explained but not applied. */
  readonly candidates?: readonly string[]
  /** Of the patient, where age matters; the clock stands at 2026-06-01. */
  readonly birthDate?: string
  /** Resources the first one refers to, or that refer to it. */
  readonly others?: readonly { readonly resourceType: string; readonly id: string }[]
}

const categories = readdirSync(BUILT_IN_LABELS, { withFileTypes: true }).filter(entry => entry.isDirectory())

describe.each(categories.map(({ name }) => name))('category %s', category => {
  const cases = JSON.parse(readFileSync(join(BUILT_IN_LABELS, category, 'cases.json'), 'utf8')) as Case[]

  it.each(cases.map(one => [one.name, one] as const))('labels: %s', (_, one) => {
    const { resource, labels, absent, candidates = [], others = [], birthDate } = one
    const labelled = new Chart([resource, ...others]).label(
      `${resource.resourceType}/${resource.id}`,
      birthDate,
    )
    const { codes, notAssessable } = labelled
    expect(notAssessable).toBeUndefined()
    expect((labelled.candidates ?? []).map(({ code }) => code)).toEqual(
      expect.arrayContaining([...candidates]),
    )
    expect([...codes]).toEqual(expect.arrayContaining([...labels]))
    expect(absent.filter(code => codes.has(code))).toEqual([])
  })
})

describe('the rules as a whole', () => {
  it('send a local code only together with an HL7 code of the same rule', () => {
    for (const { id, labels, rules } of RULES.categories) {
      if (id === 'unassessed') continue
      for (const group of [
        labels,
        ...rules.flatMap(rule => (rule.kind === 'cue' || rule.labels === undefined ? [] : [rule.labels])),
      ]) {
        expect(group.some(({ system }) => system?.endsWith('/v3-ActCode'))).toBe(true)
      }
    }
  })

  it('explain each label by rule, path and confidence', () => {
    const facts = labeller().assess(
      raw({
        resourceType: 'Condition',
        id: 'a',
        code: { coding: [{ system: 'http://hl7.org/fhir/sid/icd-10-cm', code: 'B20' }] },
      }),
    )
    expect(facts.labels).toMatchObject([
      { code: 'HIV', origin: 'code', rule: 'hiv/icd10', path: 'code.coding[0]', confidence: 1 },
    ])
  })
})

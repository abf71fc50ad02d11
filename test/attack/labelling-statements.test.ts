import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/model/fhir.ts'
import { AT, labeller, raw } from '../label/house.ts'

/** A record that takes its finding back takes back its finding, and nothing else that stands in it. */

const PROGRAM = 'Harbor Opioid Treatment Program'
const SAID = 'Patient has opioid dependence'
const { assess, label } = labeller()

function codesOf(fields: JsonObject): string[] {
  const whole = {
    resourceType: 'Observation',
    id: 'o',
    status: 'final',
    code: { text: 'Opiate use screen' },
    ...fields,
  }
  const { codes } = label(
    assess(raw(whole)),
    () => 'absent',
    { at: AT },
    () => [],
  )
  return [...codes]
}

const NEGATIVE = { valueString: 'negative' }
const FAMILY = { code: { text: 'Family history of substance abuse' } }

const ELSEWHERE: Readonly<Record<string, JsonObject>> = {
  'who made it': { performer: [{ display: PROGRAM }] },
  'the visit': { encounter: { display: PROGRAM } },
  'an extension': { extension: [{ url: 'https://x.example/e', valueString: SAID }] },
  'what it is about': { focus: [{ display: SAID }] },
}

describe('a negative result or a family history', () => {
  test.each(Object.entries(ELSEWHERE))('leaves %s as sensitive as it is', (_what, fields) => {
    for (const statement of [NEGATIVE, FAMILY]) expect(codesOf({ ...statement, ...fields })).toContain('SUD')
  })

  test('is itself no finding', () => {
    expect(codesOf({ code: { text: 'Heroin use disorder' } })).toContain('SUD')
    expect(codesOf({ code: { text: 'Heroin use disorder' }, ...NEGATIVE })).toEqual([])
    expect(codesOf(FAMILY)).toEqual([])
  })

  test('says of a known performer nothing that it did not say', () => {
    for (const statement of [NEGATIVE, FAMILY])
      expect(codesOf({ ...statement, performer: [{ display: 'Harbor Orthopedics' }] })).toEqual([])
  })
})

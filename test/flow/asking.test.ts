import { describe, expect, test } from 'vitest'
import { askingConsents } from '../../src/flow/asking.ts'
import type { ConsentDirective, ConsentQuestion, ConsentVerdict } from '../../src/model/consent.ts'
import { directive, labelled } from '../segment/kit.ts'

const QUESTION: ConsentQuestion = {
  at: new Date(0),
  zone: 'UTC',
  action: 'access',
  purposes: ['TREAT'],
  actors: [{ role: 'recipient', reference: 'Organization/o' }],
  recipientClasses: [],
  directory: { resolve: () => undefined },
}
const RESOURCE = labelled({ resourceType: 'Condition', id: 'x' })

/** Every Consent says this of everything. */
function asking(effect: ConsentVerdict['effect'], onFile: readonly ConsentDirective[]) {
  const seen: ConsentQuestion[] = []
  const reader = {
    read: () => [],
    residual: () => 'permit' as const,
    ask: (asked: readonly ConsentDirective[], question: ConsentQuestion) => {
      seen.push(question)
      return asked.map(({ ref, form }) => ({ ref, form, effect, path: 'provision' }))
    },
  }
  return { seen, ask: askingConsents(reader, new Map([['Patient/p', onFile]]), QUESTION) }
}

const named = directive()
const { patient: _patient, ...unnamed } = directive({ ref: { reference: 'Consent/c2' } })

describe('a Consent that does not plainly name the patient', () => {
  test('never permits; one that does name them is heard as it is', () => {
    const { ask } = asking('permit', [named, unnamed])
    for (const _again of [1, 2])
      expect(ask('Patient/p', RESOURCE).map(({ effect, why }) => [effect, why])).toEqual([
        ['permit', undefined],
        ['not-covered', 'the Consent does not name this patient by reference'],
      ])
    expect(asking('permit', [named]).ask('Patient/p', RESOURCE)[0]?.effect).toBe('permit')
  })

  test.each(['deny', 'indeterminate', 'not-covered'] as const)('may still say %s', effect => {
    const verdicts = asking(effect, [named, unnamed]).ask('Patient/p', RESOURCE)
    expect(verdicts.map(one => one.effect)).toEqual([effect, effect])
  })
})

test('a patient without Consents is asked about all the same', () => {
  expect(asking('permit', [named]).ask('Patient/other', RESOURCE)).toEqual([])
})

test('the discloser is also the program a record comes from, by one question for each source', () => {
  const { ask, seen } = asking('permit', [named])
  const source = { ...RESOURCE, source: 'Organization/program' }
  for (const resource of [RESOURCE, source, source]) ask('Patient/p', resource)
  expect(seen[0]).toBe(QUESTION)
  expect(seen[1]?.actors).toEqual([
    ...QUESTION.actors,
    { role: 'discloser', reference: 'Organization/program' },
  ])
  expect(seen[2]).toBe(seen[1])
})

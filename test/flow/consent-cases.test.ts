import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { openEngine } from '../../src/engine.ts'
import { answerQuestion } from '../../src/flow/question.ts'
import { purposesOf } from '../../src/flow/question-facts.ts'
import type { Answer, Question, QuestionRequester } from '../../src/model/question.ts'

/** The shared Consent cases as questions about Consents alone; `context` maps as their README says. */
interface ConsentCase {
  readonly id: string
  readonly title: string
  readonly disputed: boolean
  readonly consents: Question['consents']
  readonly context: Omit<Question, 'requester' | 'consents'> & {
    readonly actor: NonNullable<QuestionRequester['actors']>
    readonly category?: unknown
  }
  readonly expected: { readonly decision: string; readonly resources?: Readonly<Record<string, string>> }
}

const folder = new URL('../../../shared/data/consent-cases/', import.meta.url).pathname
const present = existsSync(folder)
if (!present) console.log('Consent cases: ../shared/data/consent-cases is not here, skipped')

const cases: readonly ConsentCase[] = present
  ? readdirSync(folder).map(name => JSON.parse(readFileSync(folder + name, 'utf8')) as ConsentCase)
  : []
const { questionRooms } = openEngine()

function answer({ context, consents }: ConsentCase): Answer {
  const { actor, category: _, ...rest } = context
  const question: Question = { ...rest, requester: { actors: actor }, consents }
  return answerQuestion(questionRooms, question, { policy: 'none', trustLabels: true }).answer
}

describe.skipIf(!present)('the shared Consent cases, answered without law', () => {
  it.each(cases.filter(({ disputed }) => !disputed))('$id: $title', given => {
    const { decision, resources } = answer(given)
    expect(decision).toBe(given.expected.decision)
    for (const [reference, effect] of Object.entries(given.expected.resources ?? {}))
      expect([reference, resources[reference]?.effect]).toEqual([reference, effect])
  })

  it.each(cases.filter(({ disputed }) => disputed))(
    '$id: where readings differ, no more leaves than stated',
    given => {
      const { decision, resources } = answer(given)
      if (decision === 'permit') expect(given.expected.decision).toBe('permit')
      for (const [reference, effect] of Object.entries(given.expected.resources ?? {}))
        if (resources[reference]?.effect === 'permit')
          expect([reference, effect]).toEqual([reference, 'permit'])
    },
  )

  it('names every Consent that could not be read, with what was expected', () => {
    const unread = cases.flatMap(given => answer(given).unread ?? [])
    expect(unread.length).toBeGreaterThan(5)
    for (const { why } of unread) expect(why).toContain('expected')
  })
})

describe('whose a Consent of a question is', () => {
  const NHI = { system: 'https://standards.digital.health.nz/ns/nhi-id', value: 'ZZZ0016' }
  const record = (patient: string) => ({
    resourceType: 'Observation',
    id: patient.slice(8),
    subject: { reference: patient },
  })
  const person = (id: string, ...identifier: readonly object[]) =>
    ({ resourceType: 'Patient', id, identifier }) as unknown as Question['patient']
  const released = (
    patient: unknown,
    more: Partial<Question> = {},
    provision: object = { type: 'permit' },
  ) => {
    const consent = {
      resourceType: 'Consent',
      id: 'c',
      status: 'active',
      scope: { coding: [{ code: 'patient-privacy' }] },
      patient,
      provision,
    }
    const question: Question = {
      at: '2025-01-01T00:00:00Z',
      requester: { actors: [{ reference: 'Organization/x' }] },
      purposeOfUse: 'TREAT',
      patient: { reference: 'Patient/a' },
      consents: [consent as unknown as Question['consents'][number]],
      resources: [record('Patient/a'), record('Patient/b')],
      ...more,
    }
    const { resources } = answerQuestion(questionRooms, question, {
      policy: 'none',
      trustLabels: true,
    }).answer
    return Object.entries(resources).flatMap(([name, { effect }]) => (effect === 'permit' ? [name] : []))
  }
  const OURS = ['Observation/a']

  it('is told by reference: relative, versioned, or absolute with the base of the server in question', () => {
    for (const reference of [
      'Patient/a',
      'Patient/a/_history/3',
      '/Patient/a',
      'https://s.example/fhir/Patient/a',
    ])
      expect([reference, released({ reference })]).toEqual([reference, OURS])
    for (const reference of ['Patient/c', 'urn:uuid:1', 'https://s.example/fhir/Group/a', ''])
      expect([reference, released({ reference })]).toEqual([reference, []])
    const absolute = { reference: 'https://s.example/fhir/Patient/a' }
    const toX = (reference: string) => ({
      type: 'permit',
      actor: [{ role: { coding: [{ code: 'IRCP' }] }, reference: { reference } }],
    })
    expect(released(absolute, {}, toX('https://s.example/fhir/Organization/x'))).toEqual(OURS)
    expect(released(absolute, {}, toX('https://t.example/fhir/Organization/x'))).toEqual([])
  })

  it('is told by an identifier that one Patient of the question bears, and by no other', () => {
    const both = { patient: person('a', NHI), otherPatients: [person('b', { ...NHI, value: 'ZZZ0024' })] }
    expect(released({ identifier: NHI }, both).filter(name => name.startsWith('Obs'))).toEqual(OURS)
    expect(released({ identifier: NHI })).toEqual([])
    for (const identifier of [
      { value: NHI.value },
      { system: NHI.system },
      { ...NHI, value: '1' },
      { ...NHI, system: 's' },
      undefined,
    ])
      expect(released({ identifier }, both)).toEqual([])
    const twins = { patient: person('a', NHI), otherPatients: [person('b', NHI)] }
    expect(released({ identifier: NHI }, twins)).toEqual([])
    const bare = { patient: { resourceType: 'Patient', id: 'a' } as unknown as Question['patient'] }
    expect(released({ identifier: NHI }, bare)).toEqual([])
  })

  it('that nobody can tell restricts everybody: the negative control', () => {
    const permit = {
      resourceType: 'Consent',
      id: 'p',
      status: 'active',
      scope: { coding: [{ code: 'patient-privacy' }] },
      patient: { reference: 'Patient/a' },
      provision: { type: 'permit' },
    }
    const deny = { ...permit, id: 'd', patient: { identifier: NHI }, provision: { type: 'deny' } }
    const consents = (...list: readonly object[]) => ({ consents: list as unknown as Question['consents'] })
    expect(released({}, consents(permit))).toEqual(OURS)
    expect(released({}, consents(permit, deny))).toEqual([])
    const other = { ...consents(permit, deny), patient: person('a'), otherPatients: [person('b', NHI)] }
    expect(released({}, other).filter(name => name.startsWith('Obs'))).toEqual(OURS)
  })
})

describe('data related to a record', () => {
  it('is what the record refers to as well as what refers to it, found in the chart', () => {
    const subject = { reference: 'Patient/a' }
    const resources = [
      {
        resourceType: 'Encounter',
        id: 'e',
        subject,
        diagnosis: [{ condition: { reference: 'Condition/of' } }],
      },
      { resourceType: 'Condition', id: 'of', subject },
      { resourceType: 'Observation', id: 'in', subject, encounter: { reference: 'Encounter/e' } },
      { resourceType: 'Condition', id: 'other', subject },
    ]
    const provision = {
      type: 'permit',
      provision: [{ type: 'deny', data: [{ meaning: 'related', reference: { reference: 'Encounter/e' } }] }],
    }
    const question = {
      at: '2025-01-01T00:00:00Z',
      requester: { actors: [{ reference: 'Organization/x' }] },
      purposeOfUse: 'TREAT',
      patient: subject,
      consents: [
        {
          resourceType: 'Consent',
          id: 'c',
          status: 'active',
          scope: { coding: [{ code: 'patient-privacy' }] },
          patient: subject,
          provision,
        },
      ],
      resources,
    } as unknown as Question
    const { answer: said } = answerQuestion(questionRooms, question, { policy: 'none', trustLabels: true })
    const effects = Object.fromEntries(
      Object.entries(said.resources).map(([name, { effect }]) => [name, effect]),
    )
    expect(effects).toEqual({
      'Encounter/e': 'deny',
      'Condition/of': 'deny',
      'Observation/in': 'deny',
      'Condition/other': 'permit',
    })
  })
})

describe('a purpose that no map knows', () => {
  const map = { 'http://known.example|TREAT': 'TREAT', TREAT: 'TREAT' }
  const asked = (purposeOfUse: NonNullable<Question['purposeOfUse']>, policy?: 'law' | 'none') => () =>
    purposesOf({ purposeOfUse } as Question, map, policy)

  it('is asked for as it stands where Consents alone decide, and refused where law does', () => {
    const own = { system: 'http://example.org/purposes', code: 'FooBar' }
    expect(asked(own, 'none')()).toEqual(['http://example.org/purposes|FooBar'])
    expect(asked(own)).toThrow('purpose-not-allowed')
    expect(asked(own, 'law')).toThrow('purpose-not-allowed')
  })

  it('is refused in any case where it claims a system that is known, or none', () => {
    expect(asked({ system: 'http://known.example', code: 'CURE' }, 'none')).toThrow('purpose-not-allowed')
    expect(asked({ code: 'FooBar' }, 'none')).toThrow('purpose-not-allowed')
    expect(asked('FooBar', 'none')).toThrow('purpose-not-allowed')
    expect(asked('TREAT', 'none')()).toEqual(['TREAT'])
  })
})

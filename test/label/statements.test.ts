import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createLabeller } from '../../src/label/labeller.ts'
import { SYSTEM } from '../../src/model/fhir.ts'
import { type LabelRules, STATEMENTS, type Statement, type StatementRule } from '../../src/model/rules.ts'
import { AT, labeller, raw, site } from './house.ts'

const verification = (code: string, more: readonly object[] = []) => ({
  coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-ver-status', code }, ...more],
})
const snomed = (code: string) => ({ coding: [{ system: 'http://snomed.info/sct', code }] })
const loinc = (code: string) => ({ coding: [{ system: 'http://loinc.org', code }] })
const statements = (resource: object): readonly Statement[] =>
  labeller().assess(raw({ id: 'x', ...resource })).statements ?? []

describe('a record says', () => {
  it.each<readonly [string, object, readonly Statement[]]>([
    [
      'that a condition is refuted',
      { resourceType: 'Condition', verificationStatus: verification('refuted') },
      ['refuted'],
    ],
    [
      'that an allergy is refuted',
      { resourceType: 'AllergyIntolerance', verificationStatus: verification('refuted') },
      ['refuted'],
    ],
    [
      'that a condition is an error',
      { resourceType: 'Condition', verificationStatus: verification('entered-in-error') },
      ['entered-in-error'],
    ],
    [
      'that an observation is an error',
      { resourceType: 'Observation', status: 'entered-in-error', valueString: 'x' },
      ['entered-in-error'],
    ],
    ['that an observation never was', { resourceType: 'Observation', status: 'cancelled' }, ['not-done']],
    ['that a procedure was not done', { resourceType: 'Procedure', status: 'not-done' }, ['not-done']],
    ['that a vaccine was not given', { resourceType: 'Immunization', status: 'not-done' }, ['not-done']],
    ['that a drug was not taken', { resourceType: 'MedicationStatement', status: 'not-taken' }, ['not-done']],
    [
      'that a drug is not to be given',
      { resourceType: 'MedicationRequest', status: 'active', doNotPerform: true },
      ['not-done'],
    ],
    [
      'that it is of a relative',
      { resourceType: 'FamilyMemberHistory', status: 'completed' },
      ['family-history'],
    ],
    [
      'that an observation is of relatives (LOINC)',
      { resourceType: 'Observation', code: loinc('10157-6'), valueString: 'x' },
      ['family-history'],
    ],
    [
      'that an observation is of relatives (SNOMED CT)',
      { resourceType: 'Observation', code: snomed('416471007') },
      ['family-history'],
    ],
    [
      'that a condition is of relatives (ICD-10-CM)',
      {
        resourceType: 'Condition',
        code: { coding: [{ system: 'http://hl7.org/fhir/sid/icd-10-cm', code: 'Z81.1' }] },
      },
      ['family-history'],
    ],
    [
      'that a condition is of relatives (words)',
      { resourceType: 'Condition', code: { text: 'Family history of alcoholism' } },
      ['family-history'],
    ],
    [
      'that a condition stands in the section on relatives',
      { resourceType: 'Condition', category: [loinc('10157-6')] },
      ['family-history'],
    ],
    [
      'a negative value',
      { resourceType: 'Observation', valueCodeableConcept: snomed('260385009') },
      ['negative-result'],
    ],
    [
      'a value that was not detected',
      { resourceType: 'Observation', valueCodeableConcept: loinc('LA11883-8') },
      ['negative-result'],
    ],
    [
      'a value that is not reactive, in words',
      { resourceType: 'Observation', valueString: ' Non-reactive. ' },
      ['negative-result'],
    ],
    [
      'a value that is negative, as text',
      { resourceType: 'Observation', valueCodeableConcept: { text: 'NEGATIVE' } },
      ['negative-result'],
    ],
    [
      'a value that is negative, by its display',
      {
        resourceType: 'Observation',
        valueCodeableConcept: { coding: [{ code: 'N', display: 'Not detected' }] },
      },
      ['negative-result'],
    ],
    [
      'only negative components',
      { resourceType: 'Observation', component: [{ valueString: 'absent' }, { valueString: 'neg' }] },
      ['negative-result'],
    ],
    [
      'an interpretation that is negative',
      {
        resourceType: 'Observation',
        interpretation: [
          {
            coding: [
              { system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation', code: 'NEG' },
            ],
          },
        ],
      },
      ['negative-result'],
    ],
    [
      'two things',
      { resourceType: 'Observation', status: 'entered-in-error', valueString: 'negative' },
      ['entered-in-error', 'negative-result'],
    ],
  ])('%s', (_, resource, said) => {
    expect(statements(resource)).toEqual(said)
  })

  it.each<readonly [string, object]>([
    ['a confirmed condition', { resourceType: 'Condition', verificationStatus: verification('confirmed') }],
    [
      'a condition that is refuted and confirmed',
      { resourceType: 'Condition', verificationStatus: verification('refuted', [{ code: 'confirmed' }]) },
    ],
    [
      'a refuted condition with a modifier that nobody knows',
      {
        resourceType: 'Condition',
        verificationStatus: verification('refuted'),
        modifierExtension: [{ url: 'urn:x', valueBoolean: true }],
      },
    ],
    [
      'a refuted condition with a modifier deep inside',
      {
        resourceType: 'Condition',
        verificationStatus: verification('refuted'),
        stage: [{ modifierExtension: [{ url: 'urn:x', valueBoolean: true }] }],
      },
    ],
    [
      'a refuted condition under rules of its own',
      { resourceType: 'Condition', verificationStatus: verification('refuted'), implicitRules: 'urn:x' },
    ],
    [
      'a refuted condition that contains another',
      {
        resourceType: 'Condition',
        verificationStatus: verification('refuted'),
        contained: [{ resourceType: 'Condition', code: { text: 'x' } }],
      },
    ],
    ['a finished procedure', { resourceType: 'Procedure', status: 'completed' }],
    ['a stopped drug', { resourceType: 'MedicationStatement', status: 'stopped' }],
    ['a positive value', { resourceType: 'Observation', valueString: 'Positive' }],
    ['no value', { resourceType: 'Observation', status: 'final' }],
    [
      'a negative value and a positive component',
      { resourceType: 'Observation', valueString: 'negative', component: [{ valueString: 'positive' }] },
    ],
    [
      'a negative and a positive component',
      { resourceType: 'Observation', component: [{ valueString: 'negative' }, { valueString: 'detected' }] },
    ],
    [
      'a negative value with a note',
      { resourceType: 'Observation', valueString: 'negative', note: [{ text: 'on treatment' }] },
    ],
    [
      'a value that is negative and says more',
      { resourceType: 'Observation', valueString: 'negative for cocaine, positive for opiates' },
    ],
    [
      'a negative code with another',
      {
        resourceType: 'Observation',
        valueCodeableConcept: { coding: [...snomed('260385009').coding, ...snomed('10828004').coding] },
      },
    ],
    [
      'a negative code with another text',
      { resourceType: 'Observation', valueCodeableConcept: { ...snomed('260385009'), text: 'see report' } },
    ],
    [
      'a negative value with an extension on it',
      {
        resourceType: 'Observation',
        valueString: 'negative',
        _valueString: { extension: [{ url: 'urn:x', valueString: 'positive' }] },
      },
    ],
    [
      'a negative interpretation of another value',
      { resourceType: 'Observation', valueString: 'heroin', interpretation: [{ text: 'negative' }] },
    ],
    [
      'a patient with a family',
      { resourceType: 'Condition', code: { text: 'Problem in family; family history unknown' } },
    ],
  ])('nothing of that in %s', (_, resource) => {
    expect(statements(resource)).toEqual([])
  })

  it('what contains only its performer or its drug, and what contains the same', () => {
    const refuted = { resourceType: 'Condition', verificationStatus: verification('refuted') }
    for (const contained of [[{ resourceType: 'Practitioner', id: 'p' }], [{ ...refuted, id: 'c' }]])
      expect(statements({ ...refuted, contained })).toEqual(['refuted'])
  })
})

/** A category of each way to deal with every statement; all hit the same words. */
const EFFECTS: readonly (StatementRule | undefined)[] = [
  undefined,
  { effect: 'keep', why: 'x' },
  { effect: 'lower', confidence: 0.4, why: 'x' },
  { effect: 'lower', confidence: 0.7, why: 'x' },
  { effect: 'drop', why: 'x' },
]

const RULES_OF = new Map(EFFECTS.map(effect => [effect, rulesOf(effect)] as const))
const rulesWith = (effect: StatementRule | undefined): LabelRules => RULES_OF.get(effect) ?? rulesOf(effect)

function rulesOf(effect: StatementRule | undefined): LabelRules {
  const all = effect === undefined ? undefined : Object.fromEntries(STATEMENTS.map(name => [name, effect]))
  return {
    revision: 'statements',
    categories: [
      {
        id: 'secret',
        title: 'Secret',
        labels: [{ system: SYSTEM.actCode, code: 'SECRET' }],
        confidentiality: 'R',
        ...(all === undefined ? {} : { statements: all }),
        rules: [
          {
            id: 'word',
            kind: 'words',
            any: ['zebrafinch'],
            confidence: 0.9,
            negatable: false,
            context: [{ cue: 'cage', confidence: 0.95, why: 'x' }],
          },
          { id: 'cage', kind: 'cue', any: ['cage'] },
          { id: 'family', kind: 'upstream', codes: ['OLD'], confidence: 1 },
        ],
      },
    ],
  }
}

function labelled(rules: LabelRules, resource: object) {
  const room = createLabeller(rules, site(), { cacheBytes: 1_000_000, jsonDepth: 64 })
  return room.label(room.assess(raw({ id: 'x', ...resource })), () => 'absent', { at: AT })
}

const refuted = {
  resourceType: 'Condition',
  code: { text: 'zebrafinch' },
  verificationStatus: verification('refuted'),
}

describe('the rules of a category say what becomes of its labels', () => {
  it.each([
    ['without a rule they stay', EFFECTS[0], ['SECRET'], []],
    ['keep', EFFECTS[1], ['SECRET'], []],
    ['lower below the threshold', EFFECTS[2], [], ['SECRET']],
    ['lower above the threshold', EFFECTS[3], ['SECRET'], []],
    ['drop', EFFECTS[4], [], []],
  ] as const)('%s', (_, effect, codes, candidates) => {
    const result = labelled(rulesWith(effect), refuted)
    expect([...result.codes]).toEqual(codes)
    expect((result.candidates ?? []).map(({ code }) => code)).toEqual(candidates)
  })

  it('after a cue raised them', () => {
    const result = labelled(rulesWith(EFFECTS[3]), { ...refuted, code: { text: 'zebrafinch in a cage' } })
    expect(result.labels.find(({ code }) => code === 'SECRET')?.confidence).toBe(0.7)
  })

  it('but never take away what came with the record, nor what follows from that', () => {
    const security = ['SECRET', 'OLD'].map(code => ({ system: SYSTEM.actCode, code }))
    for (const meta of [{ security: security.slice(0, 1) }, { security: security.slice(1) }])
      expect(
        labelled(rulesWith(EFFECTS[4]), { ...refuted, code: { text: 'x' }, meta }).codes.has('SECRET'),
      ).toBe(true)
  })
})

describe('a statement never adds a label', () => {
  const status = fc.constantFrom(
    {},
    { verificationStatus: verification('refuted') },
    { verificationStatus: verification('confirmed') },
    { status: 'entered-in-error' },
    { status: 'not-done' },
    { status: 'cancelled' },
    { doNotPerform: true },
    { valueString: 'negative' },
    { category: [loinc('10157-6')] },
    { modifierExtension: [{ url: 'urn:x', valueBoolean: true }] },
  )
  const type = fc.constantFrom(
    'Condition',
    'Observation',
    'Procedure',
    'MedicationRequest',
    'FamilyMemberHistory',
  )
  const words = fc.constantFrom('x', 'zebrafinch', 'zebrafinch in a cage')
  const security = fc.subarray(['SECRET', 'OLD', 'OTHER'])

  it('and upstream labels never go, whatever the rules are', () => {
    fc.assert(
      fc.property(
        type,
        words,
        status,
        security,
        fc.constantFrom(...EFFECTS),
        (resourceType, text, more, codes, effect) => {
          const meta = { security: codes.map(code => ({ system: SYSTEM.actCode, code })) }
          const resource = { resourceType, code: { text }, meta, ...more }
          const without = labelled(rulesWith(undefined), resource)
          const result = labelled(rulesWith(effect), resource)
          expect([...without.codes]).toEqual(expect.arrayContaining([...result.codes]))
          expect([...result.codes]).toEqual(expect.arrayContaining(codes))
          for (const label of result.labels) {
            const before = without.labels.find(
              ({ system, code }) => system === label.system && code === label.code,
            )
            if (label.system === SYSTEM.actCode)
              expect(label.confidence).toBeLessThanOrEqual(before?.confidence ?? 0)
          }
        },
      ),
    )
  })
})

import { describe, expect, it } from 'vitest'
import { isConsentKind } from '../../src/decide/consent-kinds.ts'
import { openEngine } from '../../src/engine.ts'
import { consultVocabulary } from '../../src/flow/consult-vocabulary.ts'
import { isDate } from '../../src/forms/facts.ts'
import { signed, signingItems } from '../../src/forms/sign.ts'
import { loadForms } from '../../src/forms/template.ts'
import type { Resource } from '../../src/model/fhir.ts'

const engine = openEngine()
const templates = loadForms()
const { known } = consultVocabulary(engine.labels, engine.purposes.labelParents)
const LABELS_BESIDE = new Set(['42CFRPart2'])

describe.each(templates.map(one => [`${one.kind} ${one.state ?? ''}`, one] as const))(
  'the form %s',
  (_name, form) => {
    const { provision, elements, reminders, meets } = form

    it('asks each paragraph once, and for signature and date', () => {
      const ids = elements.map(({ linkId }) => linkId)
      expect(new Set(ids).size).toBe(ids.length)
      const signing = elements.flatMap(({ answer }) => ('signing' in answer ? [answer.signing] : []))
      expect(signing).toEqual(expect.arrayContaining(['signature', 'date']))
    })

    it('uses purposes, labels, classes and kinds of consent that the rest of the house knows', () => {
      const conditions = [...elements, ...reminders].flatMap(({ when }) => (when === undefined ? [] : [when]))
      const purposes = [
        ...(provision.purposes ?? []),
        ...(provision.alone ?? []).map(({ code }) => code),
        ...conditions.flatMap(({ anyPurpose = [] }) => anyPurpose),
        ...elements.flatMap(({ answer }) => ('from' in answer ? (answer.noneFor ?? []) : [])),
      ]
      for (const code of purposes)
        expect(Object.hasOwn(engine.profiles.purposeParents, code), code).toBe(true)
      const labels = [
        ...(provision.labels ?? []),
        ...conditions.flatMap(({ anyLabel = [] }) => anyLabel.map(code => ({ code }))),
      ].filter(({ code }) => !LABELS_BESIDE.has(code))
      for (const label of labels) expect(known(label), label.code).toBeDefined()
      const classes = new Set(engine.recipientClasses.map(({ code }) => code))
      for (const code of provision.recipients?.classes ?? []) expect(classes.has(code), code).toBe(true)
      for (const kind of meets) expect(isConsentKind(kind), kind).toBe(true)
    })

    it('cites law for everything it asks', () => {
      for (const { citation } of [form, ...elements, ...reminders])
        expect(citation).toMatch(/\d+ CFR \d|Cal\. |ILCS|M\.G\.L\.|Minn\. Stat\.|N\.Y\. |RCW/)
    })
  },
)

describe('signing', () => {
  const consent: Resource = {
    resourceType: 'Consent',
    status: 'proposed',
    patient: { reference: 'Patient/p' },
    contained: [
      {
        resourceType: 'QuestionnaireResponse',
        id: 'form',
        status: 'in-progress',
        item: [
          { linkId: '2.31(a)(1)', answer: [{ valueString: 'Ada' }] },
          { linkId: '2.31(a)(6)' },
          { linkId: '2.31(a)(8)' },
          { linkId: '2.31(a)(9)' },
        ],
      },
    ],
    provision: { type: 'permit', period: { end: '2030-01-01' } },
  }

  it('answers what is taken at signing and nothing else, and leaves the input as it was', () => {
    const before = JSON.stringify(consent)
    const made = signed(consent, { on: '2026-09-01', signer: 'RelatedPerson/r' }, signingItems(templates))
    expect(JSON.stringify(consent)).toBe(before)
    expect(made).toMatchObject({
      status: 'active',
      dateTime: '2026-09-01',
      performer: [{ reference: 'RelatedPerson/r' }],
      verification: [{ verified: true, verificationDate: '2026-09-01' }],
      provision: { period: { start: '2026-09-01', end: '2030-01-01' } },
    })
    const [form] = made['contained'] as unknown as { status: string; item: { answer?: unknown }[] }[]
    expect(form?.status).toBe('completed')
    expect(form?.item.map(({ answer }) => answer)).toEqual([
      [{ valueString: 'Ada' }],
      undefined,
      [{ valueReference: { reference: 'RelatedPerson/r' } }],
      [{ valueDate: '2026-09-01' }],
    ])
  })

  it('keeps a signature that is there', () => {
    const own = { ...consent, dateTime: '2020-01-01', performer: [{ reference: 'Patient/p' }] }
    const made = signed(own, { on: '2026-09-01', signer: 'RelatedPerson/r' }, signingItems(templates))
    expect(made).toMatchObject({ dateTime: '2020-01-01', performer: [{ reference: 'Patient/p' }] })
  })
})

it.each([
  ['2026', true],
  ['2026-02', true],
  ['2026-02-28', true],
  ['2026-02-30', false],
  ['2026-13', false],
  ['end of treatment', false],
  ['26', false],
])('%s is a date: %s', (text, is) => {
  expect(isDate(text)).toBe(is)
})

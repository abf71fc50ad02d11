import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LabelledResource } from '../../src/model/label.ts'
import { AT, Chart, labeller, raw, site } from './house.ts'

const TEXTS = [
  'Opioid abuse',
  'HIV antibody',
  'Asthma',
  'Major depression',
  'Normal pregnancy',
  'Alcohol prep pad',
  'Ankle sprain',
]
const codesOf = ({ labels }: LabelledResource) => labels.map(({ system, code }) => `${system}|${code}`)

const text = fc.constantFrom(...TEXTS)
const security = fc.array(
  fc.record({
    system: fc.constantFrom(
      'http://terminology.hl7.org/CodeSystem/v3-ActCode',
      'http://terminology.hl7.org/CodeSystem/v3-Confidentiality',
    ),
    code: fc.constantFrom('HIV', 'ETH', '42CFRPart2', 'R', 'N', 'V', 'L'),
  }),
  { maxLength: 4 },
)

function condition(texts: readonly string[], labels: readonly object[] = []) {
  return {
    resourceType: 'Condition',
    id: 'c',
    subject: { reference: 'Patient/p' },
    meta: { security: labels },
    note: texts.map(one => ({ text: one })),
  }
}

describe('doubt denies', () => {
  it('never throws on any JSON, and never calls unreadable content assessed', () => {
    const room = labeller(site({ part2Programs: ['Organization/o'] }))
    fc.assert(
      fc.property(
        fc.json({ maxDepth: 6 }),
        fc.constantFrom('', 'Patient', 'Bundle', 'Observation', 'Wish'),
        (json, type) => {
          const value: unknown = JSON.parse(json)
          const resource =
            type === '' || typeof value !== 'object' || value === null
              ? value
              : { ...value, resourceType: type, id: 'x' }
          const facts = room.assess(raw(resource))
          const labelled = room.label(facts, () => undefined, { at: AT })
          expect(labelled.labels.filter(({ system }) => system.endsWith('v3-Confidentiality'))).toHaveLength(
            1,
          )
          if (type === '' || type === 'Wish') expect(labelled.notAssessable === undefined).toBe(false)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('never throws on any bytes', () => {
    const room = labeller()
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
        expect(room.assess({ bytes, hash: Buffer.from(bytes).toString('hex') }).notAssessable).toBeDefined()
      }),
    )
  })
})

describe('labels only add', () => {
  it('more text and more upstream labels take no label away', () => {
    fc.assert(
      fc.property(
        fc.array(text),
        fc.array(text),
        security,
        security,
        (texts, moreTexts, labels, moreLabels) => {
          const before = new Chart([condition(texts, labels)]).label('Condition/c')
          const after = new Chart([condition([...texts, ...moreTexts], [...labels, ...moreLabels])]).label(
            'Condition/c',
          )
          expect([...after.codes]).toEqual(expect.arrayContaining([...before.codes]))
          expect(before.part2 && !after.part2).toBe(false)
        },
      ),
    )
  })

  it('keeps every upstream label whatever the content says', () => {
    fc.assert(
      fc.property(fc.array(text), security, (texts, labels) => {
        const { codes } = new Chart([condition(texts, labels)]).label('Condition/c')
        for (const { system, code } of labels)
          if (system.endsWith('v3-ActCode')) expect(codes.has(code)).toBe(true)
      }),
    )
  })
})

describe('order leaves no trace', () => {
  it('the order of texts, labels and references does not change the labels', () => {
    fc.assert(
      fc.property(fc.array(text, { maxLength: 6 }), security, (texts, labels) => {
        const there = new Chart([condition(texts, labels)]).label('Condition/c')
        const back = new Chart([condition(texts.toReversed(), labels.toReversed())]).label('Condition/c')
        expect(codesOf(back)).toEqual(codesOf(there))
        expect(back.classKey).toBe(there.classKey)
      }),
    )
  })
})

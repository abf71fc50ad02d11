import { describe, expect, it } from 'vitest'
import { DS4P } from '../../src/model/ds4p.ts'
import type { JsonObject } from '../../src/model/fhir.ts'
import { parseLossless, stringifyLossless } from '../../src/model/lossless-json.ts'
import type { MutableObject } from '../../src/segment/redact.ts'
import { withdrawLabels } from '../../src/segment/withdraw.ts'

const OWN = { system: 's', code: 'OWN' }
const OTHER = { system: 's', code: 'OTHER' }
const inline = (valueCoding: object) => ({ url: DS4P.inline, valueCoding })
const remark = { url: 'http://x.example/remark', valueString: 'stays' }

function left(resource: object): unknown {
  const tree = parseLossless(JSON.stringify(resource)) as unknown as MutableObject
  withdrawLabels(tree, ({ code }) => code === 'OWN')
  return JSON.parse(stringifyLossless(tree as JsonObject))
}

describe('labels that are withdrawn', () => {
  it('leave the resource and what it contains, and those of others stay', () => {
    expect(
      left({
        resourceType: 'Condition',
        meta: { security: [OWN, OTHER, 'no coding'] },
        contained: [{ resourceType: 'Patient', id: 'p', meta: { security: [OTHER, OWN] } }],
      }),
    ).toEqual({
      resourceType: 'Condition',
      meta: { security: [OTHER, 'no coding'] },
      contained: [{ resourceType: 'Patient', id: 'p', meta: { security: [OTHER] } }],
    })
  })

  it('leave an empty list of the resource, where labels are put again', () => {
    expect(left({ meta: { security: [OWN] } })).toEqual({ meta: { security: [] } })
  })

  it('leave elements with the list that held nothing else, and stay out of other extensions', () => {
    expect(
      left({
        component: [
          { code: { text: 'a' }, extension: [inline(OWN)] },
          { code: { text: 'b' }, extension: [inline(OWN), inline(OTHER), remark] },
          { code: { text: 'c' }, extension: [remark] },
        ],
      }),
    ).toEqual({
      component: [
        { code: { text: 'a' } },
        { code: { text: 'b' }, extension: [inline(OTHER), remark] },
        { code: { text: 'c' }, extension: [remark] },
      ],
    })
  })

  it('leave a primitive whose sibling held nothing else, and the value stays', () => {
    expect(
      left({
        note: 'opioid',
        _note: { extension: [inline(OWN)] },
        comment: 'x',
        _comment: { id: 'i', extension: [inline(OWN)] },
      }),
    ).toEqual({ note: 'opioid', comment: 'x', _comment: { id: 'i' } })
  })

  it('leave the value of an extension, which stays', () => {
    expect(left({ extension: [{ ...remark, _valueString: { extension: [inline(OWN)] } }, 'odd'] })).toEqual({
      extension: [remark, 'odd'],
    })
  })

  it('are not looked for in what merely has their names', () => {
    const odd = { security: 'OWN', extension: 'OWN', value: 1.5, gone: null, given: ['OWN'] }
    expect(left(odd)).toEqual(odd)
  })
})

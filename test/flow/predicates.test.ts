import { describe, expect, test } from 'vitest'
import { isProjectedAway } from '../../src/flow/predicates.ts'
import { withShownLabels } from '../../src/flow/shown.ts'
import type { DecidedResource } from '../../src/model/decision.ts'
import type { Segmenter } from '../../src/model/doors.ts'
import { SYSTEM } from '../../src/model/fhir.ts'
import type { Label } from '../../src/model/label.ts'
import { idsOf, observation, world } from './world.ts'

const PAYMENT = { projections: ['view:payment-payer'], obligations: ['AUDIT', 'MIN_NECESSARY'] }
const value = (text: string) => ({ valueString: text })

describe('a projection in a search', () => {
  const ask = async (query: string, decide = () => PAYMENT) =>
    idsOf(
      await world({
        resources: [observation('a', { ...value('x'), encounter: { reference: 'Encounter/e' } }), ENCOUNTER],
        decide,
      }).get(`Observation?${query}`),
    )
  const ENCOUNTER = {
    resourceType: 'Encounter',
    id: 'e',
    status: 'finished',
    class: { code: 'AMB' },
    subject: { reference: 'Patient/p' },
  }

  test('a match through what it takes out counts as none, one through what stays as one', async () => {
    expect(await ask('value-string=x')).toEqual([])
    expect(await ask('status=final')).toEqual(['a'])
    expect(await ask('value-string=x', () => ({ projections: [], obligations: ['AUDIT'] }))).toEqual(['a'])
  })

  test('an order that nobody foresaw leaves what it would tell of out', async () => {
    expect(await ask('_sort=value-string')).toEqual([])
    expect(await ask('_sort=date')).toEqual(['a'])
  })
})

describe('labels of what a projection takes out', () => {
  const label = (code: string, path: string): Label => ({
    system: SYSTEM.actCode,
    code,
    origin: 'code',
    rule: 'r',
    path,
    confidence: 1,
  })
  const segmenter = {
    removes: (_: readonly string[], type: string, path: string) =>
      (type === 'Observation' && /^(note|contained)/.test(path)) || type === 'Group',
  } as unknown as Segmenter
  const decided = {
    decision: {
      effect: 'permit',
      because: [],
      obligations: [],
      caveats: [],
      notices: [],
      consents: [],
      redact: [],
      projections: ['view:x'],
    },
    labelled: {
      facts: {
        type: 'Observation',
        resource: {
          resourceType: 'Observation',
          contained: [{ resourceType: 'Medication' }, { resourceType: 'Group' }],
        },
      },
      labels: [label('HIV', 'note[0].text'), label('SUD', 'code.coding[0]')],
      codes: new Set(['HIV', 'SUD']),
      confidentiality: 'R',
      part2: true,
      classKey: 'k',
    },
  } as unknown as DecidedResource

  test('are not written, and what was taken out stays out', () => {
    const shown = withShownLabels(decided, {
      hidden: () => [],
      hides: () => false,
      removes: (path, of) => isProjectedAway(segmenter, of, path),
      decide: labelled =>
        labelled.map(one => ({ labelled: one, decision: { ...decided.decision, projections: [] } })),
    })
    expect([...shown.labelled.codes]).toEqual(['SUD'])
    expect(shown.decision.projections).toEqual(['view:x'])
  })

  test('of contained resources go with those whose type is not shown', () => {
    expect(isProjectedAway(segmenter, decided, 'contained[0].code')).toBe(false)
    expect(isProjectedAway(segmenter, decided, 'contained[1].code')).toBe(true)
  })
})

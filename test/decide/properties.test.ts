import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { consentKind } from '../../src/decide/consent-kinds.ts'
import { createDecider } from '../../src/decide/decider.ts'
import { purposeTree } from '../../src/decide/purpose.ts'
import type { ResourceDecision } from '../../src/model/decision.ts'
import type { DefaultPolicy, LawRow, ObligationRule } from '../../src/model/law.ts'
import { specified } from '../spec/decide.ts'
import { anyRow, anyVerdict, anyWorld, knownDuties, parents, type World } from './arbitrary.ts'
import { verdict } from './fixtures.ts'

const obligations = Object.fromEntries(
  knownDuties.map((id): [string, ObligationRule] => [id, { id, citation: '', kind: 'record', text: '' }]),
)
const policy = (id: string, opens: DefaultPolicy['opens']): DefaultPolicy => ({
  id,
  citation: '',
  text: '',
  opens,
})
const defaultPolicies = { law: policy('law', [{}]), deny: policy('deny', []) }

const tree = purposeTree(parents, ['BTG', 'HLEGAL'])

function decide({ rows, context, resource, verdicts }: World): ResourceDecision {
  const decider = createDecider({
    lawRows: rows,
    purposeParents: parents,
    revision: 'r',
    obligations,
    defaultPolicies,
  })
  const [decided] = decider.decide(context, [resource], patient => verdicts.get(patient) ?? [])
  return decided!.decision
}

const releases = (world: World) => decide(world).effect !== 'deny'
const runs = { numRuns: 3000 }

describe('the decider', () => {
  it('equals its specification on random rows, Consents, requesters and resources', () => {
    let released = 0
    fc.assert(
      fc.property(anyWorld, world => {
        const expected = specified({
          ...world,
          verdictsOf: patient => world.verdicts.get(patient) ?? [],
          parents,
          obligations: knownDuties,
          defaultOpens: world.context.defaultPolicy === 'law',
          isKind: (kind, { form }, patient) => {
            const minor = world.context.birthDates.get(patient) !== '1980-01-01'
            return consentKind(kind)(form, { context: world.context, tree, patient, minor }).length === 0
          },
        })
        if (expected !== 'deny') released += 1
        expect(decide(world).effect).toBe(expected)
      }),
      { numRuns: 6000 },
    )
    expect(released).toBeGreaterThan(600)
  })

  it('deny overrides: a speaking deny row that nothing lifts withholds whatever else permits', () => {
    const always: LawRow = {
      id: 'always',
      title: '',
      citation: '',
      jurisdiction: 'US',
      enabled: true,
      confidence: 'high',
      when: {},
      effect: 'deny',
    }
    fc.assert(
      fc.property(anyWorld, world => {
        expect(releases({ ...world, rows: [...world.rows, always] })).toBe(false)
      }),
      runs,
    )
  })

  it('default deny: without a row that permits nothing is released', () => {
    fc.assert(
      fc.property(anyWorld, world => {
        const rows = world.rows.filter(({ effect }) => effect !== 'permit' && effect !== 'limit')
        expect(releases({ ...world, rows })).toBe(false)
      }),
      runs,
    )
  })

  it('order never matters: rows and Consents in any order give the same decision with the same reasons', () => {
    fc.assert(
      fc.property(anyWorld, world => {
        const turned = new Map([...world.verdicts].map(([patient, list]) => [patient, list.toReversed()]))
        expect(decide({ ...world, rows: world.rows.toReversed(), verdicts: turned })).toEqual(decide(world))
      }),
      runs,
    )
  })

  it('adding a deny never releases more, be it a row, a Consent or a rule of the house', () => {
    fc.assert(
      fc.property(anyWorld, anyRow('added'), (world, row) => {
        if (releases(world)) return
        const { lifts: _lifts, ...added } = row
        expect(releases({ ...world, rows: [...world.rows, { ...added, effect: 'deny' }] })).toBe(false)
        const refused = new Map(
          [...world.verdicts].map(([patient, list]) => [patient, [...list, verdict('deny')]]),
        )
        expect(releases({ ...world, verdicts: refused })).toBe(false)
        const house = [
          ...world.context.organizationPolicy,
          { id: 'h', labels: [], purposes: [], effect: 'deny' as const },
        ]
        expect(releases({ ...world, context: { ...world.context, organizationPolicy: house } })).toBe(false)
      }),
      runs,
    )
  })

  it('doubt denies: what becomes unknown or unreadable never releases more', () => {
    fc.assert(
      fc.property(anyWorld, drawn => {
        const rows = drawn.rows.filter(({ obligations = [] }) => !obligations.includes('NOBODY_KNOWS'))
        const world = { ...drawn, rows }
        if (releases(world)) return
        const { role: _role, ...requester } = world.context.requester
        expect(releases({ ...world, context: { ...world.context, requester } })).toBe(false)
        expect(releases({ ...world, context: { ...world.context, birthDates: new Map() } })).toBe(false)
        const resource = { ...world.resource, notAssessable: 'cannot be read' }
        expect(releases({ ...world, resource })).toBe(false)
        const unread = new Map(
          [...world.verdicts].map(([patient, list]) => [patient, [...list, verdict('indeterminate')]]),
        )
        expect(releases({ ...world, verdicts: unread })).toBe(false)
      }),
      runs,
    )
  })

  it('a permit of the house never releases what law withholds', () => {
    fc.assert(
      fc.property(anyWorld, world => {
        const organizationPolicy = [{ id: 'h', labels: [], purposes: [], effect: 'permit' as const }]
        const without = { ...world, context: { ...world.context, organizationPolicy: [] } }
        expect(decide({ ...world, context: { ...world.context, organizationPolicy } })).toEqual(
          decide(without),
        )
      }),
      runs,
    )
  })

  it('every decision says why, and a refusal brings nothing of a release along', () => {
    fc.assert(
      fc.property(anyWorld, world => {
        const decision = decide(world)
        expect(decision.because.length).toBeGreaterThan(0)
        expect(decision.obligations).toContain('AUDIT')
        if (decision.effect !== 'deny') return
        expect(decision.because.every(({ effect }) => effect === 'deny')).toBe(true)
        expect([decision.notices, decision.consents, decision.caveats]).toEqual([[], [], []])
      }),
      runs,
    )
  })

  it('resources of one class are decided as each of them alone', () => {
    fc.assert(
      fc.property(anyWorld, anyVerdict, (world, _) => {
        const decider = createDecider({
          lawRows: world.rows,
          purposeParents: parents,
          revision: 'r',
          obligations,
          defaultPolicies,
        })
        const twin = { ...world.resource, facts: { ...world.resource.facts, hash: 'other', id: 'other' } }
        const both = decider.decide(
          world.context,
          [world.resource, twin],
          patient => world.verdicts.get(patient) ?? [],
        )
        expect(both.map(({ decision }) => decision)).toEqual([decide(world), decide(world)])
      }),
      { numRuns: 500 },
    )
  })
})

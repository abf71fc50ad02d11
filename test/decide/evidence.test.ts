import { describe, expect, it } from 'vitest'
import { createDecider } from '../../src/decide/decider.ts'
import type { Evidenced } from '../../src/model/decision.ts'
import type { LawCondition, LawRow } from '../../src/model/law.ts'
import { contextOf, hospital, profiles, purposes, type ResourceGiven, resourceOf } from './fixtures.ts'

const row = (when: LawCondition): LawRow => ({
  id: 'opens',
  title: 'opens',
  citation: '45 CFR 164.512',
  jurisdiction: 'US',
  enabled: true,
  confidence: 'high',
  effect: 'permit',
  when,
})
const NOTHING: Evidenced = {
  evidence: [],
  claims: {},
  scopes: [],
  agreements: [],
  determinations: [],
}

/** Effect and the evidence named, where only this row could open and this is on file. */
function decide(when: LawCondition, onFile: Partial<Evidenced>, resource: ResourceGiven = {}) {
  const decider = createDecider({ ...profiles, lawRows: [row(when)] }, purposes)
  const { relationship: _, ...requester } = hospital
  const context = contextOf({ requester, claimsOf: () => [{ ...NOTHING, ...onFile }] })
  const decision = decider.decide(context, [resourceOf(resource)], () => [])[0]?.decision
  return [decision?.effect, decision?.because.flatMap(({ evidence }) => evidence ?? [])]
}

const gives = (...what: readonly string[]) => ({ evidence: [{ id: 'e', gives: what }] })

describe('a release names the evidence it rests on', () => {
  it('by a claim, a part of one, its value and its words', () => {
    const claims = { order: { section: '2.64', findings: 'Good cause' } }
    for (const each of ['order', 'order.section', 'order.section=2.64', 'order~good cause'])
      expect([each, decide({ allClaims: [each] }, { ...gives('order'), claims })]).toEqual([
        each,
        ['permit', ['e']],
      ])
    expect(decide({ allClaims: ['order.section=2.65'] }, { ...gives('order'), claims })[0]).toBe('deny')
    expect(decide({ claims: ['order'] }, { ...gives('order'), claims })).toEqual(['permit', ['e']])
  })

  it('by an agreement, a judgement, and the standing it gives', () => {
    const dua = { ...gives('agreement:DUA'), agreements: [{ kind: 'DUA', status: 'active' } as const] }
    expect(decide({ agreements: ['DUA'] }, dua)).toEqual(['permit', ['e']])
    expect(decide({ agreements: ['BAA'] }, dua)[0]).toBe('deny')
    const judged = { ...gives('determination'), determinations: [{ kind: 'need' }] }
    expect(decide({ determinations: ['need'] }, judged)).toEqual(['permit', ['e']])
    expect(decide({ relationships: ['family'] }, { ...gives('standing'), relationship: 'family' })).toEqual([
      'permit',
      ['e'],
    ])
    expect(decide({ requesterRoles: ['coroner'] }, { ...gives('standing'), role: 'coroner' })).toEqual([
      'permit',
      ['e'],
    ])
    expect(decide({ ownRecord: true }, { ...gives('standing'), standsFor: true })).toEqual(['permit', ['e']])
  })

  it('and no other that is on file beside it', () => {
    const two = {
      evidence: [
        { id: 'e', gives: ['order'] },
        { id: 'other', gives: ['threat'] },
      ],
      claims: { order: {}, threat: 'x' },
    }
    expect(decide({ claims: ['threat'] }, two)).toEqual(['permit', ['other']])
  })
})

describe('evidence with a scope', () => {
  const scoped = {
    ...gives('order'),
    claims: { order: { section: '2.64', scope: { organizations: ['Organization/a'] } } },
    scopes: ['order.scope'],
  }
  it('holds for records inside it, though no row asks for it', () => {
    const when = { allClaims: ['order.section'] }
    expect(decide(when, scoped, { source: 'Organization/a' })).toEqual(['permit', ['e']])
    expect(decide(when, scoped, { source: 'Organization/b' })[0]).toBe('deny')
    expect(decide(when, scoped)[0]).toBe('deny')
  })
  it('is what a row that asks for it rests on', () => {
    expect(decide({ scope: 'order.scope' }, scoped, { source: 'Organization/a' })).toEqual(['permit', ['e']])
  })
})

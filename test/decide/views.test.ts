import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadProfiles } from '../../src/data/profiles.ts'
import { createDecider } from '../../src/decide/decider.ts'
import type { ConsentForm } from '../../src/model/consent.ts'
import type { DecisionContext } from '../../src/model/decision.ts'
import type { JsonObject } from '../../src/model/fhir.ts'
import type { ClientRegistration, Requester } from '../../src/model/requester.ts'
import {
  authorizationForm,
  contextOf,
  hospital,
  profiles,
  purposes,
  type ResourceGiven,
  resourceOf,
  shippedDecider,
  tpoForm,
  verdict,
} from './fixtures.ts'

const decider = shippedDecider()
const plan: Requester = {
  ...hospital,
  key: 'plan',
  role: 'payer',
  organization: 'Organization/plan',
  relationship: 'member',
}

function decide(resource: ResourceGiven, context: Partial<DecisionContext>, form?: ConsentForm) {
  const ask = () => (form === undefined ? [] : [verdict('permit', form)])
  const [one] = decider.decide(contextOf(context), [resourceOf(resource)], ask)
  if (one === undefined) throw new Error('nothing was decided')
  return one.decision
}

const payment = (requester: Requester, type: string, more: Partial<ResourceGiven> = {}) =>
  decide({ type, ...more }, { requester, purposes: ['HPAYMT'] })

describe('minimum necessary is a view (45 CFR 164.514(d))', () => {
  it('a plan sees what a claim rests on, and says by which view', () => {
    const { effect, projections, because } = payment(plan, 'Claim')
    expect([effect, projections]).toEqual(['permit', ['view:payment-payer']])
    expect(because).toContainEqual(
      expect.objectContaining({ rule: 'view:payment-payer', source: 'purpose', effect: 'limit' }),
    )
  })

  it('a type that no view shows is denied with rule, citation and ground', () => {
    const { effect, because } = payment(plan, 'Goal')
    expect(effect).toBe('deny')
    expect(because).toMatchObject([{ rule: 'view:payment-payer', source: 'purpose', ground: '171.202(b)' }])
    expect(because[0]?.citation).toMatch(/164\.514\(d\)/)
  })

  it('billing staff have another view than a plan', () => {
    expect(payment({ ...hospital, role: 'billing-staff' }, 'Account').projections).toEqual([
      'view:payment-billing',
    ])
    expect(payment(plan, 'Account').effect).toBe('deny')
  })

  it('treatment under HIPAA, the individual and an authorization are free of it', () => {
    expect(decide({ type: 'Goal' }, { purposes: ['TREAT'] }).projections).toBeUndefined()
    const authorized = decide({ type: 'Goal' }, { requester: plan, purposes: ['HPAYMT'] }, authorizationForm)
    expect([authorized.effect, authorized.projections]).toEqual(['permit', undefined])
    expect(authorized.obligations).toEqual(['AUDIT', 'AUTH_SCOPE'])
  })

  it('several purposes are narrowed by the views of each', () => {
    const both = decide({ type: 'Claim' }, { requester: plan, purposes: ['HPAYMT', 'HOPERAT'] })
    expect(both.projections).toEqual(['view:operations', 'view:payment-payer'])
  })

  it('a public official is relied upon: what is asked for is what is needed', () => {
    const official = { ...hospital, role: 'public-health', relationship: 'none' } as const
    const asked = decide({ type: 'Observation' }, { requester: official, purposes: ['PUBHLTH'] })
    expect([asked.effect, asked.projections]).toEqual(['permit', ['view:as-requested']])
  })

  it('a claim that bounds nothing, or by what is no date, is none', () => {
    const on = (claim: JsonObject | string[] | string) =>
      payment({ ...plan, claims: { claim } }, 'Encounter', { dates: [{ start: '2026-02-10' }] }).effect
    expect([on({ reference: 'Claim/1' }), on('Claim/1'), on(['Claim/1']), on({ from: 2026 })]).toEqual([
      'permit',
      'permit',
      'permit',
      'deny',
    ])
    expect([on({ from: '2026' }), on({ to: '2026-02-10' }), on({ from: '20' })]).toEqual([
      'permit',
      'permit',
      'deny',
    ])
    const ongoing = { ...plan, claims: { claim: { from: '2026-02-01', to: '2026-02-28' } } }
    const over = (dates: ResourceGiven['dates']) =>
      payment(ongoing, 'Encounter', { dates: dates ?? [] }).effect
    expect([over([{ start: '2026-01-20' }]), over([{ start: '2026-01-20', end: '2026-02-02' }])]).toEqual([
      'deny',
      'permit',
    ])
    expect(over([{ end: '2026-02-05' }])).toBe('permit')
  })

  it('the dates of the claim bound what happened, and not who the patient is or what coverage there is', () => {
    const requester = { ...plan, claims: { claim: { from: '2026-02-01', to: '2026-02-28' } } }
    const on = (start: string) => payment(requester, 'Encounter', { id: start, dates: [{ start }] }).effect
    expect([on('2026-02-10'), on('2026-01-31'), on('2026-03-01T08:00:00Z'), on('2026-02')]).toEqual([
      'permit',
      'deny',
      'deny',
      'permit',
    ])
    expect(payment(requester, 'Coverage', { dates: [{ start: '2020-01-01' }] }).effect).toBe('permit')
    expect(payment(requester, 'Encounter', { id: 'undated' }).effect).toBe('deny')
    expect(payment(plan, 'Encounter', { dates: [{ start: '2020-01-01' }] }).effect).toBe('permit')
  })
})

describe('Part 2 limits treatment too (42 CFR 2.13(a))', () => {
  const consented = (type: string, purpose: string, requester = hospital) =>
    decide({ type, part2: true }, { requester, purposes: [purpose] }, tpoForm)

  it('the clinician has the clinical record, notes included; accounts treat nobody', () => {
    for (const type of [
      'Condition',
      'MedicationRequest',
      'Observation',
      'CarePlan',
      'DocumentReference',
      'Claim',
    ])
      expect([type, consented(type, 'TREAT').effect]).toEqual([type, 'permit'])
    expect(consented('Account', 'TREAT').effect).toBe('deny')
    expect(decide({ type: 'Account' }, { purposes: ['TREAT'] }).effect).toBe('permit')
  })

  it('a plan has of it what it has of any record', () => {
    expect(consented('Claim', 'HPAYMT', plan).projections).toEqual(['view:payment-payer'])
    expect(consented('CarePlan', 'HPAYMT', plan).effect).toBe('deny')
  })
})

describe('de-identified information (45 CFR 164.514(b))', () => {
  const standards = createDecider({ ...profiles, withheldTypes: { 'safe-harbor': ['Binary'] } }, purposes)
  const asked = (type: string) => {
    const requester: Requester = {
      ...hospital,
      role: 'researcher',
      relationship: 'none',
      claims: { deidentify: { standard: 'safe-harbor' } },
    }
    const context = contextOf({ requester, purposes: ['HRESCH'] })
    return standards.decide(context, [resourceOf({ type })], () => [])[0]?.decision
  }

  it('leaves by its standard, and a type that no rule can free of identifiers does not', () => {
    expect(asked('Condition')).toMatchObject({ effect: 'redact', projections: ['safe-harbor'] })
    expect(asked('Binary')).toMatchObject({
      effect: 'deny',
      because: [{ rule: 'withheld-type:safe-harbor', ground: '171.204(a)(2)' }],
    })
  })
})

describe('a site binds views to a client', () => {
  const bound = (views: string[], type: string) =>
    decide({ type }, { requester: { ...hospital, registration: { views } as unknown as ClientRegistration } })

  it('which narrow and never widen', () => {
    expect(bound(['referral'], 'Condition').projections).toEqual(['view:referral'])
    expect(bound(['referral'], 'Claim').effect).toBe('deny')
    const registration = { views: ['as-requested'] } as unknown as ClientRegistration
    expect(payment({ ...plan, registration }, 'Goal').effect).toBe('deny')
  })

  it('which may show a type by its codes alone', () => {
    const seen = (type: string, system: string, code: string) =>
      decide(
        { type, id: code, codings: [{ system, code }] },
        {
          requester: {
            ...hospital,
            registration: { views: ['identify-or-locate'] } as unknown as ClientRegistration,
          },
        },
      ).effect
    const icd10 = 'http://hl7.org/fhir/sid/icd-10-cm'
    expect([
      seen('Observation', 'http://loinc.org', '883-9'),
      seen('Observation', 'http://loinc.org', '718-7'),
      seen('Condition', icd10, 'S72.001A'),
      seen('Condition', icd10, 'F11.20'),
      seen('Condition', 'http://snomed.info/sct', 'S72.001A'),
    ]).toEqual(['permit', 'deny', 'permit', 'deny', 'deny'])
    expect(bound(['identify-or-locate'], 'Observation').effect).toBe('deny')
  })

  it('one that is not there lets nothing out', () => {
    expect(bound(['nowhere'], 'Condition')).toMatchObject({
      effect: 'deny',
      because: [{ rule: 'undischargeable:nowhere' }],
    })
  })
})

describe('what cannot be narrowed does not leave', () => {
  it('a duty without a view', () => {
    const without = createDecider({ ...profiles, views: {} }, purposes)
    const [one] = without.decide(
      contextOf({ requester: plan, purposes: ['HPAYMT'] }),
      [resourceOf({ type: 'Claim' })],
      () => [],
    )
    expect(one?.decision).toMatchObject({
      effect: 'deny',
      because: [{ rule: 'undischargeable:MIN_NECESSARY' }],
    })
  })
})

describe('projections ahead of a search', () => {
  it('are those that any release to the requester may pass', () => {
    const ahead = (context: Partial<DecisionContext>) => decider.projectionsAhead?.(contextOf(context)) ?? []
    expect(ahead({ requester: plan, purposes: ['HPAYMT'] })).toContain('view:payment-payer')
    expect(ahead({ purposes: ['TREAT'] })).not.toContain('view:payment-payer')
  })
})

describe('the files of views', () => {
  const file = (view: object) => {
    const root = mkdtempSync(join(tmpdir(), 'views-'))
    mkdirSync(join(root, 'purpose/views'), { recursive: true })
    const whole = { id: 'own', title: 't', citation: 'c', why: 'w', types: '*', ...view }
    writeFileSync(join(root, 'purpose/views/own.json'), JSON.stringify({ title: 'Own', views: [whole] }))
    return () => loadProfiles([root], purposes)
  }

  it('of a site are loaded and change the revision', () => {
    const own = file({ types: { Condition: ['clinicalStatus', 'verificationStatus', 'code'] } })()
    expect([own.views?.['own']?.title, own.revision === profiles.revision]).toEqual(['t', false])
  })

  it.each([
    [
      'an element R4 does not have',
      { types: { Condition: ['colour'] } },
      /elements of R4 Condition, not "colour"/,
    ],
    ['a type R4 does not have', { types: { Disease: '*' } }, /R4 resource types, not "Disease"/],
    ['a choice that is none', { types: { Condition: ['code[x]'] } }, /not "code\[x\]"/],
    [
      'a type without what changes its meaning',
      { types: { MedicationRequest: ['status', 'intent', 'medication[x]'] } },
      /keep "doNotPerform"/,
    ],
    ['narrative', { types: { Condition: ['text'] } }, /not "text"/],
    ['a duty that no view meets', { meets: ['AUDIT'], purposes: ['TREAT'] }, /not "AUDIT"/],
    ['a purpose nobody knows', { meets: ['MIN_NECESSARY'], purposes: ['LUNCH'] }, /not "LUNCH"/],
    ['an id that is taken', { id: 'treatment' }, /it is taken/],
    [
      'what another fits',
      { meets: ['MIN_NECESSARY'], purposes: ['HPAYMT'], types: { Claim: '*' } },
      /expected to fit nothing/,
    ],
    ['purposes without duties', { purposes: ['TREAT'] }, /meets/],
  ])('are refused with %s', (_, view, message) => {
    expect(file(view)).toThrow(message)
  })
})

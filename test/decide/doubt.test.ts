import { describe, expect, it } from 'vitest'
import { createDecider } from '../../src/decide/decider.ts'
import { overall } from '../../src/decide/overall.ts'
import type { DecisionContext } from '../../src/model/decision.ts'
import type { LawRow } from '../../src/model/law.ts'
import {
  authorizationForm,
  contextOf,
  custodian,
  decideOne,
  directive,
  hospital,
  profiles,
  purposes,
  registry,
  resourceOf,
  rulesOf,
  shippedDecider,
  tpoForm,
  verdict,
} from './fixtures.ts'

const onFile = { consents: new Map([['Patient/p', [directive()]]]) }
const PCF = 'https://profiles.ihe.net/ITI/PCF/Policy-'
const glass = {
  breakGlass: {
    reason: 'emergency treatment',
    natureOfEmergency: 'unconscious',
    consentUnobtainable: true,
    medicalPersonnel: { name: 'on duty', facility: 'emergency department' },
    attestedAt: '2026-09-15T14:58:00Z',
  },
}

describe('doubt denies', () => {
  it.each([
    [
      'a resource that could not be assessed',
      resourceOf({ notAssessable: 'cannot be read' }),
      'not-assessable',
    ],
    ['patient data that names no patient', resourceOf({ patients: [] }), 'no-patient'],
    [
      'a patient whose Consents were not looked up',
      resourceOf({ patients: ['Patient/other'] }),
      'consents-not-looked-up',
    ],
  ])('withholds %s', (_, resource, rule) => {
    const decision = decideOne(resource)
    expect([decision.effect, rulesOf(decision)]).toEqual(['deny', [rule]])
    expect(decision.because[0]).toMatchObject({ source: 'label', ground: '171.204(a)(2)' })
    expect(decideOne(resourceOf()).effect).toBe('permit')
  })

  it('withholds what facts say is not assessable, though the label says nothing', () => {
    const resource = resourceOf()
    const facts = { ...resource.facts, notAssessable: 'truncated' }
    expect(rulesOf(decideOne({ ...resource, facts }))).toEqual(['not-assessable'])
  })

  it('denies when asking the Consents throws, and decides the other resources all the same', () => {
    const ask = (_: string, { facts }: { facts: { id: string } }) => {
      if (facts.id === 'bad') throw new Error('unreadable')
      return []
    }
    const resources = [resourceOf({ id: 'bad', codes: ['MH'] }), resourceOf({ id: 'good' })]
    const decided = shippedDecider().decide(contextOf(), resources, ask)
    expect(decided.map(({ decision }) => decision.effect)).toEqual(['deny', 'permit'])
    expect(rulesOf(decided[0]!.decision)).toEqual(['rule-error'])
  })

  it('has no evidence where that cannot be looked up, and decides as without any', () => {
    const investigated = {
      evidence: [{ id: 'e1', gives: ['deathInvestigation'] }],
      claims: { deathInvestigation: { reference: 'ME-1' } },
      scopes: [],
      agreements: [],
      determinations: [],
    }
    const coroner = { ...contextOf().requester, role: 'coroner', relationship: 'none' } as const
    const asked = (claimsOf: DecisionContext['claimsOf']) =>
      decideOne(resourceOf(), {
        requester: coroner,
        purposes: ['HLEGAL'],
        ...(claimsOf === undefined ? {} : { claimsOf }),
      })
    const failing = () => {
      throw new Error('the office cannot be looked at')
    }
    expect(asked(undefined).effect).toBe('deny')
    expect(asked(failing)).toEqual(asked(undefined))
    const heard = asked(() => [investigated])
    expect(heard.effect).toBe('permit')
    expect(heard.because).toContainEqual(expect.objectContaining({ evidence: 'e1' }))
  })

  it('denies all when the situation itself cannot be evaluated, and when no purpose is given', () => {
    const directory = {
      resolve: () => {
        throw new Error('gone')
      },
    }
    expect(rulesOf(decideOne(resourceOf(), { directory }))).toEqual(['rule-error'])
    expect(decideOne(resourceOf(), { purposes: [] }).effect).toBe('deny')
  })

  it('denies an obligation that nobody knows, and names it', () => {
    const row: LawRow = {
      id: 'r',
      title: '',
      citation: '',
      jurisdiction: 'US',
      enabled: true,
      confidence: 'high',
      when: {},
      effect: 'permit',
      obligations: ['STATE_NOTICE:xx', 'UNHEARD_OF'],
    }
    const decider = createDecider({ ...profiles, lawRows: [row] })
    const decision = decideOne(resourceOf(), {}, [], decider)
    expect([decision.effect, rulesOf(decision)]).toEqual(['deny', ['obligation-not-understood:UNHEARD_OF']])
    const bare = createDecider({
      lawRows: [{ ...row, obligations: ['MIN_NECESSARY'] }],
      purposeParents: {},
      revision: 'r',
    })
    expect(decideOne(resourceOf(), { defaultPolicy: 'law' }, [], bare).effect).toBe('deny')
  })

  it('denies under a default policy that nobody knows', () => {
    expect(rulesOf(decideOne(resourceOf(), { defaultPolicy: 'urn:unknown' }))).toEqual(['no-consent'])
  })
})

describe('where no Consent speaks the default policy does', () => {
  it.each([
    ['law', 'TREAT', 'permit'],
    ['deny', 'TREAT', 'deny'],
    [`${PCF}basic-normal`, 'TREAT', 'permit'],
    [`${PCF}basic-normal`, 'HOPERAT', 'deny'],
    [`${PCF}all-normal`, 'HOPERAT', 'permit'],
    [`${PCF}break-glass-only`, 'TREAT', 'deny'],
    [`${PCF}deny`, 'TREAT', 'deny'],
  ])('%s for %s: %s', (defaultPolicy, purpose, effect) => {
    expect(decideOne(resourceOf(), { defaultPolicy, purposes: [purpose] }).effect).toBe(effect)
  })

  it('break-glass-only opens for a declared emergency with all its facts, deny does not', () => {
    const requester = { ...hospital, role: 'medical-personnel' as const, claims: glass }
    const asked = { purposes: ['BTG'], requester }
    expect(decideOne(resourceOf(), { ...asked, defaultPolicy: `${PCF}break-glass-only` }).effect).toBe(
      'permit',
    )
    expect(decideOne(resourceOf(), { ...asked, defaultPolicy: `${PCF}deny` }).effect).toBe('deny')
  })

  it('tells no Consent apart from one that does not cover, and from one that refuses', () => {
    const none = decideOne(resourceOf(), { defaultPolicy: 'deny' })
    const other = decideOne(resourceOf(), { defaultPolicy: 'deny' }, [verdict('not-covered')])
    const refused = decideOne(resourceOf(), { defaultPolicy: 'deny' }, [verdict('deny')])
    expect([none, other, refused].map(rulesOf)).toEqual([
      ['no-consent'],
      ['consent-not-covered'],
      ['consent-deny', 'consent-refuses'],
    ])
    const inactive = {
      defaultPolicy: 'deny',
      consents: new Map([['Patient/p', [directive(tpoForm, { state: 'inactive' })]]]),
    }
    expect(rulesOf(decideOne(resourceOf(), inactive))).toEqual(['no-consent'])
  })

  it('a closed default rests its release on the Consent that permits, with path and version', () => {
    const decision = decideOne(resourceOf(), { defaultPolicy: 'deny' }, [
      verdict('permit', authorizationForm),
    ])
    expect(decision.effect).toBe('permit')
    expect(decision.consents).toEqual([{ reference: 'Consent/c', version: '1' }])
    expect(decision.because).toContainEqual({
      rule: 'consent-permit',
      source: 'consent',
      consent: { reference: 'Consent/c', version: '1' },
      path: 'provision',
      effect: 'permit',
    })
  })

  it('never closes the record to the patient', () => {
    const requester = { ...hospital, role: 'patient' as const, user: 'Patient/p', hipaa: 'none' as const }
    expect(decideOne(resourceOf(), { defaultPolicy: 'deny', purposes: ['PATRQT'], requester }).effect).toBe(
      'permit',
    )
    expect(decideOne(resourceOf(), { defaultPolicy: 'deny', purposes: ['FAMRQT'], requester }).effect).toBe(
      'deny',
    )
  })
})

describe('the default of a custodian', () => {
  const other = resourceOf({ source: 'Organization/other' })
  const own = resourceOf({ source: 'Organization/own' })

  it('is that of the organization a record comes from, and of nobody else', () => {
    const defaultPolicies = { 'Organization/other': 'deny' }
    const open = { defaultPolicy: 'law', defaultPolicies }
    expect(decideOne(other, open).effect).toBe('deny')
    expect(decideOne(own, open).effect).toBe('permit')
    expect(decideOne(resourceOf(), open).effect).toBe('permit')
    const shut = { defaultPolicy: 'deny', defaultPolicies: { 'Organization/other': 'law' } }
    expect(decideOne(other, shut).effect).toBe('permit')
    expect(decideOne(own, shut).effect).toBe('deny')
    expect(decideOne(resourceOf({ source: 'Organization/constructor' }), shut).effect).toBe('deny')
    expect(
      decideOne(other, { defaultPolicy: 'law', defaultPolicies: { 'Organization/other': 'urn:unknown' } })
        .effect,
    ).toBe('deny')
  })

  it('is worked out once for all records of an exchange', () => {
    const context = contextOf({
      defaultPolicy: 'law',
      defaultPolicies: { 'Organization/other': 'deny', 'Organization/third': 'deny' },
    })
    const third = resourceOf({ source: 'Organization/third' })
    const decided = shippedDecider().decide(context, [other, own, third, other], () => [])
    expect(decided.map(({ decision }) => decision.effect)).toEqual(['deny', 'permit', 'deny', 'deny'])
  })
})

describe('what one requester may ask', () => {
  it('is remembered for so many days and purposes, then worked out again with the same answer', () => {
    const decider = shippedDecider()
    const effects = Array.from({ length: 70 }, (_, day) => {
      const at = new Date(Date.UTC(2026, 2, 1 + day))
      return decideOne(resourceOf(), { at, defaultPolicy: 'law' }, [], decider).effect
    })
    expect(new Set(effects)).toEqual(new Set(['permit']))
  })

  it('is shared by exchanges of one day, and by no other custodian or registry', () => {
    const decider = shippedDecider()
    const ask = (given: Parameters<typeof decideOne>[1]) =>
      decideOne(resourceOf(), { defaultPolicy: 'law', ...given }, [], decider).effect
    expect([ask({}), ask({})]).toEqual(['permit', 'permit'])
    expect(ask({ requester: { ...hospital, role: 'employer' } })).toBe('deny')
    expect(ask({ custodian: { ...custodian, hipaa: 'none', part2: 'none' } })).toBe('deny')
    expect([ask({}), ask({ registry: { ...registry } })]).toEqual(['permit', 'permit'])
  })
})

describe('Consents alone (policy none)', () => {
  it.each([
    [[verdict('permit')], 'permit', 'permit', 'consent-permit'],
    [[verdict('permit'), verdict('deny')], 'deny', 'deny', 'consent-deny'],
    [[verdict('permit'), verdict('indeterminate')], 'deny', 'indeterminate', 'consent-indeterminate'],
    [[{ ...verdict('indeterminate'), why: 'no type' }], 'deny', 'indeterminate', 'consent-indeterminate'],
    [[verdict('not-covered')], 'deny', 'no-consent', 'consent-not-covered'],
    [[], 'deny', 'no-consent', 'no-consent'],
  ] as const)('%#: %j', (verdicts, effect, word, rule) => {
    const labelled = resourceOf({ part2: true })
    const decision = decideOne(labelled, { policy: 'none' }, verdicts)
    expect(decision.effect).toBe(effect)
    expect(rulesOf(decision)).toContain(rule)
    expect(overall([{ labelled, decision }])).toBe(word)
  })

  it('asks the default policy where none is on file, and nothing where no patient is named', () => {
    const open = decideOne(resourceOf(), { policy: 'none', defaultPolicy: `${PCF}all-normal` })
    expect([open.effect, rulesOf(open)]).toEqual(['permit', ['default-policy']])
    expect(
      decideOne(resourceOf({ patients: [], patientData: false }), { policy: 'none', defaultPolicy: 'law' })
        .effect,
    ).toBe('deny')
  })
})

describe('the word for the whole', () => {
  const labelled = resourceOf()
  const permit = { labelled, decision: decideOne(labelled) }
  const deny = { labelled, decision: decideOne(resourceOf({ part2: true })) }

  it('is permit where anything leaves, and deny where law refuses all', () => {
    expect([overall([permit, deny]), overall([deny])]).toEqual(['permit', 'deny'])
  })

  it('without resources is what the verdicts come to', () => {
    expect(overall([])).toBe('no-consent')
    expect(overall([], [verdict('permit')])).toBe('permit')
    expect(overall([], [verdict('permit'), verdict('indeterminate')])).toBe('indeterminate')
    expect(overall([], [verdict('permit'), verdict('indeterminate'), verdict('deny')])).toBe('deny')
  })
})

describe('rows and resources', () => {
  const base: LawRow = {
    id: 'all',
    title: '',
    citation: '',
    jurisdiction: 'US',
    enabled: true,
    confidence: 'high',
    when: {},
    effect: 'permit',
  }
  const deciderOf = (...rows: readonly LawRow[]) =>
    createDecider({ ...profiles, lawRows: rows }, { labelParents: purposes.labelParents })

  it('can be switched on and off by the site', () => {
    expect(
      decideOne(resourceOf(), {}, [], shippedDecider({ disabledRows: ['hipaa-506c2-treatment'] })).effect,
    ).toBe('deny')
    const off = { ...base, enabled: false }
    const on = createDecider({ ...profiles, lawRows: [off] }, { enabledRows: ['all'] })
    expect([
      decideOne(resourceOf(), {}, [], deciderOf(off)).effect,
      decideOne(resourceOf(), {}, [], on).effect,
    ]).toEqual(['deny', 'permit'])
  })

  it('speak only while they are in force, first and last day included', () => {
    const dated = (dates: Partial<LawRow>) =>
      decideOne(resourceOf(), {}, [], deciderOf({ ...base, ...dates })).effect
    expect([
      dated({ effectiveFrom: '2026-09-15', effectiveTo: '2026-09-15' }),
      dated({ effectiveFrom: '2026-09-16' }),
      dated({ effectiveTo: '2026-09-14' }),
    ]).toEqual(['permit', 'deny', 'deny'])
  })

  it('on a label speak of its kinds too', () => {
    const sud: LawRow = { ...base, id: 'sud', effect: 'deny', when: { labels: ['SUD'] } }
    expect(rulesOf(decideOne(resourceOf({ codes: ['OPIOIDUD'] }), {}, [], deciderOf(base, sud)))).toEqual([
      'sud',
    ])
    expect(decideOne(resourceOf({ codes: ['HIV'] }), {}, [], deciderOf(base, sud)).effect).toBe('permit')
  })

  it('take a purpose named under them for theirs when they refuse, and never BTG or HLEGAL when they permit', () => {
    const permits = (purpose: string) =>
      decideOne(
        resourceOf(),
        { purposes: [purpose] },
        [],
        deciderOf({ ...base, when: { purposes: ['TREAT', 'HOPERAT'] } }),
      ).effect
    expect(['ETREAT', 'HQUALIMP', 'BTG', 'HLEGAL'].map(permits)).toEqual(['permit', 'permit', 'deny', 'deny'])
    const refuses = (purpose: string) =>
      decideOne(
        resourceOf(),
        { purposes: [purpose] },
        [],
        deciderOf(base, { ...base, id: 'no', effect: 'deny', when: { purposes: ['TREAT', 'HOPERAT'] } }),
      ).effect
    expect(['ETREAT', 'BTG', 'HLEGAL', 'PATRQT'].map(refuses)).toEqual(['deny', 'deny', 'deny', 'permit'])
  })

  it('must permit for every purpose of the request', () => {
    expect(decideOne(resourceOf(), { purposes: ['TREAT', 'HMARKT'] }).effect).toBe('deny')
    expect(decideOne(resourceOf(), { purposes: ['TREAT', 'HQUALIMP'] }).obligations).toContain(
      'MIN_NECESSARY',
    )
  })

  it('are asked once for a class, and for each resource where a Consent looks inside', () => {
    const asked: string[] = []
    const ask = (_: string, { facts }: { facts: { id: string } }) => {
      asked.push(facts.id)
      return []
    }
    const twins = [resourceOf({ id: 'a' }), resourceOf({ id: 'b' })]
    shippedDecider().decide(contextOf(), twins, ask)
    expect(asked).toEqual(['a'])
    const looking = { consents: new Map([['Patient/p', [directive(tpoForm, { looksInside: true })]]]) }
    shippedDecider().decide(contextOf(looking), twins, ask)
    expect(asked).toEqual(['a', 'a', 'b'])
  })

  it('every patient of a resource must agree', () => {
    const resource = resourceOf({ patients: ['Patient/p', 'Patient/q'], part2: true })
    const consents = new Map(['Patient/p', 'Patient/q'].map(patient => [patient, [directive()]]))
    const birthDates = new Map(['Patient/p', 'Patient/q'].map(patient => [patient, '1980']))
    const context = contextOf({ consents, birthDates })
    const effect = (both: boolean) =>
      shippedDecider().decide(context, [resource], patient =>
        both || patient === 'Patient/p' ? [verdict('permit', tpoForm)] : [],
      )[0]!.decision.effect
    expect([effect(true), effect(false)]).toEqual(['permit', 'deny'])
  })

  it('that ask for consent of no kind are met by none', () => {
    const row: LawRow = { ...base, id: 'never', effect: 'require-consent' }
    const decision = decideOne(resourceOf(), {}, [verdict('permit', tpoForm)], deciderOf(base, row))
    expect(rulesOf(decision)).toEqual(['never'])
  })

  it('name the elements that a form lacks', () => {
    const decision = decideOne(resourceOf({ part2: true }), onFile, [
      verdict('permit', { ...tpoForm, signed: false }),
    ])
    expect(decision.because[0]).toMatchObject({
      rule: 'p2-2.31-consent',
      silent: true,
      ground: '171.202(b)',
      why: 'Consent/c lacks 2.31(a)(8)',
    })
  })
})

describe('the organization may be stricter than law', () => {
  const rule = (
    effect: 'permit' | 'require-consent' | 'deny',
    labels: readonly string[] = [],
    asked: readonly string[] = [],
  ) => [{ id: 'house', labels, purposes: asked, effect }]
  it.each([
    [rule('deny', ['HIV']), 'deny'],
    [rule('deny', ['MH']), 'permit'],
    [rule('deny', [], ['TREAT']), 'deny'],
    [rule('deny', [], ['HPAYMT']), 'permit'],
    [rule('deny', [], ['!TREAT']), 'permit'],
    [rule('require-consent'), 'deny'],
    [rule('permit'), 'permit'],
  ] as const)('%#', (organizationPolicy, effect) => {
    expect(decideOne(resourceOf({ codes: ['HIV'] }), { organizationPolicy }).effect).toBe(effect)
  })

  it('is content with any Consent that permits', () => {
    expect(
      decideOne(resourceOf(), { organizationPolicy: rule('require-consent') }, [verdict('permit')]).effect,
    ).toBe('permit')
  })
})

describe('the seven requesters of the demonstration', () => {
  const chart = {
    general: resourceOf({ id: 'general' }),
    part2: resourceOf({ id: 'part2', part2: true, source: 'Organization/program' }),
    notes: resourceOf({ id: 'notes', type: 'DocumentReference', codes: ['PSYTHPN'] }),
    hiv: resourceOf({ id: 'hiv', codes: ['HIV'] }),
  }
  const as = (requester: Partial<typeof hospital>, purpose: string, consented = false) =>
    Object.entries(chart)
      .filter(([, resource]) => {
        const verdicts = consented && resource.part2 ? [verdict('permit', tpoForm)] : []
        return (
          decideOne(
            resource,
            { custodian, requester: { ...hospital, ...requester }, purposes: [purpose] },
            verdicts,
          ).effect !== 'deny'
        )
      })
      .map(([name]) => name)

  it.each([
    ['a treating hospital', {}, 'TREAT', false, ['general', 'hiv']],
    ['a treating hospital under a TPO consent', {}, 'TREAT', true, ['general', 'part2', 'hiv']],
    [
      'the opioid treatment program',
      { organization: 'Organization/program', part2: 'program' },
      'TREAT',
      false,
      ['general', 'part2', 'hiv'],
    ],
    [
      'the emergency department without a declared emergency',
      { role: 'medical-personnel' },
      'ETREAT',
      false,
      ['general', 'hiv'],
    ],
    [
      'the emergency department with one',
      { role: 'medical-personnel', claims: glass },
      'ETREAT',
      false,
      ['general', 'part2', 'hiv'],
    ],
    ['the health plan', { role: 'payer', relationship: 'member' }, 'HPAYMT', false, ['general', 'hiv']],
    [
      'the patient’s app',
      { role: 'patient', hipaa: 'none', user: 'Patient/p' },
      'PATRQT',
      false,
      ['general', 'part2', 'hiv'],
    ],
    [
      'public health',
      { role: 'public-health', hipaa: 'none', relationship: 'none' },
      'PUBHLTH',
      false,
      ['general', 'hiv'],
    ],
    [
      'a researcher without evidence',
      { role: 'researcher', hipaa: 'none', relationship: 'none' },
      'HRESCH',
      false,
      [],
    ],
  ] as const)('%s', (_, requester, purpose, consented, seen) => {
    expect(as(requester as Partial<typeof hospital>, purpose, consented)).toEqual(seen)
  })
})

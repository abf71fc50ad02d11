import { describe, expect, it } from 'vitest'
import { ageHolds } from '../../src/decide/age.ts'
import { currentAgreements } from '../../src/decide/agreements.ts'
import { claimHolds, withinScope } from '../../src/decide/claims.ts'
import { situation, situationHolds } from '../../src/decide/conditions.ts'
import { consentKind, isConsentKind } from '../../src/decide/consent-kinds.ts'
import { organizationChain, patientOf, personsBehind } from '../../src/decide/organizations.ts'
import { purposeTree } from '../../src/decide/purpose.ts'
import { looksInside, resourceHolds } from '../../src/decide/resource-conditions.ts'
import { every, factHolds, some } from '../../src/decide/tri.ts'
import type { ConsentForm } from '../../src/model/consent.ts'
import type { DecisionContext } from '../../src/model/decision.ts'
import type { JsonObject, Resource } from '../../src/model/fhir.ts'
import type { LawCondition } from '../../src/model/law.ts'
import type { Agreement } from '../../src/model/requester.ts'
import {
  authorizationForm,
  contextOf,
  custodian,
  emptyForm,
  hospital,
  purposes,
  type ResourceGiven,
  registry,
  resourceOf,
  tpoForm,
} from './fixtures.ts'

const tree = purposeTree(purposes.purposeParents, purposes.explicitPurposes)
const directoryOf = (...resources: readonly Resource[]) => {
  const known = new Map(resources.map(each => [`${each.resourceType}/${each.id}`, each]))
  return { resolve: (reference: string) => known.get(reference) }
}

describe('three-valued truth', () => {
  it('every: one no decides, one unknown leaves doubt', () => {
    expect([every([]), every(['yes', 'unknown']), every(['unknown', 'no'])]).toEqual(['yes', 'unknown', 'no'])
  })
  it('some: one yes decides, one unknown leaves doubt', () => {
    expect([some([]), some(['no', 'unknown']), some(['unknown', 'yes'])]).toEqual(['no', 'unknown', 'yes'])
  })
  it('a fact that is not stated leaves doubt only where a plain value is asked for', () => {
    expect([
      factHolds(['a'], undefined),
      factHolds(['!a'], undefined),
      factHolds(['!a'], 'a'),
      factHolds(['a'], 'a'),
    ]).toEqual(['unknown', 'yes', 'no', 'yes'])
  })
})

describe('ages', () => {
  const at = new Date('2026-09-15T12:00:00Z')
  it.each([
    ['2008-09-15', { under: 18 }, 'no'],
    ['2008-09-16', { under: 18 }, 'yes'],
    ['2008-10', { under: 18 }, 'yes'],
    ['2008-09', { under: 18 }, 'unknown'],
    ['2008', { under: 18 }, 'unknown'],
    ['1970', { under: 18 }, 'no'],
    ['2012-01-01', { from: 12, under: 18 }, 'yes'],
    ['2020-01-01', { from: 12, under: 18 }, 'no'],
    ['1970-01-01', { from: 18 }, 'yes'],
    [undefined, { under: 18 }, 'unknown'],
    ['soon', { under: 18 }, 'unknown'],
  ] as const)('born %s, %j: %s', (birthDate, ages, expected) => {
    expect(ageHolds(birthDate, at, ages)).toBe(expected)
  })
})

describe('claims', () => {
  const claims: JsonObject = {
    a: { b: 'x', empty: ' ', none: null, list: [], full: [1], object: {}, off: false, zero: 0 },
    text: 'y',
  }
  it.each([
    ['a.b', true],
    ['a', true],
    ['a.full', true],
    ['a.zero', true],
    ['text=y~z', false],
    ['a~X', true],
    ['a~none~', false],
    ['a.b=x', true],
    ['a.b=z', false],
    ['a.empty', false],
    ['a.none', false],
    ['a.list', false],
    ['a.object', false],
    ['a.off', false],
    ['text.length', false],
    ['a.full.0', false],
    ['missing.b', false],
    ['toString', false],
  ])('%s holds: %s', (path, expected) => {
    expect(claimHolds(claims, path)).toBe(expected)
  })
})

describe('a scope is a filter of which all given parts must hold', () => {
  const within = (scope: JsonObject[string], resource: ResourceGiven = {}) => {
    const { facts, source } = resourceOf(resource)
    return withinScope({ order: { scope } }, 'order.scope', {
      facts,
      ...(source === undefined ? {} : { source }),
    })
  }
  const dated = (start?: string, end?: string) => ({
    dates: [{ ...(start ? { start } : {}), ...(end ? { end } : {}) }],
  })
  it.each([
    ['no scope', undefined, {}, false],
    ['one that names nothing', { text: 'attendance' }, {}, false],
    ['a list', [], {}, false],
    ['its type', { resourceTypes: ['Condition'] }, {}, true],
    ['another type', { resourceTypes: ['Encounter'] }, {}, false],
    ['one type as text', { resourceTypes: 'Condition' }, {}, true],
    ['its code', { codes: ['s|c'] }, { codings: [{ system: 's', code: 'c' }] }, true],
    ['a code without system', { codes: ['|c'] }, { codings: [{ code: 'c' }] }, true],
    ['another code', { codes: ['s|d'] }, { codings: [{ system: 's', code: 'c' }] }, false],
    ['its source', { organizations: ['Organization/o'] }, { source: 'Organization/o' }, true],
    ['an unknown source', { organizations: ['Organization/o'] }, {}, false],
    ['its days', { from: '2026-01-01', to: '2026-08-31' }, dated('2026-08-31T23:00:00Z'), true],
    ['an open end', { from: '2026-01-01' }, dated('2027-01-01'), true],
    ['an open start', { to: '2026-01-01' }, dated('2025-01-01'), true],
    ['a day before', { from: '2026-01-01' }, dated('2025-12-31', '2026-02-01'), false],
    ['a day after', { to: '2026-01-01' }, dated('2025-12-31', '2026-02-01'), false],
    ['no date at all', { from: '2026-01-01' }, {}, false],
    ['a date that is no full day', { from: '2026-01-01' }, dated('2026'), false],
    ['a limit that is no date', { from: 7 }, dated('2026-02-01'), false],
    ['an undated end', { from: '2026-01-01' }, dated(undefined, undefined), false],
  ] as const)('%s', (_, scope, resource, expected) => {
    expect(within(scope as JsonObject[string], resource as ResourceGiven)).toBe(expected)
  })
})

describe('organizations and persons', () => {
  const part = (id: string, of?: string): Resource => ({
    resourceType: 'Organization',
    id,
    ...(of ? { partOf: { reference: of } } : {}),
  })
  it('follow partOf upwards, and stop at a circle', () => {
    const directory = directoryOf(part('a', 'Organization/b'), part('b', 'Organization/a'))
    expect([...organizationChain('Organization/a', directory)]).toEqual(['Organization/a', 'Organization/b'])
    expect([...organizationChain(undefined, directory)]).toEqual([])
  })
  it('know the person behind a role and the patient behind a relative', () => {
    const role: Resource = {
      resourceType: 'PractitionerRole',
      id: 'r',
      practitioner: { reference: 'Practitioner/d' },
    }
    const relative: Resource = { resourceType: 'RelatedPerson', id: 'm', patient: { reference: 'Patient/p' } }
    const odd: Resource = { resourceType: 'RelatedPerson', id: 'x', patient: { reference: 7 } }
    const directory = directoryOf(role, relative, odd)
    expect(personsBehind('PractitionerRole/r', directory)).toEqual(['PractitionerRole/r', 'Practitioner/d'])
    expect(personsBehind('PractitionerRole/unknown', directory)).toEqual(['PractitionerRole/unknown'])
    expect(personsBehind(undefined, directory)).toEqual([])
    expect(
      ['Patient/p', 'RelatedPerson/m', 'RelatedPerson/x', 'Practitioner/d', undefined].map(user =>
        patientOf(user, directory, new Date()),
      ),
    ).toEqual(['Patient/p', 'Patient/p', undefined, undefined, undefined])
  })
})

describe('agreements bind while they are current', () => {
  const agreed = (agreement: Omit<Agreement, 'kind'>, purpose = 'HOPERAT', own = false) => {
    const list: readonly Agreement[] = [{ kind: 'BAA', party: 'Organization/hospital', ...agreement }]
    const registration = { agreements: list } as unknown as NonNullable<
      DecisionContext['requester']['registration']
    >
    const context = own
      ? contextOf({ requester: { ...hospital, registration } })
      : contextOf({ registry: { ...registry, agreements: list } })
    return currentAgreements(context, 'BAA', purpose, tree).length === 1
  }
  it.each([
    [{}, true],
    [{ status: 'ended' }, false],
    [{ start: '2026-09-15', end: '2026-09-15' }, true],
    [{ start: '2026-09-16' }, false],
    [{ end: '2026-09-14' }, false],
    [{ party: 'Organization/other' }, false],
    [{ with: 'Organization/custodian' }, true],
    [{ with: 'Organization/other' }, false],
    [{ purposes: ['HOPERAT'] }, true],
    [{ purposes: ['HPAYMT'] }, false],
  ] as const)('%j: %s', (agreement, expected) => {
    expect(agreed(agreement as Omit<Agreement, 'kind'>)).toBe(expected)
  })
  it('cover what stands under their purpose, but not proceedings', () => {
    expect([
      agreed({ purposes: ['HOPERAT'] }, 'HQUALIMP'),
      agreed({ purposes: ['HOPERAT'] }, 'HLEGAL'),
    ]).toEqual([true, false])
  })
  it('count where they stand with the client', () => {
    expect(agreed({ party: 'Organization/other' }, 'HOPERAT', true)).toBe(true)
  })
})

describe('conditions on the situation', () => {
  const holds = (when: LawCondition, given: Partial<DecisionContext> = {}, opens = true, purpose = 'TREAT') =>
    situationHolds(when, situation(contextOf(given), purpose, tree), opens)
  const { state: _, ...stateless } = hospital
  it('unknown state counts as out of state', () => {
    expect([
      holds({ outOfState: true }),
      holds({ outOfState: true }, { requester: stateless }),
      holds({ outOfState: false }, { requester: stateless }),
    ]).toEqual(['no', 'yes', 'no'])
  })
  it('a purpose not to be reads the other way for rows that close', () => {
    expect([
      holds({ notPurposes: ['TREAT'] }, {}, false, 'BTG'),
      holds({ notPurposes: ['TREAT'] }, {}, true, 'BTG'),
      holds({ notPurposes: ['TREAT'] }, {}, false, 'ETREAT'),
    ]).toEqual(['yes', 'no', 'no'])
  })
  it('knows kinds, actions, organizations, determinations', () => {
    const determinations = [{ kind: 'need', statute: 'Stat. 1', recipient: 'Organization/hospital' }]
    const judged = (entries: readonly object[]) => ({ custodian: { ...custodian, determinations: entries } })
    expect(holds({ custodianKind: ['organization'], actions: ['disclose'], sameOrganization: false })).toBe(
      'yes',
    )
    expect(
      holds(
        { sameOrganization: true },
        { requester: { ...hospital, organization: 'Organization/custodian' } },
      ),
    ).toBe('yes')
    expect([
      holds({ determinations: ['Stat. 1'] }),
      holds({ determinations: ['Stat. 1'] }, judged(determinations)),
      holds({ determinations: ['need'] }, judged([{ kind: 'need' }])),
      holds({ determinations: ['need'] }, judged([{ kind: 'need', recipient: 'Organization/x' }])),
    ]).toEqual(['no', 'yes', 'yes', 'no'])
    expect(holds({ custodianHipaa: ['none'] })).toBe('no')
    expect(
      holds({
        requesterHipaa: ['covered-entity'],
        requesterPart2: ['!program'],
        custodianPart2: ['program'],
      }),
    ).toBe('yes')
  })
  it('on related entities: both in one group, however the site writes it', () => {
    const related = (relatedEntities: unknown) => ({ registry: { ...registry, other: { relatedEntities } } })
    const when = { relatedEntity: true }
    const pair = ['Organization/custodian', 'Organization/hospital']
    expect([
      holds(when),
      holds(when, related('all')),
      holds(when, related([])),
      holds(when, related([pair])),
      holds(when, related([{ organization: pair[0], related: [pair[1]] }])),
      holds(when, related([{ organization: pair[0], related: 'many' }])),
      holds(when, related([[pair[0]], [pair[1]]])),
    ]).toEqual(['no', 'no', 'no', 'yes', 'yes', 'no', 'no'])
  })
})

describe('conditions on the resource', () => {
  const holds = (when: LawCondition, resource: ResourceGiven = {}, given: Partial<DecisionContext> = {}) => {
    const labelled = resourceOf(resource)
    return resourceHolds(
      when,
      { resource: labelled, codes: labelled.codes },
      situation(contextOf(given), 'TREAT', tree),
    )
  }
  const received = (...list: NonNullable<DecisionContext['custodian']['received']>) => ({
    custodian: { ...custodian, received: list },
  })
  it('on how it was received: the source’s own entry decides, else all must agree', () => {
    const when = { custodianReceived: ['tpo-consent'] }
    const tpo = { from: 'Organization/a', basis: 'tpo-consent' }
    const written = { from: 'Organization/b', basis: 'written-consent' }
    expect(holds(when)).toBe('no')
    expect(holds(when, { source: 'Organization/a' }, received(tpo, written))).toBe('yes')
    expect(holds(when, { source: 'Organization/b' }, received(tpo, written))).toBe('no')
    expect(holds(when, {}, received(tpo, written))).toBe('no')
    expect(holds(when, {}, received(tpo, {}))).toBe('unknown')
  })
  it('on regimes: the facility or one it is part of', () => {
    const other = { regimes: [{ organization: 'Organization/o', regime: 'ca-lps' }, null] }
    const site = { registry: { ...registry, other } }
    expect(holds({ regimes: ['ca-lps'] }, { source: 'Organization/o' })).toBe('no')
    expect(holds({ regimes: ['ca-lps'] }, { source: 'Organization/o' }, site)).toBe('yes')
    expect(holds({ regimes: ['ca-lps'] }, {}, site)).toBe('no')
  })
  it('on authors: a named author decides, else the registered relationship', () => {
    const originator = { requester: { ...hospital, relationship: 'originator' as const } }
    expect(holds({ originator: true }, {}, originator)).toBe('yes')
    expect(holds({ originator: true }, { authors: ['Practitioner/other'] }, originator)).toBe('no')
    expect(holds({ originator: true }, { authors: ['Practitioner/doctor'] })).toBe('yes')
    expect(holds({ originator: false })).toBe('yes')
  })
  it('on types, agreements, minority, ages', () => {
    const agreements: readonly Agreement[] = [
      { kind: 'BAA', party: 'Organization/hospital', resourceTypes: ['Claim'] },
    ]
    const site = { registry: { ...registry, agreements } }
    expect([
      holds({ agreements: ['BAA'] }, { type: 'Claim' }, site),
      holds({ agreements: ['BAA'] }, {}, site),
    ]).toEqual(['yes', 'no'])
    expect([
      holds({ resourceTypes: ['Condition'] }),
      holds({ minor: true }),
      holds({ minor: false }),
      holds({ ages: { under: 90 } }),
    ]).toEqual(['yes', 'no', 'yes', 'yes'])
    expect(holds({ fromSource: false, ownRecord: false, patientData: true })).toBe('yes')
    const { user: _, ...nobody } = hospital
    expect(holds({ ownRecord: true }, {}, { requester: { ...nobody, patient: 'Patient/p' } })).toBe('yes')
    expect(holds({ ownRecord: true }, {}, { requester: { ...hospital, patient: 'Patient/p' } })).toBe('no')
    expect(
      holds(
        { ownRecord: true },
        { patients: [], patientData: false },
        { requester: { ...hospital, patient: 'Patient/p' } },
      ),
    ).toBe('no')
  })
  it('on an own record: each patient of it, and not one of several', () => {
    const { user: _, ...nobody } = hospital
    const self = { requester: { ...nobody, patient: 'Patient/p' as const } }
    expect(holds({ ownRecord: true }, { patients: ['Patient/p'] }, self)).toBe('yes')
    expect(holds({ ownRecord: true }, { patients: ['Patient/p', 'Patient/q'] }, self)).toBe('no')
    expect(holds({ ownRecord: true }, { patients: ['Patient/q'] }, self)).toBe('no')
    const named = (user: string) => ({ requester: { ...nobody, user, patient: 'Patient/p' as const } })
    expect([
      holds({ ownRecord: true }, {}, named('https://ehr.example/fhir/Patient/p')),
      holds({ ownRecord: true }, {}, named('https://ehr.example/fhir/Patient/q')),
      holds({ ownRecord: true }, {}, named('urn:Patient/p')),
    ]).toEqual(['yes', 'no', 'no'])
  })
  it('on authors: only those who wrote it, and one of several is enough', () => {
    const both = ['Practitioner/other', 'Practitioner/doctor']
    expect(holds({ originator: true }, { authors: both })).toBe('yes')
    const labelled = resourceOf({ authors: ['Practitioner/other'] })
    const references = [
      ...labelled.facts.references,
      { path: 'performer', element: 'performer', target: 'Practitioner/doctor', kind: 'literal' } as const,
    ]
    const performed = { ...labelled, facts: { ...labelled.facts, references } }
    const at = situation(contextOf(), 'TREAT', tree)
    expect(resourceHolds({ originator: true }, { resource: performed, codes: performed.codes }, at)).toBe(
      'no',
    )
  })
  it('on several regimes: any of them', () => {
    const other = { regimes: [{ organization: 'Organization/o', regime: 'ca-lps' }] }
    const site = { registry: { ...registry, other } }
    const resource = { source: 'Organization/o' }
    expect(holds({ regimes: ['ca-lps', 'ny-omh-licensed'] }, resource, site)).toBe('yes')
    expect(holds({ regimes: ['ny-omh-licensed'] }, resource, site)).toBe('no')
  })
  it('on several agreements: one that reaches the type is enough', () => {
    const agreements: readonly Agreement[] = [
      { kind: 'BAA', party: 'Organization/hospital', resourceTypes: ['Claim'] },
      { kind: 'BAA', party: 'Organization/hospital', resourceTypes: ['Condition'] },
    ]
    const site = { registry: { ...registry, agreements } }
    expect(holds({ agreements: ['BAA'] }, { type: 'Claim' }, site)).toBe('yes')
    expect(holds({ agreements: ['BAA'] }, { type: 'Goal' }, site)).toBe('no')
  })
  it('on ages and types that do not fit', () => {
    expect(holds({ resourceTypes: ['Goal'] })).toBe('no')
    expect(holds({ ages: { from: 90 } })).toBe('no')
    const child = { birthDates: new Map([['Patient/p', '2020-01-01']]) }
    expect([holds({ minor: true }, {}, child), holds({ minor: false }, {}, child)]).toEqual(['yes', 'no'])
    const family = {
      birthDates: new Map([
        ['Patient/p', '1980-01-01'],
        ['Patient/q', '2020-01-01'],
      ]),
    }
    const together = { patients: ['Patient/p', 'Patient/q'] }
    expect([holds({ minor: true }, together, family), holds({ minor: false }, together, family)]).toEqual([
      'yes',
      'no',
    ])
  })
  it('some look inside', () => {
    expect([
      looksInside({ scope: 'x' }),
      looksInside({ originator: true }),
      looksInside({ part2: true }),
    ]).toEqual([true, true, false])
  })
})

describe('kinds of Consent name what a form lacks', () => {
  const lacks = (kind: string, form: ConsentForm, given: Partial<DecisionContext> = {}, minor = false) =>
    consentKind(kind)(form, { context: contextOf(given), tree, patient: 'Patient/p', minor })
  const { '2.31(a)(6)': _revocation, ...unrevocable } = tpoForm.items
  const end = { periodEnd: '2027-01-01' }

  it('knows its names', () => {
    expect([isConsentKind('part2'), isConsentKind('specific:HIV'), isConsentKind('constructor')]).toEqual([
      true,
      true,
      false,
    ])
    expect(lacks('nobody-knows', tpoForm)).toEqual(['unknown kind of consent nobody-knows'])
    expect([lacks('any', emptyForm), lacks('any-written', emptyForm)]).toEqual([[], ['signature', 'date']])
  })

  it.each([
    ['the policy', { policies: ['hipaa-auth'] }, ['policy 42CFRPart2']],
    ['the discloser', { disclosers: [] }, ['2.31(a)(2)']],
    ['what', { labels: [], items: { ...tpoForm.items, '2.31(a)(3)': '' } }, ['2.31(a)(3)', '2.31(a)(3)']],
    ['the recipient', { recipients: [] }, ['2.31(a)(4)']],
    ['the end', { items: { ...tpoForm.items, '2.31(a)(7)': '' } }, ['2.31(a)(7)']],
    ['the signature', { signed: false }, ['2.31(a)(8)']],
    ['the date', { dated: false }, ['2.31(a)(9)']],
    ['the right to revoke', { items: unrevocable }, ['2.31(a)(6)']],
    ['the right to revoke, denied', { items: { ...tpoForm.items, '2.31(a)(6)': 'false' } }, ['2.31(a)(6)']],
    [
      'the statement on redisclosure',
      { items: { ...tpoForm.items, '2.31(a)(10)(i)': '' } },
      ['2.31(a)(10)(i)'],
    ],
  ] as const)('42 CFR 2.31(a): %s', (_, change, expected) => {
    expect(lacks('part2-tpo', tpoForm)).toEqual([])
    expect(lacks('part2-tpo', { ...tpoForm, ...change })).toEqual(expected)
  })

  it('judges a Consent without its form by what it carries itself', () => {
    expect(lacks('part2', { ...tpoForm, items: {} })).toEqual(['2.31(a)(7)'])
    expect(
      lacks('part2', {
        ...tpoForm,
        ...end,
        items: {},
        policies: ['https://www.ecfr.gov/current/title-42/part-2/section-2.31'],
      }),
    ).toEqual([])
    expect(lacks('part2', { ...tpoForm, ...end, items: {}, labels: [], codes: ['s|c'] })).toEqual([])
    expect(lacks('part2', { ...tpoForm, ...end, items: {}, purposes: [] })).toEqual(['2.31(a)(5)'])
  })

  it('"none" as an end is enough for treatment, payment or operations, all of them or one, and for nothing else', () => {
    for (const purposes of [['TREAT'], ['HPAYMT'], ['CAREMGT', 'TREAT']])
      expect(lacks('part2', { ...tpoForm, purposes })).toEqual([])
    for (const purposes of [['HRESCH'], ['TREAT', 'HRESCH'], ['HLEGAL'], ['BTG']])
      expect(lacks('part2', { ...tpoForm, purposes })).toEqual(['2.31(a)(7)'])
    expect(lacks('part2-tpo', { ...tpoForm, ...end, purposes: ['TREAT'] })).toEqual(['2.31(a)(5)'])
  })

  it('a minor signs, whoever else does (2.14)', () => {
    expect([
      lacks('part2', tpoForm, {}, true),
      lacks('part2', { ...tpoForm, signers: ['RelatedPerson/m'] }, {}, true),
    ]).toEqual([[], ['2.14']])
    expect([
      lacks('minor-signed', authorizationForm),
      lacks('minor-signed', { ...authorizationForm, signers: [] }),
    ]).toEqual([[], ['signature of the minor']])
  })

  it('"my treating providers" does not reach one without a treating relationship, a name does', () => {
    const actors = [
      {
        role: 'recipient' as const,
        reference: 'Organization/other' as const,
        identifier: { system: 's', value: '1' },
      },
    ]
    const stranger = { requester: { ...hospital, relationship: 'none' as const, actors } }
    const to = (recipient: ConsentForm['recipients'][number]) =>
      lacks('part2', { ...tpoForm, recipients: [recipient] }, stranger)
    expect(to({ reference: 'Group/tpo', classes: ['treating-providers'] })).toEqual(['2.31(a)(4)(ii)(B)'])
    expect(to({ reference: 'Organization/hospital', classes: [] })).toEqual([])
    expect(to({ reference: 'Organization/other', classes: [] })).toEqual([])
    expect(to({ identifier: { system: 's', value: '1' }, classes: [] })).toEqual([])
    expect(to({ identifier: { system: 's', value: '2' }, classes: [] })).toEqual(['2.31(a)(4)(ii)(B)'])
  })

  it('consent for proceedings stands alone (2.31(d))', () => {
    const legal = { ...tpoForm, ...end, purposes: ['HLEGAL'] }
    expect([
      lacks('part2-legal', legal),
      lacks('part2-legal', { ...legal, purposes: ['HLEGAL', 'TREAT'] }),
    ]).toEqual([[], ['2.31(d)']])
  })

  it.each([
    ['policy', { policies: [] }, 'policy hipaa-auth'],
    ['discloser', { disclosers: [] }, '164.508(c)(1)(ii)'],
    ['recipient', { recipients: [] }, '164.508(c)(1)(iii)'],
    ['purpose', { purposes: [] }, '164.508(c)(1)(iv)'],
    ['signature', { signed: false }, '164.508(c)(1)(vi)'],
    ['date', { dated: false }, '164.508(c)(1)(vi)'],
  ] as const)('45 CFR 164.508(c): %s', (_, change, expected) => {
    expect(lacks('hipaa-auth', authorizationForm)).toEqual([])
    expect(lacks('hipaa-auth', { ...authorizationForm, ...change })).toEqual([expected])
  })

  it('an authorization ends on a day or on an event that the form states', () => {
    const { periodEnd: _end, ...endless } = authorizationForm
    expect(lacks('hipaa-auth', endless)).toEqual(['164.508(c)(1)(v)'])
    expect(lacks('hipaa-auth', { ...endless, items: { '56.11:expiration': 'end of treatment' } })).toEqual([])
  })

  it('notes of either kind ask for a form about such notes alone', () => {
    const other = {
      separateNotes: [
        { kind: 'sud-counseling-notes', coding: { system: 's', code: 'SN' } },
        { kind: 'sud-counseling-notes' },
      ],
    }
    const site = { registry: { ...registry, other } }
    const notes = { ...authorizationForm, labels: ['PSYTHPN'] }
    expect(lacks('psychotherapy-notes-only', notes)).toEqual([])
    expect(lacks('psychotherapy-notes-only', { ...notes, labels: ['PSYTHPN', 'MH'] })).toEqual([
      '164.508(b)(3)(ii)',
    ])
    expect(lacks('psychotherapy-notes-only', { ...notes, labels: ['V', 'PSYTHPN'] })).toEqual([])
    // A nested permit for the notes under a permit of everything is a combined form.
    expect(lacks('psychotherapy-notes-only', { ...notes, general: true })).toEqual(['164.508(b)(3)(ii)'])
    expect(lacks('psychotherapy-notes-only', authorizationForm)).toEqual(['164.508(b)(3)(ii)'])
    expect(lacks('sud-notes-only', { ...tpoForm, labels: ['42CFRPart2', 'SUDCN'] })).toEqual([])
    expect(lacks('sud-notes-only', { ...tpoForm, codes: ['s|SN'] }, site)).toEqual([])
    expect(lacks('sud-notes-only', { ...tpoForm, codes: ['s|SN', 's|other'] }, site)).toEqual(['2.31(b)'])
    expect(lacks('sud-notes-only', tpoForm, site)).toEqual(['2.31(b)'])
  })

  it('a specific consent names the label', () => {
    expect([
      lacks('specific:HIV', authorizationForm),
      lacks('specific:HIV', { ...authorizationForm, labels: ['HIV'] }),
    ]).toEqual([['label HIV'], []])
  })
})

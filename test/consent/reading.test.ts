import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { periodSpan, spanOf } from '../../src/consent/dates.ts'
import { describeConsents } from '../../src/consent/describe.ts'
import { createConsentReader } from '../../src/consent/reader.ts'
import type { ConsentOnFile } from '../../src/model/consent.ts'
import type { JsonObject, Resource } from '../../src/model/fhir.ts'
import { SYSTEM } from '../../src/model/fhir.ts'
import type { ResidualRule } from '../../src/model/requester.ts'
import { combineVerdicts } from './combine.ts'
import {
  act,
  actor,
  coding,
  conf,
  consent,
  labelled,
  PLAIN,
  purposes,
  question,
  reader,
  reason,
  recipient,
  verdict,
} from './fixtures.ts'

const AT = new Date('2024-06-01T12:00:00Z')
const permit = { type: 'permit' }
const states = (...onFile: readonly ConsentOnFile[]) =>
  reader.read(onFile, AT, 'UTC').map(({ state }) => state)
const named = (value: string, system = 'http://ids') => ({ identifier: [{ system, value }] })

describe('the state of a Consent', () => {
  it('is inactive unless its status is active, and unreadable where the status is none', () => {
    for (const status of ['draft', 'proposed', 'rejected', 'inactive', 'entered-in-error']) {
      expect(states(consent(permit, { status }))).toEqual(['inactive'])
    }
    expect(states(consent(permit))).toEqual(['enforceable'])
    expect(states(consent(permit, { status: 'lively' }))).toEqual(['unreadable'])
  })

  it('is off topic by scope, or by category where the scope is not known', () => {
    const scope = (code: string) => ({ scope: { coding: [{ code }] } })
    const category = (code: string) => ({ category: [{ coding: [{ code }] }] })
    for (const code of ['treatment', 'adr'])
      expect(states(consent(permit, scope(code)))).toEqual(['not-privacy'])
    expect(states(consent(permit, scope('research')))).toEqual(['enforceable'])
    expect(states(consent(permit, { ...scope('local'), ...category('research') }))).toEqual(['enforceable'])
    expect(states(consent(permit, scope('local')))).toEqual(['enforceable'])
    expect(states(consent(permit, { ...scope('local'), ...category('dnr') }))).toEqual(['not-privacy'])
    expect(states(consent(permit, { ...scope('local'), ...category('local') }))).toEqual(['unreadable'])
    expect(states(consent(permit, { scope: undefined, ...category('local') }))).toEqual(['enforceable'])
    expect(states(consent(permit, { scope: undefined, category: undefined }))).toEqual(['enforceable'])
    expect(states(consent(permit, { scope: {}, category: undefined }))).toEqual(['unreadable'])
    const codeless = { scope: { coding: [{ system: 'x' }] }, category: [{ coding: [{}] }] }
    expect(states(consent(permit, codeless))).toEqual(['unreadable'])
  })

  it('follows the period of the root', () => {
    expect(states(consent({ ...permit, period: { end: '2024-05' } }))).toEqual(['expired'])
    expect(states(consent({ ...permit, period: { start: '2024-07' } }))).toEqual(['not-yet'])
    expect(states(consent({ ...permit, period: { start: '2024-06', end: '2024-06' } }))).toEqual([
      'enforceable',
    ])
  })

  it('is read once for a resource and anew for another zone', () => {
    const file = [consent({ ...permit, period: { end: '2024-06-01' } })]
    const [first, again] = [reader.read(file, AT, 'UTC')[0], reader.read(file, AT, 'UTC')[0]]
    expect(again?.compiled).toBe(first?.compiled)
    const late = new Date('2024-06-02T03:00:00Z')
    expect(reader.read(file, late, 'America/New_York')[0]?.state).toBe('enforceable')
    expect(reader.read(file, late, 'UTC')[0]?.state).toBe('expired')
  })

  it('tells where decisions depend on more than the class of a resource', () => {
    const inside = (provision: JsonObject) => reader.read([consent(provision)], AT, 'UTC')[0]?.looksInside
    const types = (code: string) => ({ class: [coding('http://hl7.org/fhir/resource-types', code)] })
    expect(inside({ ...permit, purpose: [reason('TREAT')], ...types('Claim') })).toBe(false)
    expect(inside({ ...permit, provision: [{ type: 'deny', code: [{ coding: [act('IMP')] }] }] })).toBe(true)
    expect(inside({ ...permit, dataPeriod: { start: '2024' } })).toBe(true)
    expect(
      inside({ ...permit, data: [{ meaning: 'instance', reference: { reference: 'Observation/1' } }] }),
    ).toBe(true)
    expect(inside({ ...permit, actor: [actor('CST', { reference: 'Organization/1' })] })).toBe(true)
    expect(inside({ ...permit, actor: [actor('AUT', { reference: 'Organization/1' })] })).toBe(true)
    expect(inside({ ...permit, class: [{ code: 'http://x/StructureDefinition/y' }] })).toBe(true)
    expect(inside({ ...permit, class: [{ code: 'Claim' }] })).toBe(true)
  })
})

describe('supersession', () => {
  it('is by the same identifier and a later date only, whether it renews or revokes', () => {
    const older = consent({ type: 'deny' }, { ...named('1'), dateTime: '2024-01-01' })
    const newer = consent(permit, { ...named('1'), dateTime: '2024-02-01' })
    const revoked = consent(permit, { ...named('1'), dateTime: '2024-03-01', status: 'inactive' })
    const draft = consent(permit, { ...named('1'), dateTime: '2024-04-01', status: 'draft' })
    expect(states(older, newer)).toEqual(['superseded', 'enforceable'])
    expect(states(newer, older)).toEqual(['enforceable', 'superseded'])
    expect(states(older, newer, revoked)).toEqual(['superseded', 'superseded', 'inactive'])
    expect(states(older, draft)).toEqual(['enforceable', 'inactive'])
    expect(reader.read([older, newer], AT, 'UTC')[0]?.why).toBe(`replaced by ${newer.ref.reference}`)
  })

  it('never is by being newer alone, by another patient, by a tie, or by a Consent to something else', () => {
    const older = consent({ type: 'deny' }, { ...named('1'), dateTime: '2024-01-01' })
    const others = [
      consent(permit, { ...named('2'), dateTime: '2024-02-01' }),
      consent(permit, { ...named('1'), dateTime: '2024-02-01', patient: { reference: 'Patient/p2' } }),
      consent(permit, { ...named('1'), dateTime: '2024-02-01', patient: undefined }),
      consent(permit, { ...named('1'), dateTime: '2024-01-01' }),
      consent(permit, { ...named('1'), dateTime: '2024-02-01', patient: { identifier: { value: '1' } } }),
      consent(permit, { ...named('1'), dateTime: 'later' }),
      consent(permit, { ...named('1'), dateTime: '2024-02-01', scope: { coding: [{ code: 'research' }] } }),
      consent(permit, { ...named('1'), dateTime: '2024-02-01', status: undefined }),
      consent(permit, { identifier: [{ value: '1' }, { system: 'http://ids' }], dateTime: '2024-02-01' }),
    ]
    for (const other of others) expect(states(older, other)[0]).toBe('enforceable')
  })

  it('takes the later stored version where the signed date is the same or missing', () => {
    const stored = (lastUpdated: string) => ({ ...named('1'), dateTime: undefined, meta: { lastUpdated } })
    expect(
      states(
        consent(permit, stored('2024-01-01T00:00:00Z')),
        consent(permit, stored('2024-01-02T00:00:00Z')),
      ),
    ).toEqual(['superseded', 'enforceable'])
  })
})

describe('the form', () => {
  const form = (provision: JsonObject, overrides: JsonObject = {}) =>
    reader.read([consent(provision, overrides)], AT, 'UTC')[0]?.form
  const item = (linkId: string, answer: JsonObject, more: JsonObject = {}) => ({
    linkId,
    answer: [answer],
    ...more,
  })
  const response = (...items: readonly JsonObject[]) => ({
    contained: [{ resourceType: 'QuestionnaireResponse', id: 'form', item: items }],
    sourceReference: { reference: '#form' },
  })

  it('carries policies, signer, date, parties, purposes, labels, period and items', () => {
    const provision = {
      ...permit,
      period: { start: '2024-01-01', end: '2024-12-31' },
      purpose: [reason('TREAT')],
      securityLabel: [act('42CFRPart2')],
      actor: [
        actor('CST', { reference: 'Organization/otp', display: 'the program' }),
        actor('IRCP', { identifier: { system: 'http://npi', value: '7' } }),
        actor('IRCP', { reference: '#class' }),
        actor('IRCP', { reference: '#person' }),
      ],
      code: [{ coding: [{ system: 'https://site.example/notes', code: 'SEPARATE' }] }, { text: 'notes' }],
      provision: [{ ...permit, purpose: [reason('HPAYMT')] }],
    }
    const written = response(
      item('2.31(a)(6)', { valueBoolean: true }),
      item('2.31(a)(7)', { valueString: 'none' }, { item: [item('nested', { valueCoding: { code: 'c' } })] }),
      {
        linkId: 'two',
        answer: [{ valueReference: { reference: 'Patient/p1' } }, { valueQuantity: { value: 1 } }],
      },
      { linkId: 'under', answer: [{ item: [item('deep', { valueCoding: { display: 'd' } })] }] },
      { linkId: 'unanswered' },
    )
    const contained = [
      ...written.contained,
      {
        resourceType: 'Group',
        id: 'class',
        code: { coding: [coding(SYSTEM.recipientClass, 'health-plans')] },
      },
      { resourceType: 'Practitioner', id: 'person' },
    ]
    const facts = form(provision, {
      ...written,
      contained,
      policyRule: { coding: [act('42CFRPart2'), { system: 'x', code: 'y' }] },
      policy: [{ uri: 'https://law.example/2.31' }, { authority: 'https://law.example' }],
      performer: [{ reference: 'Patient/p1' }],
      verification: [
        { verified: true, verifiedWith: { reference: 'RelatedPerson/m' } },
        { verified: true },
        { verified: false, verifiedWith: { reference: 'Patient/no' } },
      ],
    })
    expect(facts).toEqual({
      policies: ['42CFRPart2', 'y', 'https://law.example/2.31'],
      signed: true,
      dated: true,
      dateTime: '2020-01-01',
      signers: ['Patient/p1', 'RelatedPerson/m'],
      purposes: ['TREAT', 'HPAYMT'],
      labels: ['42CFRPart2'],
      codes: ['https://site.example/notes|SEPARATE'],
      recipients: [
        { identifier: { system: 'http://npi', value: '7' }, classes: [] },
        { reference: '#class', classes: ['health-plans'] },
        { reference: '#person', classes: [] },
      ],
      disclosers: [{ reference: 'Organization/otp', display: 'the program' }],
      periodStart: '2024-01-01',
      periodEnd: '2024-12-31',
      items: {
        '2.31(a)(6)': 'true',
        '2.31(a)(7)': 'none',
        nested: 'c',
        two: 'Patient/p1; {"value":1}',
        under: '',
        deep: 'd',
      },
    })
  })

  it('is general where a permit is limited to no kind of content, if only one around a narrower one', () => {
    const code = [{ coding: [{ system: 'https://site.example/notes', code: 'SEPARATE' }] }]
    expect(form({ ...permit, code })?.general).toBeUndefined()
    expect(form({ ...permit, securityLabel: [act('HIV')] })?.general).toBeUndefined()
    expect(form(permit)?.general).toBe(true)
    expect(form({ ...permit, provision: [{ ...permit, code }] })?.general).toBe(true)
    expect(form({ type: 'deny', provision: [{ ...permit, code }] })?.general).toBeUndefined()
  })

  it('is unsigned and undated only where no place says otherwise', () => {
    const bare = { dateTime: undefined }
    expect(form(permit, bare)).toMatchObject({ signed: false, dated: false, policies: [], signers: [] })
    const signed = response(
      item('2.31(a)(8)', { valueString: 'P' }),
      item('56.11:date', { valueDate: '2024-01-01' }),
    )
    expect(form(permit, { ...bare, ...signed })).toMatchObject({ signed: true, dated: true })
    expect(form(permit, { ...bare, ...response(item('2.31(a)(6)', { valueBoolean: true })) })).toMatchObject({
      signed: false,
      dated: false,
    })
    const vague = {
      ...bare,
      performer: [{ display: 'the patient' }],
      policyRule: { coding: [{ system: 'x' }] },
    }
    expect(form(permit, vague)).toMatchObject({ signed: false, policies: [] })
    expect(form(permit, { sourceReference: { reference: '#gone' } })?.items).toEqual({})
    expect(form(permit, { sourceReference: { display: 'paper' } })?.items).toEqual({})
  })

  it('of a refusal is about what it refuses, of an exception to an opt-out about the exception', () => {
    expect(form({ type: 'deny', purpose: [reason('HPAYMT')] })?.purposes).toEqual(['HPAYMT'])
    const exception = {
      ...permit,
      actor: [recipient('Organization/y')],
      provision: [{ type: 'deny', purpose: [reason('HMARKT')] }],
    }
    expect(form(exception, { policyRule: { coding: [act('OPTOUT')] } })).toMatchObject({
      recipients: [{ reference: 'Organization/y' }],
      purposes: [],
    })
    expect(form({ type: 'deny' }, { policyRule: { coding: [act('OPTIN')] } })?.purposes).toEqual([])
  })
})

describe('describeConsents', () => {
  it('gives every Consent with its state and the reason', () => {
    const file = [
      consent(
        { ...permit, period: { start: '2024', end: '2024-12' } },
        { id: 'good', policyRule: { coding: [act('OPTIN')] } },
      ),
      consent(permit, { id: 'old', status: 'inactive', dateTime: undefined }),
      consent({}, { id: 'odd' }),
    ]
    const lines = describeConsents(reader.read(file, AT, 'UTC'))
    expect(lines).toEqual([
      {
        ref: { reference: 'Consent/good' },
        state: 'enforceable',
        why: expect.stringContaining('active'),
        policies: ['OPTIN'],
        signedOn: '2020-01-01',
        periodStart: '2024',
        periodEnd: '2024-12',
      },
      { ref: { reference: 'Consent/old' }, state: 'inactive', why: 'status is inactive', policies: [] },
      {
        ref: { reference: 'Consent/odd' },
        state: 'unreadable',
        why: 'provision.type: expected a type, or policyRule OPTIN or OPTOUT',
        policies: [],
        signedOn: '2020-01-01',
      },
    ])
  })

  it('asks a directive that says nothing of why it is unreadable without inventing one', () => {
    const [directive] = reader.read([consent({})], AT, 'UTC')
    const { why: _why, ...silent } = directive!
    const [verdict] = reader.ask([silent], question(), labelled(PLAIN))
    expect([verdict?.effect, verdict?.why]).toEqual(['indeterminate', undefined])
  })
})

describe('dates', () => {
  const span = (text: string, zone = 'UTC') => {
    const found = spanOf(text, zone)
    return found === undefined
      ? undefined
      : [found.start, found.end].map(time => new Date(time).toISOString())
  }

  it('cover the whole of what is written', () => {
    expect(span('2024')).toEqual(['2024-01-01T00:00:00.000Z', '2025-01-01T00:00:00.000Z'])
    expect(span('2024-02')).toEqual(['2024-02-01T00:00:00.000Z', '2024-03-01T00:00:00.000Z'])
    expect(span('2024-02-29')).toEqual(['2024-02-29T00:00:00.000Z', '2024-03-01T00:00:00.000Z'])
    expect(span('2016-06-23T17:02:33+10:00')).toEqual([
      '2016-06-23T07:02:33.000Z',
      '2016-06-23T07:02:34.000Z',
    ])
    expect(span('2016-06-23T17:02:33.5-01:30')).toEqual([
      '2016-06-23T18:32:33.500Z',
      '2016-06-23T18:32:33.501Z',
    ])
    expect(span('2016-06-23T17:02Z')).toEqual(['2016-06-23T17:02:00.000Z', '2016-06-23T17:03:00.000Z'])
  })

  it('know the clock changes of a zone', () => {
    expect(span('2024-03-10', 'America/New_York')).toEqual([
      '2024-03-10T05:00:00.000Z',
      '2024-03-11T04:00:00.000Z',
    ])
    expect(span('2024-07-01T12:00:00', 'Europe/Berlin')?.[0]).toBe('2024-07-01T10:00:00.000Z')
  })

  it('that are none are not guessed', () => {
    for (const text of [
      '',
      'x',
      '2024-13',
      '2024-00-01',
      '2023-02-29',
      '2024-01-01T25:00:00Z',
      '2024-01-01T10:61:00Z',
      '2024-01-01T10:00:61Z',
      '2024-02-30T10:00:00Z',
      '24',
    ]) {
      expect([text, span(text)]).toEqual([text, undefined])
    }
    expect(periodSpan('x', undefined, 'UTC')).toBeUndefined()
    expect(periodSpan(undefined, 'x', 'UTC')).toBeUndefined()
    expect(periodSpan(undefined, undefined, 'UTC')).toEqual({ start: -Infinity, end: Infinity })
  })
})

describe('combineVerdicts', () => {
  const of = (...effects: readonly ('permit' | 'deny' | 'not-covered' | 'indeterminate')[]) =>
    combineVerdicts(effects.map(effect => ({ effect })))

  it('lets deny override, doubt withhold, and tells silence from absence', () => {
    expect(of('permit', 'deny', 'indeterminate')).toBe('deny')
    expect(of('permit', 'indeterminate')).toBe('indeterminate')
    expect(of('not-covered', 'permit')).toBe('permit')
    expect(of('not-covered')).toBe('not-covered')
    expect(of()).toBe('no-consent')
  })
})

describe('residual rules', () => {
  const rule = (kind: 'permit' | 'forbid', raw: JsonObject = {}): ResidualRule => ({
    type: kind,
    raw: { type: kind, ...raw },
  })
  const decide = (rules: readonly ResidualRule[], resource: Resource = PLAIN, zone = 'UTC') =>
    reader.residual(rules, question({ zone }), labelled(resource))
  const N = { securityLabel: [conf('N')] }

  it('permit where no forbid applies, and a permit overrides a forbid', () => {
    expect(decide([])).toBe('permit')
    expect(decide([rule('forbid')])).toBe('deny')
    expect(decide([rule('forbid'), rule('permit', N)])).toBe('permit')
    expect(decide([rule('permit', N), rule('forbid')], { ...PLAIN, meta: { security: [conf('R')] } })).toBe(
      'deny',
    )
    expect(decide([rule('forbid', { securityLabel: [conf('R')] })])).toBe('permit')
  })

  it('that cannot be read permit nothing and forbid everything', () => {
    expect(decide([rule('forbid'), rule('permit', { colour: 'red' })])).toBe('deny')
    expect(decide([rule('forbid', { colour: 'red' })])).toBe('deny')
    expect(decide([rule('permit', { colour: 'red' })])).toBe('permit')
    const rules = [rule('forbid', { period: { end: '2020' } })]
    expect([decide(rules), decide(rules), decide(rules, PLAIN, 'Europe/Berlin')]).toEqual([
      'permit',
      'permit',
      'permit',
    ])
  })

  const folder = new URL('../../../shared/data/pcf-residual/', import.meta.url).pathname
  const fixtures = existsSync(folder) ? readdirSync(folder) : []
  if (fixtures.length === 0) console.log(`skipped: no residual fixtures at ${folder}`)

  /** The rules as printed, minus the commas and ellipses that JSON does not know. */
  function printed(name: string): readonly ResidualRule[] {
    const text = readFileSync(folder + name, 'utf8')
    const start = text.indexOf('"residual"')
    if (start < 0) return []
    const list = text.slice(text.indexOf('[', start), text.lastIndexOf(']') + 1).replace(/,(\s*[}\]])/g, '$1')
    return (JSON.parse(list) as JsonObject[]).map(raw => ({
      type: raw['type'] === 'permit' ? 'permit' : 'forbid',
      raw,
    }))
  }

  const at = (base: Resource, ...codes: readonly { system: string; code: string }[]): Resource => ({
    ...base,
    meta: { security: codes },
  })
  const to = (reference: string) => ({ reference })
  const EXPECTED: readonly (readonly [string, Resource, 'permit' | 'deny'])[] = [
    ['advanced-normal', at(PLAIN, conf('N')), 'permit'],
    ['advanced-normal', at(PLAIN, conf('R')), 'deny'],
    ['advanced-normal-restricted', at(PLAIN, conf('R')), 'permit'],
    ['advanced-normal-restricted', at(PLAIN, conf('V')), 'deny'],
    ['advanced-normal-not-restricted', at(PLAIN, conf('R')), 'deny'],
    ['advanced-normal-focused-psy', at(PLAIN, conf('R'), act('PSY')), 'permit'],
    ['advanced-normal-focused-psy', at(PLAIN, conf('R'), act('SDV')), 'deny'],
    ['advanced-normal-focused-psy-or-sdv', at(PLAIN, conf('R'), act('SDV')), 'permit'],
    ['basic-treat', PLAIN, 'permit'],
    ['intermediate-authoredby', { ...PLAIN, performer: [to('Practitioner/ex-practitioner')] }, 'permit'],
    ['intermediate-authoredby', { ...PLAIN, performer: [to('Practitioner/other')] }, 'deny'],
    ['intermediate-not-authoredby', { ...PLAIN, performer: [to('Practitioner/ex-practitioner')] }, 'deny'],
    ['intermediate-not-authoredby', { ...PLAIN, performer: [to('Practitioner/other')] }, 'permit'],
    ['intermediate-data', { ...PLAIN, id: 'ex-weight' }, 'permit'],
    ['intermediate-data', PLAIN, 'deny'],
    ['intermediate-not-data', { ...PLAIN, id: 'ex-alcoholUse' }, 'deny'],
    ['intermediate-not-data', PLAIN, 'permit'],
    ['intermediate-encounter', { ...PLAIN, encounter: to('Encounter/ex-encounter') }, 'permit'],
    ['intermediate-encounter', PLAIN, 'deny'],
    ['intermediate-not-encounter', { ...PLAIN, encounter: to('Encounter/ex-encounter') }, 'deny'],
    ['intermediate-not-encounter', PLAIN, 'permit'],
    ['intermediate-timeframe', { ...PLAIN, effectiveDateTime: '2022-12-31' }, 'permit'],
    ['intermediate-timeframe', { ...PLAIN, effectiveDateTime: '2023-01-01' }, 'deny'],
    ['intermediate-not-timeframe', { ...PLAIN, effectiveDateTime: '2022-06-01' }, 'deny'],
    ['intermediate-not-timeframe', { ...PLAIN, effectiveDateTime: '2021-06-01' }, 'permit'],
  ]

  it.skipIf(fixtures.length === 0)('of the IHE PCF examples decide as the guide says', () => {
    const ours = createConsentReader({ ...purposes, bases: ['http://example.org/fhir'] })
    for (const [name, resource, expected] of EXPECTED) {
      const rules = printed(`Consent-ex-consent-${name}.jsonish.txt`)
      expect([name, ours.residual(rules, question(), labelled(resource))]).toEqual([name, expected])
    }
  })
})

describe('whose a Consent is', () => {
  it('is not told by an identifier alone: it speaks of whoever it was found for', () => {
    const mine = { patient: { identifier: { system: 'http://ids', value: '1' } } }
    const of = (patient: string) => labelled({ ...PLAIN, subject: { reference: patient } })
    for (const type of ['permit', 'deny']) {
      const file = consent({ type }, mine)
      expect(reader.read([file], AT, 'UTC')[0]).not.toHaveProperty('patient')
      expect(verdict(file, question(), of('Patient/p1'))?.effect).toBe(type)
      const known = { ...file, patient: 'Patient/p1' }
      expect(verdict(known, question(), of('Patient/p1'))?.effect).toBe(type)
      expect(verdict(known, question(), of('Patient/p2'))?.effect).toBe(
        type === 'deny' ? 'deny' : 'not-covered',
      )
    }
  })
})

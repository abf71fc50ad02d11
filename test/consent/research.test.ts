import { describe, expect, it } from 'vitest'
import { describeProvisions } from '../../src/consent/provisions.ts'
import { createConsentReader } from '../../src/consent/reader.ts'
import type { ConsentOnFile, ConsentPolicy } from '../../src/model/consent.ts'
import type { JsonObject } from '../../src/model/fhir.ts'
import {
  act,
  coding,
  consent,
  labelled,
  optIn,
  optOut,
  PLAIN,
  purposes,
  question,
  reader,
  reason,
} from './fixtures.ts'

const scope = {
  scope: { coding: [coding('http://terminology.hl7.org/CodeSystem/consentscope', 'research')] },
}
const about = (provision: JsonObject | undefined, over: JsonObject = {}) =>
  consent(provision, { ...scope, ...over })

function said(onFile: readonly ConsentOnFile[], asked: readonly string[], policy: ConsentPolicy = {}) {
  const by = createConsentReader({ ...purposes, ...policy })
  const whole = question({ purposes: asked })
  return by.ask(by.read(onFile, whole.at, 'UTC'), whole, labelled(PLAIN)).map(({ effect }) => effect)
}
const effect = (onFile: ConsentOnFile, ...asked: readonly string[]) => said([onFile], asked)[0]

describe('a Consent in scope research', () => {
  it('refuses for research and its kinds, and for nothing else', () => {
    const refusal = about({ type: 'deny' })
    for (const code of ['HRESCH', 'CLINTRCH', 'CLINTRCHNPC', 'BIORCH'])
      expect([code, effect(refusal, code)]).toEqual([code, 'deny'])
    for (const code of ['TREAT', 'CLINTRL', 'HOPERAT', 'HPAYMT', 'PUBHLTH', 'PATRQT', 'BTG'])
      expect([code, effect(refusal, code)]).toEqual([code, 'not-covered'])
    expect(said([consent({ type: 'permit' }), refusal], ['HRESCH'])).toEqual(['permit', 'deny'])
    expect(said([consent({ type: 'permit' }), refusal], ['TREAT'])).toEqual(['permit', 'not-covered'])
  })

  it('is heard where no purpose is declared, or research is one of several', () => {
    expect(effect(about({ type: 'deny' }))).toBe('deny')
    expect(effect(about({ type: 'deny' }), 'TREAT', 'HRESCH')).toBe('deny')
    expect(effect(about({}))).toBe('indeterminate')
    expect(effect(about({}), 'TREAT', 'CLINTRCH')).toBe('indeterminate')
  })

  it('permits research, and never more, whatever purposes it states', () => {
    expect(effect(about({ type: 'permit' }), 'HRESCH')).toBe('permit')
    expect(effect(about({ type: 'permit' }), 'CLINTRCH')).toBe('permit')
    expect(effect(about({ type: 'permit' }), 'TREAT')).toBe('not-covered')
    expect(effect(about({ type: 'permit' }))).toBe('not-covered')
    expect(effect(about({ type: 'permit' }), 'TREAT', 'HRESCH')).toBe('not-covered')
    const wide = about({ type: 'permit', purpose: [reason('TREAT'), reason('HRESCH')] })
    expect([effect(wide, 'HRESCH'), effect(wide, 'TREAT')]).toEqual(['permit', 'not-covered'])
  })

  it('that states purposes is read by them: a narrower permit, a refusal of more', () => {
    const narrow = about({ type: 'permit', purpose: [reason('CLINTRCH')] })
    expect([effect(narrow, 'CLINTRCH'), effect(narrow, 'BIORCH')]).toEqual(['permit', 'not-covered'])
    const marketing = about({ type: 'deny', purpose: [reason('HMARKT')] })
    expect([effect(marketing, 'HMARKT'), effect(marketing, 'HRESCH')]).toEqual(['deny', 'not-covered'])
    const within = about({ type: 'permit', provision: [{ type: 'deny', purpose: [reason('BIORCH')] }] })
    expect([effect(within, 'BIORCH'), effect(within, 'HRESCH')]).toEqual(['deny', 'permit'])
  })

  it('limits the policyRule around it too', () => {
    const to = { purpose: [reason('BIORCH')] }
    const optedIn = about({ type: 'deny', ...to }, optIn)
    expect(['HRESCH', 'BIORCH', 'TREAT'].map(code => effect(optedIn, code))).toEqual([
      'permit',
      'deny',
      'not-covered',
    ])
    const optedOut = about({ type: 'permit', ...to }, optOut)
    expect(['HRESCH', 'BIORCH', 'TREAT'].map(code => effect(optedOut, code))).toEqual([
      'deny',
      'permit',
      'not-covered',
    ])
    const bare = about(undefined, optOut)
    expect(['HRESCH', 'TREAT'].map(code => effect(bare, code))).toEqual(['deny', 'not-covered'])
  })

  it('is told with the purpose it is read by', () => {
    const told = describeProvisions(about({ type: 'deny' }), purposes, 'UTC')
    expect(told).toMatchObject([{ type: 'deny', purposes: [reason('HRESCH')] }])
    const [directive] = reader.read([about({ type: 'permit' })], question().at, 'UTC')
    expect(directive).toMatchObject({ state: 'enforceable', form: { purposes: ['HRESCH'] } })
  })
})

describe('a Consent in scope research that cannot be read', () => {
  const strange = (provision: JsonObject, over: JsonObject = {}) =>
    about(provision, { modifierExtension: [{ url: 'http://example.org/m' }], ...over })

  it('is listed, and withholds for research and its kinds alone', () => {
    const unread = strange({ type: 'permit' })
    expect(reader.read([unread], question().at, 'UTC')[0]).toMatchObject({ state: 'unreadable' })
    for (const code of ['HRESCH', 'CLINTRCH'])
      expect([code, effect(unread, code)]).toEqual([code, 'indeterminate'])
    for (const code of ['TREAT', 'HPAYMT'])
      expect([code, effect(unread, code)]).toEqual([code, 'not-covered'])
    expect(said([consent({ type: 'permit' }), unread], ['TREAT'])).toEqual(['permit', 'not-covered'])
    expect(effect(about({ type: 'deny' }, { status: 'lively' }), 'TREAT')).toBe('not-covered')
    expect(effect(about({ type: 'deny' }, { status: 'lively' }), 'HRESCH')).toBe('indeterminate')
    expect(effect(consent({}), 'TREAT')).toBe('indeterminate')
  })

  it('withholds also for every purpose some provision of it states, and for any where that is not known', () => {
    const deep = strange({ type: 'deny', provision: [{ type: 'deny', purpose: [reason('HMARKT')] }] })
    expect(['HMARKT', 'HRESCH', 'TREAT'].map(code => effect(deep, code))).toEqual([
      'indeterminate',
      'indeterminate',
      'not-covered',
    ])
    const odd: readonly JsonObject[] = [
      { purpose: [{ code: 'UNHEARDOF' }] },
      { purpose: { code: 'TREAT' } },
      { purpose: [{ system: 'http://example.org', code: 'TREAT' }] },
      { purpose: [{ code: 1 }] },
      { purpose: ['TREAT'] },
      { provision: { purpose: 'TREAT' } },
    ]
    for (const provision of odd)
      expect([provision, effect(strange(provision), 'TREAT')]).toEqual([provision, 'indeterminate'])
  })

  it('withholds for a purpose that an extension of the site states', () => {
    const url = 'https://site.example/purpose'
    const extensions = [{ url, element: 'purpose' as const }, { url: 'https://site.example/odd' }]
    const extension = [{ url, valueCoding: reason('HMARKT') }]
    expect(said([strange({ extension })], ['HMARKT'], { extensions })).toEqual(['indeterminate'])
    expect(said([strange({ extension })], ['HMARKT'])).toEqual(['not-covered'])
    const unknown = about({ type: 'deny', extension: [{ url: 'https://site.example/odd' }] })
    expect(said([unknown], ['HRESCH'], { extensions })).toEqual(['indeterminate'])
    expect(said([unknown], ['TREAT'], { extensions })).toEqual(['not-covered'])
  })
})

describe('a Consent is about research', () => {
  const topic = (over: JsonObject) => {
    const refusal = consent({ type: 'deny' }, over)
    return [effect(refusal, 'HRESCH'), effect(refusal, 'TREAT')]
  }
  const category = (...codes: readonly string[]) => ({
    category: codes.map(code => ({ coding: [{ code }] })),
  })
  const ONLY = ['deny', 'not-covered']

  it('by its category where the scope is absent or not known', () => {
    for (const code of ['research', 'RESEARCH', 'rsdid', 'RSDID', 'rsreid', 'RSREID']) {
      expect([code, topic({ scope: undefined, ...category(code) })]).toEqual([code, ONLY])
      expect([code, topic({ scope: { text: 'study' }, ...category('dnr', code) })]).toEqual([code, ONLY])
    }
  })

  it('but not where scope or category name privacy too: a refusal there is of all purposes', () => {
    expect(topic({ scope: undefined, ...category('research', '59284-0') })).toEqual(['deny', 'deny'])
    expect(topic(category('research'))).toEqual(['deny', 'deny'])
    expect(topic({ scope: { coding: [{ code: 'research' }, { code: 'patient-privacy' }] } })).toEqual([
      'deny',
      'deny',
    ])
  })
})

describe('Consents about research and others', () => {
  const named = { identifier: [{ system: 'http://ids', value: '1' }] }
  const on = (dateTime: string) => ({ ...named, dateTime })
  const states = (...onFile: readonly ConsentOnFile[]) =>
    reader.read(onFile, question().at, 'UTC').map(({ state }) => state)

  it('take the place of each other by identifier only where they say no less', () => {
    const [early, late] = ['2021-01-01', '2022-01-01'] as const
    const deny = { type: 'deny' }
    expect(states(about(deny, on(early)), about({ type: 'permit' }, on(late)))).toEqual([
      'superseded',
      'enforceable',
    ])
    expect(states(about(deny, on(early)), consent({ type: 'permit' }, on(late)))[0]).toBe('superseded')
    expect(states(consent(deny, on(early)), about({ type: 'permit' }, on(late)))[0]).toBe('enforceable')
    const treatment = consent({ type: 'permit' }, { ...on(late), scope: { coding: [{ code: 'treatment' }] } })
    expect(states(about(deny, on(early)), treatment)[0]).toBe('enforceable')
  })

  it('are never about the same where the newest word wins', () => {
    const older = about({ type: 'deny' }, { dateTime: '2020-01-01' })
    const newer = (over: JsonObject) => consent({ type: 'permit' }, { dateTime: '2023-01-01', ...over })
    expect(said([older, newer({})], ['HRESCH'], { newestWins: true })).toEqual(['deny', 'permit'])
    expect(said([older, newer(scope)], ['HRESCH'], { newestWins: true })).toEqual(['not-covered', 'permit'])
  })

  it('name labels like any other', () => {
    const hiv = labelled({ ...PLAIN, meta: { security: [act('HIV')] } })
    const refusal = about({ type: 'permit', provision: [{ type: 'deny', securityLabel: [act('HIV')] }] })
    const asked = question({ purposes: ['HRESCH'] })
    const on = (resource: typeof hiv) =>
      reader.ask(reader.read([refusal], asked.at, 'UTC'), asked, resource)[0]
    expect([on(hiv)?.effect, on(labelled(PLAIN))?.effect]).toEqual(['deny', 'permit'])
  })
})

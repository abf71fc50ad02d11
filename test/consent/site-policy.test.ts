import { describe, expect, it } from 'vitest'
import { createConsentReader } from '../../src/consent/reader.ts'
import type {
  ConsentExtension,
  ConsentOnFile,
  ConsentPolicy,
  ConsentQuestion,
} from '../../src/model/consent.ts'
import type { JsonObject } from '../../src/model/fhir.ts'
import {
  act,
  actor,
  conf,
  consent,
  labelled,
  optIn,
  PLAIN,
  purposes,
  question,
  reason,
  recipient,
  verdict,
} from './fixtures.ts'

const by = (policy: ConsentPolicy) => createConsentReader({ ...purposes, ...policy })

function effects(
  onFile: readonly ConsentOnFile[],
  policy: ConsentPolicy,
  asked: ConsentQuestion = question(),
  resource = labelled(PLAIN),
): readonly string[] {
  const reader = by(policy)
  return reader.ask(reader.read(onFile, asked.at, asked.zone), asked, resource).map(({ effect }) => effect)
}

describe('a site that asks for a verification', () => {
  const verified = (...verification: readonly JsonObject[]) =>
    verdict(
      consent({ type: 'permit' }, verification.length === 0 ? {} : { verification }),
      undefined,
      undefined,
      by({ requireVerification: true }),
    )
  const yes = { verified: true }

  it('takes a permit only where the patient or a related person confirmed it', () => {
    expect(verified()).toMatchObject({
      effect: 'not-covered',
      path: 'Consent.verification',
      why: 'not verified with the patient or a related person',
    })
    expect(verified(yes)?.effect).toBe('permit')
    expect(verified({ ...yes, verifiedWith: { reference: 'Patient/p1' } })?.effect).toBe('permit')
    expect(verified({ ...yes, verifiedWith: { reference: 'Patient/p1/_history/2' } })?.effect).toBe('permit')
    expect(verified({ ...yes, verifiedWith: { reference: 'RelatedPerson/r' } })?.effect).toBe('permit')
    expect(verified({ ...yes, verifiedWith: { display: 'the mother' } })?.effect).toBe('permit')
    expect(verified({ ...yes, verifiedWith: { reference: 'Patient/p2' } })?.effect).toBe('not-covered')
    expect(verified({ ...yes, verifiedWith: { reference: 'Practitioner/d' } })?.effect).toBe('not-covered')
    expect(verified({ verified: false })?.effect).toBe('not-covered')
    expect(verified({ verified: 'true' })?.effect).toBe('not-covered')
  })

  it('asks that it was done by now, and was not taken back since', () => {
    const on = (verificationDate: string, holds = true) => ({ verified: holds, verificationDate })
    expect(verified(on('2024-06-01'))?.effect).toBe('permit')
    expect(verified(on('2024-06-02'))?.effect).toBe('not-covered')
    expect(verified(on('2024-06-01T12:00:00Z'))?.effect).toBe('permit')
    expect(verified(on('2024-06-01T12:00:01Z'))?.effect).toBe('not-covered')
    expect(verified(on('lately'))?.effect).toBe('not-covered')
    expect(verified(on('2024-01-02'), on('2024-01-01', false))?.effect).toBe('permit')
    expect(verified(on('2024-01-01'), on('2024-01-01', false))?.effect).toBe('not-covered')
    expect(verified(on('2024-01-01'), on('2024-01-02', false))?.effect).toBe('not-covered')
    expect(verified(on('2024-01-02'), on('lately', false))?.effect).toBe('not-covered')
    expect(verified(on('2024-01-02'), { verified: false })?.effect).toBe('not-covered')
    expect(verified(yes, on('2024-01-01', false))?.effect).toBe('not-covered')
    expect(verified(on('2024-06-02'), on('2024-01-01'))?.effect).toBe('permit')
  })

  it('needs none for a deny, and none at all where it does not ask', () => {
    expect(effects([consent({ type: 'deny' })], { requireVerification: true })).toEqual(['deny'])
    expect(effects([consent({ type: 'permit' })], {})).toEqual(['permit'])
    expect(
      effects([consent({ type: 'permit', period: { end: '2020' } })], { requireVerification: true }),
    ).toEqual([])
    const stranger = consent({ type: 'permit' }, { patient: { reference: 'Patient/p2' } })
    const reader = by({ requireVerification: true })
    expect(verdict(stranger, undefined, undefined, reader)?.why).toBe('outside the limits of this Consent')
    expect(
      verdict(consent({}, { scope: undefined, policyRule: undefined }), undefined, undefined, reader)?.effect,
    ).toBe('indeterminate')
  })
})

describe('a site where the newest word wins', () => {
  const to = (reference: string) => ({ actor: [recipient(reference)] })
  const older = (provision: JsonObject, over: JsonObject = {}) =>
    consent(provision, { dateTime: '2020-01-01', ...over })
  const newer = (provision: JsonObject, over: JsonObject = {}) =>
    consent(provision, { dateTime: '2023-01-01', ...over })
  const NEWEST = { newestWins: true }

  it('lets the older of two Consents of one category and the same actors step back, and says so', () => {
    const file = [
      older({ type: 'deny', ...to('Organization/x') }),
      newer({ type: 'permit', ...to('Organization/x') }),
    ]
    expect(effects(file, NEWEST)).toEqual(['not-covered', 'permit'])
    expect(effects(file.toReversed(), NEWEST)).toEqual(['permit', 'not-covered'])
    expect(effects(file, {})).toEqual(['deny', 'permit'])
    const reader = by(NEWEST)
    const [said] = reader.ask(reader.read(file, question().at, 'UTC'), question(), labelled(PLAIN))
    expect(said?.why).toBe(
      `steps back for the newer ${file[1]?.ref.reference} of the same category and actors`,
    )
  })

  it('lets a newer deny take the place of an older permit', () => {
    const file = [older({ type: 'permit' }), newer({ type: 'deny' })]
    expect(effects(file, NEWEST)).toEqual(['not-covered', 'deny'])
  })

  it('keeps an older deny where the newer Consent is about somebody or something else', () => {
    const deny = older({ type: 'deny' })
    const denyX = older({ type: 'deny', ...to('Organization/x') })
    const permit = (over: JsonObject, provision: JsonObject = {}) =>
      newer({ type: 'permit', ...provision }, over)
    expect(effects([deny, permit({}, to('Organization/x'))], NEWEST)).toEqual(['deny', 'permit'])
    expect(
      effects(
        [denyX, permit({}, { actor: [recipient('Organization/x'), recipient('Organization/y')] })],
        NEWEST,
      ),
    ).toEqual(['deny', 'permit'])
    expect(
      effects([denyX, permit({}, { actor: [actor('CST', { reference: 'Organization/x' })] })], NEWEST)[0],
    ).toBe('deny')
    const npp = { category: [{ coding: [{ code: 'npp' }] }] }
    expect(effects([deny, permit(npp)], NEWEST)).toEqual(['deny', 'permit'])
    for (const category of [undefined, [{ text: 'privacy' }], [{ coding: [{ display: 'privacy' }] }]]) {
      const none = { category } as JsonObject
      expect(effects([older({ type: 'deny' }, none), permit(none)], NEWEST)).toEqual(['deny', 'permit'])
    }
  })

  it('keeps it where the two cannot be compared: no date, one date, actors that cannot be told', () => {
    const undated = { dateTime: undefined }
    expect(effects([older({ type: 'deny' }, undated), newer({ type: 'permit' })], NEWEST)).toEqual([
      'deny',
      'permit',
    ])
    expect(effects([older({ type: 'deny' }), older({ type: 'permit' })], NEWEST)).toEqual(['deny', 'permit'])
    const unclear: readonly JsonObject[] = [
      actor('WIT', { reference: 'Organization/x' }),
      actor('IRCP', { display: 'my doctor' }),
      actor('IRCP', { reference: '#x' }),
    ]
    const contained = { contained: [{ resourceType: 'Organization', id: 'x' }] }
    for (const who of [recipient('Organization/x'), ...unclear]) {
      const speaking = (type: string) => ({ type, provision: [{ type, actor: [who] }] })
      const file = [older(speaking('deny'), contained), newer(speaking('permit'), contained)]
      expect(effects(file, NEWEST)).toEqual([unclear.includes(who) ? 'deny' : 'not-covered', 'permit'])
    }
  })

  it('tells actors by identifier and by reference, in any order and at any depth, and the same category twice', () => {
    const npi = { identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value: '1' } }
    const who = [recipient('Organization/x'), actor('IRCP', npi)]
    const loinc = { coding: [{ system: 'http://loinc.org', code: '59284-0' }] }
    const file = [
      older({ type: 'deny', actor: who }),
      newer(
        { type: 'permit', provision: [{ type: 'permit', actor: who.toReversed() }] },
        { category: [loinc, loinc] },
      ),
    ]
    expect(effects(file, NEWEST)).toEqual(['not-covered', 'permit'])
  })

  it('lets nothing step back for what a newer Consent does not say of this record, or for another patient', () => {
    const file = [older({ type: 'deny' }), newer({ type: 'permit', securityLabel: [act('HIV')] })]
    expect(effects(file, NEWEST)).toEqual(['deny', 'not-covered'])
    const hiv = labelled({ ...PLAIN, meta: { security: [act('HIV')] } })
    expect(effects(file, NEWEST, question(), hiv)).toEqual(['not-covered', 'permit'])
    const unread = [older({ type: 'deny' }), newer({ type: 'permit' }, { modifierExtension: [{ url: 'x' }] })]
    expect(effects(unread, NEWEST)).toEqual(['deny', 'indeterminate'])
    const both = labelled({ ...PLAIN, other: { reference: 'Patient/p2' } })
    const others = [
      older({ type: 'deny' }, { patient: { reference: 'Patient/p2' } }),
      newer({ type: 'permit' }),
    ]
    expect(effects(others, NEWEST, question(), both)).toEqual(['deny', 'permit'])
  })
})

describe('extensions that carry meaning', () => {
  const URL = 'http://example.org/meaning'
  const bearing = (value: JsonObject, over: JsonObject = {}) => ({
    ...over,
    extension: [{ url: URL, ...value }],
  })
  const said = (
    meaning: Omit<ConsentExtension, 'url'>,
    provision: JsonObject | undefined,
    over: JsonObject = {},
    resource = labelled(PLAIN),
  ) => {
    const found = verdict(
      consent(provision, over),
      undefined,
      resource,
      by({ extensions: [{ url: URL, ...meaning }] }),
    )
    return found?.effect === 'indeterminate' ? found.why : found?.effect
  }

  it('make a Consent unreadable where nobody says what they mean, and are nothing where they are not listed', () => {
    const provision = bearing({ valueCode: 'x' }, { type: 'permit' })
    expect(said({}, provision)).toBe(`provision.extension: expected none of ${URL}`)
    expect(verdict(consent(provision))?.effect).toBe('permit')
    expect(said({}, { type: 'permit' })).toBe('permit')
    expect(said({}, { type: 'permit' }, bearing({ valueCode: 'x' }))).toContain('Consent.extension')
    expect(said({}, { type: 'permit', provision: [bearing({}, { type: 'permit' })] })).toContain(
      'provision.provision[0].extension',
    )
    const inActor = {
      type: 'permit',
      actor: [{ ...recipient('Organization/x'), ...bearing({ valueCode: 'x' }) }],
    }
    expect(said({ element: 'type' }, inActor)).toBe(
      `Consent.provision.actor[0].extension: expected none of ${URL} here`,
    )
    expect(said({ element: 'type' }, { type: 'permit', _type: bearing({}) })).toContain(
      'Consent.provision._type.extension',
    )
    const elsewhere = { contained: [{ resourceType: 'Group', id: 'g', ...bearing({ valueCode: 'x' }) }] }
    expect(said({}, { type: 'permit' }, elsewhere)).toBe('permit')
  })

  it('stand for the type of a provision that has none; a refusal stands whichever of the two says it', () => {
    const type = { element: 'type', values: { in: 'permit', out: 'deny' } } as const
    expect(said(type, bearing({ valueCode: 'in' }))).toBe('permit')
    expect(said(type, bearing({ valueString: 'out' }))).toBe('deny')
    expect(said(type, bearing({ valueCoding: { code: 'in' } }))).toBe('permit')
    expect(said(type, bearing({ valueCodeableConcept: { coding: [{ code: 'out' }] } }))).toBe('deny')
    expect(said(type, bearing({ valueCode: 'permit' }))).toBe('permit')
    expect(said({ element: 'type', values: { true: 'permit' } }, bearing({ valueBoolean: true }))).toBe(
      'permit',
    )
    expect(said({ element: 'type' }, bearing({ valueCode: 'deny' }))).toBe('deny')
    expect(said(type, bearing({ valueCode: 'out' }, { type: 'permit' }))).toBe('deny')
    expect(said(type, bearing({ valueCode: 'in' }, { type: 'deny' }))).toBe('deny')
    expect(said(type, bearing({ valueCode: 'in' }, { type: 'permit' }))).toBe('permit')
    expect(said(type, { type: 'permit', provision: [bearing({ valueCode: 'out' })] })).toBe('deny')
    expect(said(type, undefined, bearing({ valueCode: 'in' }))).toBe('permit')
    expect(said(type, { type: 'permit' }, bearing({ valueCode: 'out' }))).toBe('deny')
  })

  it('with a value that stands for nothing make a Consent unreadable', () => {
    const type = { element: 'type', values: { in: 'permit', out: 'deny' } } as const
    const noType = `provision.extension: expected a value of ${URL} that stands for permit or deny`
    expect(said(type, bearing({ valueCode: 'maybe' }))).toBe(noType)
    expect(said(type, bearing({ valueCodeableConcept: { coding: [{ code: 'in' }, { code: 'out' }] } }))).toBe(
      noType,
    )
    const noCode = 'provision.extension: expected a value with a code'
    for (const value of [
      {},
      { valueInteger: 1 },
      { valueCoding: {} },
      { valueCodeableConcept: { text: 'in' } },
      { valueCodeableConcept: { coding: [{ code: 'in' }, {}] } },
    ]) {
      expect(said(type, bearing(value as JsonObject))).toBe(noCode)
    }
  })

  it('are added to labels, purposes, classes and codes', () => {
    const restricted = labelled({ ...PLAIN, meta: { security: [conf('R')] } })
    const label = bearing({ valueCoding: conf('N') }, { type: 'permit' })
    expect(said({ element: 'securityLabel' }, label)).toBe('permit')
    expect(said({ element: 'securityLabel' }, label, {}, restricted)).toBe('not-covered')
    expect(said({ element: 'securityLabel' }, { ...label, securityLabel: [conf('R')] }, {}, restricted)).toBe(
      'permit',
    )
    expect(said({ element: 'purpose' }, bearing({ valueCode: 'HRESCH' }, { type: 'permit' }))).toBe(
      'not-covered',
    )
    expect(
      said(
        { element: 'purpose' },
        bearing({ valueCode: 'HRESCH' }, { type: 'permit', purpose: [reason('TREAT')] }),
      ),
    ).toBe('permit')
    expect(said({ element: 'class' }, bearing({ valueCode: 'Condition' }, { type: 'permit' }))).toBe(
      'not-covered',
    )
    const loinc = { system: 'http://loinc.org', code: '718-7' }
    expect(said({ element: 'code' }, bearing({ valueCoding: loinc }, { type: 'deny' }))).toBe('deny')
    expect(
      said({ element: 'code' }, bearing({ valueCoding: { ...loinc, code: '1' } }, { type: 'deny' })),
    ).toBe('not-covered')
  })

  it('that are modifiers are understood where the site says what they mean, and no others beside them', () => {
    const type = { element: 'type' } as const
    const modifier = (...urls: readonly string[]) => ({
      modifierExtension: urls.map(url => ({ url, valueCode: 'deny' })),
    })
    expect(said(type, { type: 'permit', ...modifier(URL) })).toBe('deny')
    expect(said(type, { type: 'permit' }, modifier(URL))).toBe('deny')
    expect(said(type, { type: 'permit', ...modifier(URL, 'http://example.org/other') })).toContain(
      'modifierExtension',
    )
    expect(said(type, { type: 'permit', ...modifier('http://example.org/other') })).toContain(
      'modifierExtension',
    )
    const beside = {
      type: 'permit',
      extension: [{ url: 'http://example.org/other' }, { url: URL, valueCode: 'deny' }, { noUrl: true }],
    }
    expect(said(type, beside as unknown as JsonObject)).toBe('deny')
  })

  it('leave a Consent without rules as it is', () => {
    expect(said({}, undefined, optIn)).toBe('permit')
    expect(said({ element: 'type' }, { type: 'permit', provision: 'x' })).toContain('provision.provision')
  })
})

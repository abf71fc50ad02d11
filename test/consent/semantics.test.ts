import { describe, expect, it } from 'vitest'
import { createConsentReader } from '../../src/consent/reader.ts'
import type { JsonObject, Resource } from '../../src/model/fhir.ts'
import { SYSTEM } from '../../src/model/fhir.ts'
import {
  act,
  actor,
  coding,
  conf,
  consent,
  directory,
  effect,
  labelled,
  optIn,
  optOut,
  PLAIN,
  purposes,
  question,
  reader,
  reason,
  recipient,
  type,
  verdict,
} from './fixtures.ts'

const NPI = 'http://hl7.org/fhir/sid/us-npi'
const permit = (limits: JsonObject = {}) => ({ type: 'permit', ...limits })
const deny = (limits: JsonObject = {}) => ({ type: 'deny', ...limits })
const permitExcept = (limits: JsonObject) => permit({ provision: [deny(limits)] })
const with_ = (...codes: readonly { system: string; code: string }[]): Resource => ({
  ...PLAIN,
  meta: { security: codes },
})
const to = (reference: string) => ({ reference })

describe('the root of a Consent', () => {
  const state = (provision: JsonObject | undefined, rule: JsonObject = {}) =>
    verdict(consent(provision, rule))

  it('without type is read only beside OPTIN or OPTOUT and only where nothing but a period limits it', () => {
    expect(state({}, optIn)?.effect).toBe('permit')
    expect(state(undefined, optIn)?.effect).toBe('permit')
    expect(state({ period: { start: '2024' } }, optOut)?.effect).toBe('deny')
    expect(state({}, {})?.effect).toBe('indeterminate')
    expect(state({ purpose: [reason('TREAT')] }, optIn)?.why).toContain('provision.purpose')
  })

  it('of the other type than policyRule is an exception to it', () => {
    const other = question({ actors: [{ role: 'recipient', reference: 'Organization/y' }] })
    const refusal = consent(deny({ actor: [recipient('Organization/x')] }), optIn)
    expect(verdict(refusal)?.effect).toBe('deny')
    expect(verdict(refusal, other)).toMatchObject({ effect: 'permit', path: 'policyRule' })
    const exception = consent(
      permit({ actor: [recipient('Organization/x')], period: { end: '2024-12-31' } }),
      optOut,
    )
    expect(verdict(exception)?.effect).toBe('permit')
    expect(verdict(exception, other)?.effect).toBe('deny')
    expect(verdict(exception, question({ at: new Date('2025-02-01T00:00:00Z') }))?.effect).toBe('deny')
    const both = { policyRule: { coding: [act('OPTIN'), act('OPTOUT')] } }
    expect(verdict(consent(permit({ actor: [recipient('Organization/y')] }), both))?.effect).toBe('deny')
  })

  it('says not-covered, no deny, outside its limits', () => {
    expect(verdict(consent(permit({ actor: [recipient('Organization/y')] })))).toMatchObject({
      effect: 'not-covered',
      why: 'outside the limits of this Consent',
    })
  })
})

describe('nested provisions', () => {
  it('inherit what they do not restate', () => {
    const provision = permit({
      actor: [recipient('Organization/y')],
      provision: [permit({ securityLabel: [conf('V')] })],
      securityLabel: [conf('N')],
    })
    const y = question({ actors: [{ role: 'recipient', reference: 'Organization/y' }] })
    expect(effect(provision, y, with_(conf('V')))).toBe('permit')
    expect(effect(provision, question(), with_(conf('V')))).toBe('not-covered')
  })

  it('are honoured as written: a deny in a deny denies, a permit in a permit widens', () => {
    expect(effect(deny({ provision: [deny({ actor: [recipient('Organization/x')] })] }))).toBe('deny')
    const wider = permit({ securityLabel: [conf('N')], provision: [permit({ securityLabel: [act('PSY')] })] })
    expect(effect(wider, question(), with_(conf('R'), act('PSY')))).toBe('permit')
    expect(effect(wider, question(), with_(conf('R'), act('HIV')))).toBe('not-covered')
  })

  it('name the deciding provision by its path', () => {
    const provision = permit({
      provision: [deny({ class: [type('Claim')] }), deny({ class: [type('Observation')] })],
    })
    expect(verdict(consent(provision))?.path).toBe('provision.provision[1]')
  })

  it('deeper than eight levels, or without type, make the Consent unreadable', () => {
    const nest = (depth: number): JsonObject =>
      depth === 1 ? permit() : permit({ provision: [nest(depth - 1)] })
    expect(effect(nest(8))).toBe('permit')
    expect(effect(nest(9))).toBe('indeterminate')
    expect(effect(permit({ provision: [{}] }))).toBe('indeterminate')
  })
})

describe('what cannot be read', () => {
  const why = (provision: JsonObject, overrides: JsonObject = {}) =>
    verdict(consent(provision, overrides))?.why

  it('is named with its place and what was expected', () => {
    expect(why(permit({ purposes: [] }))).toBe(
      'provision.purposes: expected an element of R4 Consent.provision',
    )
    expect(why({ type: 'maybe' })).toContain('provision.type: expected permit or deny')
    expect(why({ type: 7 })).toContain('provision.type: expected a non-empty string')
    expect(why(permit({ purpose: [] }))).toContain('provision.purpose: expected a non-empty array')
    expect(why(permit({ purpose: ['TREAT'] }))).toContain('provision.purpose[0]: expected an object')
    expect(why(permit({ purpose: [{ system: 's' }] }))).toContain(
      'provision.purpose[0].code: expected a code',
    )
    expect(why(permit({ period: 'always' }))).toContain('provision.period: expected an object')
    expect(why(permit({ period: { start: 'yesterday' } }))).toContain('provision.period: expected FHIR dates')
    expect(why(permit({ actor: [{}] }))).toContain('provision.actor[0].reference: expected a Reference')
    expect(why(permit({ actor: [{ modifierExtension: [] }] }))).toContain(
      'provision.actor[0].modifierExtension',
    )
    expect(why(permit({ data: [{ meaning: 'whatever', reference: {} }] }))).toContain(
      'provision.data[0]: expected a meaning',
    )
    expect(why(permit({ data: [{ meaning: 'instance' }] }))).toContain(
      'provision.data[0]: expected a meaning',
    )
    expect(why(permit(), { implicitRules: 'http://example.org/rules' })).toContain('Consent.implicitRules')
    expect(why(permit(), { verification: [{ modifierExtension: [] }] })).toContain(
      'verification[0].modifierExtension',
    )
  })

  it('includes a zone that does not exist, but never an exception', () => {
    const file = [consent(permit({ period: { start: '2024-01-01' } }))]
    expect(reader.read(file, new Date(), 'Mars/Olympus')[0]).toMatchObject({ state: 'unreadable' })
  })
})

describe('actions', () => {
  const asked = (action: string) => question({ action })
  const naming = (code: string) => [{ coding: [coding(SYSTEM.consentAction, code)] }]

  it('left out stand for reading on a permit and for everything on a deny', () => {
    expect(effect(permit(), asked('disclose'))).toBe('permit')
    expect(effect(permit(), asked('correct'))).toBe('not-covered')
    expect(effect(deny(), asked('correct'))).toBe('deny')
  })

  it('that nobody knows never permit and always deny', () => {
    expect(effect(permit({ action: naming('juggle') }))).toBe('not-covered')
    expect(effect(deny({ action: naming('juggle') }))).toBe('deny')
    expect(effect(permit({ action: naming('access') }), asked('juggle'))).toBe('not-covered')
    expect(effect(deny({ action: naming('access') }), asked('juggle'))).toBe('deny')
    expect(effect(deny({ action: naming('correct') }))).toBe('not-covered')
  })
})

describe('purposes', () => {
  const asked = (...codes: readonly string[]) => question({ purposes: codes })
  const forPurpose = (...codes: readonly string[]) => ({ purpose: codes.map(reason) })

  it('match by subsumption, but a permit of TREAT is none of BTG and one of HOPERAT none of HLEGAL', () => {
    expect(effect(permit(forPurpose('TREAT')), asked('ETREAT'))).toBe('permit')
    expect(effect(permit(forPurpose('TREAT')), asked('BTG'))).toBe('not-covered')
    expect(effect(permit(forPurpose('BTG')), asked('BTG'))).toBe('permit')
    expect(effect(permit(forPurpose('HOPERAT')), asked('CAREMGT'))).toBe('permit')
    expect(effect(permit(forPurpose('HOPERAT')), asked('HLEGAL'))).toBe('not-covered')
    expect(effect(deny(forPurpose('TREAT')), asked('BTG'))).toBe('deny')
    expect(effect(permit(forPurpose('ETREAT')), asked('TREAT'))).toBe('not-covered')
  })

  it('must all be permitted, and one denied is enough', () => {
    expect(effect(permit(forPurpose('TREAT')), asked('TREAT', 'HPAYMT'))).toBe('not-covered')
    expect(effect(permit(forPurpose('TREAT', 'HPAYMT')), asked('TREAT', 'HPAYMT'))).toBe('permit')
    expect(effect(permitExcept(forPurpose('HPAYMT')), asked('TREAT', 'HPAYMT'))).toBe('deny')
  })

  it('that were not declared meet no permit that names one, and every deny', () => {
    expect(effect(permit(forPurpose('TREAT')), asked())).toBe('not-covered')
    expect(effect(permit(), asked())).toBe('permit')
    expect(effect(permitExcept(forPurpose('HMARKT')), asked())).toBe('deny')
  })

  it('of other code systems are mapped; those that are not known permit only themselves and deny', () => {
    const nhin = { purpose: [coding('urn:oid:2.16.840.1.113883.3.18.7.1', 'TREATMENT')] }
    const local = { purpose: [coding('http://example.org/purposes', 'FooBar')] }
    expect(effect(permit(nhin))).toBe('permit')
    expect(effect(permit({ purpose: [coding('urn:oid:2.16.840.1.113883.5.8', 'TREAT')] }))).toBe('permit')
    expect(effect(permit(local), asked('FooBar'))).toBe('permit')
    expect(effect(permit(local), asked('http://example.org/purposes|FooBar'))).toBe('permit')
    expect(effect(permit(local))).toBe('not-covered')
    expect(effect(permitExcept(local))).toBe('deny')
  })

  it('are recognised with a slash too many, and named like a part of JavaScript they are just unknown', () => {
    expect(effect(permit({ purpose: [coding(`${SYSTEM.actReason}/`, 'TREAT')] }))).toBe('permit')
    expect(effect(permit(forPurpose('constructor')))).toBe('not-covered')
    expect(effect(permitExcept(forPurpose('constructor')))).toBe('deny')
    expect(effect(permit(), question({ action: 'constructor' }))).toBe('not-covered')
    expect(
      effect(deny({ action: [{ coding: [{ code: 'access' }] }] }), question({ action: 'constructor' })),
    ).toBe('deny')
    expect(effect(permit({ actor: [actor('constructor', to('Organization/x'))] }))).toBe('not-covered')
    const odd = verdict(
      consent({}, { policyRule: { coding: [{ system: 'constructor', code: 'constructor' }] } }),
    )
    expect(odd?.effect).toBe('indeterminate')
  })

  it('fall back to BTG and HLEGAL as explicit where the site says nothing', () => {
    const plain = createConsentReader({
      purposeParents: purposes.purposeParents,
      labelParents: purposes.labelParents,
    })
    const file = consent(permit(forPurpose('TREAT')))
    expect(verdict(file, asked('BTG'), labelled(PLAIN), plain)?.effect).toBe('not-covered')
    expect(verdict(file, asked('COC'), labelled(PLAIN), plain)?.effect).toBe('permit')
  })
})

describe('security labels', () => {
  const labelledBy = (...codes: readonly { system: string; code: string }[]) => ({ securityLabel: codes })

  it('of confidentiality are ordered: a permit reaches up to, a deny from there on', () => {
    expect(effect(permit(labelledBy(conf('R'))), question(), with_(conf('N')))).toBe('permit')
    expect(effect(permit(labelledBy(conf('R'))), question(), with_(conf('V')))).toBe('not-covered')
    expect(effect(permitExcept(labelledBy(conf('R'))), question(), with_(conf('V')))).toBe('deny')
    expect(effect(permitExcept(labelledBy(conf('R'))), question(), with_(conf('N')))).toBe('permit')
  })

  it('of sensitivity must all be permitted, and one denied is enough', () => {
    const both = with_(act('SUD'), act('HIV'))
    expect(effect(permit(labelledBy(act('SUD'))), question(), both)).toBe('not-covered')
    expect(effect(permit(labelledBy(act('SUD'), act('HIV'))), question(), both)).toBe('permit')
    expect(effect(permitExcept(labelledBy(act('HIV'))), question(), both)).toBe('deny')
    expect(effect(permit(), question(), both)).toBe('permit')
  })

  it('cover their kinds: SUD and ETH are one family, local codes stand under their HL7 parents', () => {
    for (const kind of ['ETHUD', 'OPIOIDUD', 'ETH', 'SUD']) {
      expect(effect(permitExcept(labelledBy(act('SUD'))), question(), with_(act(kind)))).toBe('deny')
      expect(effect(permitExcept(labelledBy(act('ETH'))), question(), with_(act(kind)))).toBe('deny')
    }
    expect(effect(permitExcept(labelledBy(act('ETHUD'))), question(), with_(act('OPIOIDUD')))).toBe('permit')
    const abortion = with_(coding(SYSTEM.local, 'ABORTION'), act('SEX'))
    expect(effect(permit(labelledBy(act('SEX'))), question(), abortion)).toBe('permit')
    expect(effect(permitExcept(labelledBy(act('SEX'))), question(), abortion)).toBe('deny')
  })

  it('let no content that could not be read pass a deny of any label, nor stand for a label of a permit', () => {
    const scan = with_(coding(SYSTEM.local, 'UNASSESSED'))
    for (const kept of [act('SUD'), act('HIV'), act('42CFRPart2'), conf('V')])
      expect(effect(permitExcept(labelledBy(kept)), question(), scan)).toBe('deny')
    expect(effect(permit(labelledBy(act('SUD'))), question(), scan)).toBe('not-covered')
    expect(effect(permit(), question(), scan)).toBe('permit')
  })

  it('a deny of behavioral health covers what the words mean, a permit only its kinds', () => {
    expect(effect(permitExcept(labelledBy(act('BH'))), question(), with_(act('MH')))).toBe('deny')
    expect(effect(permit(labelledBy(act('BH'))), question(), with_(act('MH')))).toBe('not-covered')
  })

  it('are recognised under other names of their systems', () => {
    const aliases = [
      'http://hl7.org/fhir/v3/ActCode',
      'urn:oid:2.16.840.1.113883.5.4',
      'http://terminology.hl7.org/ValueSet/v3-ActInformationSensitivityPolicy',
      `${SYSTEM.actCode}/`,
    ]
    for (const system of aliases) {
      expect(effect(permit(labelledBy(coding(system, 'HIV'))), question(), with_(act('HIV')))).toBe('permit')
    }
    const r = { securityLabel: [coding('http://hl7.org/fhir/ValueSet/security-labels', 'R')] }
    expect(effect(permit(r), question(), with_(conf('R')))).toBe('permit')
    expect(effect(permit({ securityLabel: [{ code: 'R' }] }), question(), with_(conf('R')))).toBe('permit')
  })

  it('whose parents are not listed are still kinds of them', () => {
    const small = createConsentReader({ purposeParents: {}, labelParents: { CHILD: ['PARENT'] } })
    const child = labelled(with_(act('CHILD')))
    expect(verdict(consent(permitExcept(labelledBy(act('PARENT')))), question(), child, small)?.effect).toBe(
      'deny',
    )
  })

  it('a mark of age needs no name beside a sensitivity that is named, and is one where it stands alone', () => {
    const contraception = coding(SYSTEM.local, 'CONTRACEPTION')
    const named = permit(labelledBy(contraception))
    const minors = with_(contraception, act('SEX'), act('ADOL'))
    expect(effect(named, question(), minors)).toBe('permit')
    expect(effect(named, question(), with_(act('ADOL')))).toBe('not-covered')
    expect(effect(named, question(), with_(contraception, act('SUD'), act('ADOL')))).toBe('not-covered')
    expect(effect(named, question(), with_(act('SUD'), act('ADOL')))).toBe('not-covered')
    expect(effect(permit(labelledBy(act('ADOL'))), question(), minors)).toBe('not-covered')
    expect(effect(permit(labelledBy(act('ADOL'))), question(), with_(act('ADOL')))).toBe('permit')
    expect(effect(permitExcept(labelledBy(act('ADOL'))), question(), minors)).toBe('deny')
  })

  it('MENCAT is mental health by its definition, and other categories of records are not known', () => {
    const mencat = labelledBy(act('MENCAT'))
    for (const code of ['MENCAT', 'MH', 'PSY', 'PSYTHPN'])
      expect([code, effect(permitExcept(mencat), question(), with_(act(code)))]).toEqual([code, 'deny'])
    for (const code of ['SUD', 'HIV', 'BH'])
      expect([code, effect(permitExcept(mencat), question(), with_(act(code)))]).toEqual([code, 'permit'])
    expect(effect(permitExcept(mencat), question(), with_(act('UNASSESSED')))).toBe('deny')
    expect(effect(permitExcept(labelledBy(act('MH'))), question(), with_(act('MENCAT')))).toBe('deny')
    expect(effect(permit(mencat), question(), with_(act('MH')))).toBe('permit')
    expect(effect(permit(mencat), question(), with_(act('MH'), act('HIV')))).toBe('not-covered')
    expect(effect(permitExcept(labelledBy(act('RXCAT'))))).toBe('deny')
  })

  it('a permit of SEX covers pregnancy, since it means reproductive health', () => {
    const abortion = with_(coding(SYSTEM.local, 'ABORTION'), act('SEX'), act('PREGNANT'))
    expect(effect(permit(labelledBy(act('SEX'))), question(), abortion)).toBe('permit')
    expect(effect(permit(labelledBy(act('SEX'))), question(), with_(act('PREGNANT')))).toBe('permit')
    expect(effect(permit(labelledBy(act('PREGNANT'))), question(), abortion)).toBe('not-covered')
    const hiv = with_(act('SEX'), act('PREGNANT'), act('HIV'))
    expect(effect(permit(labelledBy(act('SEX'))), question(), hiv)).toBe('not-covered')
  })

  it('a permit need not name what stands on a resource because of a label that it does name', () => {
    const notes = permit(labelledBy(act('PSYTHPN')))
    const note = with_(act('PSYTHPN'), act('MH'), act('PSY'))
    expect(effect(notes, question(), note)).toBe('permit')
    expect(effect(permit(labelledBy(act('SPI'))), question(), note)).toBe('permit')
    expect(effect(notes, question(), with_(act('PSYTHPN'), act('MH'), act('HIV')))).toBe('not-covered')
    // Nothing is implied where the label itself does not stand: progress notes stay closed.
    expect(effect(notes, question(), with_(act('MH')))).toBe('not-covered')
    expect(effect(permit(labelledBy(act('MH'))), question(), note)).toBe('not-covered')
    const local = (code: string) => coding(SYSTEM.local, code)
    const abortion = with_(local('ABORTION'), act('SEX'), act('PREGNANT'))
    expect(effect(permit(labelledBy(local('ABORTION'))), question(), abortion)).toBe('permit')
    const more = with_(local('ABORTION'), local('CONTRACEPTION'), act('SEX'))
    expect(effect(permit(labelledBy(local('ABORTION'))), question(), more)).toBe('not-covered')
  })

  it('a permit of one does not open data that carries none', () => {
    expect(effect(permit(labelledBy(act('PSY'))), question(), with_(conf('N')))).toBe('not-covered')
  })

  it('of a policy cover what the policy governs, whatever it is about', () => {
    const part2 = labelledBy(coding('http://terminology.hl7.org/CodeSystem/v3-ActUSPrivacyLaw', '42CFRPart2'))
    expect(effect(permit(part2), question(), with_(act('42CFRPart2'), act('SUD'), act('HIV')))).toBe('permit')
    expect(effect(permit(part2), question(), labelled(PLAIN, { part2: true }))).toBe('permit')
    expect(effect(permit(part2), question(), with_(act('SUD')))).toBe('not-covered')
    expect(effect(permitExcept(part2), question(), with_(act('42CFRPart2')))).toBe('deny')
    expect(effect(permitExcept(part2), question(), with_(act('SUD')))).toBe('permit')
    const mixed = with_(
      coding('http://site.example/labels', '42CFRPart2'),
      coding('', 'OTHER'),
      coding(SYSTEM.local, 'SUDCN'),
    )
    expect(effect(permitExcept(part2), question(), labelled(mixed, { codes: new Set() }))).toBe('permit')
    expect(effect(permitExcept(labelledBy(reason('HTEST'))), question(), PLAIN)).toBe('permit')
  })

  it('that nobody knows never permit, unless the resource bears the very same, and always deny', () => {
    const site = coding('http://site.example/labels', 'X')
    expect(effect(permit(labelledBy(site)), question(), with_(site))).toBe('permit')
    expect(effect(permit(labelledBy(act('HIV'))), question(), with_(site, act('HIV')))).toBe('not-covered')
    expect(effect(permit(labelledBy(site)))).toBe('not-covered')
    const loose = labelled(PLAIN)
    const bare = {
      ...loose,
      labels: [{ system: '', code: 'Y', origin: 'upstream', rule: 'upstream', confidence: 1 }] as const,
    }
    expect(effect(permit(labelledBy(coding('urn:x', 'Y'))), question(), bare)).toBe('not-covered')
    expect(effect(permitExcept(labelledBy(site)))).toBe('deny')
    expect(effect(permitExcept(labelledBy(act('HIVV'))))).toBe('deny')
  })

  it('that could not be found count against the release', () => {
    const blind = labelled(PLAIN, { notAssessable: 'not read' })
    expect(effect(permit(labelledBy(conf('V'))), question(), blind)).toBe('not-covered')
    expect(effect(permitExcept(labelledBy(act('HIV'))), question(), blind)).toBe('deny')
  })
})

describe('classes and codes', () => {
  const hiv = coding('http://snomed.info/sct', '86406008')
  const coded = (code: JsonObject): Resource => ({ ...PLAIN, code: { coding: [code] } })

  it('name resource types, profiles, document codes; a media type nobody can compare denies what may carry it', () => {
    expect(effect(permit({ class: [type('Observation')] }))).toBe('permit')
    expect(effect(permit({ class: [type('Claim')] }))).toBe('not-covered')
    const profile = 'http://example.org/StructureDefinition/lab'
    const lab = { ...PLAIN, meta: { profile: [`${profile}|1.0`] } }
    expect(effect(permit({ class: [coding('urn:ietf:rfc:3986', profile)] }), question(), lab)).toBe('permit')
    expect(effect(permit({ class: [coding('urn:ietf:rfc:3986', profile)] }))).toBe('not-covered')
    expect(effect(permit({ class: [coding('http://loinc.org', '718-7')] }))).toBe('permit')
    const cda = { class: [coding('urn:ietf:bcp:13', 'application/hl7-cda+xml')] }
    const document: Resource = { resourceType: 'DocumentReference', id: 'd', subject: to('Patient/p1') }
    expect(effect(permit(cda), question(), document)).toBe('not-covered')
    expect(effect(permitExcept(cda), question(), document)).toBe('deny')
    expect(effect(permitExcept(cda))).toBe('permit')
  })

  it('asked for without a resource must all be permitted, and one denied is enough', () => {
    const asked = question({ classes: [type('Observation'), { code: 'Claim' }] })
    expect(effect(permit({ class: [type('Observation')] }), asked)).toBe('not-covered')
    expect(effect(permit({ class: [type('Observation'), type('Claim')] }), asked)).toBe('permit')
    expect(effect(permitExcept({ class: [type('Claim')] }), asked)).toBe('deny')
  })

  it('AND across elements, OR within', () => {
    const both = { class: [type('Condition'), type('Observation')], code: [{ coding: [hiv] }] }
    expect(effect(permitExcept(both), question(), coded(hiv))).toBe('deny')
    expect(effect(permitExcept(both))).toBe('permit')
  })

  it('are compared in any spelling; without system they count for HL7 systems, on a deny for all', () => {
    const icd = { code: [{ coding: [coding('urn:oid:2.16.840.1.113883.6.90', 'f11.20')] }] }
    expect(effect(permit(icd), question(), coded(coding('http://hl7.org/fhir/sid/icd-10-cm', 'F1120')))).toBe(
      'permit',
    )
    const bare = { code: [{ coding: [{ code: 'IMP' }] }] }
    const hl7 = coded(coding('http://terminology.hl7.org/CodeSystem/v3-ActCode', 'IMP'))
    expect(effect(permit(bare), question(), hl7)).toBe('permit')
    expect(effect(permit(bare), question(), coded(coding('http://snomed.info/sct', 'IMP')))).toBe(
      'not-covered',
    )
    expect(effect(permitExcept(bare), question(), coded(coding('http://snomed.info/sct', 'IMP')))).toBe(
      'deny',
    )
    expect(effect(permit({ code: [{ coding: [hiv] }] }), question(), coded({ code: '86406008' }))).toBe(
      'not-covered',
    )
    expect(effect(permitExcept({ code: [{ coding: [hiv] }] }), question(), coded({ code: '86406008' }))).toBe(
      'deny',
    )
    expect(effect(permit({ code: [{ coding: [act('IMP')] }] }), question(), coded({ code: 'IMP' }))).toBe(
      'permit',
    )
  })

  it('of more systems than are remembered are still compared', () => {
    const many = Array.from({ length: 2100 }, (_, index) => coding(`http://site.example/${index}/`, 'x'))
    const crowded: Resource = { ...PLAIN, code: { coding: many } }
    expect(
      effect(permit({ code: [{ coding: [coding('http://site.example/2099', 'X')] }] }), question(), crowded),
    ).toBe('permit')
    const valueSet = coding('http://hl7.org/fhir/ValueSet/observation-codes', 'x')
    expect(effect(permit({ code: [{ coding: [valueSet] }] }), question(), coded(valueSet))).toBe('permit')
  })

  it('given in words alone never permit and always deny', () => {
    expect(effect(permit({ code: [{ text: 'HIV' }] }))).toBe('not-covered')
    expect(effect(permitExcept({ code: [{ text: 'HIV' }] }))).toBe('deny')
  })
})

describe('time', () => {
  const at = (text: string, zone = 'UTC') => question({ at: new Date(text), zone })
  const until = permit({ period: { end: '2024-06-01' } })

  it('covers the whole of a day that is written, in the configured zone', () => {
    expect(effect(until, at('2024-06-01T23:59:59Z'))).toBe('permit')
    expect(effect(until, at('2024-06-02T00:00:00Z'))).toBe('none')
    expect(effect(until, at('2024-06-02T03:59:59Z', 'America/New_York'))).toBe('permit')
    expect(effect(until, at('2024-06-02T04:00:00Z', 'America/New_York'))).toBe('none')
    expect(effect(permit({ period: { start: '2024-07' } }), at('2024-06-30T23:59:59Z'))).toBe('none')
  })

  it('of a nested provision is that of all it stands in', () => {
    const provision = permit({ period: { end: '2030' }, provision: [deny({ period: { end: '2024-05' } })] })
    expect(effect(provision, at('2024-05-31T12:00:00Z'))).toBe('deny')
    expect(effect(provision, at('2024-06-01T12:00:00Z'))).toBe('permit')
  })

  const on = (start: string, end = start): Resource => ({ ...PLAIN, effectivePeriod: { start, end } })
  const may = { dataPeriod: { start: '2024-05', end: '2024-05' } }

  it('of data: a permit needs all of it inside, a deny any overlap, of the last update too', () => {
    expect(effect(permit(may), question(), on('2024-05-31'))).toBe('permit')
    expect(effect(permit(may), question(), on('2024-05-31', '2024-06-01'))).toBe('not-covered')
    expect(effect(permitExcept(may), question(), on('2024-05-31', '2024-06-01'))).toBe('deny')
    expect(effect(permitExcept(may), question(), on('2024-06-01'))).toBe('permit')
    const updated = { ...on('2024-06-01'), meta: { lastUpdated: '2024-05-05T10:00:00Z' } }
    expect(effect(permitExcept(may), question(), updated)).toBe('deny')
  })

  it('of data that has no date, or none that can be read, is never permitted and always denied', () => {
    expect(effect(permit(may))).toBe('not-covered')
    expect(effect(permitExcept(may))).toBe('deny')
    expect(effect(permit(may), question(), on('spring'))).toBe('not-covered')
    expect(effect(permitExcept(may), question(), on('spring'))).toBe('deny')
  })
})

describe('data', () => {
  const about = (meaning: string, reference: JsonObject) => ({ data: [{ meaning, reference }] })
  const inEncounter: Resource = { ...PLAIN, encounter: to('Encounter/e1/_history/2') }

  it('instance is the resource, dependents also what points to it', () => {
    expect(effect(permitExcept(about('instance', to('Observation/plain'))))).toBe('deny')
    expect(effect(permitExcept(about('instance', to('Observation/other'))))).toBe('permit')
    expect(effect(permitExcept(about('dependents', to('Encounter/e1'))), question(), inEncounter)).toBe(
      'deny',
    )
    expect(effect(permitExcept(about('instance', to('Encounter/e1'))), question(), inEncounter)).toBe(
      'permit',
    )
  })

  it('related goes both ways', () => {
    const encounter: Resource = {
      resourceType: 'Encounter',
      id: 'e1',
      diagnosis: [{ condition: to('Observation/plain') }],
    }
    const asked = question({ directory: directory([encounter]) })
    expect(effect(permitExcept(about('related', to('Encounter/e1'))), asked)).toBe('deny')
    expect(effect(permitExcept(about('dependents', to('Encounter/e1'))), asked)).toBe('permit')
    const unread = question({ directory: directory([], ['Encounter/e1']) })
    expect(effect(permitExcept(about('related', to('Encounter/e1'))), unread)).toBe('deny')
    expect(effect(permit(about('related', to('Encounter/e1'))), unread)).toBe('not-covered')
  })

  it('named by an absolute URL is ours only under our own base; a deny takes no chances', () => {
    const absolute = about('instance', to('http://example.org/fhir/Observation/plain'))
    const ours = createConsentReader({ ...purposes, bases: ['http://example.org/fhir'] })
    expect(verdict(consent(permit(absolute)), question(), labelled(PLAIN), ours)?.effect).toBe('permit')
    expect(effect(permit(absolute))).toBe('not-covered')
    expect(effect(permitExcept(absolute))).toBe('deny')
  })

  it('named by identifier is compared in references and otherwise in doubt', () => {
    const identifier = { identifier: { system: 'http://x', value: '7' } }
    const linked: Resource = { ...PLAIN, encounter: identifier }
    expect(effect(permit(about('dependents', identifier)), question(), linked)).toBe('permit')
    expect(effect(permit(about('instance', identifier)))).toBe('not-covered')
    expect(effect(permitExcept(about('instance', identifier)))).toBe('deny')
    expect(effect(permit(about('related', identifier)))).toBe('not-covered')
    expect(effect(permitExcept(about('instance', to('urn:uuid:AB'))))).toBe('deny')
    expect(effect(permitExcept(about('instance', to('#there'))))).toBe('deny')
    expect(
      effect(permit(about('dependents', { identifier: { value: '7' } })), question(), {
        ...PLAIN,
        encounter: { identifier: { value: '7' } },
      }),
    ).toBe('permit')
  })

  it('authoredby follows the authors to their roles and organizations', () => {
    const role: Resource = {
      resourceType: 'PractitionerRole',
      id: 'r',
      practitioner: to('Practitioner/d'),
      organization: to('Organization/o'),
    }
    const asked = question({ directory: directory([role]) })
    const written: Resource = { ...PLAIN, performer: [to('PractitionerRole/r')] }
    for (const maker of ['Practitioner/d', 'Organization/o', 'PractitionerRole/r']) {
      expect(effect(permitExcept(about('authoredby', to(maker))), asked, written)).toBe('deny')
    }
    expect(effect(permitExcept(about('authoredby', to('Practitioner/other'))), asked, written)).toBe('permit')
    expect(effect(permitExcept(about('authoredby', to('Practitioner/d'))), question(), written)).toBe('deny')
    expect(effect(permitExcept(about('authoredby', to('Practitioner/d'))))).toBe('permit')
    const byNumber: Resource = { ...PLAIN, performer: [{ identifier: { system: NPI, value: '5' } }] }
    expect(
      effect(permit(about('authoredby', { identifier: { system: NPI, value: '5' } })), question(), byNumber),
    ).toBe('permit')
  })
})

describe('disclosers and sources', () => {
  const from = (role: string, reference = 'Organization/o') => ({ actor: [actor(role, to(reference))] })
  const asked = (role: 'discloser' | 'source', reference: `${string}/${string}`) =>
    question({
      actors: [
        { role: 'recipient', reference: 'Organization/x' },
        { role, reference },
      ],
    })
  const recordOf = (source: `${string}/${string}`) => labelled(PLAIN, { source })

  it('CST says whose data: the discloser of the question or the source of the record', () => {
    expect(effect(permit(from('CST')), asked('discloser', 'Organization/o'))).toBe('permit')
    expect(effect(permit(from('CST')), question(), recordOf('Organization/o'))).toBe('permit')
    expect(effect(permit(from('CST')), asked('discloser', 'Organization/q'))).toBe('not-covered')
    expect(effect(permit(from('CST')))).toBe('not-covered')
    expect(effect(permitExcept(from('CST')))).toBe('deny')
    expect(
      effect(permitExcept(from('CST')), asked('discloser', 'Organization/q'), recordOf('Organization/r')),
    ).toBe('permit')
    expect(effect(permitExcept(from('CST')), asked('discloser', 'Organization/q'))).toBe('permit')
    const made = labelled(PLAIN)
    const facts = { ...made.facts, sourceReferences: ['Organization/o'] }
    expect(effect(permitExcept(from('CST')), asked('discloser', 'Organization/q'), { ...made, facts })).toBe(
      'deny',
    )
  })

  it('AUT says who made it', () => {
    const written: Resource = { ...PLAIN, performer: [to('Organization/o')] }
    expect(effect(permit(from('AUT')), question(), written)).toBe('permit')
    expect(effect(permit(from('AUT')), asked('source', 'Organization/o'))).toBe('permit')
    expect(effect(permit(from('AUT')), question(), recordOf('Organization/q'))).toBe('not-covered')
    expect(effect(permitExcept(from('AUT')), question(), recordOf('Organization/q'))).toBe('permit')
    expect(effect(permitExcept(from('AUT')))).toBe('deny')
  })

  it('role groups are ANDed, and a role that says neither never switches a deny off', () => {
    const both = { actor: [recipient('Organization/x'), actor('CST', to('Organization/o'))] }
    expect(effect(permit(both), asked('discloser', 'Organization/o'))).toBe('permit')
    expect(effect(permit(both), asked('discloser', 'Organization/q'))).toBe('not-covered')
    const odd = { actor: [recipient('Organization/x'), actor('WIT', to('Practitioner/w'))] }
    expect(effect(permit(odd))).toBe('not-covered')
    expect(effect(permitExcept(odd))).toBe('deny')
    expect(effect(deny({ actor: [{ reference: to('Organization/q') }] }))).toBe('deny')
    const two = {
      role: { coding: [coding(SYSTEM.participationType, 'IRCP'), coding(SYSTEM.participationType, 'CST')] },
      reference: to('Organization/x'),
    }
    expect(effect(permit({ actor: [two] }))).toBe('not-covered')
  })
})

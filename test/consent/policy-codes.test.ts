import { describe, expect, it } from 'vitest'
import { createConsentReader } from '../../src/consent/reader.ts'
import type { JsonObject, Resource } from '../../src/model/fhir.ts'
import { coding, consent, effect, labelled, PLAIN, purposes, question, reason, verdict } from './fixtures.ts'

const MII = 'urn:oid:2.16.840.1.113883.3.1937.777.24.5.3'
const POLICIES = [
  coding(MII, '2.16.840.1.113883.3.1937.777.24.5.3.8'),
  coding(MII.slice('urn:oid:'.length), '2.16.840.1.113883.3.1937.777.24.5.3.8'),
  coding('http://terminology.hl7.org/CodeSystem/consentpolicycodes', 'cric'),
  coding('http://terminology.hl7.org/CodeSystem/consentpolicycodes/', 'cric'),
  coding('urn:oid:2.16.840.1.113883.4.642.4.1229', 'cric'),
  coding('https://ths-greifswald.de/fhir/CodeSystem/gics/Policy', 'MDAT_erheben'),
  coding('https://ths-greifswald.de/fhir/CodeSystem/gics/Policy/MII', 'MDAT_erheben'),
]
const CLINICAL = [
  coding('http://loinc.org', '4548-4'),
  coding('https://ths-greifswald.de/fhir/CodeSystem/gics/PolicyNotes', 'x'),
  { code: '4548-4' },
]
const code = (item: JsonObject) => ({ code: [{ coding: [item] }] })
const refusing = (limits: JsonObject) => ({ type: 'permit', provision: [{ type: 'deny', ...limits }] })

describe('the code of a policy', () => {
  it.each(POLICIES)('in a deny reaches every record, since none bears it: $system', item => {
    expect(effect(refusing(code(item)))).toBe('deny')
    expect(effect(refusing({ class: [item] }))).toBe('deny')
  })

  it.each(POLICIES)('in a permit reaches no record: $system', item => {
    expect(effect({ type: 'permit', ...code(item) })).toBe('not-covered')
    expect(effect({ type: 'permit', class: [item] })).toBe('not-covered')
    expect(effect({ type: 'deny', provision: [{ type: 'permit', ...code(item) }] })).toBe('deny')
  })

  it.each(CLINICAL)(
    'is none where its system names what is in records: the positive control: $system',
    item => {
      expect(effect(refusing(code(item)))).toBe('permit')
      const own: Resource = { ...PLAIN, code: { coding: [item] } }
      expect(effect(refusing(code(item)), question(), own)).toBe('deny')
    },
  )

  it('beside a code of records, in one concept or another, still reaches all', () => {
    const [policy, clinical] = [POLICIES[0] as JsonObject, CLINICAL[0] as JsonObject]
    expect(effect(refusing({ code: [{ coding: [clinical, policy] }] }))).toBe('deny')
    expect(effect(refusing({ code: [{ coding: [clinical] }, { coding: [policy] }] }))).toBe('deny')
  })

  it('does not take away the other limits of its provision', () => {
    const limited = refusing({ ...code(POLICIES[0] as JsonObject), purpose: [reason('HRESCH')] })
    expect(effect(limited)).toBe('permit')
    expect(effect(limited, question({ purposes: ['HRESCH'] }))).toBe('deny')
  })

  it('is what profiles/purpose/policy-codes.json says: without it, a code like any other', () => {
    const { policySystems: _, ...others } = purposes
    const file = consent(refusing(code(POLICIES[0] as JsonObject)))
    expect(verdict(file, question(), labelled(PLAIN), createConsentReader(others))?.effect).toBe('permit')
  })
})

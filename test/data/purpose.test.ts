import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { loadPurposes } from '../../src/data/purpose.ts'

const real = new URL('../../profiles/purpose', import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), 'purpose-'))
beforeEach(() => cpSync(real, folder, { recursive: true }))
afterAll(() => rmSync(folder, { recursive: true }))

function change(name: string, edit: (value: Record<string, unknown>) => void): void {
  const file = join(folder, `${name}.json`)
  const value = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
  edit(value)
  writeFileSync(file, JSON.stringify(value))
}

describe('purposes of use', () => {
  const purposes = loadPurposes(real)

  it('are found under every accepted spelling, and no other', () => {
    const map = purposes.purposeMap
    expect(map['TREAT']).toBe('TREAT')
    expect(map['http://terminology.hl7.org/CodeSystem/v3-ActReason|HPAYMT']).toBe('HPAYMT')
    expect(map['urn:oid:2.16.840.1.113883.5.8#TREAT']).toBe('TREAT')
    expect(map['urn:oid:2.16.840.1.113883.3.18.7.1#PUBLICHEALTH']).toBe('PUBHLTH')
    expect(map['urn:oid:2.16.840.1.113883.3.7204.1.5.2.1#T-IAS']).toBe('PATRQT')
    expect(map['EMPLOY']).toBe('EMPLOY')
    for (const unknown of [
      'TREATMENT',
      'T-TREAT',
      'treat',
      'urn:oid:1.2#TREAT',
      'urn:oid:2.16.840.1.113883.3.18.7.1#LAW',
    ]) {
      expect([unknown, map[unknown]]).toEqual([unknown, undefined])
    }
  })

  it('keep the tree of v3-ActReason with its two exceptions', () => {
    expect(purposes.purposeParents['BTG']).toEqual(['ETREAT'])
    expect(purposes.explicitPurposes).toEqual(['BTG', 'HLEGAL'])
    expect(Object.isFrozen(purposes) && Object.isFrozen(purposes.purposeMap)).toBe(true)
  })
})

describe('sensitivity labels', () => {
  it('have ETH and SUD as one family and local codes under their HL7 parents', () => {
    const { labelParents } = loadPurposes(real)
    expect([labelParents['ETH'], labelParents['ETHUD']]).toEqual([['SUD'], ['SUD']])
    expect(labelParents['SUD']).toContain('ETH')
    expect(['ABORTION', 'CONTRACEPTION', 'GENDERAFFIRMING', 'SUDCN'].map(code => labelParents[code])).toEqual(
      [['SEX'], ['SEX'], ['GENDER'], ['SUD']],
    )
  })
})

describe('marks of whose record it is', () => {
  it('are codes of the file, each with a reason', () => {
    expect(loadPurposes(real).labelMarkers).toEqual(['ADOL'])
    change('sensitivity', value => {
      value['markers'] = [{ code: 'NOWHERE', why: 'test' }]
    })
    expect(() => loadPurposes(folder)).toThrow(/\/markers: expected a code of this file, found NOWHERE/)
  })
})

describe('code systems of policies', () => {
  it('are told by every name they have', () => {
    const { policySystems } = loadPurposes(real)
    const names = policySystems.map(({ system }) => system)
    expect(names).toContain('http://terminology.hl7.org/CodeSystem/consentpolicycodes')
    expect(names).toContain('urn:oid:2.16.840.1.113883.4.642.4.1229')
    expect(names).toContain('urn:oid:2.16.840.1.113883.3.1937.777.24.5.3')
    expect(policySystems).toContainEqual({
      system: 'https://ths-greifswald.de/fhir/CodeSystem/gics/Policy',
      below: true,
    })
  })
})

describe('a folder that is not in order', () => {
  it('is refused with file, place and expectation', () => {
    change('purpose-of-use', value => {
      value['colour'] = 'red'
      value['explicitOnly'] = [{ code: 'BTG' }]
    })
    expect(() => loadPurposes(folder)).toThrow(/purpose-of-use\.json: .*colour/)
    expect(() => loadPurposes(folder)).toThrow(/\/explicitOnly\/0: must have required property 'why'/)
  })

  it('cites every code system of policies', () => {
    change('policy-codes', value => {
      value['systems'] = [{ system: 'http://policies.example', title: 'ours' }]
    })
    expect(() => loadPurposes(folder)).toThrow(
      /policy-codes\.json: \/systems\/0: must have required property 'citation'/,
    )
  })

  it('may name no code that it does not define', () => {
    change('sensitivity', value => {
      value['denyAlso'] = [{ code: 'BH', covers: ['NOWHERE'], why: 'test' }]
    })
    expect(() => loadPurposes(folder)).toThrow(
      /sensitivity\.json: \/denyAlso: expected a code of this file, found NOWHERE/,
    )
  })

  it('with a file missing or broken says so', () => {
    writeFileSync(join(folder, 'sensitivity.json'), '{')
    expect(() => loadPurposes(folder)).toThrow(/sensitivity\.json: expected JSON/)
    rmSync(join(folder, 'purpose-of-use.json'))
    expect(() => loadPurposes(folder)).toThrow(
      /purpose-of-use\.json: expected a file that can be read \(ENOENT\)/,
    )
  })
})

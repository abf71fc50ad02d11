import { describe, expect, it } from 'vitest'
import { claimHolds } from '../../src/decide/claims.ts'
import { parentMustSign } from '../../src/decide/minors.ts'
import { standingOf } from '../../src/decide/representatives.ts'
import type { DecisionContext } from '../../src/model/decision.ts'

/** The two parts of the site's registry that sites write in several shapes. */
const site = (other: Record<string, unknown>) =>
  ({ registry: { other }, custodian: { state: 'NE' } }) as unknown as DecisionContext
const person = 'RelatedPerson/r'

describe('whom the site recognised as representative (42 CFR 2.15, 45 CFR 164.502(g))', () => {
  it.each([
    ['a plain list', [person], 'recognised'],
    ['an entry', [{ reference: person, kind: 'guardian' }], 'recognised'],
    ['an entry with its status', [{ reference: person, status: 'recognised' }], 'recognised'],
    ['an entry with a Reference', [{ person: { reference: person } }], 'recognised'],
    ['two lists', { recognised: [person], refused: ['RelatedPerson/x'] }, 'recognised'],
    ['a refused entry', [{ reference: person, status: 'refused' }], 'refused'],
    ['a fact', [{ reference: person, recognised: false }], 'refused'],
    ['another fact', [{ reference: person, refused: true }], 'refused'],
    ['the list of the refused', { refused: [person] }, 'refused'],
    ['both', [{ reference: person }, { reference: person, status: 'revoked' }], 'refused'],
    ['somebody else', [{ reference: 'RelatedPerson/x' }], 'unknown'],
    ['nobody', undefined, 'unknown'],
    ['a patient of that name', [{ reference: 'RelatedPerson/x', patient: person }], 'unknown'],
    ['no list at all', 7, 'unknown'],
  ])('%s', (_, representatives, standing) => {
    expect(standingOf(person, site({ representatives }))).toBe(standing)
  })
})

describe('where a parent signs beside the minor (42 CFR 2.14(b))', () => {
  it.each([
    ['signers', [{ state: 'NE', signers: ['minor', 'parent'] }], true],
    ['a fact', { parentRequired: true }, true],
    ['a table by state', { NE: { signers: ['minor', 'guardian'] } }, true],
    ['the table of another state', { KS: { signers: ['minor', 'parent'] } }, false],
    ['another state', [{ state: 'KS', signers: ['minor', 'parent'] }], false],
    ['a parent spared', [{ signers: ['minor alone, no parent'] }], false],
    ['a fact denied', { parentRequired: false }, false],
    ['the minor alone', [{ signers: ['minor'] }], false],
    ['nothing', undefined, false],
  ])('%s', (_, minorConsent, asked) => {
    expect(parentMustSign(site({ minorConsent }))).toBe(asked)
  })
})

describe('a claim that is searched for words', () => {
  it.each([
    ['a text', { oversight: { of: 'the Originator of the notes' } }, true],
    ['a name that is stated', { oversight: { originator: 'PractitionerRole/t' } }, true],
    ['a name that is denied', { oversight: { originator: false } }, false],
    ['a list', { oversight: ['billing', 'originator'] }, true],
    ['other words', { oversight: { of: 'billing' } }, false],
    ['a number', { oversight: 3 }, false],
    ['no such claim', {}, false],
  ])('%s', (_, claims, holds) => {
    expect(claimHolds(claims, 'oversight~originator')).toBe(holds)
  })
})

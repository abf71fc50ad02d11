import { describe, expect, test } from 'vitest'
import { loadConsentExtensions, loadRecipientClasses, loadRequiredReferences } from '../../src/data/tables.ts'

describe('the tables that come with the release', () => {
  test('name required references by resource type', () => {
    const { references, backbones, recursions, criteria, oneOf } = loadRequiredReferences()
    expect(references['Condition']).toEqual(['subject'])
    expect(backbones['Claim']).toEqual(['insurance'])
    expect(recursions['Consent']).toEqual({ 'provision.provision': 'provision' })
    expect(criteria['Consent']).toContain('provision.data')
    expect(oneOf['Appointment']).toEqual({ participant: ['type', 'actor'] })
  })

  test('name recipient classes with the roles they hold for', () => {
    const classes = loadRecipientClasses()
    expect(classes.map(({ code }) => code)).toEqual(
      expect.arrayContaining([
        'treating-providers',
        'health-plans',
        'third-party-payers',
        'program-operations',
      ]),
    )
    for (const { roles } of classes) expect(roles.length).toBeGreaterThan(0)
  })
})

describe('a table that does not fit its schema is refused by name and place', () => {
  test('at its root', () => {
    const text = JSON.stringify({
      citation: 'c',
      references: {},
      backbones: {},
      recursions: {},
      criteria: {},
    })
    expect(() => loadRequiredReferences(() => text)).toThrow(
      "profiles/fhir/required-references.json must have required property 'oneOf'",
    )
  })

  test('deep inside', () => {
    const text = JSON.stringify({ citation: 'c', classes: [{ code: 'x', roles: [] }] })
    expect(() => loadRecipientClasses(() => text)).toThrow(
      'profiles/purpose/recipient-classes.json/classes/0/roles must NOT have fewer than 1 items',
    )
  })

  test('where it is no JSON at all', () => {
    expect(() => loadConsentExtensions(() => '{"citation":')).toThrow(
      'profiles/purpose/consent-extensions.json: expected JSON (',
    )
  })
})

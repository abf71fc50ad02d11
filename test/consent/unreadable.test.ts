import { describe, expect, it, test } from 'vitest'
import type { JsonObject, LiteralReference, Resource } from '../../src/model/fhir.ts'
import { actor, consent, directory, effect, PLAIN, question, reader } from './fixtures.ts'

/** Why a Consent with this provision, or with these elements, is not read. */
const why = (provision: JsonObject | undefined, over: JsonObject = {}): string | undefined =>
  reader.read([consent(provision, over)], new Date('2024-06-01T12:00:00Z'), 'UTC')[0]?.why

/** What stands in a root that permits, and the reason that names it. */
const PLACES: readonly (readonly [JsonObject, string])[] = [
  [{ period: { start: 1 } }, 'provision.period.start: expected a non-empty string'],
  [{ period: { end: '' } }, 'provision.period.end: expected a non-empty string'],
  [{ dataPeriod: [] }, 'provision.dataPeriod: expected an object'],
  [{ dataPeriod: { start: 1 } }, 'provision.dataPeriod.start: expected a non-empty string'],
  [{ action: {} }, 'provision.action: expected a non-empty array'],
  [{ action: [{ coding: [] }] }, 'provision.action[0].coding: expected a non-empty array'],
  [{ action: [{ coding: [{}] }] }, 'provision.action[0].coding[0].code: expected a code'],
  [
    { action: [{ coding: [{ code: '' }] }] },
    'provision.action[0].coding[0].code: expected a non-empty string',
  ],
  [{ securityLabel: {} }, 'provision.securityLabel: expected a non-empty array'],
  [{ securityLabel: [{}, {}] }, 'provision.securityLabel[0].code: expected a code'],
  [
    { securityLabel: [{ code: 'R', system: 1 }] },
    'provision.securityLabel[0].system: expected a non-empty string',
  ],
  [{ class: 'Condition' }, 'provision.class: expected a non-empty array'],
  [{ code: [{ coding: ['x'] }] }, 'provision.code[0].coding[0]: expected an object'],
  [{ code: 'x' }, 'provision.code: expected a non-empty array'],
  [{ data: {} }, 'provision.data: expected a non-empty array'],
  [{ data: [{ meaning: 1, reference: {} }] }, 'provision.data[0].meaning: expected a non-empty string'],
  [
    { data: [{ meaning: 'instance', reference: 'Observation/1' }] },
    'provision.data[0].reference: expected an object',
  ],
  [
    { data: [{ meaning: 'instance', reference: { reference: 1 } }] },
    'provision.data[0].reference.reference: expected a non-empty string',
  ],
  [
    { data: [{ meaning: 'instance', reference: { reference: 'Observation/1' }, modifierExtension: [] }] },
    'provision.data[0].modifierExtension: expected none, none is understood',
  ],
  [{ modifierExtension: [] }, 'provision.modifierExtension: expected none, none is understood'],
  [{ actor: {} }, 'provision.actor: expected a non-empty array'],
  [{ actor: [{ role: 'IRCP' }] }, 'provision.actor[0].role: expected an object'],
  [
    { actor: [{ role: { coding: [{}] }, reference: {} }] },
    'provision.actor[0].role.coding[0].code: expected a code',
  ],
  [{ actor: [{ reference: 'x' }] }, 'provision.actor[0].reference: expected an object'],
  [
    { actor: [{ reference: { reference: 1 } }] },
    'provision.actor[0].reference.reference: expected a non-empty string',
  ],
  [
    { actor: [{ reference: { identifier: 'x' } }] },
    'provision.actor[0].reference.identifier: expected an object',
  ],
  [
    { actor: [{ reference: { identifier: { value: 1 } } }] },
    'provision.actor[0].reference.identifier.value: expected a non-empty string',
  ],
  [
    { actor: [{ reference: { identifier: { value: 'x', system: 1 } } }] },
    'provision.actor[0].reference.identifier.system: expected a non-empty string',
  ],
  [{ provision: {} }, 'provision.provision: expected a non-empty array'],
  [
    { provision: [{ actor: [] }] },
    'provision.provision[0].type: expected a type, which nested provisions must have',
  ],
  [
    { provision: [{ type: 'deny', purpose: [{}] }] },
    'provision.provision[0].purpose[0].code: expected a code',
  ],
]

describe('a Consent that is not read says where', () => {
  test.each(PLACES)('%j', (elements, reason) => {
    expect(why({ type: 'permit', ...elements })).toBe(reason)
    expect(why({ type: 'permit', provision: [{ type: 'deny' }] })).toBeUndefined()
  })

  test('outside the provision', () => {
    const permit = { type: 'permit' }
    expect(why(permit, { policyRule: 'OPTIN' })).toBe('policyRule: expected an object')
    expect(why(permit, { policyRule: { coding: {} } })).toBe('policyRule.coding: expected a non-empty array')
    expect(why(permit, { policy: {} })).toBe('policy: expected a non-empty array')
    expect(why(permit, { policy: [{ modifierExtension: [] }] })).toBe(
      'policy[0].modifierExtension: expected none, none is understood',
    )
    expect(why(permit, { modifierExtension: [] })).toBe(
      'Consent.modifierExtension: expected none, none is understood',
    )
    expect(why(permit, { implicitRules: 'urn:x' })).toBe('Consent.implicitRules: expected none')
    expect(why(permit, { provision: [] })).toBe('provision: expected an object')
  })

  test('where it is nested too deep', () => {
    const nested = (depth: number): JsonObject =>
      depth === 0 ? { type: 'deny' } : { type: 'deny', provision: [nested(depth - 1)] }
    expect(why(nested(7))).toBeUndefined()
    expect(why(nested(8))).toBe(`provision${'.provision[0]'.repeat(7)}.provision: expected at most 8 levels`)
  })
})

describe('membership that has ended or is not in force', () => {
  const as = (who: LiteralReference, ...resources: readonly Resource[]) =>
    question({ actors: [{ role: 'recipient', reference: who }], directory: directory(resources) })
  const named = (type: string) => ({ type, actor: [actor('IRCP', { reference: 'CareTeam/t' })] })
  const team = (participant: JsonObject, more: JsonObject = {}): Resource => ({
    resourceType: 'CareTeam',
    id: 't',
    participant: [{ member: { reference: 'Practitioner/a' }, ...participant }],
    ...more,
  })
  const said = (type: 'permit' | 'deny', one: Resource): string => {
    const provision = type === 'permit' ? named('permit') : { type: 'permit', provision: [named('deny')] }
    return effect(provision, as('Practitioner/a', one), PLAIN)
  }

  it('permits nobody, and what ended takes nobody out of a refusal that has a team in force', () => {
    expect(said('permit', team({}))).toBe('permit')
    expect(said('permit', team({ period: { start: '2020' } }))).toBe('permit')
    expect(said('permit', team({ period: { end: '2020' } }))).not.toBe('permit')
    expect(said('permit', team({ period: { start: '2090' } }))).not.toBe('permit')
    expect(said('permit', team({ period: { start: 'soon' } }))).not.toBe('permit')
    expect(said('permit', team({}, { status: 'inactive' }))).not.toBe('permit')
    expect(said('deny', team({}))).toBe('deny')
    expect(said('deny', team({}, { status: 'inactive' }))).toBe('deny')
    expect(said('deny', team({ period: { start: 'soon' } }))).toBe('deny')
    expect(said('deny', team({ period: { end: '2020' } }))).toBe('permit')
  })

  it('of a PractitionerRole is its being active, for permits', () => {
    const role = (more: JsonObject): Resource => ({
      resourceType: 'PractitionerRole',
      id: 'r',
      practitioner: { reference: 'Practitioner/a' },
      ...more,
    })
    const toRole = (type: string) => ({ type, actor: [actor('IRCP', { reference: 'PractitionerRole/r' })] })
    const permitted = (one: Resource) => effect(toRole('permit'), as('Practitioner/a', one), PLAIN)
    const refused = (one: Resource) =>
      effect({ type: 'permit', provision: [toRole('deny')] }, as('Practitioner/a', one), PLAIN)
    expect(permitted(role({}))).toBe('permit')
    expect(permitted(role({ active: true }))).toBe('permit')
    expect(permitted(role({ active: false }))).not.toBe('permit')
    expect(refused(role({ active: false }))).toBe('deny')
    const elsewhere = role({ organization: { reference: 'Organization/other' } })
    expect(permitted(elsewhere)).not.toBe('permit')
    expect(refused(elsewhere)).toBe('deny')
  })
})

import { describe, expect, test } from 'vitest'
import { checkEntry } from '../../src/office/entry.ts'
import { stateOf } from '../../src/office/evidence.ts'
import { profiles } from '../decide/fixtures.ts'
import { NOON, ORDER } from './fixtures.ts'

const kinds = profiles.evidenceKinds!
const clients = [
  { issuer: 'https://one', clientId: 'court', organization: 'Organization/court' as const },
  { issuer: 'https://one', clientId: 'twice' },
  { issuer: 'https://two', clientId: 'twice' },
]
const check = (value: unknown) =>
  checkEntry(value, {
    kinds,
    clients,
    isPurpose: code => ['HLEGAL', 'TREAT'].includes(code),
    now: new Date(NOON.getTime() + 500),
  })

const sound = { ...ORDER, period: { end: '2026-10-01T00:00:00Z' } }

function placesOf(value: unknown): string[] {
  const checked = check(value)
  return 'problems' in checked ? checked.problems.map(({ path }) => path) : []
}

describe('An entry of evidence', () => {
  test('is stored with the issuer of its client and a start that counts at once', () => {
    const checked = check(sound)
    expect('problems' in checked).toBe(false)
    const { entry, kind } = checked as Exclude<typeof checked, { problems: unknown }>
    expect(entry.for).toEqual({ client: 'court', issuer: 'https://one' })
    expect(entry.period).toEqual({ start: '2026-09-15T15:00:00.000Z', end: '2026-10-01T00:00:00.000Z' })
    const stored = { ...entry, id: 'e', enteredBy: 'a', enteredAt: '', approvedAt: '', approvedBy: 'b' }
    expect(stateOf(stored, kind, NOON)).toBe('in-force')
  })

  test.each<[string, object, string[]]>([
    ['an unknown kind', { kind: 'letter' }, ['kind']],
    ['a kind that only the emergency door makes', { kind: 'break-glass' }, ['kind']],
    ['nobody', { for: {} }, ['for']],
    ['a user alone', { for: { user: 'Practitioner/x' } }, ['for']],
    ['a client nobody registered', { for: { client: 'stranger' } }, ['for']],
    ['a client that two issuers know', { for: { client: 'twice' } }, ['for.issuer']],
    ['a user that is no reference', { for: { client: 'court', user: 'Dr. X' } }, ['for.user']],
    ['an unknown member', { whom: 1 }, ['whom']],
    ['no patient', { patients: [] }, ['patients']],
    ['all patients where each is to be named', { patients: 'any' }, ['patients']],
    ['a patient by name', { patients: ['Patient/a', 'Elena'] }, ['patients[1]']],
    ['a purpose nobody knows', { purposes: ['HLEGAL', 'LEGAL'] }, ['purposes[1]']],
    ['no purpose in the list', { purposes: [] }, ['purposes']],
    ['no end', { period: {} }, ['period.end']],
    ['an end without zone', { period: { end: '2026-10-01T00:00:00' } }, ['period.end']],
    [
      'an end that is past',
      { period: { start: '2026-09-01T00:00:00Z', end: '2026-09-02T00:00:00Z' } },
      ['period.end'],
    ],
    [
      'an end before its start',
      { period: { start: '2027-09-01T00:00:00Z', end: '2026-10-02T00:00:00Z' } },
      ['period.end'],
    ],
    ['more days than the kind allows', { period: { end: '2027-10-01T00:00:00Z' } }, ['period.end']],
    ['facts of another shape', { facts: 'all' }, ['facts']],
    ['a note that is no text', { note: 1 }, ['note']],
  ])('is refused with %s, by the place', (_what, change, places) => {
    expect(placesOf({ ...sound, ...change })).toEqual(places)
  })

  test.each<[string, object, string[]]>([
    ['a fact missing', { court: undefined }, ['facts.court']],
    ['a fact blank', { court: ' ' }, ['facts.court']],
    ['a fact nobody asks for', { judge: 'x' }, ['facts.judge']],
    ['no subpoena', { subpoenaAttached: false }, ['facts.subpoenaAttached']],
    ['a section of another kind', { section: '42 CFR 2.66' }, ['facts.section']],
    ['a day that is none', { date: '2026-02-30' }, ['facts.date']],
    ['an empty scope', { scope: {} }, ['facts.scope']],
    ['a part no scope has', { scope: { elements: ['x'] } }, ['facts.scope.elements']],
    ['a scope of no type', { scope: { resourceTypes: ['observation'] } }, ['facts.scope.resourceTypes[0]']],
    ['a scope of codes without system', { scope: { codes: ['1-8'] } }, ['facts.scope.codes[0]']],
    [
      'a scope that ends before it starts',
      { scope: { from: '2026-02-01', to: '2026-01-01' } },
      ['facts.scope.to'],
    ],
  ])('is refused with %s, by the place', (_what, change, places) => {
    expect(placesOf({ ...sound, facts: { ...sound.facts, ...change } })).toEqual(places)
  })

  test('is refused where it is no object', () => {
    expect(placesOf([])).toEqual([''])
    expect(placesOf(null)).toEqual([''])
  })

  test('tells what a missing fact means and where the rule is', () => {
    const checked = check({ ...sound, facts: { ...sound.facts, subpoenaAttached: undefined } })
    expect('problems' in checked && checked.problems[0]!.expected).toMatch(/subpoena.*42 CFR 2\.61/)
  })

  test('names the user of a guardian', () => {
    const facts = { authority: 'Probate Court 12', date: '2026-01-01' }
    const guardian = { ...sound, kind: 'guardian', facts }
    expect(placesOf(guardian)).toEqual(['for.user'])
    expect(placesOf({ ...guardian, for: { client: 'court', user: 'RelatedPerson/g' } })).toEqual([])
  })
})

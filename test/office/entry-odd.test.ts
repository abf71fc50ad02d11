import { describe, expect, test } from 'vitest'
import type { EvidenceKind } from '../../src/model/office.ts'
import { checkEntry } from '../../src/office/entry.ts'
import { profiles } from '../decide/fixtures.ts'
import { NOON, ORDER } from './fixtures.ts'

const order = profiles.evidenceKinds?.find(({ id }) => id === ORDER.kind) as EvidenceKind
const clients = [
  { issuer: 'https://one', clientId: 'court', organization: 'Organization/court' as const },
  { issuer: 'https://one', clientId: 'twice', organization: 'Organization/a' as const },
  { issuer: 'https://two', clientId: 'twice' },
]
const field = (name: string, type: string) => ({ name, type, required: false, meaning: name })
/** A kind with what no published kind has. */
const wide = {
  ...order,
  id: 'wide',
  patients: 'any',
  longest: { hours: 2 },
  fields: [field('agreed', 'yes-no'), field('remarks', 'texts')],
} as unknown as EvidenceKind
const check = (value: object) =>
  checkEntry(value, { kinds: [order, wide], clients, isPurpose: () => true, now: NOON })
const sound = { ...ORDER, period: { end: '2026-10-01T00:00:00Z' } }
const broad = { ...sound, kind: 'wide', patients: 'any', facts: {}, period: { end: '2026-09-15T17:00:00Z' } }
const entryOf = (value: object) => {
  const checked = check(value)
  return 'entry' in checked ? checked.entry : undefined
}
const problemsOf = (value: object): (readonly [string, string])[] => {
  const checked = check(value)
  return 'problems' in checked ? checked.problems.map(({ path, expected }) => [path, expected] as const) : []
}

describe('Whom an entry of evidence is for', () => {
  test('is an object, and an organization is named by reference', () => {
    expect(problemsOf({ ...sound, for: 'court' })).toEqual([
      ['for', 'expected an object with client or organization'],
    ])
    for (const organization of ['the court', 5])
      expect(problemsOf({ ...sound, for: { organization } })).toEqual([
        ['for.organization', 'expected a reference such as Organization/x'],
      ])
    expect(entryOf({ ...sound, for: { organization: 'Organization/court' } })?.for).toEqual({
      organization: 'Organization/court',
    })
  })

  test('is one client where issuer or organization says which', () => {
    expect(problemsOf({ ...sound, for: { client: 'twice' } }).map(([path]) => path)).toEqual(['for.issuer'])
    expect(entryOf({ ...sound, for: { client: 'twice', issuer: 'https://two' } })?.for).toEqual({
      client: 'twice',
      issuer: 'https://two',
    })
    expect(entryOf({ ...sound, for: { client: 'twice', organization: 'Organization/a' } })?.for).toEqual({
      client: 'twice',
      organization: 'Organization/a',
      issuer: 'https://one',
    })
  })
})

describe('Whose records an entry of evidence is about', () => {
  test('are all only where its kind may speak of all, which is said then', () => {
    expect(entryOf(broad)?.patients).toBe('any')
    expect(problemsOf({ ...broad, patients: 'Patient/a' })).toEqual([
      ['patients', 'expected a list of references Patient/x, or "any"'],
    ])
    expect(problemsOf({ ...sound, patients: 'Patient/a' })).toEqual([
      ['patients', 'expected a list of references Patient/x'],
    ])
  })
})

describe('The period of an entry of evidence', () => {
  test('has an end, and a start that can be read', () => {
    expect(problemsOf({ ...sound, period: undefined }).map(([path]) => path)).toEqual(['period.end'])
    expect(
      problemsOf({ ...sound, period: { ...sound.period, start: 'today' } }).map(([path]) => path),
    ).toEqual(['period.start'])
  })

  test.each([
    '2026-09-31T00:00:00Z',
    '2026-02-29T00:00:00+02:00',
    '2026-13-01T00:00:00Z',
    '2026-09-20T25:00:00Z',
  ])('ends on no day and hour that no calendar has: %s', end => {
    expect(problemsOf({ ...sound, period: { start: '2026-02-01T00:00:00Z', end } })[0]).toEqual([
      'period.end',
      'expected an instant such as 2026-06-01T00:00:00-07:00',
    ])
  })

  test('is as long as its kind lets it be, in hours where that is said in hours', () => {
    expect(entryOf(broad)?.period.end).toBe('2026-09-15T17:00:00.000Z')
    expect(problemsOf({ ...broad, period: { end: '2026-09-15T17:00:01Z' } })).toEqual([
      ['period.end', 'expected at most 2 hours after period.start'],
    ])
  })
})

describe('The facts of an entry of evidence', () => {
  test('are yes or no, and lists of words, where their kind says so', () => {
    const facts = { agreed: false, remarks: ['seen', 'heard'] }
    expect(entryOf({ ...broad, facts })?.facts).toEqual(facts)
    expect(problemsOf({ ...broad, facts: { agreed: 'no', remarks: ['seen', ' '] } })).toEqual([
      ['facts.agreed', 'expected true or false: agreed'],
      ['facts.remarks[1]', 'expected text: remarks'],
    ])
    for (const remarks of [[], 'seen'])
      expect(problemsOf({ ...broad, facts: { remarks } })).toEqual([
        ['facts.remarks', 'expected a list of text: remarks'],
      ])
  })

  test('have a note beside them where one is written', () => {
    expect(entryOf({ ...broad, note: 'by phone' })?.note).toBe('by phone')
    expect(entryOf(broad)).not.toHaveProperty('note')
  })
})

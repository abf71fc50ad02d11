import { describe, expect, it } from 'vitest'
import { lawMatrix } from '../../src/decide/law-matrix.ts'
import { profiles } from './fixtures.ts'

describe('the law matrix', () => {
  it('prints every row, each field a text, in the order of jurisdiction and id', () => {
    const rows = lawMatrix(profiles.lawRows)
    expect(rows.length).toBe(profiles.lawRows.length)
    expect(rows.every(row => Object.values(row).every(value => typeof value === 'string'))).toBe(true)
    const keys = rows.map(({ jurisdiction, id }) => `${jurisdiction}\n${id}`)
    expect(keys).toEqual(keys.toSorted())
  })

  it('for a state shows its own rows and the federal ones', () => {
    expect(
      new Set(lawMatrix(profiles.lawRows, { state: 'ny' }).map(({ jurisdiction }) => jurisdiction)),
    ).toEqual(new Set(['US', 'US-NY']))
  })

  it('shows a row that is switched off as such, and leaves it out on request', () => {
    const all = lawMatrix(profiles.lawRows)
    const on = lawMatrix(profiles.lawRows, { enabledOnly: true })
    expect(all.some(({ enabled }) => enabled === 'no')).toBe(true)
    expect(on.length).toBe(profiles.lawRows.filter(({ enabled }) => enabled).length)
  })

  it('tells conditions, terms and dates of a row', () => {
    const [row] = lawMatrix(profiles.lawRows, { category: 'substance-use' }).filter(
      ({ id }) => id === 'p2-2.31-consent',
    )
    expect(row).toMatchObject({
      effect: 'require-consent',
      when: 'part2 true',
      inForce: '2024-04-16 to open',
      terms:
        'consent part2 | part2-tpo; obligations P2_NOTICE | P2_CONSENT_COPY | P2_LIMIT_TO_PURPOSE; caveats NORDSCLCD | PERSISTLABEL; on refusal P2_NO_REVEAL; notice p2-long; ground 171.202(b); silent yes',
    })
  })

  it('tells ages, an open start and a row without conditions', () => {
    const base = {
      id: 'x',
      title: 't',
      citation: 'c',
      jurisdiction: 'site',
      enabled: true,
      confidence: 'low',
      effect: 'permit',
    } as const
    const [minor] = lawMatrix([
      { ...base, when: { ages: { from: 12, under: 18 } }, effectiveTo: '2027-01-01' },
    ])
    expect(minor).toMatchObject({
      when: 'ages from 12 under 18',
      inForce: ' to 2027-01-01',
      category: 'general',
    })
    expect(lawMatrix([{ ...base, when: {} }])[0]).toMatchObject({
      when: 'always',
      inForce: 'always',
      terms: '',
    })
  })
})

import { describe, expect, it } from 'vitest'
import { matchesDate } from '../../src/identity/dates.ts'

const period = { start: '2024-03-01', end: '2024-03-31' }

describe('a date of a granular scope', () => {
  const met: readonly [string, string | object][] = [
    ['2024', '2024-03-05'],
    ['2024-02-29', '2024-02-29'],
    ['2024-03', '2024-03-05T23:59:59Z'],
    ['2024-03-05T10:00', '2024-03-05T10:00:30Z'],
    ['2024-03-05T10:00:00', '2024-03-05T10:00:00.250Z'],
    ['2024-03-05T10:00:00.250Z', '2024-03-05T12:00:00.250+02:00'],
    ['eq2024-03', period],
    ['ne2024-04', period],
    ['gt2024-03-15', period],
    ['ge2024-03-31', { start: '2024-03-31', end: '2024-03-31' }],
    ['ge2024', { start: '2024-03-31' }],
    ['lt2024-03-02', period],
    ['le2024-12', { end: '2024-03-31' }],
    ['le2024-03-05', '2024-03-05'],
    ['sa2024-02', period],
    ['eb2024-04', period],
    ['2024-02', '2024-02-29'],
    ['2024-12', '2024-12-31T23:59:59.999Z'],
  ]
  it.each(met)('%s covers %j', (asked, value) => {
    expect(matchesDate(value as string, asked)).toBe(true)
  })

  const unmet: readonly [string, unknown][] = [
    ['2024-09-31', '2024-10-01'],
    ['2024-10-01', '2024-09-31'],
    ['2023-02-29', '2023-03-01'],
    ['2024-03-05', '2024-03'],
    ['2024', '2025-01-01'],
    ['2024-03', { start: '2024-03-01' }],
    ['2024-02', '2024-03-01T00:00:00Z'],
    ['2024-12', '2025-01-01T00:00:00Z'],
    ['2024-03-05T10:00', '2024-03-05T10:01:00Z'],
    ['ne2024-03', period],
    ['gt2024-03-31', period],
    ['ge2024-04-01', period],
    ['lt2024-03-01', period],
    ['le2024-02', period],
    ['sa2024-03-01', period],
    ['eb2024-03-31', period],
    ['ap2024-03-05', '2024-03-05'],
    ['2024-13', '2024-13'],
    ['ne2024', 'unknown'],
    ['ne2024', {}],
    ['ne2024', 7],
    ['ne', '2024'],
    ['', '2024'],
  ]
  it.each(unmet)('%s does not cover %j', (asked, value) => {
    expect(matchesDate(value as string, asked)).toBe(false)
  })
})

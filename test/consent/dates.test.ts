import { describe, expect, it } from 'vitest'
import { periodSpan, spanOf } from '../../src/consent/dates.ts'

const iso = (instant: number | undefined) => new Date(instant ?? Number.NaN).toISOString()
const span = (text: string, zone = 'UTC') => {
  const found = spanOf(text, zone)
  return found === undefined ? undefined : [iso(found.start), iso(found.end)]
}

describe('a FHIR date', () => {
  it('covers the whole year, month, day, minute or second that is written', () => {
    expect(span('2024')).toEqual(['2024-01-01T00:00:00.000Z', '2025-01-01T00:00:00.000Z'])
    expect(span('2024-12')).toEqual(['2024-12-01T00:00:00.000Z', '2025-01-01T00:00:00.000Z'])
    expect(span('2024-02-29')).toEqual(['2024-02-29T00:00:00.000Z', '2024-03-01T00:00:00.000Z'])
    expect(span('2024-02-29T10:05Z')).toEqual(['2024-02-29T10:05:00.000Z', '2024-02-29T10:06:00.000Z'])
    expect(span('2024-02-29T10:05:07+02:00')).toEqual([
      '2024-02-29T08:05:07.000Z',
      '2024-02-29T08:05:08.000Z',
    ])
    expect(span('2024-02-29T10:05:07.5-02:30')).toEqual([
      '2024-02-29T12:35:07.500Z',
      '2024-02-29T12:35:07.501Z',
    ])
  })

  it('in a zone begins and ends by the clocks there, on days of 23 and 25 hours too', () => {
    const zone = 'America/New_York'
    expect(span('2024-03-10', zone)).toEqual(['2024-03-10T05:00:00.000Z', '2024-03-11T04:00:00.000Z'])
    expect(span('2024-11-03', zone)).toEqual(['2024-11-03T04:00:00.000Z', '2024-11-04T05:00:00.000Z'])
    expect(span('2024', zone)).toEqual(['2024-01-01T05:00:00.000Z', '2025-01-01T05:00:00.000Z'])
    expect(span('2024-07', 'Pacific/Auckland')).toEqual([
      '2024-06-30T12:00:00.000Z',
      '2024-07-31T12:00:00.000Z',
    ])
    expect(span('2024-07-01T08:00', 'Asia/Kathmandu')?.[0]).toBe('2024-07-01T02:15:00.000Z')
    expect(span('2024-07-01T08:00:00.250', 'Asia/Kathmandu')?.[0]).toBe('2024-07-01T02:15:00.250Z')
  })

  it('begins when the clocks leap over midnight, and once where they show it twice', () => {
    // Clocks in São Paulo went from 24:00 on the third to 01:00 on the fourth.
    expect(span('2018-11-04', 'America/Sao_Paulo')).toEqual([
      '2018-11-04T03:00:00.000Z',
      '2018-11-05T02:00:00.000Z',
    ])
    expect(span('2018-11-03', 'America/Sao_Paulo')?.[1]).toBe('2018-11-04T03:00:00.000Z')
    // In Havana they went back from 01:00 to 00:00: the day begins with the first of the two.
    expect(span('2024-11-03', 'America/Havana')).toEqual([
      '2024-11-03T04:00:00.000Z',
      '2024-11-04T05:00:00.000Z',
    ])
    expect(span('2024-03-10T02:30', 'America/New_York')?.[0]).toBe('2024-03-10T07:30:00.000Z')
    expect(span('2024-11-03T01:30', 'America/New_York')?.[0]).toBe('2024-11-03T05:30:00.000Z')
    // Samoa had no 30 December 2011 at all.
    expect(span('2011-12-30', 'Pacific/Apia')).toEqual([
      '2011-12-30T10:00:00.000Z',
      '2011-12-30T10:00:00.000Z',
    ])
  })

  it('of the first century is not one of the last', () => {
    expect(span('0001-01-01')?.[0]).toBe('0001-01-01T00:00:00.000Z')
    expect(span('0099-12-31T23:59:59Z')?.[0]).toBe('0099-12-31T23:59:59.000Z')
    expect(span('0004-02-29')?.[0]).toBe('0004-02-29T00:00:00.000Z')
    expect(span('9999-12-31')?.[1]).toBe('+010000-01-01T00:00:00.000Z')
  })

  it('that is none is none', () => {
    for (const text of [
      '',
      '24',
      '2024-13',
      '2024-00',
      '2023-02-29',
      '2024-01-32',
      '2024-01-00',
      '2024-1-1',
      '2024-01-01T',
      '2024-01-01T24:00:00Z',
      '2024-01-01T10:60Z',
      '2024-01-01T10:00:61Z',
      '2024-02-30T10:00:00Z',
      '2024-01-01T10Z',
      'x2024',
      '2024x',
      '2024-01-01T10:00:00z',
    ]) {
      expect([text, span(text)]).toEqual([text, undefined])
    }
    expect(span('2024-12-31T23:59:60Z')?.[0]).toBe('2025-01-01T00:00:00.000Z')
    expect(() => spanOf('2024', 'Nowhere/Here')).toThrow(RangeError)
  })
})

describe('a period', () => {
  it('is open where an end is not written, and none where it ends before it starts', () => {
    expect(periodSpan(undefined, undefined, 'UTC')).toEqual({ start: -Infinity, end: Infinity })
    expect(periodSpan('2024', undefined, 'UTC')).toEqual({ start: Date.UTC(2024, 0, 1), end: Infinity })
    expect(periodSpan(undefined, '2024', 'UTC')).toEqual({ start: -Infinity, end: Date.UTC(2025, 0, 1) })
    expect(periodSpan('2024-06-01', '2024-06-01', 'UTC')).toEqual({
      start: Date.UTC(2024, 5, 1),
      end: Date.UTC(2024, 5, 2),
    })
    expect(periodSpan('2024-06-02', '2024-06-01', 'UTC')).toBeUndefined()
    expect(periodSpan('2024-06-02T00:00:00Z', '2024-06-01', 'UTC')).toBeUndefined()
    expect(periodSpan('soon', undefined, 'UTC')).toBeUndefined()
    expect(periodSpan(undefined, 'later', 'UTC')).toBeUndefined()
  })
})

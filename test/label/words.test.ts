import { describe, expect, it } from 'vitest'
import { WordMatcher } from '../../src/label/words.ts'

const matcher = new WordMatcher([
  {
    hit: 'sud',
    any: ['opioid*', 'drug'],
    near: ['abuse', 'use disorder'],
    except: ['abuse deterrent'],
    negatable: true,
  },
  { hit: 'hiv', any: ['hiv', 'human immunodeficiency virus'], negatable: false },
  { hit: 'both', any: ['hiv'], all: ['hepatitis'], negatable: true },
])

describe('words', () => {
  it.each([
    ['Opioid abuse', ['sud']],
    ['Abuse of prescribed opioids', ['sud']],
    ['Severe OPIOID use-disorder', ['sud']],
    ['opioid. Abuse', []],
    ['Opioid, abuse deterrent tablet', []],
    ['opioidabuse', []],
    ['No history of opioid abuse', []],
    ['denies pain but has opioid abuse', ['sud']],
    ['Opioid abuse: denied', []],
    ['Family history of opioid abuse', []],
    ['Opioid abuse in mother complicating childbirth', ['sud']],
    ['HIV negative', ['hiv']],
    ['hiv and hepatitis', ['hiv', 'both']],
    ['\uff28\uff29\uff36', ['hiv']],
    ['archive', []],
  ])('%s', (text, hits) => {
    expect(matcher.match(text)).toEqual(hits)
  })

  it('read long and hostile texts in bounded time and find what stands at the seams', () => {
    const start = performance.now()
    expect(matcher.match('opioid '.repeat(300_000))).toEqual([])
    expect(matcher.match(`${'no drug abuse, '.repeat(100_000)}`)).toEqual([])
    for (const at of [199_990, 199_995, 199_600])
      expect(matcher.match(`${'x '.repeat(at / 2)}opioid abuse`)).toEqual(['sud'])
    expect(performance.now() - start).toBeLessThan(5_000)
  })
})

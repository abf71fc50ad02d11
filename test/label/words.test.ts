import { describe, expect, it } from 'vitest'
import { attachmentText, stripTags } from '../../src/label/attachments.ts'
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

describe('attachments', () => {
  const base64 = (text: string) => Buffer.from(text).toString('base64')

  it('are read as text where they are text', () => {
    expect(attachmentText('text/plain; charset=utf-8', base64('äb'))).toBe('äb')
    expect(attachmentText('text/html', base64('<p>HI<b>V</b> &amp; more</p>'))?.trim()).toBe('HIV & more')
    expect(attachmentText('text/plain', Buffer.from([0xe9, 0x20]).toString('base64'))).toBe('é ')
  })

  it.each([
    ['application/pdf', base64('%PDF')],
    ['text/plain', 'not base64 ***'],
    ['image/png', base64('x')],
    ['text/plain', 'A'.repeat(2_900_000)],
  ])('are unreadable where nothing can be said of them: %s', (contentType, data) => {
    expect(attachmentText(contentType, data)).toBeUndefined()
  })

  it('lose their tags in linear time, whatever is left open', () => {
    expect(stripTags('a < b')).toBe('a < b')
    expect(stripTags('CD4 < 200 and > 100')).toBe('CD4 < 200 and > 100')
    expect(stripTags('<a'.repeat(200_000))).toHaveLength(400_000)
  })
})

import { describe, expect, it } from 'vitest'
import { WordMatcher } from '../../src/label/words.ts'

const matcher = new WordMatcher([
  {
    hit: 'sud',
    any: ['opioid*', 'drug', 'heroin', 'alcoholi*', 'etoh', 'buprenorphine', 'oud'],
    near: ['abuse', 'use disorder', 'use', 'alcoholi*', 'etoh', 'buprenorphine', 'oud'],
    except: ['abuse deterrent'],
    negatable: true,
  },
  { hit: 'hiv', any: ['hiv', 'human immunodeficiency virus'], negatable: false },
  { hit: 'both', any: ['hiv'], all: ['hepatitis'], negatable: true },
  { hit: 'mh', any: ['phq 9', 'depress*', 'antidepressant*', 'crohn disease'], negatable: true },
])

const table = (cases: readonly (readonly [string, readonly string[]])[]): void => {
  it.each(cases)('%j', (text, hits) => {
    expect(matcher.match(text)).toEqual(hits)
  })
}

describe('words are found', () => {
  table([
    ['Opioid abuse', ['sud']],
    ['Abuse of prescribed opioids', ['sud']],
    ['Severe OPIOID use-disorder', ['sud']],
    ['opioid. Abuse', []],
    ['Opioid, abuse deterrent tablet', []],
    ['Opioid abuse of many years, pain better now, abuse deterrent tablet', ['sud']],
    ['opioidabuse', []],
    ['hiv and hepatitis', ['hiv', 'both']],
    ['archive', []],
  ])

  describe('however they are written', () => {
    table([
      ['\uff28\uff29\uff36', ['hiv']],
      ['H\u200bI\u200bV', ['hiv']],
      ['HI\u00adV', ['hiv']],
      ['H\u0456V', ['hiv']],
      ['\u041d\u0406V', ['hiv']],
      ['H\u0131V', ['hiv']],
      ['H\u0301I\u0323V', ['hiv']],
      ['\ud835\udc07\ud835\udc08\ud835\udc15', ['hiv']],
      ['HI\u0000V', ['hiv']],
      ['\u210d\ud835\udd40\ud835\udd4d', ['hiv']],
      ['h\u00e9ro\u00efn us\u00e9', ['sud']],
      ['H.I.V.', ['hiv']],
      ['h-i-v positive', ['hiv']],
      ['e-t-o-h', ['sud']],
      ['bupre-\nnorphine', ['sud']],
      ['bupre-\r\nnorphine', ['sud']],
      ['bupre\u00ad\nnorphine', ['sud']],
      ['bupre-norphine', ['sud']],
      ['human immuno-\n  deficiency virus', ['hiv']],
      ['human\nimmunodeficiency\nvirus', ['hiv']],
      ['anti-depressants', ['mh']],
      ['PHQ-9', ['mh']],
      ['PHQ9', ['mh']],
      ['phq\u20119', ['mh']],
      ['PHQ_9', ['mh']],
      ["Crohn's disease", ['mh']],
      ['Crohn\u2019s disease', ['mh']],
      ["the patient's heroin use", ['sud']],
      ['O.U.D. since 2010', ['sud']],
      ['O. U. D.', []],
      ['h i v', []],
      ['shi-vering', []],
    ])
  })
})

describe('what is denied', () => {
  table([
    ['No history of opioid abuse', []],
    ['Denies any current or past heroin use', []],
    ['Opioid abuse: denied', []],
    ['Heroin use - denies', []],
    ['Drug use: No', []],
    ['Heroin use: none.', []],
    ['heroin use not reported', []],
    ['negative for depression', []],
    ['Patient does not use heroin', []],
    ["Patient doesn't use heroin", []],
    ['No fever, cough, or opioid abuse', []],
    ['Denies tobacco, alcohol abuse, drug use', []],
    ['absence of depression', []],
    ['depression not due to opioid use', ['mh']],
  ])
})

describe('what only looks denied', () => {
  table([
    ['denies pain but has opioid abuse', ['sud']],
    ['denies pain; opioid abuse', ['sud']],
    ['Denies pain. Opioid abuse', ['sud']],
    ['denies pain however heroin use', ['sud']],
    ['No fever, history of opioid abuse', ['sud']],
    ['Denies suicidal thoughts, admits heroin use', ['sud']],
    ['No acute distress, on buprenorphine', ['sud']],
    ['Denies suicidal thoughts, and reports heroin use', ['sud']],
    ['Heroin use, denies chest pain', ['sud']],
    ['opioid abuse no treatment wanted', ['sud']],
    ['No longer in treatment for opioid abuse', ['sud']],
    ['Not sober, opioid abuse', ['sud']],
    ['no improvement of depression', ['mh']],
    ['not only opioid abuse', ['sud']],
    ["Can't stop heroin use", ['sud']],
    ['no problems other than opioid abuse', ['sud']],
    ['No seizures since opioid abuse', ['sud']],
    ['- No\n- Opioid abuse', ['sud']],
    ['\u2022 No falls \u2022 opioid abuse', ['sud']],
    ['HIV negative', ['hiv']],
    ['Negative HIV test', ['hiv']],
    ['No HIV, no hepatitis', ['hiv']],
    ['depression not controlled', ['mh']],
    ['Heroin use, not applicable or unspecified', ['sud']],
    ['Heroin use absent', ['sud']],
    ["Can't sleep for depression", ['mh']],
    ['No | heroin use', []],
    ['Heroin | use | Urine', ['sud']],
  ])
})

describe('what is said of relatives', () => {
  table([
    ['Family history of opioid abuse', []],
    ['FHx: alcoholism', []],
    ['Mother is an alcoholic', []],
    ['mother and father: heroin use', []],
    ['alcoholism in father', []],
    ['Alcoholism (sister)', []],
    ["Patient's brother died of heroin use", []],
    ['HIV in brother', ['hiv']],
  ])
})

describe('what only names a relative', () => {
  table([
    ['Opioid abuse in mother complicating childbirth', ['sud']],
    ['Mother reports heroin use', ['sud']],
    ['mother states patient is alcoholic', ['sud']],
    ['Brought in by mother after heroin use', ['sud']],
    ['Lives with father, alcoholic', ['sud']],
    ['Alcoholic, father deceased of stroke', ['sud']],
    ['Family history reviewed, patient is alcoholic', ['sud']],
    ['Mother had asthma; heroin use since 2010', ['sud']],
  ])
})

describe('sections', () => {
  table([
    ['Family History:\nAlcoholism\nDepression', []],
    ['FAMILY HISTORY\nAlcoholism, depression\nSocial History\nnever smoked', []],
    ['PMH: asthma. Family Hx: alcoholism, depression. Allergies: none.', []],
    ['Family History:\nMother: alcoholism\nPaternal grandfather: depression', []],
    ['Family History: HIV', ['hiv']],
    ['Family History:\nfather alcoholic\nSocial History:\nheroin use daily', ['sud']],
    ['Family History: father alcoholic. Substance use: heroin use daily.', ['sud']],
    ['Family History:\nasthma\n\nAssessment and Plan\nOpioid use disorder', ['sud']],
    ['Family History: alcoholism. Patient himself is alcoholic.', ['sud']],
    ['Past Medical History:\nDepression\nFamily History:\nasthma', ['mh']],
    ['Review of Systems:\nPsychiatric: denies depression', []],
    ['Allergies: none\nOpioid abuse', ['sud']],
  ])
})

describe('long and hostile texts', () => {
  const timed = (text: string): { hits: readonly string[]; ms: number } => {
    // Time of this process, not of the machine: other tests run beside it.
    const before = process.cpuUsage()
    const hits = matcher.match(text)
    const { user, system } = process.cpuUsage(before)
    return { hits, ms: (user + system) / 1000 }
  }

  it.each([
    ['one word again and again', 'opioid ', []],
    ['denials without end are not believed', 'no drug abuse, ', ['sud']],
    ['excepted words', 'drug abuse deterrent ', ['sud']],
    ['dots', '. ', []],
    ['single letters', 'a.', []],
    ['hyphens', 'opioid-', []],
    ['look-alikes', '\u041d\u0456\u200b\u0301', []],
    ['a ligature that is eighteen letters', '\ufdfa', []],
    ['line breaks', '\n \n', []],
    ['family history without end', 'Family History:\nmother ', []],
  ])('%s are read in less than two seconds for 8 million characters', (_, part, wanted) => {
    const { hits, ms } = timed(part.repeat(Math.ceil(8_000_000 / part.length)))
    expect(hits).toEqual(wanted)
    expect(ms).toBeLessThan(2_000)
  })

  it('and hide nothing at their end', () => {
    for (const part of ['x ', 'opioid. ', '\u041d\u0456', '\n'])
      expect(timed(`${part.repeat(500_000)} . HIV`).hits).toEqual(['hiv'])
  })

  it('leave nothing behind for the next text', () => {
    matcher.match(`Family History: alcoholism ${'opioid. '.repeat(50_000)}`)
    expect(matcher.match('heroin use')).toEqual(['sud'])
    expect(matcher.match('nothing here')).toEqual([])
  })
})

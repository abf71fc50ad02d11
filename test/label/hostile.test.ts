import { describe, expect, it } from 'vitest'
import { AT, labeller, raw } from './house.ts'

/** Facts of hostile bytes, and the time they took this process, milliseconds. */
function assessed(bytes: string | Uint8Array): { why: string | undefined; codes: string[]; ms: number } {
  const room = labeller()
  const input = typeof bytes === 'string' ? raw(bytes) : { bytes, hash: String(bytes.length) }
  room.assess(raw('{}'))
  const before = process.cpuUsage()
  const facts = room.assess(input)
  const result = room.label(facts, () => 'absent', { at: AT })
  const { user, system } = process.cpuUsage(before)
  return { why: result.notAssessable, codes: [...result.codes], ms: (user + system) / 1000 }
}

const observation = (members: string): string =>
  `{"resourceType":"Observation","id":"x","subject":{"reference":"Patient/p"},${members}}`
const SECRET = '"note":[{"text":"opioid use disorder"}]'
const many = (part: string, count: number): string => new Array(count).fill(part).join(',')

describe('hostile input ends as not assessable in bounded time', () => {
  it.each([
    [
      'nesting of 10,000 arrays',
      () => observation(`"a":${'['.repeat(10_000)}${']'.repeat(10_000)}`),
      /^too-deep/,
    ],
    [
      'nesting of 10,000 objects',
      () => observation(`"a":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`),
      /^too-deep/,
    ],
    [
      'nesting of a million brackets that nobody closes',
      () => observation(`"a":${'['.repeat(1_000_000)}`),
      /^too-deep/,
    ],
    [
      'extensions in extensions',
      () => observation(`"extension":${'[{"url":"u","extension":'.repeat(200)}[]${'}]'.repeat(200)}`),
      /^too-deep/,
    ],
    ['a million items', () => observation(`"a":[${many('1', 1_000_000)}]`), /^too many values/],
    ['a million objects', () => observation(`"a":[${many('{"code":"x"}', 600_000)}]`), /^too many values/],
    [
      'a million references',
      () => observation(`"focus":[${many('{"reference":"Patient/1"}', 600_000)}]`),
      /^too many values/,
    ],
    [
      'lists of lists',
      () => observation(`"a":[${many(`[${many('"abc"', 1_000)}]`, 1_000)}]`),
      /^too many values/,
    ],
    [
      'a million members',
      () => observation(Array.from({ length: 600_000 }, (_, n) => `"a${n}":"abc"`).join(',')),
      /^too many members/,
    ],
    [
      'a narrative of 50 million characters',
      () => observation(`"text":{"div":"${'<p>x</p>'.repeat(6_250_000)}"}`),
      /^too much text/,
    ],
    [
      'a narrative of tags that nobody closes',
      () => observation(`"text":{"div":"${'<a '.repeat(7_000_000)}"}`),
      /^too much text/,
    ],
    [
      'one string of 50 million characters',
      () => observation(`"valueString":"${'opioid '.repeat(7_200_000)}"`),
      /^too much text/,
    ],
    [
      'a thousand notes of ten thousand characters',
      () => observation(`"note":[${many(`{"text":"${'drug '.repeat(2_000)}"}`, 1_000)}]`),
      /^too much text/,
    ],
    ['half a string', () => observation('"a":"x').slice(0, -1), /^not-json/],
    ['a member twice', () => observation('"status":"final","status":"final"'), /^duplicate-key/],
    ['a member that reaches a prototype', () => observation('"__proto__":{}'), /^forbidden-key/],
    [
      'a member name with a dot around a reference',
      () => observation('"a.b":{"reference":"Condition/c"}'),
      /^a member name/,
    ],
    [
      'a member name with a bracket around a secret',
      () => observation(`"a[0]":{${SECRET}}`),
      /^a member name/,
    ],
  ])('%s', (_, make, why) => {
    const { why: said, ms } = assessed(make())
    expect(said).toMatch(why)
    expect(ms).toBeLessThan(2_000)
  })

  it('bytes that are no text', () => {
    const bytes = new Uint8Array(1_000_000).fill(0xff)
    expect(assessed(bytes)).toMatchObject({ why: expect.stringMatching(/^not-utf8/) })
  })
})

describe('what is long and not hostile is read to its end', () => {
  it.each([
    [
      'a narrative of 3 million characters',
      () => observation(`"text":{"div":"${'<p>well</p>'.repeat(270_000)}<p>opioid use disorder</p>"}`),
    ],
    [
      'seven million characters in one string',
      () => observation(`"valueString":"${'well '.repeat(1_400_000)}. Opioid use disorder"`),
    ],
    [
      'a hundred thousand references',
      () => observation(`"focus":[${many('{"reference":"Observation/1"}', 100_000)}],${SECRET}`),
    ],
    ['two hundred thousand numbers', () => observation(`"a":[${many('1', 200_000)}],${SECRET}`)],
    [
      'look-alikes by the million',
      () =>
        observation(`"valueString":"${'\u041d\u0456\u200b '.repeat(1_000_000)}. \u041epioid use disorder"`),
    ],
    [
      'a code of a million characters',
      () =>
        observation(
          `"code":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"${'F'.repeat(1_000_000)}"}]},${SECRET}`,
        ),
    ],
    [
      'a system of a million characters',
      () =>
        observation(
          `"code":{"coding":[{"system":"${'http://'.repeat(150_000)}","code":"F11.20"}]},${SECRET}`,
        ),
    ],
    [
      'a link of a million characters',
      () => observation(`"instantiatesUri":["http://${'a/'.repeat(500_000)}"],${SECRET}`),
    ],
    [
      'an expression of a million concepts',
      () =>
        observation(
          `"code":{"coding":[{"system":"http://snomed.info/sct","code":"${'404684003+'.repeat(100_000)}"}]},${SECRET}`,
        ),
    ],
    [
      'fifty thousand codes of its own',
      () =>
        observation(
          `"component":[${Array.from({ length: 50_000 }, (_, n) => `{"code":{"coding":[{"system":"urn:x","code":"c${n}"}]}}`).join(',')}],${SECRET}`,
        ),
    ],
    ['a thousand secrets', () => observation(`"note":[${many('{"text":"opioid use disorder"}', 50_000)}]`)],
  ])('%s', (_, make) => {
    const { why, codes, ms } = assessed(make())
    expect(why).toBeUndefined()
    expect(codes).toContain('SUD')
    expect(ms).toBeLessThan(2_000)
  })

  it('and holds no more memory than a multiple of its size', () => {
    const text = observation(`"focus":[${many('{"reference":"Observation/1"}', 100_000)}],${SECRET}`)
    const room = labeller()
    globalThis.gc?.()
    const before = process.memoryUsage().heapUsed
    const facts = room.assess(raw(text))
    globalThis.gc?.()
    expect(facts.references.length).toBe(100_001)
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(200_000_000)
  })
})

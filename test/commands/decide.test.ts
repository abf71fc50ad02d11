import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { Answer } from '../../src/model/question.ts'
import { lines, run, STACK } from '../support/terminal.ts'

const data = fileURLToPath(new URL('../../../shared/data/', import.meta.url))
const question = fileURLToPath(new URL('../../examples/questions/part2-no-consent.json', import.meta.url))

function casesOf<T>(folder: string): T[] {
  if (!existsSync(data + folder)) {
    console.log(`skipped: no cases at ../shared/data/${folder}`)
    return []
  }
  return readdirSync(data + folder).map(
    name => JSON.parse(readFileSync(`${data}${folder}/${name}`, 'utf8')) as T,
  )
}

const read = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>

interface LawCase {
  readonly id: string
  readonly resources: readonly { resourceType: string; id: string }[]
  readonly expected: {
    readonly resources: Readonly<Record<string, string>>
    readonly obligations: readonly string[]
    readonly alsoAcceptable: {
      readonly resources?: Readonly<Record<string, readonly string[]>>
      readonly obligations?: readonly string[]
    }
    readonly silent?: boolean
    readonly answerMustNotContain?: readonly string[]
  }
}

const lawCases = casesOf<LawCase>('law-cases')

/** A case without what it expects, as a question. */
function asQuestion(given: LawCase): object {
  const { expected: _, ...rest } = given
  return rest
}

describe.skipIf(lawCases.length === 0)('decide on the cases of law', () => {
  const input = lawCases.map(one => JSON.stringify(asQuestion(one))).join('\n')
  const answered = run(['decide'], input).then(({ code, out, error }) => {
    expect([code, error]).toEqual([0, ''])
    return new Map(lines<Answer>(out).map(answer => [answer.id, answer]))
  })

  it.each(lawCases.map(one => [one.id, one] as const))(
    '%s has the expected effects and duties',
    async (id, given) => {
      const answer = (await answered).get(id)
      const { expected } = given
      for (const [reference, effect] of Object.entries(expected.resources)) {
        const one = answer?.resources[reference]
        expect(
          [effect, ...(expected.alsoAcceptable.resources?.[reference] ?? [])],
          `${reference} ${JSON.stringify(one?.because)}`,
        ).toContain(one?.effect)
        expect(one?.because.length).toBeGreaterThan(0)
      }
      for (const duty of expected.obligations) expect(answer?.obligations, duty).toContain(duty)
    },
  )

  it('segment shows nothing of what a silent refusal withholds', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'consentry-segment-'))
    try {
      for (const given of lawCases.filter(({ expected }) => expected.answerMustNotContain !== undefined)) {
        const file = `${folder}/${given.id}.json`
        writeFileSync(file, JSON.stringify(asQuestion(given)))
        const { code, out, error } = await run(['segment', '--question', file])
        expect([code, error], given.id).toEqual([0, ''])
        for (const word of given.expected.answerMustNotContain ?? [])
          expect(out, `${given.id}: ${word}`).not.toContain(word)
        expect(JSON.parse(out)).toMatchObject({ resourceType: 'Bundle', type: 'searchset' })
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

interface ConsentCase {
  readonly id: string
  readonly disputed: boolean
  readonly consents: readonly object[]
  readonly context: Readonly<Record<string, unknown>> & { readonly actor: readonly object[] }
  readonly expected: { readonly decision: string; readonly resources?: Readonly<Record<string, string>> }
}

const consentCases = casesOf<ConsentCase>('consent-cases').filter(({ disputed }) => !disputed)

describe.skipIf(consentCases.length === 0)('decide --policy none --trust-labels on the Consent cases', () => {
  const asked = consentCases.map(({ id, consents, context: { actor, ...context } }) =>
    JSON.stringify({ id, ...context, consents, requester: { actors: actor } }),
  )
  const answered = run(['decide', '--policy', 'none', '--trust-labels'], asked.join('\n')).then(
    ({ code, out, error }) => {
      expect([code, error]).toEqual([0, ''])
      return new Map(lines<Answer>(out).map(answer => [answer.id, answer]))
    },
  )

  it.each(consentCases.map(one => [one.id, one] as const))(
    '%s is decided as stated',
    async (id, { expected }) => {
      const answer = (await answered).get(id)
      expect(answer?.decision).toBe(expected.decision)
      for (const [reference, effect] of Object.entries(expected.resources ?? {}))
        expect([reference, answer?.resources[reference]?.effect]).toEqual([reference, effect])
    },
  )
})

describe('decide', () => {
  it('answers one question over many lines, and says why', async () => {
    const { code, out } = await run(['decide', question, '--pretty'])
    const answer = JSON.parse(out) as Answer
    expect(code).toBe(0)
    expect(Object.values(answer.resources).map(({ effect }) => effect)).toContain('deny')
    expect(out).toContain('2.13(a)')
  })

  it('takes null for what is not known, and gives no more for it', async () => {
    const { requester, ...rest } = read(question) as { requester: object }
    const nobody = {
      ...requester,
      organization: null,
      state: null,
      role: null,
      relationship: null,
      user: null,
    }
    const { code, out } = await run(['decide'], JSON.stringify({ ...rest, requester: nobody }))
    expect(code).toBe(0)
    const effects = Object.values((JSON.parse(out) as Answer).resources).map(({ effect }) => effect)
    expect(new Set(effects)).toEqual(new Set(['deny']))
  })

  it('goes on after a bad line, in order, and ends with 2', async () => {
    const one = JSON.stringify({ ...read(question), id: 'first' })
    const { code, out, error } = await run(
      ['decide'],
      [one, '{"at": SECRET', '{"id":"third","at":"2026-01-01"}', one.replace('first', 'fourth'), ''].join(
        '\n',
      ),
    )
    const answers = lines<Answer & { error?: string }>(out)
    expect(code).toBe(2)
    expect(answers.map(({ id }) => id)).toEqual(['first', undefined, 'third', 'fourth'])
    expect(answers.map(({ decision }) => decision === 'indeterminate')).toEqual([false, true, true, false])
    expect(answers[1]?.error).toMatch(/^standard input:2: expected JSON/)
    expect(answers[2]?.error).toMatch(/^standard input:3.*required property/)
    expect(out + error).not.toContain('SECRET')
    expect(error).not.toMatch(STACK)
  })

  it.each<[string, string[], string, RegExp]>([
    [
      'a file that is not there',
      ['decide', '/nowhere/q.json'],
      '',
      /\/nowhere\/q\.json: cannot be read \(ENOENT\)/,
    ],
    ['an unknown policy', ['decide', '--policy', 'mine'], '', /--policy: expected law or none/],
    ['an unknown option', ['decide', '--force'], '', /unknown option '--force'/],
    ['bytes that are no UTF-8', ['decide'], '\udcff', /expected/],
  ])('refuses %s with 2', async (_, words, input, message) => {
    const { code, error, out } = await run(words, input)
    expect(code).toBe(2)
    expect(error).toMatch(message)
    expect(error + out).not.toMatch(STACK)
  })
})

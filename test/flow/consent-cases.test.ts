import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { openEngine } from '../../src/engine.ts'
import { answerQuestion } from '../../src/flow/question.ts'
import type { Answer, Question, QuestionRequester } from '../../src/model/question.ts'

/** The shared Consent cases as questions about Consents alone; `context` maps as their README says. */
interface ConsentCase {
  readonly id: string
  readonly title: string
  readonly disputed: boolean
  readonly consents: Question['consents']
  readonly context: Omit<Question, 'requester' | 'consents'> & {
    readonly actor: NonNullable<QuestionRequester['actors']>
    readonly category?: unknown
  }
  readonly expected: { readonly decision: string; readonly resources?: Readonly<Record<string, string>> }
}

const folder = new URL('../../../shared/data/consent-cases/', import.meta.url).pathname
const present = existsSync(folder)
if (!present) console.log('Consent cases: ../shared/data/consent-cases is not here, skipped')

const cases: readonly ConsentCase[] = present
  ? readdirSync(folder).map(name => JSON.parse(readFileSync(folder + name, 'utf8')) as ConsentCase)
  : []
const { questionRooms } = openEngine()

function answer({ context, consents }: ConsentCase): Answer {
  const { actor, category: _, ...rest } = context
  const question: Question = { ...rest, requester: { actors: actor }, consents }
  return answerQuestion(questionRooms, question, { policy: 'none', trustLabels: true }).answer
}

describe.skipIf(!present)('the shared Consent cases, answered without law', () => {
  it.each(cases.filter(({ disputed }) => !disputed))('$id: $title', given => {
    const { decision, resources } = answer(given)
    expect(decision).toBe(given.expected.decision)
    for (const [reference, effect] of Object.entries(given.expected.resources ?? {}))
      expect([reference, resources[reference]?.effect]).toEqual([reference, effect])
  })

  it.each(cases.filter(({ disputed }) => disputed))(
    '$id: where readings differ, no more leaves than stated',
    given => {
      const { decision, resources } = answer(given)
      if (decision === 'permit') expect(given.expected.decision).toBe('permit')
      for (const [reference, effect] of Object.entries(given.expected.resources ?? {}))
        if (resources[reference]?.effect === 'permit')
          expect([reference, effect]).toEqual([reference, 'permit'])
    },
  )

  it('names every Consent that could not be read, with what was expected', () => {
    const unread = cases.flatMap(given => answer(given).unread ?? [])
    expect(unread.length).toBeGreaterThan(5)
    for (const { why } of unread) expect(why).toContain('expected')
  })
})

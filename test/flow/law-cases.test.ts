import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { openEngine } from '../../src/engine.ts'
import { type Answered, answerQuestion } from '../../src/flow/question.ts'
import { releasedBundle } from '../../src/flow/question-bundle.ts'
import type { Question } from '../../src/model/question.ts'
import { createSegmenter } from '../../src/segment/segmenter.ts'

/** Cases of law with their lawful outcome, from question to Bundle, by the real labeller and the shipped law. */
interface LawCase extends Question {
  readonly id: string
  readonly scenario: string
  readonly expected: {
    readonly resources: Readonly<Record<string, string>>
    readonly obligations: readonly string[]
    readonly alsoAcceptable: {
      readonly resources?: Readonly<Record<string, readonly string[]>>
      readonly obligations?: readonly string[]
    }
    readonly content?: Readonly<
      Record<
        string,
        { readonly mustNotContain?: readonly string[]; readonly mustContainOneOf?: readonly string[] }
      >
    >
    readonly answerMustNotContain: readonly string[]
  }
}

const folder = new URL('../../../shared/data/law-cases/', import.meta.url).pathname
const present = existsSync(folder)
if (!present) console.log('law cases: ../shared/data/law-cases is not here, skipped')

const cases: readonly LawCase[] = present
  ? readdirSync(folder).map(name => JSON.parse(readFileSync(folder + name, 'utf8')) as LawCase)
  : []

const engine = openEngine()
const segmenter = createSegmenter({
  baseUrl: 'https://gateway.example/fhir',
  upstreamBase: 'https://upstream.example/fhir',
  ...engine.segmenting,
  cacheBytes: 1 << 20,
  withheldNotice: false,
})

function answer({ expected: _, ...question }: LawCase): Answered {
  return answerQuestion(engine.questionRooms, question, { policy: 'law', trustLabels: false })
}

/** Released resources as JSON text by reference, and the Bundle whole. */
function released(answered: Answered): { readonly text: string; readonly byReference: Map<string, string> } {
  const text = Buffer.from(releasedBundle(segmenter, answered).body).toString('utf8')
  const { entry = [] } = JSON.parse(text) as {
    entry?: { resource: { resourceType: string; id?: string } }[]
  }
  return {
    text,
    byReference: new Map(
      entry.map(({ resource }) => [`${resource.resourceType}/${resource.id}`, JSON.stringify(resource)]),
    ),
  }
}

describe.skipIf(!present)('the shared cases of law, from question to Bundle', () => {
  it.each(cases)('$id: the effects are those of law', given => {
    const { expected } = given
    const { resources } = answer(given).answer
    for (const [reference, effect] of Object.entries(expected.resources)) {
      const lawful = [effect, ...(expected.alsoAcceptable.resources?.[reference] ?? [])]
      const because = resources[reference]?.because.map(({ rule }) => rule).join()
      expect(lawful, `${reference} ${because}`).toContain(resources[reference]?.effect)
    }
  })

  it.each(cases)('$id: every obligation is stated', given => {
    expect(answer(given).answer.obligations).toEqual(expect.arrayContaining([...given.expected.obligations]))
  })

  it.each(cases)('$id: nothing in the Bundle tells what is withheld', given => {
    const { text, byReference } = released(answer(given))
    for (const forbidden of given.expected.answerMustNotContain) expect(text).not.toContain(forbidden)
    for (const [reference, content] of Object.entries(given.expected.content ?? {})) {
      const resource = byReference.get(reference)
      if (resource === undefined) continue
      for (const forbidden of content.mustNotContain ?? []) expect(resource).not.toContain(forbidden)
      if (content.mustContainOneOf !== undefined)
        expect(content.mustContainOneOf.some(wanted => resource.includes(wanted))).toBe(true)
    }
  })

  it.each(cases)('$id: what is permitted is in the Bundle, unless a duty cannot be met', given => {
    const answered = answer(given)
    const { byReference } = released(answered)
    for (const { labelled, decision } of answered.decided) {
      const leaves = decision.effect !== 'deny' && segmenter.undischargeable(decision) === undefined
      expect([labelled.facts.reference, byReference.has(labelled.facts.reference)]).toEqual([
        labelled.facts.reference,
        leaves,
      ])
    }
  })
})

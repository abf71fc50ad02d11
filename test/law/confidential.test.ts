import { describe, expect, it } from 'vitest'
import { openEngine } from '../../src/engine.ts'
import { answerQuestion } from '../../src/flow/question.ts'
import { releasedBundle } from '../../src/flow/question-bundle.ts'
import { createSegmenter } from '../../src/segment/segmenter.ts'
import { expand, type Scenario, scenarios } from './kit.ts'

/** 45 CFR 164.522(b): where a patient asked to be reached does not leave; who the patient is does. */
const engine = openEngine()
const segmenter = createSegmenter({
  baseUrl: 'https://gateway.example/fhir',
  upstreamBase: 'https://upstream.example/fhir',
  ...engine.segmenting,
  cacheBytes: 1 << 20,
  withheldNotice: false,
})

function leaving(id: string): string {
  const { question } = expand(scenarios.find(each => each.id === id) as Scenario)
  const answered = answerQuestion(engine.questionRooms, question, { policy: 'law', trustLabels: false })
  return Buffer.from(releasedBundle(segmenter, answered).body).toString('utf8')
}

describe('confidential communications', () => {
  it.each(['confidential-communications-plan', 'confidential-communications-hospital'])(
    '%s: name without address and number',
    id => {
      const text = leaving(id)
      expect(text).toContain('Calloway')
      expect(text).not.toContain('9 Hidden Lane')
      expect(text).not.toContain('555-0199')
    },
  )

  it('an emergency finds the patient', () => {
    const text = leaving('confidential-communications-emergency')
    expect(text).toContain('9 Hidden Lane')
    expect(text).toContain('555-0199')
  })
})

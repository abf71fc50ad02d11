import { Ajv } from 'ajv'
import { describe, expect, it } from 'vitest'
import { openEngine } from '../../src/engine.ts'
import { type Answered, answerQuestion } from '../../src/flow/question.ts'
import { releasedBundle } from '../../src/flow/question-bundle.ts'
import type { Question } from '../../src/model/question.ts'
import { createSegmenter } from '../../src/segment/segmenter.ts'
import { expand, readScenarioFile, scenarioFiles, scenarioSchema, scenarios } from './kit.ts'

/** Cases written from the citations, answered by the real labeller and the shipped law. */
const engine = openEngine()
const segmenter = createSegmenter({
  baseUrl: 'https://gateway.example/fhir',
  upstreamBase: 'https://upstream.example/fhir',
  ...engine.segmenting,
  cacheBytes: 1 << 20,
  withheldNotice: false,
})
const rowById = new Map(engine.profiles.lawRows.map(row => [row.id, row]))

const answer = (question: Question): Answered =>
  answerQuestion(engine.questionRooms, question, { policy: 'law', trustLabels: false })
const leaving = (question: Question): string =>
  Buffer.from(releasedBundle(segmenter, answer(question)).body).toString('utf8')

const reasonsOf = (answered: Answered) =>
  answered.decided.flatMap(({ decision }) => decision.because.map(reason => reason))

/** Rules that are no row: no permission at all, a refusal of the patient's own. */
const BESIDE_LAW: ReadonlySet<string> = new Set(['no-authority', 'consent-deny', 'consent-indeterminate'])

/** A row speaks where a reason names it; a duty where all it asks for is asked for. */
function heard(id: string, answered: Answered): boolean {
  const row = rowById.get(id)
  if (row === undefined && !BESIDE_LAW.has(id)) throw new Error(`a case names "${id}", which is no row`)
  if (row?.effect !== 'duty') return reasonsOf(answered).some(({ rule }) => rule === id)
  return answered.decided.some(({ decision }) =>
    (row.obligations ?? []).every(obligation => decision.obligations.includes(obligation)),
  )
}

describe('the files of cases', () => {
  const validate = new Ajv({ strictTypes: false }).compile(scenarioSchema)
  it.each(scenarioFiles)('%s fits its schema', name => {
    expect(validate(readScenarioFile(name)), JSON.stringify(validate.errors?.[0])).toBe(true)
  })

  it('hold at least 150 cases, each with an id of its own', () => {
    expect(scenarios.length).toBeGreaterThanOrEqual(150)
    expect(new Set(scenarios.map(({ id }) => id)).size).toBe(scenarios.length)
  })
})

describe.each(scenarios.map(each => [each.id, each] as const))('%s', (_, given) => {
  const { question, references } = expand(given)
  const answered = answer(question)
  const referenceOf = (name: string) =>
    name === 'patient' ? `Patient/${given.id}` : (references[name] ?? `no record ${name}`)

  it(given.scenario, () => {
    for (const [name, expected] of Object.entries(given.expect.effects)) {
      const decided = answered.answer.resources[referenceOf(name)]
      const told = decided?.because.map(({ rule }) => rule).join()
      expect([expected].flat(), `${name}: ${told}`).toContain(decided?.effect)
    }
    for (const { labelled } of answered.decided) {
      const { type, reference } = labelled.facts
      if (type !== 'Patient') expect(Object.values(references)).toContain(reference)
    }
    expect(answered.answer.obligations).toEqual(expect.arrayContaining([...(given.expect.obligations ?? [])]))
    for (const obligation of given.expect.without ?? [])
      expect(answered.answer.obligations).not.toContain(obligation)
    for (const id of given.rows?.speak ?? []) expect(heard(id, answered), `${id} speaks`).toBe(true)
    for (const id of given.rows?.quiet ?? []) expect(heard(id, answered), `${id} is quiet`).toBe(false)
  })

  it('each refusal names rule and ground, each release its permission', () => {
    for (const { decision } of answered.decided) {
      if (decision.effect === 'deny') {
        expect(decision.because.length).toBeGreaterThan(0)
        for (const { rule, ground } of decision.because) expect(ground, rule).toMatch(/^171\.20[2-6]/)
        expect(decision.notices).toEqual([])
      } else
        expect(decision.because.some(({ citation, consent }) => (citation ?? consent) !== undefined)).toBe(
          true,
        )
    }
  })

  if (given.expect.silent !== true) return
  it('a refusal looks as if nothing existed', () => {
    const withheld = new Set(
      answered.decided
        .filter(({ decision }) => decision.effect === 'deny')
        .map(({ labelled }) => labelled.facts.reference as string),
    )
    expect(withheld.size).toBeGreaterThan(0)
    const remaining = (question.resources ?? []).filter(
      ({ resourceType, id }) => !withheld.has(`${resourceType}/${id}`),
    )
    const never = {
      ...question,
      resources: [...remaining],
      consents: withheld.size === 0 ? [] : question.consents,
    }
    const shown = leaving(question)
    for (const reference of withheld)
      if (!reference.startsWith('Patient/')) expect(shown).not.toContain(reference)
    if (remaining.length > 0) expect(shown).toBe(leaving(never))
  })
})

import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import { openEngine } from '../../src/engine.ts'
import { answerQuestion } from '../../src/flow/question.ts'
import type { Coding, JsonObject, Resource } from '../../src/model/fhir.ts'
import type { Question, QuestionRequester } from '../../src/model/question.ts'

/** What published engines and profiles decide or say, as small cases: which records of a chart one requester gets. */
interface PublishedCase {
  readonly title: string
  readonly at: string
  readonly actors: NonNullable<QuestionRequester['actors']>
  readonly purposes: readonly Coding[]
  /** Laid over a complete active privacy Consent; null takes an element away. */
  readonly consents: readonly JsonObject[]
  /** `Type/id`, or the id of an Observation. */
  readonly released: readonly string[]
  readonly decision?: string
}

interface PublishedFile {
  readonly source: string
  readonly licence: string
  readonly resources: readonly Resource[]
  readonly directory: readonly Resource[]
  readonly cases: readonly PublishedCase[]
}

const folder = new URL('cases/', import.meta.url).pathname
const files = readdirSync(folder).map(
  name => [name, JSON.parse(readFileSync(folder + name, 'utf8')) as PublishedFile] as const,
)
const { questionRooms } = openEngine()

function consentOf(over: JsonObject, index: number): Resource {
  const whole = {
    resourceType: 'Consent',
    id: `c${index}`,
    status: 'active',
    scope: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }],
    },
    category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
    patient: { reference: 'Patient/p' },
    dateTime: '2022-06-13',
    ...over,
  }
  return Object.fromEntries(Object.entries(whole).filter(([, value]) => value !== null)) as Resource
}

const inFull = (name: string) => (name.includes('/') ? name : `Observation/${name}`)

describe.each(files)('%s', (_, { resources, directory, cases }) => {
  it.each(cases)('$title', ({ at, actors, purposes, consents, released, decision }) => {
    const question: Question = {
      at,
      requester: { actors },
      purposeOfUse: purposes,
      patient: { reference: 'Patient/p' },
      directory,
      consents: consents.map(consentOf),
      resources,
    }
    const { answer } = answerQuestion(questionRooms, question, { policy: 'none', trustLabels: true })
    const permitted = Object.entries(answer.resources).filter(([, { effect }]) => effect === 'permit')
    expect(permitted.map(([reference]) => reference).sort()).toEqual(released.map(inFull).sort())
    if (decision !== undefined) expect(answer.decision).toBe(decision)
    if (released.length > 0) expect(answer.decision).toBe('permit')
  })
})

afterAll(() => {
  const count = files.reduce((sum, [, { cases }]) => sum + cases.length, 0)
  expect(count).toBeGreaterThan(80)
})

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Engine, openEngine } from '../../src/engine.ts'
import { answerQuestion } from '../../src/flow/question.ts'
import { releasedBundle } from '../../src/flow/question-bundle.ts'
import type { Segmenter } from '../../src/model/doors.ts'
import type { Resource } from '../../src/model/fhir.ts'
import type { Question } from '../../src/model/question.ts'
import { createSegmenter } from '../../src/segment/segmenter.ts'
import { questionOf } from './category-site.ts'
import { isPatientData } from './chart-oracle.ts'
import { type Leaving, leavingIn } from './leaving.ts'
import { run } from './terminal.ts'

export interface Segmenting {
  readonly chart: readonly Resource[]
  readonly requester: string
  readonly consents: readonly Resource[]
}

/** The `segment` command on files, as a shell would run it. Throws Error where it ends with another code than 0. */
export async function segmentByCommand(given: Segmenting, folder: string): Promise<Leaving> {
  const bundle = join(folder, 'chart.json')
  const question = join(folder, 'question.json')
  const entry = given.chart.filter(isPatientData).map(resource => ({ resource }))
  writeFileSync(bundle, JSON.stringify({ resourceType: 'Bundle', type: 'collection', entry }))
  writeFileSync(question, JSON.stringify(questionOf(given)))
  const { code, out, error } = await run(['segment', '--question', question, bundle])
  if (code !== 0) throw new Error(`segment: ${code} ${error}`)
  return leavingIn([out])
}

/** What the command does between its files, with the data of labels/ and profiles/ read once. */
export function createInProcessSegmenting(): (given: Segmenting) => Promise<Leaving> {
  let rooms: { engine: Engine; segmenter: Segmenter } | undefined
  return async given => {
    rooms ??= open()
    const question = { ...questionOf(given), resources: given.chart.filter(isPatientData) }
    const answered = await answerQuestion(rooms.engine.questionRooms, question as unknown as Question, {
      policy: 'law',
      trustLabels: false,
    })
    return leavingIn([Buffer.from(releasedBundle(rooms.segmenter, answered).body).toString('utf8')])
  }
}

function open(): { engine: Engine; segmenter: Segmenter } {
  const engine = openEngine()
  const segmenter = createSegmenter({
    baseUrl: 'https://gateway.example/fhir',
    upstreamBase: 'https://upstream.invalid/fhir',
    ...engine.segmenting,
    cacheBytes: 16 << 20,
    withheldNotice: false,
  })
  return { engine, segmenter }
}

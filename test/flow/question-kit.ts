import { openEngine } from '../../src/engine.ts'
import { type Answered, answerQuestion } from '../../src/flow/question.ts'
import { releasedBundle } from '../../src/flow/question-bundle.ts'
import type { Resource } from '../../src/model/fhir.ts'
import type { Question, QuestionRequester } from '../../src/model/question.ts'
import { createSegmenter } from '../../src/segment/segmenter.ts'

/** A small world for questions: a health system in Nebraska that has a Part 2 program and asks by its own law. */
export const PATIENT: Resource = { resourceType: 'Patient', id: 'p', birthDate: '1980-01-01' }
export const SUBJECT = { reference: 'Patient/p' }
export const PROGRAM = { reference: 'Organization/otp', display: 'Harbor Opioid Clinic' }
export const HOSPITAL = { reference: 'Organization/hospital' }

export const provider: QuestionRequester = {
  client: 'other',
  organization: 'Organization/other',
  state: 'NE',
  hipaa: 'covered-entity',
  part2: 'none',
  role: 'provider',
  user: 'Practitioner/doctor',
  relationship: 'treating',
}

const engine = openEngine()
const segmenter = createSegmenter({
  baseUrl: 'https://gateway.example/fhir',
  upstreamBase: 'https://upstream.example/fhir',
  ...engine.segmenting,
  cacheBytes: 1 << 20,
  withheldNotice: false,
})

export type Asked = Partial<Omit<Question, 'requester'>> & { readonly requester?: Partial<QuestionRequester> }

export function ask(given: Asked): Answered {
  const question: Question = {
    at: '2026-09-15T15:00:00Z',
    custodian: {
      organization: 'Organization/health',
      state: 'NE',
      hipaa: 'covered-entity',
      part2: 'program',
    },
    registry: { part2Programs: ['Organization/otp', 'Location/otp-site'] },
    purposeOfUse: 'TREAT',
    action: 'disclose',
    patient: PATIENT,
    consents: [],
    directory: [
      { resourceType: 'Organization', id: 'hospital' },
      { resourceType: 'Location', id: 'otp-site', managingOrganization: PROGRAM },
    ],
    ...given,
    requester: { ...provider, ...given.requester },
  }
  return answerQuestion(engine.questionRooms, question, { policy: 'law', trustLabels: false })
}

/** Effect by reference. */
export function effects(given: Asked): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(ask(given).answer.resources).map(([reference, { effect }]) => [reference, effect]),
  )
}

/** What would leave, as text. */
export function leaves(given: Asked): string {
  return Buffer.from(releasedBundle(segmenter, ask(given)).body).toString('utf8')
}

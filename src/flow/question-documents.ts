import { Buffer } from 'node:buffer'
import { hash } from 'node:crypto'
import type { Resource } from '../model/fhir.ts'
import type { Question } from '../model/question.ts'
import type { QuestionRooms } from './question.ts'
import { patientsOf } from './question-facts.ts'

/**
 * The rooms for one question whose labeller has read the documents that take time (PDF), so that the answer can be given
 * at once. Without it such documents are unreadable.
 */
export async function withDocumentsRead(rooms: QuestionRooms, question: Question): Promise<QuestionRooms> {
  const labeller = rooms.labellerFor(question)
  const { whole } = patientsOf(question)
  const resources: readonly Resource[] = [
    ...(question.resources ?? []),
    ...(question.directory ?? []),
    ...whole,
    ...question.consents,
  ]
  for (const resource of resources) {
    const bytes = Buffer.from(JSON.stringify(resource))
    await labeller.read(labeller.assess({ bytes, hash: hash('sha256', bytes, 'base64url') }))
  }
  return { ...rooms, labellerFor: () => labeller }
}

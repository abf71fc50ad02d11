import { readFileSync } from 'node:fs'
import type { ValidateFunction } from 'ajv'
import type { Question } from '../model/question.ts'
import { compiledSchema } from './compiled-schemas.ts'

/** A question that does not fit profiles/deployment/question.schema.json; the message names place and expectation. */
export class QuestionError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'QuestionError'
  }
}

let validate: ValidateFunction | undefined

/**
 * Checks the shape of a question against `profiles/deployment/question.schema.json`.
 * @param place where it stood, for the message: `questions.ndjson:3`
 * Throws QuestionError.
 */
export function checkQuestion(value: unknown, place: string): Question {
  validate ??= compile()
  if (validate(value)) return value as Question
  const [error] = validate.errors ?? []
  const where = error?.instancePath === '' ? '' : ` at ${error?.instancePath ?? ''}`
  const extra =
    error?.params?.['allowedValues'] === undefined ? '' : `: ${String(error.params['allowedValues'])}`
  throw new QuestionError(`${place}${where}: ${error?.message ?? 'is no question'}${extra}`)
}

function compile(): ValidateFunction {
  const file = new URL('../../profiles/deployment/question.schema.json', import.meta.url)
  return compiledSchema(readFileSync(file, 'utf8'), { allowUnionTypes: true })
}

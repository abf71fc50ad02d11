import { checkQuestion } from '../data/question.ts'
import { openEngine } from '../engine.ts'
import { answerQuestion, type QuestionOptions } from '../flow/question.ts'
import { withDocumentsRead } from '../flow/question-documents.ts'
import { readRecords } from './input.ts'
import { type CommandSpec, type ExitCode, type OptionSpec, type Options, UsageError } from './table.ts'

export const QUESTION_OPTIONS: readonly OptionSpec[] = [
  { flags: '--policy <packs>', description: 'law (default) or none: Consents alone', defaultValue: 'law' },
  { flags: '--trust-labels', description: 'take meta.security as it stands instead of labelling first' },
]

/** `--policy` and `--trust-labels`. Throws UsageError for another policy. */
export function questionOptions(options: Options): QuestionOptions {
  const policy = options['policy']
  if (policy !== 'law' && policy !== 'none') throw new UsageError('--policy: expected law or none')
  return { policy, trustLabels: options['trustLabels'] === true }
}

/** One JSON question or NDJSON of them; one answer a line, in order; a bad question is answered too. */
export const decideCommand: CommandSpec = {
  name: 'decide',
  summary: 'answer questions: who may see which resource, and why',
  description:
    'Reads one question (JSON) or many (NDJSON) and prints one answer a line: the effect on each resource with rule, ' +
    'citation, Consent and provision path, the duties that come with it, and the policy revision. No upstream is asked. ' +
    'A question that cannot be read is answered "indeterminate" with its problem, and the exit code is 2.',
  operands: [{ form: '[files...]', description: 'files of questions; standard input without any, or "-"' }],
  options: [...QUESTION_OPTIONS, { flags: '--pretty', description: 'indent the answers' }],
  examples: [
    'consentry decide examples/questions/part2-no-consent.json --pretty',
    "consentry decide < questions.ndjson | jq -c '{id, decision}'",
    'consentry decide --policy none --trust-labels question.json',
  ],
  run: async (files, options, terminal) => {
    const settings = questionOptions(options)
    const engine = openEngine()
    const indent = options['pretty'] === true ? 2 : undefined
    let code: ExitCode = 0
    for await (const record of readRecords(files, terminal)) {
      const id = (record.value as { id?: unknown } | undefined)?.id
      try {
        if (record.problem !== undefined) throw new UsageError(record.problem)
        const question = checkQuestion(record.value, record.place)
        const rooms = await withDocumentsRead(engine.questionRooms, question)
        const { answer } = answerQuestion(rooms, question, settings)
        terminal.out(`${JSON.stringify(answer, undefined, indent)}\n`)
      } catch (error) {
        code = 2
        const message = describe(error, record.place)
        terminal.error(`consentry: ${message}\n`)
        const answer = {
          ...(typeof id === 'string' ? { id } : {}),
          decision: 'indeterminate',
          revision: engine.revision,
          resources: {},
          obligations: [],
          notices: [],
          error: message,
        }
        terminal.out(`${JSON.stringify(answer, undefined, indent)}\n`)
      }
    }
    return code
  },
}

/** A caller's mistake as text that names the place; anything else without its message, which may quote data. */
export function describe(error: unknown, place: string): string {
  if (error instanceof UsageError) return error.message
  const diagnostics = (error as { diagnostics?: unknown }).diagnostics
  if (typeof diagnostics === 'string') return `${place}: ${diagnostics}`
  if (error instanceof Error && error.name === 'QuestionError') return error.message
  return `${place}: could not be decided (${error instanceof Error ? error.name : 'unknown error'})`
}

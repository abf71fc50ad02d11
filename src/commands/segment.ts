import { randomBytes } from 'node:crypto'
import { readPseudonymKey } from '../data/deidentification.ts'
import { checkQuestion } from '../data/question.ts'
import { openEngine } from '../engine.ts'
import { answerQuestion } from '../flow/question.ts'
import { releasedBundle } from '../flow/question-bundle.ts'
import { withDocumentsRead } from '../flow/question-documents.ts'
import type { PseudonymKey } from '../model/deidentification.ts'
import type { Resource } from '../model/fhir.ts'
import type { Question } from '../model/question.ts'
import { createDeidentification } from '../segment/deidentify.ts'
import { projectionTable } from '../segment/projections.ts'
import { createSegmenter } from '../segment/segmenter.ts'
import { describe, QUESTION_OPTIONS, questionOptions } from './decide.ts'
import { type InputRecord, readRecords, resourcesIn } from './input.ts'
import { type CommandSpec, textOption, UsageError } from './table.ts'

const BASE = 'https://gateway.example/fhir'

/** Shows what would leave: a Bundle and a question in, the segmented Bundle out. */
export const segmentCommand: CommandSpec = {
  name: 'segment',
  summary: 'show what would leave: a Bundle and a question in, the segmented Bundle out',
  description:
    'Decides every resource of the input under the question and prints the searchset a requester would get: withheld ' +
    'resources and references to them gone, labels, notices and consent copies in place. Resources come from the files, ' +
    'or from the question itself when no file is given.',
  operands: [{ form: '[files...]', description: 'Bundles or resources (JSON or NDJSON)' }],
  options: [
    {
      flags: '-q, --question <file>',
      description:
        'the question (profiles/deployment/question.schema.json); its resources are used when no file is given',
    },
    ...QUESTION_OPTIONS,
    {
      flags: '--key <file>',
      description:
        'secret of pseudonyms (deidentification.keyFile of the configuration); without it a new one for each run',
    },
  ],
  examples: [
    'consentry segment --question examples/questions/part2-no-consent.json | jq .entry[].resource.resourceType',
    'consentry segment --question question.json chart.json > leaves.json',
  ],
  run: async (files, options, terminal) => {
    const file = textOption(options, 'question')
    if (file === undefined) throw new UsageError('--question: expected a file with a question')
    const engine = openEngine()
    const [record] = await Array.fromAsync(readRecords([file], terminal))
    if (record?.value === undefined) throw new UsageError(record?.problem ?? `${file}: expected a question`)
    const question = asked(record)
    const resources = files.length === 0 ? (question.resources ?? []) : await readAll(files, terminal)
    const segmenter = createSegmenter({
      baseUrl: BASE,
      upstreamBase: 'https://upstream.invalid/fhir',
      ...engine.segmenting,
      projections: projectionTable([
        ...engine.segmenting.projections.values(),
        ...createDeidentification({
          rules: engine.deidentification,
          key: keyOf(textOption(options, 'key')),
          bases: [BASE],
          now: () => new Date(question.at ?? Date.now()),
        }),
      ]),
      cacheBytes: 16 << 20,
      withheldNotice: false,
    })
    try {
      const whole = { ...question, resources }
      const rooms = await withDocumentsRead(engine.questionRooms, whole)
      const answered = answerQuestion(rooms, whole, questionOptions(options))
      terminal.out(`${Buffer.from(releasedBundle(segmenter, answered).body).toString()}\n`)
      return 0
    } catch (error) {
      throw new UsageError(describe(error, record.place))
    }
  },
}

/** Throws UsageError where the file holds no secret. */
function keyOf(file: string | undefined): PseudonymKey {
  if (file === undefined) return { id: 'this run', secret: randomBytes(32) }
  try {
    return readPseudonymKey(file)
  } catch (error) {
    throw new UsageError(`--key: ${error instanceof Error ? error.message : 'cannot be read'}`)
  }
}

/** Throws UsageError where the record is no question. */
function asked({ value, place }: InputRecord): Question {
  try {
    return checkQuestion(value, place)
  } catch (error) {
    throw new UsageError(describe(error, place))
  }
}

async function readAll(
  files: readonly string[],
  terminal: Parameters<CommandSpec['run']>[2],
): Promise<Resource[]> {
  const resources: Resource[] = []
  for await (const record of readRecords(files, terminal)) {
    const found = record.problem === undefined ? resourcesIn(record.value) : undefined
    if (found === undefined)
      throw new UsageError(record.problem ?? `${record.place}: expected a resource or a Bundle`)
    resources.push(...(found as unknown as Resource[]))
  }
  return resources
}

import { openEngine } from '../engine.ts'
import { createDocumentReader } from '../label/document-reader.ts'
import { withParts } from '../label/documents-read.ts'
import { createLabeller } from '../label/labeller.ts'
import type { Labeller } from '../model/doors.ts'
import { codesPut, isOwnLabel } from '../model/ds4p.ts'
import type { JsonObject } from '../model/fhir.ts'
import { stringifyLossless } from '../model/lossless-json.ts'
import type { LabelRules } from '../model/rules.ts'
import { markLabels } from '../segment/mark.ts'
import type { MutableObject } from '../segment/redact.ts'
import { withdrawLabels } from '../segment/withdraw.ts'
import { explanationLines, explanationOf } from './label-explain.ts'
import { type Index, IndexBuilder } from './label-index.ts'
import { type Piece, piecesOf, type Source, sourcesOf } from './label-input.ts'
import { type Found, resourcesOf } from './label-resources.ts'
import { loadSite } from './site.ts'
import {
  CONFIG_OPTION,
  type CommandSpec,
  type Options,
  type Terminal,
  textOption,
  UsageError,
} from './table.ts'

/** Labels resources: NDJSON, Bundles or documents in, labelled resources out, with reasons on demand. */
export const labelCommand: CommandSpec = {
  name: 'label',
  summary: 'label resources: NDJSON, a Bundle or a document in, labelled NDJSON out',
  description:
    'Prints each resource with its security labels in meta.security (DS4P), one a line; what is sensitive in part only has ' +
    'them on the element too. With --explain it prints instead every label with rule, place, confidence and reason. ' +
    'References are followed both ways inside the input, all files together. A C-CDA, text, RTF or PDF file is labelled as ' +
    'a Binary.\n\n' +
    'Labels that are there stay. With --relabel those that Consentry put earlier, told by their classifier, are withdrawn and ' +
    'found anew, so that a rule that is gone leaves nothing behind; labels from others stay. Files are gone through twice and not kept in memory; standard ' +
    'input is kept. Site rules and the registry of Part 2 programs come from the configuration.',
  operands: [
    {
      form: '[files...]',
      description: 'files of resources, Bundles or documents; standard input without any, or for -',
    },
  ],
  options: [
    CONFIG_OPTION,
    { flags: '--explain', description: 'print why, not the resource; never send this to a requester' },
    {
      flags: '--relabel',
      description:
        'withdraw what Consentry put earlier and find it anew; for data of your own house only: a record received from ' +
        'another house that uses Consentry bears the same classifier',
    },
    { flags: '--text', description: 'with --explain: lines for people instead of JSON' },
    {
      flags: '--content-type <type>',
      description:
        'what the input holds, e.g. text/plain or image/png; else told by file name and first bytes, and taken for JSON ' +
        'where they do not tell (unpack compressed files first)',
    },
  ],
  examples: [
    'consentry label chart.json > labelled.ndjson',
    'consentry label --explain --text note.pdf',
    "consentry label --explain chart.json | jq -c 'select(.candidates)'",
  ],
  run: async (files, options, terminal) => {
    if (options['text'] === true && options['explain'] !== true)
      throw new UsageError('--text: expected with --explain')
    const work = openWork(files, options, terminal)
    try {
      const index = await indexed(work)
      await printed(work, index)
      return work.faulty.size > 0 ? 2 : 0
    } finally {
      work.clearProgress()
      await work.labeller.close()
    }
  },
}

/** Everything one run works with. */
interface Work {
  readonly labeller: Labeller
  readonly rules: LabelRules
  readonly minimumConfidence: number
  /** Whether the codes of a record say what kind of note it is, so that those of its targets are kept. */
  readonly keepsCodings: boolean
  readonly sources: readonly Source[]
  readonly options: Options
  readonly terminal: Terminal
  /** Places of the input that cannot be used; they are told once. */
  readonly faulty: Set<string>
  readonly progress: (text: string) => void
  readonly clearProgress: () => void
}

/** Facts of assessed content kept between the two passes, bytes. */
const CACHE_BYTES = 16 << 20
const JSON_DEPTH = 100

function openWork(files: readonly string[], options: Options, terminal: Terminal): Work {
  const { registry, custodian, policy, upstream, server } = loadSite(textOption(options, 'config'))
  const { labels: rules } = openEngine(policy)
  const { unknownSource, minimumConfidence } = policy
  const labeller = createLabeller(
    rules,
    {
      registry,
      custodian,
      unknownSource,
      minimumConfidence,
      upstreamBase: upstream.url,
      gatewayBase: server.baseUrl,
      withdrawOwn: options['relabel'] === true,
    },
    { cacheBytes: CACHE_BYTES, jsonDepth: JSON_DEPTH },
    createDocumentReader(),
  )
  return {
    labeller,
    rules,
    minimumConfidence,
    keepsCodings: registry.other['separateNotes'] !== undefined,
    sources: sourcesOf(files, terminal),
    options,
    terminal,
    faulty: new Set(),
    ...progressOn(terminal),
  }
}

const PROGRESS_MS = 500

function progressOn({ error, isTerminal }: Terminal): Pick<Work, 'progress' | 'clearProgress'> {
  if (isTerminal !== true) return { progress: () => undefined, clearProgress: () => undefined }
  let shown = Date.now()
  let width = 0
  return {
    progress: text => {
      if (Date.now() - shown < PROGRESS_MS) return
      shown = Date.now()
      width = Math.max(width, text.length)
      error(`\r${text.padEnd(width)}`)
    },
    clearProgress: () => {
      if (width > 0) error(`\r${' '.repeat(width)}\r`)
    },
  }
}

/** Every resource of the input with the place of its piece; what cannot be used is told the first time. */
async function* resourcesIn(work: Work): AsyncGenerator<{ readonly place: string; readonly found: Found }> {
  for (const source of work.sources) {
    for await (const piece of piecesOf(source, textOption(work.options, 'contentType'))) {
      const { place } = piece
      if (work.faulty.has(place)) continue
      const read = resourcesOf(piece)
      if ('problem' in read) fault(work, piece, read.problem)
      else for (const found of read.found) yield { place, found }
    }
  }
}

function fault({ faulty, terminal, clearProgress }: Work, { place }: Piece, problem: string): void {
  faulty.add(place)
  clearProgress()
  terminal.error(`consentry: ${problem}\n`)
}

/** The first pass: what every resource says to others. */
async function indexed(work: Work): Promise<Index> {
  const builder = new IndexBuilder(work.keepsCodings)
  for await (const { found } of resourcesIn(work)) {
    const facts = await work.labeller.read(work.labeller.assess(found.raw))
    builder.add(facts, found.birthDate)
    work.progress(`${builder.size} resources read`)
  }
  return builder.index()
}

/** The second pass: labels, in the order of the input. */
async function printed(work: Work, { look, referrers, birthDates }: Index): Promise<void> {
  const { labeller, rules, terminal, options, minimumConfidence } = work
  const put = codesPut(rules)
  const isOwn = (coding: JsonObject): boolean => options['relabel'] === true && isOwnLabel(coding, put)
  const explaining = { rules, look, referrers, minimumConfidence }
  const at = new Date()
  let count = 0
  for await (const { place, found } of resourcesIn(work)) {
    const facts = withParts(await labeller.read(labeller.assess(found.raw)))
    const birthDate = youngest(facts.patients, birthDates)
    const context = { at, ...(birthDate === undefined ? {} : { birthDate }) }
    const labelled = labeller.label(facts, look, context, referrers)
    work.progress(`${++count} resources labelled`)
    if (options['explain'] === true) {
      const explanation = explanationOf(labelled, facts, place, explaining)
      const lines = options['text'] === true ? explanationLines(explanation) : [JSON.stringify(explanation)]
      for (const line of lines) terminal.out(`${line}\n`)
      continue
    }
    const resource = found.resource() as MutableObject
    withdrawLabels(resource, isOwn)
    markLabels(resource, labelled)
    terminal.out(`${stringifyLossless(resource as JsonObject)}\n`)
  }
}

/** The latest birth date: where several patients are meant, the youngest counts. */
function youngest(patients: readonly string[], birthDates: ReadonlyMap<string, string>): string | undefined {
  return patients
    .flatMap(patient => birthDates.get(patient) ?? [])
    .toSorted()
    .at(-1)
}

import { Buffer } from 'node:buffer'
import { hash } from 'node:crypto'
import { openEngine } from '../engine.ts'
import { createLabeller } from '../label/labeller.ts'
import type { Resource } from '../model/fhir.ts'
import type { LabelledResource, ResourceFacts } from '../model/label.ts'
import { markLabels } from '../segment/mark.ts'
import { readRecords, resourcesIn } from './input.ts'
import { loadSite } from './site.ts'
import { CONFIG_OPTION, type CommandSpec, type ExitCode, textOption } from './table.ts'

/** Labels resources: NDJSON or Bundles in, labelled resources out, with reasons on demand. */
export const labelCommand: CommandSpec = {
  name: 'label',
  summary: 'label resources: NDJSON or a Bundle in, labelled NDJSON out',
  description:
    'Prints each resource with its security labels in meta.security (DS4P), one a line; with --explain instead the labels ' +
    'with rule, matched path and confidence. References are followed inside the input. The registry of Part 2 programs ' +
    'comes from the configuration.',
  operands: [
    { form: '[files...]', description: 'files of resources or Bundles; standard input without any' },
  ],
  options: [
    CONFIG_OPTION,
    { flags: '--explain', description: 'print why, not the resource; never send this to a requester' },
  ],
  examples: [
    'consentry label chart.json > labelled.ndjson',
    "consentry label --explain chart.json | jq -c 'select(.labels | length > 0)'",
  ],
  run: async (files, options, terminal) => {
    const engine = openEngine()
    const { registry, custodian, policy } = loadSite(textOption(options, 'config'))
    const labeller = createLabeller(
      engine.labels,
      { registry, custodian, unknownSource: policy.unknownSource },
      { cacheBytes: 64 << 20, jsonDepth: 100 },
    )
    const known = new Map<string, ResourceFacts>()
    const inputs: { resource: Resource; facts: ResourceFacts }[] = []
    let code: ExitCode = 0
    for await (const record of readRecords(files, terminal)) {
      const resources = record.problem === undefined ? resourcesIn(record.value) : undefined
      if (resources === undefined) {
        code = 2
        terminal.error(`consentry: ${record.problem ?? `${record.place}: expected a resource or a Bundle`}\n`)
        continue
      }
      for (const value of resources) {
        const resource = value as unknown as Resource
        const bytes = Buffer.from(JSON.stringify(resource))
        const facts = labeller.assess({ bytes, hash: hash('sha256', bytes, 'base64url') })
        known.set(facts.reference, facts)
        inputs.push({ resource, facts })
      }
    }
    const at = new Date()
    for (const { resource, facts } of inputs) {
      const labelled = labeller.label(facts, reference => known.get(reference) ?? 'absent', { at })
      const line = options['explain'] === true ? explanation(labelled) : markLabels(resource, labelled)
      terminal.out(`${JSON.stringify(line)}\n`)
    }
    return code
  },
}

function explanation({
  facts,
  confidentiality,
  part2,
  source,
  labels,
  notAssessable,
}: LabelledResource): object {
  return {
    reference: facts.reference,
    confidentiality,
    part2,
    ...(source === undefined ? {} : { source }),
    ...(notAssessable === undefined ? {} : { notAssessable }),
    labels,
  }
}

import { SYSTEM } from '../model/fhir.ts'
import { CONFIDENTIALITY_ORDER, type LabelledResource } from '../model/label.ts'
import { type CodeTerm, codeTerm, isHl7System, systemOf } from './codes.ts'
import { periodSpan, type Span, spanOf } from './dates.ts'
import type { Hierarchy } from './hierarchy.ts'

/** How high a confidentiality stands, v3-Confidentiality U < L < M < N < R < V; -1 for what is none. */
export function rankOf(code: string): number {
  return (CONFIDENTIALITY_ORDER as readonly string[]).indexOf(code)
}

/** Clinical dates of a resource in one zone; `readable` is false where one of them is no date. */
interface DateView {
  readonly spans: readonly Span[]
  readonly readable: boolean
  readonly lastUpdated: Span | undefined
}

const NONE: readonly string[] = []

function sensitivityOf(system: string, code: string, labels: Hierarchy): string | undefined {
  const url = systemOf(system)
  if (url === SYSTEM.local || labels.knows(code)) return code
  return url === '' || isHl7System(url) ? undefined : `${url}|${code}`
}

function labelsOf(labelled: LabelledResource): ReadonlySet<string> {
  const labels = new Set(labelled.codes)
  for (const { system, code } of labelled.labels) {
    const url = systemOf(system)
    labels.add(url === '' || isHl7System(url) || url === SYSTEM.local ? code : `${url}|${code}`)
  }
  if (labelled.part2) labels.add('42CFRPart2')
  return labels
}

function sensitivitiesOf(labelled: LabelledResource, hierarchy: Hierarchy): readonly string[] {
  if (labelled.codes.size === 0 && labelled.labels.length === 0) return NONE
  const found = new Set<string>()
  for (const code of labelled.codes) if (hierarchy.knows(code)) found.add(code)
  for (const { system, code } of labelled.labels) {
    const sensitivity = sensitivityOf(system, code, hierarchy)
    if (sensitivity !== undefined) found.add(sensitivity)
  }
  return [...found]
}

function datesOf({ facts }: LabelledResource, zone: string): DateView {
  const read = facts.dates.map(({ start, end }) => periodSpan(start, end, zone))
  const spans = read.filter(span => span !== undefined)
  const lastUpdated = facts.lastUpdated === undefined ? undefined : spanOf(facts.lastUpdated, zone)
  return { spans, readable: spans.length === read.length, lastUpdated }
}

/** What rules ask of a resource, each part worked out once when first asked. */
export class ResourceView {
  readonly labelled: LabelledResource
  readonly rank: number
  /** Codes that stand for a sensitivity; each must be covered by a permit that names sensitivities. */
  readonly sensitivities: readonly string[]
  #labels: ReadonlySet<string> | undefined
  #codes: readonly CodeTerm[] | undefined
  #dates: DateView | undefined
  #zone = ''

  /** `hierarchy` is that of sensitivity codes. */
  constructor(labelled: LabelledResource, hierarchy: Hierarchy) {
    this.labelled = labelled
    this.rank = rankOf(labelled.confidentiality)
    this.sensitivities = sensitivitiesOf(labelled, hierarchy)
  }

  /** All label codes, bare, and those of systems that HL7 does not define as `system|code`. */
  get labels(): ReadonlySet<string> {
    this.#labels ??= labelsOf(this.labelled)
    return this.#labels
  }

  get codes(): readonly CodeTerm[] {
    this.#codes ??= this.labelled.facts.codings.map(codeTerm)
    return this.#codes
  }

  datesIn(zone: string): DateView {
    if (this.#dates === undefined || this.#zone !== zone) {
      this.#dates = datesOf(this.labelled, zone)
      this.#zone = zone
    }
    return this.#dates
  }
}

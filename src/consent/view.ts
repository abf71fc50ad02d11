import { SYSTEM } from '../model/fhir.ts'
import { CONFIDENTIALITY_ORDER, type LabelledResource } from '../model/label.ts'
import { type CodeIndex, indexCodings, isHl7System, systemOf } from './codes.ts'
import { periodSpan, type Span, spanOf } from './dates.ts'
import type { Hierarchy } from './hierarchy.ts'

/** How high a confidentiality stands, v3-Confidentiality U < L < M < N < R < V; -1 for what is none. */
export function rankOf(code: string): number {
  return (CONFIDENTIALITY_ORDER as readonly string[]).indexOf(code)
}

/** Clinical dates of a resource in one zone; `readable` is false where one of them is no date. */
export interface DateView {
  readonly spans: readonly Span[]
  readonly readable: boolean
  readonly lastUpdated: Span | undefined
}

/** What rules ask of a resource, each part worked out once when first asked. */
export interface ResourceView {
  readonly labelled: LabelledResource
  readonly rank: number
  /** Codes that stand for a sensitivity; each must be covered by a permit that names sensitivities. */
  readonly sensitivities: readonly string[]
  /** All label codes, bare, and those of systems that HL7 does not define as `system|code`. */
  readonly labels: ReadonlySet<string>
  readonly codes: () => CodeIndex
  readonly dates: (zone: string) => DateView
}

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

/** The view of one labelled resource; `hierarchy` is that of sensitivity codes. */
export function viewOf(labelled: LabelledResource, hierarchy: Hierarchy): ResourceView {
  let codes: CodeIndex | undefined
  const dates = new Map<string, DateView>()
  return {
    labelled,
    rank: rankOf(labelled.confidentiality),
    sensitivities: sensitivitiesOf(labelled, hierarchy),
    labels: labelsOf(labelled),
    codes: () => {
      codes ??= indexCodings(labelled.facts.codings)
      return codes
    },
    dates: zone => {
      const known = dates.get(zone)
      if (known !== undefined) return known
      const view = datesOf(labelled, zone)
      dates.set(zone, view)
      return view
    },
  }
}

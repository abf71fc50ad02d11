import { Buffer } from 'node:buffer'
import { hash } from 'node:crypto'
import { isDirectory, type PreviewChart } from '../flow/preview-chart.ts'
import { signed, signingItems } from '../forms/sign.ts'
import { loadForms } from '../forms/template.ts'
import type { Labeller } from '../model/doors.ts'
import type { Resource } from '../model/fhir.ts'
import { readRecords, resourcesIn } from './input.ts'
import { type Terminal, UsageError } from './table.ts'

/** Resources of a file (JSON, NDJSON, Bundle; `-` for standard input). Throws UsageError. */
export async function resourcesOfFile(file: string, terminal: Terminal): Promise<readonly Resource[]> {
  const resources: Resource[] = []
  for await (const { place, value, problem } of readRecords([file], terminal)) {
    const found = problem === undefined ? resourcesIn(value) : undefined
    if (found === undefined) throw new UsageError(problem ?? `${place}: expected a resource or a Bundle`)
    resources.push(...(found as unknown as readonly Resource[]))
  }
  return resources
}

/** The chart of one patient out of a file. Throws UsageError where the Patient is not in it. */
export function chartOf(
  resources: readonly Resource[],
  patient: string,
  labeller: Labeller,
  file: string,
): PreviewChart {
  const own = resources.find(one => referenceOf(one) === patient)
  if (own === undefined) throw new UsageError(`${file}: expected ${patient} in it`)
  const assessed = resources.map(resource => ({ resource, facts: assess(labeller, resource) }))
  const about = assessed.filter(
    ({ resource, facts }) =>
      resource === own ||
      facts.patients.includes(patient) ||
      (facts.patientData &&
        facts.patients.length === 0 &&
        resource.resourceType !== 'Patient' &&
        !isDirectory(resource)),
  )
  const others = new Set(about.flatMap(({ facts }) => facts.patients).filter(one => one !== patient))
  return {
    patient: own,
    otherPatients: [...others].map(
      reference => resources.find(one => referenceOf(one) === reference) ?? { reference },
    ),
    resources: about.map(({ resource }) => resource),
    consents: resources.filter(({ resourceType }) => resourceType === 'Consent'),
    directory: resources.filter(isDirectory),
    unresolvable: [],
    unreadable: [],
    notRead: [],
  }
}

function assess(labeller: Labeller, resource: Resource) {
  const bytes = Buffer.from(JSON.stringify(resource))
  return labeller.assess({ bytes, hash: hash('sha256', bytes, 'base64url') })
}

function referenceOf({ resourceType, id }: Resource): string {
  return `${resourceType}/${id ?? ''}`
}

/** What was changed in the Consents on file for a what-if. */
export interface WhatIf {
  readonly added: readonly { readonly reference: string; readonly takenAsSigned: boolean }[]
  readonly without: readonly string[]
}

/**
 * The chart with Consents added and taken out. A Consent that is not signed yet is taken as signed now, as it stands.
 * `today` is the calendar day of the site, `YYYY-MM-DD`. Throws UsageError for one that is about somebody else, that lacks elements, or that is not on file.
 */
export function withWhatIf(
  chart: PreviewChart,
  patient: string,
  change: {
    readonly added: readonly Resource[]
    readonly without: readonly string[]
    readonly today: string
  },
): { readonly chart: PreviewChart; readonly whatIf: WhatIf } {
  const items = signingItems(loadForms())
  const onFile = new Set(chart.consents.map(referenceOf))
  for (const reference of change.without)
    if (!onFile.has(reference))
      throw new UsageError(
        `--without: ${reference} is not on file; expected one of ${[...onFile].join(', ') || 'none'}`,
      )
  const added = change.added.map((consent, index) => {
    const place = `--consents: ${consent.id === undefined ? `entry ${index + 1}` : referenceOf(consent)}`
    expectAbout(consent, patient, place)
    const isUnsigned = consent['status'] === 'draft' || consent['status'] === 'proposed'
    if (isUnsigned) expectComplete(consent, place)
    const whole = isUnsigned ? signed(consent, { on: change.today, witness: 'witness' }, items) : consent
    return { resource: { ...whole, id: whole.id ?? `new-${index + 1}` }, takenAsSigned: isUnsigned }
  })
  const kept = chart.consents.filter(one => !change.without.includes(referenceOf(one)))
  const replaced = new Set(added.map(({ resource }) => referenceOf(resource)))
  return {
    chart: {
      ...chart,
      consents: [
        ...kept.filter(one => !replaced.has(referenceOf(one))),
        ...added.map(({ resource }) => resource),
      ],
    },
    whatIf: {
      added: added.map(({ resource, takenAsSigned }) => ({
        reference: referenceOf(resource),
        takenAsSigned,
      })),
      without: change.without,
    },
  }
}

function expectAbout(consent: Resource, patient: string, place: string): void {
  if (consent.resourceType !== 'Consent') throw new UsageError(`${place}: expected a Consent`)
  const named = (consent['patient'] as { reference?: unknown } | undefined)?.reference
  if (named !== patient)
    throw new UsageError(
      `${place}.patient: expected ${patient}${typeof named === 'string' ? `, found ${named}` : ''}`,
    )
}

/** A draft without type would be unreadable, and hold back everything. */
function expectComplete(consent: Resource, place: string): void {
  const type = (consent['provision'] as { type?: unknown } | undefined)?.type
  if (type === undefined)
    throw new UsageError(
      `${place}: a draft without provision.type lacks elements and could not be signed; consent new tells which`,
    )
}

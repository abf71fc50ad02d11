import type { Resource } from '../../src/model/fhir.ts'
import { opened, type TellTale, tells } from './tell-tale.ts'

/** Kinds that speak of no patient. */
const DIRECTORY = new Set([
  'Organization',
  'Practitioner',
  'PractitionerRole',
  'Location',
  'HealthcareService',
])

export interface ChartSplit {
  /** Reference → the word or code in its own decoded bytes. */
  readonly telling: ReadonlyMap<string, string>
  /** What tells nothing itself and refers to something that does: may stay or go. */
  readonly around: readonly string[]
  /** What neither tells nor refers to what does: must flow. */
  readonly others: readonly string[]
}

export const referenceOf = ({ resourceType, id }: Resource): string => `${resourceType}/${id ?? ''}`

export const isPatientData = ({ resourceType }: Resource): boolean => !DIRECTORY.has(resourceType)

/** Splits a chart by what its own bytes say of a category; knows nothing of labels. */
export function splitChart(resources: readonly Resource[], category: TellTale): ChartSplit {
  const facts = resources.filter(isPatientData).map(factsOf)
  const telling = new Map<string, string>()
  for (const { reference, text } of facts) {
    const told = tells(category, text)
    if (told !== undefined) telling.set(reference, told)
  }
  const rest = facts.filter(({ reference }) => !telling.has(reference))
  const refersToTelling = ({ targets }: Facts): boolean => targets.some(target => telling.has(target))
  return {
    telling,
    around: rest.filter(refersToTelling).map(({ reference }) => reference),
    others: rest.filter(one => !refersToTelling(one)).map(({ reference }) => reference),
  }
}

interface Facts {
  readonly reference: string
  /** Own bytes, decoded. */
  readonly text: string
  readonly targets: readonly string[]
}

const known = new WeakMap<Resource, Facts>()

function factsOf(resource: Resource): Facts {
  const before = known.get(resource)
  if (before !== undefined) return before
  const bytes = JSON.stringify(resource)
  const targets = [...bytes.matchAll(/"reference":"([^"]+)"/g)].map(([, target = '']) => target)
  const facts = { reference: referenceOf(resource), text: opened(bytes), targets }
  known.set(resource, facts)
  return facts
}

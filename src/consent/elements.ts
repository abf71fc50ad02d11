import type { Coding, JsonObject, JsonValue, Resource } from '../model/fhir.ts'
import { type DataTerm, MEANINGS, type Meaning } from './data.ts'
import { periodSpan, type Span } from './dates.ts'
import { codingAt, conceptAt, objectAt, objectsAt, textAt, Unreadable } from './json.ts'
import type { Place } from './references.ts'
import { actorOf, type PlacedActor, placedActorOf } from './roles.ts'

/** What is needed to read the parts of one Consent. */
export interface Reading {
  readonly place: Place
  readonly contained: ReadonlyMap<string, Resource>
  /** IANA zone in which partial dates cover their whole span. */
  readonly zone: string
  /** Purposes beyond which no permit of this Consent reaches, by its scope. Absent: none. */
  readonly within?: readonly Coding[]
}

/** The elements of a provision that a nested one inherits unless it states them itself. */
export interface Elements {
  readonly actor?: readonly PlacedActor[]
  readonly action?: readonly (readonly Coding[])[]
  readonly securityLabel?: readonly Coding[]
  readonly purpose?: readonly Coding[]
  readonly class?: readonly Coding[]
  readonly code?: readonly (readonly Coding[])[]
  readonly dataPeriod?: Span
  readonly data?: readonly DataTerm[]
}

const KNOWN = new Set([
  'id',
  'extension',
  'type',
  'period',
  'actor',
  'action',
  'securityLabel',
  'purpose',
  'class',
  'code',
  'dataPeriod',
  'data',
  'provision',
])

/** R4: an element with a modifierExtension that is not understood must not be processed as if it were absent. */
export function refuseModifiers(value: JsonObject, path: string): void {
  if (value['modifierExtension'] !== undefined) {
    throw new Unreadable(`${path}.modifierExtension: expected none, none is understood`)
  }
}

/** Every element of a provision must be one that R4 knows, or its meaning would be lost. */
export function refuseUnknown(value: JsonObject, path: string): void {
  refuseModifiers(value, path)
  const unknown = Object.keys(value).find(key => !KNOWN.has(key) && !key.startsWith('_'))
  if (unknown !== undefined)
    throw new Unreadable(`${path}.${unknown}: expected an element of R4 Consent.provision`)
}

/** A Period as a span; throws Unreadable for dates that are none. */
export function spanAt(value: JsonValue | undefined, path: string, zone: string): Span | undefined {
  const period = objectAt(value, path)
  if (period === undefined) return undefined
  const start = textAt(period['start'], `${path}.start`)
  const span = periodSpan(start, textAt(period['end'], `${path}.end`), zone)
  if (span === undefined) throw new Unreadable(`${path}: expected FHIR dates`)
  return span
}

function codingsAt(value: JsonValue | undefined, path: string): readonly Coding[] | undefined {
  return objectsAt(value, path)?.map((coding, index) => codingAt(coding, `${path}[${index}]`))
}

function conceptsAt(value: JsonValue | undefined, path: string): readonly (readonly Coding[])[] | undefined {
  return objectsAt(value, path)?.map((concept, index) => conceptAt(concept, `${path}[${index}]`))
}

function dataTermAt(value: JsonObject, path: string, { place, contained }: Reading): DataTerm {
  refuseModifiers(value, path)
  const meaning = textAt(value['meaning'], `${path}.meaning`)
  const reference = objectAt(value['reference'], `${path}.reference`)
  if (!(MEANINGS as readonly (string | undefined)[]).includes(meaning) || reference === undefined) {
    throw new Unreadable(`${path}: expected a meaning of R4 and a reference`)
  }
  return { meaning: meaning as Meaning, actor: actorOf(reference, `${path}.reference`, place, contained) }
}

function actorsAt(
  value: JsonValue | undefined,
  path: string,
  reading: Reading,
): readonly PlacedActor[] | undefined {
  return objectsAt(value, path)?.map((actor, index) => {
    refuseModifiers(actor, `${path}[${index}]`)
    return placedActorOf(actor, `${path}[${index}]`, reading.place, reading.contained)
  })
}

/** The elements that this provision states itself. Throws Unreadable on wrong shapes. */
export function elementsAt(provision: JsonObject, path: string, reading: Reading): Elements {
  const read = {
    actor: actorsAt(provision['actor'], `${path}.actor`, reading),
    action: conceptsAt(provision['action'], `${path}.action`),
    securityLabel: codingsAt(provision['securityLabel'], `${path}.securityLabel`),
    purpose: codingsAt(provision['purpose'], `${path}.purpose`),
    class: codingsAt(provision['class'], `${path}.class`),
    code: conceptsAt(provision['code'], `${path}.code`),
    dataPeriod: spanAt(provision['dataPeriod'], `${path}.dataPeriod`, reading.zone),
    data: objectsAt(provision['data'], `${path}.data`)?.map((term, index) =>
      dataTermAt(term, `${path}.data[${index}]`, reading),
    ),
  }
  return Object.fromEntries(Object.entries(read).filter(([, value]) => value !== undefined)) as Elements
}

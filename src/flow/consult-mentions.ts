import type { ConsentDirective } from '../model/consent.ts'
import type { Coding, JsonObject, JsonValue } from '../model/fhir.ts'
import { isLocalReference, isType, typeCoding } from './consult-standins.ts'

/** What the Consents on file name beside labels: kinds of record that stand-ins must cover to say what holds for them. */
export interface Mentions {
  /** Resource types and profiles. */
  readonly contents: readonly Coding[]
  /** Clinical and document codes. */
  readonly codes: readonly Coding[]
  readonly instances: readonly string[]
  /** Actors that may have made a record or hold it. */
  readonly actors: readonly string[]
  /** Whether some provision looks at the dates of the data. */
  readonly dated: boolean
  /** More than can be gone through: doubt. */
  readonly tooMany: boolean
}

/** Things named in all Consents of one patient that a consult goes through. */
const MOST = 60
const DEPTH = 20
const MEDIA_TYPES = 'urn:ietf:bcp:13'
/** A media type may be that of any of these. */
const CARRIERS = [
  'Binary',
  'Bundle',
  'Communication',
  'Composition',
  'DiagnosticReport',
  'DocumentReference',
  'Media',
]
const TAIL = /([A-Z][A-Za-z]{1,63}\/[A-Za-z0-9\-.]{1,64})(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/

interface Found {
  readonly contents: Map<string, Coding>
  readonly codes: Map<string, Coding>
  readonly instances: Set<string>
  readonly actors: Set<string>
  dated: boolean
}

/** Mentions of the Consents in force, at any depth of their provisions. */
export function mentionsOf(directives: readonly ConsentDirective[]): Mentions {
  const found: Found = {
    contents: new Map(),
    codes: new Map(),
    instances: new Set(),
    actors: new Set(),
    dated: false,
  }
  for (const { state, copy } of directives) if (state === 'enforceable') collect(copy['provision'], found, 0)
  const { contents, codes, instances, actors, dated } = found
  return {
    contents: [...contents.values()],
    codes: [...codes.values()],
    instances: [...instances],
    actors: [...actors],
    dated,
    tooMany: contents.size + codes.size + instances.size + actors.size > MOST,
  }
}

function collect(value: JsonValue | undefined, found: Found, depth: number): void {
  if (depth > DEPTH) return
  for (const provision of objects(value)) {
    for (const coding of codings(provision['class'])) addClass(coding, found)
    for (const concept of objects(provision['code']))
      for (const coding of codings(concept['coding'])) add(found.codes, coding)
    for (const { reference } of objects(provision['data'])) addReference(reference, found.instances)
    for (const { reference } of objects(provision['actor'])) addReference(reference, found.actors)
    found.dated ||= provision['dataPeriod'] !== undefined
    collect(provision['provision'], found, depth + 1)
  }
}

function addClass(coding: Coding, { contents, codes }: Found): void {
  if (coding.system === MEDIA_TYPES) for (const type of CARRIERS) add(contents, typeCoding(type))
  else if (isType(coding)) add(contents, typeCoding(coding.code))
  else add(coding.code.includes('/StructureDefinition/') ? contents : codes, coding)
}

function add(into: Map<string, Coding>, coding: Coding): void {
  into.set(`${coding.system ?? ''}|${coding.code}`, coding)
}

/** A reference by its last two segments: what a Consent names under another base may mean the record here. */
function addReference(value: JsonValue | undefined, into: Set<string>): void {
  const [object] = objects(value)
  const text = object?.['reference']
  const local = typeof text === 'string' ? TAIL.exec(text)?.[1] : undefined
  if (local !== undefined && isLocalReference(local)) into.add(local)
}

function objects(value: JsonValue | undefined): readonly JsonObject[] {
  const list: readonly (JsonValue | undefined)[] = Array.isArray(value) ? value : [value]
  return list.filter(
    (one): one is JsonObject => typeof one === 'object' && one !== null && !Array.isArray(one),
  )
}

function codings(value: JsonValue | undefined): readonly Coding[] {
  return objects(value).flatMap(({ system, code }) => {
    if (typeof code !== 'string') return []
    return [typeof system === 'string' ? { system, code } : { code }]
  })
}

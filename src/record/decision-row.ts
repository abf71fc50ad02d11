import type { DecidedResource, ResourceDecision } from '../model/decision.ts'
import type { Refused, Segmented } from '../model/exchange.ts'
import { accountabilityOf } from './accountability.ts'
import type { RequesterFragments } from './agents.ts'
import type { EventFrame } from './audit-event.ts'
import { q } from './fragments.ts'
import type { DecisionClass, ReleaseFacts } from './release-facts.ts'
import { versionOf } from './release-facts.ts'
import { maskTarget } from './request-text.ts'

const PLAIN = /^[\w/.-]+$/
const decisionTexts = new WeakMap<ResourceDecision, string>()

/** Decisions are shared by class and live in caches: each is written out once. */
function decisionText(decision: ResourceDecision): string {
  const known = decisionTexts.get(decision)
  if (known !== undefined) return known
  const text = JSON.stringify(decision)
  decisionTexts.set(decision, text)
  return text
}

function versions(resources: readonly DecidedResource[]): string {
  // Reference and version are FHIR ids and a type name: nothing in them needs escaping, but what is odd is escaped.
  return resources
    .map(resource => {
      const version = versionOf(resource)
      return PLAIN.test(version) ? `"${version}"` : q(version)
    })
    .join(',')
}

/** Why a withheld resource could not be read, where that is so. */
function unassessed(resources: readonly DecidedResource[]): string {
  const why = resources.flatMap(resource => {
    const reason = resource.labelled.notAssessable ?? resource.labelled.facts.notAssessable
    return reason === undefined ? [] : [`${q(versionOf(resource))}:${q(reason)}`]
  })
  return why.length === 0 ? '' : `,"notAssessable":{${why.join(',')}}`
}

/** Whom released resources are about, by place in the list, where an exchange is about several patients. */
function patientsText(released: readonly DecidedResource[]): string {
  const places = new Map<string, number[]>()
  for (const [place, { labelled }] of released.entries())
    for (const patient of labelled.facts.patients) {
      const known = places.get(patient) ?? []
      known.push(place)
      places.set(patient, known)
    }
  return places.size === 0 ? '' : `,"of":${JSON.stringify(Object.fromEntries(places))}`
}

/** What belongs to a class of released resources beside its decision. */
type Beside = (decision: ResourceDecision, released: readonly DecidedResource[]) => string

const NOTHING_BESIDE: Beside = () => ''

function besideReleases({ options }: EventFrame, { requester }: Segmented, facts: ReleaseFacts): Beside {
  const { accounting, organization } = options
  const isUse = requester.organization === organization
  return (decision, released) => {
    if (released.length === 0) return ''
    const patients = facts.patients.size === 1 ? '' : patientsText(released)
    if (accounting === undefined) return patients
    return `,"accounting":${JSON.stringify(accountabilityOf(decision, accounting, isUse))}${patients}`
  }
}

/** Classes by what the decision says: equal decisions in different objects make one class. */
function classesText(classes: readonly DecisionClass[], beside: Beside): string {
  const byText = new Map<string, DecisionClass>()
  for (const one of classes) {
    const text = decisionText(one.decision)
    const same = byText.get(text)
    if (!same) byText.set(text, { ...one, released: [...one.released], withheld: [...one.withheld] })
    else {
      same.released.push(...one.released)
      same.withheld.push(...one.withheld)
    }
  }
  const written = Array.from(
    byText,
    ([text, { decision, released, withheld }]) =>
      `{"decision":${text},"released":[${versions(released)}],"withheld":[${versions(withheld)}]${unassessed(withheld)}${beside(decision, released)}}`,
  )
  return written.join(',')
}

/** Who, when and what was asked for, in the words of the request; not closed. */
export function opening({ exchange, recorded }: EventFrame): string {
  const { request, correlation } = exchange
  return (
    `{"exchange":${q(exchange.id)},"receivedAt":"${exchange.receivedAt.toISOString()}","at":"${recorded}",` +
    `"request":{"method":${q(request.method)},"target":${q(maskTarget(request.target))},` +
    `"remoteAddress":${q(request.remoteAddress)}},"correlation":${JSON.stringify(correlation)}`
  )
}

/**
 * The decision record: who, why, under which policy, every resource released and withheld with its reasons, and the
 * digest of the bytes that left. It never leaves the ledger; withheld resources are named here and nowhere else.
 */
export function decisionRow(
  frame: EventFrame,
  segmented: Segmented,
  requester: RequesterFragments,
  facts: ReleaseFacts,
): string {
  const { decision, release, interaction } = segmented
  return (
    `${opening(frame)},${requester.row},"interaction":${JSON.stringify(interaction)},` +
    `"decision":${q(decision.decision)},"revision":${q(decision.revision)},` +
    `"release":{"status":${release.status},"sha256":${q(release.digest)},"bytes":${release.body.length}},` +
    `"obligations":${JSON.stringify(release.obligations)},"notices":${JSON.stringify(release.notices)},` +
    `"classes":[${classesText(facts.classes, besideReleases(frame, segmented, facts))}],"unread":${JSON.stringify(decision.unread)}}`
  )
}

/** The record of a refusal: as much as was known when the exchange ended. `detail` stays here. */
export function refusalRow(
  frame: EventFrame,
  refused: Refused,
  requester: RequesterFragments | undefined,
): string {
  const { code, diagnostics, detail } = refused.refusal
  const { interaction, decided } = refused
  const withheld = decided?.decision.resources.map(one => ({
    decision: one.decision,
    released: [],
    withheld: [one],
  }))
  return (
    `${opening(frame)}${requester === undefined ? '' : `,${requester.row}`}` +
    `${interaction === undefined ? '' : `,"interaction":${JSON.stringify(interaction)}`}` +
    (withheld === undefined
      ? ''
      : `,"decision":${q(decided?.decision.decision ?? '')},"revision":${q(decided?.decision.revision ?? '')},` +
        `"classes":[${classesText(withheld, NOTHING_BESIDE)}]`) +
    `,"refusal":${JSON.stringify({ code, diagnostics, detail })}}`
  )
}

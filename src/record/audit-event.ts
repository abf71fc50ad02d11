import type { ConsentRef } from '../model/consent.ts'
import type { Received } from '../model/exchange.ts'
import type { DataInteraction, Interaction } from '../model/interaction.ts'
import type { RequesterFragments } from './agents.ts'
import { clientAgent, serverAgent } from './agents.ts'
import type { RecorderOptions } from './fragments.ts'
import { CODING, concept, consentReference, literal, PROFILE, q, restSubtype } from './fragments.ts'
import { requestQuery } from './request-text.ts'

/** Correlation values of a client are its own words: bounded before they are kept. */
const CORRELATION_MAX = 256

/** What every event of one exchange shares. */
export interface EventFrame {
  readonly options: RecorderOptions
  readonly exchange: Received
  readonly recorded: string
}

export function source(options: RecorderOptions, type: string): string {
  return `{"observer":${literal(options.device, options.deviceName)},"type":[${type}]}`
}

export function patientEntity(patient: string): string {
  return `{"what":{"reference":${q(patient)}},"type":${CODING.person},"role":${CODING.patientRole}}`
}

/**
 * entity[transaction] with the client's X-Request-Id, or ours, and the exchange with the client's trace and the evidence
 * (an emergency grant, a court order) that a release rests on.
 */
export function correlationEntities({ exchange }: EventFrame, evidence: readonly string[] = []): string {
  const { requestId, traceparent } = exchange.correlation
  const id = (requestId ?? exchange.id).slice(0, CORRELATION_MAX)
  const trace =
    traceparent === undefined ? '' : `,${detail('traceparent', traceparent.slice(0, CORRELATION_MAX))}`
  const rests = evidence.map(one => `,${detail('evidence', one)}`).join('')
  return (
    `{"what":{"identifier":{"value":${q(id)}}},"type":${CODING.requestId}},` +
    `{"type":${CODING.other},"name":"exchange","detail":[${detail('exchange', exchange.id)}${trace}${rests}]}`
  )
}

function detail(type: string, value: string): string {
  return `{"type":${q(type)},"valueString":${q(value)}}`
}

function dataEntity(interaction: Exclude<DataInteraction, { code: 'search-type' }>): string {
  const reference = `${interaction.resourceType}/${interaction.id}`
  const what = interaction.code === 'vread' ? `${reference}/_history/${interaction.versionId}` : reference
  return `{"what":{"reference":${q(what)}},"type":${CODING.systemObject},"role":${CODING.domainResource}}`
}

function queryEntity({ exchange }: EventFrame): string {
  return `{"type":${CODING.systemObject},"role":${CODING.queryRole},"query":${q(requestQuery(exchange.request))}}`
}

/** Read: the client is the destination. Query: the client is the source of the question (AUDIT: BALP client slices). */
function agents(frame: EventFrame, requester: RequesterFragments, search: boolean): string {
  const { options, exchange } = frame
  const client = clientAgent(
    search ? CODING.source : CODING.destination,
    requester.client,
    exchange.request.remoteAddress,
  )
  return `[${client},${serverAgent(search ? CODING.destination : CODING.source, options)},${requester.user}]`
}

/** The parts of a REST event that are the same for every patient: all but id, profile and entity[patient]. */
export interface RestEvent {
  readonly middle: string
  readonly entities: string
  readonly profile: string
  readonly patientProfile: string
}

/** BALP Query or Read in parts, so that an event for each of many patients costs no second build. */
export function restEvent(
  frame: EventFrame,
  requester: RequesterFragments,
  interaction: DataInteraction,
  evidence: readonly string[] = [],
): RestEvent {
  const search = interaction.code === 'search-type'
  return {
    middle:
      `]},"type":${CODING.rest},"subtype":[${restSubtype(interaction.code)}],"action":"${search ? 'E' : 'R'}",` +
      `"recorded":"${frame.recorded}","outcome":"0","purposeOfEvent":${requester.purposes},` +
      `"agent":${agents(frame, requester, search)},"source":${source(frame.options, CODING.applicationServer)},"entity":[`,
    entities: `${search ? queryEntity(frame) : dataEntity(interaction)},${correlationEntities(frame, evidence)}]}`,
    profile: `${search ? PROFILE.query : PROFILE.read}${requester.tokenProfile}`,
    patientProfile: `${search ? PROFILE.patientQuery : PROFILE.patientRead}${requester.tokenProfile}`,
  }
}

/** The event for one patient, or for none. */
export function restEventText(event: RestEvent, id: string, patient: string | undefined): string {
  const profile = patient === undefined ? event.profile : event.patientProfile
  const about = patient === undefined ? '' : `${patientEntity(patient)},`
  return `{"resourceType":"AuditEvent","id":${q(id)},"meta":{"profile":[${profile}${event.middle}${about}${event.entities}`
}

/** BALP AuthZconsent: what these Consents of this patient decided. The entity slices are closed: no room for more. */
export function authzConsentText(
  frame: EventFrame,
  requester: RequesterFragments,
  about: { id: string; patient: string; consents: Iterable<ConsentRef>; permitted: boolean },
): string {
  const { options, exchange, recorded } = frame
  const device = literal(options.device, options.deviceName)
  const client = clientAgent(
    CODING.application,
    requester.client,
    exchange.request.remoteAddress,
    requester.clientPolicy,
  )
  const consents = Array.from(
    about.consents,
    ref => `{"what":${consentReference(ref)},"type":${CODING.consent}}`,
  )
  const token =
    requester.token === undefined
      ? ''
      : `,{"what":${requester.token},"type":${CODING.oauthAgent},"detail":[${detail('exchange', exchange.id)}]}`
  const outcome = about.permitted ? '"0"' : '"8","outcomeDesc":"Consent denied access"'
  return (
    `{"resourceType":"AuditEvent","id":${q(about.id)},"meta":{"profile":[${PROFILE.authzConsent}]},` +
    `"type":${CODING.securityAlert},"subtype":[${CODING.authzConsent}],"action":"E","recorded":"${recorded}",` +
    `"outcome":${outcome},"purposeOfEvent":${requester.purposes},` +
    `"agent":[${client},${requester.authzUser},${requester.organization},` +
    `{"type":${concept(CODING.authorizationServer)},"who":${device},"requestor":false}],` +
    `"source":${source(options, CODING.securityServer)},` +
    `"entity":[${patientEntity(about.patient)},${consents.join(',')}${token}]}`
  )
}

/** An exchange that gave no data. It claims no BALP profile: those are for successes. */
export interface Failure {
  readonly id: string
  readonly code: string
  /** 4: the requester's side; 8: ours or the upstream's. */
  readonly outcome: '4' | '8'
  readonly security: boolean
  readonly interaction?: Interaction
}

function failedAction(interaction: Interaction | undefined): string {
  const asks = interaction === undefined || ['search-type', 'operation'].includes(interaction.code)
  return asks ? 'E' : 'R'
}

function anonymousClient(frame: EventFrame): string {
  const who = '{"display":"unauthenticated"}'
  return `[${clientAgent(CODING.application, who, frame.exchange.request.remoteAddress)},${serverAgent(CODING.source, frame.options)}]`
}

/**
 * A refusal, or a read that found nothing to release. Names neither the target nor a patient: withheld and absent leave
 * the same event, and what was asked stands in the decision row only.
 */
export function failureText(
  frame: EventFrame,
  requester: RequesterFragments | undefined,
  failure: Failure,
): string {
  const { interaction } = failure
  const subtype = interaction === undefined ? '' : `"subtype":[${restSubtype(interaction.code)}],`
  const who = requester
    ? agents(frame, requester, interaction?.code === 'search-type')
    : anonymousClient(frame)
  return (
    `{"resourceType":"AuditEvent","id":${q(failure.id)},"type":${failure.security ? CODING.securityAlert : CODING.rest},` +
    `${subtype}"action":"${failedAction(interaction)}","recorded":"${frame.recorded}","outcome":"${failure.outcome}",` +
    `"outcomeDesc":${q(failure.code)},"agent":${who},` +
    `"source":${source(frame.options, CODING.applicationServer)},"entity":[${correlationEntities(frame)}]}`
  )
}

import { consentKey } from '../model/consent.ts'
import type { Consulted } from '../model/consult.ts'
import type { ResourceDecision } from '../model/decision.ts'
import type { ConsultRecorder } from '../model/doors.ts'
import type { AuditSet, LedgerEvent } from '../model/record.ts'
import { clientAgent, fragmentCache, type RequesterFragments, serverAgent } from './agents.ts'
import {
  authzConsentText,
  correlationEntities,
  type EventFrame,
  patientEntity,
  source,
} from './audit-event.ts'
import { opening } from './decision-row.ts'
import { CODING, q, type RecorderOptions, restSubtype } from './fragments.ts'
import { requestQuery } from './request-text.ts'

const NOTHING = new Uint8Array(0)

/**
 * What a consult leaves behind: the AuditEvent of the query, the consent decision where Consents decided (IHE BALP
 * AuthZconsent), and the decision row. No Provenance: no data left. Pure but for `newId` and `now`.
 */
export function createConsultRecorder(options: RecorderOptions): ConsultRecorder {
  const fragments = fragmentCache()
  return {
    consult: consulted => {
      const frame = { options, exchange: consulted, recorded: options.now().toISOString() }
      const requester = fragments(consulted.requester, consulted.consultedFor.purposeOfUse)
      return setOf(frame, consulted, requester)
    },
  }
}

function setOf(frame: EventFrame, consulted: Consulted, requester: RequesterFragments): AuditSet {
  const { patient, answer } = consulted
  const event = (kind: LedgerEvent['kind'], build: (id: string) => string): LedgerEvent => {
    const id = frame.options.newId()
    return { id, kind, ...(patient === undefined ? {} : { patient }), body: build(id) }
  }
  const consents = new Map(answer.basedOn.map(({ consent }) => [consentKey(consent), consent]))
  const permitted = answer.decision === 'permit'
  return {
    exchange: consulted.id,
    events: [
      event('AuditEvent', id => queryText(frame, requester, id, patient)),
      ...(patient === undefined || consents.size === 0
        ? []
        : [
            event('AuditEvent', id =>
              authzConsentText(frame, requester, { id, patient, consents: consents.values(), permitted }),
            ),
          ]),
      event('decision', () => consultRow(frame, consulted, requester)),
    ],
  }
}

/**
 * An event like BALP Query, for the operation it is; no profile of BALP speaks of one, so only the token's is claimed. The
 * body is left out: it names patients in whatever way the client knows them, and may hold credentials.
 */
function queryText(
  frame: EventFrame,
  requester: RequesterFragments,
  id: string,
  patient: string | undefined,
): string {
  const { options, exchange, recorded } = frame
  const client = clientAgent(CODING.source, requester.client, exchange.request.remoteAddress)
  const query = requestQuery({ ...exchange.request, body: NOTHING })
  const profile = requester.tokenProfile.slice(1)
  return (
    `{"resourceType":"AuditEvent","id":${q(id)},${profile === '' ? '' : `"meta":{"profile":[${profile}]},`}` +
    `"type":${CODING.rest},"subtype":[${restSubtype('operation')}],"action":"E","recorded":"${recorded}",` +
    `"outcome":"0","purposeOfEvent":${requester.purposes},` +
    `"agent":[${client},${serverAgent(CODING.destination, options)},${requester.user}],` +
    `"source":${source(options, CODING.applicationServer)},"entity":[` +
    `${patient === undefined ? '' : `${patientEntity(patient)},`}` +
    `{"type":${CODING.systemObject},"role":${CODING.queryRole},"query":${q(query)}},` +
    `${correlationEntities(frame)}]}`
  )
}

interface RowClass {
  readonly decision: ResourceDecision
  readonly released: string[]
  readonly withheld: string[]
}

/** Kinds of record by what was decided of them, in the members of the other decision rows. */
function classesOf({ decided }: Consulted): readonly RowClass[] {
  const classes = new Map<string, RowClass>()
  for (const { name, decided: one } of decided) {
    const key = JSON.stringify(one.decision)
    const found = classes.get(key) ?? { decision: one.decision, released: [], withheld: [] }
    classes.set(key, found)
    const list = one.decision.effect === 'deny' ? found.withheld : found.released
    list.push(name)
  }
  return [...classes.values()]
}

/** The word for the record: what the answer does not tell apart stands here. */
function wordOf({ resolution, answer }: Consulted): string {
  return resolution === 'ambiguous' || answer.indeterminate ? 'indeterminate' : answer.decision
}

function consultRow(frame: EventFrame, consulted: Consulted, requester: RequesterFragments): string {
  const { interaction, consultedFor, resolution, patient, answer, release, revision, unread } = consulted
  const rest = {
    interaction,
    ...(consultedFor.onBehalfOf === undefined ? {} : { onBehalfOf: consultedFor.onBehalfOf }),
    actors: consultedFor.requesters.at(-1)?.actors,
    resolution,
    ...(patient === undefined ? {} : { patient }),
    decision: wordOf(consulted),
    answer,
    revision,
    release: { status: 200, sha256: release.digest, bytes: Buffer.byteLength(release.body) },
    obligations: answer.duties,
    notices: [],
    classes: classesOf(consulted),
    unread,
  }
  return `${opening(frame)},${requester.row},${JSON.stringify(rest).slice(1)}`
}

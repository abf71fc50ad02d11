import type { ConsentRef } from '../model/consent.ts'
import type { ResourceDecision } from '../model/decision.ts'
import type { ExchangeId } from '../model/exchange.ts'
import type { AuditSet } from '../model/record.ts'
import { serverAgent } from './agents.ts'
import { patientEntity, source } from './audit-event.ts'
import { CODING, concept, q, type RecorderOptions } from './fragments.ts'

/** Somebody at the machine of the gateway looked at a patient's data with a command. */
export interface OperatorLook {
  readonly exchange: ExchangeId
  readonly at: Date
  readonly command: 'preview' | 'consents' | 'accounting' | 'part2-disclosures'
  /** What was asked, in a few words: `Patient/x as treating-hospital`. */
  readonly asked: string
  readonly patient: string
  /** Account of the operating system, and the machine. */
  readonly account: string
  readonly host: string
  readonly revision: string
  /** SHA-256 of what is shown, hex, and its length. */
  readonly shown: { readonly sha256: string; readonly bytes: number }
  /** For a preview: as whom, for which purposes, with what outcome. Nothing of it was disclosed to that requester. */
  readonly preview?: {
    readonly client: string
    readonly purposes: readonly string[]
    readonly decision: string
    readonly classes: readonly LookedClass[]
  }
  /** The Consents that were shown or judged by. */
  readonly consents: readonly ConsentRef[]
}

/** Resources that were decided alike. */
export interface LookedClass {
  readonly decision: Pick<ResourceDecision, 'effect' | 'because'>
  readonly released: readonly string[]
  readonly withheld: readonly string[]
}

const QUERY = '{"system":"http://dicom.nema.org/resources/ontology/DCM","code":"110112","display":"Query"}'
const HUMAN =
  '{"system":"http://terminology.hl7.org/CodeSystem/extra-security-role-type","code":"humanuser","display":"human user"}'

/** The AuditEvent of an operator's look (no profile of BALP speaks of one) and its row. Pure but for `newId` and `now`. */
export function createOperatorRecorder(options: RecorderOptions): (look: OperatorLook) => AuditSet {
  return look => {
    const recorded = options.now().toISOString()
    const { exchange, patient } = look
    const id = options.newId()
    return {
      exchange,
      events: [
        { id, kind: 'AuditEvent', patient, body: eventText(options, look, id, recorded) },
        { id: options.newId(), kind: 'decision', patient, body: rowText(look, recorded) },
      ],
    }
  }
}

function eventText(options: RecorderOptions, look: OperatorLook, id: string, recorded: string): string {
  const { account, host, command, asked, exchange, patient } = look
  return (
    `{"resourceType":"AuditEvent","id":${q(id)},"type":${QUERY},"action":"R","recorded":"${recorded}","outcome":"0",` +
    `"agent":[{"type":${concept(HUMAN)},"altId":${q(account)},"name":${q(account)},"requestor":true,` +
    `"network":{"address":${q(host)},"type":"1"}},${serverAgent(CODING.source, options)}],` +
    `"source":${source(options, CODING.applicationServer)},"entity":[${patientEntity(patient)},` +
    `{"type":${CODING.systemObject},"role":${CODING.queryRole},"name":${q(command)},` +
    `"detail":[{"type":"asked","valueString":${q(asked)}}]},` +
    `{"type":${CODING.other},"name":"exchange","detail":[{"type":"exchange","valueString":${q(exchange)}}]}]}`
  )
}

function rowText(look: OperatorLook, recorded: string): string {
  const { exchange, at, command, asked, host, account, patient, revision, shown, preview, consents } = look
  return JSON.stringify({
    exchange,
    receivedAt: at.toISOString(),
    at: recorded,
    request: { method: command, target: asked, remoteAddress: host },
    correlation: {},
    requester: { client: 'operator', name: account },
    ...(preview === undefined ? {} : { purposeOfUse: { effective: preview.purposes } }),
    interaction: { code: 'operation', operation: command },
    patient,
    ...(preview === undefined ? {} : { previewed: preview.client, decision: preview.decision }),
    revision,
    release: { status: 0, sha256: shown.sha256, bytes: shown.bytes },
    obligations: [],
    notices: [],
    classes: preview?.classes ?? [],
    consents,
  })
}

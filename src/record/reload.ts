import type { AuditSet } from '../model/record.ts'
import { serverAgent } from './agents.ts'
import { source } from './audit-event.ts'
import { CODING, q, type RecorderOptions } from './fragments.ts'

/** Rules came into force while the gateway was running. */
export interface RulesChanged {
  readonly from: string
  readonly to: string
  /** Files that were read anew, or taken out. */
  readonly files: readonly string[]
  /** `watch`: found on disk; `operator`: asked for by a signal. */
  readonly by: 'watch' | 'operator'
}

/** DICOM PS3.16 CID 403 "Security Alert Type". */
const SECURITY_CONFIGURATION =
  '{"system":"http://dicom.nema.org/resources/ontology/DCM","code":"110129","display":"Security Configuration"}'
/** Files named in the record; their number is told whole. */
const NAMED_FILES = 50

/**
 * The AuditEvent of a change of rules (DICOM Security Alert, Security Configuration) and a row with what changed. Pure but
 * for `newId` and `now`. Decisions of exchanges that began before it may be recorded after it, under the older revision.
 */
export function createReloadRecorder(options: RecorderOptions): (changed: RulesChanged) => AuditSet {
  return changed => {
    const at = options.now().toISOString()
    const exchange = options.newId()
    const id = options.newId()
    const row = {
      exchange,
      at,
      event: 'rules-changed',
      ...changed,
      files: changed.files.slice(0, NAMED_FILES),
      fileCount: changed.files.length,
    }
    return {
      exchange,
      events: [
        { id, kind: 'AuditEvent', body: eventText(options, changed, id, at) },
        { id: options.newId(), kind: 'system', body: JSON.stringify(row) },
      ],
    }
  }
}

function eventText(options: RecorderOptions, { from, to, by }: RulesChanged, id: string, at: string): string {
  const detail = (type: string, value: string): string => `{"type":${q(type)},"valueString":${q(value)}}`
  return (
    `{"resourceType":"AuditEvent","id":${q(id)},"type":${CODING.securityAlert},"subtype":[${SECURITY_CONFIGURATION}],` +
    `"action":"U","recorded":"${at}","outcome":"0","agent":[${serverAgent(CODING.application, options).replace('"requestor":false', '"requestor":true')}],` +
    `"source":${source(options, CODING.applicationServer)},"entity":[{"type":${CODING.systemObject},` +
    `"name":"policy revision","detail":[${detail('from', from)},${detail('to', to)},${detail('by', by)}]}]}`
  )
}

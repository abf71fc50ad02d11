import type { Engine } from './engine.ts'
import type { ConsultRooms } from './flow/consult.ts'
import { createStandIns } from './flow/consult-standins.ts'
import { consultVocabulary } from './flow/consult-vocabulary.ts'
import type { Rooms } from './flow/rooms.ts'
import { createConsultIdentity } from './identity/consult.ts'
import { createConsultParser } from './interaction/consult.ts'
import type { Configuration } from './model/configuration.ts'
import { createConsultRecorder } from './record/consult.ts'
import type { RecorderOptions } from './record/fragments.ts'
import { createConsultResponder } from './respond/consult.ts'

/** The rooms of the CDS Hooks door, made from one configuration. */
export function openConsultDesk(
  configuration: Configuration,
  engine: Engine,
  rooms: Rooms,
  recording: RecorderOptions,
): ConsultRooms['desk'] {
  const { server, limits, policy, custodian, clients } = configuration
  const vocabulary = consultVocabulary(engine.labels, engine.purposes.labelParents)
  return {
    vocabulary,
    standIns: createStandIns(rooms.labeller),
    identity: createConsultIdentity(
      { clients, purposeMap: engine.profiles.purposeMap, zone: policy.zone },
      recording.now,
    ),
    parser: createConsultParser({
      baseUrl: server.baseUrl,
      limits,
      labelOf: vocabulary.known,
    }),
    recorder: createConsultRecorder(recording),
    responder: createConsultResponder({
      baseUrl: server.baseUrl,
      label: custodian.name ?? 'Consentry',
      unrecorded: rooms.responder.unrecorded,
    }),
  }
}

/**
 * Compile-time law: every line under `@ts-expect-error` must NOT compile. `test/types/path.test.ts` compiles this file as
 * it is (no error) and with the directives taken out (an error on each).
 */
import type { Consulted } from '../../src/model/consult.ts'
import type { ConsultResponder, Recorder, Responder, Segmenter } from '../../src/model/doors.ts'
import type {
  Decided,
  Fetched,
  Identified,
  Labelled,
  Receipt,
  Received,
  Recorded,
  RecordedRefusal,
  Refused,
  Segmented,
  Understood,
} from '../../src/model/exchange.ts'

declare const received: Received
declare const identified: Identified
declare const understood: Understood
declare const fetched: Fetched
declare const labelled: Labelled
declare const decided: Decided
declare const segmented: Segmented
declare const refused: Refused
declare const receipt: Receipt
declare const responder: Responder
declare const recorder: Recorder
declare const segmenter: Segmenter
declare const consulted: Consulted
declare const consultResponder: ConsultResponder

// The whole path compiles.
export const whole: Recorded = { ...segmented, receipt }
responder.release(whole)
recorder.disclosure(segmented)
export const wholeRefusal: RecordedRefusal = { ...refused, receipt }
responder.refuse(wholeRefusal)
consultResponder.answer({ ...consulted, receipt })

// @ts-expect-error answering without a record: segmented, but no receipt
responder.release(segmented)
// @ts-expect-error answering without a record: a receipt cannot be written by hand
export const forged: Receipt = { exchange: 'x', sequence: 1, recordedAt: '' }
// @ts-expect-error a refusal without a record is no answer either
responder.refuse(refused)
// @ts-expect-error a consult without a record is no answer either
consultResponder.answer(consulted)
// @ts-expect-error leaving segment out: what was decided cannot be recorded as released
recorder.disclosure(decided)
// @ts-expect-error leaving decide out
segmenter.segment({ decided: labelled, matches: [], includes: [], withheld: [], hidden: () => [] })
// @ts-expect-error leaving label out
export const unlabelled: Labelled = fetched
// @ts-expect-error leaving upstream out
export const unfetched: Fetched = understood
// @ts-expect-error leaving interaction out
export const unread: Understood = identified
// @ts-expect-error leaving identity out
export const nobody: Identified = received
// @ts-expect-error a receipt alone does not make an exchange
responder.release({ receipt })

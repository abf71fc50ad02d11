import type { Recorder } from '../model/doors.ts'
import type { Received, Refused, Segmented } from '../model/exchange.ts'
import type { AuditSet, LedgerEvent } from '../model/record.ts'
import type { RefusalCode } from '../model/refusal.ts'
import type { RequesterFragments } from './agents.ts'
import { fragmentCache } from './agents.ts'
import type { EventFrame } from './audit-event.ts'
import { authzConsentText, failureText, restEvent, restEventText } from './audit-event.ts'
import { decisionRow, refusalRow } from './decision-row.ts'
import type { RecorderOptions } from './fragments.ts'
import { provenanceAgents, provenanceText } from './provenance.ts'
import type { ReleaseFacts } from './release-facts.ts'
import { evidenceIn, releaseFacts } from './release-facts.ts'

/** Refusals for who the requester is, not for what was asked. */
const SECURITY_REFUSALS = new Set<RefusalCode>([
  'login-required',
  'token-invalid',
  'token-expired',
  'client-unknown',
  'client-disabled',
  'agreement-required',
  'user-required',
  'mfa-required',
  'scope-insufficient',
  'patient-context-missing',
  'purpose-missing',
  'purpose-not-allowed',
  'actor-not-allowed',
])
/** Failures on our side or the upstream's: AuditEvent.outcome 8. */
const SERIOUS_REFUSALS = new Set<RefusalCode>([
  'identity-unavailable',
  'upstream-unavailable',
  'upstream-invalid',
  'consent-unavailable',
  'record-unavailable',
  'internal',
])
const FIRST_ERROR_STATUS = 400

type Build = (id: string) => string

class EventBuilder implements Recorder {
  readonly #options: RecorderOptions
  readonly #agents: string
  readonly #fragments = fragmentCache()

  constructor(options: RecorderOptions) {
    this.#options = options
    this.#agents = provenanceAgents(options)
  }

  readonly disclosure = (segmented: Segmented): AuditSet => {
    const frame = this.#frame(segmented)
    const requester = this.#fragments(segmented.requester, segmented.purposeOfUse)
    const facts = releaseFacts(segmented, this.#options.baseUrl)
    const only = facts.patients.size === 1 ? [...facts.patients.keys()][0] : undefined
    return {
      exchange: segmented.id,
      events: [
        ...this.#interactionEvents(frame, segmented, requester, facts),
        ...this.#consentEvents(frame, requester, facts),
        ...this.#provenances(frame, segmented, requester, facts),
        this.#event('decision', only, () => decisionRow(frame, segmented, requester, facts)),
      ],
    }
  }

  readonly refusal = (refused: Refused): AuditSet => {
    const frame = this.#frame(refused)
    const { requester, purposeOfUse, interaction, refusal } = refused
    const fragments = requester && this.#fragments(requester, purposeOfUse)
    const audit = this.#event('AuditEvent', undefined, id =>
      failureText(frame, fragments, {
        id,
        code: refusal.code,
        outcome: SERIOUS_REFUSALS.has(refusal.code) ? '8' : '4',
        security: SECURITY_REFUSALS.has(refusal.code),
        ...(interaction === undefined ? {} : { interaction }),
      }),
    )
    const row = this.#event('decision', undefined, () => refusalRow(frame, refused, fragments))
    return { exchange: refused.id, events: [audit, row] }
  }

  #frame(exchange: Received): EventFrame {
    return { options: this.#options, exchange, recorded: this.#options.now().toISOString() }
  }

  #event(kind: LedgerEvent['kind'], patient: string | undefined, build: Build): LedgerEvent {
    const id = this.#options.newId()
    return { id, kind, ...(patient === undefined ? {} : { patient }), body: build(id) }
  }

  /** BALP Query or Read: one for each patient, one without patient where none is involved. */
  #interactionEvents(
    frame: EventFrame,
    segmented: Segmented,
    requester: RequesterFragments,
    facts: ReleaseFacts,
  ): LedgerEvent[] {
    const { interaction, release } = segmented
    const nothingRead = interaction.code !== 'search-type' && release.released.length === 0
    if (nothingRead || release.status >= FIRST_ERROR_STATUS) {
      const failure = { code: 'not-found', outcome: '4', security: false, interaction } as const
      return [this.#event('AuditEvent', undefined, id => failureText(frame, requester, { id, ...failure }))]
    }
    const parts = restEvent(frame, requester, interaction, evidenceIn(facts))
    const patients: (string | undefined)[] =
      facts.onExchange.length === 0 ? [undefined] : [...facts.onExchange]
    return patients.map(patient =>
      this.#event('AuditEvent', patient, id => restEventText(parts, id, patient)),
    )
  }

  /** BALP AuthZconsent: one for each patient whose Consents decided; a denial only where nothing was permitted. */
  #consentEvents(frame: EventFrame, requester: RequesterFragments, facts: ReleaseFacts): LedgerEvent[] {
    return [...facts.patients]
      .filter(([, { permits, denies }]) => permits.size + denies.size > 0)
      .map(([patient, { permits, denies }]) => {
        const consents = new Map([...permits, ...denies]).values()
        return this.#event('AuditEvent', patient, id =>
          authzConsentText(frame, requester, { id, patient, consents, permitted: permits.size > 0 }),
        )
      })
  }

  #provenances(
    frame: EventFrame,
    segmented: Segmented,
    requester: RequesterFragments,
    facts: ReleaseFacts,
  ): LedgerEvent[] {
    const agents = this.#agents
    return [...facts.patients]
      .filter(([, { released }]) => released.length > 0)
      .map(([patient, own]) =>
        this.#event('Provenance', patient, id =>
          provenanceText(frame, segmented, requester, { id, patient, facts: own, agents }),
        ),
      )
  }
}

/**
 * Builds everything one exchange leaves behind: IHE BALP AuditEvents, FHIR Provenance and the decision row. Pure but for
 * `newId` and `now`; given the same of both it builds the same bytes. Events never hold a credential, and only the
 * decision row names what was withheld.
 */
export function createRecorder(options: RecorderOptions): Recorder {
  return new EventBuilder(options)
}

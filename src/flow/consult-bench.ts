import type { ConsentDirective, ConsentOnFile, ConsentVerdict } from '../model/consent.ts'
import type { ConsultedFor } from '../model/consult.ts'
import type { DecidedResource, Reason } from '../model/decision.ts'
import type { Received } from '../model/exchange.ts'
import type { LabelledResource, ResourceFacts } from '../model/label.ts'
import type { Requester } from '../model/requester.ts'
import { type Kind, nameOf, type StandIns } from './consult-standins.ts'
import { birthDateOf } from './lookups.ts'
import { momentOf, type SharedFacts } from './moment.ts'
import { registeredNames } from './programs.ts'
import type { Rooms } from './rooms.ts'

/** One kind of record decided for everybody the consult is asked for. */
export interface Judged {
  readonly kind: Kind
  readonly name: string
  /** Whether the proxy would release such a record to each of them. */
  readonly permitted: boolean
  /** Labels as found: those asked for and what comes with them. */
  readonly codes: ReadonlySet<string>
  /** The first refusal, or the first permission. */
  readonly decided: DecidedResource
  readonly verdicts: readonly ConsentVerdict[]
}

/** Decides kinds of record of one patient, each once. */
export interface Bench {
  readonly judge: (kind: Kind) => Judged
  /** Everything that was decided until now. */
  readonly judged: () => readonly Judged[]
  readonly directives: readonly ConsentDirective[]
}

/** A patient as far as decisions rest on one. */
export interface PatientAtHand {
  readonly reference: string
  readonly facts?: ResourceFacts
  readonly onFile: readonly ConsentOnFile[]
}

/**
 * The same decision as for a resource of the FHIR API, but for the scope, which is the consult's own: law, Consents,
 * organization policy, the token's residual rules and duties that cannot be met.
 */
export async function openBench(
  rooms: Rooms,
  received: Received,
  { requesters, purposeOfUse }: ConsultedFor,
  standIns: StandIns,
  { reference, facts, onFile }: PatientAtHand,
): Promise<Bench> {
  const at = received.receivedAt
  const birthDate = facts === undefined ? undefined : birthDateOf(new Map([[reference, facts]]), reference)
  const about = {
    patient: reference,
    at,
    programs: registeredNames(rooms.site.registry),
    ...(birthDate === undefined ? {} : { birthDate }),
  }
  const patients = {
    onFile: new Map([[reference, onFile]]),
    birthDates: new Map(birthDate === undefined ? [] : [[reference, birthDate]]),
  }
  const sides: { requester: Requester; shared: SharedFacts }[] = []
  for (const requester of requesters) {
    const moment = momentOf(rooms, { requester, purposeOfUse, receivedAt: at })
    sides.push({ requester, shared: await moment.share(rooms, patients) })
  }
  const known = new Map<string, Judged>()
  const judge = (kind: Kind): Judged => {
    const key = keyOfKind(kind)
    const before = known.get(key)
    if (before !== undefined) return before
    const labelled = standIns(about, kind)
    const all = sides.map(({ requester, shared }) => decideFor(rooms, requester, shared, labelled))
    const [first] = all
    if (first === undefined) throw new Error('a consult is asked for somebody')
    const refusal = all.find(({ decision }) => decision.effect === 'deny')
    const judged = {
      kind,
      name: nameOf(kind),
      permitted: refusal === undefined,
      codes: labelled.codes,
      decided: refusal ?? first,
      verdicts: sides.flatMap(({ shared }) => shared.ask(reference, labelled)),
    }
    known.set(key, judged)
    return judged
  }
  return {
    judge,
    judged: () => [...known.values()],
    directives: sides[0]?.shared.directives.get(reference) ?? [],
  }
}

function keyOfKind(kind: Kind): string {
  const { content, labels, source, code, instance, author } = kind
  return JSON.stringify([content, labels, source, code, instance, author])
}

function decideFor(
  rooms: Rooms,
  requester: Requester,
  { context, ask, question }: SharedFacts,
  labelled: LabelledResource,
): DecidedResource {
  const [decided] = rooms.decider.decide(context, [labelled], ask)
  if (decided === undefined) throw new Error('a stand-in was not decided')
  if (decided.decision.effect === 'deny') return decided
  const { residual } = requester
  if (residual.length > 0 && rooms.consent.residual(residual, question, labelled) === 'deny')
    return withdrawn(decided, {
      rule: 'ihe-pcf-residual',
      source: 'token',
      effect: 'deny',
      ground: '171.202(b)',
    })
  const duty = rooms.segmenter.undischargeable(decided.decision, decided.labelled.facts.type)
  if (duty !== undefined)
    return withdrawn(decided, { rule: `undischargeable:${duty}`, source: 'purpose', effect: 'deny' })
  return decided
}

function withdrawn({ labelled, decision }: DecidedResource, reason: Reason): DecidedResource {
  return {
    labelled,
    decision: {
      effect: 'deny',
      because: [reason, ...decision.because],
      obligations: [],
      caveats: [],
      notices: [],
      consents: [],
      redact: [],
    },
  }
}
